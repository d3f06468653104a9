"""By hand, after an evaluator changed: evaluate a whole range of days anew, one mapped task instance a day.

Start it from the UI's trigger form. With ``again`` every span gets new labels, whatever labels it has; without, a day
that is evaluated already costs one run that ends at once. Each mapped instance waits in the triggerer, so a quarter of
a year holds no worker. To fill in only what is missing, take ``arize_backfill_params`` instead.

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
        "again": Param(False, type="boolean", title="Label again what is labelled already"),
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
        map_index_template="{{ task.data_start_time[:16] }}",
        task=create.output,
        override_evaluations="{{ params.again }}",
        poll_interval=5,
        max_active_tis_per_dag=8,
    ).expand_kwargs(days("{{ params.start }}", "{{ params.end }}"))
