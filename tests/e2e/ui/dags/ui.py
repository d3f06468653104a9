"""A DAG to look at: an evaluation and an experiment that wait long enough for it, and then fail if they are told to."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG, Asset

from airflow_provider_arize_tasks.operators.runs import (
    ArizeTriggerEvaluationRunOperator,
    ArizeTriggerExperimentRunOperator,
)

with DAG("ui", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
    ArizeTriggerEvaluationRunOperator(task_id="evaluate", task="ui", lookback=timedelta(days=1), poll_interval=2)
    ArizeTriggerExperimentRunOperator(
        task_id="experiment",
        task="ui answers",
        experiment_name="{{ run_id }}",
        poll_interval=2,
        outlets=[Asset("x-arize://experiments/ui")],
    )
