"""An operator that a test calls by hand, with next to no context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.windows.window import Window


@pytest.mark.parametrize("context", [{}, {"ti": MagicMock(try_number=1, max_tries=0), "dag_run": MagicMock()}])
def test_execute_needs_next_to_no_context(context: Any, evaluation_task: str, window: Window) -> None:
    operator = ArizeTriggerEvaluationRunOperator(
        task_id="evaluate", task=evaluation_task, deferrable=False, poll_interval=0.2, **window.to_dict()
    )
    assert operator.execute(context)["num_successes"] == 100
