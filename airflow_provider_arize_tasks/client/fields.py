"""Values as people and servers write them: ``"30"``, ``"false"``, ``'{"a": 1}'``, points and lengths of time.

The readers ``as_...`` return the value or raise :class:`FieldError` with the expectation as its text, which the caller
completes with the name of the field. Time is read in one way everywhere: in replies, in arguments, on the command line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, cast

from airflow_provider_arize_tasks.client.errors import ArizeConfigError

_TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})
_FALSE = frozenset({"false", "0", "no", "off", "f", "n"})


class FieldError(ValueError):
    """A value is not what its field takes; the text says what it must be."""


def is_blank(value: Any) -> bool:
    """Whether a field counts as not given: ``None`` or text of spaces only."""
    return value is None or (isinstance(value, str) and not value.strip())


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The known word that another was most likely meant to be, if one is like it."""
    import difflib  # only for who has mistyped

    return next(iter(difflib.get_close_matches(str(word), list(known), n=1)), None)


def as_bool(value: Any) -> bool:
    """A truth value, also written as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
    raise FieldError("must be true or false")


def as_number(value: Any) -> float:
    """A finite number, also written as text."""
    if isinstance(value, bool):
        raise FieldError("must be a number")
    if isinstance(value, str):
        try:
            value = float(value.strip())
        except ValueError:
            raise FieldError("must be a number") from None
    if not isinstance(value, (int, float)):
        raise FieldError("must be a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise FieldError("must be a finite number")
    return value


def as_int(value: Any) -> int:
    """A whole number, also written as text or as ``3.0``."""
    if isinstance(value, bool):
        raise FieldError("must be a whole number")
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            raise FieldError("must be a whole number") from None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise FieldError("must be a whole number")


def as_text(value: Any) -> str:
    """Text without spaces around it."""
    if not isinstance(value, str):
        raise FieldError("must be text")
    return value.strip()


def as_mapping(value: Any) -> Mapping[str, Any]:
    """An object with text keys, also written as JSON."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise FieldError("must be a JSON object") from None
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise FieldError("must be an object with text keys")
    return value


#: pendulum reads no more digits of a second than these.
_FRACTION = re.compile(r"([.,]\d{6})\d+")
_POINT = re.compile(
    r"\d{4}-?\d\d-?\d\d(?:[Tt ]\d\d(?::?\d\d(?::?\d\d(?:[.,]\d{1,30})?)?)?\s*(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
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
    try:
        return in_utc(_parse(text)[0]) if ":" in text else None
    except (ValueError, OverflowError):  # pendulum's own errors are ValueErrors
        return None


def point_in_time(value: datetime | date | str, *, name: str, zone: tzinfo) -> tuple[datetime, bool]:
    """A point in time from an argument.

    :param value: a datetime, a date, or ISO 8601 text (``2026-11-22``, ``20261122``, ``2026-11-22T06:00``,
        ``2026-11-22 06:00:00.250+01:00``, ``...Z``).
    :param name: the argument's name, for the message.
    :param zone: time zone of a value that carries none. A local time that the clocks skip is read with the offset
        before the change, one that they show twice is the first of the two.
    :return: the point in UTC, and whether it was read in ``zone`` because it carried no time zone of its own.
    :raises ArizeTimeError: empty, ``"None"``, or not a point in time. A template that came out empty is a mistake,
        never a wish for the default.
    """
    if isinstance(value, datetime):
        moment, is_local = value, value.tzinfo is None
    elif isinstance(value, date):
        moment, is_local = datetime.combine(value, time()), True
    elif isinstance(value, str):
        _refuse_nothing(value, name)
        try:
            moment, is_local = _parse(value.strip())
        except ValueError as error:
            raise ArizeTimeError(f"{name} is {value!r}, {error}") from error
    else:
        raise ArizeTimeError(
            f"{name} must be a datetime, a date or ISO 8601 text, got {type(value).__name__}: {value!r}"
        )
    try:
        # pendulum would take the second of an hour that the clocks show twice.
        return in_utc(moment.replace(tzinfo=zone) if is_local else moment), is_local
    except OverflowError as err:
        raise ArizeTimeError(f"{name} is out of range: {value!r}") from err


def point_or_length(
    value: datetime | date | timedelta | float | str, *, name: str, zone: tzinfo
) -> datetime | timedelta:
    """One end of a range: a point in time, or a length of time that reaches back from somewhere.

    :param value: as :func:`point_in_time` or :func:`length_of_time` take it; digits alone (``20261122``) are a date,
        never seconds.
    :param name: the argument's name, for the message.
    :param zone: time zone of a point that carries none.
    :raises ArizeTimeError: neither.
    """
    is_length = not isinstance(value, (date, str)) or (isinstance(value, str) and _is_length(value.strip().lower()))
    if is_length and isinstance(value, (timedelta, int, float, str)):
        return length_of_time(value, name=name)
    return point_in_time(value, name=name, zone=zone)[0]  # type: ignore[arg-type]  # which refuses anything else


def _is_length(text: str) -> bool:
    return text in _NAMES or any(pattern.fullmatch(text) for pattern in (_PARTS, _ISO_LENGTH))


def _parse(text: str) -> tuple[datetime, bool]:
    """ISO 8601 text as a point in time, and whether it carries no offset. pendulum alone would take far more."""
    match = _POINT.fullmatch(text) if len(text) <= 80 else None
    if match is None:
        raise ValueError("which is not an ISO 8601 date or time; examples: 2026-11-22, 2026-11-22T06:00:00+01:00")
    import pendulum

    spelled = re.sub(r"(?<=\d)[t ](?=\d)", "T", text).replace(" ", "").replace("z", "Z")
    try:
        moment = cast("pendulum.DateTime", pendulum.parse(_FRACTION.sub(r"\1", spelled)))
    except ValueError as error:  # pendulum's own errors are ValueErrors
        raise ValueError("which is no day or time that there is") from error
    return (moment, False) if match["zone"] else (_plain(moment, None), True)


def in_utc(moment: datetime) -> datetime:
    """The moment as a plain ``datetime`` in UTC.

    Plain, since arithmetic with a ``pendulum.DateTime`` that carries a ``datetime.timezone`` drops the time zone.

    :param moment: a point in time with a time zone.
    """
    if type(moment) is datetime and moment.tzinfo is timezone.utc:
        return moment
    return _plain(moment.astimezone(timezone.utc), timezone.utc)


def _plain(moment: datetime, zone: tzinfo | None) -> datetime:
    return datetime(*moment.timetuple()[:6], moment.microsecond, tzinfo=zone)


def length_of_time(value: timedelta | float | str, *, name: str, least: timedelta = timedelta()) -> timedelta:
    """A length of time as every argument takes it.

    :param value: a ``timedelta``; seconds, as a number or as text; counts with units (``"30s"``, ``"90m"``, ``"2h"``,
        ``"1d"``, ``"1w"``, ``"1h30m"``); a name (``"hour"``, ``"hourly"``, ``"day"``, ``"daily"``, ``"week"``,
        ``"weekly"``); or an ISO 8601 duration of weeks, days, hours, minutes and seconds (``"P1D"``, ``"PT90M"``).
    :param name: the argument's name, for messages.
    :param least: the shortest one to take. Default zero.
    :return: the length, never negative.
    :raises ArizeTimeError: anything else. A template that came out empty is a mistake, never a wish for the default.
    """
    if isinstance(value, str):
        _refuse_nothing(value, name)
    try:
        length = as_length(value)
        if length < least:
            raise FieldError(f"must be at least {least.total_seconds():g} seconds")
    except FieldError as error:
        raise ArizeTimeError(f"{name} {error}, got {value!r:.100}") from None
    return length


def _refuse_nothing(text: str, name: str) -> None:
    if text.strip().lower() in _NOTHING:
        raise ArizeTimeError(
            f"{name} is {text!r}: a template came out empty, which never stands for the default. Correct the template, "
            "or leave the argument out"
        )


def as_length(value: Any) -> timedelta:
    """As :func:`length_of_time`, for callers who name the argument themselves.

    :param value: in any notation.
    :raises FieldError: anything else; its text wants the argument's name before it.
    """
    try:
        if isinstance(value, str):
            length = _length_of_text(value.strip().lower())
        elif isinstance(value, timedelta):
            length = value
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            length = timedelta(seconds=value)
        else:
            raise FieldError(_WAYS)
    except OverflowError:
        raise FieldError("is too long a time") from None
    if length < timedelta():
        raise FieldError("must not be negative")
    return length


_WAYS = "must be a length of time (a timedelta, seconds, '2h', '1d', 'P1D')"


def _length_of_text(text: str) -> timedelta:
    if text in _NAMES:
        return _NAMES[text]
    if _SECONDS.fullmatch(text):
        return timedelta(seconds=float(text))
    if _PARTS.fullmatch(text):
        return sum((float(count) * _UNITS[unit] for count, unit in _PART.findall(text)), timedelta())
    length = _length_of_iso(text.upper()) if _ISO_LENGTH.fullmatch(text) else None
    if length is None:
        raise FieldError(_WAYS)
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
