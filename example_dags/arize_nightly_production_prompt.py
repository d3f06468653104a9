"""Every night: run whatever prompt carries the label ``production`` in the Prompt Hub.

The task on Arize is created by the first run. Each night the label is looked up anew, and if somebody has moved it, the
task gets the version it points to; the version that ran is pinned in the task and in the result of ``create_task``.

Runs as it is against the connection ``arize_default`` and the emulator, once the emulator has a prompt of the name;
change the names in capitals for your own.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerExperimentRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateRunExperimentTaskOperator

SPACE, DATASET, INTEGRATION, PROMPT = "demo-space", "demo-dataset", "demo-openai", "support-answers"

with DAG(
    dag_id="arize_nightly_production_prompt",
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
    tags=["arize", "example"],
    doc_md=__doc__,
):
    # [START production_prompt]
    create = ArizeCreateRunExperimentTaskOperator(
        task_id="create_task",
        name="nightly-production-prompt",
        space=SPACE,
        dataset=DATASET,
        prompt=PROMPT,
        prompt_label="production",
        run_configuration={"ai_integration_id": INTEGRATION},
        if_exists="update",
    )
    # [END production_prompt]

    run = ArizeTriggerExperimentRunOperator(
        task_id="run_experiment",
        task=create.output,
        experiment_name="production {{ run_id }}",
        poll_interval=5,
        timeout=timedelta(hours=2),
    )
