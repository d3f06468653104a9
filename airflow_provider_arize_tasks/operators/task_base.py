"""What the operators around Arize tasks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_arize_tasks.links.arize import ArizeTaskLink, Linker

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from typing_extensions import Unpack

    from airflow_provider_arize_tasks.base_arguments import OperatorArguments
    from airflow_provider_arize_tasks.client.models import Task
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook


class TaskOperator(BaseOperator):
    """What the operators around tasks share."""

    operator_extra_links: tuple[ArizeTaskLink, ...] = (ArizeTaskLink(),)
    ui_color = "#e8e4fb"

    def __init__(self, *, space: Any, arize_conn_id: str, **kwargs: Unpack[OperatorArguments]) -> None:
        super().__init__(**kwargs)
        self.space: str | None = space  # a template or an upstream result until it is rendered
        self.arize_conn_id = arize_conn_id

    def _hook(self) -> ArizeHook:
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        return ArizeHook(self.arize_conn_id)

    def _subject(self) -> str:
        return f"{type(self).__name__} {self.task_id!r}"

    def _hand_over(self, hook: ArizeHook, task: Task, context: Context) -> dict[str, Any]:
        Linker(hook, context).push_task(task)
        return task.to_dict()


def as_definition(value: Any, *, render_prompts: Any = True) -> Any:
    """An argument as Airflow shall see it: objects of the SDK as plain dicts, prompts out of its renderer's reach.

    :param value: what the author gave: plain data, an object with ``to_dict()``, a template, an upstream result.
    :param render_prompts: whether Airflow renders the prompts in it.
    :raises ArizeValidationError: a prompt holds ``{% raw %}``.
    """
    from airflow_provider_arize_tasks.client.prompts import protect

    if callable(getattr(value, "to_dict", None)) and not hasattr(value, "resolve"):
        value = value.to_dict()
    elif isinstance(value, (list, tuple)):
        value = [as_definition(each) for each in value]
    return value if render_prompts else protect(value)
