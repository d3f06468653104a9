"""Reading values typed into a form or rendered from a template: ``"30"``, ``"false"``, ``'{"a": 1}'``.

Every function returns the value or raises :class:`FieldError` with the expectation as its text, which the caller
completes with the name of the field.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})
_FALSE = frozenset({"false", "0", "no", "off", "f", "n"})


class FieldError(ValueError):
    """A value is not what its field takes; the text says what it must be."""


def is_blank(value: Any) -> bool:
    """Whether a field counts as not given: ``None`` or text of spaces only."""
    return value is None or (isinstance(value, str) and not value.strip())


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
