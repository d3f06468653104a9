"""Shared by the operator tests: a task to trigger, windows with spans in the emulator, and one attempt at a time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.windows.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess

SPACE, PROJECT, DATASET, EVALUATOR = "demo-space", "demo-project", "demo-dataset", "correctness"

CONFIGURATION = {
    "experiment_type": "LLM_GENERATION",
    "messages": [{"role": "USER", "content": "Answer: {question}"}],
    "input_variable_format": "F_STRING",
}


@pytest.fixture
def hook(arize_connection: str) -> Iterator[ArizeHook]:
    with ArizeHook(arize_connection) as hook:
        yield hook


@pytest.fixture
def evaluation_task(hook: ArizeHook) -> str:
    """Id of a task that evaluates the spans of the seeded project with one evaluator."""
    task = hook.create_evaluation_task(
        name="daily",
        task_type="TEMPLATE_EVALUATION",
        evaluators=[{"evaluator_id": EVALUATOR}],
        project=PROJECT,
        space=SPACE,
    )
    return task.id


@pytest.fixture
def experiment_task(hook: ArizeHook) -> str:
    """Id of a task that runs experiments on the seeded dataset."""
    integration = hook.list_ai_integrations(space=SPACE).items[0]
    configuration = {**CONFIGURATION, "ai_integration_id": integration.id}
    task = hook.create_run_experiment_task(
        name="nightly", dataset=DATASET, run_configuration=configuration, space=SPACE
    )
    return task.id


@pytest.fixture
def window(emulator: EmulatorProcess) -> Window:
    """A day of three weeks ago; the seed has 100 spans in it."""
    start = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=21)
    return Window(start, start + timedelta(days=1))


def runs_of(emulator: EmulatorProcess, task: str) -> list[dict[str, Any]]:
    """All runs of a task as the emulator holds them, oldest first."""
    return sorted(emulator.control.runs(task), key=lambda run: run["created_at"])
