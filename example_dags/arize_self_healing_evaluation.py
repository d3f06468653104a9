"""Every night: evaluate last night's window, and whatever gaps the last thirty days hold.

Last night's window is a gap like any other, so one path does both: find the windows that no run has covered, and
evaluate each in a mapped task instance. Whatever went wrong on an earlier night (Airflow down, a run that failed, a
window with more spans than one run takes) heals by itself on the next one. The schedule's data interval plays no part,
so a plain cron does.

* ``settle``: evaluation sees spans one to two hours late. A window is left alone until it is two hours over, and a run
  made before then counts as incomplete; being run again, it labels only what is new.
* ``give_up_after``: a window without data leaves no run behind and looks like one that was never evaluated. It is asked
  for on three nights and then let go.
* ``on_truncated="split"``: a window that is too full is halved until every piece fits.

Runs as it is against the connection ``arize_default`` and the emulator's seeded world; change the names in capitals for
your own.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_arize_tasks.operators.runs import (
    ArizeFindWindowGapsOperator,
    ArizeTriggerEvaluationRunOperator,
)
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator

SPACE, PROJECT, EVALUATOR = "demo-space", "demo-project", "correctness"

with DAG(
    dag_id="arize_self_healing_evaluation",
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
    tags=["arize", "example"],
    doc_md=__doc__,
):
    create = ArizeCreateEvaluationTaskOperator(
        task_id="create_task",
        name="self-healing-correctness",
        task_type="TEMPLATE_EVALUATION",
        space=SPACE,
        project=PROJECT,
        evaluators=[{"evaluator_id": EVALUATOR}],
        if_exists="reuse",
    )

    gaps = ArizeFindWindowGapsOperator(
        task_id="find_gaps",
        task=create.output,
        start=timedelta(days=30),
        window="day",
        settle=timedelta(hours=2),
        give_up_after=timedelta(days=3),
    )

    ArizeTriggerEvaluationRunOperator.partial(
        task_id="evaluate_gap",
        task=create.output,
        on_truncated="split",
        poll_interval=5,
        max_active_tis_per_dag=4,
    ).expand_kwargs(gaps.output)
