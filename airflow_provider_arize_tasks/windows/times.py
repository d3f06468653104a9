"""Calendar arithmetic, and what time a partition stands for. Points and lengths are read by :mod:`..client.fields`.

Whole days are calendar days of a time zone (23 or 25 hours when the clocks change), anything shorter is absolute time.
So a window that reaches one day back from local midnight begins at the local midnight before, on every day of the year.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone, tzinfo

from airflow_provider_arize_tasks.client.fields import ArizeTimeError, in_utc, point_in_time

DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)

#: A window that can't be told, or one that the API would refuse. The message names the ways out.
WindowError = ArizeTimeError


def zone_of(value: tzinfo | str) -> tzinfo:
    """A time zone from its object or its IANA name.

    :param value: a ``tzinfo`` (``zoneinfo``, ``pendulum``) or a name such as ``Europe/Berlin``.
    :raises WindowError: no such time zone.
    """
    if isinstance(value, tzinfo):
        return value
    import pendulum

    try:
        return pendulum.timezone(value)
    except ValueError as err:
        raise WindowError(f"unknown time zone {value!r}: use an IANA name such as 'UTC' or 'Europe/Berlin'") from err


def in_words(width: timedelta) -> str:
    """A length of time as a message says it: ``1 day``, ``1 hour 30 minutes``.

    :param width: the length, not negative.
    """
    seconds = width.total_seconds()
    parts = []
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count:g} {unit}{'' if count == 1 else 's'}")
    if seconds or not parts:
        parts.append(f"{seconds:g} second{'' if seconds == 1 else 's'}")
    return " ".join(parts)


def shift(instant: datetime, by: timedelta, zone: tzinfo) -> datetime:
    """The instant moved by a duration: whole days on the calendar of ``zone``, anything else in absolute time.

    The first instant of a day counts as its midnight also where the clocks skip that (Beirut, last Sunday of March).

    :param instant: a point in time with a time zone.
    :param by: how far, negative for back. Whole days keep the wall-clock time, so they may be 23 or 25 hours each.
    :param zone: whose calendar counts.
    :return: the point in UTC.
    :raises WindowError: the point lies beyond the years 1 to 9999.
    """
    instant = in_utc(instant)
    try:
        return _shifted(instant, by, zone)
    except OverflowError as err:
        way = "before" if by < timedelta() else "after"
        raise WindowError(
            f"{in_words(abs(by))} {way} {instant.isoformat()} reaches beyond the years 1 to 9999"
        ) from err


def _shifted(instant: datetime, by: timedelta, zone: tzinfo) -> datetime:
    if by % DAY or not by:
        return instant + by
    local = instant.astimezone(zone)
    midnight = datetime.combine(local.date(), time())
    is_first_instant = in_utc(midnight.replace(tzinfo=zone)) == instant
    wall = (midnight if is_first_instant else local.replace(tzinfo=None, fold=0)) + by
    return in_utc(wall.replace(tzinfo=zone))


_PERIOD = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})(?:-(?P<day>\d{2})(?:[T ](?P<hour>\d{2}))?)?")


@dataclass(frozen=True)
class Partition:
    """Where a partition begins and, if its key tells, where it ends.

    :param start: first instant, in UTC.
    :param end: first instant after it, in UTC; ``None`` if the key does not say how long the partition is.
    :param zone: the time zone its key is written in.
    """

    start: datetime
    end: datetime | None
    zone: tzinfo


def read_partition(date: datetime | None, key: str | None, zone: tzinfo) -> Partition | None:
    """The partition of a DAG run.

    Airflow takes a partition's date for the start of its period, so the partition begins there. A key of a month, a day
    or an hour (``2026-11``, ``2026-11-22``, ``2026-11-22T06``) says how long the period is. A key with minutes or
    seconds (``2026-11-22T00:00:00``, what ``CronPartitionTimetable`` writes unless told otherwise) is a mere instant.

    :param date: the DAG run's ``partition_date``; ``None`` where Airflow knows none (a key given by hand).
    :param key: the DAG run's ``partition_key``.
    :param zone: the schedule's time zone.
    :return: the partition, or ``None`` if neither the date nor the key names a time.
    """
    wall, period = _read_key(key, zone)
    if date is None:
        if wall is None:
            return None
        date = wall.replace(tzinfo=zone)
    elif wall is not None and _wall(date, zone) != wall and _wall(date, timezone.utc) == wall:
        zone = timezone.utc  # the timetable has another time zone than the DAG: its days are the ones that count
    start = in_utc(date)
    return Partition(start, None if period is None else shift(start, period, zone), zone)


def _wall(instant: datetime, zone: tzinfo) -> datetime:
    return in_utc(instant).astimezone(zone).replace(tzinfo=None, fold=0)


def _read_key(key: str | None, zone: tzinfo) -> tuple[datetime | None, timedelta | None]:
    """The local start that a key names and the length of its period; ``None`` for what it does not tell."""
    if key is None:
        return None, None
    period = _PERIOD.fullmatch(key.strip())
    try:
        if period is not None:
            return _read_period(period)
        return _wall(point_in_time(key, name="partition_key", zone=zone)[0], zone), None
    except (ValueError, WindowError):
        return None, None  # the key names a region, a customer or the like, and no time


def _read_period(match: re.Match[str]) -> tuple[datetime, timedelta]:
    day, hour = match["day"], match["hour"]
    start = datetime(int(match["year"]), int(match["month"]), int(day or 1), int(hour or 0))  # noqa: DTZ001 - wall clock
    if hour is not None:
        return start, timedelta(hours=1)
    if day is not None:
        return start, timedelta(days=1)
    following = (start + timedelta(days=32)).replace(day=1)
    return start, following - start
