"""The vendor's names: ``client.tasks`` as in its Python SDK, on top of :class:`~.tasks.TasksApi`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.tasks import TasksApi


class HasToDict(Protocol):
    """An object of the SDK, or of this client: it is taken wherever a dict is."""

    def to_dict(self) -> Any:
        """Its fields."""


class TasksNamespace:
    """The methods of the SDK's ``client.tasks`` under their own names; each is the method that it is assigned here.

    :param api: does the work.
    """

    def __init__(self, api: TasksApi) -> None:
        self.list = api.list_tasks
        self.get = api.get_task
        self.create_evaluation_task = api.create_evaluation_task
        self.create_run_experiment_task = api.create_run_experiment_task
        self.update = api.update_task
        self.delete = api.delete_task
        self.trigger_run = api.trigger_run
        self.list_runs = api.list_runs
        self.get_run = api.get_run
        self.cancel_run = api.cancel_run
        self.wait_for_run = api.wait_for_run
