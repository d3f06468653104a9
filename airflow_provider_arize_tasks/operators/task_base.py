"""What the operators around Arize tasks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_arize_tasks.links.arize import ArizeTaskLink

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.client.models import Task
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook


class TaskOperator(BaseOperator):
    """What the operators around tasks share."""

    operator_extra_links: tuple[ArizeTaskLink, ...] = (ArizeTaskLink(),)
    ui_color = "#e8e4fb"

    def __init__(self, *, space: str | None = None, arize_conn_id: str = "arize_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.space = space
        self.arize_conn_id = arize_conn_id

    def _hook(self) -> ArizeHook:
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        return ArizeHook(self.arize_conn_id)

    def _subject(self) -> str:
        return f"{type(self).__name__} {self.task_id!r}"

    def _hand_over(self, hook: ArizeHook, task: Task, context: Context) -> dict[str, Any]:
        from airflow_provider_arize_tasks.links.linker import Linker

        Linker(hook, context).push_task(task)
        return task.to_dict()
