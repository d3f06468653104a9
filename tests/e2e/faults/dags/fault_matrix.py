"""One DAG per row of the fault matrix, one for the component faults, one for the random loop."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG
from fault_rows import COMPONENT_DAGS, EXPERIMENT, LOOPS, ROWS, Row
from fault_steps import RANDOM, DyingEvaluation, DyingExperiment

WINDOW = {"data_start_time": "{{ dag_run.conf['start'] }}", "data_end_time": "{{ dag_run.conf['end'] }}"}


def make_dag(dag_id: str, retries: int = 12, **more: object) -> DAG:
    return DAG(
        dag_id=dag_id,
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        default_args={"retries": retries, "retry_delay": timedelta(seconds=1)},
        **more,  # type: ignore[arg-type]
    )


def row_dag(row: Row) -> DAG:
    options = dict(row.dag or {})
    if "dagrun_timeout" in options:
        options["dagrun_timeout"] = timedelta(seconds=options["dagrun_timeout"])
    dag = make_dag(f"fault_{row.name}", row.retries, **options)
    common = {
        "dag": dag,
        "task_id": "trigger",
        "task": row.name,
        "space": "demo-space",
        "poll_interval": 2,
        "deferrable": row.deferrable,
        "arize_conn_id": f"arize_{row.connection}",
        "die_at": row.die_at,
        "die_times": row.die_times,
        "whole_worker": row.whole_worker,
        **(row.arguments or {}),
    }
    if row.kind == EXPERIMENT:
        DyingExperiment(experiment_name=f"{row.name} {{{{ run_id }}}}", max_examples=10, **common)
    else:
        DyingEvaluation(**WINDOW, **common)
    return dag


for each in ROWS:
    globals()[f"fault_{each.name}"] = row_dag(each)

for weather, dag_id in COMPONENT_DAGS.items():
    globals()[dag_id] = make_dag(dag_id, retries=20)
    DyingEvaluation(
        dag=globals()[dag_id],
        task_id="trigger",
        task=dag_id,
        space="demo-space",
        poll_interval=2,
        arize_conn_id=f"arize_{weather}",
        **WINDOW,
    )

for loop in LOOPS:
    globals()[loop.dag_id] = make_dag(loop.dag_id, retries=20)
    common = {
        "dag": globals()[loop.dag_id],
        "task_id": "trigger",
        "task": loop.dag_id,
        "space": "demo-space",
        "poll_interval": 2,
        "deferrable": loop.deferrable,
        "arize_conn_id": f"arize_{loop.connection}",
        "die_at": RANDOM,
        "die_times": 3,
        "die_within": loop.seconds,
    }
    if loop.kind == EXPERIMENT:
        DyingExperiment(experiment_name="{{ run_id }}", max_examples=10, **common)
    else:
        DyingEvaluation(**WINDOW, **common)
