"""Coverage as a calendar for the terminal: one character per window, readable without colour."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.printable import printable
from airflow_provider_arize_tasks.coverage.states import NEXT_STEPS, State
from airflow_provider_arize_tasks.windows.times import DAY
from airflow_provider_arize_tasks.windows.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_arize_tasks.coverage.calendar import Cell

#: How many lines of windows to evaluate are printed before the rest is only counted.
_MOST_LINES = 15


@dataclass(frozen=True)
class Look:
    """How a state is shown.

    :param mark: one character.
    :param plain: one ASCII character, for terminals that can't show the other.
    :param colour: ANSI colour code.
    :param meaning: for the legend.
    """

    mark: str
    plain: str
    colour: str
    meaning: str


LOOKS = {
    State.COVERED: Look("█", "#", "32", "covered"),
    State.RUNNING: Look("r", "r", "36", "running"),
    State.TRUNCATED: Look("T", "T", "35", "truncated: a run reached max_spans"),
    State.DOUBTFUL: Look("?", "?", "33", "doubtful: max_spans may have been reached"),
    State.EARLY: Look("·", ".", "2", "early: not over, or its late spans not seen"),
    State.STALE: Look("S", "S", "34", "stale: labelled by an older judge"),
    State.FAILED: Look("F", "F", "31", "failed: no good run"),
    State.EMPTY: Look("0", "0", "93", "empty: runs found nothing to evaluate"),
    State.MISSING: Look("M", "M", "91", "missing: no run, as of a window without data"),
    State.LET_GO: Look("-", "-", "90", "let go: no sign of data for long enough"),
}


@dataclass(frozen=True, kw_only=True)
class Style:
    """What the terminal can show.

    :param colour: use ANSI colours.
    :param ascii: use ASCII characters only.
    :param width: columns of the terminal.
    """

    colour: bool = False
    ascii: bool = False
    width: int = 80

    def mark(self, state: State) -> str:
        """The character of a state."""
        look = LOOKS[state]
        text = look.plain if self.ascii else look.mark
        return f"\x1b[{look.colour}m{text}\x1b[0m" if self.colour else text


def render_calendar(cells: Sequence[Cell], every: timedelta, zone: tzinfo, style: Style) -> str:
    """The calendar, its legend and a sum.

    Days make a line per month, shorter windows a line per day, longer ones a line each.

    :param cells: the windows, in order.
    :param every: their width.
    :param zone: whose calendar.
    :param style: what the terminal can show.
    """
    if every == DAY:
        lines = _months(cells, zone, style)
    elif every < DAY:
        lines = _days(cells, every, zone, style)
    else:
        lines = (
            f"{_range(cell.window, zone)}  {style.mark(cell.state)} {cell.state.value} ({_percent(cell.covered)})"
            for cell in cells
        )
    return "\n".join([*lines, "", *_legend(cells, style), "", _sum(cells)])


def _months(cells: Sequence[Cell], zone: tzinfo, style: Style) -> Iterator[str]:
    yield " " * 9 + "".join(f"{number:<6}" for number in range(1, 32, 5)).rstrip()
    for (year, month), group in groupby(cells, lambda cell: _local(cell, zone).timetuple()[:2]):
        days = {_local(cell, zone).day: style.mark(cell.state) for cell in group}
        row = " ".join("".join(days.get(day, " ") for day in range(first, first + 5)) for first in range(1, 32, 5))
        yield f"{year:04}-{month:02}  {row.rstrip()}"


def _days(cells: Sequence[Cell], every: timedelta, zone: tzinfo, style: Style) -> Iterator[str]:
    if every == timedelta(hours=1):
        yield " " * 12 + "".join(f"{hour:<7}" for hour in range(0, 24, 6)).rstrip()
    fit = max(1, (style.width - 11) // 7)  # groups of six marks and a blank, beside the date
    for day, group in groupby(cells, lambda cell: _local(cell, zone).date()):
        row = list(group)
        since_midnight = _local(row[0], zone).replace(tzinfo=None) - datetime.combine(day, time())
        marks = [" "] * (since_midnight // every) + [style.mark(cell.state) for cell in row]
        parts = ["".join(marks[first : first + 6]) for first in range(0, len(marks), 6)]
        for first in range(0, len(parts), fit):
            yield f"{'' if first else str(day):<10}  {' '.join(parts[first : first + fit])}"


def _legend(cells: Sequence[Cell], style: Style) -> Iterator[str]:
    for state, look in LOOKS.items():
        count = sum(cell.state is state for cell in cells)
        yield f"  {style.mark(state)}  {count:>5}  {look.meaning}"


def _sum(cells: Sequence[Cell]) -> str:
    whole = sum((cell.window.width for cell in cells), timedelta())
    covered = sum((cell.covered * cell.window.width for cell in cells), timedelta())
    full = sum(cell.state is State.COVERED for cell in cells)
    return f"{full} of {len(cells)} windows covered, {_percent(covered / whole)} of the time."


def _percent(share: float) -> str:
    """Rounded, but never to a whole that is not one: 100 % means everything and 0 % nothing."""
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{min(max(share, 0.001), 0.999):.1%}"


def render_reasons(cells: Sequence[Cell], zone: tzinfo, style: Style) -> str:
    """Why windows are not covered and what to do about it, each reason once; empty where there is nothing to say.

    :param cells: the windows, in order.
    :param zone: whose calendar.
    :param style: what the terminal can show.
    """
    told: dict[str, str] = {}
    for cell in cells:
        for each in cell.stretches:
            if each.run_id and each.state not in (State.COVERED, State.RUNNING):
                when = _moment(each.window.start.astimezone(zone))
                told.setdefault(each.reason, f"{when}  {each.evaluator}: {each.state.value}: {each.reason}")
    lines = [_fitted(printable(line), style.width) for line in told.values()]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"and {len(lines) - _MOST_LINES} more; --json lists all"]
    found = {cell.state for cell in cells}
    steps = [f"{state.value}: {NEXT_STEPS[state]}" for state in State if state in found and state in _NEED_A_STEP]
    parts = (["Why:", *(f"  {line}" for line in lines)] if lines else []) + (
        ["What to do:", *(f"  {_fitted(step, style.width)}" for step in steps)] if steps else []
    )
    return "\n".join(parts)


#: States that a person may have to do something about, beside what any gap asks for.
_NEED_A_STEP = (State.TRUNCATED, State.DOUBTFUL, State.STALE, State.FAILED, State.EMPTY)


def _fitted(line: str, width: int) -> str:
    """A line in as many as it takes, indented."""
    return textwrap.fill(line, max(40, width - 2), subsequent_indent="    ", break_long_words=True)


def render_gaps(gaps: Sequence[Window], zone: tzinfo) -> str:
    """The windows left to evaluate, those next to each other taken together.

    :param gaps: in order.
    :param zone: whose calendar.
    """
    if not gaps:
        return "Nothing is left to evaluate."
    runs = list(_joined(gaps))
    lines = [f"  {_range(window, zone)}" + (f"  ({count} windows)" if count > 1 else "") for window, count in runs]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"  and {len(lines) - _MOST_LINES} more; --json lists all"]
    return "\n".join([f"Left to evaluate, {len(gaps)} window{'s' if len(gaps) > 1 else ''}:", *lines])


def _joined(windows: Iterable[Window]) -> Iterator[tuple[Window, int]]:
    joined: Window | None = None
    count = 0
    for window in windows:
        if joined is not None and window.start == joined.end:
            joined, count = Window(joined.start, window.end), count + 1
            continue
        if joined is not None:
            yield joined, count
        joined, count = window, 1
    if joined is not None:
        yield joined, count


def _local(cell: Cell, zone: tzinfo) -> datetime:
    return cell.window.start.astimezone(zone)


def _range(window: Window, zone: tzinfo) -> str:
    start, end = window.start.astimezone(zone), window.end.astimezone(zone)
    return f"{_moment(start)} to {_moment(end)}"


def _moment(instant: datetime) -> str:
    """As short as it is exact: seconds only where there are some."""
    exact = "milliseconds" if instant.microsecond else "seconds" if instant.second else "minutes"
    return instant.replace(tzinfo=None).isoformat(sep=" ", timespec=exact)
