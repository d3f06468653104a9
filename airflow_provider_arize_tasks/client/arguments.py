"""Arguments: literals are checked while the DAG is parsed, templated ones once they are rendered.

A shape takes a :class:`Checker`, the name of the place and the value; it returns the value in the form the API takes
and notes every problem with the checker instead of stopping at the first. Before templates are rendered, whatever is
still pending is passed over.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import partial
from typing import Any, Protocol, TypeVar

from airflow_provider_arize_tasks.client.errors import ArizeValidationError
from airflow_provider_arize_tasks.client.fields import FieldError as FieldError
from airflow_provider_arize_tasks.client.fields import as_bool as as_bool
from airflow_provider_arize_tasks.client.fields import as_int as as_int
from airflow_provider_arize_tasks.client.fields import as_length, nearest, parse_time
from airflow_provider_arize_tasks.client.fields import as_number as as_number

E = TypeVar("E", bound=Enum)
T = TypeVar("T")


class HasToDict(Protocol):
    """An object of the SDK, or of this client: it is taken wherever a dict is."""

    def to_dict(self) -> Any:
        """Its fields."""


_TEMPLATE = re.compile(r"\{\{|\{%|\{#")


def is_pending(value: Any) -> bool:
    """Whether a value is known only once Airflow has rendered it: a template, or an upstream task's output.

    :param value: an argument, or a part of one.
    """
    if isinstance(value, str):
        return bool(_TEMPLATE.search(value))
    # Airflow's ResolveMixin, which XComArg and its kind are; told by its methods, since pathlib.Path resolves, too.
    return hasattr(value, "resolve") and hasattr(value, "iter_references") and not isinstance(value, type)


def holds_pending(value: Any) -> bool:
    """Whether a value, or anything inside its lists and mappings, is pending.

    :param value: an argument.
    """
    if isinstance(value, Mapping):
        return any(holds_pending(each) for each in (*value, *value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(holds_pending(each) for each in value)
    return is_pending(value)


class Checker:
    """One pass over some arguments, that collects every problem to raise them as one error.

    :param rendered: whether templates are rendered by now; before, values that are still pending are passed over.
        Default true.
    """

    def __init__(self, *, rendered: bool = True) -> None:
        self.rendered = rendered
        self.problems: list[str] = []
        #: What the caller should log.
        self.notes: list[str] = []

    def is_open(self, value: Any) -> bool:
        """Whether a value is not known yet and so can't be judged."""
        return not self.rendered and is_pending(value)

    def problem(self, where: str, why: str) -> None:
        """Note a problem.

        :param where: the argument, or the place in it.
        :param why: what is wrong with it, as the rest of the sentence.
        """
        self.problems.append(f"{where} {why}")

    def read(self, name: str, value: Any, reader: Callable[[Any], T], default: T) -> T:
        """A value through a reader; ``default`` if it can't be read (which is noted) or is still pending."""
        if self.is_open(value):
            return default
        try:
            return reader(value)
        except FieldError as error:
            self.problem(name, f"{error}, got {value!r:.200}")
        except ValueError as error:
            self.problems.append(f"{name}: {error}")
        return default

    def choice(self, name: str, value: Any, kind: type[E], default: E) -> E:
        """One of an enum's values."""
        if self.is_open(value):
            return default
        try:
            return kind(value)
        except ValueError:
            allowed = ", ".join(repr(member.value) for member in kind)
            self.problem(name, f"must be one of {allowed}, got {value!r:.200}")
            return default

    def note(self, problems: Iterable[str]) -> None:
        """Add problems found elsewhere."""
        self.problems.extend(problems)

    def raise_if_any(self, subject: str | None = None) -> None:
        """Raise all problems together.

        :param subject: what they are about, as the message's beginning; default none.
        :raises ArizeValidationError: there are any.
        """
        if self.problems:
            first = f"{subject}: {self.problems[0]}" if subject else self.problems[0]
            raise ArizeValidationError([first, *self.problems[1:]])


def seconds(value: Any) -> float:
    """A positive length of time in any notation, as seconds."""
    return span(value).total_seconds()


def optional(reader: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """A reader that lets ``None`` (also as a template renders it) pass."""

    def read(value: Any) -> T | None:
        if value is None or (isinstance(value, str) and value.strip() in ("", "None")):
            return None
        return reader(value)

    return read


def span(value: Any) -> timedelta:
    """A positive length of time in any notation: a ``timedelta``, seconds, ``"2h"``, ``"1d"``, ``"P1D"``."""
    length = as_length(value)
    if length <= timedelta(0):
        raise FieldError("must be more than 0 seconds")
    return length


def between(low: float, high: float = math.inf) -> Callable[[Any], float]:
    """A reader of numbers between two, both included; default without an upper one."""

    def read(value: Any) -> float:
        number = float(as_number(value))
        if not low <= number <= high:
            raise FieldError(
                f"must lie between {low:g} and {high:g}" if high < math.inf else f"must be at least {low:g}"
            )
        return number

    return read


#: A share.
rate = between(0, 1)


def count(value: Any) -> int:
    """A whole number of at least 1."""
    return int(between(1)(as_int(value)))


def whole(value: Any) -> int:
    """A whole number of at least 0."""
    return int(between(0)(as_int(value)))


def ids(value: Any) -> list[str]:
    """A list of ids; one alone may stand for itself, and a template may render a list as JSON."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            raise FieldError("must be a list of ids; this is no JSON") from None
    if isinstance(value, str):
        return [value]
    if isinstance(value, Iterable):
        items = list(value)
        if all(isinstance(each, str) for each in items):
            return items
    raise FieldError("must be a list of ids")


def reference(value: Any) -> str:
    """A name or an id; the JSON of a task or run, as our operators return it, stands for its id."""
    if isinstance(value, dict):
        value = value.get("id")
    if isinstance(value, str) and value.strip() not in ("", "None"):
        return value.strip()
    raise FieldError("must be a name or an id")


Shape = Callable[[Checker, str, Any], Any]

#: Text that Airflow replaces by the content of a file of that name when it renders templates.
_FILE = re.compile(r"[^\s{\[].*\.(json|ya?ml|txt|j2)", re.IGNORECASE)
_HAS_OFFSET = re.compile(r"[Tt ].*([Zz]|[+-]\d\d(:?\d\d)?)\s*$")


def apply(check: Checker, shape: Shape, where: str, value: Any) -> Any:
    """The value in its shape, or as it is when it is still pending. What has a ``to_dict`` stands for that.

    :param check: notes what is wrong.
    :param shape: what the value must look like.
    :param where: the place, for messages.
    :param value: what was given there.
    """
    if check.is_open(value):
        return value
    if not isinstance(value, (str, Mapping, list, tuple)) and callable(getattr(value, "to_dict", None)):
        value = value.to_dict()
    return shape(check, where, value)


def text(*, longest: int | None = None, blank: bool = False, forbidden: str = "") -> Shape:
    """Text, by default not empty.

    :param longest: most characters.
    :param blank: whether it may be empty.
    :param forbidden: characters it must not hold.
    """

    def shape(check: Checker, where: str, value: Any) -> Any:
        value = value.value if isinstance(value, Enum) else value
        if not isinstance(value, str):
            check.problem(where, f"must be text, not {type(value).__name__}")
        elif not value.strip() and not blank:
            check.problem(where, "must not be empty")
        elif longest is not None and len(value) > longest:
            check.problem(where, f"must have at most {longest} characters, not {len(value)}")
        elif any(character in value for character in forbidden):
            check.problem(where, f"must not hold any of {' '.join(forbidden)}, got {value!r}")
        return value

    return shape


def choice(*members: str) -> Shape:
    """One of some enum members, in either case; becomes upper case."""

    def shape(check: Checker, where: str, value: Any) -> Any:
        word = value.value if isinstance(value, Enum) else value
        spelled = word.strip().upper() if isinstance(word, str) else None
        if spelled not in members:
            near = nearest(spelled or "", members)
            hint = f"; did you mean {near}?" if near else ""
            check.problem(where, f"must be one of {', '.join(members)}, not {word!r}{hint}")
        return spelled or value

    return shape


def _read_by(convert: Callable[[Any], float], least: float | None = None, most: float | None = None) -> Shape:
    """A value that may be written as text, within its limits."""

    def shape(check: Checker, where: str, value: Any) -> Any:
        try:
            converted = convert(value)
        except FieldError as error:
            check.problem(where, f"{error}, not {value!r}")
            return value
        if least is not None and converted < least:
            check.problem(where, f"must be {least} or more, not {converted}")
        elif most is not None and converted > most:
            check.problem(where, f"must be {most} or less, not {converted}")
        return converted

    return shape


#: A number, a whole number (both with a least and a most) and a truth value, also written as text.
number, integer = partial(_read_by, as_number), partial(_read_by, as_int)
boolean = _read_by(as_bool)


def instant(check: Checker, where: str, value: Any) -> Any:
    """A moment: a ``datetime`` or an ISO 8601 text. Without an offset it is taken as UTC, and the check notes so."""
    if isinstance(value, datetime):
        if value.utcoffset() is not None:
            return value
        # Assumes "naive-time-is-422", which a certificate asks about.
        check.notes.append(f"{where} {value.isoformat()} has no offset; it is sent as UTC")
        return value.replace(tzinfo=timezone.utc)
    moment = parse_time(value) if isinstance(value, str) else None
    if moment is None:
        check.problem(where, f"must be a datetime or an ISO 8601 text with a time, not {value!r}")
        return value
    if not _HAS_OFFSET.search(value):
        check.notes.append(f"{where} {value} has no offset; it is sent as UTC")
    return moment


def list_of(item: Shape, *, least: int = 0, most: int | None = None, unit: str = "entry") -> Shape:
    """A list, also written as JSON.

    :param item: shape of each entry.
    :param least: fewest entries.
    :param most: most entries.
    :param unit: what an entry is, for messages.
    """

    def shape(check: Checker, where: str, value: Any) -> Any:
        value = as_list(check, where, value)
        if not isinstance(value, (list, tuple)):
            return value
        if len(value) < least:
            check.problem(where, f"must hold at least {least} {unit}")
        if most is not None and len(value) > most:
            check.problem(where, f"must hold at most {most}, not {len(value)}")
        return [apply(check, item, f"{where}[{index}]", entry) for index, entry in enumerate(value)]

    return shape


def map_of(item: Shape) -> Shape:
    """An object with keys of the author's own, also written as JSON.

    :param item: shape of each value.
    """

    def shape(check: Checker, where: str, value: Any) -> Any:
        value = as_object(check, where, value)
        if not isinstance(value, Mapping):
            return value
        cleaned = {}
        for key, entry in value.items():
            if not isinstance(key, str) or not key:
                check.problem(where, f"must have text keys, not {key!r}")
            cleaned[key] = apply(check, item, f"{where}.{key}", entry)
        return cleaned

    return shape


def free(check: Checker, where: str, value: Any) -> Any:
    """Anything that JSON can hold."""
    if not check.rendered:
        return value
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        check.problem(where, f"must be plain JSON: {error}")
    return value


def free_object(check: Checker, where: str, value: Any) -> Any:
    """An object that JSON can hold, also written as JSON."""
    value = as_object(check, where, value)
    return free(check, where, value) if isinstance(value, Mapping) else value


def record(fields: Mapping[str, Shape], *, required: Iterable[str] = (), ignored: Iterable[str] = ()) -> Shape:
    """An object with fixed keys, also written as JSON. Keys that are ``None`` count as left out.

    :param fields: shape of each key.
    :param required: keys that must be there.
    :param ignored: keys that a reply of the server has and a request must not; they are dropped, so that what was read
        can be sent back.
    """
    needed, dropped = tuple(required), frozenset(ignored)

    def shape(check: Checker, where: str, value: Any) -> Any:
        value = as_object(check, where, value)
        if not isinstance(value, Mapping):
            return value
        for key in needed:
            if value.get(key) is None:
                check.problem(f"{where}.{key}", "is missing")
        cleaned = {}
        for key, entry in value.items():
            if key in dropped or (entry is None and key in fields):
                continue
            if key in fields:
                cleaned[key] = apply(check, fields[key], f"{where}.{key}", entry)
            else:
                check.problem(f"{where}.{key}", f"is unknown here{_hint(str(key), fields)}")
        return cleaned

    return shape


def _hint(key: str, known: Iterable[str]) -> str:
    near = nearest(key, known)
    return f"; did you mean {near!r}?" if near else f"; known are {', '.join(known)}"


def _parsed(kinds: tuple[type, ...], expected: str) -> Shape:
    """The value, parsed if it is JSON text, and a problem noted if it is of none of the kinds."""

    def shape(check: Checker, where: str, value: Any) -> Any:
        if isinstance(value, kinds):
            return value
        if isinstance(value, str):
            if not check.rendered and _FILE.fullmatch(value.strip()):
                return value
            try:
                parsed = json.loads(value)
            except (ValueError, RecursionError):
                check.problem(where, f"must be {expected}, got text that is no JSON: {value[:60]!r}")
                return value
            if isinstance(parsed, kinds):
                return parsed
        check.problem(where, f"must be {expected}, not {type(value).__name__}")
        return value

    return shape


#: A list, and an object, also written as JSON, their content unchecked.
as_list, as_object = _parsed((list, tuple), "a list"), _parsed((Mapping,), "an object")
