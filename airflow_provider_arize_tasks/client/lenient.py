"""The types of the fields of a reply: what doesn't fit reads as not given, instead of making the whole unreadable.

All of the leniency is part of the schemas, so that pydantic reads a page of a hundred runs without a call into Python
for each field; only what is spelled unusually takes a detour.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic import GetPydanticSchema
from pydantic_core import core_schema as cs

from airflow_provider_arize_tasks.client.enums import RunStatus, TaskType
from airflow_provider_arize_tasks.client.fields import parse_time
from airflow_provider_arize_tasks.client.printable import printable

#: Counts are 64-bit integers on the wire; what exceeds them is none.
_LARGEST = 2**63 - 1


def _count(value: Any) -> int:
    """A count that came as text (how some JSON writers send 64-bit integers) or as a whole float."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST:
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    raise ValueError("no count")


def _time(value: Any) -> datetime:
    """A time with an unusual spelling or offset."""
    moment = parse_time(value) if isinstance(value, str) else None
    if moment is None:
        raise ValueError("no time")
    return moment


def objects(value: Any) -> tuple[dict[str, Any], ...]:
    """The objects of a list; what is none is left out."""
    if isinstance(value, (list, tuple)):
        return tuple(item for item in value if isinstance(item, dict))
    raise ValueError("no list")


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, (list, tuple)):
        return tuple(item for item in value if isinstance(item, str))
    raise ValueError("no list")


def or_default(default: Any, schema: cs.CoreSchema) -> GetPydanticSchema:
    """A schema whose failure is the default, not an error."""
    lenient = cs.with_default_schema(schema, default=default, on_error="default")
    return GetPydanticSchema(lambda _source, _handler: lenient)


def made_by(function: Callable[[Any], Any], default: Any = None) -> GetPydanticSchema:
    """What a function makes of a value; the default where it raises ``ValueError``.

    :param function: makes it.
    :param default: what stands for its failure.
    """
    return or_default(default, cs.no_info_plain_validator_function(function))


def _in_turn(*choices: cs.CoreSchema) -> cs.CoreSchema:
    return cs.union_schema(list(choices), mode="left_to_right")


def _line(limit: int) -> cs.CoreSchema:
    """Text as one printable line; plain ASCII, as nearly all is, without a call into Python."""

    def shown(value: Any) -> str:
        if isinstance(value, str):
            return printable(value, limit)
        raise ValueError("no text")

    plain = cs.str_schema(strict=True, pattern=rf"^(?:[!-~](?:[ -~]{{0,{limit - 2}}}[!-~])?)?$", max_length=limit)
    return cs.nullable_schema(_in_turn(plain, cs.no_info_plain_validator_function(shown)))


def _word(kind: type[RunStatus | TaskType]) -> GetPydanticSchema:
    return GetPydanticSchema(
        lambda _source, handler: cs.with_default_schema(handler(kind), default=kind.UNKNOWN, on_error="default")
    )


#: What pydantic's own parser reads right by itself: what is in UTC already. It takes numbers for epoch seconds, too;
#: from the year 2000 on they are, before it they are mistakes (``"2026"``).
_USUAL_TIME = cs.datetime_schema(tz_constraint=0, ge=datetime(2000, 1, 1, tzinfo=timezone.utc))
_OBJECT = cs.dict_schema(strict=True)

Text = Annotated[str | None, or_default(None, cs.str_schema(strict=True))]
Flag = Annotated[bool | None, or_default(None, cs.bool_schema(strict=True))]
Number = Annotated[
    float | None,
    or_default(None, _in_turn(cs.int_schema(strict=True), cs.float_schema(strict=True, allow_inf_nan=False))),
]
Count = Annotated[
    int | None,
    or_default(
        None,
        _in_turn(
            cs.int_schema(strict=True, ge=-_LARGEST, le=_LARGEST),
            cs.nullable_schema(cs.no_info_plain_validator_function(_count)),
        ),
    ),
]
Time = Annotated[
    datetime | None,
    or_default(
        None,
        cs.nullable_schema(
            _in_turn(_USUAL_TIME, cs.datetime_schema(strict=True), cs.no_info_plain_validator_function(_time))
        ),
    ),
]
Object = Annotated[Mapping[str, Any] | None, or_default(None, _OBJECT)]
Objects = Annotated[tuple[Mapping[str, Any], ...], made_by(objects, ())]
MaybeObjects = Annotated[tuple[Mapping[str, Any], ...] | None, made_by(objects)]
Texts = Annotated[tuple[str, ...], made_by(_texts, ())]
#: An id goes into URLs, logs and messages, so one with line breaks, escapes or the like is none.
_ID = cs.str_schema(strict=True, pattern=r"^[^\p{C}\p{Zl}\p{Zp}]+$", max_length=500)
#: Nothing can be done with a thing that has no id.
Id = Annotated[str, GetPydanticSchema(lambda _source, _handler: _ID)]
#: The id of something else.
Ref = Annotated[str | None, or_default(None, _ID)]
#: A word, and a sentence, that people read in logs: printable as they are, what the server sent is in ``to_dict()``.
Word = Annotated[str | None, or_default(None, _line(100))]
Sentence = Annotated[str | None, or_default(None, _line(2000))]
Status = Annotated[RunStatus, _word(RunStatus)]
Type = Annotated[TaskType, _word(TaskType)]
