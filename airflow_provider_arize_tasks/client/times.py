"""Points and lengths of time, read in one way everywhere: in replies, in arguments, on the command line."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta, timezone

from airflow_provider_arize_tasks.client.errors import ArizeConfigError

#: Python reads no more digits of a second than these.
_FRACTION = re.compile(r"([.,]\d{6})\d+")
_POINT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,30})?)?\s*(?:[Zz]|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_NAMES = {
    "hour": timedelta(hours=1),
    "hourly": timedelta(hours=1),
    "day": timedelta(days=1),
    "daily": timedelta(days=1),
    "week": timedelta(weeks=1),
    "weekly": timedelta(weeks=1),
}
_PARTS = re.compile(r"(?:\d{1,15}(?:\.\d{1,9})?\s*(?:min|[smhdw])\s*)+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(min|[smhdw])", re.ASCII)
_ISO_LENGTH = re.compile(
    r"p(?=.)(?:\d{1,9}w)?(?:\d{1,9}d)?(?:t(?=.)(?:\d{1,9}h)?(?:\d{1,9}m)?(?:\d{1,9}(?:[.,]\d{1,6})?s)?)?"
)
_SECONDS = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_NOTHING = frozenset({"", "none", "null", "undefined"})


class ArizeTimeError(ArizeConfigError, ValueError):
    """An argument that is no point, or no length, of time. The message names the ways to write one."""


def parse_time(text: str) -> datetime | None:
    """A point in time as servers write it: RFC 3339 with any number of fraction digits.

    Lenient where that is safe (a blank for the ``T``, seconds left out, ``+01``); a time without an offset is UTC, as
    everything the API sends. A date alone, a bare year or digits alone are no point in time.

    :param text: the text.
    :return: the point in UTC, or ``None`` when the text is no such time.
    """
    text = text.strip()
    if len(text) > 80 or not _POINT.fullmatch(text):
        return None
    import pendulum

    date, clock = text[:10], text[11:].upper().replace(" ", "")
    try:
        moment = pendulum.parse(date + "T" + _FRACTION.sub(r"\1", clock))
        return in_utc(moment) if isinstance(moment, pendulum.DateTime) else None
    except (ValueError, OverflowError):  # pendulum's own errors are ValueErrors
        return None


def in_utc(moment: datetime) -> datetime:
    """The moment as a plain ``datetime`` in UTC.

    Plain, since arithmetic with a ``pendulum.DateTime`` that carries a ``datetime.timezone`` drops the time zone.

    :param moment: a point in time with a time zone.
    """
    utc = moment.astimezone(timezone.utc)
    return datetime(*utc.timetuple()[:6], utc.microsecond, tzinfo=timezone.utc)


def length_of_time(value: timedelta | float | str, *, name: str) -> timedelta:
    """A length of time as every argument takes it.

    :param value: a ``timedelta``; seconds, as a number or as text; counts with units (``"30s"``, ``"90m"``, ``"2h"``,
        ``"1d"``, ``"1w"``, ``"1h30m"``); a name (``"hour"``, ``"hourly"``, ``"day"``, ``"daily"``, ``"week"``,
        ``"weekly"``); or an ISO 8601 duration of weeks, days, hours, minutes and seconds (``"P1D"``, ``"PT90M"``).
    :param name: the argument's name, for messages.
    :return: the length; it may be zero, never negative.
    :raises ArizeTimeError: anything else. A template that came out empty is a mistake, never a wish for the default.
    """
    if isinstance(value, bool) or not isinstance(value, (timedelta, int, float, str)):
        raise ArizeTimeError(f"{name} {_WAYS}, got {type(value).__name__}: {value!r:.100}")
    try:
        length = _length_of_text(value, name) if isinstance(value, str) else _length_of_number(value, name)
    except OverflowError:
        raise ArizeTimeError(f"{name} is too long: {value!r:.100}") from None
    if length < timedelta():
        raise ArizeTimeError(f"{name} must not be negative, got {value!r}")
    return length


_WAYS = "must be a length of time (a timedelta, seconds, '2h', '1d', 'P1D')"


def _length_of_number(value: timedelta | float, name: str) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not math.isfinite(value):
        raise ArizeTimeError(f"{name} {_WAYS}, got {value!r}")
    return timedelta(seconds=value)


def _length_of_text(text: str, name: str) -> timedelta:
    short = text.strip().lower()
    if short in _NOTHING:
        raise ArizeTimeError(
            f"{name} is {text!r}: a template came out empty, which never stands for the default. Correct the template, "
            "or leave the argument out"
        )
    if short in _NAMES:
        return _NAMES[short]
    if _SECONDS.fullmatch(short):
        return timedelta(seconds=float(short))
    if _PARTS.fullmatch(short):
        return sum((float(count) * _UNITS[unit] for count, unit in _PART.findall(short)), timedelta())
    length = _length_of_iso(short.upper()) if _ISO_LENGTH.fullmatch(short) else None
    if length is None:
        raise ArizeTimeError(f"{name} {_WAYS}, got {text!r:.100}")
    return length


def _length_of_iso(text: str) -> timedelta | None:
    """An ISO 8601 duration. Months and years have no fixed length, so they are none."""
    import pendulum

    try:
        length = pendulum.parse(text)
    except ValueError:  # pendulum's own errors are ValueErrors
        return None
    if not isinstance(length, pendulum.Duration) or length.years or length.months:
        return None
    return length.as_timedelta()
