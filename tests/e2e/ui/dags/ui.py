"""One task that waits long enough to be looked at, and one that fails after its run did."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator

with DAG("ui", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
    ArizeTriggerEvaluationRunOperator(task_id="evaluate", task="ui", lookback=timedelta(days=1), poll_interval=2)
