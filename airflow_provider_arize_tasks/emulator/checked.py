"""Bodies of control requests: read into a dataclass, or refused with the names of what is wrong."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from airflow_provider_arize_tasks.emulator.common import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("Input should be a valid string")  # noqa: TRY004 -- what pydantic makes a message of
    return value


#: How dataclasses of control requests are read: nothing unknown, nothing converted.
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
#: The same for those that carry texts and values which are no JSON, as tests send on purpose: numbers may be converted.
LENIENT = ConfigDict(extra="forbid", allow_inf_nan=False)
#: Any text, halves of emojis included, which pydantic's own texts don't allow.
Text = Annotated[Any, AfterValidator(_text)]
Share = Annotated[float, Field(ge=0, le=1)]
#: A length of time, up to ten years.
Seconds = Annotated[float, Field(ge=0, le=315_360_000)]
Pattern = Annotated[str, Field(max_length=1000), AfterValidator(_pattern)]


def checked(kind: type[T], given: Mapping[str, Any]) -> T:
    """An object of a dataclass from the fields of a JSON object.

    :param kind: the dataclass.
    :param given: the fields.
    :raises Refusal: 400 for unknown fields, wrong types and values out of range, all of them named.
    """
    adapter: TypeAdapter[T] = _adapter(cast("Any", kind))
    try:
        if getattr(kind, "__pydantic_config__", LENIENT) is STRICT:
            return adapter.validate_json(json.dumps(given))
        return adapter.validate_python(given)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in error.errors()]
        raise Refusal(400, "; ".join(wrong)) from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Made once: it takes pydantic milliseconds, many times what a request takes otherwise."""
    return TypeAdapter(kind)
