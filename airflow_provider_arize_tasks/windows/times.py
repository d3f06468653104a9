"""Calendar arithmetic, without Airflow. Points and lengths of time are read by :mod:`..client.fields`.

Whole days are calendar days of a time zone (23 or 25 hours when the clocks change), anything shorter is absolute time.
So a window that reaches one day back from local midnight begins at the local midnight before, on every day of the year.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

from airflow_provider_arize_tasks.client.fields import ArizeTimeError, in_utc

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
