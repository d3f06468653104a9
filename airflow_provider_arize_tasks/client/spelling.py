"""How enums are spelled in requests, upper or lower case: pure functions over queries and bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.config import EnumCase

#: Keys whose text value is an enum, wherever they stand in a body (free-form parts are never entered).
ENUM_KEYS = frozenset({"type", "experiment_type", "role", "input_variable_format"})
#: Keys that lead to further enums; everything else (templates, mappings, tools) belongs to the author.
NESTED_KEYS = frozenset({"run_configuration", "messages", "tool_calls", "invocation_parameters", "response_format"})
QUERY_KEYS = frozenset({"type", "status"})


def case_of(text: object) -> EnumCase | None:
    """The case a text of the server shows, or ``None`` when it shows none."""
    if not isinstance(text, str) or not any(letter.isalpha() for letter in text):
        return None
    if text == text.upper():
        return "upper"
    return "lower" if text == text.lower() else None


def other_case(case: EnumCase) -> EnumCase:
    """The other one."""
    return "lower" if case == "upper" else "upper"


def _spell(text: str, case: EnumCase) -> str:
    return text.upper() if case == "upper" else text.lower()


def spell_query(query: tuple[tuple[str, str], ...], case: EnumCase) -> tuple[tuple[str, str], ...]:
    """A query with its enums in the given case."""
    return tuple((key, _spell(value, case) if key in QUERY_KEYS else value) for key, value in query)


def spell_body(body: Mapping[str, Any], case: EnumCase) -> dict[str, Any]:
    """A copy of a body with its enums in the given case; what the author wrote freely is left alone."""
    spelled: dict[str, Any] = {}
    for key, value in body.items():
        if key in ENUM_KEYS and isinstance(value, str):
            spelled[key] = _spell(value, case)
        elif key in NESTED_KEYS:
            spelled[key] = _spell_nested(value, case)
        else:
            spelled[key] = value
    return spelled


def _spell_nested(value: Any, case: EnumCase) -> Any:
    if isinstance(value, Mapping):
        return spell_body(value, case)
    if isinstance(value, (list, tuple)):
        return [_spell_nested(item, case) for item in value]
    return value


def has_enums(query: tuple[tuple[str, str], ...], body: Mapping[str, Any] | None) -> bool:
    """Whether a request sends any enum at all. Triggering, polling, cancelling and deleting don't."""
    if any(key in QUERY_KEYS for key, _ in query):
        return True
    return body is not None and spell_body(body, "upper") != spell_body(body, "lower")
