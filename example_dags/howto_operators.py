"""Every operator once: the examples of the documentation's operator pages, in DAGs that parse and run.

``howto_evaluate_spans`` makes the task that ``howto_backfill`` and ``howto_fill_gaps`` use, so run it first.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import DAG, TriggerRule

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
from airflow_provider_arize_tasks.retry_policy import retry_arguments
from airflow_provider_arize_tasks.sensors.task_run import ArizeTaskRunSensor
from airflow_provider_arize_tasks.windows import cut_windows

START = pendulum.datetime(2026, 11, 1, tz="UTC")

# [START howto_retry_policy]
with DAG(
    "howto_evaluate_spans",
    schedule="0 6 * * *",
    start_date=START,
    catchup=False,
    default_args=retry_arguments(retries=4),
):
    # [END howto_retry_policy]
    # [START howto_create_evaluation_task]
    create_evaluation_task = ArizeCreateEvaluationTaskOperator(
        task_id="create_evaluation_task",
        name="answer quality",
        task_type="template_evaluation",
        project="demo-project",
        space="demo-space",
        evaluators=[
            {"evaluator_id": "correctness", "column_mappings": {"input": "input.value", "output": "output.value"}},
        ],
        query_filter="openinference.span.kind = 'LLM'",
        if_exists="reuse",
    )
    # [END howto_create_evaluation_task]

    # [START howto_update_task]
    update_task = ArizeUpdateTaskOperator(
        task_id="update_task",
        task=create_evaluation_task.output,
        sampling_rate=0.5,
    )
    # [END howto_update_task]

    # [START howto_trigger_evaluation_run]
    evaluate = ArizeTriggerEvaluationRunOperator(
        task_id="evaluate",
        task="answer quality",
        space="demo-space",
        lookback=timedelta(days=1),
        on_truncated="split",
        max_error_rate=0.05,
    )
    # [END howto_trigger_evaluation_run]

    create_evaluation_task >> update_task >> evaluate

with DAG("howto_backfill", schedule=None, start_date=START, default_args=retry_arguments()):
    # [START howto_mapped]
    ArizeTriggerEvaluationRunOperator.partial(
        task_id="evaluate_each_day",
        task="answer quality",
        space="demo-space",
        max_active_tis_per_dagrun=4,
    ).expand_kwargs(cut_windows("2026-11-01", "2026-11-08", every="day", timezone="Europe/Berlin"))
    # [END howto_mapped]

with DAG("howto_fill_gaps", schedule="@weekly", start_date=START, catchup=False, default_args=retry_arguments()):
    # [START howto_find_window_gaps]
    find_gaps = ArizeFindWindowGapsOperator(
        task_id="find_gaps",
        task="answer quality",
        space="demo-space",
        start="28d",
    )
    ArizeTriggerEvaluationRunOperator.partial(
        task_id="fill_gap", task="answer quality", space="demo-space"
    ).expand_kwargs(find_gaps.output)
    # [END howto_find_window_gaps]

with DAG("howto_verify", schedule="@daily", start_date=START, catchup=False, default_args=retry_arguments()):
    # [START howto_verify_window]
    evaluate_day = ArizeTriggerEvaluationRunOperator(
        task_id="evaluate_day", task="answer quality", space="demo-space", lookback="1d"
    )
    verify_day = ArizeVerifyWindowOperator(
        task_id="verify_day",
        task="answer quality",
        space="demo-space",
        lookback="1d",
        sample=600,
        min_labelled=0.99,
    )
    evaluate_day >> verify_day
    # [END howto_verify_window]

with DAG("howto_experiment", schedule="@daily", start_date=START, catchup=False, default_args=retry_arguments()):
    # [START howto_create_run_experiment_task]
    create_experiment_task = ArizeCreateRunExperimentTaskOperator(
        task_id="create_experiment_task",
        name="support answers",
        dataset="demo-dataset",
        space="demo-space",
        run_configuration={
            "experiment_type": "llm_generation",
            "ai_integration_id": "demo-openai",
            "model_name": "gpt-4o-mini",
            "messages": [
                {"role": "SYSTEM", "content": "You answer customers of a web shop, in two sentences."},
                {"role": "USER", "content": "{{input}}"},
            ],
            "input_variable_format": "MUSTACHE",
            "invocation_parameters": {"temperature": 0.2, "max_completion_tokens": 300},
        },
    )
    # [END howto_create_run_experiment_task]

    # [START howto_trigger_experiment_run]
    run_experiment = ArizeTriggerExperimentRunOperator(
        task_id="run_experiment",
        task=create_experiment_task.output,
        space="demo-space",
        experiment_name="support-{{ run_id }}",
        max_examples=20,
    )
    # [END howto_trigger_experiment_run]

    # [START howto_check_experiment]
    check = ArizeCheckExperimentOperator(
        task_id="check",
        experiment=run_experiment.output,
    )
    # [END howto_check_experiment]

    run_experiment >> check

with DAG("howto_experiment_kinds", schedule=None, start_date=START, default_args=retry_arguments()):
    # [START howto_template_evaluation]
    ask_a_judge = ArizeCreateRunExperimentTaskOperator(
        task_id="ask_a_judge",
        name="was it polite",
        dataset="demo-dataset",
        space="demo-space",
        run_configuration={
            "experiment_type": "TEMPLATE_EVALUATION",
            "ai_integration_id": "demo-openai",
            "model_name": "gpt-4o-mini",
            "template": "Is this answer polite? Answer polite or rude.\n\n{{answer}}",
            "column_mapping": {"answer": "output"},
            "classification_choices": {"polite": 1, "rude": 0},
            "provide_explanation": True,
        },
    )
    # [END howto_template_evaluation]

    # [START howto_agent_call]
    call_an_agent = ArizeCreateRunExperimentTaskOperator(
        task_id="call_an_agent",
        name="support agent",
        dataset="demo-dataset",
        space="demo-space",
        run_configuration={
            "experiment_type": "AGENT_CALL",
            "integration_id": "demo-agent",
            "input_template": {"question": "{{input}}", "options": {"language": "en"}},
        },
    )
    # [END howto_agent_call]

with DAG("howto_runs_of_others", schedule=None, start_date=START, params={"run_id": ""}):
    # [START howto_task_run_sensor]
    wait = ArizeTaskRunSensor(task_id="wait", run_id="{{ params.run_id }}", timeout=3600)
    # [END howto_task_run_sensor]

    # [START howto_cancel_task_run]
    cancel = ArizeCancelTaskRunOperator(
        task_id="cancel", run_id="{{ params.run_id }}", trigger_rule=TriggerRule.ONE_FAILED
    )
    # [END howto_cancel_task_run]

    # [START howto_delete_task]
    delete = ArizeDeleteTaskOperator(task_id="delete", task="a task of last year", space="demo-space")
    # [END howto_delete_task]

    wait >> cancel
    wait >> delete
