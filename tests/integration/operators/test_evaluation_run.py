"""The evaluation operator against the emulator: deferred and not, all endings."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider_arize_tasks.exceptions import (
    ArizeGateError,
    ArizePermanentError,
    ArizeRunCancelledError,
    ArizeRunError,
    ArizeRunFailedError,
    ArizeRunTimeoutError,
)
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.runs.progress import FinishedRun, RequestState
from airflow_provider_arize_tasks.runs.requests import RunRequest
from airflow_provider_arize_tasks.runs.verdict import Outcome
from airflow_provider_arize_tasks.sensors.task_run import ArizeTaskRunSensor
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import runs_of

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.windows.window import Window


@pytest.fixture(params=[True, False], ids=["deferred", "in the worker"])
def evaluate(request: pytest.FixtureRequest, evaluation_task: str, window: Window, emulator: EmulatorProcess) -> Any:
    """Evaluate the window in one attempt, both ways of waiting."""

    def evaluate(**arguments: Any) -> TaskResult:
        arguments = {**window.to_dict(), "retries": 2, "poll_interval": 0.2, **arguments}
        operator = ArizeTriggerEvaluationRunOperator(
            task_id="evaluate", task=evaluation_task, deferrable=request.param, **arguments
        )
        result = run_task(operator)
        assert bool(result.deferrals) == (request.param and "arize_run_id" in result.xcoms)
        return result

    return evaluate


def test_labels_every_span_of_the_window_once(
    evaluate: Any, emulator: EmulatorProcess, evaluation_task: str, window: Window
) -> None:
    result = evaluate()
    assert result.state == "success"
    ledger = emulator.control.ledger(start=window.start, end=window.end)
    assert (ledger["spans"], ledger["missed"], ledger["twice"]) == (result.value["num_successes"], 0, 0)
    assert result.value["num_successes"] == 100
    assert result.value["status"] == "COMPLETED"
    assert result.value["data_start_time"] == window.to_dict()["data_start_time"]
    assert result.xcoms["arize_run_id"] == result.value["id"] == runs_of(emulator, evaluation_task)[0]["id"]


def test_already_labelled_is_a_success_by_default(evaluate: Any) -> None:
    evaluate()
    again = evaluate(reuse_run="never")
    assert again.state == "success"
    assert again.value["status"] == "CANCELLED"
    assert "override_evaluations" in again.value["failure_reason"]


def test_what_is_already_labelled_passes_min_successes_in_operator_and_sensor_alike(evaluate: Any) -> None:
    evaluate()
    again = evaluate(reuse_run="never", min_successes=50)
    assert (again.state, again.value["status"]) == ("success", "CANCELLED")
    seen = run_task(ArizeTaskRunSensor(task_id="see", run_id=again.value["id"], min_successes=50))
    assert seen.state == "success"


@pytest.mark.parametrize(("policy", "error"), [("skip", AirflowSkipException), ("fail", ArizeGateError)])
def test_already_labelled_can_skip_or_fail(evaluate: Any, policy: str, error: type[Exception]) -> None:
    evaluate()
    assert isinstance(evaluate(reuse_run="never", on_already_evaluated=policy).error, error)


def test_override_labels_again(evaluate: Any, emulator: EmulatorProcess, window: Window) -> None:
    evaluate()
    assert evaluate(override_evaluations="true").value["num_successes"] == 100
    assert emulator.control.ledger(start=window.start, end=window.end)["twice"] == 100


@pytest.mark.parametrize(("status", "error"), [("FAILED", ArizeRunFailedError), ("CANCELLED", ArizeRunCancelledError)])
def test_a_bad_end_fails_with_counts_and_reason_and_is_retried(
    evaluate: Any, emulator: EmulatorProcess, status: str, error: type[Exception]
) -> None:
    emulator.control.set_outcome(status, reason="the judge is out of credit", labelled_fraction=0.4)
    result = evaluate()
    assert result.state == "up_for_retry"
    assert type(result.error) is error
    assert "the judge is out of credit" in str(result.error)
    assert "40 succeeded" in str(result.error)
    assert "triggers a new run" in str(result.error)


def test_no_data_skips_by_default(evaluate: Any, window: Window) -> None:
    long_ago = {"data_start_time": "2020-01-01T00:00:00Z", "data_end_time": "2020-01-02T00:00:00Z"}
    result = evaluate(**long_ago)
    assert result.state == "skipped"
    assert "no data" in str(result.error)
    assert evaluate(**long_ago, on_no_data="succeed").state == "success"
    failed = evaluate(**long_ago, on_no_data="fail")
    assert (failed.state, type(failed.error)) == ("up_for_retry", ArizeRunError)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"min_successes": 101}, "min_successes asks for 101"),
        ({"max_error_rate": 0.1}, "30.0% of the evaluations ended in errors"),
    ],
)
def test_a_gate_fails_for_good(evaluate: Any, emulator: EmulatorProcess, arguments: dict[str, Any], words: str) -> None:
    emulator.control.set_outcome("COMPLETED", successes=70, errors=30, skipped=0)
    result = evaluate(**arguments)
    assert result.state == "failed"
    assert isinstance(result.error, AirflowFailException)
    assert words in str(result.error)


def test_a_truncated_run_fails_on_the_servers_limit_and_warns_on_the_authors(
    evaluate: Any, emulator: EmulatorProcess, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(max_spans=30).state == "success"
    assert "reached the max_spans it was given of 30 spans" in caplog.text + capsys.readouterr().out
    emulator.control.set_outcome("COMPLETED", successes=10_000, errors=0, skipped=0)
    result = evaluate(reuse_run="never")
    assert isinstance(result.error, ArizeGateError)
    assert "server's own limit of 10000" in str(result.error)


@pytest.mark.parametrize(("spans_status", "runs"), [(None, 4), (404, 5)])
def test_a_truncated_window_is_split_until_every_piece_fits(
    evaluate: Any, emulator: EmulatorProcess, window: Window, spans_status: int | None, runs: int
) -> None:
    emulator.control.configure(spans_status=spans_status)
    if spans_status is not None:
        # Halves can't tell that they fit where the limit is used up by spans that the whole window's run labelled.
        emulator.control.configure(limit_applies="after_labels")
    result = evaluate(max_spans="30", on_truncated="split")
    assert result.state == "success"
    ledger = emulator.control.ledger(start=window.start, end=window.end)
    assert (ledger["missed"], ledger["twice"]) == (0, 0)
    assert result.value["num_successes"] == 100
    assert len(result.value["runs"]) == runs  # counted, it is cut before anything runs
    assert result.value["data_start_time"] == window.to_dict()["data_start_time"]
    assert result.value["data_end_time"] == window.to_dict()["data_end_time"]


def test_one_instant_that_is_too_full_says_so(evaluate: Any, emulator: EmulatorProcess, window: Window) -> None:
    instant = window.start + timedelta(seconds=1)
    emulator.control.add_spans(times=[instant] * 40)
    result = evaluate(
        max_spans=30,
        on_truncated="split",
        data_start_time=instant.isoformat(),
        data_end_time=(instant + timedelta(milliseconds=1)).isoformat(),
    )
    assert isinstance(result.error, ArizeGateError)
    assert "very millisecond" in str(result.error)


def test_a_long_window_is_evaluated_in_pieces(evaluate: Any, emulator: EmulatorProcess, window: Window) -> None:
    result = evaluate(max_window=timedelta(hours=10))
    assert [run["data_start_time"][11:16] for run in result.value["runs"]] == ["00:00", "10:00", "20:00"]
    ledger = emulator.control.ledger(start=window.start, end=window.end)
    assert (ledger["missed"], ledger["twice"]) == (0, 0)


def test_the_deadline_cancels_the_run_and_says_so(
    evaluate: Any, emulator: EmulatorProcess, evaluation_task: str
) -> None:
    emulator.control.configure(run_seconds=60)
    result = evaluate(timeout=0.5)
    assert isinstance(result.error, ArizeRunTimeoutError)
    assert "were cancelled" in str(result.error)
    assert [run["status"] for run in runs_of(emulator, evaluation_task)] == ["CANCELLED"]
    emulator.control.configure(run_seconds=60)
    result = evaluate(timeout=0.5, cancel_on_timeout=False, reuse_run="never")
    assert "cancel_on_timeout is off" in str(result.error)
    assert runs_of(emulator, evaluation_task)[-1]["status"] in ("PENDING", "RUNNING")


def test_execution_timeout_shortens_the_wait(evaluate: Any, emulator: EmulatorProcess, evaluation_task: str) -> None:
    emulator.control.configure(run_seconds=60)
    result = evaluate(execution_timeout=timedelta(seconds=1))
    assert isinstance(result.error, ArizeRunTimeoutError)
    assert [run["status"] for run in runs_of(emulator, evaluation_task)] == ["CANCELLED"]


@pytest.mark.parametrize(("minutes", "reserve"), [(10, 60), (1, 30)])
def test_a_deferred_wait_leaves_time_to_resume_within_execution_timeout(
    evaluation_task: str, window: Window, minutes: int, reserve: float
) -> None:
    """Airflow 2 counts the wait and the resume; past ``execution_timeout`` nothing of the task would be called."""
    begun = time.time()
    limit = timedelta(minutes=minutes)
    operator = ArizeTriggerEvaluationRunOperator(
        task_id="evaluate", task=evaluation_task, execution_timeout=limit, poll_interval=0.1, **window.to_dict()
    )
    deadline = run_task(operator).deferrals[0]["kwargs"]["deadline"]
    assert begun <= deadline + reserve - 60 * minutes <= time.time()


def test_not_waiting_returns_the_started_run(evaluation_task: str, window: Window, emulator: EmulatorProcess) -> None:
    emulator.control.configure(run_seconds=30)
    operator = ArizeTriggerEvaluationRunOperator(
        task_id="evaluate", task=evaluation_task, wait_for_completion=False, **window.to_dict()
    )
    result = run_task(operator)
    assert (result.state, result.value["status"], result.deferrals) == ("success", "PENDING", [])


def test_the_window_comes_from_the_data_interval(evaluation_task: str, window: Window, arize_connection: str) -> None:
    operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=evaluation_task, poll_interval=0.2)
    result = run_task(operator, data_interval=(window.start, window.end))
    assert result.value["data_start_time"] == window.to_dict()["data_start_time"]


def test_an_interval_of_no_width_fails_at_once_and_names_the_ways_out(
    evaluation_task: str, window: Window, arize_connection: str
) -> None:
    operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=evaluation_task, retries=3)
    result = run_task(operator, data_interval=(window.start, window.start))
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    for way in ("lookback", "CronDataIntervalTimetable", "no width"):
        assert way in str(result.error)


def test_literals_are_checked_while_the_dag_is_parsed() -> None:
    with pytest.raises(ValueError) as caught:
        ArizeTriggerEvaluationRunOperator(
            task_id="evaluate",
            task="daily",
            max_spans=0,
            on_truncated="explode",  # type: ignore[arg-type]
            reuse_run="sometimes",  # type: ignore[arg-type]
            timeout=-1,
        )
    for name in ("max_spans", "on_truncated", "reuse_run", "timeout"):
        assert name in str(caught.value)


def test_templated_values_are_checked_once_they_are_rendered(evaluation_task: str, arize_connection: str) -> None:
    operator = ArizeTriggerEvaluationRunOperator(
        task_id="evaluate",
        task=evaluation_task,
        max_spans="{{ 'many' }}",
        reuse_run="{{ 'never' }}",  # type: ignore[arg-type]
    )
    result = run_task(operator)
    assert result.state == "failed"
    assert "max_spans must be a whole number, got 'many'" in str(result.error)


def test_an_experiment_task_is_refused_with_the_operator_to_use(
    experiment_task: str, window: Window, emulator: EmulatorProcess
) -> None:
    operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=experiment_task, **window.to_dict())
    result = run_task(operator)
    assert result.state == "failed"
    assert "ArizeTriggerExperimentRunOperator" in str(result.error)
    assert runs_of(emulator, experiment_task) == []


def test_a_gate_counts_a_run_that_an_older_release_wrote_down_as_its_server_spelled_it(window: Window) -> None:
    operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", task="t", max_error_rate=0.1)
    request = RunRequest(task_id="t", window=window)
    before = {"id": "r", "status": "completed", "num_successes": 1, "num_errors": 9, "num_skipped": 0}
    labelled = {"id": "s", "status": "CANCELLED", "num_successes": 0, "num_errors": 0, "num_skipped": 0}
    finished = [FinishedRun(request=request, state=RequestState.SUCCEEDED, run=run) for run in (before, labelled)]
    assert operator._gate(finished).outcome is Outcome.FAIL_FOR_GOOD
