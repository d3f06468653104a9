"""Reading points in time and calendar arithmetic, without Airflow and without pendulum.

Whole days are calendar days of a time zone (23 or 25 hours when the clocks change), anything shorter is absolute time.
So a window that reaches one day back from local midnight begins at the local midnight before, on every day of the year.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_arize_tasks.client.errors import ArizeConfigError

DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)

_ISO = re.compile(
    r"(?P<year>\d{4})-?(?P<month>\d{2})-?(?P<day>\d{2})"
    r"(?:[T ](?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"\s?(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?)?)?"
)
_WIDTH = re.compile(r"(?P<count>\d+)\s*(?P<unit>m|min|h|d|w)")
_UNITS = {"m": timedelta(minutes=1), "min": timedelta(minutes=1), "h": timedelta(hours=1), "d": DAY, "w": 7 * DAY}
_NAMED_WIDTHS = {
    "hour": timedelta(hours=1),
    "hourly": timedelta(hours=1),
    "day": DAY,
    "daily": DAY,
    "week": 7 * DAY,
    "weekly": 7 * DAY,
}


class WindowError(ArizeConfigError, ValueError):
    """A window that can't be told, or one that the API would refuse. The message names the ways out."""


def in_utc(instant: datetime) -> datetime:
    """The instant as a plain ``datetime`` in UTC.

    Plain, since arithmetic with a ``pendulum.DateTime`` that carries a ``datetime.timezone`` drops the time zone.

    :param instant: a point in time with a time zone.
    """
    if type(instant) is datetime and instant.tzinfo is timezone.utc:
        return instant
    utc = instant.astimezone(timezone.utc)
    return datetime(*utc.timetuple()[:6], utc.microsecond, tzinfo=timezone.utc)


def zone_of(value: tzinfo | str) -> tzinfo:
    """A time zone from its object or its IANA name.

    :param value: a ``tzinfo`` (``zoneinfo``, ``pendulum``) or a name such as ``Europe/Berlin``.
    :raises WindowError: no such time zone.
    """
    if isinstance(value, tzinfo):
        return value
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as err:
        raise WindowError(f"unknown time zone {value!r}: use an IANA name such as 'UTC' or 'Europe/Berlin'") from err


def width_of(value: timedelta | str, *, name: str = "window") -> timedelta:
    """The width of a window from a ``timedelta``, a name or a short text.

    :param value: a ``timedelta``, ``day``/``daily``, ``hour``/``hourly``, ``week``/``weekly``, or a count with a unit
        (``30m``, ``6h``, ``2d``, ``1w``).
    :param name: the argument's name, for the message.
    :raises WindowError: not one of those, or less than a millisecond wide.
    """
    width = value if isinstance(value, timedelta) else _width_of_text(str(value).strip().lower(), name)
    if width < MILLISECOND:
        raise WindowError(f"{name} must be at least one millisecond wide, got {value!r}")
    return width


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


def delay_of(text: str) -> timedelta | None:
    """A span of time that may be zero, from a count with a unit (``30d``, ``6h``, ``0d``); ``None`` for other text.

    :raises WindowError: too long for a ``timedelta``.
    """
    short = text.strip().lower()
    return _width_of_text(short, "it") if _WIDTH.fullmatch(short) else None


def _width_of_text(text: str, name: str) -> timedelta:
    if text in _NAMED_WIDTHS:
        return _NAMED_WIDTHS[text]
    match = _WIDTH.fullmatch(text)
    if match is None:
        raise WindowError(
            f"{name} must be a timedelta, 'day', 'hour', 'week' or a count with a unit such as '6h', got {text!r}"
        )
    try:
        return int(match["count"]) * _UNITS[match["unit"]]
    except OverflowError as err:
        raise WindowError(f"{name} is too wide: {text!r}") from err


def parse_instant(value: datetime | date | str, *, name: str, zone: tzinfo) -> tuple[datetime, bool]:
    """A point in time from an argument.

    :param value: a datetime, a date, or ISO 8601 text (``2026-11-22``, ``20261122``, ``2026-11-22T06:00``,
        ``2026-11-22 06:00:00.250+01:00``, ``...Z``).
    :param name: the argument's name, for the message.
    :param zone: time zone of a value that carries none. A local time that the clocks skip is read with the offset
        before the change, one that they show twice is the first of the two.
    :return: the point in UTC, and whether it was read in ``zone`` because it carried no time zone of its own.
    :raises WindowError: empty, ``"None"``, or not a point in time. A template that came out empty is a mistake, never a
        wish for the default.
    """
    if isinstance(value, datetime):
        parsed = value
    elif isinstance(value, date):
        parsed = datetime.combine(value, time())
    elif isinstance(value, str):
        parsed = _parse_text(value, name)
    else:
        raise WindowError(f"{name} must be a datetime, a date or ISO 8601 text, got {type(value).__name__}: {value!r}")
    local = parsed.tzinfo is None
    try:
        return in_utc(parsed.replace(tzinfo=zone) if local else parsed), local
    except OverflowError as err:
        raise WindowError(f"{name} is out of range: {value!r}") from err


def _parse_text(text: str, name: str) -> datetime:
    stripped = text.strip()
    if stripped.lower() in ("", "none", "null", "undefined"):
        raise WindowError(
            f"{name} is {text!r}: a template came out empty, which never stands for the default. Correct the template, "
            "or leave the argument out"
        )
    match = _ISO.fullmatch(stripped)
    if match is None:
        raise WindowError(
            f"{name} is {text!r}, which is not an ISO 8601 date or time; examples: 2026-11-22, "
            "2026-11-22T06:00:00+01:00"
        )
    fraction = (match["fraction"] or "").ljust(6, "0")[:6]
    year, month, day, hour, minute, second = (
        int(match[part] or 0) for part in ("year", "month", "day", "hour", "minute", "second")
    )
    try:
        return datetime(year, month, day, hour, minute, second, int(fraction), tzinfo=_offset(match["zone"]))
    except ValueError as err:
        raise WindowError(f"{name} is {text!r}: {err}") from err


def _offset(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text in "Zz":
        return timezone.utc
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


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
