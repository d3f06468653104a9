"""Every night: run an experiment, wait for its evaluations, and promote the app only if its quality did not drop.

The tasks on Arize are created once, by the first run, and reused ever after. The check compares each night with the
last seven that passed, example by example; the first night has nothing to compare with and passes. A night that
dropped fails the check with a report of the examples that got worse, and the promotion does not run. It never becomes
what later nights are compared with, so a regression blocks every night until it is mended, or until somebody accepts it
by setting the Variable ``arize_quality_accept_since`` to a time.

Runs as it is against the connection ``arize_default`` and the emulator's seeded world; change the names in capitals for
your own.
"""

from __future__ import annotations

import os
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_arize_tasks.operators.experiments import ArizeCheckExperimentOperator
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerExperimentRunOperator
from airflow_provider_arize_tasks.operators.tasks import (
    ArizeCreateEvaluationTaskOperator,
    ArizeCreateRunExperimentTaskOperator,
)

SPACE, DATASET, INTEGRATION = "demo-space", "demo-dataset", "demo-openai"
EVALUATORS = ("correctness", "hallucination")
# An evaluation task of a dataset must name an experiment when it is created; which one it evaluates is said per run.
ANY_EXPERIMENT = "baseline"
# Anything ObjectStoragePath knows, such as s3://aws_default@my-bucket/quality/. It will hold inputs and outputs.
REPORTS = os.environ.get("ARIZE_QUALITY_REPORTS", str(Path(tempfile.gettempdir()) / "arize-quality"))


@task
def promote(check: dict) -> str:
    """Put tonight's version into production (a placeholder)."""
    return f"promoting what {check['experiment']['name']} tested"


with DAG(
    dag_id="arize_nightly_quality_gate",
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
    tags=["arize", "example"],
    doc_md=__doc__,
):
    # [START quality_gate]
    experiment = ArizeCreateRunExperimentTaskOperator(
        task_id="create_experiment_task",
        name="nightly-support-answers",
        space=SPACE,
        dataset=DATASET,
        run_configuration={
            "experiment_type": "LLM_GENERATION",
            "ai_integration_id": INTEGRATION,
            "model_name": "gpt-4o",
            "input_variable_format": "MUSTACHE",
            "messages": [{"role": "USER", "content": "Answer the customer: {{input}}"}],
        },
    )
    evaluations = [
        ArizeCreateEvaluationTaskOperator(
            task_id=f"create_{evaluator}_task",
            name=f"judge-{evaluator}",
            task_type="TEMPLATE_EVALUATION",
            space=SPACE,
            dataset=DATASET,
            experiment_ids=[ANY_EXPERIMENT],
            evaluators=[{"evaluator_id": evaluator}],
        )
        for evaluator in EVALUATORS
    ]

    run = ArizeTriggerExperimentRunOperator(
        task_id="run_experiment",
        task=experiment.output,
        # run_id, not ds: a run triggered by hand has no logical date on Airflow 3, and {{ ds }} would fail to render.
        experiment_name="nightly {{ run_id }}",
        evaluation_task_ids=[f"judge-{evaluator}" for evaluator in EVALUATORS],
        wait_for_evaluations=True,
        space=SPACE,
        poll_interval=5,
        timeout=timedelta(hours=2),
    )
    evaluations >> run

    check = ArizeCheckExperimentOperator(
        task_id="check_quality",
        experiment=run.output,
        space=SPACE,
        # Compared with the last seven nights that passed. "This is the new normal": set the Variable to a time.
        accept_since="{{ var.value.get('arize_quality_accept_since', '') }}",
        max_drop=0.02,
        max_error_rate=0.05,
        report_path=REPORTS,
    )
    promote(check.output)
    # [END quality_gate]
