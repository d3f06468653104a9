"""Operators that update and delete Arize tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.definition import IfMissing
from airflow_provider_arize_tasks.client.enums import UNSET, Unset
from airflow_provider_arize_tasks.client.errors import (
    ArizeConfigError,
    ArizeError,
    ArizeNotFoundError,
)
from airflow_provider_arize_tasks.exceptions import failing_for_good
from airflow_provider_arize_tasks.operators.task_base import TaskOperator, as_definition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from airflow.providers.common.compat.sdk import Context
    from airflow.sdk import XComArg
    from typing_extensions import Unpack

    from airflow_provider_arize_tasks.base_arguments import OperatorArguments
    from airflow_provider_arize_tasks.client.arguments import HasToDict
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook


class ArizeUpdateTaskOperator(TaskOperator):
    """Change an existing task: what is given, and nothing else.

    An argument left out leaves its field alone; ``query_filter=None`` and ``query_filters=None`` clear the filter.

    .. seealso:: Arize's reference of ``PATCH /v2/tasks/{task_id}``: https://arize.com/docs/ax/rest-reference

    :param task: name or id of the task, or the JSON that a create operator returned. (templated)
    :param space: name or id of the space names are looked up in. Default: the connection's. (templated)
    :param name: new name. (templated, as all changes are, in the field ``changes``)
    :param sampling_rate: share of the spans to evaluate, 0 to 1. (templated)
    :param is_continuous: evaluate new spans as they come in. (templated)
    :param query_filter: filter on spans; ``None`` clears it. (templated)
    :param query_filters: named filters and their expression; ``None`` clears them. (templated)
    :param evaluators: the whole list of evaluators, version pins included. (templated)
    :param run_configuration: the whole configuration of a RUN_EXPERIMENT task. (templated, but for its prompts: in
        ``messages[].content``, ``template`` and ``input_template``, ``{{question}}`` reaches Arize as it is)
    :param render_prompts: let Airflow render the prompts, too. Default false.
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: the task as JSON, as it is after the change.
    :raises ArizePermanentError: nothing to change was given, or something that a task of this type doesn't have.
    """

    template_fields: Sequence[str] = ("task", "space", "changes", "arize_conn_id")

    def __init__(
        self,
        *,
        task: str | Mapping[str, Any] | XComArg,
        space: str | XComArg | None = None,
        name: str | XComArg | Unset = UNSET,
        sampling_rate: float | str | XComArg | Unset = UNSET,
        is_continuous: bool | str | XComArg | Unset = UNSET,
        query_filter: str | XComArg | Unset | None = UNSET,
        query_filters: Mapping[str, Any] | HasToDict | str | XComArg | Unset | None = UNSET,
        evaluators: Sequence[Mapping[str, Any] | HasToDict] | str | XComArg | Unset = UNSET,
        run_configuration: Mapping[str, Any] | HasToDict | str | XComArg | Unset = UNSET,
        render_prompts: bool = False,
        arize_conn_id: str = "arize_default",
        **kwargs: Unpack[OperatorArguments],
    ) -> None:
        super().__init__(space=space, arize_conn_id=arize_conn_id, **kwargs)
        self.task = task
        self.render_prompts = render_prompts
        given = {
            "name": name,
            "sampling_rate": sampling_rate,
            "is_continuous": is_continuous,
            "query_filter": query_filter,
            "query_filters": as_definition(query_filters),
            "evaluators": as_definition(evaluators),
            "run_configuration": as_definition(run_configuration, render_prompts=render_prompts),
        }
        self.changes: dict[str, Any] = {field: value for field, value in given.items() if value is not UNSET}
        self._checked(rendered=False)

    def _given(self) -> dict[str, Any]:
        """The changes, prompts as text."""
        from airflow_provider_arize_tasks.client.prompts import plain

        given: dict[str, Any] = plain(self.changes)
        return given

    def _checked(self, *, rendered: bool) -> str:
        from airflow_provider_arize_tasks.client.validation import check_update

        check = Checker(rendered=rendered)
        task = check.read("task", self.task, args.reference, "")
        check_update(check, **self._given())
        check.raise_if_any(self._subject())
        return task

    def execute(self, context: Context) -> dict[str, Any]:
        """Send the change."""
        with failing_for_good():
            reference = self._checked(rendered=True)
            with self._hook() as hook:
                task = hook.update_task(reference, space=self.space, **self._given())
                self.log.info("Updated %s of task %s, id %s", ", ".join(sorted(self.changes)), task.name, task.id)
                return self._hand_over(hook, task, context)


class ArizeDeleteTaskOperator(TaskOperator):
    """Delete a task, with its runs and evaluator settings. There is no way back.

    .. seealso:: Arize's reference of ``DELETE /v2/tasks/{task_id}``: https://arize.com/docs/ax/rest-reference

    :param task: name or id of the task, or the JSON that a create operator returned. (templated)
    :param space: name or id of the space a name is looked up in. Default: the connection's. (templated)
    :param if_missing: ``ignore`` (default: it is gone, as wanted) or ``fail``, without a retry. (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: nothing.
    :raises ArizePermanentError: the key may not delete it; not retried.
    """

    template_fields: Sequence[str] = ("task", "space", "if_missing", "arize_conn_id")
    operator_extra_links = ()

    def __init__(
        self,
        *,
        task: str | Mapping[str, Any] | XComArg,
        space: str | XComArg | None = None,
        if_missing: Literal["ignore", "fail"] | XComArg = "ignore",
        arize_conn_id: str = "arize_default",
        **kwargs: Unpack[OperatorArguments],
    ) -> None:
        super().__init__(space=space, arize_conn_id=arize_conn_id, **kwargs)
        self.task = task
        self.if_missing = if_missing
        self._checked(rendered=False)

    def _checked(self, *, rendered: bool) -> tuple[str, IfMissing]:
        check = Checker(rendered=rendered)
        task = check.read("task", self.task, args.reference, "")
        if_missing = check.choice("if_missing", self.if_missing, IfMissing, IfMissing.IGNORE)
        check.raise_if_any(self._subject())
        return task, if_missing

    def execute(self, context: Context) -> None:
        """Delete the task."""
        with failing_for_good():
            reference, if_missing = self._checked(rendered=True)
            with self._hook() as hook:
                missing = self._delete(hook, reference)
            if missing is None:
                self.log.info("Deleted task %s with its runs", reference)
            elif if_missing is IfMissing.FAIL:
                raise missing
            else:
                self.log.info("Nothing to delete: %s", missing)

    def _delete(self, hook: ArizeHook, reference: str) -> ArizeError | None:
        """Delete; the error if there is no such task."""
        from airflow_provider_arize_tasks.client.names import is_id

        if not is_id(reference):
            found = hook.find_task(reference, self.space)
            if found is None:
                return ArizeConfigError(f"no task is called {reference!r}")
            reference = found.id
        try:
            hook.delete_task(reference)
        except ArizeNotFoundError as error:
            return error
        return None
