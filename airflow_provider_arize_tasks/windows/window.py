"""Data windows: half-open stretches of time ``[start, end)``, where they come from and how they are cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Literal, TypedDict

from airflow_provider_arize_tasks.client.fields import in_utc, length_of_time, point_in_time
from airflow_provider_arize_tasks.windows.times import DAY, MILLISECOND, in_words, read_partition, shift, zone_of
from airflow_provider_arize_tasks.windows.times import WindowError as WindowError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The widest window one run may have (the API's limit: ``data_start_time`` to ``data_end_time`` at most 30 days).
MAX_WINDOW = timedelta(days=30)

#: The ``lookback`` that reaches to the end of the window before.
SINCE_PREVIOUS = "since_previous"

#: How far the end of a window may lie after ``now`` before it counts as future. A run that starts on the dot ends its
#: window at "now" by the scheduler's clock; the worker's clock may be behind that.
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, order=True)
class Window:
    """A data window ``[start, end)``, kept in UTC at millisecond precision (what the API stores).

    :param start: first instant of the window; must carry a time zone.
    :param end: first instant after the window; must carry a time zone.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            value: datetime = getattr(self, name)
            if value.tzinfo is None:
                raise ValueError(f"{name} of a window needs a time zone, got {value!r}")
            utc = in_utc(value)
            if utc.microsecond % 1000:
                utc = utc.replace(microsecond=utc.microsecond // 1000 * 1000)
            if utc is not value:
                object.__setattr__(self, name, utc)

    @property
    def width(self) -> timedelta:
        """End minus start."""
        return self.end - self.start

    @property
    def key(self) -> str:
        """The window as one text, equal for equal windows: ``2026-11-22T00:00:00.000Z/2026-11-23T00:00:00.000Z``."""
        return f"{iso(self.start)}/{iso(self.end)}"

    def to_dict(self) -> WindowTimes:
        """The arguments of the trigger operator and of the API: ``data_start_time`` and ``data_end_time``."""
        return {"data_start_time": iso(self.start), "data_end_time": iso(self.end)}


def span_of(windows: Iterable[Window | None]) -> Window | None:
    """The shortest window that holds all of some windows.

    :param windows: in any order; those that are none are left out.
    :return: ``None`` if there are none.
    """
    some = [window for window in windows if window is not None]
    return Window(min(each.start for each in some), max(each.end for each in some)) if some else None


class WindowTimes(TypedDict):
    """A window as arguments of the trigger operator and of the API, in ISO 8601."""

    data_start_time: str
    data_end_time: str


def iso(instant: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as the API writes times."""
    return instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def to_milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970: the precision at which the API's times are compared."""
    return int((instant - _EPOCH) / timedelta(milliseconds=1))


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class ResolvedWindow:
    """The window of a run and how it was found.

    :param window: the window, not yet split.
    :param source: where it comes from, for the log: ``arguments``, ``data interval``, ``partition`` or ``lookback``.
    :param notes: lines to log, each a complete sentence.
    :param gap_before: what lies between the window of the DAG run before and this one, and no run evaluates.
    """

    window: Window
    source: str
    notes: tuple[str, ...] = ()
    gap_before: Window | None = None


@dataclass(frozen=True, kw_only=True)
class RunTimes:
    """The facts of a DAG run that windows are taken from.

    :param interval_start: the DAG run's ``data_interval_start``, ``None`` if it has none.
    :param interval_end: the DAG run's ``data_interval_end``, ``None`` if it has none.
    :param run_after: the earliest time the run could start (Airflow 3), ``None`` where unknown.
    :param partition_date: start of the DAG run's partition (Airflow 3.2), ``None`` if not partitioned.
    :param partition_key: key of the DAG run's partition, ``None`` if not partitioned. A key of a month, day or hour
        (``2026-11``, ``2026-11-22``, ``2026-11-22T06``) says how wide the partition is; with another key,
        ``lookback`` does.
    :param timezone: the DAG's time zone, for values without one.
    :param schedule_timezone: the schedule's own time zone, for whole days; the DAG's if not given.
    :param schedule: the DAG's schedule as text, for messages.
    """

    interval_start: datetime | None = None
    interval_end: datetime | None = None
    run_after: datetime | None = None
    partition_date: datetime | None = None
    partition_key: str | None = None
    timezone: tzinfo | str = "UTC"
    schedule_timezone: tzinfo | str | None = None
    schedule: str | None = None

    @property
    def reference(self) -> datetime | None:
        """The point in time the run stands for, the same on every attempt: its interval's end, else ``run_after``."""
        return self.interval_end or self.run_after

    @property
    def interval(self) -> Window | None:
        """The data interval, ``None`` if the run has none."""
        if self.interval_start is None or self.interval_end is None:
            return None
        return Window(self.interval_start, self.interval_end)

    @property
    def has_intervals(self) -> bool:
        """Whether the schedule gives its own runs an interval with a width: only runs by hand have none."""
        return self.schedule is not None and "DataIntervalTimetable" in self.schedule

    @property
    def is_partitioned(self) -> bool:
        """Whether the run is for a partition."""
        return self.partition_key is not None or self.partition_date is not None

    @property
    def zone(self) -> tzinfo:
        """Whose calendar counts for whole days."""
        return zone_of(self.timezone if self.schedule_timezone is None else self.schedule_timezone)


def resolve_window(
    run: RunTimes,
    *,
    data_start_time: datetime | date | str | None,
    data_end_time: datetime | date | str | None,
    lookback: timedelta | Literal["since_previous"] | None,
    previous_end: datetime | None = None,
    now: datetime,
) -> ResolvedWindow:
    """The window a run evaluates, from its arguments and its DAG run, never from the clock.

    In this order: both ends from the arguments (or one end and ``lookback``); the DAG run's data interval if it has a
    width; the partition of a partitioned schedule (Airflow 3.2 and later); ``lookback`` before the interval's end or,
    for a run without an interval (manual, asset-triggered), before ``run_after``.

    :param run: the DAG run.
    :param data_start_time: first instant, rendered; ``None`` if not given. A value without a time zone is taken in
        the DAG's, and a note says so.
    :param data_end_time: first instant after the window, likewise.
    :param lookback: width to use where the DAG run gives none. Whole days are calendar days of the schedule's time
        zone. ``"since_previous"`` reaches back to ``previous_end`` whatever the DAG run gives (a day where there is
        none).
    :param previous_end: where the window of the DAG run before ended; ``None`` if there was none, or it is not known.
    :param now: the present, only to refuse windows that end later than five minutes from it.
    :return: the window, its source and what to log about it.
    :raises WindowError: no window can be told, it is empty, inverted or ends in the future, a template came out empty,
        or one end is missing. The message names the ways out.
    """
    since_previous = lookback == SINCE_PREVIOUS
    width = None if isinstance(lookback, str) else lookback
    if width is not None and width < MILLISECOND:
        raise WindowError(f"lookback must be positive, got {lookback!r}")
    if data_start_time is not None or data_end_time is not None:
        found = _from_arguments(data_start_time, data_end_time, width, zone_of(run.timezone))
    elif since_previous:
        found = _since_previous(run, previous_end)
    else:
        found = _from_run(run, width)
    _check(found, now, run)
    return found if since_previous else replace(found, gap_before=_gap_before(found, previous_end))


def _from_arguments(
    start: datetime | date | str | None, end: datetime | date | str | None, lookback: timedelta | None, zone: tzinfo
) -> ResolvedWindow:
    notes: list[str] = []

    def read(value: datetime | date | str, name: str) -> datetime:
        instant, local = point_in_time(value, name=name, zone=zone)
        if local:
            notes.append(f"{name}={value!s} carries no time zone and is taken in the DAG's, {zone}: {iso(instant)}.")
        return instant

    if start is not None and end is not None:
        window = Window(read(start, "data_start_time"), read(end, "data_end_time"))
        if lookback is not None:
            notes.append("lookback is not used: both ends of the window are given.")
    elif lookback is None:
        given, missing = ("data_start_time", "data_end_time") if end is None else ("data_end_time", "data_start_time")
        raise WindowError(
            f"{given} is given without {missing}. Give both ends, or neither to take the DAG run's data interval, or "
            "add lookback=timedelta(...) for the missing one"
        )
    elif start is not None:
        first = read(start, "data_start_time")
        window = Window(first, shift(first, lookback, zone))
    else:
        assert end is not None  # noqa: S101 - for the type checker: one of the two is given
        last = read(end, "data_end_time")
        window = Window(shift(last, -lookback, zone), last)
    return ResolvedWindow(window, "arguments", tuple(notes))


def _from_run(run: RunTimes, lookback: timedelta | None) -> ResolvedWindow:
    interval = run.interval
    if interval is not None and interval.width:
        unused = (
            ("lookback is not used: the DAG run has a data interval with a width.",) if lookback is not None else ()
        )
        return ResolvedWindow(interval, "data interval", unused)
    if run.is_partitioned:
        found = _from_partition(run, lookback)
        if found is not None:
            return found
    end = run.run_after if interval is None else interval.end
    if lookback is None or end is None:
        raise WindowError(_no_window(run, end))
    what = "has no data interval" if interval is None else "has a data interval without width"
    note = f"The DAG run {what}: the window is the {in_words(lookback)} (lookback) before {iso(end)}."
    if run.partition_key is not None:
        note += f" Its partition key {run.partition_key!r} names no time."
    return ResolvedWindow(Window(shift(end, -lookback, run.zone), end), "lookback", (note,))


def _since_previous(run: RunTimes, previous_end: datetime | None) -> ResolvedWindow:
    end = run.reference
    if end is None:
        raise WindowError(_no_window(run, end))
    if previous_end is None or previous_end >= end:
        interval = run.interval
        start = interval.start if interval is not None and interval.width else shift(end, -DAY, run.zone)
        note = "No earlier DAG run has succeeded, so the window is this one's own interval, or else a day."
    else:
        start = previous_end
        note = f"The window begins where that of the DAG run before ended, at {iso(previous_end)}."
    return ResolvedWindow(Window(start, end), "end of the DAG run before", (note,))


def _gap_before(found: ResolvedWindow, previous_end: datetime | None) -> Window | None:
    """What a weekday schedule, a changed cron or the clocks leave out between two DAG runs."""
    if previous_end is None or found.source not in ("data interval", "lookback"):
        return None
    previous = in_utc(previous_end)
    return Window(previous, found.window.start) if previous < found.window.start else None


def _no_window(run: RunTimes, end: datetime | None) -> str:
    interval = run.interval
    schedule = "the schedule of this DAG" if run.schedule is None else f"the schedule {run.schedule!r}"
    if run.is_partitioned:
        reason = f"the partition {run.partition_key!r} of {schedule} does not say how long it is"
    elif interval is not None:
        reason = f"the data interval of this DAG run has no width ({iso(interval.start)}), as {schedule} gives none"
    elif end is None:
        reason = f"this DAG run has neither a data interval nor a run_after time ({schedule})"
    else:
        reason = f"this DAG run has no data interval (a manual or asset-triggered run; {schedule})"
    ways = ["lookback=timedelta(days=1) on this operator to evaluate the day before"]
    if run.has_intervals:
        ways.append("a logical date with the manual run, so that it gets the interval of that date")
    else:
        ways.append(
            "a schedule whose runs have an interval: schedule=CronDataIntervalTimetable('0 0 * * *', timezone='UTC')"
        )
    ways.append("both data_start_time and data_end_time")
    if run.partition_key is not None:
        ways.insert(2, "a partition key that names a month, a day or an hour (key_format='%Y-%m-%d')")
    return f"no window to evaluate: {reason}. Use one of: " + "; ".join(ways)


def _from_partition(run: RunTimes, lookback: timedelta | None) -> ResolvedWindow | None:
    partition = read_partition(run.partition_date, run.partition_key, run.zone)
    if partition is None:
        return None
    end, width = partition.end, "the time its key names"
    if end is None:
        if lookback is None:
            raise WindowError(_no_window(run, run.run_after))
        end, width = shift(partition.start, lookback, partition.zone), f"{in_words(lookback)} (lookback)"
    note = f"The window is the partition {run.partition_key!r} from {iso(partition.start)} on, for {width}."
    return ResolvedWindow(Window(partition.start, end), "partition", (note,))


def _check(found: ResolvedWindow, now: datetime, run: RunTimes) -> None:
    window = found.window
    interval = run.interval
    if window.start == window.end and interval is not None and interval == window:
        # "{{ data_interval_start }}" and "{{ data_interval_end }}" of a plain cron on Airflow 3.
        raise WindowError(_no_window(run, window.end))
    if window.start >= window.end:
        problem = "is empty" if window.start == window.end else "ends before it begins"
        raise WindowError(
            f"the window {iso(window.start)} to {iso(window.end)} (from the {found.source}) {problem}; data_start_time "
            "must be earlier than data_end_time, and the end is not part of the window"
        )
    if window.end > in_utc(now) + CLOCK_TOLERANCE:
        way = (
            "give the timetable run_offset=-1, so that a run evaluates the partition that has just ended"
            if found.source == "partition"
            else "a window must be over before it is evaluated"
        )
        raise WindowError(
            f"the window {iso(window.start)} to {iso(window.end)} (from the {found.source}) ends in the future (now: "
            f"{iso(now)}): {way}"
        )


def split_window(window: Window, *, max_width: timedelta = MAX_WINDOW) -> tuple[Window, ...]:
    """The window in consecutive half-open pieces, none wider than the limit.

    :param window: what to split.
    :param max_width: widest piece, in absolute time; never more than 30 days whatever is given (the API's limit).
    :return: the pieces in order; the last one may be shorter. The window itself where it fits.
    :raises WindowError: ``max_width`` is less than a millisecond.
    """
    limit = min(max_width, MAX_WINDOW) // MILLISECOND * MILLISECOND
    if limit < MILLISECOND:
        raise WindowError(f"max_window must be at least one millisecond, got {max_width!r}")
    pieces = []
    start = window.start
    while window.end - start > limit:
        pieces.append(Window(start, start + limit))
        start += limit
    return (*pieces, Window(start, window.end))


def halve(window: Window) -> tuple[Window, Window] | None:
    """The window in two halves, cut on a whole millisecond; ``None`` when it is one millisecond wide, or less."""
    if window.width <= MILLISECOND:
        return None
    middle = window.start + window.width // 2 // MILLISECOND * MILLISECOND
    return Window(window.start, middle), Window(middle, window.end)


def cut(window: Window, every: timedelta, zone: tzinfo) -> Iterator[Window]:
    """The window in consecutive pieces of one width, counted from its start; the last piece may be shorter.

    :param window: what to cut.
    :param every: width of a piece. Whole days are calendar days of ``zone``: 23 or 25 hours when the clocks change.
    :param zone: whose calendar counts.
    """
    border, steps = window.start, 1
    while border < window.end:
        try:
            # Hours stay absolute: 24 of them are no calendar day here, as they would be for shift().
            reach = window.start + steps * every if every % DAY else shift(window.start, steps * every, zone)
        except (OverflowError, WindowError):  # beyond the year 9999
            reach = window.end
        following = min(Window(window.start, reach).end, window.end)
        if following > border:  # a day that a zone skipped altogether (Apia, 30 December 2011) is no window
            yield Window(border, following)
            border = following
        steps += 1


def cut_windows(
    start: datetime | date | str,
    end: datetime | date | str,
    every: timedelta | float | str = "day",
    timezone: tzinfo | str = "UTC",
) -> list[WindowTimes]:
    """Cut a range into windows for ``.expand_kwargs(...)`` of the trigger operator.

    The windows are consecutive and cover ``[start, end)`` exactly; the last one is shorter where the range is no
    multiple of the width.

    :param start: first instant of the range; a date or time without a zone is taken in ``timezone``.
    :param end: first instant after the range, likewise: ``end="2026-12-01"`` ends with 30 November.
    :param every: a length of time: ``"day"``, ``"hour"``, ``"week"``, ``"6h"``, ``"P1D"``, seconds or a ``timedelta``.
        Days and weeks are calendar days of ``timezone``, so a day is 23 or 25 hours long when the clocks change.
    :param timezone: IANA name or ``tzinfo``.
    :return: one ``{"data_start_time": ..., "data_end_time": ...}`` per window, in order, in UTC. Airflow maps at most
        ``[core] max_map_length`` of them (1,024 unless set).
    :raises WindowError: a value is no point in time, the range is empty or inverted, or the width is none.
    """
    zone = zone_of(timezone)
    width = length_of_time(every, name="every", least=MILLISECOND)
    window = Window(
        point_in_time(start, name="start", zone=zone)[0],
        point_in_time(end, name="end", zone=zone)[0],
    )
    if window.start >= window.end:
        raise WindowError(
            f"start={start!s} is not earlier than end={end!s}; the end is not part of the range, so one day is "
            "start='2026-11-22', end='2026-11-23'"
        )
    return [piece.to_dict() for piece in cut(window, width, zone)]
