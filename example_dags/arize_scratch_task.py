"""Evaluate once with a task of its own, and leave nothing behind: setup makes the task on Arize, teardown deletes it.

The teardown runs whether the evaluation succeeded or failed, and clearing the evaluation clears both with it. The name
holds the DAG run's id, so runs side by side don't meet.

Trigger it by hand. Runs as it is against the connection ``arize_default`` and the emulator's seeded world.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator, ArizeDeleteTaskOperator

SPACE, PROJECT, EVALUATOR = "demo-space", "demo-project", "correctness"

with DAG(
    dag_id="arize_scratch_task",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
    tags=["arize", "example"],
    doc_md=__doc__,
):
    # [START scratch_task]
    create = ArizeCreateEvaluationTaskOperator(
        task_id="create_task",
        name="scratch {{ run_id }}",
        task_type="TEMPLATE_EVALUATION",
        space=SPACE,
        project=PROJECT,
        evaluators=[{"evaluator_id": EVALUATOR}],
    ).as_setup()

    evaluate = ArizeTriggerEvaluationRunOperator(
        task_id="evaluate",
        task=create.output,
        lookback=timedelta(days=1),
        override_evaluations=True,
        poll_interval=5,
    )

    delete = ArizeDeleteTaskOperator(task_id="delete_task", task=create.output).as_teardown(setups=create)

    create >> evaluate >> delete
    # [END scratch_task]
