"""The shapes of request bodies, as tables of fields, and a checker for them.

Bodies are strict, as the API's are: an unknown field is refused, and null is accepted only where a field is nullable.
Which fields are nullable is read off the request models of Arize's own SDK, which send null for no others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.levels import Level

#: Looks at a value and returns what is wrong with it, each complaint beginning with the field's name.
Check = Callable[[Any, str, Level], list[str]]


@dataclass(frozen=True)
class Field:
    """A field of a body.

    :ivar check: what its value must be.
    :ivar required: whether it must be there.
    :ivar nullable: whether null is accepted.
    :ivar feature: the feature of the level table that brought it.
    """

    check: Check
    required: bool = False
    nullable: bool = False
    feature: str | None = None


Shape = Mapping[str, Field]


def check_object(value: Any, shape: Shape, where: str, level: Level) -> list[str]:
    """Everything wrong with an object.

    :param value: the parsed JSON.
    :param shape: its fields.
    :param where: its name for the messages; empty for the body itself.
    :param level: the server's age.
    """
    if not isinstance(value, dict):
        return [f"{where or 'body'}: must be an object"]
    prefix = f"{where}." if where else ""
    complaints = []
    for name, given in value.items():
        field = shape.get(name)
        if field is None or (field.feature is not None and not level.knows(field.feature)):
            complaints.append(f"{prefix}{name}: unknown field")
        elif given is None:
            complaints += [] if field.nullable else [f"{prefix}{name}: must not be null"]
        else:
            complaints += field.check(given, f"{prefix}{name}", level)
    complaints += [
        f"{prefix}{name}: is required" for name, field in shape.items() if field.required and name not in value
    ]
    return complaints


def refuse_if(complaints: list[str], status: int = 400) -> None:
    """Refuse a request that something is wrong with, naming everything at once."""
    if complaints:
        raise Refusal(status, "; ".join(complaints))


def require(value: Any, shape: Shape, level: Level, status: int = 400) -> dict[str, Any]:
    """A body that has a shape.

    :param value: the parsed JSON.
    :param shape: its fields.
    :param level: the server's age.
    :param status: of the refusal of what has another shape.
    :raises Refusal: naming everything that is wrong.
    """
    refuse_if(check_object(value, shape, "", level), status)
    return dict(value)


def text(shortest: int = 0, longest: int | None = None, limit_feature: str | None = None) -> Check:
    """A text within a length; ``limit_feature`` is the feature that brought the upper limit."""

    def check(value: Any, where: str, level: Level) -> list[str]:
        if not isinstance(value, str):
            return [f"{where}: must be a string"]
        if len(value) < shortest:
            return [f"{where}: must have at least {shortest} character(s)"]
        limited = limit_feature is None or level.knows(limit_feature)
        if longest is not None and limited and len(value) > longest:
            return [f"{where}: must have at most {longest} characters"]
        return []

    return check


def number(low: float | None = None, high: float | None = None, *, whole: bool = False) -> Check:
    """A number within a range."""

    def check(value: Any, where: str, level: Level) -> list[str]:
        is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not is_number or not -(2**63) <= value < 2**63:
            return [f"{where}: must be {'an integer' if whole else 'a number'}"]
        if (low is not None and value < low) or (high is not None and value > high):
            return [f"{where}: must be between {low} and {high}" if high is not None else f"{where}: must be >= {low}"]
        return []

    return check


def boolean(value: Any, where: str, level: Level) -> list[str]:
    """True or false."""
    return [] if isinstance(value, bool) else [f"{where}: must be a boolean"]


def anything(value: Any, where: str, level: Level) -> list[str]:
    """Any JSON."""
    return []


def free_object(value: Any, where: str, level: Level) -> list[str]:
    """Any JSON object."""
    return [] if isinstance(value, dict) else [f"{where}: must be an object"]


def choice(*allowed: str) -> Check:
    """An enum value, in the spelling of the level."""

    def check(value: Any, where: str, level: Level) -> list[str]:
        known = [level.spell(item) for item in allowed if level.knows(item)]
        return [] if value in known else [f"{where}: must be one of {', '.join(known)}, got {value!r}"]

    return check


def list_of(check: Check, fewest: int = 0, most: int | None = None) -> Check:
    """A list whose items pass a check."""

    def check_list(value: Any, where: str, level: Level) -> list[str]:
        if not isinstance(value, list):
            return [f"{where}: must be an array"]
        if len(value) < fewest:
            return [f"{where}: must have at least {fewest} item(s)"]
        if most is not None and len(value) > most:
            return [f"{where}: must have at most {most} items"]
        return [problem for n, item in enumerate(value) for problem in check(item, f"{where}[{n}]", level)]

    return check_list


def map_of(check: Check) -> Check:
    """An object whose values pass a check."""

    def check_map(value: Any, where: str, level: Level) -> list[str]:
        if not isinstance(value, dict):
            return [f"{where}: must be an object"]
        return [problem for name, item in value.items() for problem in check(item, f"{where}.{name}", level)]

    return check_map


def shaped(shape: Shape) -> Check:
    """An object of a shape."""
    return lambda value, where, level: check_object(value, shape, where, level)


TOOL_CONFIG: Shape = {"tools": Field(list_of(free_object)), "tool_choice": Field(anything, nullable=True)}
RESPONSE_FORMAT: Shape = {
    "type": Field(choice("TEXT", "JSON_OBJECT", "JSON_SCHEMA"), required=True),
    "json_schema": Field(
        shaped(
            {
                "name": Field(text()),
                "description": Field(text()),
                "schema": Field(free_object),
                "strict": Field(boolean),
            }
        )
    ),
}
INVOCATION: Shape = {
    "temperature": Field(number()),
    "max_tokens": Field(number(whole=True)),
    "max_completion_tokens": Field(number(whole=True)),
    "top_p": Field(number()),
    "frequency_penalty": Field(number()),
    "presence_penalty": Field(number()),
    "stop": Field(list_of(text())),
    "response_format": Field(shaped(RESPONSE_FORMAT)),
    "tool_config": Field(shaped(TOOL_CONFIG)),
    "top_k": Field(number(whole=True), feature="request invocation_parameters.top_k"),
    "thinking_level": Field(text(), feature="request invocation_parameters.thinking_level"),
    "thinking_budget": Field(number(whole=True), feature="request invocation_parameters.thinking_budget"),
    "reasoning_effort": Field(text(), feature="request invocation_parameters.reasoning_effort"),
    "verbosity": Field(text(), feature="request invocation_parameters.verbosity"),
}
MESSAGE: Shape = {
    "role": Field(choice("USER", "ASSISTANT", "SYSTEM", "TOOL"), required=True),
    "content": Field(text(), nullable=True),
    "tool_call_id": Field(text()),
    "tool_calls": Field(
        list_of(
            shaped(
                {
                    "id": Field(text()),
                    "type": Field(choice("FUNCTION"), required=True),
                    "function": Field(
                        shaped({"name": Field(text(), required=True), "arguments": Field(text(), required=True)}),
                        required=True,
                    ),
                }
            )
        )
    ),
}
_KIND = Field(choice("LLM_GENERATION", "TEMPLATE_EVALUATION", "AGENT_CALL"), required=True)
RUN_CONFIGURATIONS: Mapping[str, Shape] = {
    "LLM_GENERATION": {
        "experiment_type": _KIND,
        "ai_integration_id": Field(text(1), required=True),
        "messages": Field(list_of(shaped(MESSAGE), 1), required=True),
        "input_variable_format": Field(choice("F_STRING", "MUSTACHE", "NONE"), required=True),
        "model_name": Field(text()),
        "invocation_parameters": Field(shaped(INVOCATION)),
        "provider_parameters": Field(free_object),
        "tool_config": Field(shaped(TOOL_CONFIG)),
        "prompt_version_id": Field(text(), nullable=True),
    },
    "TEMPLATE_EVALUATION": {
        "experiment_type": _KIND,
        "ai_integration_id": Field(text(1), required=True),
        "template": Field(text(1), required=True),
        "provide_explanation": Field(boolean, required=True),
        "model_name": Field(text()),
        "classification_choices": Field(map_of(number())),
        "column_mapping": Field(map_of(text())),
        "evaluator_version_id": Field(text(), nullable=True),
        "invocation_parameters": Field(shaped(INVOCATION)),
        "provider_parameters": Field(free_object),
    },
    "AGENT_CALL": {
        "experiment_type": _KIND,
        "integration_id": Field(text(1), required=True),
        "input_template": Field(free_object, required=True),
    },
}


def run_configuration(value: Any, where: str, level: Level) -> list[str]:
    """A run configuration of one of the three kinds."""
    if not isinstance(value, dict):
        return [f"{where}: must be an object"]
    complaints = _KIND.check(value.get("experiment_type"), f"{where}.experiment_type", level)
    if complaints:
        return complaints
    return check_object(value, RUN_CONFIGURATIONS[value["experiment_type"].upper()], where, level)


_LIMITS = "length limits of query filters"


def _letter(value: Any, where: str, level: Level) -> list[str]:
    return [] if value in ("A", "B", "C", "D", "E") else [f"{where}: must be one letter of A to E, got {value!r}"]


QUERY_FILTERS: Shape = {
    "filters": Field(
        list_of(
            shaped({"id": Field(_letter, required=True), "filter": Field(text(0, 2000, _LIMITS), required=True)}), 1, 5
        ),
        required=True,
    ),
    "expression": Field(text(0, 512, _LIMITS)),
}
QUERY_MAPPING: Shape = {
    "variable_name": Field(text(1, 256, _LIMITS), required=True),
    "query_ids": Field(list_of(_letter, 0, 5), required=True),
    "attribute_path": Field(text(0, 1024, _LIMITS), required=True),
}
EVALUATOR: Shape = {
    "evaluator_id": Field(text(1), required=True),
    "evaluator_version_id": Field(text(1), nullable=True, feature="request evaluator.evaluator_version_id"),
    "query_filter": Field(text()),
    "column_mappings": Field(map_of(text())),
    "query_mappings": Field(list_of(shaped(QUERY_MAPPING), 1, 50), feature="request evaluator.query_mappings"),
}
_EVALUATORS = list_of(shaped(EVALUATOR), 1)
_TYPE = choice("TEMPLATE_EVALUATION", "CODE_EVALUATION", "RUN_EXPERIMENT")

CREATE_EVALUATION: Shape = {
    "name": Field(text(1), required=True),
    "type": Field(_TYPE, required=True),
    "evaluators": Field(_EVALUATORS, required=True),
    "project_id": Field(text(1)),
    "dataset_id": Field(text(1)),
    "experiment_ids": Field(list_of(text(1))),
    "sampling_rate": Field(number(0, 1)),
    "is_continuous": Field(boolean),
    "query_filter": Field(text()),
    "query_filters": Field(shaped(QUERY_FILTERS), feature="request task.query_filters"),
}
CREATE_EXPERIMENT: Shape = {
    "name": Field(text(1), required=True),
    "type": Field(_TYPE, required=True),
    "dataset_id": Field(text(1), required=True),
    "run_configuration": Field(run_configuration, required=True),
}
UPDATE_EVALUATION: Shape = {
    "name": Field(text(1)),
    "sampling_rate": Field(number(0, 1)),
    "is_continuous": Field(boolean),
    "query_filter": Field(text(), nullable=True),
    "query_filters": Field(shaped(QUERY_FILTERS), nullable=True, feature="request task.query_filters"),
    "evaluators": Field(_EVALUATORS),
}
UPDATE_EXPERIMENT: Shape = {"name": Field(text(1)), "run_configuration": Field(run_configuration)}
TRIGGER_EVALUATION: Shape = {
    "data_start_time": Field(text(1)),
    "data_end_time": Field(text(1)),
    "max_spans": Field(number(1, whole=True)),
    "override_evaluations": Field(boolean),
    "experiment_ids": Field(list_of(text(1))),
}


def experiment_name(value: Any, where: str, level: Level) -> list[str]:
    """An experiment's name: its length and characters, as far as the level checks them."""
    shortest = 1 if level.knows("experiment_name characters") else 0
    complaints = text(shortest, 255, "experiment_name length")(value, where, level)
    if not complaints and level.knows("experiment_name characters") and any(mark in value for mark in '"\\'):
        return [f"{where}: must not contain a double quote or a backslash"]
    return complaints


def column_name(value: Any, where: str, level: Level) -> list[str]:
    """The name of an eval column."""
    is_fine = isinstance(value, str) and re.fullmatch(r"[a-zA-Z0-9_\s\-&()]+", value)
    return [] if is_fine else [f"{where}: must be letters, digits, spaces, and _ - & ( )"]


def provider(value: Any, where: str, level: Level) -> list[str]:
    """The provider of a prompt, which older servers spell in lower case, unlike those of integrations."""
    known = ("OPEN_AI", "AZURE_OPEN_AI", "AWS_BEDROCK", "VERTEX_AI", "ANTHROPIC", "CUSTOM")
    spelled = known if level.is_upper else tuple(name.lower() for name in known)
    return [] if value in spelled else [f"{where}: must be one of {', '.join(spelled)}, got {value!r}"]


TRIGGER_EXPERIMENT: Shape = {
    "experiment_name": Field(experiment_name, required=True),
    "dataset_version_id": Field(text(1)),
    "example_ids": Field(list_of(text(1))),
    "max_examples": Field(number(1, whole=True)),
    "query_filter": Field(text(), feature="request trigger.query_filter"),
    "tracing_metadata": Field(map_of(text())),
    "evaluation_task_ids": Field(list_of(text(1))),
}
PROMPT_VERSION: Shape = {
    "commit_message": Field(text(), required=True),
    "input_variable_format": Field(choice("F_STRING", "MUSTACHE", "NONE")),
    "provider": Field(provider, required=True),
    "model": Field(text()),
    "messages": Field(list_of(shaped(MESSAGE), 1), required=True),
    "invocation_params": Field(shaped(INVOCATION)),
    "provider_params": Field(free_object),
}
CREATE_PROMPT: Shape = {
    "space_id": Field(text(1), required=True),
    "name": Field(text(1), required=True),
    "description": Field(text()),
    "version": Field(shaped(PROMPT_VERSION), required=True),
}
UPDATE_PROMPT: Shape = {"description": Field(text(), required=True)}
PROMPT_LABELS: Shape = {"labels": Field(list_of(text(1)), required=True)}
_LLM_CONFIG: Shape = {
    "ai_integration_id": Field(text(1), required=True),
    "model_name": Field(text(), required=True),
    "invocation_parameters": Field(shaped(INVOCATION), required=True),
    "provider_parameters": Field(free_object, required=True),
}
_GRANULARITY = Field(choice("SPAN", "TRACE", "SESSION"), nullable=True)
_TEMPLATE_CONFIG: Shape = {
    "name": Field(column_name, required=True),
    "template": Field(text(), required=True),
    "include_explanations": Field(boolean, required=True),
    "use_function_calling": Field(boolean),
    "use_function_calling_if_available": Field(boolean),
    "use_structured_output": Field(boolean),
    "classification_choices": Field(map_of(number()), nullable=True),
    "direction": Field(choice("MAXIMIZE", "MINIMIZE", "NONE"), nullable=True),
    "data_granularity": _GRANULARITY,
    "llm_config": Field(shaped(_LLM_CONFIG), required=True),
}
_CODE_CONFIG: Shape = {
    "type": Field(choice("MANAGED", "CUSTOM"), required=True),
    "name": Field(column_name, required=True),
    "code": Field(text()),
    "imports": Field(text(), nullable=True),
    "managed_evaluator": Field(text()),
    "variables": Field(list_of(text()), required=True),
    "static_params": Field(list_of(free_object), nullable=True),
    "data_granularity": _GRANULARITY,
    "query_filter": Field(text(), nullable=True),
}
EVALUATOR_VERSION: Shape = {
    "commit_message": Field(text(1, 1000), required=True),
    "template_config": Field(shaped(_TEMPLATE_CONFIG)),
    "code_config": Field(shaped(_CODE_CONFIG)),
}
CREATE_EVALUATOR: Shape = {
    "space_id": Field(text(1), required=True),
    "name": Field(text(1, 255), required=True),
    "description": Field(text(), nullable=True),
    "type": Field(choice("TEMPLATE", "CODE"), required=True),
    "version": Field(shaped(EVALUATOR_VERSION), required=True),
}
UPDATE_EVALUATOR: Shape = {"name": Field(text(1, 255)), "description": Field(text())}
SEARCH_EXAMPLES: Shape = {
    "filter": Field(text(), nullable=True),
    "limit": Field(number(1, 500, whole=True)),
    "cursor": Field(text(), nullable=True),
    "dataset_version_id": Field(text(1), nullable=True),
}
_COLUMNS = list_of(text(1), 1, 1000)
LIST_SPANS: Shape = {
    "project_id": Field(text(1), required=True),
    "start_time": Field(text(1)),
    "end_time": Field(text(1)),
    "filter": Field(text()),
    "included_columns": Field(_COLUMNS, feature="request spans.included_columns"),
    "excluded_columns": Field(_COLUMNS, feature="request spans.excluded_columns"),
    "truncate_string_length": Field(number(1, whole=True), feature="request spans.truncate_string_length"),
}
SEARCH_ROWS: Shape = {
    "filter": Field(text(), nullable=True),
    "limit": Field(number(1, 500, whole=True)),
    "cursor": Field(text(), nullable=True),
}
