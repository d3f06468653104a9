"""When an evaluation fails for good, tell somebody: which window, how many spans, why, and where to look.

The same message twice: a plain function for ``on_failure_callback``, and a notifier, which is a class with templated
fields that several DAGs can share. Both write a line to the log here; send it to your chat or pager instead.

Trigger it by hand. It fails on purpose, since no day has as many spans as ``min_successes`` asks for. Runs as it is
against the connection ``arize_default`` and the emulator's seeded world.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.common.compat.sdk import DAG, BaseNotifier

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator

SPACE, PROJECT, EVALUATOR = "demo-space", "demo-project", "correctness"
log = logging.getLogger(__name__)


# [START alert]
def alert_text(context: Any) -> str:
    """What the person on call needs: window, reason and link, from what the task instance keeps as XComs."""
    ti = context["ti"]
    run = ti.xcom_pull(task_ids=ti.task_id, key="arize_run") or {}
    window = f"{run.get('data_start_time', '?')} to {run.get('data_end_time', '?')}"
    reason = ti.xcom_pull(task_ids=ti.task_id, key="arize_reason") or context.get("exception")
    link = ti.xcom_pull(task_ids=ti.task_id, key="arize_run_link") or "no link: no run was started"
    return f"{run.get('task_name') or ti.task_id}, {window}: {reason}. {link}"


def tell_by_callback(context: Any) -> None:
    """For ``on_failure_callback``."""
    log.error("By callback: %s", alert_text(context))


class TellNotifier(BaseNotifier):
    """The same as a notifier; ``prefix`` may be a template."""

    template_fields = ("prefix",)

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix

    def notify(self, context: Any) -> None:
        """Send the message."""
        log.error("%s %s", self.prefix, alert_text(context))


# [END alert]

with DAG(
    dag_id="arize_alert",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    tags=["arize", "example"],
    doc_md=__doc__,
):
    create = ArizeCreateEvaluationTaskOperator(
        task_id="create_task",
        name="alert-correctness",
        task_type="TEMPLATE_EVALUATION",
        space=SPACE,
        project=PROJECT,
        evaluators=[{"evaluator_id": EVALUATOR}],
    )

    ArizeTriggerEvaluationRunOperator(
        task_id="evaluate",
        task=create.output,
        lookback=timedelta(days=1),
        override_evaluations=True,
        min_successes=1_000_000,
        poll_interval=5,
        on_failure_callback=[tell_by_callback, TellNotifier(prefix="[{{ dag.dag_id }}]")],
    )
