"""One run that counts in bad weather: clocks apart, lists that lag and shift, triggers that take effect after all."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow import __version__

from airflow_provider_arize_tasks.exceptions import ArizePermanentError, ArizeRunTimeoutError
from airflow_provider_arize_tasks.operators.runs import (
    ArizeTriggerEvaluationRunOperator,
    ArizeTriggerExperimentRunOperator,
)
from airflow_provider_arize_tasks.operators.session import RunSession
from airflow_provider_arize_tasks.runs.timing import Patience
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger
from tests.integration.operators.conftest import runs_of
from tests.integration.operators.support import be_impatient

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.windows.window import Window

TRIGGER = r"/trigger$"
WAYS = pytest.mark.parametrize("deferrable", [True, False], ids=["deferred", "in the worker"])
STORES = pytest.mark.parametrize("has_store", [True, False], ids=["store", "no store"])


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)


@pytest.fixture
def evaluate(evaluation_task: str, window: Window) -> Callable[..., TaskResult]:
    def evaluate(
        retry_of: TaskResult | None = None,
        cleared_after: TaskResult | None = None,
        has_store: bool = True,
        **arguments: Any,
    ) -> TaskResult:
        given = {"task": evaluation_task, "retries": 2, "poll_interval": 0.2, **window.to_dict(), **arguments}
        operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", **given)
        return run_task(operator, retry_of=retry_of, cleared_after=cleared_after, has_state_store=has_store)

    return evaluate


def statuses(emulator: EmulatorProcess, task: str) -> list[str]:
    return [run["status"] for run in runs_of(emulator, task)]


# -- triggers without a clear answer ----------------------------------------------------------------------------------


@WAYS
@STORES
@pytest.mark.parametrize("kind", ["drop_late", "html_late", "silent_late"])
def test_a_trigger_that_takes_effect_when_nobody_waits_for_it_any_more_leaves_no_twin(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    deferrable: bool,
    has_store: bool,
    kind: str,
) -> None:
    """The list shows its run when the second one is long at work."""
    emulator.control.configure(run_seconds=3)
    fault = {"status": 504, "seconds": 0.2, "late_seconds": 2.2}
    emulator.control.inject(kind, method="POST", path=TRIGGER, **fault)
    result = evaluate(deferrable=deferrable, has_store=has_store)
    assert result.state == "success", result.error
    (twin,) = [run for run in runs_of(emulator, evaluation_task) if run["id"] != result.value["id"]]
    assert (twin["status"], result.value["twins_cancelled"]) == ("CANCELLED", [twin["id"]])


def test_a_twin_that_ended_before_anybody_saw_it_is_named(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    emulator.control.set_outcome("COMPLETED", run_seconds=0.1, hidden_seconds=2.2)
    emulator.control.set_outcome("COMPLETED", run_seconds=3)
    emulator.control.inject("drop_after", method="POST", path=TRIGGER)
    result = evaluate()
    first, second = runs_of(emulator, evaluation_task)
    assert (result.value["id"], result.value["twins_cancelled"]) == (second["id"], [])
    assert result.value["twins_ended"] == [first["id"]]


def test_a_run_that_ended_before_its_twin_shows_waits_for_it(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be_impatient(monkeypatch, Patience(listing=1.2, twin=6, pause=0.1))
    emulator.control.set_outcome("COMPLETED", run_seconds=60, hidden_seconds=4)
    emulator.control.inject("drop_after", method="POST", path=TRIGGER)
    emulator.control.configure(run_seconds=0.2)
    result = evaluate()
    assert sorted(statuses(emulator, evaluation_task)) == ["CANCELLED", "COMPLETED"]
    assert len(result.value["twins_cancelled"]) == 1


def test_a_later_attempt_finds_the_twin(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    emulator.control.set_outcome("COMPLETED", run_seconds=60, hidden_seconds=3)
    emulator.control.set_outcome("COMPLETED", run_seconds=4)
    emulator.control.inject("drop_after", method="POST", path=TRIGGER)
    first = evaluate(wait_for_completion=False)
    time.sleep(1.8)
    second = evaluate(retry_of=first)
    assert second.value["id"] == first.value["id"]
    assert len(second.value["twins_cancelled"]) == 1
    assert sorted(statuses(emulator, evaluation_task)) == ["CANCELLED", "COMPLETED"]


def test_the_deadline_ends_the_twin_as_well(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    emulator.control.configure(run_seconds=60)
    emulator.control.set_outcome("COMPLETED", run_seconds=60, hidden_seconds=2.2)
    emulator.control.inject("drop_after", method="POST", path=TRIGGER)
    result = evaluate(timeout=2)
    assert type(result.error) is ArizeRunTimeoutError
    assert "Twins cancelled" in str(result.error)
    assert statuses(emulator, evaluation_task) == ["CANCELLED", "CANCELLED"]


@STORES
@pytest.mark.parametrize("status", [408, 425, 500, 502])
@pytest.mark.parametrize("kind", ["status", "status_after"])
def test_a_gateway_that_gives_up_does_not_say_that_nothing_was_started(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    has_store: bool,
    kind: str,
    status: int,
) -> None:
    emulator.control.inject(kind, method="POST", path=TRIGGER, status=status)
    assert evaluate(has_store=has_store).state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


def test_a_trigger_answered_with_nothing_is_looked_up(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    emulator.control.inject("status_after", method="POST", path=TRIGGER, status=204)
    assert evaluate().state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


def test_an_experiment_whose_trigger_takes_effect_late_is_made_once(
    emulator: EmulatorProcess, experiment_task: str
) -> None:
    emulator.control.inject("drop_late", method="POST", path=TRIGGER, late_seconds=0.8)
    operator = ArizeTriggerExperimentRunOperator(
        task_id="experiment", task=experiment_task, experiment_name="night", poll_interval=0.2
    )
    result = run_task(operator)
    assert (result.state, result.value["experiment_name"]) == ("success", "night")
    assert len(runs_of(emulator, experiment_task)) == 1


# -- clocks -----------------------------------------------------------------------------------------------------------


@STORES
@pytest.mark.parametrize("ahead", [1.0, 30.0])
def test_a_gateway_whose_clock_is_ahead_hides_no_run(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    has_store: bool,
    ahead: float,
) -> None:
    emulator.control.weather(gateway_skew_seconds=ahead)
    emulator.control.inject("drop_after", method="POST", path=TRIGGER)
    assert evaluate(has_store=has_store).state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


def test_what_only_the_slack_lets_in_is_never_cancelled(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    hook: ArizeHook,
    evaluation_task: str,
    window: Window,
) -> None:
    """Another DAG's run over the same window, half a minute older than the trigger that got lost."""
    emulator.control.configure(run_seconds=60, clock_offset_seconds=-30)
    other = hook.trigger_run(evaluation_task, **window.to_dict())
    emulator.control.configure(clock_offset_seconds=0)
    emulator.control.inject("drop_before", method="POST", path=TRIGGER)
    result = evaluate(timeout=0.3)
    assert type(result.error) is ArizeRunTimeoutError
    assert hook.get_run(other.id).status.value in ("PENDING", "RUNNING")


@pytest.mark.skipif(__version__.startswith("2."), reason="Airflow 2 lets execute be called from the main thread alone")
def test_two_dags_with_same_window_at_the_same_moment_keep_the_older_run(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulator.control.configure(run_seconds=2)
    emulator.control.inject("slow_after", method="POST", path=TRIGGER, seconds=0.4, times=2)
    both, trigger = threading.Barrier(2, timeout=60), RunSession._post

    def at_the_same_moment(*given: Any, **named: Any) -> Any:
        both.wait()  # neither has seen the other's run by now, however late its thread began
        return trigger(*given, **named)

    monkeypatch.setattr(RunSession, "_post", at_the_same_moment)
    results: list[TaskResult] = []
    threads = [
        threading.Thread(target=lambda: results.append(evaluate(reuse_run="same_window", deferrable=False)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.state for result in results] == ["success", "success"]
    older, newer = runs_of(emulator, evaluation_task)
    assert {result.value["id"] for result in results} == {older["id"]}
    assert (older["status"], newer["status"]) == ("COMPLETED", "CANCELLED")


# -- lists ------------------------------------------------------------------------------------------------------------


def test_a_list_that_shifts_between_its_pages_neither_doubles_nor_hides_a_run(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    hook: ArizeHook,
    evaluation_task: str,
    window: Window,
) -> None:
    for day in range(1, 5):
        shift = timedelta(days=day)
        hook.trigger_run(evaluation_task, data_start_time=window.start - shift, data_end_time=window.end - shift)
    emulator.control.weather(seed=3, page_size=2, offset_cursors=True, shifted_pages=0.5)
    emulator.control.inject("drop_after", method="POST", path=TRIGGER)
    assert evaluate().state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 5


# -- many pieces ------------------------------------------------------------------------------------------------------


def test_a_retry_of_more_pieces_than_fit_an_entry_starts_none_again(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, window: Window
) -> None:
    """And what the trigger carries stays small, however many pieces are through."""
    emulator.control.configure(run_seconds=0)
    emulator.control.add_spans(count=520, start=window.start, end=window.end)
    pieces = {"max_window": window.width / 260, "deferrable": False}
    emulator.control.set_outcome("COMPLETED", times=259)
    emulator.control.set_outcome("FAILED", reason="the last but one", times=1)
    first = evaluate(**pieces)
    assert "the last but one" in str(first.error)
    assert all(len(json.dumps(entry)) < 64_000 for entry in first.task_state.values())
    second = evaluate(retry_of=first, **pieces, wait_for_completion=True)
    assert second.state == "success", second.error
    assert len(second.value["runs"]) == 260
    assert len(runs_of(emulator, evaluation_task)) == 261


def test_the_arguments_of_the_trigger_do_not_grow_with_what_is_through(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, window: Window
) -> None:
    emulator.control.configure(run_seconds=0.02, pending_seconds=0)
    result = evaluate(max_window=window.width / 60, poll_interval=0.05)
    assert result.state == "success", result.error
    assert len(result.value["runs"]) == 60
    assert max(len(json.dumps(each["kwargs"])) for each in result.deferrals) < 32_000


# -- the triggerer ----------------------------------------------------------------------------------------------------


def test_a_connection_that_only_the_worker_has_fails_the_task_at_once(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow_provider_arize_tasks.client.errors import ArizeConfigError
    from airflow_provider_arize_tasks.triggers import channel

    async def missing(conn_id: str) -> Any:
        raise ArizeConfigError(f"connection {conn_id!r} does not exist")

    monkeypatch.setattr(channel, "read_config", missing)
    emulator.control.configure(run_seconds=60)
    began = time.monotonic()
    result = evaluate(poll_interval=0.1)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert "the triggerer can't use connection 'arize_default'" in str(result.error)
    assert "deferrable=False" in str(result.error)
    assert time.monotonic() - began < 60
    assert statuses(emulator, evaluation_task) == ["CANCELLED"]


async def test_a_kill_in_the_middle_of_a_pause_after_a_429_cancels_at_once(
    emulator: EmulatorProcess, hook: ArizeHook, evaluation_task: str, window: Window
) -> None:
    import asyncio

    emulator.control.configure(run_seconds=60)
    run = hook.trigger_run(evaluation_task, **window.to_dict())
    headers = {"Retry-After": "25"}
    emulator.control.inject("status", method="GET", status=429, headers=headers, path="/task-runs/|/runs", times=None)
    trigger = ArizeTaskRunTrigger(run_ids=[run.id], poll_interval=0.05)
    waiting = asyncio.ensure_future(anext(trigger.run()))
    await asyncio.sleep(1.0)
    began = time.monotonic()
    await trigger.on_kill()
    assert time.monotonic() - began < 5
    assert statuses(emulator, evaluation_task) == ["CANCELLED"]
    waiting.cancel()


@pytest.mark.parametrize("reason", ["half \ud83d an emoji", "nul \x00", "x" * 5000], ids=["half", "nul", "long"])
def test_what_a_server_writes_never_stops_the_triggerer(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, reason: str
) -> None:
    fields = {"failure_reason": reason, "shoe_size": 2**70, "num_skipped": 0}
    emulator.control.inject("edit", method="GET", path="/task-runs/", set=fields, times=None)
    result = evaluate()
    assert result.state == "success", result.error
    json.dumps(result.value, ensure_ascii=False).encode()


# -- gates ------------------------------------------------------------------------------------------------------------


@STORES
def test_a_gate_counts_what_an_earlier_attempt_labelled(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, has_store: bool
) -> None:
    emulator.control.set_outcome("FAILED", reason="judge down", successes=80, errors=20, skipped=0)
    emulator.control.set_outcome("COMPLETED", successes=20, errors=0, skipped=0)
    arguments = {"min_successes": 100, "max_error_rate": 0.1, "has_store": has_store}
    first = evaluate(**arguments)
    assert first.state == "up_for_retry"
    second = evaluate(retry_of=first, **arguments)
    assert second.state == "success", second.error


@pytest.mark.parametrize(
    ("counts", "passing"), [((0, 7, 0), {"max_error_rate": 1.0}), ((0, 0, 7), {"min_successes": 0})]
)
def test_a_run_that_labelled_nothing_fails_unless_that_is_fine(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, counts: tuple[int, ...], passing: dict[str, Any]
) -> None:
    named = dict(zip(("successes", "errors", "skipped"), counts, strict=True))
    emulator.control.set_outcome("COMPLETED", times=None, **named)
    assert evaluate().state == "failed"
    assert evaluate(**passing).state == "success"


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("path", [r"/tasks/[^/]+$", "/task-runs/", "/runs"])
def test_one_page_of_a_gateway_fails_nothing_for_good(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, path: str, status: int
) -> None:
    emulator.control.inject("drop_after", method="POST", path=TRIGGER)  # so that the list is read, too
    emulator.control.inject("html", method="GET", path=path, status=status)
    assert evaluate().state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1
