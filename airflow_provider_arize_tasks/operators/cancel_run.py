"""The operator that cancels a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.exceptions import failing_for_good
from airflow_provider_arize_tasks.runs.progress import run_result
from airflow_provider_arize_tasks.runs.verdict import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.client.models import TaskRun


class ArizeCancelTaskRunOperator(BaseOperator):
    """Cancel a task run. One that has ended already is left as it is.

    .. seealso:: Arize's reference of ``POST /v2/task-runs/{run_id}/cancel``: https://arize.com/docs/ax/rest-reference

    :param run_id: id of the run, or the JSON that a trigger operator returned. (templated)
    :param fail_if_ended: fail (without a retry) if the run had ended before. Default false.
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: the run as JSON, as it is after the cancel.
    :raises ArizePermanentError: there is no such run, or the key may not cancel it; not retried.
    """

    template_fields: Sequence[str] = ("run_id", "arize_conn_id")
    ui_color = "#e8e4fb"

    def __init__(
        self, *, run_id: Any, fail_if_ended: bool = False, arize_conn_id: str = "arize_default", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.run_id = run_id
        self.fail_if_ended = fail_if_ended
        self.arize_conn_id = arize_conn_id
        self._checked(rendered=False)

    def _checked(self, *, rendered: bool) -> str:
        check = Checker(rendered=rendered)
        run_id = check.read("run_id", self.run_id, args.reference, "")
        check.raise_if_any(f"{type(self).__name__} {self.task_id!r}")
        return run_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Cancel the run."""
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook
        from airflow_provider_arize_tasks.runs.cancel import cancel_run

        with failing_for_good():
            run_id = self._checked(rendered=True)
            with ArizeHook(self.arize_conn_id) as hook:
                before = hook.get_run(run_id=run_id)
                if before.status.is_terminal:
                    return self._ended_before(before)
                run = cancel_run(hook, run_id)
        self.log.info("Run %s was %s and is %s now", run_id, before.status.value, run.status.value)
        return run_result(run)

    def _ended_before(self, run: TaskRun) -> dict[str, Any]:
        message = f"run {run.id} had ended before: {run.status.value} ({Counts.of([run])})"
        if self.fail_if_ended:
            raise ArizeConfigError(f"{message}; nothing was cancelled (fail_if_ended)")
        self.log.info("Nothing to cancel: %s", message)
        return run_result(run)
