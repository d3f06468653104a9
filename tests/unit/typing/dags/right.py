"""Every right use of an argument: neither type checker may find anything here."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG, task

from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.operators.experiments import ArizeCheckExperimentOperator
from airflow_provider_arize_tasks.operators.runs import (
    ArizeCancelTaskRunOperator,
    ArizeFindWindowGapsOperator,
    ArizeTriggerEvaluationRunOperator,
    ArizeTriggerExperimentRunOperator,
    ArizeVerifyWindowOperator,
)
from airflow_provider_arize_tasks.operators.tasks import (
    ArizeCreateEvaluationTaskOperator,
    ArizeCreateRunExperimentTaskOperator,
    ArizeDeleteTaskOperator,
    ArizeUpdateTaskOperator,
)
from airflow_provider_arize_tasks.sensors.task_run import ArizeTaskRunSensor
from airflow_provider_arize_tasks.windows import cut_windows

with DAG(dag_id="right", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):

    @task
    def experiments() -> list[str]:
        return ["RXhwZXJpbWVudDoxOmE="]

    create = ArizeCreateEvaluationTaskOperator(
        task_id="create",
        name="daily",
        task_type="TEMPLATE_EVALUATION",
        space="demo-space",
        project="demo-project",
        evaluators=[{"evaluator_id": "correctness"}],
        sampling_rate=0.5,
        is_continuous=False,
        query_filter="status_code = 'OK'",
        if_exists="update",
        retries=3,
        retry_delay=timedelta(seconds=30),
    )
    create_experiment = ArizeCreateRunExperimentTaskOperator(
        task_id="create_experiment",
        name="nightly",
        space="demo-space",
        dataset="demo-dataset",
        run_configuration={"experiment_type": "LLM_GENERATION"},
        render_prompts=False,
    )
    from_hub = ArizeCreateRunExperimentTaskOperator(
        task_id="from_hub",
        name="nightly",
        dataset="demo-dataset",
        run_configuration={"experiment_type": "LLM_GENERATION", "ai_integration_id": "demo-openai"},
        prompt="answer",
        prompt_label="production",
        if_exists="update",
    )
    ArizeUpdateTaskOperator(task_id="update", task=create.output, name="weekly", query_filter=None)
    ArizeDeleteTaskOperator(task_id="delete", task="daily", space="demo-space", if_missing="ignore")

    evaluate = ArizeTriggerEvaluationRunOperator(
        task_id="evaluate",
        task=create.output,
        lookback="1d",
        settle=timedelta(hours=2),
        on_truncated="split",
        on_no_data="skip",
        on_already_evaluated="succeed",
        reuse_run="same_window",
        max_error_rate=0.1,
        poll_interval=10,
        timeout="6h",
        deferrable=True,
    )
    ArizeTriggerEvaluationRunOperator(
        task_id="evaluate_experiments", task="of a dataset", experiment_ids=experiments(), max_spans=100
    )
    ArizeTriggerEvaluationRunOperator(
        task_id="evaluate_outputs", task="of a dataset", experiment_ids=create.output, timeout=3600
    )
    ArizeTriggerEvaluationRunOperator.partial(task_id="mapped", task="daily", space="demo-space").expand_kwargs(
        cut_windows("2026-08-01", "2026-11-01", every="day", timezone="UTC")
    )
    nightly = ArizeTriggerExperimentRunOperator(
        task_id="nightly",
        task=create_experiment.output,
        experiment_name="nightly-{{ ds }}",
        max_examples=50,
        evaluation_task_ids=["daily"],
    )
    gaps = ArizeFindWindowGapsOperator(
        task_id="gaps", task="daily", start="28d", window="day", settle="2h", stale="reevaluate"
    )
    ArizeTriggerEvaluationRunOperator.partial(task_id="heal", task="daily").expand_kwargs(gaps.output)
    ArizeVerifyWindowOperator(task_id="verify", task="daily", lookback=timedelta(days=1), sample=600, min_labelled=0.99)
    ArizeCheckExperimentOperator(
        task_id="check",
        experiment=nightly.output,
        baseline="accepted",
        max_drop=0.02,
        on_inconclusive="pass",
        false_alarms_per_year=1,
    )
    ArizeCancelTaskRunOperator(task_id="cancel", run_id=evaluate.output)
    ArizeTaskRunSensor(task_id="wait", run_id=evaluate.output, poke_interval=30, deferrable=True, soft_fail=False)

    @task
    def by_hand() -> str:
        run = ArizeHook().tasks.trigger_run(task="daily")
        return str(run.status)
