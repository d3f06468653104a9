"""What a task sends to Airflow's metrics in the course of its life: every metric that the documentation names."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.testing.runner import run_task

PAGE = (Path(__file__).parents[3] / "docs" / "observability.md").read_text()
NOW = datetime.now(timezone.utc).replace(microsecond=0)
YESTERDAY = (NOW - timedelta(days=2), NOW - timedelta(days=1))
LONG_AGO = tuple(datetime(2020, 1, day, tzinfo=timezone.utc) for day in (1, 2))


@pytest.fixture
def sent(monkeypatch) -> dict[str, list]:
    """Metrics that reached Airflow's Stats: name to values."""
    import airflow.providers.common.compat.sdk as sdk

    seen: dict[str, list] = {}

    class Recorder:
        @staticmethod
        def incr(name, count=1, rate=1, *, tags=None):
            seen.setdefault(name, []).append(count)

        @staticmethod
        def timing(name, value, *, tags=None):
            seen.setdefault(name, []).append(value)

    monkeypatch.setitem(sdk.__dict__, "Stats", Recorder)
    return seen


@pytest.fixture
def task(arize_emulator, arize_connection) -> str:
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

    with ArizeHook() as hook:
        created = hook.create_evaluation_task(
            name="metrics",
            task_type="template_evaluation",
            project="demo-project",
            space="demo-space",
            evaluators=[{"evaluator_id": "correctness"}],
        )
    return created.id


def evaluate(task: str, interval=YESTERDAY, retry_of=None, **arguments):
    operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=task, retries=1, **arguments)
    return run_task(operator, data_interval=interval, retry_of=retry_of)


def completed(task, control):
    control.set_outcome(errors=3)
    assert evaluate(task).state == "success"


def failed(task, control):
    control.set_outcome("FAILED")
    assert evaluate(task).state == "up_for_retry"


def without_data(task, control):
    assert evaluate(task, LONG_AGO).state == "skipped"


def too_late(task, control):
    control.configure(run_seconds=60)
    result = evaluate(task, timeout=0.5, poll_interval=0.2)
    assert result.state == "up_for_retry", result.error


def labelled_already(task, control):
    evaluate(task)
    assert evaluate(task).state == "success"


def adopting(task, control):
    control.configure(run_seconds=60)
    first = evaluate(task, timeout=0.5, poll_interval=0.2, cancel_on_timeout=False)
    control.end_run(control.runs()[0]["id"], "COMPLETED")
    assert evaluate(task, retry_of=first).state == "success"


EXPECTED = {
    completed: {"triggered": 1, "completed": 1},
    failed: {"triggered": 1, "failed": 1},
    without_data: {"no_data": 1},
    too_late: {"triggered": 1, "timeout": 1},
    labelled_already: {"triggered": 2, "completed": 1, "cancelled": 1},
    adopting: {"triggered": 1, "timeout": 1, "adopted": 1, "completed": 1},
}


@pytest.mark.parametrize("life", EXPECTED, ids=lambda life: life.__name__)
def test_runs_are_counted(life, task, arize_emulator, sent):
    life(task, arize_emulator.control)
    sent.pop("arize.runs.duration", None)
    counted = {name.removeprefix("arize.runs."): sum(values) for name, values in sent.items() if ".runs." in name}
    assert counted == EXPECTED[life]


def test_labels_and_duration_are_sent(task, arize_emulator, sent):
    completed(task, arize_emulator.control)
    assert sum(sent["arize.spans.errors"]) == 3
    assert sum(sent["arize.spans.successes"]) > 50
    (duration,) = sent["arize.runs.duration"]
    assert timedelta() < duration < timedelta(minutes=1)


def test_the_page_names_what_is_sent():
    table = PAGE.partition("| metric | kind | |")[2].partition("\n\n")[0]
    names = set(re.findall(r"`(?:arize\.(?:runs|spans))?\.(\w+)`", table))
    counted = {name for counts in EXPECTED.values() for name in counts}
    assert names == counted | {"duration", "successes", "errors", "skipped"}
