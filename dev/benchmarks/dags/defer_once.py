"""The DAGs of the benchmarks on a real Airflow with an operator that does nothing but defer once."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.common.compat.sdk import DAG, BaseOperator
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from benchmark_settings import COUNT, DAILY, DEFAULTS, END, SECONDS


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


with DAG("many_time", schedule=None, default_args=DEFAULTS):
    DeferOnce.partial(task_id="wait").expand(number=list(range(COUNT)))

with DAG("daily_time", schedule=DAILY, start_date=END, catchup=False, default_args=DEFAULTS, max_active_runs=16):
    DeferOnce(task_id="wait")
