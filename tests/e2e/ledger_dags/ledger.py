"""The three ways of backfilling, over the range that the test gives in the environment."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_arize_tasks.operators.runs import ArizeFindWindowGapsOperator, ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.windows import cut_windows

FIRST, END = os.environ["LEDGER_FIRST"], os.environ["LEDGER_END"]

DEFAULTS: dict[str, Any] = {"retries": 12, "retry_delay": timedelta(seconds=2)}
EVALUATE: dict[str, Any] = {
    "task_id": "evaluate",
    "max_spans": int(os.environ["LEDGER_MAX_SPANS"]),
    "on_truncated": "split",
    "poll_interval": 2,
    "timeout": timedelta(minutes=20),
}

# Its first scheduled run is tomorrow's: everything before comes from `airflow backfill create`.
with DAG(
    "ledger_backfill",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime.fromisoformat(END),
    catchup=False,
    max_active_runs=16,
    default_args=DEFAULTS,
):
    ArizeTriggerEvaluationRunOperator(task="ledger-backfill", **EVALUATE)

with DAG("ledger_mapped", schedule=None, default_args=DEFAULTS):
    ArizeTriggerEvaluationRunOperator.partial(
        task="ledger-mapped", max_active_tis_per_dag=16, **EVALUATE
    ).expand_kwargs(cut_windows(FIRST, END))

with DAG("ledger_gaps", schedule=None, default_args=DEFAULTS):
    gaps = ArizeFindWindowGapsOperator(
        task_id="find_gaps", task="ledger-gaps", start=FIRST, end=END, max_spans=EVALUATE["max_spans"]
    )
    ArizeTriggerEvaluationRunOperator.partial(task="ledger-gaps", max_active_tis_per_dag=16, **EVALUATE).expand_kwargs(
        gaps.output
    )
