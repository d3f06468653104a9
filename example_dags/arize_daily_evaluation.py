"""Every day: evaluate the spans of the day before, each exactly once.

``CronDataIntervalTimetable`` gives each DAG run a day as its data interval, and the operator evaluates that interval.
With the plain ``schedule="@daily"`` the interval would have no width on Airflow 3. ``lookback`` is for runs without an
interval, those triggered by hand among them: they evaluate the last 24 hours.

Runs as it is against the connection ``arize_default`` and the emulator's seeded world; change the names in capitals for
your own. Backfill it with ``airflow backfill create --dag-id arize_daily_evaluation --from-date ... --to-date ...``.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator

SPACE, PROJECT, EVALUATOR = "demo-space", "demo-project", "correctness"

with DAG(
    dag_id="arize_daily_evaluation",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
    tags=["arize", "example"],
    doc_md=__doc__,
):
    create = ArizeCreateEvaluationTaskOperator(
        task_id="create_task",
        name="daily-correctness",
        task_type="TEMPLATE_EVALUATION",
        space=SPACE,
        project=PROJECT,
        evaluators=[{"evaluator_id": EVALUATOR}],
        if_exists="reuse",
    )

    ArizeTriggerEvaluationRunOperator(
        task_id="evaluate_interval",
        task=create.output,
        lookback=timedelta(days=1),
        poll_interval=5,
        timeout=timedelta(hours=2),
    )
