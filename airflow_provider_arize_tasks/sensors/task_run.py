"""Wait for task runs that somebody else triggered."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.errors import ArizeError, ArizeReplyError
from airflow_provider_arize_tasks.client.fields import length_of_time
from airflow_provider_arize_tasks.exceptions import (
    ArizeGateError,
    ArizePermanentError,
    ArizeWaitError,
    failing_for_good,
    over_a_proven_connection,
)
from airflow_provider_arize_tasks.links.arize import (
    ArizeExperimentLink,
    ArizeTaskLink,
    ArizeTaskRunLink,
    Linker,
    keep_links_as_pushed,
)
from airflow_provider_arize_tasks.runs.progress import combined_runs, run_ids
from airflow_provider_arize_tasks.runs.timing import Failures
from airflow_provider_arize_tasks.runs.verdict import (
    SERVER_MAX_SPANS,
    Counts,
    OnAlreadyEvaluated,
    OnTruncated,
    Outcome,
    RunPolicy,
    Verdict,
    judge_counts,
    judge_run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg
    from typing_extensions import Unpack

    from airflow_provider_arize_tasks.base_arguments import SensorArguments
    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.runs.waiting import WaitEvent

_DAY = 86_400.0


class _OnTruncated(str, Enum):
    FAIL = "fail"
    WARN = "warn"


class ArizeTaskRunSensor(BaseSensorOperator):
    """Wait until a task run has ended, deferred by default, and judge it as the trigger operators do.

    The run is somebody else's: it is never cancelled, and a failed or cancelled one fails the sensor without a retry,
    since looking again would find the same. ``mode="poke"`` and ``mode="reschedule"`` with ``deferrable=False`` come to
    the same verdicts.

    .. seealso:: Arize's reference of ``GET /v2/task-runs/{run_id}``: https://arize.com/docs/ax/rest-reference

    :param run_id: id of the run, or what a trigger operator returned: then all of its runs are waited for and judged.
        (templated)
    :param deferrable: wait in the triggerer (default), whatever ``[operators] default_deferrable`` says.
    :param poke_interval: time between looks that the wait reaches in the end: seconds, ``"1m"`` or a ``timedelta``.
        Default 30 seconds.
    :param timeout: seconds (or ``"2h"``, a ``timedelta``) from this attempt's start to the end of the wait. Default 6
        hours.
    :param on_already_evaluated: when a run found everything labelled already: ``succeed`` (default), ``skip`` or
        ``fail``. (templated)
    :param max_spans: the ``max_spans`` the run was triggered with, by which to tell that it was cut short. Default: not
        known; a run that reached the server's own limit of 10,000 then gets a warning, since it may have had another.
        (templated)
    :param on_truncated: when a run reached ``max_spans``: ``fail`` or ``warn``. Default ``None``: warn. (templated)
    :param max_error_rate: largest share of errors among successes and errors of all runs, 0 to 1. Default: no limit,
        but that something must have been labelled. (templated)
    :param min_successes: fewest successes of all runs; 0 allows that every row was skipped. Default: no limit.
        (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: the run as JSON; of several, the last one's fields, summed counts and ``runs``.
    :raises ArizePermanentError: a run failed or was cancelled, did not pass a gate, or can't be read; not retried.
    :raises AirflowSensorTimeout: it has not ended in time; not retried, skipped with ``soft_fail``.
    """

    template_fields: Sequence[str] = (
        "run_id",
        "on_already_evaluated",
        "max_spans",
        "on_truncated",
        "max_error_rate",
        "min_successes",
        "arize_conn_id",
    )
    operator_extra_links = (ArizeTaskLink(), ArizeTaskRunLink(), ArizeExperimentLink())
    ui_color = "#e8e4fb"

    def __init__(
        self,
        *,
        run_id: str | Mapping[str, Any] | Sequence[str] | XComArg,
        deferrable: bool = True,
        poke_interval: timedelta | float | str = 30.0,
        timeout: timedelta | float | str = 6 * 3600.0,
        on_already_evaluated: Literal["succeed", "skip", "fail"] = "succeed",
        max_spans: int | str | None = None,
        on_truncated: Literal["fail", "warn"] | None = None,
        max_error_rate: float | str | None = None,
        min_successes: int | str | None = None,
        arize_conn_id: str = "arize_default",
        **kwargs: Unpack[SensorArguments],
    ) -> None:
        super().__init__(
            poke_interval=_as_airflow_takes_it(poke_interval, "poke_interval"),
            timeout=_as_airflow_takes_it(timeout, "timeout"),
            **kwargs,
        )
        self.run_id = run_id
        self.deferrable = deferrable
        self.on_already_evaluated = on_already_evaluated
        self.max_spans = max_spans
        self.on_truncated = on_truncated
        self.max_error_rate = max_error_rate
        self.min_successes = min_successes
        self.arize_conn_id = arize_conn_id
        self._failures = Failures()
        self._answered = False
        self._checked(rendered=False)

    def execute(self, context: Context) -> Any:
        """Look once, then wait: in the triggerer, or as ``mode`` says."""
        keep_links_as_pushed(self, context)
        if not self.deferrable:
            return super().execute(context)
        with self._soft(), failing_for_good(), self._hook() as hook:
            runs = self._look(hook)
            if runs is not None and _have_ended(runs):
                return self._result(hook, runs)
            if runs is not None:
                self._push_links(hook, runs, context)
                self.log.info("Run(s) %s; waiting in the triggerer", _listed(runs))
            self._defer(runs, deadline=time.time() + args.seconds(self.timeout))
        return None

    def poke(self, context: Context) -> PokeReturnValue:
        """One look, in the worker."""
        # A look after the first is over a connection that led to the API. In reschedule mode no look knows of others.
        proven = over_a_proven_connection() if self._answered or self.reschedule else nullcontext()
        with failing_for_good(), proven, self._hook() as hook:
            runs = self._look(hook)
            if runs is None:
                return PokeReturnValue(is_done=False)
            if not _have_ended(runs):
                self.log.info("Run(s) %s", _listed(runs))
                return PokeReturnValue(is_done=False)
            return PokeReturnValue(is_done=True, xcom_value=self._result(hook, runs))

    def _look(self, hook: ArizeHook) -> list[TaskRun] | None:
        """The runs as they are now; ``None`` if the server can't be asked just now, which a wait survives a while.

        In reschedule mode each look is a process of its own, so there only ``timeout`` limits how long that is.
        """
        ids = self._ids
        try:
            runs = [hook.get_run(run_id=run_id) for run_id in ids]
        except ArizeError as error:
            self._failures = self._failures.after(error)
            may_pass = error.retryable or (self._answered and isinstance(error, ArizeReplyError))
            if not may_pass or self._failures.end_the_wait:
                raise
            self.log.warning("A look at run(s) %s failed, looking again: %s", ", ".join(ids), error)
            return None
        self._failures, self._answered = Failures(), True
        return runs

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Judge the runs after a wait in the triggerer.

        :param event: of :class:`ArizeTaskRunTrigger`; only what it did not see end is asked for.
        """
        from airflow_provider_arize_tasks.runs.waiting import WaitEvent, may_pass

        keep_links_as_pushed(self, context)
        with self._soft(), failing_for_good(), over_a_proven_connection(), self._hook() as hook:
            wait = WaitEvent.read(event)
            ids = self._ids
            ended = wait.ended(ids)
            if ended is not None:
                return self._result(hook, ended)
            deadline = float(wait.state.get("deadline") or 0)
            is_late = time.time() >= deadline
            try:
                runs = [hook.get_run(run_id=run_id) for run_id in ids]
            except ArizeError as error:
                if is_late:
                    raise self._too_late(", ".join(ids), f" and can't be read ({error})") from error
                if not may_pass(error) or wait.status == "error":
                    raise self._broken_off(ids, wait, error) from error
                self.log.warning("Reading run(s) %s failed (%s); waiting on", ", ".join(ids), error)
                self._defer(None, deadline=deadline)
            if _have_ended(runs):
                return self._result(hook, runs)
            if is_late:
                raise self._too_late(_listed(runs))
            if wait.lacks_connection:
                raise ArizePermanentError(
                    f"the triggerer can't use connection {self.arize_conn_id!r}, which this worker can "
                    f"({wait.message}). Define the connection where the triggerer finds it as well, or set "
                    "deferrable=False. The run(s) were left alone and go on"
                )
            self.log.info("Run(s) %s (%s); waiting on", _listed(runs), wait.message or wait.status)
            self._defer(runs, deadline=deadline)
            raise AssertionError("unreachable: deferring raises")

    def _too_late(self, what: str, more: str = "") -> AirflowSensorTimeout:
        seconds = args.seconds(self.timeout)
        return AirflowSensorTimeout(
            f"run(s) {what} still going after {seconds:.0f} s (timeout){more}. Left alone, they go on"
        )

    def _broken_off(self, ids: Sequence[str], wait: WaitEvent, error: ArizeError) -> ArizeError:
        text = f"the wait for run(s) {', '.join(ids)} broke off: {wait.message or error}; then reading them: {error}"
        kind = ArizePermanentError if wait.is_refused or not error.retryable else ArizeWaitError
        return kind(f"{text}. They were left alone and may still be going")

    def _defer(self, runs: Sequence[TaskRun] | None, *, deadline: float) -> None:
        from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger

        task_ids = [run.task_id for run in runs or () if run.task_id]
        self.defer(
            trigger=ArizeTaskRunTrigger(
                run_ids=self._ids,
                task_ids=task_ids or None,
                arize_conn_id=self.arize_conn_id,
                poll_interval=args.seconds(self.poke_interval),
                deadline=deadline,
                cancel_on_kill=False,
                state={"deadline": deadline},
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=max(0.0, deadline - time.time()) + _DAY),
        )

    def _result(self, hook: ArizeHook, runs: Sequence[TaskRun]) -> dict[str, Any]:
        verdicts = [self._judge(hook, run) for run in runs]
        skipped = [each for each in verdicts if each.outcome is Outcome.SKIP]
        if len(skipped) == len(verdicts):
            raise AirflowSkipException("; ".join(each.reason for each in skipped))
        completed = [run for run in runs if run.status.value == "COMPLETED"]
        if completed:
            gate = judge_counts(Counts.of(completed), self._policy)
            if gate.outcome is not Outcome.SUCCEED:
                raise ArizeGateError(f"run(s) {', '.join(run.id for run in completed)}: {gate.reason}")
        for verdict in verdicts:
            self.log.info(verdict.reason)
        return combined_runs(runs)

    def _judge(self, hook: ArizeHook, run: TaskRun) -> Verdict:
        policy = self._policy
        if policy.max_spans is not None and _has_window(run):
            evaluators = self._evaluators(hook, run) if run.num_processed >= policy.max_spans else 1
            policy = replace(policy, limited_by_max_spans=True, evaluators=evaluators)
        verdict = judge_run(run, policy)
        for warning in verdict.warnings:
            self.log.warning(warning)
        if verdict.outcome not in (Outcome.SUCCEED, Outcome.SKIP):
            raise ArizePermanentError(f"{verdict.reason}. Not retried: looking again would find the same")
        if policy.max_spans is None and _has_window(run) and run.num_processed >= SERVER_MAX_SPANS:
            self.log.warning(
                "Run %s judged %d rows, at least the server's own limit of %d. Whether it was cut short can't be told "
                "without the limit it was triggered with: give max_spans to this sensor",
                run.id,
                run.num_processed,
                SERVER_MAX_SPANS,
            )
        return verdict

    @cached_property
    def _policy(self) -> RunPolicy:
        """How a run is judged of which it is not known that ``max_spans`` was its limit."""
        return RunPolicy(
            on_already_evaluated=OnAlreadyEvaluated(self.on_already_evaluated),
            on_truncated=OnTruncated(self.on_truncated) if self.on_truncated is not None else None,
            max_spans=args.optional(args.count)(self.max_spans),
            max_error_rate=args.optional(args.rate)(self.max_error_rate),
            min_successes=args.optional(args.whole)(self.min_successes),
            limited_by_max_spans=False,
        )

    def _evaluators(self, hook: ArizeHook, run: TaskRun) -> int:
        """How many evaluators the run's task has: its counts may be per evaluator."""
        try:
            return max(1, len(hook.get_task(task=str(run.task_id)).evaluators))
        except ArizeError as error:
            self.log.warning("How many evaluators the task of run %s has can't be read: %s", run.id, error)
            return 1

    def _push_links(self, hook: ArizeHook, runs: Sequence[TaskRun], context: Context) -> None:
        """The links of all runs; where they are of several tasks, of those of the last run's task."""
        from airflow_provider_arize_tasks.runs.progress import window_of
        from airflow_provider_arize_tasks.runs.requests import RunRequest
        from airflow_provider_arize_tasks.windows.window import span_of

        task_id = runs[-1].task_id
        if task_id is None or not hook.config.space:
            return
        try:
            task = hook.get_task(task=task_id)
        except ArizeError as error:
            self.log.debug("No links: %s", error)
            return
        runs = [run for run in runs if run.task_id == task_id]
        window = span_of(map(window_of, runs))
        request = RunRequest(task_id=task.id, window=window, project_id=task.project_id, dataset_id=task.dataset_id)
        Linker(hook, context).push_runs(request, *runs)

    def _hook(self) -> ArizeHook:
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        return ArizeHook(self.arize_conn_id)

    @cached_property
    def _ids(self) -> list[str]:
        return self._checked(rendered=True)

    def _checked(self, *, rendered: bool) -> list[str]:
        check = Checker(rendered=rendered)
        ids: list[str] = check.read("run_id", self.run_id, run_ids, [])
        check.read("max_spans", self.max_spans, args.optional(args.count), None)
        if self.on_truncated is not None:
            check.choice("on_truncated", self.on_truncated, _OnTruncated, _OnTruncated.FAIL)
        check.choice("on_already_evaluated", self.on_already_evaluated, OnAlreadyEvaluated, OnAlreadyEvaluated.SUCCEED)
        check.read("max_error_rate", self.max_error_rate, args.optional(args.rate), None)
        check.read("min_successes", self.min_successes, args.optional(args.whole), None)
        check.raise_if_any(f"{type(self).__name__} {self.task_id!r}")
        return ids

    @contextmanager
    def _soft(self) -> Iterator[None]:
        """What ``soft_fail`` and ``never_fail`` mean, for the deferred path: as in Airflow's own sensor loop."""
        try:
            yield
        except (AirflowSensorTimeout, AirflowFailException) as error:
            if self.soft_fail or getattr(self, "never_fail", False):
                raise AirflowSkipException(f"Skipped instead of failed (soft_fail): {error}") from error
            raise


def _as_airflow_takes_it(value: timedelta | float | str, name: str) -> timedelta | float:
    """Airflow's own arguments of a sensor, which it takes as a number or a ``timedelta``, in any notation."""
    return length_of_time(value, name=name).total_seconds() if isinstance(value, str) else value


def _have_ended(runs: Sequence[TaskRun]) -> bool:
    return all(run.status.is_terminal for run in runs)


def _listed(runs: Sequence[TaskRun]) -> str:
    return ", ".join(f"{run.id} is {run.status_text or run.status.value}" for run in runs)


def _has_window(run: TaskRun) -> bool:
    return run.data_start_time is not None and run.data_end_time is not None
