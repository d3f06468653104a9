"""The bodies of the API's requests as tables of shapes: which fields there are and what each takes.

The rules between fields are in ``validation``. Field names and limits: https://arize.com/docs/ax/rest-reference and the
request models of the vendor's SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client import arguments as shapes
from airflow_provider_arize_tasks.client.enums import TaskType

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.arguments import Checker, Shape

MAX_EXPERIMENT_NAME = 255
EVALUATION_TYPES = (TaskType.TEMPLATE_EVALUATION.value, TaskType.CODE_EVALUATION.value)

_ID = shapes.text()
_IDS = shapes.list_of(_ID)
_LETTER = shapes.choice("A", "B", "C", "D", "E")
_FILTER = shapes.text()

QUERY_FILTERS: Shape = shapes.record(
    {
        "filters": shapes.list_of(
            shapes.record({"id": _LETTER, "filter": shapes.text(longest=2000)}, required=("id", "filter")),
            least=1,
            most=5,
            unit="filter",
        ),
        "expression": shapes.text(longest=512),
    },
    required=("filters",),
)
_QUERY_MAPPING = shapes.record(
    {
        "variable_name": shapes.text(longest=256),
        "query_ids": shapes.list_of(_LETTER, most=5),
        "attribute_path": shapes.text(longest=1024),
    },
    required=("variable_name", "query_ids", "attribute_path"),
)
EVALUATOR: Shape = shapes.record(
    {
        "evaluator_id": _ID,
        "evaluator_version_id": _ID,
        "query_filter": _FILTER,
        "column_mappings": shapes.map_of(shapes.text()),
        "query_mappings": shapes.list_of(_QUERY_MAPPING, least=1, most=50, unit="mapping"),
    },
    required=("evaluator_id",),
    ignored=("evaluator_name",),
)
EVALUATORS: Shape = shapes.list_of(EVALUATOR, least=1, unit="evaluator")

_TOOL_CONFIG = shapes.record({"tools": shapes.list_of(shapes.free_object), "tool_choice": shapes.free})
_RESPONSE_FORMAT = shapes.record(
    {
        "type": shapes.choice("TEXT", "JSON_OBJECT", "JSON_SCHEMA"),
        "json_schema": shapes.record(
            {
                "name": shapes.text(),
                "description": shapes.text(blank=True),
                "schema": shapes.free_object,
                "strict": shapes.boolean,
            }
        ),
    }
)
_INVOCATION = shapes.record(
    {
        "temperature": shapes.number(),
        "max_tokens": shapes.integer(),
        "max_completion_tokens": shapes.integer(),
        "top_p": shapes.number(),
        "frequency_penalty": shapes.number(),
        "presence_penalty": shapes.number(),
        "stop": shapes.list_of(shapes.text(blank=True)),
        "response_format": _RESPONSE_FORMAT,
        "tool_config": _TOOL_CONFIG,
        "top_k": shapes.integer(),
        "thinking_level": shapes.text(),
        "thinking_budget": shapes.integer(),
        "reasoning_effort": shapes.text(),
        "verbosity": shapes.text(),
    },
    ignored=("service_tier",),
)
_MESSAGE = shapes.record(
    {
        "role": shapes.choice("USER", "ASSISTANT", "SYSTEM", "TOOL"),
        "content": shapes.text(blank=True),
        "tool_call_id": _ID,
        "tool_calls": shapes.list_of(
            shapes.record(
                {
                    "id": _ID,
                    "type": shapes.choice("FUNCTION"),
                    "function": shapes.record(
                        {"name": shapes.text(), "arguments": shapes.text(blank=True)}, required=("name", "arguments")
                    ),
                },
                required=("type", "function"),
            )
        ),
    },
    required=("role",),
)
_KIND = shapes.choice("LLM_GENERATION", "TEMPLATE_EVALUATION", "AGENT_CALL")
_CONFIGURATIONS: Mapping[str, Shape] = {
    "LLM_GENERATION": shapes.record(
        {
            "experiment_type": _KIND,
            "ai_integration_id": _ID,
            "messages": shapes.list_of(_MESSAGE, least=1, unit="message"),
            "input_variable_format": shapes.choice("F_STRING", "MUSTACHE", "NONE"),
            "model_name": shapes.text(),
            "invocation_parameters": _INVOCATION,
            "provider_parameters": shapes.free_object,
            "tool_config": _TOOL_CONFIG,
            "prompt_version_id": _ID,
        },
        required=("ai_integration_id", "messages", "input_variable_format"),
    ),
    "TEMPLATE_EVALUATION": shapes.record(
        {
            "experiment_type": _KIND,
            "ai_integration_id": _ID,
            "template": shapes.text(),
            "provide_explanation": shapes.boolean,
            "model_name": shapes.text(),
            "classification_choices": shapes.map_of(shapes.number()),
            "column_mapping": shapes.map_of(shapes.text()),
            "evaluator_version_id": _ID,
            "invocation_parameters": _INVOCATION,
            "provider_parameters": shapes.free_object,
        },
        required=("ai_integration_id", "template", "provide_explanation"),
    ),
    "AGENT_CALL": shapes.record(
        {"experiment_type": _KIND, "integration_id": _ID, "input_template": shapes.free_object},
        required=("integration_id", "input_template"),
    ),
}


def _run_configuration(check: Checker, where: str, value: Any) -> Any:
    """A run configuration; its ``experiment_type`` says which of the three."""
    value = shapes.as_object(check, where, value)
    if not isinstance(value, Mapping):
        return value
    kind = value.get("experiment_type")
    if kind is None:
        check.problem(f"{where}.experiment_type", f"is missing; it must be one of {', '.join(_CONFIGURATIONS)}")
        return value
    if check.is_open(kind):
        return value
    shape = _CONFIGURATIONS.get(kind.value.upper() if isinstance(kind, TaskType) else str(kind).strip().upper())
    if shape is None:
        shapes.apply(check, _KIND, f"{where}.experiment_type", kind)
        return value
    return shape(check, where, value)


EVALUATION_TASK: Mapping[str, Shape] = {
    "name": shapes.text(),
    "task_type": shapes.choice(*EVALUATION_TYPES),
    "evaluators": EVALUATORS,
    "project": _ID,
    "dataset": _ID,
    "experiment_ids": _IDS,
    "sampling_rate": shapes.number(0, 1),
    "is_continuous": shapes.boolean,
    "query_filter": _FILTER,
    "query_filters": QUERY_FILTERS,
}
EXPERIMENT_TASK: Mapping[str, Shape] = {
    "name": shapes.text(),
    "dataset": _ID,
    "run_configuration": _run_configuration,
    "prompt": _ID,
    "prompt_label": shapes.text(),
    "prompt_version_id": _ID,
}


def _from_prompt(check: Checker, where: str, _value: Any) -> None:
    check.problem(where, "comes from the prompt: leave it out")


#: A task whose prompt comes from the Prompt Hub, which decides some keys of its configuration.
PROMPTED_TASK: Mapping[str, Shape] = {
    **EXPERIMENT_TASK,
    "run_configuration": shapes.record(
        {
            "experiment_type": shapes.choice("LLM_GENERATION"),
            "ai_integration_id": _ID,
            "model_name": shapes.text(),
            "invocation_parameters": _INVOCATION,
            "provider_parameters": shapes.free_object,
            "tool_config": _TOOL_CONFIG,
            "messages": _from_prompt,
            "input_variable_format": _from_prompt,
            "prompt_version_id": _from_prompt,
        },
        required=("ai_integration_id",),
    ),
}
UPDATE: Mapping[str, Shape] = {
    **{key: EVALUATION_TASK[key] for key in ("name", "sampling_rate", "is_continuous", "query_filter")},
    "query_filters": QUERY_FILTERS,
    "evaluators": EVALUATORS,
    "run_configuration": _run_configuration,
}
EVALUATION_RUN: Mapping[str, Shape] = {
    "data_start_time": shapes.instant,
    "data_end_time": shapes.instant,
    "max_spans": shapes.integer(1),
    "override_evaluations": shapes.boolean,
    "experiment_ids": _IDS,
}
EXPERIMENT_RUN: Mapping[str, Shape] = {
    "experiment_name": shapes.text(longest=MAX_EXPERIMENT_NAME, forbidden='"\\'),
    "dataset_version_id": _ID,
    "max_examples": shapes.integer(1),
    "example_ids": shapes.list_of(_ID, least=1, unit="example id"),
    "query_filter": _FILTER,
    "tracing_metadata": shapes.map_of(shapes.text(blank=True)),
    "evaluation_task_ids": _IDS,
}
