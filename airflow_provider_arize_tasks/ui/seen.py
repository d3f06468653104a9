"""What the gap and verify operators saw, beside what the records of runs tell. Pure.

Records know how a run ended. That a judge has changed since, that late spans came after it or that a window was let go
is seen by those who ask Arize, and written down by them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.coverage.intervals import intersect, merge, subtract, touch
from airflow_provider_arize_tasks.coverage.states import State
from airflow_provider_arize_tasks.ui.states import worst
from airflow_provider_arize_tasks.windows.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from airflow_provider_arize_tasks.ui.entries import Entry

_DAY = timedelta(days=1)
#: What was seen tells more than a record that says one of these.
_NO_TROUBLE = (State.COVERED, State.EMPTY)
#: What was seen of windows that no run is known to have covered.
_UNKNOWN = (State.MISSING, State.EMPTY)


@dataclass(frozen=True)
class Seen:
    """What was seen of a stretch of time, and by which task instance.

    :param window: the stretch.
    :param state: of all windows in it.
    :param by: the gap or verify operator's task instance.
    :param at: when it looked.
    """

    window: Window
    state: State
    by: Entry
    at: datetime


def day_window(day: date) -> Window:
    """A day in UTC, as the calendar has them.

    :param day: which.
    """
    start = datetime.combine(day, time(), timezone.utc)
    return Window(start, start + _DAY)


def seen_by_day(lookers: Iterable[Entry]) -> dict[date, list[Seen]]:
    """What is known last of each day, by those who looked.

    :param lookers: entries of gap and verify operators.
    """
    found: dict[date, list[Seen]] = {}
    left: dict[date, tuple[Window, ...]] = {}
    summaries = [(entry.summary, entry) for entry in lookers if entry.summary is not None]
    for summary, entry in sorted(summaries, key=lambda each: each[0].at, reverse=True):
        for window, state in summary.stretches:
            for day in _days(window):
                _add(found, left, day, Seen(window, state, entry, summary.at))
    return found


def _days(window: Window) -> Iterable[date]:
    last = (window.end - timedelta(milliseconds=1)).date()
    first = max(window.start.date(), last - timedelta(days=400))  # a hostile XCom may name a window of centuries
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _add(found: dict[date, list[Seen]], left: dict[date, tuple[Window, ...]], day: date, seen: Seen) -> None:
    """Keep what of a day nobody saw later."""
    unseen = left.setdefault(day, (day_window(day),))
    for part in intersect(unseen, (seen.window,)):
        found.setdefault(day, []).append(replace(seen, window=part))
    left[day] = merge(piece for each in unseen for piece in subtract(each, (seen.window,)))


def state_of_day(entries: Sequence[Entry], states: Mapping[object, State], seen: Sequence[Seen]) -> State | None:
    """The state of a day that asks for most attention.

    What ended after somebody looked counts as it ended. What ended before is as it was seen, but for trouble: only a
    look that found the window covered takes that away.

    :param entries: what touched the day.
    :param states: by window, how it ended.
    :param seen: what was seen of the day.
    """
    ended = {entry.window: entry.record.ended for entry in entries if entry.window}
    told = [_told(state, [each for each in seen if _is_about(each, key, ended)]) for key, state in states.items()]
    own = merge(Window(*key) for key in states if isinstance(key, tuple) and key in ended)
    rest = [each.state for each in seen if subtract(each.window, own)]
    return worst([*told, *rest])


def _is_about(seen: Seen, key: object, ended: Mapping[tuple[datetime, datetime], datetime | None]) -> bool:
    if not isinstance(key, tuple) or key not in ended or not touch((seen.window,), (Window(*key),)):
        return False
    end = ended[key]
    return end is not None and end <= seen.at


def _told(state: State, seen: Sequence[Seen]) -> State:
    found = worst([each.state for each in seen])
    if found is None or state is State.RUNNING:
        return state
    if found is State.COVERED:
        return State.COVERED
    # No run on Arize: the record of one says more, and so does a window that was found empty.
    return found if state in _NO_TROUBLE and found not in _UNKNOWN else state
