"""Operator arguments: literals are checked while the DAG is parsed, templated ones once they are rendered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, TypeVar

from airflow_provider_arize_tasks.client.errors import ArizeValidationError
from airflow_provider_arize_tasks.client.fields import FieldError, as_bool, as_int, as_number
from airflow_provider_arize_tasks.client.times import as_length

E = TypeVar("E", bound=Enum)
T = TypeVar("T")


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


def rate(value: Any) -> float:
    """A share between 0 and 1."""
    number = as_number(value)
    if not 0 <= number <= 1:
        raise FieldError("must lie between 0 and 1")
    return float(number)


def count(value: Any) -> int:
    """A whole number of at least 1."""
    number = as_int(value)
    if number < 1:
        raise FieldError("must be at least 1")
    return number


def whole(value: Any) -> int:
    """A whole number of at least 0."""
    number = as_int(value)
    if number < 0:
        raise FieldError("must be at least 0")
    return number


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


__all__ = [
    "Checker",
    "FieldError",
    "as_bool",
    "as_int",
    "as_number",
    "count",
    "holds_pending",
    "ids",
    "is_pending",
    "optional",
    "rate",
    "reference",
    "seconds",
    "span",
    "whole",
]
