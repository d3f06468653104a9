"""The operator that cancels a run, against the emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.client.errors import ArizeServerError
from airflow_provider_arize_tasks.exceptions import ArizePermanentError
from airflow_provider_arize_tasks.operators.runs import ArizeCancelTaskRunOperator
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.support import NO_RUN, retry_requests_briefly

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.windows.window import Window


@pytest.fixture
def run_id(hook: ArizeHook, evaluation_task: str, window: Window, emulator: EmulatorProcess) -> str:
    """A run that goes on for a minute."""
    emulator.control.configure(run_seconds=60)
    return hook.trigger_run(task=evaluation_task, **window.to_dict()).id


def cancel(run_id: Any, **arguments: Any) -> TaskResult:
    return run_task(ArizeCancelTaskRunOperator(task_id="cancel", run_id=run_id, **{"retries": 2, **arguments}))


def test_cancels_a_run_that_goes_on(run_id: str, hook: ArizeHook) -> None:
    result = cancel(run_id)
    assert (result.state, result.value["id"], result.value["status"]) == ("success", run_id, "CANCELLED")
    assert hook.get_run(run_id=run_id).status.value == "CANCELLED"


def test_takes_the_json_of_a_trigger_operator(run_id: str) -> None:
    assert cancel({"id": run_id, "status": "PENDING"}).value["status"] == "CANCELLED"


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "CANCELLED"])
def test_one_that_has_ended_is_left_as_it_is(run_id: str, emulator: EmulatorProcess, status: str) -> None:
    emulator.control.end_run(run_id, status, successes=7)
    emulator.control.forget_requests()
    result = cancel(run_id)
    assert (result.state, result.value["status"], result.value["num_successes"]) == ("success", status, 7)
    assert [request["method"] for request in emulator.control.requests()] == ["GET"]


def test_may_fail_for_good_if_it_had_ended(run_id: str, emulator: EmulatorProcess) -> None:
    emulator.control.end_run(run_id, "COMPLETED")
    result = cancel(run_id, fail_if_ended=True)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert "had ended before" in str(result.error)
    assert "fail_if_ended" in str(result.error)


def test_one_that_ends_just_before_the_cancel_is_as_good_as_cancelled(run_id: str, emulator: EmulatorProcess) -> None:
    # The server refuses to cancel what has ended, in words that are no contract.
    emulator.control.inject("edit", method="GET", path="/task-runs/", set={"status": "RUNNING"})
    emulator.control.end_run(run_id, "COMPLETED")
    result = cancel(run_id)
    assert (result.state, result.value["status"]) == ("success", "COMPLETED")


def test_a_lost_answer_is_no_failure(run_id: str, emulator: EmulatorProcess) -> None:
    emulator.control.inject("drop_after", method="POST", path="/cancel$")
    result = cancel(run_id)
    assert (result.state, result.value["status"]) == ("success", "CANCELLED")


def test_a_refusal_is_not_retried(run_id: str, emulator: EmulatorProcess, hook: ArizeHook) -> None:
    emulator.control.inject("status", method="POST", path="/cancel$", status=403, times=None)
    result = cancel(run_id)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert hook.get_run(run_id=run_id).status.value in ("PENDING", "RUNNING")


def test_an_unknown_run_is_named_and_not_retried(arize_connection: str) -> None:
    result = cancel(NO_RUN)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert NO_RUN in str(result.error)


def test_a_server_that_fails_is_left_to_a_retry(
    run_id: str, emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    retry_requests_briefly(monkeypatch)
    emulator.control.inject("status", method="POST", path="/cancel$", status=503, times=None)
    result = cancel(run_id)
    assert (result.state, type(result.error)) == ("up_for_retry", ArizeServerError)


@pytest.mark.parametrize("run_id", ["", "None", None, 7, {"status": "PENDING"}, "{{ '' }}"])
def test_what_is_no_id_is_refused_by_name(run_id: Any, arize_connection: str) -> None:
    try:
        result = cancel(run_id)
    except ValueError as error:
        message = str(error)
    else:
        assert result.state == "failed"
        message = str(result.error)
    assert "run_id must be the id of a run" in message
    assert "'cancel'" in message


@pytest.mark.parametrize("as_text", [True, False], ids=["JSON text", "object"])
def test_all_runs_of_a_result_are_cancelled(
    hook: ArizeHook, evaluation_task: str, window: Window, emulator: EmulatorProcess, as_text: bool
) -> None:
    emulator.control.configure(run_seconds=60)
    runs = [hook.trigger_run(evaluation_task, **window.to_dict()).id for _ in range(3)]
    result: Any = {"id": runs[-1], "runs": [{"id": run} for run in runs]}
    cancelled = cancel(json.dumps(result) if as_text else result)
    assert [run["status"] for run in cancelled.value["runs"]] == ["CANCELLED"] * 3
    assert {run["status"] for run in emulator.control.runs(evaluation_task)} == {"CANCELLED"}


def test_one_that_cannot_be_cancelled_does_not_save_the_others(
    hook: ArizeHook, evaluation_task: str, window: Window, emulator: EmulatorProcess
) -> None:
    emulator.control.configure(run_seconds=60)
    runs = [hook.trigger_run(evaluation_task, **window.to_dict()).id for _ in range(2)]
    result = cancel({"runs": [{"id": NO_RUN}, *({"id": run} for run in runs)]})
    assert result.state == "failed"
    assert "404" in str(result.error)
    assert {run["status"] for run in emulator.control.runs(evaluation_task)} == {"CANCELLED"}
