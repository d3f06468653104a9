"""A button leads to one page: all runs of the task instance are to be found on it, during the wait and afterwards."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.links import arize
from airflow_provider_arize_tasks.links.arize import Linker
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.runs.requests import RunRequest
from airflow_provider_arize_tasks.sensors.task_run import ArizeTaskRunSensor
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import SPACE

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.windows.window import Window

LINKS = ["arize_run_link", "arize_task_link"]


@pytest.fixture(autouse=True)
def _space(emulator: EmulatorProcess, evaluation_task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection with a space: without one, links lead to the start page."""
    fields = {"conn_type": "arize", "host": emulator.url, "password": "test-key", "extra": {"space": SPACE}}
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(fields))


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every link that is pushed, in order."""
    found: list[tuple[str, str]] = []
    push = arize.push_xcom

    def noting(context: Any, key: str, value: Any) -> None:
        found.append((key, value))
        push(context, key, value)

    monkeypatch.setattr(arize, "push_xcom", noting)
    return found


def shown(address: str) -> tuple[int, int]:
    """The stretch of time that a page of spans shows, in milliseconds."""
    query = parse_qs(urlsplit(address).query)
    return int(query["startA"][0]), int(query["endA"][0])


def in_milliseconds(window: Window) -> tuple[int, int]:
    return round(window.start.timestamp() * 1000), round(window.end.timestamp() * 1000)


def evaluate(task: str, window: Window, **arguments: Any) -> TaskResult:
    arguments = {"poll_interval": 0.1, **window.to_dict(), **arguments}
    result = run_task(ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=task, **arguments))
    assert result.state == "success", result.error
    return result


@pytest.mark.parametrize("deferrable", [True, False])
def test_of_several_pieces_the_whole_window_is_shown(
    evaluation_task: str, window: Window, pushed: list[tuple[str, str]], deferrable: bool
) -> None:
    result = evaluate(evaluation_task, window, max_window=timedelta(hours=10), deferrable=deferrable)
    assert len(result.value["runs"]) == 3
    for link in LINKS:
        addresses = {value for key, value in pushed if key == link}
        assert [shown(each) for each in addresses] == [in_milliseconds(window)], link
        assert result.xcoms[link] in addresses


@pytest.mark.parametrize("deferrable", [True, False])
def test_of_halves_the_whole_window_is_shown(evaluation_task: str, window: Window, deferrable: bool) -> None:
    result = evaluate(evaluation_task, window, max_spans=60, on_truncated="split", deferrable=deferrable)
    assert len(result.value["runs"]) > 1
    assert shown(result.xcoms["arize_run_link"]) == in_milliseconds(window)


def test_links_of_pieces_are_pushed_once(evaluation_task: str, window: Window, pushed: list[tuple[str, str]]) -> None:
    evaluate(evaluation_task, window, max_window=timedelta(hours=3), deferrable=True)
    assert [key for key, _ in pushed if key in LINKS].count("arize_run_link") == 1


def test_a_retry_has_the_links_too(evaluation_task: str, window: Window, emulator: EmulatorProcess) -> None:
    emulator.control.set_outcome("FAILED", reason="gone")
    operator = ArizeTriggerEvaluationRunOperator(
        task_id="evaluate",
        task=evaluation_task,
        poll_interval=0.1,
        retries=1,
        max_window=timedelta(hours=10),
        **window.to_dict(),
    )
    first = run_task(operator)
    assert first.state == "up_for_retry"
    second = run_task(operator, retry_of=first)
    assert shown(second.xcoms["arize_run_link"]) == in_milliseconds(window)


def test_the_sensor_shows_the_window_of_all_its_runs(
    evaluation_task: str, window: Window, emulator: EmulatorProcess
) -> None:
    emulator.control.configure(run_seconds=1.5)
    result = evaluate(
        evaluation_task, window, max_window=timedelta(hours=10), deferrable=True, wait_for_completion=False
    )
    waited = run_task(
        ArizeTaskRunSensor(task_id="wait", run_id=result.value, poke_interval=0.2, timeout=30, deferrable=True)
    )
    assert waited.state == "success", waited.error
    assert shown(waited.xcoms["arize_run_link"]) == in_milliseconds(window)


def test_of_several_experiments_their_list_is_shown() -> None:
    addresses: dict[str, str] = {}

    class TaskInstance:
        def xcom_push(self, key: str, value: str) -> None:
            addresses[key] = value

    request = RunRequest(task_id="T", dataset_id="RGF0YXNldDox", experiment_ids=("RXhwOjE=", "RXhwOjI="))
    with ArizeHook() as hook:
        Linker(hook, {"ti": TaskInstance()}).push_runs(request)  # type: ignore[typeddict-item]
    assert addresses["arize_run_link"].endswith("datasets/RGF0YXNldDox?selectedTab=experiments")
    assert "arize_experiment_link" not in addresses
