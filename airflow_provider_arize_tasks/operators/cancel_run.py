"""The operator that cancels runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.errors import ArizeConfigError, ArizeError
from airflow_provider_arize_tasks.exceptions import failing_for_good
from airflow_provider_arize_tasks.runs.progress import combined_runs, run_ids
from airflow_provider_arize_tasks.runs.verdict import Counts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg
    from typing_extensions import Unpack

    from airflow_provider_arize_tasks.base_arguments import OperatorArguments
    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook


class ArizeCancelTaskRunOperator(BaseOperator):
    """Cancel a task run, or all runs of a task instance. One that has ended already is left as it is.

    .. seealso:: Arize's reference of ``POST /v2/task-runs/{run_id}/cancel``: https://arize.com/docs/ax/rest-reference

    :param run_id: id of the run, or what a trigger operator returned: then all of its runs are cancelled. (templated)
    :param fail_if_ended: fail (without a retry) if a run had ended before. Default false.
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: the run as JSON, as it is after the cancel; of several, the last one's fields, summed counts and ``runs``.
    :raises ArizePermanentError: there is no such run, or the key may not cancel it; not retried. The others are
        cancelled all the same.
    """

    template_fields: Sequence[str] = ("run_id", "arize_conn_id")
    ui_color = "#e8e4fb"

    def __init__(
        self,
        *,
        run_id: str | Mapping[str, Any] | Sequence[str] | XComArg,
        fail_if_ended: bool = False,
        arize_conn_id: str = "arize_default",
        **kwargs: Unpack[OperatorArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.run_id = run_id
        self.fail_if_ended = fail_if_ended
        self.arize_conn_id = arize_conn_id
        self._checked(rendered=False)

    def _checked(self, *, rendered: bool) -> list[str]:
        check = Checker(rendered=rendered)
        ids: list[str] = check.read("run_id", self.run_id, run_ids, [])
        check.raise_if_any(f"{type(self).__name__} {self.task_id!r}")
        return ids

    def execute(self, context: Context) -> dict[str, Any]:
        """Cancel the runs."""
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        with failing_for_good():
            ids = self._checked(rendered=True)
            with ArizeHook(self.arize_conn_id) as hook:
                ended_before, runs, errors = [], [], []
                for run_id in ids:
                    try:
                        before, run = self._cancel(hook, run_id)
                    except ArizeError as error:  # the others are to be cancelled all the same
                        self.log.warning("Run %s could not be cancelled: %s", run_id, error)
                        errors.append(error)
                        continue
                    runs.append(run)
                    if before.status.is_terminal:
                        ended_before.append(before)
            if errors:
                raise errors[0]
            if ended_before and self.fail_if_ended:
                listed = "; ".join(_ended(run) for run in ended_before)
                raise ArizeConfigError(f"{listed} (fail_if_ended). What still went on was cancelled")
        return combined_runs(runs)

    def _cancel(self, hook: ArizeHook, run_id: str) -> tuple[TaskRun, TaskRun]:
        from airflow_provider_arize_tasks.runs.cancel import cancel_run

        before = hook.get_run(run_id=run_id)
        if before.status.is_terminal:
            self.log.info("Nothing to cancel: %s", _ended(before))
            return before, before
        run = cancel_run(hook, run_id)
        self.log.info("Run %s was %s and is %s now", run_id, before.status.value, run.status.value)
        return before, run


def _ended(run: TaskRun) -> str:
    return f"run {run.id} had ended before: {run.status.value} ({Counts.of([run])})"
