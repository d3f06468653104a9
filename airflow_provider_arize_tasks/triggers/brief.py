"""As much of a task run as waiting for it needs to know, read from the same replies at a fraction of the cost.

A page of a hundred runs arrives every second or so; turning every field of every run into typed objects, times above
all, would be most of what a look costs. Whoever needs more than this reads the whole run once it matters.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_arize_tasks.client import endpoints, readers
from airflow_provider_arize_tasks.client.dialect import read_enum
from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.client.errors import ArizeReplyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.client.endpoints import Call
    from airflow_provider_arize_tasks.client.models import Page, TaskRun


class Brief(NamedTuple):
    """A task run in brief; ``raw`` is all that the server sent."""

    id: str
    task_id: str | None
    status: RunStatus
    status_text: str | None
    raw: Mapping[str, Any]

    def whole(self) -> TaskRun:
        """The run with all of its fields."""
        return readers.read_task_run(self.raw)


def read_brief(data: Any) -> Brief:
    """A task run in brief.

    :raises ArizeReplyError: no object, or one without an id.
    """
    run = readers.as_object(data, "a task run")
    # Field by field and without the readers' helpers: this runs a hundred times for a page, every second or so.
    run_id, task_id, status = run.get("id"), run.get("task_id"), run.get("status")
    if not isinstance(run_id, str) or not run_id:
        raise ArizeReplyError("expected a task run with an id, got one without")
    text = status if isinstance(status, str) else None
    return Brief(run_id, task_id if isinstance(task_id, str) else None, _status_of(text), text, run)


@lru_cache(maxsize=64)
def _status_of(text: str | None) -> RunStatus:
    return read_enum(RunStatus, text, RunStatus.UNKNOWN)


_read_page = readers.read_page("task_runs", read_brief)


def get_brief(run_id: str) -> Call[Brief]:
    """The call for one run."""
    call: Any = endpoints.get_task_run(run_id)
    brief: Call[Brief] = replace(call, read=read_brief)
    return brief


def list_briefs(task_id: str, status: str | None, cursor: str | None) -> Call[Page[Brief]]:
    """The call for one page of a task's runs, in no stated order."""
    return _first_page(task_id, status) if cursor is None else _page(task_id, status, cursor)


@lru_cache(maxsize=1024)
def _first_page(task_id: str, status: str | None) -> Call[Page[Brief]]:
    """The same call goes out look after look."""
    return _page(task_id, status, None)


def _page(task_id: str, status: str | None, cursor: str | None) -> Call[Page[Brief]]:
    call: Any = endpoints.list_task_runs(task_id, status=status, cursor=cursor)
    page: Call[Page[Brief]] = replace(call, read=_read_page)
    return page
