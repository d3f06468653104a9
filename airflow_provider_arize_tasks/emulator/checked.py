"""Bodies of control requests: read into a dataclass each, or refused with the names of what is wrong.

So nothing is kept that a later request would stumble over.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, cast

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
Count = Annotated[int, Field(ge=0, le=2**53)]
Choices = dict[Text, Annotated[float, Field(ge=-1e9, le=1e9)]]
#: Runs that one request may start, and spans that a project may hold.
MOST_RUNS, MOST_SPANS = 100_000, 2_000_000


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


@dataclass(slots=True, kw_only=True)
class SpansToAdd:
    """Spans at ``times``, or ``count`` of them evenly over ``start`` to ``end``.

    :ivar project: name or id; the seeded project by default.
    :ivar attributes: columns of each span.
    :ivar arrives_after: seconds from a span's time to its arrival.
    """

    __pydantic_config__ = LENIENT

    project: Text | None = None
    attributes: dict[Text, Any] = field(default_factory=dict)
    times: list[Any] | None = None
    count: Annotated[int, Field(ge=0, le=MOST_SPANS)] | None = None
    start: Any = None
    end: Any = None
    arrives_after: Seconds | None = None


@dataclass(slots=True, kw_only=True)
class Outage:
    """Nobody answers for ``seconds``: see ``control.outage``."""

    __pydantic_config__ = LENIENT

    seconds: Seconds = 10.0
    mode: Literal["drop", "status", "refuse"] = "drop"
    status: Annotated[int, Field(ge=400, le=599)] = 503


@dataclass(slots=True, kw_only=True)
class ManyRuns:
    """``count`` runs of a task that evaluate nothing and last ``run_seconds``."""

    __pydantic_config__ = LENIENT

    task: Text
    count: Annotated[int, Field(ge=1, le=MOST_RUNS)] = 1
    run_seconds: Seconds = 60.0


@dataclass(slots=True, kw_only=True)
class EvaluatorConfig:
    """What the emulator reads of an evaluator's configuration; there may be more."""

    name: Text | None = None
    type: Text | None = None
    classification_choices: Choices | None = None
    data_granularity: Literal["SPAN", "TRACE", "SESSION"] | None = None


@dataclass(slots=True, kw_only=True)
class ToAdd:
    """What the kinds of ``control.add`` have in common; there may be more."""

    name: Text = ""
    space: Text | None = None
    dataset: Text | None = None
    evaluator: Text | None = None
    examples: list[dict[Text, Any]] | None = None
    choices: Choices | None = None
    granularity: Literal["SPAN", "TRACE", "SESSION"] | None = None
    config: EvaluatorConfig | None = None
    type: Literal["LLM", "AGENT"] = "LLM"
