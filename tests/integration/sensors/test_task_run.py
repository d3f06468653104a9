"""The sensor against the emulator: deferred, poke and reschedule come to the same verdicts."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException

from airflow_provider_arize_tasks.exceptions import ArizeGateError, ArizePermanentError
from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.sensors.task_run import ArizeTaskRunSensor
from airflow_provider_arize_tasks.testing import runner
from airflow_provider_arize_tasks.testing.plugin import API_KEY
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.support import NO_RUN, look_again_soon, retry_requests_briefly

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.windows.window import Window

LABELLED = "All matching data has already been evaluated; set override_evaluations"
MODES = ("deferred", "poke", "reschedule")


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass
class Sense:
    """Waits for a run in one of the three ways, to the end."""

    mode: str
    pokes: int = 0

    def __call__(self, run_id: Any, **arguments: Any) -> TaskResult:
        how = {"deferrable": True} if self.mode == "deferred" else {"deferrable": False, "mode": self.mode}
        arguments = {"poke_interval": 0.05, "timeout": 20, "retries": 2, **how, **arguments}
        began = time.time()
        while True:
            # A new operator each time: in reschedule mode every look is a process of its own.
            result = run_task(ArizeTaskRunSensor(task_id="wait", run_id=run_id, **arguments))
            self.pokes += 1
            if type(result.error).__name__ != "AirflowRescheduleException":
                return result
            assert time.time() - began < 60
            time.sleep(arguments["poke_interval"])


@pytest.fixture
def sense(mode: str, monkeypatch: pytest.MonkeyPatch) -> Sense:
    if mode == "reschedule":
        pytest.importorskip("airflow.sdk", reason="Airflow 2 keeps the time of the first look in its database")
        first = time.time()
        monkeypatch.setattr(
            runner._TaskInstance, "get_first_reschedule_date", lambda _self, _context: _at(first), raising=False
        )
    return Sense(mode)


def _at(seconds: float) -> Any:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(seconds, timezone.utc)


@pytest.fixture
def start(hook: ArizeHook, evaluation_task: str, window: Window, emulator: EmulatorProcess) -> Callable[..., str]:
    """Somebody else triggers a run, whose end is staged."""

    def start(status: str = "COMPLETED", *, run_seconds: float = 0.15, **outcome: Any) -> str:
        emulator.control.set_outcome(status, run_seconds=run_seconds, **outcome)
        return hook.trigger_run(task=evaluation_task, **window.to_dict()).id

    return start


#: A run that judged a hundred spans.
FULL = ("COMPLETED", {"successes": 90, "errors": 6, "skipped": 4})


@pytest.mark.parametrize(
    ("ending", "arguments", "state", "error", "words"),
    [
        (("COMPLETED", {}), {}, "success", None, ""),
        (("COMPLETED", {"successes": 0, "errors": 0, "skipped": 0}), {}, "success", None, ""),
        (("FAILED", {"reason": "no credit"}), {}, "failed", ArizePermanentError, "no credit"),
        (("CANCELLED", {"reason": "by a user"}), {}, "failed", ArizePermanentError, "by a user"),
        (("CANCELLED", {"reason": LABELLED, "labelled_fraction": 0.0}), {}, "success", None, ""),
        (
            ("CANCELLED", {"reason": LABELLED, "labelled_fraction": 0.0}),
            {"on_already_evaluated": "skip"},
            "skipped",
            AirflowSkipException,
            "labelled already",
        ),
        (
            ("CANCELLED", {"reason": LABELLED, "labelled_fraction": 0.0}),
            {"on_already_evaluated": "fail"},
            "failed",
            ArizePermanentError,
            "labelled already",
        ),
        (
            ("COMPLETED", {"successes": 60, "errors": 40, "skipped": 0}),
            {"max_error_rate": 0.1},
            "failed",
            ArizeGateError,
            "40.0%",
        ),
        (
            ("COMPLETED", {"successes": 60, "errors": 40, "skipped": 0}),
            {"min_successes": "{{ 61 }}"},
            "failed",
            ArizeGateError,
            "61",
        ),
        # Not this task's run, so its size is none of its business.
        (("COMPLETED", {"successes": 20_000, "errors": 0, "skipped": 0}), {}, "success", None, ""),
        (FULL, {"max_spans": 100, "on_truncated": "fail"}, "failed", ArizePermanentError, "max_spans"),
        (FULL, {"max_spans": "{{ 100 }}", "on_truncated": "warn"}, "success", None, ""),
        (FULL, {"max_spans": 101, "on_truncated": "fail"}, "success", None, ""),
    ],
    ids=[
        "completed",
        "nothing",
        "failed",
        "cancelled",
        "labelled",
        "skip",
        "fail",
        "error rate",
        "successes",
        "size unknown",
        "full",
        "full is fine",
        "not full",
    ],
)
def test_every_way_of_waiting_comes_to_the_same_verdict(
    sense: Sense,
    start: Callable[..., str],
    ending: tuple[str, dict[str, Any]],
    arguments: dict[str, Any],
    state: str,
    error: type[Exception] | None,
    words: str,
) -> None:
    status, outcome = ending
    run_id = start(status, **outcome)
    result = sense(run_id, **arguments)
    assert (result.state, type(result.error) if result.error else None) == (state, error)
    if error is None:
        assert (result.value["id"], result.value["status"]) == (run_id, status)
        assert result.xcoms["return_value"] == result.value
    else:
        assert words in str(result.error)
        assert run_id in str(result.error)


def test_a_run_that_has_ended_needs_one_look_and_no_deferral(
    sense: Sense, start: Callable[..., str], emulator: EmulatorProcess
) -> None:
    run_id = start()
    emulator.control.end_run(run_id, "COMPLETED")
    emulator.control.forget_requests()
    result = sense({"id": run_id, "status": "PENDING"})
    assert (result.state, result.deferrals) == ("success", [])
    assert len(emulator.control.requests()) == 1


def test_an_unknown_status_is_neither_success_nor_failure(
    sense: Sense, start: Callable[..., str], emulator: EmulatorProcess
) -> None:
    run_id = start(run_seconds=0.3)
    for pattern in ("/task-runs/", "/runs"):
        emulator.control.inject("edit", method="GET", path=pattern, set={"status": "ARCHIVING"}, times=3)
    result = sense(run_id)
    assert (result.state, result.value["status"]) == ("success", "COMPLETED")


def test_a_run_that_takes_too_long_times_out_and_is_left_alone(
    sense: Sense, start: Callable[..., str], hook: ArizeHook
) -> None:
    run_id = start(run_seconds=60)
    result = sense(run_id, timeout=0.6)
    assert type(result.error) is AirflowSensorTimeout
    assert hook.get_run(run_id=run_id).status.value in ("PENDING", "RUNNING")


def test_soft_fail_skips_instead_of_failing(sense: Sense, start: Callable[..., str]) -> None:
    assert sense(start("FAILED", run_seconds=0.1), soft_fail=True).state == "skipped"
    assert sense(start(run_seconds=60), soft_fail=True, timeout=0.5).state == "skipped"


@pytest.mark.parametrize("run_id", [NO_RUN, "no-id-at-all"])
def test_a_run_that_is_not_there_fails_for_good_and_is_named(sense: Sense, arize_connection: str, run_id: str) -> None:
    result = sense(run_id)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert run_id in str(result.error)


def test_an_outage_in_mid_wait_is_survived(
    sense: Sense, start: Callable[..., str], emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_again_soon(monkeypatch, first=0.1)
    retry_requests_briefly(monkeypatch, seconds=0.1)
    run_id = start(run_seconds=0.5)
    timer = threading.Timer(0.2, lambda: emulator.control.outage(0.6))
    timer.start()
    result = sense(run_id, timeout=60)
    timer.join()
    assert (result.state, result.value["status"]) == ("success", "COMPLETED")


@pytest.mark.parametrize("first", [True, False], ids=["at first", "later on"])
def test_a_web_page_fails_it_for_good_only_before_the_server_was_reached(
    sense: Sense, start: Callable[..., str], emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    """At first it may be the wrong host; later on it is a gateway's, and tells nothing of the run."""
    look_again_soon(monkeypatch, first=0.05)
    run_id = start(run_seconds=0.4)
    get_run, seen = ArizeHook.get_run, []

    def page_after_a_look(hook: ArizeHook, run_id: str) -> Any:
        seen.append(run_id)
        if len(seen) == (1 if first else 2):
            emulator.control.inject("html", method="GET", path="/task-runs/", status=200)
        return get_run(hook, run_id)

    monkeypatch.setattr(ArizeHook, "get_run", page_after_a_look)
    result = sense(run_id, timeout=30)
    # Deferred, the trigger saw the run end: nothing is asked for again.
    expected = {"deferred": "success", "poke": "success", "reschedule": "up_for_retry"}[sense.mode]
    assert result.state == ("failed" if first and sense.mode != "reschedule" else expected), result.error


def test_a_server_that_is_down_at_the_start_is_waited_for(
    sense: Sense, start: Callable[..., str], emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_again_soon(monkeypatch, first=0.1)
    retry_requests_briefly(monkeypatch, seconds=0.1)
    run_id = start(run_seconds=0.1)
    emulator.control.outage(0.5, mode="status")
    assert sense(run_id, timeout=60).state == "success"


def test_poke_mode_gives_up_after_ten_failed_looks_in_a_row(
    start: Callable[..., str], emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    retry_requests_briefly(monkeypatch, seconds=0.0)
    run_id = start(run_seconds=0.1)
    emulator.control.inject("status", method="GET", status=503, times=None)
    emulator.control.forget_requests()
    result = Sense("poke")(run_id, poke_interval=0.05, timeout=30)
    assert result.state == "up_for_retry"
    assert "503" in str(result.error)
    sent = [f"{request['method']} {request['path']}" for request in emulator.control.requests()]
    assert sent == [f"GET /v2/task-runs/{quote(run_id, safe='')}"] * 10


def test_an_event_that_is_not_known_never_passes_as_success(start: Callable[..., str], hook: ArizeHook) -> None:
    run_id = start("FAILED", run_seconds=0.1)
    hook.wait_for_run(run_id=run_id, poll_interval=0.05)
    good = {"status": "done", "run_ids": [run_id], "runs": {run_id: {"id": run_id, "status": "COMPLETED"}}}
    unknown = {run_id: {"id": run_id, "status": "SPLENDID"}}
    state = {"deadline": time.time() + 60}
    for event in (
        {**good, "status": "hooray", "state": {}},
        {**good, "runs": unknown, "state": state},
        {**good, "runs": {run_id: {"id": "another", "status": "COMPLETED"}}, "state": state},
        {**good, "runs": [], "state": state},
        None,
    ):
        sensor = ArizeTaskRunSensor(task_id="wait", run_id=run_id)
        with pytest.raises(Exception) as caught:
            sensor.execute_complete({}, event)
        assert type(caught.value).__module__.startswith("airflow_provider_arize_tasks.")


def test_all_runs_of_a_result_are_waited_for_and_judged(sense: Sense, start: Callable[..., str]) -> None:
    good, also = start(run_seconds=0.2), start(run_seconds=0.6)
    result = sense({"id": also, "runs": [{"id": good}, {"id": also}]}, timeout=30)
    assert (result.state, [run["id"] for run in result.value["runs"]]) == ("success", [good, also])
    assert result.value["num_successes"] == sum(run["num_successes"] for run in result.value["runs"])
    bad = start("FAILED", run_seconds=0.1)
    failed = sense({"id": good, "runs": [{"id": bad}, {"id": good}]}, timeout=30)
    assert failed.state == "failed"
    assert bad in str(failed.error)


def test_nothing_of_the_connection_is_in_the_trigger(start: Callable[..., str]) -> None:
    run_id = start(run_seconds=5)
    (deferral,) = Sense("deferred")(run_id).deferrals
    assert deferral["kwargs"]["run_ids"] == [run_id]
    assert deferral["kwargs"]["cancel_on_kill"] is False
    assert API_KEY not in str(deferral)


def test_literals_are_checked_while_the_dag_is_parsed() -> None:
    with pytest.raises(ValueError) as caught:
        ArizeTaskRunSensor(task_id="wait", run_id="", on_already_evaluated="shrug", max_error_rate=2)  # type: ignore[arg-type]
    for name in ("run_id", "on_already_evaluated", "max_error_rate"):
        assert name in str(caught.value)


def test_a_run_of_the_servers_own_size_may_be_cut_short_and_it_says_so(
    sense: Sense,
    start: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def log_of(**counts: int) -> str:
        assert sense(start(**counts)).state == "success"
        return caplog.text + capsys.readouterr().out  # logging before Airflow 3, structlog since

    told = "Whether it was cut short can't be told"
    assert told not in log_of(successes=9_999, errors=0, skipped=0)
    assert told in log_of(successes=9_999, errors=1, skipped=0)
