"""By hand: evaluate a range of days in one DAG run, one mapped task instance a day.

Start it from the UI's trigger form, where ``start`` and ``end`` are fields. Each mapped instance waits in the
triggerer, so a quarter of a year holds no worker; a day that is already evaluated costs one run that ends at once.

Runs as it is against the connection ``arize_default`` and the emulator's seeded world; change the names in capitals for
your own.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG, Param, task

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator
from airflow_provider_arize_tasks.windows import cut_windows

SPACE, PROJECT, EVALUATOR = "demo-space", "demo-project", "correctness"


@task
def days(start: str, end: str) -> list[dict[str, str]]:
    """The days of the range, as the trigger operator's window arguments."""
    today = datetime.now(timezone.utc).date()
    first = start or (today - timedelta(days=7)).isoformat()
    return cut_windows(first, end or today.isoformat(), every="day", timezone="UTC")


with DAG(
    dag_id="arize_backfill_mapped",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
    params={
        "start": Param("", type="string", title="First day", description="YYYY-MM-DD; a week ago if empty"),
        "end": Param("", type="string", title="Day after the last", description="YYYY-MM-DD; today if empty"),
    },
    tags=["arize", "example"],
    doc_md=__doc__,
):
    create = ArizeCreateEvaluationTaskOperator(
        task_id="create_task",
        name="backfill-correctness",
        task_type="TEMPLATE_EVALUATION",
        space=SPACE,
        project=PROJECT,
        evaluators=[{"evaluator_id": EVALUATOR}],
        if_exists="reuse",
    )

    ArizeTriggerEvaluationRunOperator.partial(
        task_id="evaluate_day",
        task=create.output,
        poll_interval=5,
        max_active_tis_per_dag=8,
    ).expand_kwargs(days("{{ params.start }}", "{{ params.end }}"))
