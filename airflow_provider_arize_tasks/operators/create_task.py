"""Operators that create Arize tasks, or find them if they are there."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.definition import UNCHANGEABLE, IfExists, differences
from airflow_provider_arize_tasks.client.errors import (
    ArizeConfigError,
    ArizeConflictError,
    ArizeError,
    ArizeInvalidRequestError,
    ArizeValidationError,
)
from airflow_provider_arize_tasks.exceptions import failing_for_good
from airflow_provider_arize_tasks.operators.task_base import TaskOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.client.models import Task
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook


class _CreateTaskOperator(TaskOperator):
    """Create a task under a name, or find the one that exists."""

    def __init__(self, *, name: str, if_exists: str = "reuse", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.if_exists = if_exists

    @abstractmethod
    def _given(self, *, rendered: bool) -> dict[str, Any]:
        """The arguments in the API's form; raises one error that names every problem."""

    @abstractmethod
    def _create(self, hook: ArizeHook) -> Task:
        """Send the create."""

    @abstractmethod
    def _body(self, hook: ArizeHook, given: Mapping[str, Any]) -> dict[str, Any]:
        """The body of the create request, to compare an existing task with."""

    def _checked(self, *, rendered: bool) -> tuple[IfExists, dict[str, Any]]:
        check = Checker(rendered=rendered)
        if_exists = check.choice("if_exists", self.if_exists, IfExists, IfExists.REUSE)
        given: dict[str, Any] = {}
        try:
            given = self._given(rendered=rendered)
        except ArizeValidationError as error:
            check.note(error.problems)
        check.raise_if_any(self._subject())
        return if_exists, given

    def execute(self, context: Context) -> dict[str, Any]:
        """Create the task, or reuse or update the one that bears the name.

        :return: the task as JSON.
        """
        with failing_for_good():
            if_exists, given = self._checked(rendered=True)
            with self._hook() as hook:
                existing = hook.find_task(self.name, self.space) if if_exists is not IfExists.FAIL else None
                if existing is None:
                    task = self._create_or_find(hook, given, if_exists)
                else:
                    task = self._settle(hook, existing, given, if_exists)
                return self._hand_over(hook, task, context)

    def _create_or_find(self, hook: ArizeHook, given: Mapping[str, Any], if_exists: IfExists) -> Task:
        """Create; if another took the name meanwhile, or the answer got lost, see what there is now."""
        try:
            task = self._create(hook)
        except ArizeError as error:
            lost = getattr(error, "outcome_unknown", False)
            if not lost and (if_exists is IfExists.FAIL or not _is_name_clash(error)):
                raise
            found = hook.find_task(self.name, self.space)
            if found is None:
                raise
            self.log.info("Task %s exists, id %s (%s)", self.name, found.id, error)
            if if_exists is not IfExists.FAIL:
                return self._settle(hook, found, given, if_exists)
            if differences(found.to_dict(), self._body(hook, given)):
                raise  # it is not what we asked for, so our create did not make it
            return found
        self.log.info("Created task %s, id %s", self.name, task.id)
        return task

    def _settle(self, hook: ArizeHook, existing: Task, given: Mapping[str, Any], if_exists: IfExists) -> Task:
        differing = differences(existing.to_dict(), self._body(hook, given))
        if not differing:
            self.log.info("Task %s exists as wanted, id %s", self.name, existing.id)
            return existing
        fixed = sorted(set(differing) & set(UNCHANGEABLE))
        told = "; ".join(f"{field}: {now!r} there, {wanted!r} wanted" for field, (now, wanted) in differing.items())
        if fixed and (if_exists is IfExists.UPDATE or set(fixed) - {"experiment_ids"}):
            raise ArizeConfigError(
                f"task {self.name!r} exists (id {existing.id}) and differs in what can't be changed "
                f"({', '.join(fixed)}): {told}. Nothing was changed. Give the task another name, or delete the old one"
            )
        if if_exists is IfExists.REUSE:
            self.log.warning(
                'Task %s is reused although it differs (if_exists="update" changes it): %s', self.name, told
            )
            return existing
        task = hook.update_task(
            existing.id, space=self.space, known_task=existing, **{field: given[field] for field in differing}
        )
        self.log.info("Updated task %s, id %s: %s", self.name, task.id, told)
        return task


class ArizeCreateEvaluationTaskOperator(_CreateTaskOperator):
    """Create a task that evaluates spans of a project, or experiments of a dataset. Safe to run again.

    .. seealso:: Arize's reference of ``POST /v2/tasks``: https://arize.com/docs/ax/rest-reference

    :param name: name of the task, unique in its space. (templated)
    :param task_type: ``TEMPLATE_EVALUATION`` (LLM as a judge) or ``CODE_EVALUATION``. (templated, as
        ``evaluation_task_type``)
    :param evaluators: at least one plain dict. For spans ``evaluator_id`` (an id, or a name in the space),
        ``evaluator_version_id``, ``query_filter``, ``column_mappings``; for traces and sessions ``query_mappings``. An
        unknown key is an error. (templated)
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
        differs, ``update`` changes it, ``fail`` fails without a retry. (templated)
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
        name: str,
        task_type: str,
        evaluators: Sequence[Mapping[str, Any]],
        project: str | None = None,
        dataset: str | None = None,
        experiment_ids: Sequence[str] | None = None,
        sampling_rate: float | str | None = None,
        is_continuous: bool | str | None = None,
        query_filter: str | None = None,
        query_filters: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        # BaseOperator.task_type is a read-only property of Airflow's.
        self.evaluation_task_type = task_type
        self.evaluators = evaluators
        self.project = project
        self.dataset = dataset
        self.experiment_ids = experiment_ids
        self.sampling_rate = sampling_rate
        self.is_continuous = is_continuous
        self.query_filter = query_filter
        self.query_filters = query_filters
        self._checked(rendered=False)

    def _arguments(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "task_type": self.evaluation_task_type,
            "evaluators": self.evaluators,
            "project": self.project,
            "dataset": self.dataset,
            "experiment_ids": self.experiment_ids,
            "sampling_rate": self.sampling_rate,
            "is_continuous": self.is_continuous,
            "query_filter": self.query_filter,
            "query_filters": self.query_filters,
        }

    def _given(self, *, rendered: bool) -> dict[str, Any]:
        from airflow_provider_arize_tasks.client.validation import check_evaluation_task

        return check_evaluation_task(**self._arguments(), rendered=rendered)[0]

    def _body(self, hook: ArizeHook, given: Mapping[str, Any]) -> dict[str, Any]:
        from airflow_provider_arize_tasks.client.bodies import evaluation_task

        return evaluation_task(given, hook.names, self.space)

    def _create(self, hook: ArizeHook) -> Task:
        return hook.create_evaluation_task(space=self.space, **self._arguments())


class ArizeCreateRunExperimentTaskOperator(_CreateTaskOperator):
    """Create a task that drives whole experiments on the server. Safe to run again.

    .. seealso:: Arize's reference of ``POST /v2/tasks``: https://arize.com/docs/ax/rest-reference

    :param name: name of the task, unique in its space. (templated)
    :param dataset: name or id of the dataset whose examples are run. (templated)
    :param run_configuration: what to run, a plain dict; its ``experiment_type`` (``LLM_GENERATION``,
        ``TEMPLATE_EVALUATION`` or ``AGENT_CALL``) says which keys it has. An unknown key is an error. (templated:
        Airflow renders double braces, so write a ``MUSTACHE`` message as ``{% raw %}{{input}}{% endraw %}``, or take
        ``F_STRING`` with its single ones)
    :param space: name or id of the space names are looked up in. Default: the connection's. (templated)
    :param if_exists: what to do when the name exists: ``reuse`` (default) takes the task as it is and logs how it
        differs, ``update`` replaces its configuration, ``fail`` fails without a retry. (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: the task as JSON.
    :raises ArizePermanentError: an argument is wrong (the message names all that are), or the task that exists can't
        become what is wanted; not retried.
    """

    template_fields: Sequence[str] = ("name", "dataset", "run_configuration", "space", "if_exists", "arize_conn_id")

    def __init__(self, *, name: str, dataset: str, run_configuration: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.dataset = dataset
        self.run_configuration = run_configuration
        self._checked(rendered=False)

    def _given(self, *, rendered: bool) -> dict[str, Any]:
        from airflow_provider_arize_tasks.client.validation import check_experiment_task

        return check_experiment_task(
            name=self.name, dataset=self.dataset, run_configuration=self.run_configuration, rendered=rendered
        )[0]

    def _body(self, hook: ArizeHook, given: Mapping[str, Any]) -> dict[str, Any]:
        from airflow_provider_arize_tasks.client.bodies import experiment_task

        return experiment_task(given, hook.names, self.space)

    def _create(self, hook: ArizeHook) -> Task:
        return hook.create_run_experiment_task(
            name=self.name, dataset=self.dataset, run_configuration=self.run_configuration, space=self.space
        )


def _is_name_clash(error: ArizeError) -> bool:
    """A taken name comes back as 409, on some servers as 400 or 422 that says so."""
    if isinstance(error, ArizeConflictError):
        return True
    if not isinstance(error, ArizeInvalidRequestError):
        return False
    return "already exists" in f"{error.detail or ''} {error.title or ''}".lower()
