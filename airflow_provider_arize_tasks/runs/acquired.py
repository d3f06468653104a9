"""What acquiring a run comes to: a run, or the word that there is no data for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from airflow_provider_arize_tasks.client.errors import ArizeInvalidRequestError
from airflow_provider_arize_tasks.runs.reconcile import Twins

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_arize_tasks.client.errors import ArizeError
    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.runs.record import RunRecord
    from airflow_provider_arize_tasks.runs.requests import RunRequest


class NoDataError(Exception):
    """The server refused to trigger: the window holds no data."""


class Post(Protocol):
    """Sends the POST that triggers a run."""

    def __call__(self, request: RunRequest, *, experiment_name: str | None) -> TaskRun:
        """Trigger and return the new run."""


@dataclass(frozen=True, kw_only=True)
class AcquiredRun:
    """A run that serves a run request.

    :param adopted: whether this attempt did not trigger it itself.
    :param owned: whether this task instance did, in whichever attempt; only then it may be cancelled.
    :param record: what is on record about the request now.
    :param twins: further runs of the request that were found on the way.
    """

    request: RunRequest
    run: TaskRun
    adopted: bool
    record: RunRecord
    owned: bool = True
    twins: Twins = field(default_factory=Twins)


def is_no_data(error: ArizeError) -> bool:
    """Whether a refusal to trigger says that there is nothing to evaluate."""
    if not isinstance(error, ArizeInvalidRequestError):
        return False
    # Assumes "no-data-is-400", which a certificate asks about.
    return "no data found" in f"{error.detail or ''} {error.title or ''}".lower()


def foreign_name(name: str, created_at: datetime | None) -> str:
    """What to tell about an experiment's name that somebody else has taken."""
    when = f"created at {created_at.isoformat()}" if created_at else "that is not listed"
    return (
        f"experiment name {name!r} is taken in this dataset by an experiment {when}, before this DAG run started, so "
        "this task did not make it. Nothing was triggered. Make experiment_name unique per DAG run, for example "
        "'nightly-{{ dag_run.run_after | ds }}'"
    )
