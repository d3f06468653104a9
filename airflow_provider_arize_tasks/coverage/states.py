"""Which part of a range of time a task has evaluated, and which windows are left to evaluate.

The API knows the runs of a task, not which spans they labelled, so coverage is read off the runs: a stretch of time is
covered by runs that COMPLETED without reaching ``max_spans`` and by runs CANCELLED because everything was labelled
already. A window that holds no data leaves no run behind (the API refuses the trigger) and looks like one that was
never asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import Enum
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.runs.verdict import (
    Counts,
    Outcome,
    RunPolicy,
    Truncation,
    is_already_evaluated,
    judge_counts,
    truncation,
)
from airflow_provider_arize_tasks.windows.window import Window, cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from airflow_provider_arize_tasks.client.models import TaskRun


class CellState(str, Enum):
    """What is known about one window of a calendar. Where several apply, the first in this order."""

    #: Evaluated from end to end.
    COVERED = "covered"
    #: A run over the part that is not covered is still going.
    RUNNING = "running"
    #: A run over the part that is not covered stopped at ``max_spans``.
    TRUNCATED = "truncated"
    #: Evaluated in part, or before its late spans could be seen; nothing is known to have gone wrong.
    PARTLY = "partly"
    #: Not evaluated; a run over it failed, was cancelled or had too many errors.
    FAILED = "failed"
    #: Not evaluated and not over yet.
    OPEN = "open"
    #: No run at all. A window without data looks the same.
    MISSING = "missing"


@dataclass(frozen=True)
class Cell:
    """One window of a calendar.

    :param window: the window.
    :param state: what is known about it.
    :param covered: share of its time that is covered, 0 to 1.
    """

    window: Window
    state: CellState
    covered: float


@dataclass(frozen=True)
class Gaps:
    """The windows that are left to evaluate, and those left out with the reason.

    :param windows: to evaluate, in order.
    :param let_go: without a run to show for longer than ``give_up_after``.
    :param not_over: not over yet, or over for less than ``settle``.
    :param running: a run over them is still going.
    """

    windows: tuple[Window, ...]
    let_go: tuple[Window, ...] = ()
    not_over: tuple[Window, ...] = ()
    running: tuple[Window, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """What the runs of a task say about a range of time. Each field holds disjoint windows in order, inside the range.

    :param span: the range.
    :param covered: evaluated for good.
    :param running: under a run that has not ended (an unknown status counts as going on).
    :param truncated: under a run that stopped at ``max_spans``; may be covered by others.
    :param early: under a good run that was made before the window's late spans could be seen; may be covered by others.
    :param failed: under a run that failed, was cancelled or had too many errors; may be covered by others.
    """

    span: Window
    covered: tuple[Window, ...] = ()
    running: tuple[Window, ...] = ()
    truncated: tuple[Window, ...] = ()
    early: tuple[Window, ...] = ()
    failed: tuple[Window, ...] = ()

    def cells(self, every: timedelta, zone: tzinfo, *, now: datetime) -> Iterator[Cell]:
        """The range as a calendar, one cell per window.

        :param every: width of a cell; whole days are calendar days of ``zone``.
        :param zone: time zone of the calendar.
        :param now: the present; what ends later and is not covered is open, not missing.
        """
        for window in cut(self.span, every, zone):
            rest = subtract(window, self.covered)
            left = sum((piece.width for piece in rest), timedelta())
            yield Cell(window, self._state(window, rest, now), 1 - left / window.width)

    def _state(self, window: Window, rest: Sequence[Window], now: datetime) -> CellState:
        if not rest:
            return CellState.COVERED
        partly = len(rest) > 1 or rest[0] != window
        for state, applies in (
            (CellState.RUNNING, _touch(rest, self.running)),
            (CellState.TRUNCATED, _touch(rest, self.truncated)),
            (CellState.PARTLY, partly or _touch(rest, self.early)),
            (CellState.FAILED, _touch(rest, self.failed)),
            (CellState.OPEN, window.end > now),
        ):
            if applies:
                return state
        return CellState.MISSING

    def gaps(
        self,
        every: timedelta,
        zone: tzinfo,
        *,
        now: datetime,
        settle: timedelta = timedelta(),
        give_up_after: timedelta | None = None,
        first_asked: Mapping[str, datetime] | None = None,
        include_running: bool = False,
    ) -> Gaps:
        """What of the range is not covered, cut on the borders of its windows.

        :param every: width of a window; the windows are counted from the start of the range, whole days are calendar
            days of ``zone``.
        :param zone: whose calendar counts.
        :param now: the present. A window that is not over by ``now - settle`` is left out, whole.
        :param settle: how long after its end a window is left alone, because evaluation sees spans late.
        :param give_up_after: how long a window that has no run to show is asked for; ``None`` for ever.
        :param first_asked: when each window (by its ``key``) was returned first. Its age counts from then, or from its
            end if that is later, and one that was never returned is kept however old it is: a hole found late gets its
            chance. ``None`` if no such record is kept: age counts from the window's end.
        :param include_running: return windows with a run still going as well. They would be evaluated twice.
        """
        windows: list[Window] = []
        let_go: list[Window] = []
        not_over: list[Window] = []
        running: list[Window] = []
        for cell in cut(self.span, every, zone):
            rest = subtract(cell, self.covered)
            if cell.end + settle > now:
                not_over += rest
                continue
            if not include_running:
                running += intersect(rest, self.running)
                rest = tuple(piece for gap in rest for piece in subtract(gap, self.running))
            for gap in rest:
                gone = give_up_after is not None and self._is_given_up(gap, now - give_up_after, first_asked)
                (let_go if gone else windows).append(gap)
        return Gaps(tuple(windows), tuple(let_go), tuple(not_over), tuple(running))

    def _is_given_up(self, gap: Window, limit: datetime, first_asked: Mapping[str, datetime] | None) -> bool:
        if any(_touch([gap], sign) for sign in (self.truncated, self.early, self.failed, self.running)):
            return False  # a run over it exists, so it holds data
        if first_asked is None:
            return gap.end <= limit
        asked = first_asked.get(gap.key)
        return asked is not None and max(gap.end, asked) <= limit


@dataclass(frozen=True, kw_only=True)
class CoverageRules:
    """When a run covers its window.

    :param max_spans: the limit the runs were triggered with, which the API does not tell; ``None`` for the server's own
        (10,000).
    :param evaluators: how many evaluators the task has: counts may be per evaluator, so only a sum that reaches
        ``max_spans`` for each of them shows that a run was cut short.
    :param settle: a run made earlier than this after the end of its window does not cover it, since it could not see
        the late spans. Default: every good run covers.
    :param max_error_rate: a completed run with a larger share of errors among its successes and errors does not cover;
        ``None``: every completed run may.
    """

    max_spans: int | None = None
    evaluators: int = 1
    settle: timedelta = timedelta()
    max_error_rate: float | None = None


def read_coverage(span: Window, runs: Iterable[TaskRun], rules: CoverageRules | None = None) -> Coverage:
    """Read the coverage of a range off the runs of a task.

    :param span: the range.
    :param runs: all runs of the task, in any order. Runs without a window (of dataset tasks) are passed over.
    :param rules: when a run covers its window; the defaults if not given.
    """
    rules = rules or CoverageRules()
    found: dict[str, list[Window]] = {name: [] for name in ("covered", "running", "truncated", "early", "failed")}
    for run in runs:
        window = _window_of(run)
        inside = None if window is None else clip(window, span)
        if window is not None and inside is not None:
            found[_kind(run, window, rules)].append(inside)
    return Coverage(span, **{name: merge(windows) for name, windows in found.items()})


def _window_of(run: TaskRun) -> Window | None:
    start, end = run.data_start_time, run.data_end_time
    if start is None or end is None or start >= end:
        return None
    return Window(start, end)


def _kind(run: TaskRun, window: Window, rules: CoverageRules) -> str:
    if not run.status.is_terminal:
        return "running"
    if run.status is RunStatus.COMPLETED:
        if truncation(run, max_spans=rules.max_spans, evaluators=rules.evaluators) is Truncation.YES:
            return "truncated"
        policy = RunPolicy(max_error_rate=rules.max_error_rate)
        if judge_counts(Counts.of([run]), policy).outcome is not Outcome.SUCCEED:
            return "failed"
    elif not is_already_evaluated(run):
        return "failed"
    made = run.created_at or run.run_started_at
    if rules.settle and made is not None and made < window.end + rules.settle:
        return "early"
    return "covered"


def merge(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The windows united: in order, disjoint, none touching the next. Empty windows vanish."""
    merged: list[Window] = []
    for window in sorted(window for window in windows if window.width):
        if merged and window.start <= merged[-1].end:
            if window.end > merged[-1].end:
                merged[-1] = Window(merged[-1].start, window.end)
        else:
            merged.append(window)
    return tuple(merged)


def clip(window: Window, span: Window) -> Window | None:
    """The part of a window that lies inside a range, or ``None``."""
    start, end = max(window.start, span.start), min(window.end, span.end)
    return Window(start, end) if start < end else None


def _near(window: Window, merged: Sequence[Window]) -> Iterator[Window]:
    """Those of the merged windows that overlap a window, clipped to it, in order."""
    first = max(0, bisect_right(merged, window.start, key=lambda each: each.start) - 1)
    for each in merged[first:]:
        if each.start >= window.end:
            return
        part = clip(each, window)
        if part is not None:
            yield part


def subtract(window: Window, merged: Sequence[Window]) -> tuple[Window, ...]:
    """What remains of a window without the merged windows, in order."""
    rest = []
    start = window.start
    for part in _near(window, merged):
        if start < part.start:
            rest.append(Window(start, part.start))
        start = part.end
    if start < window.end:
        rest.append(Window(start, window.end))
    return tuple(rest)


def intersect(windows: Iterable[Window], merged: Sequence[Window]) -> tuple[Window, ...]:
    """The parts of some windows that lie in the merged windows, in order."""
    return tuple(part for window in windows for part in _near(window, merged))


def _touch(windows: Iterable[Window], merged: Sequence[Window]) -> bool:
    return any(True for window in windows for _ in _near(window, merged))
