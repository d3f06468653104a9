"""Rows of experiments: what each example put out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.common import unit_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.emulator.model import Integration

_PLACEHOLDER = re.compile(r"\{\{\s*(?:dataset\.)?([^{}\s]+)\s*\}\}")
_F_STRING = re.compile(r"(?<!\{)\{([A-Za-z_][\w.]*)\}(?!\})")


class UncastableError(ValueError):
    """A placeholder's value doesn't fit the type that the agent's input schema declares."""


def run_example(config: Mapping[str, Any], example: Mapping[str, Any], agent: Integration | None) -> tuple[str, bool]:
    """What an experiment puts out for one example.

    :param config: the task's run configuration, enums in upper case.
    :param example: the dataset example.
    :param agent: the agent integration of an AGENT_CALL.
    :return: the output and ``True``, or the error and ``False``.
    """
    kind = config["experiment_type"]
    if kind == "AGENT_CALL":
        schema = (agent.config.get("input_schema") or {}).get("properties", {}) if agent else {}
        try:
            return json.dumps(fill_template(config["input_template"], example, schema), ensure_ascii=False), True
        except UncastableError as error:
            return str(error), False
    if kind == "TEMPLATE_EVALUATION":
        choices = sorted(config.get("classification_choices") or {"good": 1, "bad": 0})
        return choices[int(unit_hash(config["template"], example["id"]) * len(choices))], True
    text = " ".join(str(message.get("content") or "") for message in config["messages"])
    pattern = _PLACEHOLDER if config["input_variable_format"] == "MUSTACHE" else _F_STRING
    filled = pattern.sub(lambda match: str(example.get(match.group(1), "")), text)
    return f"Answer to: {filled}", True


def fill_template(template: Any, example: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """An agent's request body: placeholders replaced, whole-string ones cast to the type the schema declares.

    :param template: the body with ``{{column}}`` placeholders.
    :param example: the dataset example.
    :param schema: ``properties`` of the agent's input schema at this depth.
    :raises UncastableError: for a value that doesn't fit its declared type.
    """
    if isinstance(template, dict):
        return {
            name: _fill_value(value, example, schema.get(name) or {}, name) if isinstance(value, str)
            else fill_template(value, example, (schema.get(name) or {}).get("properties", {}))
            for name, value in template.items()
        }  # fmt: skip
    if isinstance(template, list):
        return [fill_template(value, example, schema) for value in template]
    return _fill_value(template, example, {}, "value") if isinstance(template, str) else template


def _fill_value(text: str, example: Mapping[str, Any], schema: Mapping[str, Any], name: str) -> Any:
    whole = _PLACEHOLDER.fullmatch(text)
    if whole is None:
        return _PLACEHOLDER.sub(lambda match: str(example.get(match.group(1), "")), text)
    value = example.get(whole.group(1))
    if value is None:
        return None
    wanted = schema.get("type")
    try:
        return _cast(value, str(wanted))
    except (TypeError, ValueError):
        raise UncastableError(f"{name}: {value!r} can't be cast to {wanted}") from None


def _cast(value: Any, wanted: str) -> Any:
    if wanted == "integer":
        return int(value)
    if wanted == "number":
        return float(value)
    if wanted == "boolean":
        return {"true": True, "false": False}[str(value).lower()] if not isinstance(value, bool) else value
    if wanted == "string":
        return value if isinstance(value, str) else json.dumps(value)
    if wanted in ("object", "array") and isinstance(value, str):
        return json.loads(value)
    return value


def normalise_placeholders(template: Any) -> Any:
    """A template with every ``{{dataset.column}}`` written ``{{column}}``, as the API echoes it."""
    if isinstance(template, dict):
        return {name: normalise_placeholders(value) for name, value in template.items()}
    if isinstance(template, list):
        return [normalise_placeholders(value) for value in template]
    return _PLACEHOLDER.sub(r"{{\1}}", template) if isinstance(template, str) else template
