"""Operators around task runs: trigger an evaluation or an experiment, cancel a run, find windows never evaluated, and
verify what was.
"""

from __future__ import annotations

from airflow_provider_arize_tasks.operators.cancel_run import ArizeCancelTaskRunOperator
from airflow_provider_arize_tasks.operators.evaluation_run import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.operators.experiment_run import ArizeTriggerExperimentRunOperator
from airflow_provider_arize_tasks.operators.gaps import ArizeFindWindowGapsOperator
from airflow_provider_arize_tasks.operators.verify_window import ArizeVerifyWindowOperator

__all__ = [
    "ArizeCancelTaskRunOperator",
    "ArizeFindWindowGapsOperator",
    "ArizeTriggerEvaluationRunOperator",
    "ArizeTriggerExperimentRunOperator",
    "ArizeVerifyWindowOperator",
]
