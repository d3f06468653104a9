"""Two teams on one triggerer: what one of them waits for turns out to be poison."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator

WINDOW: dict[str, Any] = {
    "task": "{{ run_id }}",
    "data_start_time": "2026-11-01T00:00:00Z",
    "data_end_time": "2026-11-01T01:00:00Z",
    "poll_interval": 1,
}

with DAG("poisoned_team", schedule=None):
    ArizeTriggerEvaluationRunOperator(task_id="evaluate", timeout=timedelta(seconds=45), **WINDOW)

with DAG("other_team", schedule=None):
    ArizeTriggerEvaluationRunOperator(task_id="evaluate", timeout=timedelta(minutes=10), **WINDOW)
