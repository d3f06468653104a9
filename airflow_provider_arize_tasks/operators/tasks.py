"""Operators that create, update and delete Arize tasks."""

from __future__ import annotations

from airflow_provider_arize_tasks.operators.change_task import ArizeDeleteTaskOperator, ArizeUpdateTaskOperator
from airflow_provider_arize_tasks.operators.create_task import (
    ArizeCreateEvaluationTaskOperator,
    ArizeCreateRunExperimentTaskOperator,
)

__all__ = [
    "ArizeCreateEvaluationTaskOperator",
    "ArizeCreateRunExperimentTaskOperator",
    "ArizeDeleteTaskOperator",
    "ArizeUpdateTaskOperator",
]
