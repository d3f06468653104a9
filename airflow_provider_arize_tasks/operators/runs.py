"""Operators around task runs: trigger an evaluation or an experiment, cancel a run, find windows never evaluated, and
verify what was.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

#: Where each is. It is imported when it is asked for: every process of a task parses its DAG, and uses one or two.
_MODULES = {
    "ArizeCancelTaskRunOperator": "cancel_run",
    "ArizeFindWindowGapsOperator": "gaps",
    "ArizeTriggerEvaluationRunOperator": "evaluation_run",
    "ArizeTriggerExperimentRunOperator": "experiment_run",
    "ArizeVerifyWindowOperator": "verify_window",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"airflow_provider_arize_tasks.operators.{module}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
