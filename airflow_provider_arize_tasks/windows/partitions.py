"""Partitions of a partitioned schedule (Airflow 3.2 and later) as stretches of time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

from airflow_provider_arize_tasks.client.fields import in_utc, point_in_time
from airflow_provider_arize_tasks.windows.times import WindowError, shift

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
