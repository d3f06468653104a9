"""One DAG evaluates, another starts when it is done and knows what was evaluated.

The trigger operator puts its result on the event of each asset among its ``outlets``, as ``arize`` in the event's
extra: the window, the run, the counts, for an experiment its id. The DAG that is scheduled on the asset reads them from
there. Triggered by hand it has no event, and says so.

Runs as it is against the connection ``arize_default`` and the emulator's seeded world.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Asset, task

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator

SPACE, PROJECT, EVALUATOR = "demo-space", "demo-project", "correctness"
# [START downstream]
EVALUATED = Asset("arize_support_evaluated")

with DAG(
    dag_id="arize_upstream",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
    tags=["arize", "example"],
    doc_md=__doc__,
):
    create = ArizeCreateEvaluationTaskOperator(
        task_id="create_task",
        name="upstream-correctness",
        task_type="TEMPLATE_EVALUATION",
        space=SPACE,
        project=PROJECT,
        evaluators=[{"evaluator_id": EVALUATOR}],
    )
    ArizeTriggerEvaluationRunOperator(
        task_id="evaluate",
        task=create.output,
        lookback=timedelta(days=1),
        poll_interval=5,
        outlets=[EVALUATED],
    )


@task
def use_the_labels(triggering_asset_events: Any = None) -> list[str]:
    """One line for each window that was evaluated since the last run of this DAG."""
    events = [event for of_asset in (triggering_asset_events or {}).values() for event in of_asset]
    runs = [event.extra["arize"] for event in events]
    return [f"{run['data_start_time']} to {run['data_end_time']}: {run['num_successes']} labelled" for run in runs] or [
        "no event: triggered by hand"
    ]


with DAG(
    dag_id="arize_downstream",
    schedule=[EVALUATED],
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    tags=["arize", "example"],
    doc_md=__doc__,
):
    use_the_labels()
# [END downstream]
