"""The DAG of the first steps in the documentation: evaluate yesterday's spans, every day."""

# [START first_steps]
from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator

with DAG(
    "daily_quality",
    schedule="@daily",
    start_date=pendulum.datetime(2026, 11, 1, tz="UTC"),
    catchup=False,
    default_args={"retries": 3},
) as dag:
    task = ArizeCreateEvaluationTaskOperator(
        task_id="task",
        name="daily quality",
        task_type="template_evaluation",
        project="demo-project",
        evaluators=[
            {"evaluator_id": "correctness", "column_mappings": {"input": "input.value", "output": "output.value"}}
        ],
    )
    evaluate = ArizeTriggerEvaluationRunOperator(
        task_id="evaluate",
        task=task.output,
        lookback=timedelta(days=1),
    )
# [END first_steps]
