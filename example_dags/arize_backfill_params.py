"""By hand, after something went wrong: evaluate what a range of time still lacks, one mapped task instance a window.

Start it from the UI's trigger form, where range, width of the windows and time zone are fields. Windows that are
covered already are left out, so it can be started again at any time and only does what is missing; a window with more
spans than one run takes is halved until every piece fits. Each mapped instance waits in the triggerer, so a quarter of
a year holds no worker. To label anew what has labels, take ``arize_backfill_mapped`` instead.

Runs as it is against the connection ``arize_default`` and the emulator's seeded world; change the names in capitals for
your own.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG, Param

from airflow_provider_arize_tasks.operators.runs import (
    ArizeFindWindowGapsOperator,
    ArizeTriggerEvaluationRunOperator,
)
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator

SPACE, PROJECT, EVALUATOR = "demo-space", "demo-project", "correctness"

with DAG(
    dag_id="arize_backfill_params",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
    params={
        "start": Param(None, type=["null", "string"], format="date", title="First day", description="Default: a week"),
        "end": Param(
            None, type=["null", "string"], format="date", title="Day after the last", description="Default: today"
        ),
        "window": Param("day", enum=["hour", "6h", "day", "week"], title="Width of a window"),
        "timezone": Param("UTC", type="string", title="Time zone of the days"),
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

    gaps = ArizeFindWindowGapsOperator(
        task_id="find_gaps",
        task=create.output,
        start="{{ params.start or '7d' }}",
        end="{{ params.end or '0d' }}",
        window="{{ params.window }}",
        timezone="{{ params.timezone }}",
    )

    ArizeTriggerEvaluationRunOperator.partial(
        task_id="evaluate_window",
        map_index_template="{{ task.data_start_time[:16] }}",
        task=create.output,
        on_truncated="split",
        poll_interval=5,
        max_active_tis_per_dag=8,
    ).expand_kwargs(gaps.output)
