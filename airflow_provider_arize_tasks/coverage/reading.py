"""Reading the coverage of a task from the API: one look at the task, one walk through its runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Protocol, TypeVar

from airflow_provider_arize_tasks.client.enums import TaskType
from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.coverage.states import Coverage, CoverageRules, read_coverage
from airflow_provider_arize_tasks.windows.grid import floor_to
from airflow_provider_arize_tasks.windows.times import delay_of, parse_instant, shift, width_of, zone_of
from airflow_provider_arize_tasks.windows.window import Window, WindowError, iso

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from airflow_provider_arize_tasks.client.endpoints import Reply
    from airflow_provider_arize_tasks.client.models import Task, TaskRun

_T = TypeVar("_T")


class RunSource(Protocol):
    """What is needed of the API. ``ArizeHook`` is one."""

    def resolve_task(self, task: str, /, space: str | None = None) -> str:
        """The id of a task given by name or id."""

    def get_task_with_server_time(self, task_id: str, /) -> Reply[Task]:
        """The task, and the server's clock."""

    def list_all_runs(self, task_id: str, /) -> Iterator[TaskRun]:
        """All runs of the task, from all pages."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """A range of time cut in windows.

    :param span: the range.
    :param every: width of a window.
    :param zone: whose calendar counts for windows of whole days.
    """

    span: Window
    every: timedelta
    zone: tzinfo


@dataclass(frozen=True, kw_only=True)
class TaskCoverage:
    """The coverage of a task.

    :param task: the task.
    :param coverage: what its runs say.
    :param range: the range and its windows.
    :param now: the present, by the server's clock where it tells.
    """

    task: Task
    coverage: Coverage
    range: Range
    now: datetime
    rules: CoverageRules = field(default_factory=CoverageRules)


def range_of(
    start: datetime | date | str | timedelta,
    end: datetime | date | str | timedelta | None,
    *,
    window: timedelta | str = "day",
    timezone: tzinfo | str = "UTC",
    reference: datetime,
) -> Range:
    """A range from the arguments of the operator, the hook or the command line.

    :param start: first instant; a ``timedelta`` (or its text: ``"30d"``, ``"12h"``) reaches back from ``end``, whole
        days by the calendar of ``timezone``.
    :param end: first instant after the range; a ``timedelta`` reaches back from ``reference``, ``None`` (or ``"0d"``)
        is ``reference`` itself, both at the last border of a window (midnight, for windows of a day) at or before it.
    :param window: width of a window: a ``timedelta``, ``"day"``, ``"hour"``, ``"week"``, ``"6h"``.
    :param timezone: for dates and times without a zone and for windows of whole days.
    :param reference: what relative ends are counted from.
    :raises WindowError: a value is no point in time, or the range is empty or inverted.
    """
    zone = zone_of(timezone)
    every = width_of(window)
    start, end = _relative(start), _relative(end)
    if end is None or isinstance(end, timedelta):
        last = floor_to(shift(reference, -(end or timedelta()), zone), every, zone)
    else:
        last = parse_instant(end, name="end", zone=zone)[0]
    if isinstance(start, timedelta):
        first = shift(last, -start, zone)
    else:
        first = parse_instant(start, name="start", zone=zone)[0]
    span = Window(first, last)
    if span.start >= span.end:
        raise WindowError(
            f"the range from {iso(span.start)} to {iso(span.end)} is empty or inverted; its end is not part of it, "
            "so one day is start='2026-11-22', end='2026-11-23'"
        )
    return Range(span=span, every=every, zone=zone)


def _relative(value: _T) -> _T | timedelta:
    delay = delay_of(value) if isinstance(value, str) else None
    return value if delay is None else delay


def read_task_coverage(
    source: RunSource,
    task: str,
    wanted: Range,
    *,
    space: str | None = None,
    max_spans: int | None = None,
    max_error_rate: float | None = None,
    settle: timedelta = timedelta(),
    now: datetime | None = None,
) -> TaskCoverage:
    """Read the coverage of a task over a range.

    :param source: the API.
    :param task: name or id of the task.
    :param wanted: the range.
    :param space: space of the task, if it is given by name.
    :param max_spans: the limit its runs were triggered with; ``None`` for the server's own.
    :param max_error_rate: share of errors above which a completed run does not cover.
    :param settle: how long after its end a window is not complete, because evaluation sees spans late.
    :param now: the present; the server's clock if not given.
    :raises ArizeConfigError: the task runs experiments or evaluates a dataset, and so has no windows.
    :raises ArizeError: the API could not be asked, or refused.
    """
    task_id = source.resolve_task(task, space)
    reply = source.get_task_with_server_time(task_id)
    found = reply.value
    if found.type is TaskType.RUN_EXPERIMENT or (found.dataset_id and not found.project_id):
        raise ArizeConfigError(
            f"task {task!r} has no windows: it {_what_it_does(found)}. Coverage is about tasks that evaluate the "
            "spans of a project"
        )
    rules = CoverageRules(
        max_spans=max_spans,
        evaluators=max(1, len(found.evaluators)),
        settle=settle,
        max_error_rate=max_error_rate,
    )
    coverage = read_coverage(wanted.span, source.list_all_runs(task_id), rules)
    present = now or reply.server_time or datetime.now(timezone.utc)
    return TaskCoverage(task=found, coverage=coverage, range=wanted, now=present, rules=rules)


def _what_it_does(task: Task) -> str:
    return "runs experiments" if task.type is TaskType.RUN_EXPERIMENT else "evaluates experiments of a dataset"
