"""Coverage as a calendar: one cell per window."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.coverage.intervals import clip, subtract, touch
from airflow_provider_arize_tasks.coverage.states import NEXT_STEPS, Coverage, State, Stretch
from airflow_provider_arize_tasks.windows.grid import cut_on_grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_arize_tasks.windows.window import Window

#: From what must be known first to what is best.
_WORST_FIRST = tuple(state for state in State if state is not State.COVERED)


@dataclass(frozen=True)
class Cell:
    """One window of a calendar.

    :param window: the window.
    :param state: the worst that is known about any part of it, for any evaluator.
    :param covered: share of its time that is covered for every evaluator, 0 to 1.
    :param stretches: what it is made of, evaluator by evaluator.
    """

    window: Window
    state: State
    covered: float
    stretches: tuple[Stretch, ...] = ()

    @property
    def reason(self) -> str:
        """Why the cell is in its state."""
        if self.state is State.LET_GO:
            return "rule give_up_after: no run over it showed data for longer than that"
        return next((each.reason for each in self.stretches if each.state is self.state), "")

    @property
    def next_step(self) -> str:
        """What to do about it."""
        return NEXT_STEPS[self.state]


def cells_of(
    coverage: Coverage,
    every: timedelta,
    zone: tzinfo,
    *,
    now: datetime | None = None,
    let_go: Sequence[Window] = (),
) -> Iterator[Cell]:
    """The range as a calendar, one cell per window.

    :param coverage: of a range.
    :param every: width of a cell, cut on the grid of that width (days at the midnight of ``zone``).
    :param zone: time zone of the calendar.
    :param now: the present; a window that is not over is early, not missing.
    :param let_go: windows that were given up, in order.
    """
    rows = [(stretches, [each.window.start for each in stretches]) for stretches in coverage.by_evaluator.values()]
    for window in cut_on_grid(coverage.span, every, zone):
        inside = tuple(part for stretches, starts in rows for part in _inside(window, stretches, starts))
        left = sum((piece.width for piece in subtract(window, coverage.covered)), timedelta())
        found = {each.state for each in inside}
        state = next((state for state in _WORST_FIRST if state in found), State.COVERED)
        if state is State.MISSING and now is not None and window.end > now:
            state = State.EARLY
        if state in (State.MISSING, State.EMPTY) and touch((window,), let_go):
            state = State.LET_GO
        yield Cell(window, state, 1 - left / window.width, inside)


def _inside(window: Window, stretches: Sequence[Stretch], starts: Sequence[datetime]) -> Iterator[Stretch]:
    for each in stretches[max(0, bisect_right(starts, window.start) - 1) :]:
        if each.window.start >= window.end:
            return
        if clip(each.window, window) is not None:
            yield each
