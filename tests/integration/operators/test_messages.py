"""What a failed attempt leaves in the log: short lines of their own above one exception that says the same."""

from __future__ import annotations

import json
import logging
import re
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import SPACE, runs_of

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.windows.window import Window

OURS = "airflow_provider_arize_tasks"  # part of the name of each operator's logger as well


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.ERROR) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= level and OURS in each.name]


def check_told(result: TaskResult, caplog: pytest.LogCaptureFixture) -> str:
    """Each sentence of the exception stands in a short line of its own, and the exception is one.

    :return: its message.
    """
    told = lines(caplog)
    message = str(result.error)
    assert "".join("".join(told).split()).startswith("".join(message.split())), told
    assert re.search("next attempt|[Nn]ot retried", told[-1]), told
    assert max(len(line) for line in lines(caplog, logging.INFO) if "on Arize: http" not in line) < 200
    assert result.error is not None
    assert "".join(traceback.format_exception(result.error)).count("Traceback (most recent call last)") == 1
    return message


def evaluate(task: str, window: Window, **arguments: Any) -> TaskResult:
    arguments = {"poll_interval": 0.1, "deferrable": True, **window.to_dict(), **arguments}
    return run_task(ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=task, **arguments))


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, OURS)


def connect(monkeypatch: pytest.MonkeyPatch, host: str, **fields: Any) -> None:
    connection = {"conn_type": "arize", "host": host, "password": "test-key", "extra": {"space": SPACE}, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(connection))


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
def test_a_run_that_ended_badly(
    evaluation_task: str, window: Window, emulator: EmulatorProcess, caplog: pytest.LogCaptureFixture, status: str
) -> None:
    emulator.control.set_outcome(status, reason="the model is gone")
    message = check_told(evaluate(evaluation_task, window), caplog)
    (run,) = runs_of(emulator, evaluation_task)
    assert run["id"] in message
    assert status in message
    assert lines(caplog)[-1] == "The next attempt, if there is one, triggers a new run"


def test_a_wrong_key(
    evaluation_task: str, window: Window, emulator: EmulatorProcess, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.control.inject("status", status=401, times=None)
    message = check_told(evaluate(evaluation_task, window), caplog)
    assert "401" in message


def test_no_server(
    evaluation_task: str, window: Window, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "http://127.0.0.1:9")
    message = check_told(evaluate(evaluation_task, window), caplog)
    assert "nothing accepts connections at http://127.0.0.1:9" in message


def test_https_to_a_plain_port_says_which_host_to_write(
    evaluation_task: str,
    window: Window,
    emulator: EmulatorProcess,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(monkeypatch, emulator.url.replace("http://", "https://"))
    message = check_told(evaluate(evaluation_task, window), caplog)
    assert f"write the host as '{emulator.url}'" in message


def test_a_run_that_vanished_says_what_becomes_of_it(
    evaluation_task: str, window: Window, emulator: EmulatorProcess, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.control.inject("status", method="GET", path="^/v2/task-runs/", status=404, times=None)
    message = check_told(evaluate(evaluation_task, window), caplog)
    (run,) = runs_of(emulator, evaluation_task)
    assert run["id"] in message
    assert "may still be going" in message


def test_the_page_of_the_run_stands_in_log_and_result(
    evaluation_task: str,
    window: Window,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    emulator: Any,
) -> None:
    connect(monkeypatch, emulator.url)
    result = evaluate(evaluation_task, window)
    assert result.value["link"] == result.xcoms["arize_run_link"]
    (line,) = [each for each in lines(caplog, logging.INFO) if result.value["link"] in each]
    assert line.startswith(f"Run {result.value['id']} on Arize: http")
