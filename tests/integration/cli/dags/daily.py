"""A day's evaluation, as ``airflow dags test`` runs it."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator

with DAG("daily", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
    create = ArizeCreateEvaluationTaskOperator(
        task_id="create",
        name="daily quality",
        task_type="TEMPLATE_EVALUATION",
        project="demo-project",
        evaluators=[{"evaluator_id": "correctness"}],
    )
    ArizeTriggerEvaluationRunOperator(
        task_id="evaluate",
        task=create.output,
        data_end_time=os.environ.get("UNTIL"),
        lookback=timedelta(days=1),
        max_error_rate=0.5,
        poll_interval=1,
    )
