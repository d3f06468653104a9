"""One task that waits for a run on Arize."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.common.compat.sdk import DAG
from recorded_trigger import RecordedTrigger

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator


class Recorded(ArizeTriggerEvaluationRunOperator):
    """The operator as it is, but for the trigger, which says where it waits."""

    def defer(self, *, trigger: Any, **kwargs: Any) -> None:
        super().defer(trigger=RecordedTrigger(**trigger.serialize()[1]), **kwargs)


with DAG(
    dag_id="deferral",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    default_args={"retries": 6, "retry_delay": timedelta(seconds=1)},
):
    Recorded(task_id="evaluate", task="deferral", lookback=timedelta(days=7), poll_interval=1)
