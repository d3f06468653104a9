"""The DAGs of the benchmarks on a real Airflow: our operator, and one that does nothing but defer on a time trigger."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.common.compat.sdk import DAG, BaseOperator
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator

START = datetime.fromisoformat(os.environ["BENCHMARK_START"])
END = datetime.fromisoformat(os.environ["BENCHMARK_END"])
COUNT = int(os.environ["BENCHMARK_COUNT"])
SECONDS = float(os.environ["BENCHMARK_SECONDS"])
DEFAULTS: dict[str, Any] = {"retries": 6, "retry_delay": timedelta(seconds=1)}
# Its first scheduled run is yet to come: the backfill makes all of its runs.
DAILY = CronDataIntervalTimetable("0 0 * * *", timezone="UTC")


class DeferOnce(BaseOperator):
    """Defers until as long from now as a remote run lasts, and ends."""

    def __init__(self, *, number: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number

    def execute(self, context: Any) -> None:
        moment = datetime.now(timezone.utc) + timedelta(seconds=SECONDS)
        self.defer(trigger=DateTimeTrigger(moment=moment), method_name="resume")

    def resume(self, context: Any, event: Any) -> None:
        """The time has come."""


width = (END - START) / COUNT
windows = [
    {
        "data_start_time": (START + n * width).isoformat(),
        "data_end_time": (START + (n + 1) * width).isoformat(),
    }
    for n in range(COUNT)
]

with DAG("many_ours", schedule=None, default_args=DEFAULTS):
    ArizeTriggerEvaluationRunOperator.partial(task_id="wait", task="benchmark 0").expand_kwargs(windows)

with DAG("many_time", schedule=None, default_args=DEFAULTS):
    DeferOnce.partial(task_id="wait").expand(number=list(range(COUNT)))

with DAG("daily_ours", schedule=DAILY, start_date=END, catchup=False, default_args=DEFAULTS, max_active_runs=16):
    ArizeTriggerEvaluationRunOperator(task_id="wait", task="benchmark 1")

with DAG("daily_time", schedule=DAILY, start_date=END, catchup=False, default_args=DEFAULTS, max_active_runs=16):
    DeferOnce(task_id="wait")
