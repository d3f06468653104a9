"""One DAG per crash row on a distributed engine."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG
from fault_rows import ANSWERED
from fault_steps import DyingEvaluation

#: DAG, how it waits, and where its process dies, if it kills itself.
ROWS = {
    "celery_supervisor": {"die_at": ANSWERED, "whole_worker": True},
    "celery_worker": {"deferrable": False},
    "celery_redis": {},
    "celery_redis_worker": {"deferrable": False},
    "celery_twice": {"deferrable": False},
}

for name, more in ROWS.items():
    globals()[name] = DAG(
        dag_id=name,
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        default_args={"retries": 8, "retry_delay": timedelta(seconds=1)},
    )
    DyingEvaluation(
        dag=globals()[name],
        task_id="trigger",
        task=name,
        space="demo-space",
        poll_interval=2,
        data_start_time="{{ dag_run.conf['start'] }}",
        data_end_time="{{ dag_run.conf['end'] }}",
        **more,
    )
