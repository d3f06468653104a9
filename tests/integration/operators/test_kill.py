"""The worker is told to stop a task: real SIGTERMs at awkward moments, handled as Airflow's task runner does.

On Airflow 3 the handler calls ``on_kill`` and the task goes on where it was; that it goes no further is up to it. What
happens to a deferred task is in ``tests/integration/triggers``.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.exceptions import ArizeRunCancelledError, ArizeWaitError
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.runs.attempt import Records
from airflow_provider_arize_tasks.runs.cancel import cancel_at_once
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import runs_of
from tests.integration.operators.support import be_impatient, retry_requests_briefly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.windows.window import Window


LOG = logging.getLogger("kill")


class Operator(ArizeTriggerEvaluationRunOperator):
    """Installs the handler that Airflow's task runner installs."""

    def execute(self, context: Any) -> Any:
        signal.signal(signal.SIGTERM, lambda *_: self.on_kill())
        return super().execute(context)


@pytest.fixture(autouse=True)
def _signals_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    be_impatient(monkeypatch)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def evaluate(evaluation_task: str, window: Window, emulator: EmulatorProcess) -> Callable[..., TaskResult]:
    """One attempt that waits in the worker for a run of a minute."""
    emulator.control.configure(run_seconds=60)

    def evaluate(retry_of: TaskResult | None = None, **arguments: Any) -> TaskResult:
        arguments = {"retries": 2, "poll_interval": 0.1, "deferrable": False, **window.to_dict(), **arguments}
        return run_task(Operator(task_id="evaluate", task=evaluation_task, **arguments), retry_of=retry_of)

    return evaluate


class SigtermWhen:
    """Sends this process a SIGTERM as soon as something has come true."""

    def __init__(self, has_come: Callable[[], Any]) -> None:
        self._has_come = has_come
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        until = time.monotonic() + 30
        while not self._has_come() and time.monotonic() < until:
            time.sleep(0.03)
        os.kill(os.getpid(), signal.SIGTERM)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()


def statuses(emulator: EmulatorProcess, task: str) -> list[str]:
    return [run["status"] for run in runs_of(emulator, task)]


def looks(emulator: EmulatorProcess) -> int:
    return sum("/task-runs/" in request["path"] for request in emulator.control.requests())


def test_a_kill_in_mid_wait_cancels_the_run_and_a_retry_triggers_anew(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    with SigtermWhen(lambda: looks(emulator) > 1):
        first = evaluate()
    assert (first.state, type(first.error)) == ("up_for_retry", ArizeRunCancelledError)
    assert "was killed" in str(first.error)
    assert statuses(emulator, evaluation_task) == ["CANCELLED"]
    emulator.control.configure(run_seconds=0.1)
    assert evaluate(retry_of=first).state == "success"
    assert statuses(emulator, evaluation_task) == ["CANCELLED", "COMPLETED"]


@pytest.mark.parametrize("status", [403, 500])
def test_a_kill_whose_cancel_is_refused_says_so_and_the_next_attempt_adopts_the_run(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    """Nor is it taken for the lost answer of a trigger that, being killed, was never sent."""
    retry_requests_briefly(monkeypatch)
    emulator.control.inject("status", method="POST", path="/cancel$", status=status, times=None)
    with SigtermWhen(lambda: looks(emulator) > 1):
        first = evaluate()
    assert (first.state, type(first.error)) == ("up_for_retry", ArizeWaitError)
    assert "killed" in str(first.error)
    assert "could not be cancelled" in str(first.error)
    (run,) = runs_of(emulator, evaluation_task)
    emulator.control.end_run(run["id"], "COMPLETED", successes=100)
    assert evaluate(retry_of=first).value["id"] == run["id"]


def test_without_cancel_on_kill_the_run_goes_on_and_a_retry_adopts_it(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    with SigtermWhen(lambda: looks(emulator) > 1):
        first = evaluate(cancel_on_kill=False)
    assert (first.state, type(first.error)) == ("up_for_retry", ArizeWaitError)
    assert "go on" in str(first.error)
    (run,) = runs_of(emulator, evaluation_task)
    assert run["status"] in ("PENDING", "RUNNING")
    emulator.control.end_run(run["id"], "COMPLETED", successes=100)
    second = evaluate(retry_of=first, cancel_on_kill=False)
    assert (second.state, second.value["id"]) == ("success", run["id"])


@pytest.mark.parametrize("deferrable", [True, False], ids=["deferred", "in the worker"])
def test_a_kill_while_the_trigger_is_being_answered_cancels_what_it_started(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, deferrable: bool
) -> None:
    """At that moment the run exists and nobody here knows its id."""
    emulator.control.inject("slow_after", method="POST", path="/trigger$", seconds=1.0)
    with SigtermWhen(lambda: runs_of(emulator, evaluation_task)):
        result = evaluate(deferrable=deferrable)
    assert type(result.error) is ArizeRunCancelledError
    assert result.deferrals == []
    assert statuses(emulator, evaluation_task) == ["CANCELLED"]


def test_a_kill_before_the_trigger_sends_none(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    emulator.control.inject("slow", method="GET", path="/tasks/", seconds=0.6)
    with SigtermWhen(lambda: emulator.control.counters()["faults"].get("slow")):
        result = evaluate()
    assert (result.state, type(result.error)) == ("up_for_retry", ArizeWaitError)
    assert "nothing more was triggered" in str(result.error)
    assert runs_of(emulator, evaluation_task) == []


def test_a_kill_while_the_run_is_being_written_down_cancels_it_at_once(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Airflow may be slow to take the record, and on Airflow 2 the task ends right after ``on_kill``."""
    put, seen = Records.put, []

    def put_and_be_killed(self: Records, key: str, record: Any) -> None:
        put(self, key, record)
        if record.run_id is not None:
            signal.raise_signal(signal.SIGTERM)
            seen.extend(statuses(emulator, evaluation_task))

    monkeypatch.setattr(Records, "put", put_and_be_killed)
    assert type(evaluate().error) is ArizeRunCancelledError
    assert seen == ["CANCELLED"]


def test_only_what_is_going_is_cancelled_and_nothing_more_is_started(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    emulator.control.set_outcome("COMPLETED", run_seconds=0.1)
    with SigtermWhen(lambda: len(runs_of(emulator, evaluation_task)) == 2):
        result = evaluate(max_window=timedelta(hours=8))
    assert type(result.error) is ArizeRunCancelledError
    assert statuses(emulator, evaluation_task) == ["COMPLETED", "CANCELLED"]


def test_a_run_that_has_ended_meanwhile_is_no_trouble(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    def ended() -> bool:
        if looks(emulator) < 2:
            return False
        emulator.control.end_run(runs_of(emulator, evaluation_task)[0]["id"], "COMPLETED", successes=100)
        return True

    with SigtermWhen(ended):
        result = evaluate(poll_interval=0.8)
    assert result.state in ("up_for_retry", "success")
    assert statuses(emulator, evaluation_task) == ["COMPLETED"]


@pytest.mark.parametrize("kind", ["silent", "silent_after"])
def test_a_silent_server_does_not_hold_a_kill_up(
    hook: ArizeHook,
    evaluation_task: str,
    window: Window,
    emulator: EmulatorProcess,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    """Every run gets its share of the time, so that each cancel is at least sent."""
    emulator.control.configure(run_seconds=60)
    runs = [hook.trigger_run(task=evaluation_task, **window.to_dict()).id for _ in range(2)]
    emulator.control.inject(kind, path="/task-runs/", seconds=90, times=None)
    began = time.monotonic()
    with caplog.at_level(logging.INFO):
        cancel_at_once(hook.config, runs, seconds=1.0, log=LOG)
    assert time.monotonic() - began < 45
    assert emulator.control.counters()["faults"] == {kind: len(runs)}
    assert [run in caplog.text for run in runs] == [True, True]
    emulator.control.clear_faults()
    assert statuses(emulator, evaluation_task).count("CANCELLED") == (2 if kind == "silent_after" else 0)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_a_refused_cancel_raises_nothing(
    hook: ArizeHook, evaluation_task: str, window: Window, emulator: EmulatorProcess, status: int
) -> None:
    run = hook.trigger_run(task=evaluation_task, **window.to_dict())
    emulator.control.inject("status", path="/task-runs/", status=status, times=None)
    cancel_at_once(hook.config, [run.id], seconds=1.0, log=LOG)


def test_a_kill_of_nothing_asks_nobody(emulator: EmulatorProcess, arize_connection: str) -> None:
    operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", task="t")
    emulator.control.forget_requests()
    operator.on_kill()
    cancel_at_once(None, ["a"], seconds=1.0, log=LOG)
    assert emulator.control.requests() == []


def test_an_execution_timeout_that_strikes_in_the_worker_cancels_the_run(
    evaluation_task: str, window: Window, emulator: EmulatorProcess
) -> None:
    """Airflow's own, should the wait's deadline before it be missed: it calls ``on_kill`` when ``execute`` is left."""
    from airflow.providers.common.compat.sdk import AirflowTaskTimeout, timeout

    class Slow(ArizeTriggerEvaluationRunOperator):
        def execute(self, context: Any) -> Any:
            try:
                with timeout(2):
                    return super().execute(context)
            except AirflowTaskTimeout as error:
                self.on_kill()
                raise RuntimeError("timed out") from error

    emulator.control.configure(run_seconds=60)
    emulator.control.inject("silent", method="GET", path="/task-runs/", seconds=30, times=1)
    result = run_task(Slow(task_id="evaluate", task=evaluation_task, deferrable=False, **window.to_dict()))
    assert str(result.error) == "timed out"
    assert statuses(emulator, evaluation_task) == ["CANCELLED"]


@pytest.mark.parametrize("arguments", [{"deferrable": True}, {"wait_for_completion": False}], ids=["deferred", "left"])
def test_a_kill_of_a_process_that_has_handed_its_run_over_leaves_the_run_going(
    evaluation_task: str, window: Window, emulator: EmulatorProcess, arguments: dict[str, Any]
) -> None:
    """Airflow stops a process that takes long to end, too: the task is deferred by then, or has succeeded."""

    class SlowToEnd(ArizeTriggerEvaluationRunOperator):
        def execute(self, context: Any) -> Any:
            try:
                return super().execute(context)
            finally:
                self.on_kill()

    emulator.control.configure(run_seconds=0.5)
    result = run_task(SlowToEnd(task_id="evaluate", task=evaluation_task, **arguments, **window.to_dict()))
    assert result.state == "success", result.error
    assert "CANCELLED" not in statuses(emulator, evaluation_task)
