"""Operator arguments: literals are checked while the DAG is parsed, templated ones once they are rendered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from enum import Enum
from typing import Any, TypeVar

from airflow_provider_arize_tasks.client.errors import ArizeValidationError
from airflow_provider_arize_tasks.client.fields import FieldError, as_bool, as_int, as_number

E = TypeVar("E", bound=Enum)
T = TypeVar("T")


def is_pending(value: Any) -> bool:
    """Whether a value is known only once it is rendered: a template, or an upstream task's output."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    return hasattr(value, "resolve") and not isinstance(value, type)


class Checker:
    """Reads arguments one by one and collects every problem, to be raised as one error.

    :param rendered: whether templates are rendered by now; before, values that are still pending are passed over.
    """

    def __init__(self, *, rendered: bool) -> None:
        self.rendered = rendered
        self.problems: list[str] = []

    def read(self, name: str, value: Any, reader: Callable[[Any], T], default: T) -> T:
        """A value through a reader; ``default`` if it can't be read (which is noted) or is still pending."""
        if not self.rendered and is_pending(value):
            return default
        try:
            return reader(value)
        except FieldError as error:
            self.problems.append(f"{name} {error}, got {value!r}")
        except ValueError as error:
            self.problems.append(f"{name}: {error}")
        return default

    def choice(self, name: str, value: Any, kind: type[E], default: E) -> E:
        """One of an enum's values."""

        def reader(text: Any) -> E:
            return kind(text)

        if not self.rendered and is_pending(value):
            return default
        try:
            return reader(value)
        except ValueError:
            allowed = ", ".join(repr(member.value) for member in kind)
            self.problems.append(f"{name} must be one of {allowed}, got {value!r}")
            return default

    def note(self, problems: Iterable[str]) -> None:
        """Add problems found elsewhere."""
        self.problems.extend(problems)

    def raise_if_any(self, subject: str) -> None:
        """Raise all problems together.

        :param subject: what they are about, as the message's beginning.
        :raises ArizeValidationError: there are any.
        """
        if self.problems:
            raise ArizeValidationError([f"{subject}: {self.problems[0]}", *self.problems[1:]])


def seconds(value: Any) -> float:
    """A positive span of time, as seconds, as text or as a ``timedelta``."""
    number = value.total_seconds() if isinstance(value, timedelta) else as_number(value)
    if number <= 0:
        raise FieldError("must be more than 0 seconds")
    return float(number)


def optional(reader: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """A reader that lets ``None`` (also as a template renders it) pass."""

    def read(value: Any) -> T | None:
        if value is None or (isinstance(value, str) and value.strip() in ("", "None")):
            return None
        return reader(value)

    return read


def span(value: Any) -> timedelta:
    """A positive ``timedelta``, also as seconds or as text."""
    return value if isinstance(value, timedelta) and value > timedelta(0) else timedelta(seconds=seconds(value))


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
    "ids",
    "is_pending",
    "optional",
    "rate",
    "reference",
    "seconds",
    "span",
]
