"""Windows as partitions, on Airflow 3.2 and later: each DAG run has a day as its partition, and so has the asset event.

A run of ``arize_partitioned`` evaluates the day that its partition key names; a backfill makes one run for each day.
The event of its asset carries the key, and the run of ``arize_partitioned_downstream`` that it starts has the same
partition, so a day can be followed through all DAGs. On earlier Airflows this file defines no DAG.

Runs as it is against the connection ``arize_default`` and the emulator's seeded world. By hand, give a partition key.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG, Asset, task

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator

try:
    from airflow.sdk import CronPartitionTimetable, PartitionedAssetTimetable
except ImportError:
    CronPartitionTimetable = None

SPACE, PROJECT, EVALUATOR = "demo-space", "demo-project", "correctness"
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


@task
def use_the_day(partition_key: str | None = None) -> str | None:
    """What follows the evaluation of a day."""
    return partition_key


if CronPartitionTimetable is not None:
    # [START partitions]
    EVALUATED = Asset("arize_partitioned_evaluations")

    with DAG(
        dag_id="arize_partitioned",
        # The run of midnight has the day before as its partition.
        schedule=CronPartitionTimetable("0 0 * * *", timezone="UTC", key_format="%Y-%m-%d", run_offset=-1),
        start_date=START,
        catchup=False,
        default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
        tags=["arize", "example"],
        doc_md=__doc__,
    ):
        create = ArizeCreateEvaluationTaskOperator(
            task_id="create_task",
            name="partitioned-correctness",
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

    with DAG(
        dag_id="arize_partitioned_downstream",
        schedule=PartitionedAssetTimetable(assets=EVALUATED),
        start_date=START,
        tags=["arize", "example"],
        doc_md=__doc__,
    ):
        use_the_day()
    # [END partitions]
