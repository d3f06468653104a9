"""Every operator and sensor of the package, with arguments that make one."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_arize_tasks.get_provider_info import get_provider_info

_SPAN_EVALUATORS = [{"evaluator_id": "correctness", "column_mappings": {"output": "output.value"}}]
_RUN_CONFIGURATION = {
    "experiment_type": "llm_generation",
    "ai_integration_id": "int-1",
    "model_name": "gpt-4o-mini",
    "messages": [{"role": "user", "content": "Answer: {question}"}],
    "input_variable_format": "f_string",
}

#: The least each needs.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "ArizeCreateEvaluationTaskOperator": {
        "name": "quality",
        "task_type": "template_evaluation",
        "project": "demo-project",
        "evaluators": _SPAN_EVALUATORS,
    },
    "ArizeCreateRunExperimentTaskOperator": {
        "name": "answers",
        "dataset": "demo-dataset",
        "run_configuration": _RUN_CONFIGURATION,
    },
    "ArizeUpdateTaskOperator": {"task": "quality", "name": "better quality"},
    "ArizeDeleteTaskOperator": {"task": "quality"},
    "ArizeTriggerEvaluationRunOperator": {"task": "quality"},
    "ArizeTriggerExperimentRunOperator": {"task": "answers", "experiment_name": "nightly"},
    "ArizeCancelTaskRunOperator": {"run_id": "run-1"},
    "ArizeFindWindowGapsOperator": {"task": "quality"},
    "ArizeVerifyWindowOperator": {"task": "quality"},
    "ArizeCheckExperimentOperator": {"experiment": "nightly", "dataset": "demo-dataset"},
    "ArizeTaskRunSensor": {"run_id": "run-1"},
}

#: Template fields that are not called as the argument they hold, and why.
HOLDS: dict[tuple[str, str], set[str]] = {
    # BaseOperator.task_type is Airflow's own read-only property.
    ("ArizeCreateEvaluationTaskOperator", "evaluation_task_type"): {"task_type"},
    # Only what was given: an argument left out and one that is None mean different things.
    ("ArizeUpdateTaskOperator", "changes"): {
        "name",
        "sampling_rate",
        "is_continuous",
        "query_filter",
        "query_filters",
        "evaluators",
        "run_configuration",
    },
}

_DATASET_TASK = {"project": None, "dataset": "demo-dataset"}
_QUERY_MAPPING = {"variable_name": "x", "query_ids": ["A"], "attribute_path": "output.value"}
_TRACE_EVALUATORS = [{"evaluator_id": "e", "query_mappings": [_QUERY_MAPPING]}]
_OF_A_PROMPT = {"ai_integration_id": "demo-openai"}
#: What an argument needs beside it.
COMPANIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("ArizeCreateEvaluationTaskOperator", "dataset"): {"project": None},
    ("ArizeCreateEvaluationTaskOperator", "experiment_ids"): _DATASET_TASK,
    ("ArizeCreateEvaluationTaskOperator", "query_filters"): {"evaluators": _TRACE_EVALUATORS},
    ("ArizeCreateRunExperimentTaskOperator", "prompt"): {"run_configuration": _OF_A_PROMPT},
    ("ArizeCreateRunExperimentTaskOperator", "prompt_label"): {"prompt": "p", "run_configuration": _OF_A_PROMPT},
    ("ArizeCreateRunExperimentTaskOperator", "prompt_version_id"): {"prompt": "p", "run_configuration": _OF_A_PROMPT},
    ("ArizeUpdateTaskOperator", "query_filters"): {"evaluators": _TRACE_EVALUATORS},
}


def _found() -> dict[str, type[BaseOperator]]:
    info = get_provider_info()
    modules = [m for kind in ("operators", "sensors") for entry in info[kind] for m in entry["python-modules"]]
    classes = {}
    for name in modules:
        for attribute, value in inspect.getmembers(importlib.import_module(name)):
            if inspect.isclass(value) and issubclass(value, BaseOperator) and attribute.startswith("Arize"):
                classes[attribute] = value
    return classes


#: Every public operator and sensor, by name.
CLASSES = _found()


def make(name: str, /, **more: Any) -> Any:
    """An operator with the least arguments, and what the test adds."""
    return CLASSES[name](**{"task_id": "t", **ARGUMENTS[name], **more})


def own_arguments(name: str) -> dict[str, inspect.Parameter]:
    """Constructor arguments that are this package's, not Airflow's."""
    parameters: dict[str, inspect.Parameter] = {}
    for base in CLASSES[name].__mro__:
        if base.__module__.startswith("airflow_provider_arize_tasks.") and "__init__" in vars(base):
            for argument in inspect.signature(inspect.unwrap(vars(base)["__init__"])).parameters.values():
                if argument.name != "self" and argument.kind is not inspect.Parameter.VAR_KEYWORD:
                    parameters.setdefault(argument.name, argument)
    return parameters


def arguments_of(name: str, field: str) -> set[str]:
    """The constructor arguments a template field holds."""
    return HOLDS.get((name, field), {field})
