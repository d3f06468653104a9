"""Every night: evaluate last night's window, and whatever gaps the last thirty days hold; verify a sample, and heal it.

Last night's window is a gap like any other, so one path does both: find the windows that no run has covered, and
evaluate each in a mapped task instance. Whatever went wrong on an earlier night (Airflow down, a run that failed, a
window with more spans than one run takes) heals by itself on the next one. The schedule's data interval plays no part,
so a plain cron does.

* ``settle``: evaluation sees spans one to two hours late. A window is left alone until it is two hours over, and a run
  made before then counts as incomplete; being run again, it labels only what is new.
* ``give_up_after``: a window without data leaves no run behind and looks like one that was never evaluated. It is asked
  for on three nights and then let go.
* ``on_truncated="split"``: a window that is too full is cut into pieces that fit.
* ``stale="report"``: once a judge has a new version, the log says what evaluating old windows again would take;
  ``"reevaluate"`` does it.

What runs counted is one thing, what spans carry another: in the end a sample of the newest settled day is looked at,
span by span, and that day is evaluated again if any label is missing. Labels that are there stay.

Runs as it is against the connection ``arize_default`` and the emulator's seeded world; change the names in capitals for
your own.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_arize_tasks.operators.runs import (
    ArizeFindWindowGapsOperator,
    ArizeTriggerEvaluationRunOperator,
    ArizeVerifyWindowOperator,
)
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator

SAMPLE = 600  # none missing of so many: below 0.5 % at 95 %
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
        stale="report",
    )

    evaluate = ArizeTriggerEvaluationRunOperator.partial(
        task_id="evaluate_gap",
        task=create.output,
        on_truncated="split",
        poll_interval=5,
        max_active_tis_per_dag=4,
    ).expand_kwargs(gaps.output)

    @task(trigger_rule="none_failed")
    def last_settled_day() -> dict[str, str]:
        """The last day that has been over for two hours."""
        settled = datetime.now(timezone.utc) - timedelta(hours=2)
        end = settled.replace(hour=0, minute=0, second=0, microsecond=0)
        return {"data_start_time": (end - timedelta(days=1)).isoformat(), "data_end_time": end.isoformat()}

    day = last_settled_day()
    verify = ArizeVerifyWindowOperator(
        task_id="verify_sample",
        task=create.output,
        data_start_time=day["data_start_time"],
        data_end_time=day["data_end_time"],
        sample=SAMPLE,
        min_labelled=0,  # what is missing is healed below
    )

    @task
    def windows_to_heal(verification: dict[str, Any]) -> list[dict[str, str]]:
        """The verified window, if anything in it is missing."""
        if verification["complete"]:
            return []
        return [{name: verification[name] for name in ("data_start_time", "data_end_time")}]

    ArizeTriggerEvaluationRunOperator.partial(
        task_id="heal", task=create.output, on_truncated="split", poll_interval=5
    ).expand_kwargs(windows_to_heal(verify.output))

    evaluate >> day
