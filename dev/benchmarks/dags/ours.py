"""The DAGs of the benchmarks on a real Airflow that run our operator."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG
from benchmark_settings import COUNT, DAILY, DEFAULTS, END, START

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator

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

with DAG("daily_ours", schedule=DAILY, start_date=END, catchup=False, default_args=DEFAULTS, max_active_runs=16):
    ArizeTriggerEvaluationRunOperator(task_id="wait", task="benchmark 1")
