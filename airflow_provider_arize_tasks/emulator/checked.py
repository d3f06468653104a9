"""Bodies of control requests: read into a dataclass, or refused with the names of what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from airflow_provider_arize_tasks.emulator.common import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def checked(kind: type[T], given: Mapping[str, Any]) -> T:
    """An object of a dataclass from the fields of a JSON object.

    :param kind: the dataclass.
    :param given: the fields.
    :raises Refusal: 400 for unknown fields, wrong types and values out of range, all of them named.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(given))
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in error.errors()]
        raise Refusal(400, "; ".join(wrong)) from None
