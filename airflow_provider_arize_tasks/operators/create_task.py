"""Operators that create Arize tasks, or find them if they are there."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.definition import UNCHANGEABLE, IfExists, differences, paths_of, taken_out
from airflow_provider_arize_tasks.client.errors import (
    ArizeConfigError,
    ArizeConflictError,
    ArizeError,
    ArizeInvalidRequestError,
)
from airflow_provider_arize_tasks.exceptions import failing_for_good
from airflow_provider_arize_tasks.links.arize import push_xcom
from airflow_provider_arize_tasks.operators.task_base import TaskOperator, as_definition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal, TypeAlias

    from airflow.providers.common.compat.sdk import Context
    from airflow.sdk import XComArg
    from typing_extensions import Unpack

    from airflow_provider_arize_tasks.base_arguments import OperatorArguments
    from airflow_provider_arize_tasks.client.arguments import HasToDict
    from airflow_provider_arize_tasks.client.models import Prompt, Task
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

    IfExistsWord: TypeAlias = Literal["reuse", "update", "fail"]
    EvaluationTypeWord: TypeAlias = Literal[
        "TEMPLATE_EVALUATION", "CODE_EVALUATION", "template_evaluation", "code_evaluation"
    ]


#: XCom with the keys of the definition that was applied: what is missing in the next one was taken out.
APPLIED_KEY = "arize_applied"


class _CreateTaskOperator(TaskOperator):
    """Create a task under a name, or find the one that exists."""

    def __init__(
        self,
        *,
        name: str | XComArg,
        space: str | XComArg | None,
        if_exists: IfExistsWord | XComArg,
        arize_conn_id: str,
        **kwargs: Unpack[OperatorArguments],
    ) -> None:
        super().__init__(space=space, arize_conn_id=arize_conn_id, **kwargs)
        self.name = name
        self.if_exists = if_exists

    @abstractmethod
    def _given(self, check: Checker) -> dict[str, Any]:
        """The arguments in the API's form."""

    @abstractmethod
    def _body(self, hook: ArizeHook, given: Mapping[str, Any]) -> dict[str, Any]:
        """The body of the create request, to compare an existing task with."""

    def _completed(self, hook: ArizeHook, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments with what only the server knows filled in."""
        return given

    def _told(self) -> dict[str, Any]:
        """What the result tells beside the task."""
        return {}

    def _checked(self, *, rendered: bool) -> tuple[IfExists, dict[str, Any]]:
        check = Checker(rendered=rendered)
        if_exists = check.choice("if_exists", self.if_exists, IfExists, IfExists.REUSE)
        given = self._given(check)
        check.raise_if_any(self._subject())
        for note in check.notes if rendered else ():
            self.log.warning("%s", note)
        return if_exists, given

    def execute(self, context: Context) -> dict[str, Any]:
        """Create the task, or reuse or update the one that bears the name.

        :return: the task as JSON.
        """
        with failing_for_good():
            if_exists, given = self._checked(rendered=True)
            with self._hook() as hook:
                given = self._completed(hook, given)
                existing = hook.find_task(str(self.name), self.space) if if_exists is not IfExists.FAIL else None
                if existing is None:
                    task = self._create_or_find(hook, given, if_exists, context)
                else:
                    task = self._reuse_or_update(hook, existing, given, if_exists, context)
                if if_exists is IfExists.UPDATE:
                    push_xcom(context, APPLIED_KEY, paths_of(self._body(hook, given)))
                return {**self._hand_over(hook, task, context), **self._told()}

    def _create_or_find(self, hook: ArizeHook, given: Mapping[str, Any], if_exists: IfExists, context: Context) -> Task:
        """Create; if another took the name meanwhile, or the answer got lost, see what there is now."""
        from airflow_provider_arize_tasks.client.endpoints import create_task

        try:
            task = hook.call(create_task(self._body(hook, given)))  # checked above, as the hook would
        except ArizeError as error:
            lost = getattr(error, "outcome_unknown", False)
            if not lost and (if_exists is IfExists.FAIL or not _is_name_clash(error)):
                raise
            found = hook.find_task(str(self.name), self.space)
            if found is None:
                raise
            self.log.info("Task %s exists, id %s (%s)", self.name, found.id, error)
            if if_exists is not IfExists.FAIL:
                return self._reuse_or_update(hook, found, given, if_exists, context)
            if differences(found.to_dict(), self._body(hook, given)):
                raise  # it is not what we asked for, so our create did not make it
            return found
        self.log.info("Created task %s, id %s", self.name, task.id)
        return task

    def _reuse_or_update(
        self, hook: ArizeHook, existing: Task, given: Mapping[str, Any], if_exists: IfExists, context: Context
    ) -> Task:
        body, current = self._body(hook, given), existing.to_dict()
        differing = differences(current, body)
        surplus = taken_out(current, body, self._applied(context)) if if_exists is IfExists.UPDATE else {}
        if not differing and not surplus:
            self.log.info("Task %s exists as wanted, id %s", self.name, existing.id)
            return existing
        told = _told_differences(current, differing, surplus)
        self._refuse_what_is_fixed(existing, differing, if_exists, told)
        if if_exists is IfExists.REUSE:
            self.log.warning(
                'Task %s is reused although it differs (if_exists="update" changes it): %s', self.name, told
            )
            return existing
        changes = {**surplus, **{field: given[field] for field in {**surplus, **differing} if field in given}}
        task = hook.update_task(existing.id, space=self.space, known_task=existing, **changes)
        self.log.info("Updated task %s, id %s: %s", self.name, task.id, told)
        return task

    def _refuse_what_is_fixed(
        self, existing: Task, differing: Mapping[str, Any], if_exists: IfExists, told: str
    ) -> None:
        fixed = sorted(set(differing) & set(UNCHANGEABLE))
        if fixed and (if_exists is IfExists.UPDATE or set(fixed) - {"experiment_ids"}):
            raise ArizeConfigError(
                f"task {self.name!r} exists (id {existing.id}) and differs in what can't be changed "
                f"({', '.join(fixed)}): {told}. Nothing was changed. Give the task another name, or delete the old one"
            )

    def _applied(self, context: Context) -> Sequence[str]:
        """The keys of the definition that this task applied last, in this DAG run or an earlier one."""
        ti = context.get("ti")
        if ti is None:
            return ()
        found = ti.xcom_pull(
            task_ids=self.task_id,
            key=APPLIED_KEY,
            include_prior_dates=True,
            map_indexes=getattr(ti, "map_index", -1),
        )
        return [path for path in found if isinstance(path, str)] if isinstance(found, (list, tuple)) else ()


def _told_differences(
    current: Mapping[str, Any], differing: Mapping[str, tuple[Any, Any]], surplus: Mapping[str, Any]
) -> str:
    told = [f"{field}: {now!r} there, {wanted!r} wanted" for field, (now, wanted) in differing.items()]
    told += [
        f"{field}: {current.get(field)!r} there, taken out of the definition"
        if field != "run_configuration"
        else f"run_configuration: {current[field]!r} there, keys of it taken out of the definition"
        for field in surplus
        if field not in differing
    ]
    return "; ".join(told)


class ArizeCreateEvaluationTaskOperator(_CreateTaskOperator):
    """Create a task that evaluates spans of a project, or experiments of a dataset. Safe to run again.

    .. seealso:: Arize's reference of ``POST /v2/tasks``: https://arize.com/docs/ax/rest-reference

    :param name: name of the task, unique in its space. (templated)
    :param task_type: ``TEMPLATE_EVALUATION`` (LLM as a judge) or ``CODE_EVALUATION``. (templated, as
        ``evaluation_task_type``)
    :param evaluators: at least one, a plain dict or the SDK's own object. For spans ``evaluator_id`` (id or
        name), ``evaluator_version_id``, ``query_filter``, ``column_mappings``; for traces and sessions
        ``query_mappings``. An unknown key is an error. (templated)
    :param project: name or id of the project whose spans are evaluated. (templated)
    :param dataset: name or id of the dataset whose experiments are evaluated; instead of ``project``. (templated)
    :param space: name or id of the space names are looked up in. Default: the connection's. (templated)
    :param experiment_ids: experiments to evaluate, with ``dataset``. (templated)
    :param sampling_rate: share of the spans to evaluate, 0 to 1, with ``project``. Default: the server's, all.
        (templated)
    :param is_continuous: evaluate new spans as they come in, with ``project``. Default: no. (templated)
    :param query_filter: filter on spans. Excludes ``query_filters``. (templated)
    :param query_filters: named filters and their expression, for traces and sessions. (templated)
    :param if_exists: what to do when the name exists: ``reuse`` (default) takes the task as it is and logs how it
        differs, ``update`` changes it to what is given here (a filter, sampling or continuity left out is cleared or
        set back), ``fail`` fails without a retry. (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: the task as JSON.
    :raises ArizePermanentError: an argument is wrong (the message names all that are), or the task that exists can't
        become what is wanted; not retried.
    """

    template_fields: Sequence[str] = (
        "name",
        "evaluation_task_type",
        "evaluators",
        "project",
        "dataset",
        "space",
        "experiment_ids",
        "sampling_rate",
        "is_continuous",
        "query_filter",
        "query_filters",
        "if_exists",
        "arize_conn_id",
    )

    def __init__(
        self,
        *,
        name: str | XComArg,
        task_type: EvaluationTypeWord,
        evaluators: Sequence[Mapping[str, Any] | HasToDict] | str | XComArg,
        project: str | XComArg | None = None,
        dataset: str | XComArg | None = None,
        space: str | XComArg | None = None,
        experiment_ids: Sequence[str | XComArg] | str | XComArg | None = None,
        sampling_rate: float | str | XComArg | None = None,
        is_continuous: bool | str | XComArg | None = None,
        query_filter: str | XComArg | None = None,
        query_filters: Mapping[str, Any] | HasToDict | str | XComArg | None = None,
        if_exists: IfExistsWord | XComArg = "reuse",
        arize_conn_id: str = "arize_default",
        **kwargs: Unpack[OperatorArguments],
    ) -> None:
        super().__init__(name=name, space=space, if_exists=if_exists, arize_conn_id=arize_conn_id, **kwargs)
        # BaseOperator.task_type is a read-only property of Airflow's.
        self.evaluation_task_type = task_type
        self.evaluators = as_definition(evaluators)
        self.project = project
        self.dataset = dataset
        self.experiment_ids = experiment_ids
        self.sampling_rate = sampling_rate
        self.is_continuous = is_continuous
        self.query_filter = query_filter
        self.query_filters = as_definition(query_filters)
        self._checked(rendered=False)

    def _given(self, check: Checker) -> dict[str, Any]:
        from airflow_provider_arize_tasks.client.validation import check_evaluation_task

        return check_evaluation_task(
            check,
            name=self.name,
            task_type=self.evaluation_task_type,
            evaluators=self.evaluators,
            project=self.project,
            dataset=self.dataset,
            experiment_ids=self.experiment_ids,
            sampling_rate=self.sampling_rate,
            is_continuous=self.is_continuous,
            query_filter=self.query_filter,
            query_filters=self.query_filters,
        )

    def _body(self, hook: ArizeHook, given: Mapping[str, Any]) -> dict[str, Any]:
        return hook.body_of(given, self.space)


class ArizeCreateRunExperimentTaskOperator(_CreateTaskOperator):
    """Create a task that drives whole experiments on the server. Safe to run again.

    Prompts are data: ``messages[].content``, ``template`` and ``input_template`` of the configuration are not rendered
    by Airflow, so that ``{{question}}`` reaches Arize as it is. All else is templated. A configuration that is itself a
    template or an upstream result passes as it comes.

    With ``prompt`` the experiment runs a version of a prompt of the Prompt Hub, which is pinned in the task; with
    ``if_exists="update"`` each run of this operator follows the label.

    .. seealso:: Arize's reference of ``POST /v2/tasks``: https://arize.com/docs/ax/rest-reference

    :param name: name of the task, unique in its space. (templated)
    :param dataset: name or id of the dataset whose examples are run. (templated)
    :param run_configuration: what to run: a plain dict or the SDK's own object. Its ``experiment_type``
        (``LLM_GENERATION``, ``TEMPLATE_EVALUATION`` or ``AGENT_CALL``) says which keys it has; an unknown key is an
        error. ``ai_integration_id`` and ``integration_id`` take a name too. With ``prompt`` it needs
        ``ai_integration_id`` only. (templated, but for prompts)
    :param prompt: name or id of a prompt of the Prompt Hub: messages, variable format, model and parameters come from
        it. Keys of ``run_configuration`` for model and parameters win over the prompt's. Default: none. (templated)
    :param prompt_label: run the version that carries this label, such as ``production``. Default: the latest version.
        (templated)
    :param prompt_version_id: run this version instead. (templated)
    :param render_prompts: let Airflow render the prompts, too. Double braces are then Airflow's. Default false.
    :param space: name or id of the space names are looked up in. Default: the connection's. (templated)
    :param if_exists: what to do when the name exists: ``reuse`` (default) takes the task as it is and logs how it
        differs, ``update`` replaces its configuration, ``fail`` fails without a retry. (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: the task as JSON; with ``prompt`` also ``prompt``: its ``id``, ``name``, ``version_id``, ``commit_hash``
        and ``label``.
    :raises ArizePermanentError: an argument is wrong (the message names all that are), nothing carries the label, or
        the task that exists can't become what is wanted; not retried.
    """

    template_fields: Sequence[str] = (
        "name",
        "dataset",
        "run_configuration",
        "prompt",
        "prompt_label",
        "prompt_version_id",
        "space",
        "if_exists",
        "arize_conn_id",
    )

    def __init__(
        self,
        *,
        name: str | XComArg,
        dataset: str | XComArg,
        run_configuration: Mapping[str, Any] | HasToDict | str | XComArg,
        prompt: str | XComArg | None = None,
        prompt_label: str | XComArg | None = None,
        prompt_version_id: str | XComArg | None = None,
        render_prompts: bool = False,
        space: str | XComArg | None = None,
        if_exists: IfExistsWord | XComArg = "reuse",
        arize_conn_id: str = "arize_default",
        **kwargs: Unpack[OperatorArguments],
    ) -> None:
        super().__init__(name=name, space=space, if_exists=if_exists, arize_conn_id=arize_conn_id, **kwargs)
        self.dataset = dataset
        self.run_configuration = as_definition(run_configuration, render_prompts=render_prompts)
        self.prompt = prompt
        self.prompt_label = prompt_label
        self.prompt_version_id = prompt_version_id
        self.render_prompts = render_prompts
        self._ran: Prompt | None = None
        self._checked(rendered=False)

    def _given(self, check: Checker) -> dict[str, Any]:
        from airflow_provider_arize_tasks.client.prompts import plain
        from airflow_provider_arize_tasks.client.validation import check_experiment_task

        return check_experiment_task(
            check,
            name=self.name,
            dataset=self.dataset,
            run_configuration=plain(self.run_configuration),
            prompt=self.prompt,
            prompt_label=self.prompt_label,
            prompt_version_id=self.prompt_version_id,
        )

    def _completed(self, hook: ArizeHook, given: dict[str, Any]) -> dict[str, Any]:
        """The configuration that runs the prompt, if one is given."""
        from airflow_provider_arize_tasks.client.prompts import configuration_of
        from airflow_provider_arize_tasks.client.validation import check_experiment_task

        wanted = {key: given.pop(key, None) for key in ("prompt", "prompt_label", "prompt_version_id")}
        if wanted["prompt"] is None:
            return given
        label, version_id = wanted["prompt_label"], wanted["prompt_version_id"]
        self._ran = hook.get_prompt(wanted["prompt"], self.space, label=label, version_id=version_id)
        configuration = configuration_of(self._ran, given["run_configuration"])
        version = self._ran.version
        self.log.info(
            "Prompt %s, version %s (%s): %s",
            self._ran.name,
            version.id if version else None,
            version.commit_hash if version else None,
            f"carries {label}" if label else "as given" if version_id else "the latest",
        )
        check = Checker()
        completed = check_experiment_task(check, **{**given, "run_configuration": configuration})
        check.raise_if_any()
        return completed

    def _told(self) -> dict[str, Any]:
        if self._ran is None or self._ran.version is None:
            return {}
        version = self._ran.version
        return {
            "prompt": {
                "id": self._ran.id,
                "name": self._ran.name,
                "version_id": version.id,
                "commit_hash": version.commit_hash,
                "label": self.prompt_label,
            }
        }

    def _body(self, hook: ArizeHook, given: Mapping[str, Any]) -> dict[str, Any]:
        return hook.body_of({**given, "task_type": "RUN_EXPERIMENT"}, self.space)


def _is_name_clash(error: ArizeError) -> bool:
    """A taken name comes back as 409, on some servers as 400 or 422 that says so."""
    # Assumes "name-clash-is-409", which a certificate asks about.
    if isinstance(error, ArizeConflictError):
        return True
    if not isinstance(error, ArizeInvalidRequestError):
        return False
    return "already exists" in f"{error.detail or ''} {error.title or ''}".lower()
