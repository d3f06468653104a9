"""A nightly DAG that runs whatever prompt carries the label ``production``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerExperimentRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateRunExperimentTaskOperator

with DAG(
    dag_id="follows_label",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    default_args={"retries": 6, "retry_delay": timedelta(seconds=1)},
):
    task = ArizeCreateRunExperimentTaskOperator(
        task_id="create",
        name="nightly",
        dataset="demo-dataset",
        prompt="support",
        prompt_label="production",
        if_exists="update",
        run_configuration={"ai_integration_id": "demo-openai"},
    )
    ArizeTriggerExperimentRunOperator(
        task_id="run", task=task.output, experiment_name="nightly {{ run_id }}", poll_interval=1
    )
