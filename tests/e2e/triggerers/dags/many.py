"""Many runs of one task, waited for at once."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator

START, COUNT = datetime.fromisoformat(os.environ["MANY_START"]), int(os.environ["MANY_COUNT"])
POLL_INTERVAL = float(os.environ["MANY_POLL_INTERVAL"])
HOUR = timedelta(hours=1)

with DAG("many", schedule=None, default_args={"retries": 6, "retry_delay": timedelta(seconds=1)}):
    ArizeTriggerEvaluationRunOperator.partial(
        task_id="evaluate", task="many", poll_interval=POLL_INTERVAL
    ).expand_kwargs(
        [
            {
                "data_start_time": (START + n * HOUR).isoformat(),
                "data_end_time": (START + (n + 1) * HOUR).isoformat(),
            }
            for n in range(COUNT)
        ]
    )
