"""The operator that runs an experiment on the server, with the evaluations that follow it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.enums import RunStatus, TaskType
from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.exceptions import ArizeWaitError
from airflow_provider_arize_tasks.operators.base import TriggerRunOperator
from airflow_provider_arize_tasks.runs.names import experiment_name_problem
from airflow_provider_arize_tasks.runs.progress import FinishedRun, combined_result, counts_of
from airflow_provider_arize_tasks.runs.requests import RunRequest
from airflow_provider_arize_tasks.runs.verdict import (
    OnAlreadyEvaluated,
    Outcome,
    RunPolicy,
    Verdict,
    judge_counts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import XComArg
    from typing_extensions import Unpack

    from airflow_provider_arize_tasks.base_arguments import OperatorArguments
    from airflow_provider_arize_tasks.client.arguments import Checker
    from airflow_provider_arize_tasks.client.models import Experiment, Task, TaskRun
    from airflow_provider_arize_tasks.operators.session import RunSession


class ArizeTriggerExperimentRunOperator(TriggerRunOperator):
    r"""Run an experiment on the server: exactly one per name, waited for without a worker.

    ``experiment_name`` is unique in the dataset, so it is the run's identity: make it unique per DAG run, from
    something that a manual run has as well (``{{ dag_run.run_after | ds }}`` on Airflow 3). A run that failed has used
    its name up: the next attempt, or a cleared task, takes the next of the series ``nightly``, ``nightly-r2`` ...

    .. seealso:: Arize's reference of ``POST /v2/tasks/{task_id}/trigger``: https://arize.com/docs/ax/rest-reference

    :param task: name or id of a RUN_EXPERIMENT task, or the JSON that a create operator returned. (templated)
    :param space: name or id of the space names are looked up in. Default: the connection's. (templated)
    :param experiment_name: name of the experiment to make, up to 250 characters, no ``"`` and no ``\\``. (templated)
    :param dataset_version_id: version of the dataset. Default: the latest. (templated)
    :param max_examples: run the first so many examples. Default: all. Excludes ``example_ids``. (templated)
    :param example_ids: run these examples, by their own id. (templated)
    :param query_filter: run only matching examples; servers of 8.51 and later. (templated)
    :param tracing_metadata: text by text, attached to the run's traces; giving it switches tracing on. (templated)
    :param evaluation_task_ids: evaluation tasks (names or ids) to run on the experiment once it is complete.
        (templated)
    :param wait_for_evaluations: trigger those evaluations here, wait for them all in one deferral and judge them as
        well. The API doesn't tell which runs it chains itself, so without this (default false) the server runs them
        after this task has ended.
    :param on_already_evaluated: verdict on a chained evaluation that found everything labelled: ``succeed`` (default),
        ``skip`` or ``fail``. (templated)
    :param max_error_rate: largest share of errors, 0 to 1, of the experiment and of each evaluation. (templated)
    :param min_successes: fewest successes of the experiment and of each evaluation. (templated)
    :param wait_for_completion: ``False`` returns as soon as the run exists. Default true.
    :param deferrable: wait in the triggerer (default); ``False`` waits in the worker, with the same verdicts.
    :param poll_interval: seconds between looks that the wait settles at. Default 30. (templated)
    :param timeout: seconds (or a ``timedelta``) from a run's creation to the end of the wait. Default 6 hours.
        (templated)
    :param cancel_on_kill: cancel the remote run when the task is killed, marked or cleared. Default true.
    :param cancel_on_timeout: cancel the remote run when the wait ends without its end. Default true.
    :param reuse_run: which run an attempt may adopt: ``own`` (default), ``same_window`` (any run that made an
        experiment of this name) or ``never``. (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: the experiment run as JSON, with ``experiment_id`` and ``experiment_name``; with ``wait_for_evaluations``
        also ``evaluations``, a list of runs.
    :raises ArizeRunFailedError: a run failed; a retry triggers it anew, and only it.
    :raises ArizeGateError: a run completed and did not pass a gate; not retried.
    :raises ArizePermanentError: the connection or an argument is wrong; not retried.
    """

    kind = "experiment"
    template_fields: Sequence[str] = (
        *TriggerRunOperator.shared_template_fields,
        "experiment_name",
        "dataset_version_id",
        "max_examples",
        "example_ids",
        "query_filter",
        "tracing_metadata",
        "evaluation_task_ids",
        "on_already_evaluated",
    )

    def __init__(
        self,
        *,
        task: str | Mapping[str, Any] | XComArg,
        space: str | None = None,
        experiment_name: str | XComArg,
        dataset_version_id: str | XComArg | None = None,
        max_examples: int | str | None = None,
        example_ids: Sequence[str] | str | XComArg | None = None,
        query_filter: str | None = None,
        tracing_metadata: Mapping[str, str] | None = None,
        evaluation_task_ids: Sequence[str] | str | XComArg | None = None,
        wait_for_evaluations: bool = False,
        on_already_evaluated: Literal["succeed", "skip", "fail"] = "succeed",
        wait_for_completion: bool = True,
        deferrable: bool = True,
        poll_interval: timedelta | float | str = 30.0,
        timeout: timedelta | float | str = 6 * 3600.0,
        cancel_on_kill: bool = True,
        cancel_on_timeout: bool = True,
        reuse_run: Literal["own", "same_window", "never"] = "own",
        max_error_rate: float | str | None = None,
        min_successes: int | str | None = None,
        arize_conn_id: str = "arize_default",
        **kwargs: Unpack[OperatorArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.task = task
        self.space = space
        self.experiment_name = experiment_name
        self.dataset_version_id = dataset_version_id
        self.max_examples = max_examples
        self.example_ids = example_ids
        self.query_filter = query_filter
        self.tracing_metadata = tracing_metadata
        self.evaluation_task_ids = evaluation_task_ids
        self.wait_for_evaluations = wait_for_evaluations
        self.on_already_evaluated = on_already_evaluated
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.cancel_on_kill = cancel_on_kill
        self.cancel_on_timeout = cancel_on_timeout
        self.reuse_run = reuse_run
        self.max_error_rate = max_error_rate
        self.min_successes = min_successes
        self.arize_conn_id = arize_conn_id
        self._refuse_mistakes(rendered=False)

    def _check(self, check: Checker) -> None:
        from airflow_provider_arize_tasks.client.validation import check_run

        super()._check(check)
        problem = experiment_name_problem(check.read("experiment_name", self.experiment_name, _text, "pending"))
        check.note([problem] if problem else [])
        of_run = args.Checker(rendered=check.rendered)
        check_run(of_run, experiment=True, **self._run_arguments(rendered=check.rendered))
        check.note(each for each in of_run.problems if problem is None or not each.startswith("experiment_name"))
        check.choice("on_already_evaluated", self.on_already_evaluated, OnAlreadyEvaluated, OnAlreadyEvaluated.SUCCEED)
        if self.wait_for_evaluations and self.evaluation_task_ids is None:
            check.note(["wait_for_evaluations needs evaluation_task_ids"])
        if self.wait_for_evaluations and not self.wait_for_completion:
            check.note(["wait_for_evaluations needs wait_for_completion: evaluations start when the run is complete"])

    def _run_arguments(self, *, rendered: bool) -> dict[str, Any]:
        """The arguments that were given. Of two that exclude each other, a template may yet render to nothing."""
        given = {
            "dataset_version_id": self.dataset_version_id,
            "max_examples": self.max_examples,
            "example_ids": _alone(self.example_ids),
            "query_filter": self.query_filter,
            "tracing_metadata": self.tracing_metadata,
            "evaluation_task_ids": _alone(self.evaluation_task_ids),
        }
        known = {
            name: args.optional(_as_it_is)(value)
            for name, value in given.items()
            if rendered or not args.is_pending(value)
        }
        return {"experiment_name": self.experiment_name, **known}

    def _first_requests(self, session: RunSession) -> tuple[RunRequest, ...]:
        task = session.resolve_task(args.reference(self.task))
        if task.type not in (TaskType.RUN_EXPERIMENT, TaskType.UNKNOWN):
            raise ArizeConfigError(
                f"task {task.name or task.id!r} is of type {task.type.value} and makes no experiment; trigger it with "
                "ArizeTriggerEvaluationRunOperator. Nothing was triggered"
            )
        # Wrong evaluation tasks show now, before the experiment has run for hours.
        self._evaluation_ids = self._resolve_evaluations(session)
        if self.wait_for_evaluations:
            _refuse_others(session.task(each) for each in self._evaluation_ids)
        return (
            RunRequest(task_id=task.id, experiment_name=str(self.experiment_name).strip(), dataset_id=task.dataset_id),
        )

    _evaluation_ids: tuple[str, ...] = ()

    def _resolve_evaluations(self, session: RunSession) -> tuple[str, ...]:
        tasks = args.optional(args.ids)(self.evaluation_task_ids) or []
        # One may be named twice, by its name and by its id.
        return tuple(dict.fromkeys(session.task_id(each) for each in tasks))

    def trigger_arguments(self, request: RunRequest) -> dict[str, Any]:
        """Arguments of ``ArizeHook.trigger_run`` for a request, but for the experiment's name."""
        if request.experiment_name is None:
            return {"experiment_ids": list(request.experiment_ids)}
        given = self._run_arguments(rendered=True)
        given.pop("experiment_name")
        given.pop("evaluation_task_ids")
        if not self.wait_for_evaluations:
            given["evaluation_task_ids"] = list(self._evaluation_ids) or None
        return {name: value for name, value in given.items() if value is not None}

    def _policy(self, request: RunRequest) -> RunPolicy:
        return RunPolicy(
            on_already_evaluated=OnAlreadyEvaluated(self.on_already_evaluated),
            max_error_rate=args.optional(args.rate)(self.max_error_rate),
            min_successes=args.optional(args.whole)(self.min_successes),
            limited_by_max_spans=False,
        )

    def _push_later_links(self, session: RunSession, request: RunRequest, run: TaskRun) -> None:
        # Arize makes the experiment after it has answered the trigger, and keeps it where the run then fails.
        if request.experiment_name is not None and run.experiment_id is not None:
            session.linker.push_runs(request, run)

    def _following(
        self, session: RunSession, request: RunRequest, run: TaskRun, verdict: Verdict
    ) -> tuple[RunRequest, ...]:
        if request.experiment_name is None or not self.wait_for_evaluations:
            return ()
        if run.experiment_id is None:
            raise ArizeWaitError(
                f"run {run.id} is {run.status.value} and names no experiment, so its evaluations can't be triggered; "
                "the next attempt looks again"
            )
        return tuple(
            RunRequest(
                task_id=each,
                experiment_ids=(run.experiment_id,),
                dataset_id=request.dataset_id,
                stage="evaluations",
                not_before=run.created_at,
            )
            for each in self._resolve_evaluations(session)
        )

    def _gate(self, finished: Sequence[FinishedRun]) -> Verdict:
        """Each run by itself: the errors of one evaluation are not thinned out by the others' successes."""
        verdict = Verdict(outcome=Outcome.SUCCEED, reason="")
        for each in finished:
            if each.run is None or each.run.get("status") != RunStatus.COMPLETED.value:
                continue
            verdict = judge_counts(counts_of([each]), self._policy(each.request))
            if verdict.outcome is not Outcome.SUCCEED:
                return Verdict(
                    outcome=verdict.outcome, reason=f"{each.request}, run {each.run['id']}: {verdict.reason}"
                )
        return verdict

    def _combine(self, session: RunSession, finished: Sequence[FinishedRun]) -> dict[str, Any] | None:
        result = combined_result(finished[:1])
        if result is None:
            return None
        experiment = self._experiment(session, result.get("experiment_id"), finished[0].name)
        result["experiment_name"] = experiment.name if experiment else finished[0].name
        if isinstance(self.task, dict) and isinstance(self.task.get("prompt"), dict):
            result["prompt"] = dict(self.task["prompt"])  # which version of the Prompt Hub the create operator pinned
        if self.wait_for_evaluations:
            result["evaluations"] = [dict(each.run) for each in finished[1:] if each.run is not None]
        return result

    def _dataset_version(self, session: RunSession, finished: Sequence[FinishedRun]) -> str | None:
        given = args.optional(_text)(self.dataset_version_id)
        if given is not None or not finished or finished[0].run is None or not _has_lineage():
            return given
        experiment = self._experiment(session, finished[0].run.get("experiment_id"), None)
        return experiment.dataset_version_id if experiment else None

    def _experiment(self, session: RunSession, experiment_id: str | None, name: str | None) -> Experiment | None:
        """The experiment, asked for once; not at all where the name is known, which is all that is wanted of it."""
        if name is not None:
            return None
        if self._made is None:
            self._made = session.experiment(experiment_id)
        return self._made

    _made: Experiment | None = None


def _has_lineage() -> bool:
    """Whether Airflow's OpenLineage provider is there to be told."""
    try:
        return find_spec("airflow.providers.openlineage") is not None
    except ModuleNotFoundError:
        return False


def _refuse_others(tasks: Iterable[Task]) -> None:
    """Only a dataset's evaluation task can be triggered for an experiment.

    :raises ArizeConfigError: names those that can't.
    """
    others = [
        f"{task.name or task.id!r} ({task.type.value}{', of a project' if task.project_id else ''})"
        for task in tasks
        if task.type is TaskType.RUN_EXPERIMENT or (task.project_id and not task.dataset_id)
    ]
    if others:
        raise ArizeConfigError(
            f"evaluation_task_ids: with wait_for_evaluations they must be evaluation tasks of a dataset, and "
            f"{', '.join(others)} can't be triggered for an experiment. Nothing was triggered"
        )


def _alone(value: Any) -> Any:
    """One id alone stands for itself; lists, as they are or as JSON, are left as they are."""
    is_one = isinstance(value, str) and value.strip() not in ("", "None") and not value.lstrip().startswith("[")
    return [value] if is_one and not args.is_pending(value) else value


def _as_it_is(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise args.FieldError("must be text")
    return value
