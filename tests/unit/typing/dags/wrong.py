"""One mistake in each line that says ``wrong``: both type checkers must find each of them, and nothing else."""

from __future__ import annotations

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

# What the operator can't do without is missing.
ArizeTriggerEvaluationRunOperator(task_id="a")  # wrong
ArizeTriggerExperimentRunOperator(task_id="b", task="t")  # wrong
ArizeFindWindowGapsOperator(task_id="c")  # wrong
ArizeVerifyWindowOperator(task_id="d")  # wrong
ArizeCreateEvaluationTaskOperator(task_id="e", task_type="CODE_EVALUATION", evaluators=[])  # wrong
ArizeCreateRunExperimentTaskOperator(task_id="f")  # wrong
ArizeUpdateTaskOperator(task_id="g")  # wrong
ArizeDeleteTaskOperator(task_id="h")  # wrong
ArizeCheckExperimentOperator(task_id="i")  # wrong
ArizeCancelTaskRunOperator(task_id="j")  # wrong
ArizeTaskRunSensor(task_id="k")  # wrong

# A misspelt argument, ours or Airflow's.
ArizeTriggerEvaluationRunOperator(task_id="l", task="t", look_back="1d")  # wrong
ArizeTriggerEvaluationRunOperator(task_id="m", task="t", retrys=3)  # wrong
ArizeTriggerExperimentRunOperator(task_id="n", task="t", experiment_name="e", max_example=1)  # wrong
ArizeFindWindowGapsOperator(task_id="o", task="t", windows="day")  # wrong
ArizeVerifyWindowOperator(task_id="p", task="t", samples=3)  # wrong
ArizeUpdateTaskOperator(task_id="q", task="t", filter="x")  # wrong
ArizeDeleteTaskOperator(task_id="r", task="t", if_absent="skip")  # wrong
ArizeCheckExperimentOperator(task_id="s", experiment="e", maxdrop=0.1)  # wrong
ArizeCancelTaskRunOperator(task_id="t", run_id="r", reason="x")  # wrong
ArizeTaskRunSensor(task_id="u", run_id="r", pole_interval=3)  # wrong

# A choice there isn't.
ArizeTriggerEvaluationRunOperator(task_id="v", task="t", on_truncated="halve")  # wrong
ArizeTriggerEvaluationRunOperator(task_id="w", task="t", on_no_data="ignore")  # wrong
ArizeTriggerExperimentRunOperator(task_id="x", task="t", experiment_name="e", reuse_run="always")  # wrong
ArizeFindWindowGapsOperator(task_id="y", task="t", stale="redo")  # wrong
ArizeCheckExperimentOperator(task_id="z", experiment="e", on_inconclusive="maybe")  # wrong
ArizeDeleteTaskOperator(task_id="aa", task="t", if_missing="skip")  # wrong

# A value of the wrong type.
ArizeTriggerEvaluationRunOperator(task_id="ab", task="t", lookback=["1d"])  # wrong
ArizeTriggerEvaluationRunOperator(task_id="ac", task=3)  # wrong
ArizeTriggerExperimentRunOperator(task_id="ad", task="t", experiment_name=7)  # wrong
ArizeVerifyWindowOperator(task_id="ae", task="t", sample=[600])  # wrong
ArizeTaskRunSensor(task_id="af", run_id=3.5)  # wrong
