"""The example DAGs for backfills and self-healing: their gap operators find the windows that they promise."""

from __future__ import annotations

import runpy
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import requests

from airflow_provider_arize_tasks.testing.runner import run_task

EXAMPLES = Path(__file__).parents[3] / "example_dags"
DAY = timedelta(days=1)
TODAY = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def task(emulator, arize_connection):
    headers = {"Authorization": "Bearer k"}
    evaluators = requests.get(f"{emulator.url}/v2/evaluators", headers=headers, timeout=10).json()["evaluators"]
    body = {
        "name": "Answer quality",
        "type": "TEMPLATE_EVALUATION",
        "project_id": emulator.control.status()["ids"]["project"],
        "evaluators": [{"evaluator_id": next(each["id"] for each in evaluators if each["name"] == "correctness")}],
    }
    return requests.post(f"{emulator.url}/v2/tasks", json=body, headers=headers, timeout=10).json()


def gaps(example, task, params=None):
    module = runpy.run_path(str(EXAMPLES / f"{example}.py"))
    result = run_task(
        module["gaps"],
        xcoms={"create_task": task},
        context={"params": params or {}},
        run_after=datetime.now(timezone.utc),
    )
    assert result.state == "success", result.error
    return result.value


class TestBackfillAnew:
    def evaluate(self, task, *, again: bool):
        dag = runpy.run_path(str(EXAMPLES / "arize_backfill_mapped.py"))["create"].dag
        yesterday = {"data_start_time": (TODAY - 2 * DAY).isoformat(), "data_end_time": (TODAY - DAY).isoformat()}
        operator = dag.task_dict["evaluate_day"].unmap(yesterday)
        result = run_task(operator, xcoms={"create_task": task}, context={"params": {"again": again}})
        assert result.state == "success", result.error
        return result.value

    def test_labels_again_only_if_told_to(self, task):
        first = self.evaluate(task, again=False)
        assert first["num_successes"] > 50
        assert self.evaluate(task, again=False)["num_successes"] == 0
        assert self.evaluate(task, again=True)["num_successes"] == first["num_successes"]


class TestBackfillWithParams:
    def test_start_and_end_are_fields_of_the_trigger_form(self):
        module = runpy.run_path(str(EXAMPLES / "arize_backfill_params.py"))
        dag = module["gaps"].dag
        schema = {name: dag.params.get_param(name).schema for name in ("start", "end")}
        assert {each["format"] for each in schema.values()} == {"date"}
        assert dag.task_dict["evaluate_window"].task_id == "evaluate_window"

    def test_finds_the_windows_of_the_range(self, task):
        params = {
            "start": (TODAY - 3 * DAY).date().isoformat(),
            "end": TODAY.date().isoformat(),
            "window": "6h",
            "timezone": "UTC",
        }
        assert len(gaps("arize_backfill_params", task, params)) == 12

    def test_takes_a_week_where_nothing_is_filled_in(self, task):
        params = {"start": None, "end": None, "window": "day", "timezone": "UTC"}
        windows = gaps("arize_backfill_params", task, params)
        assert len(windows) == 7
        assert windows[-1]["data_end_time"] == f"{TODAY:%Y-%m-%dT%H:%M:%S.000Z}"


class TestSelfHealing:
    def test_asks_for_last_nights_window_and_the_month_before(self, task):
        windows = gaps("arize_self_healing_evaluation", task)
        settled = datetime.now(timezone.utc) >= TODAY + timedelta(hours=2)
        assert len(windows) == (30 if settled else 29)

    def test_a_full_window_is_halved(self):
        module = runpy.run_path(str(EXAMPLES / "arize_self_healing_evaluation.py"))
        dag = module["gaps"].dag
        assert dag.task_dict["evaluate_gap"].partial_kwargs["on_truncated"] == "split"
        assert dag.max_active_runs == 1
