"""Coverage as a calendar for the terminal: one character per window, readable without colour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from airflow_provider_arize_tasks.client.printable import printable
from airflow_provider_arize_tasks.coverage.intervals import merge
from airflow_provider_arize_tasks.coverage.states import NEXT_STEPS, State
from airflow_provider_arize_tasks.windows.times import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from airflow_provider_arize_tasks.coverage.calendar import Cell
    from airflow_provider_arize_tasks.windows.window import Window

#: How many lines of windows to evaluate are printed before the rest is only counted.
_MOST_LINES = 15


@dataclass(frozen=True)
class Look:
    """How a state is shown.

    :param mark: one character.
    :param plain: one ASCII character, for terminals that can't show the other.
    :param style: as rich calls it.
    :param meaning: for the legend.
    """

    mark: str
    plain: str
    style: str
    meaning: str


LOOKS = {
    State.COVERED: Look("█", "#", "green", "covered"),
    State.RUNNING: Look("r", "r", "cyan", "running"),
    State.TRUNCATED: Look("T", "T", "magenta", "truncated: a run reached max_spans"),
    State.DOUBTFUL: Look("?", "?", "yellow", "doubtful: max_spans may have been reached"),
    State.EARLY: Look("·", ".", "dim", "early: not over, or its late spans not seen"),
    State.STALE: Look("S", "S", "blue", "stale: labelled by an older judge"),
    State.FAILED: Look("F", "F", "red", "failed: no good run"),
    State.EMPTY: Look("0", "0", "bright_yellow", "empty: runs found nothing to evaluate"),
    State.MISSING: Look("M", "M", "bright_red", "missing: no run, as of a window without data"),
    State.LET_GO: Look("-", "-", "bright_black", "let go: no sign of data for long enough"),
}


def draw_calendar(cells: Sequence[Cell], every: timedelta, zone: tzinfo, *, plain: bool) -> Group:
    """The calendar, its legend and a sum.

    Days make a line per month, shorter windows a line per day, longer ones a line each.

    :param cells: the windows, in order.
    :param every: their width.
    :param zone: whose calendar.
    :param plain: use ASCII characters only.
    """
    marks = {state: Text(look.plain if plain else look.mark, look.style) for state, look in LOOKS.items()}
    if every == DAY:
        calendar = _months(cells, zone, marks)
    elif every < DAY:
        calendar = _days(cells, every, zone, marks)
    else:
        calendar = Table.grid(padding=(0, 2, 0, 0))
        for cell in cells:
            state = Text.assemble(marks[cell.state], f" {cell.state.value} ({_percent(cell.covered)})")
            calendar.add_row(_range(cell.window, zone), state)
    legend = Table.grid(padding=(0, 2, 0, 0))
    legend.add_column()
    legend.add_column(justify="right", min_width=5)
    for kind, look in LOOKS.items():
        legend.add_row(marks[kind], str(sum(cell.state is kind for cell in cells)), look.meaning)
    return Group(calendar, "", Padding(legend, (0, 0, 0, 2)), "", _sum(cells))


def _months(cells: Sequence[Cell], zone: tzinfo, marks: dict[State, Text]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
    table.add_column(min_width=8)
    for number in range(1, 32, 5):
        table.add_column(str(number), min_width=5, no_wrap=True)
    for (year, month), group in groupby(cells, lambda cell: _local(cell, zone).timetuple()[:2]):
        days = {_local(cell, zone).day: marks[cell.state] for cell in group}
        fives = (Text.assemble(*(days.get(day, " ") for day in range(first, first + 5))) for first in range(1, 32, 5))
        table.add_row(f"{year:04}-{month:02}", *fives)
    return table


def _days(cells: Sequence[Cell], every: timedelta, zone: tzinfo, marks: dict[State, Text]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    if every == timedelta(hours=1):
        table.add_row("", "".join(f"{hour:<7}" for hour in range(0, 24, 6)))
    for day, group in groupby(cells, lambda cell: _local(cell, zone).date()):
        row = list(group)
        since_midnight = _local(row[0], zone).replace(tzinfo=None) - datetime.combine(day, time())
        shown = [Text(" ")] * (since_midnight // every) + [marks[cell.state] for cell in row]
        sixes = (Text.assemble(*shown[first : first + 6]) for first in range(0, len(shown), 6))
        table.add_row(str(day), Text(" ").join(sixes))
    return table


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


def draw_reasons(cells: Sequence[Cell], zone: tzinfo) -> list[RenderableType]:
    """Why windows are not covered and what to do about it, each reason once; nothing where there is nothing to say.

    :param cells: the windows, in order.
    :param zone: whose calendar.
    """
    told: dict[str, tuple[str, str]] = {}
    for cell in cells:
        for each in cell.stretches:
            if each.run_id and each.state not in (State.COVERED, State.RUNNING):
                why = printable(f"{each.evaluator}: {each.state.value}: {each.reason}")
                told.setdefault(each.reason, (_moment(each.window.start.astimezone(zone)), why))
    found = {cell.state for cell in cells}
    steps = [(f"{state.value}:", NEXT_STEPS[state]) for state in State if state in found and state in _NEED_A_STEP]
    parts: list[RenderableType] = []
    if told:
        parts += ["", "Why:", _listed(_shortened(list(told.values())), 2)]
    if steps:
        parts += ["What to do:" if told else "\nWhat to do:", _listed(steps, 1)]
    return parts


#: States that a person may have to do something about, beside what any gap asks for.
_NEED_A_STEP = (State.TRUNCATED, State.DOUBTFUL, State.STALE, State.FAILED, State.EMPTY)


def _shortened(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    left = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], ("", f"and {left} more; --json lists all")] if left > 0 else lines


def _listed(lines: Iterable[tuple[str, str]], gap: int) -> Padding:
    table = Table.grid(padding=(0, gap, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
    return Padding(table, (0, 0, 0, 2))


def draw_gaps(gaps: Sequence[Window], zone: tzinfo) -> list[RenderableType]:
    """The windows left to evaluate, those next to each other taken together.

    :param gaps: in order.
    :param zone: whose calendar.
    """
    if not gaps:
        return ["Nothing is left to evaluate."]
    lines = []
    for joined in merge(gaps):
        count = sum(joined.start <= window.start < joined.end for window in gaps)
        lines.append((_range(joined, zone), f"({count} windows)" if count > 1 else ""))
    return [f"Left to evaluate, {len(gaps)} window{'s' if len(gaps) > 1 else ''}:", _listed(_shortened(lines), 2)]


def _local(cell: Cell, zone: tzinfo) -> datetime:
    return cell.window.start.astimezone(zone)


def _range(window: Window, zone: tzinfo) -> str:
    start, end = window.start.astimezone(zone), window.end.astimezone(zone)
    return f"{_moment(start)} to {_moment(end)}"


def _moment(instant: datetime) -> str:
    """As short as it is exact: seconds only where there are some."""
    exact = "milliseconds" if instant.microsecond else "seconds" if instant.second else "minutes"
    return instant.replace(tzinfo=None).isoformat(sep=" ", timespec=exact)
