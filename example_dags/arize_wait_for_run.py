"""By hand: wait for a run that somebody else triggered, in the Arize UI for instance.

The run's id is a field of the UI's trigger form. Left empty, the DAG plays the other party first: it triggers a run
over the last day and does not wait for it there.

Runs as it is against the connection ``arize_default`` and the emulator's seeded world; change the names in capitals for
your own.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG, Param, task

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator
from airflow_provider_arize_tasks.sensors.task_run import ArizeTaskRunSensor

SPACE, PROJECT, EVALUATOR = "demo-space", "demo-project", "correctness"


@task.branch
def whose_run(given: str) -> str:
    """Straight to the sensor if there is a run to wait for."""
    return "wait" if given else "create_task"


with DAG(
    dag_id="arize_wait_for_run",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
    params={"run_id": Param("", type="string", title="Run id", description="Triggers one itself if empty")},
    tags=["arize", "example"],
    doc_md=__doc__,
):
    create = ArizeCreateEvaluationTaskOperator(
        task_id="create_task",
        name="somebody-elses-task",
        task_type="TEMPLATE_EVALUATION",
        space=SPACE,
        project=PROJECT,
        evaluators=[{"evaluator_id": EVALUATOR}],
        if_exists="reuse",
    )

    trigger = ArizeTriggerEvaluationRunOperator(
        task_id="trigger_elsewhere",
        task=create.output,
        lookback=timedelta(days=1),
        override_evaluations=True,
        wait_for_completion=False,
    )

    wait = ArizeTaskRunSensor(
        task_id="wait",
        run_id="{{ params.run_id or ti.xcom_pull(task_ids='trigger_elsewhere')['id'] }}",
        poke_interval=5,
        timeout=timedelta(hours=2).total_seconds(),
        trigger_rule="none_failed_min_one_success",
    )

    whose_run("{{ params.run_id }}") >> [create, wait]
    trigger >> wait
