"""What task instances keep for the page in Airflow: the run over its window, and why it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.windows.window import Window


def evaluate(task: str, window: Window, **arguments: Any) -> TaskResult:
    arguments = {"deferrable": False, "poll_interval": 0.1, **window.to_dict(), **arguments}
    return run_task(ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=task, **arguments))


def test_the_run_and_its_window_are_kept(evaluation_task: str, window: Window) -> None:
    result = evaluate(evaluation_task, window)
    kept = result.xcoms["arize_run"]
    assert kept.items() >= window.to_dict().items()
    assert kept["run_id"] == result.value["id"]
    assert kept["task_id"] == result.value["task_id"]
    assert kept["task_name"]
    assert kept["arize_conn_id"] == "arize_default"
    assert "arize_reason" not in result.xcoms


def test_the_reason_of_a_failure_is_kept(evaluation_task: str, window: Window) -> None:
    result = evaluate(evaluation_task, window, min_successes=1_000_000)
    assert result.state == "failed"
    assert "min_successes" in result.xcoms["arize_reason"]
