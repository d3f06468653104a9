"""The part of the Arize API that acquiring, polling and cancelling runs needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_arize_tasks.client.enums import RunStatus
    from airflow_provider_arize_tasks.client.models import Experiment, TaskRun


class RunsApi(Protocol):
    """What offers these methods, with the meaning they have on ``ArizeHook``; errors are those of ``client.errors``."""

    def get_run(self, run_id: str) -> TaskRun:
        """One run as it is now."""

    def cancel_run(self, run_id: str) -> TaskRun:
        """Cancel a run and return it."""

    def list_all_runs(self, task: str, *, status: RunStatus | None = None) -> Iterable[TaskRun]:
        """All runs of a task, page after page."""

    def iter_experiments(self, *, dataset: str, name: str) -> Iterable[Experiment]:
        """All experiments of a dataset whose name contains ``name``."""
