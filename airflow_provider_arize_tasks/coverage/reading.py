"""Reading the coverage of a task from the API: one look at the task, one walk through its runs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Protocol, TypeVar

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.endpoints import iterate
from airflow_provider_arize_tasks.client.enums import TaskType
from airflow_provider_arize_tasks.client.errors import ArizeApiError, ArizeConfigError, ArizeInvalidRequestError
from airflow_provider_arize_tasks.client.fields import length_of_time, point_or_length
from airflow_provider_arize_tasks.coverage.evidence import CoverageRules, doubtful_windows, weigh_runs
from airflow_provider_arize_tasks.coverage.intervals import clip
from airflow_provider_arize_tasks.coverage.judges import Judge, attached_since, judge_of
from airflow_provider_arize_tasks.coverage.record import GapRecord
from airflow_provider_arize_tasks.coverage.spans import Counting, SpansUnavailableError, count_spans
from airflow_provider_arize_tasks.coverage.states import Coverage, read_coverage
from airflow_provider_arize_tasks.windows.grid import floor_to
from airflow_provider_arize_tasks.windows.times import MILLISECOND, shift, zone_of
from airflow_provider_arize_tasks.windows.window import Window, WindowError, iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from airflow_provider_arize_tasks.client.endpoints import Call, Reply
    from airflow_provider_arize_tasks.client.models import EvaluatorVersion, Task, TaskRun
    from airflow_provider_arize_tasks.coverage.spans import Sends

_T = TypeVar("_T")

#: Most requests that one reading makes to count spans; what is left stays in doubt.
MOST_COUNT_REQUESTS = 400


class TaskSource(Protocol):
    """What is needed of the API to look at a task. ``ArizeApi`` and ``ArizeHook`` are one."""

    def resolve_task(self, task: str, /, space: str | None = None) -> str:
        """The id of a task given by name or id."""

    def get_task_with_server_time(self, task_id: str, /) -> Reply[Task]:
        """The task, and the server's clock."""

    def call(self, call: Call[_T], /) -> _T:
        """Send a call and return its reply."""


class RunSource(TaskSource, Protocol):
    """What is needed to read the task's coverage."""

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
    :param rules: by which it was read.
    :param runs: the task's runs.
    :param notes: what could not be found out, each a sentence without its full stop.
    """

    task: Task
    coverage: Coverage
    range: Range
    now: datetime
    rules: CoverageRules = field(default_factory=CoverageRules)
    runs: tuple[TaskRun, ...] = ()
    notes: tuple[str, ...] = ()


def range_of(
    start: datetime | date | timedelta | float | str,
    end: datetime | date | timedelta | float | str | None,
    *,
    window: timedelta | float | str = "day",
    timezone: tzinfo | str = "UTC",
    reference: datetime,
) -> Range:
    """A range from the arguments of the operator, the hook or the command line.

    :param start: first instant; a length of time (a ``timedelta``, seconds, ``"30d"``, ``"P1D"``) reaches back from
        ``end``, whole days by the calendar of ``timezone``, and from there to the border of a window at or before.
    :param end: first instant after the range; a length of time reaches back from ``reference``, ``None`` (or ``"0d"``)
        is ``reference`` itself, both at the last border of a window (midnight, for windows of a day) at or before it.
    :param window: width of a window, a length of time: ``"day"``, ``"hour"``, ``"week"``, ``"6h"``, a ``timedelta``.
    :param timezone: for dates and times without a zone and for windows of whole days.
    :param reference: what relative ends are counted from.
    :raises WindowError: a value is no point in time, or the range is empty or inverted.
    """
    zone = zone_of(timezone)
    every = length_of_time(window, name="window", least=MILLISECOND)

    def border(value: datetime | date | timedelta | float | str, name: str, back_from: datetime) -> datetime:
        found = point_or_length(value, name=name, zone=zone)
        return found if isinstance(found, datetime) else floor_to(shift(back_from, -found, zone), every, zone)

    last = border(timedelta() if end is None else end, "end", reference)
    span = Window(border(start, "start", last), last)
    if span.start >= span.end:
        raise WindowError(
            f"the range from {iso(span.start)} to {iso(span.end)} is empty or inverted; its end is not part of it, "
            "so one day is start='2026-11-22', end='2026-11-23'"
        )
    return Range(span=span, every=every, zone=zone)


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
    record: GapRecord | None = None,
    count_doubtful: bool = True,
    progress: Callable[[str], None] | None = None,
) -> TaskCoverage:
    """Read the coverage of a task over a range.

    One GET of the task, one of the versions of each evaluator, one per hundred runs the task ever had, and for each
    window in doubt one per 500 spans of it, up to ``max_spans``.

    :param source: the API.
    :param task: name or id of the task.
    :param wanted: the range.
    :param space: space of the task, if it is given by name.
    :param max_spans: the limit its runs were triggered with; ``None`` for the server's own.
    :param max_error_rate: share of errors above which a completed run does not cover.
    :param settle: how long after its end a window is not complete, because evaluation sees spans late.
    :param now: the present; the server's clock if not given.
    :param record: what was seen of the task and asked for before.
    :param count_doubtful: count spans where the counts of runs leave a window in doubt. Default true.
    :param progress: told in words what is being read, where that may take long.
    :raises ArizeConfigError: the task runs experiments or evaluates a dataset, and so has no windows.
    :raises ArizeError: the API could not be asked, or refused.
    """
    task_id = source.resolve_task(task, space)
    reply = source.get_task_with_server_time(task_id)
    found = reply.value
    _refuse_without_windows(found, task)
    present = now or reply.server_time or datetime.now(timezone.utc)
    record = record or GapRecord()
    judges = read_judges(source.call, found)
    judges = attached_since(judges, record.attached((each.key for each in judges), present))
    rules = CoverageRules(
        max_spans=max_spans,
        judges=judges,
        sampling_rate=found.sampling_rate,
        overridden=record.overridden,
        settle=settle,
        max_error_rate=max_error_rate,
    )
    runs = list(source.list_all_runs(task_id))
    notes: list[str] = []
    if count_doubtful and found.project_id:
        rules, notes = _count(source.call, found, runs, wanted.span, rules, progress)
    coverage = read_coverage(wanted.span, runs, rules, now=present)
    return TaskCoverage(
        task=found,
        coverage=coverage,
        range=wanted,
        now=present,
        rules=rules,
        runs=tuple(runs),
        notes=tuple(notes),
    )


def _refuse_without_windows(found: Task, task: str) -> None:
    if found.type is TaskType.RUN_EXPERIMENT or (found.dataset_id and not found.project_id):
        is_of_dataset = found.type is not TaskType.RUN_EXPERIMENT
        what = "evaluates experiments of a dataset" if is_of_dataset else "runs experiments"
        raise ArizeConfigError(
            f"task {task!r} has no windows: it {what}. Coverage is about tasks that evaluate the spans of a project"
        )


def read_judges(send: Sends, task: Task) -> tuple[Judge, ...]:
    """The evaluators of a task with their versions; one request each.

    :param send: sends a call.
    :param task: the task.
    :raises ArizeError: the API could not be asked. A version that can't be read leaves its judge unknown instead.
    """
    return tuple(judge_of(each, _versions(send, each.evaluator_id)) for each in task.evaluators)


def _versions(send: Sends, evaluator_id: str | None) -> list[EvaluatorVersion] | None:
    if evaluator_id is None:
        return None
    try:
        return list(iterate(send, lambda cursor: endpoints.list_evaluator_versions(evaluator_id, cursor=cursor)))
    except ArizeApiError as error:
        if error.status in (403, 404, 405):
            return None
        raise


def _count(
    send: Sends,
    task: Task,
    runs: Sequence[TaskRun],
    span: Window,
    rules: CoverageRules,
    progress: Callable[[str], None] | None,
) -> tuple[CoverageRules, list[str]]:
    """The rules with the spans counted of the windows that counts of runs leave in doubt."""
    doubtful = [window for window in doubtful_windows(weigh_runs(runs, rules)) if clip(window, span)]
    counted: dict[str, int] = {}
    sent = Counting(send)
    for number, window in enumerate(doubtful):
        if sent.requests >= MOST_COUNT_REQUESTS:
            left = len(doubtful) - number
            return replace(rules, counted=counted), [
                f"{left} windows are left in doubt: counting their spans takes more than {MOST_COUNT_REQUESTS} requests"
            ]
        if progress is not None:
            progress(f"counting spans, window {number + 1} of {len(doubtful)}")
        try:
            counted[window.key] = spans_for_run(sent, task, window, up_to=rules.limit + 1)
        except SpansUnavailableError as error:
            return rules, [f"{len(doubtful)} windows stay in doubt: {error}"]
    return replace(rules, counted=counted), []


def spans_for_run(send: Sends, task: Task, window: Window, *, up_to: int | None = None) -> int:
    """How many spans of a window a run of a task has to look at: those that its filter lets through.

    Where the server does not take the filter for a search of spans, all of the window: rather too many than too few.

    :param send: sends a call.
    :param task: the task; it must have a project.
    :param window: the window.
    :param up_to: stop counting here.
    :raises SpansUnavailableError: spans can't be listed.
    :raises ArizeError: the API could not be asked.
    """
    project = task.project_id or ""
    if task.query_filter:
        with contextlib.suppress(ArizeInvalidRequestError):
            return count_spans(send, project, window, query_filter=task.query_filter, up_to=up_to)
    return count_spans(send, project, window, up_to=up_to)
