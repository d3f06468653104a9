"""Every night: run an experiment over a dataset and wait for it without holding a worker.

The task is created once, by the first run, and reused ever after. The experiment's name is also its key: a retry finds
the run that an attempt before it started by this name instead of paying for a second one.

Runs as it is against the connection ``arize_default`` and the emulator's seeded world; change the names in capitals for
your own.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerExperimentRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateRunExperimentTaskOperator

SPACE, DATASET, INTEGRATION = "demo-space", "demo-dataset", "demo-openai"


with DAG(
    dag_id="arize_nightly_experiment",
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
    tags=["arize", "example"],
    doc_md=__doc__,
):
    create = ArizeCreateRunExperimentTaskOperator(
        task_id="create_task",
        name="nightly-answers",
        space=SPACE,
        dataset=DATASET,
        run_configuration={
            "experiment_type": "LLM_GENERATION",
            "ai_integration_id": INTEGRATION,
            "model_name": "gpt-4o",
            "input_variable_format": "MUSTACHE",
            "messages": [{"role": "USER", "content": "Answer the customer: {{input}}"}],
        },
        if_exists="reuse",
    )

    ArizeTriggerExperimentRunOperator(
        task_id="run_experiment",
        task=create.output,
        # run_id, not ds: a run triggered by hand has no logical date on Airflow 3, and {{ ds }} would fail to render.
        experiment_name="nightly {{ run_id }}",
        poll_interval=5,
        timeout=timedelta(hours=2),
    )
