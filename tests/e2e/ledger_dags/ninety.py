"""Ninety daily windows: backfilled, then healed night after night; the range is given in the environment."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_arize_tasks.operators.runs import (
    ArizeFindWindowGapsOperator,
    ArizeTriggerEvaluationRunOperator,
    ArizeVerifyWindowOperator,
)

FIRST = {"spans": os.environ["NINETY_FIRST"], "traces": os.environ["NINETY_FIRST_TRACED"]}
END, ZONE = os.environ["NINETY_END"], os.environ["NINETY_ZONE"]
MAX_SPANS = int(os.environ["NINETY_MAX_SPANS"])

DEFAULTS: dict[str, Any] = {"retries": 6, "retry_delay": timedelta(seconds=2)}
EVALUATE: dict[str, Any] = {
    "task_id": "evaluate",
    "max_spans": MAX_SPANS,
    "on_truncated": "split",
    "poll_interval": 1,
    "timeout": timedelta(minutes=10),
}

# Its first scheduled run is tomorrow's: everything before comes from a backfill.
with DAG(
    "ninety_backfill",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone=ZONE),
    start_date=datetime.fromisoformat(END),
    catchup=False,
    max_active_runs=24,
    default_args=DEFAULTS,
):
    ArizeTriggerEvaluationRunOperator(task="ninety-spans", **EVALUATE)

for kind in ("spans", "traces"):
    with DAG(f"ninety_{kind}", schedule=None, max_active_runs=1, default_args=DEFAULTS):
        gaps = ArizeFindWindowGapsOperator(
            task_id="gaps",
            task=f"ninety-{kind}",
            start=FIRST[kind],
            end=END,
            timezone=ZONE,
            max_spans=MAX_SPANS,
            settle="{{ dag_run.conf['settle'] }}",
            stale="reevaluate",
        )
        ArizeTriggerEvaluationRunOperator.partial(
            task=f"ninety-{kind}", max_active_tis_per_dag=24, **EVALUATE
        ).expand_kwargs(gaps.output)

    with DAG(f"ninety_{kind}_proof", schedule=None):
        ArizeVerifyWindowOperator(
            task_id="verify", task=f"ninety-{kind}", data_start_time=FIRST[kind], data_end_time=END
        )
