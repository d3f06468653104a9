"""The windows that are left to evaluate, and those left out with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import Enum
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.coverage.intervals import intersect, merge, subtract, touch
from airflow_provider_arize_tasks.coverage.states import Coverage, State
from airflow_provider_arize_tasks.windows.grid import cut_on_grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.windows.window import Window


class OnStale(str, Enum):
    """What to do about windows that were labelled by an older judge."""

    REPORT = "report"
    REEVALUATE = "reevaluate"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Gaps:
    """The windows that are left to evaluate, and those left out with the reason.

    :param windows: to evaluate, in order of time.
    :param let_go: without a sign of data for longer than ``give_up_after``.
    :param not_over: not over yet, or over for less than ``settle``.
    :param running: a run over them is still going.
    :param stale: labelled by an older version of an evaluator; evaluating them takes ``override_evaluations``.
    :param unseen: labelled before an evaluator was part of the task; its labels are missing, the others' stay.
    """

    windows: tuple[Window, ...]
    let_go: tuple[Window, ...] = ()
    not_over: tuple[Window, ...] = ()
    running: tuple[Window, ...] = ()
    stale: tuple[Window, ...] = ()
    unseen: tuple[Window, ...] = ()


def gaps_of(
    coverage: Coverage,
    every: timedelta,
    zone: tzinfo,
    *,
    now: datetime,
    settle: timedelta = timedelta(),
    give_up_after: timedelta | None = None,
    first_asked: Mapping[str, datetime] | None = None,
    include_running: bool = False,
) -> Gaps:
    """What of a range is not covered, cut on the borders of its windows.

    :param coverage: of the range.
    :param every: width of a window, cut on the grid of that width (days at the midnight of ``zone``).
    :param zone: whose calendar counts.
    :param now: the present. A window that is not over by ``now - settle`` is left out, whole.
    :param settle: how long after its end a window is left alone, because evaluation sees spans late.
    :param give_up_after: how long a window without a sign of data is asked for; ``None`` for ever.
    :param first_asked: when each window (by its ``key``) was returned first. Its age counts from then, or from its end
        if that is later, and one that was never returned is kept however old it is: a hole found late gets its chance.
        ``None`` if no such record is kept: age counts from the window's end.
    :param include_running: return windows with a run still going as well. They would be evaluated twice.
    """
    # Anything but these shows that there is data, so it is never given up.
    no_sign = (State.MISSING, State.EMPTY, State.COVERED)
    signs = coverage.windows_in(*(state for state in State if state not in no_sign))

    def is_given_up(gap: Window) -> bool:
        if give_up_after is None or touch((gap,), signs):
            return False
        asked = gap.end if first_asked is None else first_asked.get(gap.key)
        return asked is not None and max(gap.end, asked) <= now - give_up_after

    running = coverage.windows_in(State.RUNNING)
    stale = merge(each.window for each in coverage.stretches() if each.state is State.STALE and each.needs_override)
    unseen = merge(
        each.window for each in coverage.stretches() if each.state is State.STALE and not each.needs_override
    )
    open_ = coverage.windows_in(*(state for state in State if state not in (State.COVERED, State.STALE, State.RUNNING)))
    found: dict[str, list[Window]] = {name: [] for name in Gaps.__dataclass_fields__}
    for cell in cut_on_grid(coverage.span, every, zone):
        if cell.end + settle > now:
            found["not_over"] += subtract(cell, coverage.covered)
            continue
        blocked = () if include_running else running
        found["running"] += intersect((cell,), blocked)
        wanted = merge((*open_, *running)) if include_running and running else open_
        for gap in _without(intersect((cell,), wanted), blocked):
            found["let_go" if is_given_up(gap) else "windows"].append(gap)
        left = _without(_without((cell,), blocked), wanted)
        found["stale"] += intersect(left, stale)
        found["unseen"] += _without(intersect(left, unseen), stale)
    return Gaps(**{name: tuple(windows) for name, windows in found.items()})


def _without(windows: tuple[Window, ...], taken: tuple[Window, ...]) -> tuple[Window, ...]:
    return tuple(piece for window in windows for piece in subtract(window, taken))
