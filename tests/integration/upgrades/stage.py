"""The tasks that were deferred when an upgrade came: how to defer them, and what they wait for."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.operators.runs import (
    ArizeTriggerEvaluationRunOperator,
    ArizeTriggerExperimentRunOperator,
)
from airflow_provider_arize_tasks.sensors.task_run import ArizeTaskRunSensor

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.control import EmulatorControl

INTERVAL = datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 3, 10, tzinfo=timezone.utc)
NAMES = {"evaluation": "recorded quality", "experiments": "recorded answers", "scores": "recorded scores"}


def set_up(control: EmulatorControl) -> dict[str, str]:
    """Spans and tasks of the recorded deferrals; their ids, by name."""
    control.add_spans(project="demo-project", count=70, start=INTERVAL[0], end=INTERVAL[1])
    with ArizeHook() as hook:
        (integration,) = hook.list_ai_integrations(space="demo-space", limit=1).items
        evaluation = hook.create_evaluation_task(
            name=NAMES["evaluation"],
            task_type="template_evaluation",
            project="demo-project",
            evaluators=[{"evaluator_id": "correctness", "column_mappings": {"output": "output.value"}}],
        )
        experiments = hook.create_run_experiment_task(
            name=NAMES["experiments"],
            dataset="demo-dataset",
            run_configuration={
                "experiment_type": "llm_generation",
                "ai_integration_id": integration.id,
                "model_name": "gpt-4o-mini",
                "messages": [{"role": "user", "content": "Answer: {question}"}],
                "input_variable_format": "f_string",
            },
        )
        (first,) = hook.list_experiments(dataset="demo-dataset", limit=1).items
        scores = hook.create_evaluation_task(
            name=NAMES["scores"],
            task_type="template_evaluation",
            dataset="demo-dataset",
            experiment_ids=[first.id],
            evaluators=[{"evaluator_id": "correctness", "column_mappings": {"output": "output"}}],
        )
    tasks = {"evaluation": evaluation.id, "experiments": experiments.id, "scores": scores.id}
    return tasks | {"project": str(evaluation.project_id), "dataset": str(experiments.dataset_id)}


def operators(run_id: str = "a run of somebody else") -> dict[str, tuple[Any, dict[str, Any]]]:
    """Operators by case, and what their DAG run gives them."""
    day = INTERVAL[0], INTERVAL[0].replace(day=2)
    return {
        "evaluation": (
            ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=NAMES["evaluation"]),
            {"data_interval": day},
        ),
        "evaluation in three pieces": (
            ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=NAMES["evaluation"], min_successes=60),
            {"data_interval": INTERVAL},
        ),
        "experiment with evaluations": (
            ArizeTriggerExperimentRunOperator(
                task_id="experiment",
                task=NAMES["experiments"],
                experiment_name="recorded-1",
                evaluation_task_ids=[NAMES["scores"]],
                wait_for_evaluations=True,
            ),
            {},
        ),
        "sensor": (ArizeTaskRunSensor(task_id="wait", run_id=run_id), {}),
    }


def with_ids(recorded: Any, replacements: dict[str, str]) -> Any:
    """Put the ids of another world into a recording, or take them out."""
    text = json.dumps(recorded)
    for old, new in replacements.items():
        text = text.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1])
    return json.loads(text)
