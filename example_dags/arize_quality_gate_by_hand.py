"""A gate that asks a person where it can't tell: an inconclusive night waits for somebody's answer.

A pass must rule out a drop of five points (``rule_out``). A night that passes is promoted, one whose quality dropped is
not. A night in between waits, without holding a worker, until somebody looks at the report and answers on the page
"Required Actions" of Airflow (3.1 and later); nobody's answer in twelve hours is a no. Who answered is kept beside the
verdict, and on Airflow 3.3 and later a night that somebody promoted counts in the comparisons of the nights after it.

Runs as it is against the connection ``arize_default`` and the emulator's seeded world; change the names in capitals for
your own.
"""

from __future__ import annotations

import os
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG, AirflowSkipException, Asset, task

from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.operators.experiments import ArizeCheckExperimentOperator
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerExperimentRunOperator
from airflow_provider_arize_tasks.operators.tasks import (
    ArizeCreateEvaluationTaskOperator,
    ArizeCreateRunExperimentTaskOperator,
)
from airflow_provider_arize_tasks.quality.decision import keep_decision

try:
    from airflow.providers.standard.operators.hitl import HITLOperator
except Exception:  # noqa: BLE001  # before Airflow 3.1, or without apache-airflow-providers-standard: this file defines no DAG
    HITLOperator = None

SPACE, DATASET, INTEGRATION = "demo-space", "demo-dataset", "demo-openai"
EVALUATOR = "correctness"
ANY_EXPERIMENT = "baseline"
REPORTS = os.environ.get("ARIZE_QUALITY_REPORTS", str(Path(tempfile.gettempdir()) / "arize-quality"))
# Decisions are kept in this asset's state store, from Airflow 3.3 on.
QUALITY = Asset(name="support-answers-quality", uri="arize://quality/support-answers")
PROMOTE, REJECT = "Promote", "Do not promote"


@task
def integration_id(name: str) -> str:
    """A run configuration takes the integration's id, so look it up by its name."""
    with ArizeHook() as hook:
        return next(each.id for each in hook.list_ai_integrations(name=name, space=SPACE).items if each.name == name)


@task
def passed() -> None:
    """Nothing to decide."""


@task(outlets=[QUALITY])
def decided(check: dict, answer: dict, **context: Any) -> dict:
    """Keep who answered what, and stop here unless it was a yes."""
    promoted = answer["chosen_options"] == [PROMOTE]
    user = answer.get("responded_by_user") or {}
    by = user.get("name") or user.get("id") or "nobody, in time"
    decision = keep_decision(check, promoted=promoted, by=by, context=context)
    if not promoted:
        context["ti"].xcom_push(key="return_value", value=decision)
        raise AirflowSkipException(f"{by} decided not to promote it")
    return decision


@task(trigger_rule="none_failed_min_one_success")
def promote(experiment: str) -> str:
    """Put tonight's version into production (a placeholder)."""
    return f"promoting what {experiment} tested"


if HITLOperator is not None:
    with DAG(
        dag_id="arize_quality_gate_by_hand",
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 5, "retry_delay": timedelta(seconds=30)},
        tags=["arize", "example"],
        doc_md=__doc__,
    ):
        experiment = ArizeCreateRunExperimentTaskOperator(
            task_id="create_experiment_task",
            name="support-answers-by-hand",
            space=SPACE,
            dataset=DATASET,
            run_configuration={
                "experiment_type": "LLM_GENERATION",
                "ai_integration_id": integration_id(INTEGRATION),
                "model_name": "gpt-4o",
                "input_variable_format": "F_STRING",
                "messages": [{"role": "USER", "content": "Answer the customer: {input}"}],
            },
        )
        evaluation = ArizeCreateEvaluationTaskOperator(
            task_id="create_evaluation_task",
            name="judge-support-answers",
            task_type="TEMPLATE_EVALUATION",
            space=SPACE,
            dataset=DATASET,
            experiment_ids=[ANY_EXPERIMENT],
            evaluators=[{"evaluator_id": EVALUATOR}],
        )
        run = ArizeTriggerExperimentRunOperator(
            task_id="run_experiment",
            task=experiment.output,
            experiment_name="by hand {{ run_id }}",
            evaluation_task_ids=["judge-support-answers"],
            wait_for_evaluations=True,
            space=SPACE,
            poll_interval=5,
            timeout=timedelta(hours=2),
        )
        evaluation >> run

        # [START by_hand]
        check = ArizeCheckExperimentOperator(
            task_id="check_quality",
            experiment=run.output,
            space=SPACE,
            rule_out=0.05,
            on_failure="branch",
            tasks_if_passed="passed",
            tasks_if_failed=[],
            tasks_if_inconclusive="ask_somebody",
            report_path=REPORTS,
            outlets=[QUALITY],
        )
        ask = HITLOperator(
            task_id="ask_somebody",
            subject="Promote {{ ti.xcom_pull('check_quality')['experiment']['name'] }}?",
            body=(
                "The check could not tell:\n\n"
                "{% for each in ti.xcom_pull('check_quality')['inconclusive'] %}- {{ each['message'] }}\n{% endfor %}\n"
                "Report: {{ ti.xcom_pull('check_quality')['report_url'] or ti.xcom_pull('check_quality')['report'] }}"
            ),
            options=[PROMOTE, REJECT],
            defaults=REJECT,
            response_timeout=timedelta(hours=12),
        )
        check >> [nothing_open := passed(), ask]
        # By a template, not by check.output: the check itself must not be among what the promotion follows.
        name = "{{ ti.xcom_pull('check_quality')['experiment']['name'] }}"
        [nothing_open, decided(check.output, ask.output)] >> promote(name)
        # [END by_hand]
