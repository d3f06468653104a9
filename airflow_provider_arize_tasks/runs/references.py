"""Which runs an argument means: an id, or the result of a trigger operator with all of its runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_arize_tasks.client.fields import FieldError


def run_ids(value: Any) -> list[str]:
    """The ids that an argument holds, each once.

    :param value: an id; a run or the result of a trigger operator (all of its ``runs`` and ``evaluations``), as an
        object or as JSON text; or several of these.
    :raises FieldError: it is none of them.
    """
    found = list(dict.fromkeys(_ids(value)))
    if not found:
        raise FieldError("must be the id of a run, or what a trigger operator returned")
    return found


def _ids(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield from _ids_of_text(value.strip())
    elif isinstance(value, Mapping):
        several = value.get("runs")
        yield from _ids(several or value.get("id"))
        yield from _ids(value.get("evaluations") or [])
    elif hasattr(value, "to_dict"):
        yield from _ids(value.to_dict())
    elif isinstance(value, Iterable):
        for each in value:
            yield from _ids(each)


def _ids_of_text(text: str) -> Iterable[str]:
    if text[:1] in ("{", "["):
        try:
            yield from _ids(json.loads(text))
        except ValueError:
            raise FieldError("must be the id of a run, or what a trigger operator returned; this is no JSON") from None
    elif text not in ("", "None"):
        yield text
