"""Several runs over one window: what is ours is ended and named, what may be another's is left alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.exceptions import ArizeRunTimeoutError
from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.operators.session import RunSession
from airflow_provider_arize_tasks.operators.waiting_for_runs import WaitingForRuns
from airflow_provider_arize_tasks.runs.cancel import KillSwitch
from airflow_provider_arize_tasks.runs.timing import Patience
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import runs_of
from tests.integration.operators.support import be_impatient

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.windows.window import Window

TRIGGER = r"/trigger$"
ACTIVE = ("PENDING", "RUNNING")
#: Time for a run that is hidden for two seconds and more to show once all else is done.
WAITS_FOR_TWINS = Patience(listing=1.2, twin=8, rival=0.3, pause=0.1)


class Crash(BaseException):
    """Stands for ``kill -9``: nothing of the attempt runs after it."""


def crash(*_: Any, **__: Any) -> None:
    raise Crash


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)


@pytest.fixture
def evaluate(evaluation_task: str, window: Window) -> Callable[..., TaskResult]:
    def evaluate(
        retry_of: TaskResult | None = None, cleared_after: TaskResult | None = None, **arguments: Any
    ) -> TaskResult:
        given = {"task": evaluation_task, "retries": 3, "poll_interval": 0.2, **window.to_dict(), **arguments}
        operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", **given)
        return run_task(operator, retry_of=retry_of, cleared_after=cleared_after)

    return evaluate


@pytest.fixture
def killed(evaluate: Callable[..., TaskResult], monkeypatch: pytest.MonkeyPatch) -> Callable[..., TaskResult]:
    """An attempt that dies where ``what`` of ``where`` is called, with what it left in the state store."""

    def killed(where: Any, what: str, before: TaskResult | None = None, **arguments: Any) -> TaskResult:
        before = before or TaskResult(state="up_for_retry", max_tries=3, try_number=0)
        with monkeypatch.context() as patch:
            patch.setattr(where, what, crash)
            with pytest.raises(Crash):
                evaluate(retry_of=before, **arguments)
        before.try_number += 1
        return before

    return killed


def statuses(emulator: EmulatorProcess, task: str) -> list[str]:
    return [run["status"] for run in runs_of(emulator, task)]


def lose_answers(emulator: EmulatorProcess, *hidden: float) -> None:
    """So many triggers start a long run each, shown in lists so many seconds later, and are not answered."""
    for seconds in hidden:
        emulator.control.set_outcome("COMPLETED", run_seconds=60, hidden_seconds=seconds)
    emulator.control.inject("drop_after", method="POST", path=TRIGGER, times=len(hidden))


# -- what is ours -----------------------------------------------------------------------------------------------------


def test_a_twin_is_looked_for_until_all_lost_answers_are_accounted_for(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first of two shows while the second is still hidden."""
    be_impatient(monkeypatch, WAITS_FOR_TWINS)
    lose_answers(emulator, 3.5, 5)
    emulator.control.configure(run_seconds=1.5)
    result = evaluate()
    assert result.state == "success", result.error
    assert sorted(statuses(emulator, evaluation_task)) == ["CANCELLED", "CANCELLED", "COMPLETED"]
    assert len(result.value["twins_cancelled"]) == 2


def test_a_task_that_does_not_wait_for_its_run_ends_the_twin_all_the_same(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be_impatient(monkeypatch, WAITS_FOR_TWINS)
    lose_answers(emulator, 3)
    emulator.control.configure(run_seconds=60)
    result = evaluate(wait_for_completion=False)
    twin, _ = runs_of(emulator, evaluation_task)
    assert (twin["status"], result.value["twins_cancelled"]) == ("CANCELLED", [twin["id"]])


def test_a_deadline_that_leaves_the_run_going_ends_its_twin(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be_impatient(monkeypatch, WAITS_FOR_TWINS)
    lose_answers(emulator, 3)
    emulator.control.configure(run_seconds=60)
    result = evaluate(timeout=0.5, cancel_on_timeout=False)
    assert type(result.error) is ArizeRunTimeoutError
    twin, run = runs_of(emulator, evaluation_task)
    assert twin["status"] == "CANCELLED"
    assert f"Twins cancelled: {twin['id']}" in str(result.error)
    assert run["status"] in ACTIVE


def test_the_result_names_a_twin_that_an_attempt_found_before_it_was_killed(
    evaluate: Callable[..., TaskResult],
    killed: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lose_answers(emulator, 4)
    emulator.control.configure(run_seconds=10)
    first = evaluate(wait_for_completion=False)
    be_impatient(monkeypatch, WAITS_FOR_TWINS)
    second = killed(WaitingForRuns, "_wait", before=first)
    twin, _ = runs_of(emulator, evaluation_task)
    assert twin["status"] == "CANCELLED"
    third = evaluate(retry_of=second)
    assert (third.value["id"], third.value["twins_cancelled"]) == (first.value["id"], [twin["id"]])


def test_never_ends_what_an_attempt_started_that_did_not_live_to_read_the_answer(
    evaluate: Callable[..., TaskResult],
    killed: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
) -> None:
    emulator.control.set_outcome("COMPLETED", run_seconds=60)
    first = killed(RunSession, "stop_if_killed", reuse_run="never")  # before its trigger
    assert statuses(emulator, evaluation_task) == []
    second = killed(KillSwitch, "remember", before=first, reuse_run="never")  # right after its answer
    assert statuses(emulator, evaluation_task)[0] in ACTIVE
    third = evaluate(retry_of=second, reuse_run="never")
    assert third.state == "success", third.error
    assert statuses(emulator, evaluation_task) == ["CANCELLED", "COMPLETED"]


def test_a_clear_ends_what_a_killed_attempt_started_over_a_window_that_is_another_now(
    evaluate: Callable[..., TaskResult],
    killed: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    window: Window,
) -> None:
    """The DAG was mended before the clear, and the attempt before it did not live to learn its run's id."""
    emulator.control.set_outcome("COMPLETED", run_seconds=60)
    first = killed(KillSwitch, "remember")
    earlier = type(window)(window.start - timedelta(days=1), window.end - timedelta(days=1))
    assert evaluate(cleared_after=first, **earlier.to_dict()).state == "success"
    assert statuses(emulator, evaluation_task) == ["CANCELLED", "COMPLETED"]


@pytest.mark.parametrize("policy", ["fail", "skip"])
def test_a_window_that_its_own_twin_has_labelled_was_not_labelled_already(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, policy: str
) -> None:
    """The answer of the first trigger is lost, and its run has labelled all by the time of the second trigger."""
    emulator.control.set_outcome("COMPLETED", run_seconds=0.1, hidden_seconds=3)
    emulator.control.inject("drop_after", method="POST", path=TRIGGER)
    emulator.control.configure(run_seconds=2)
    result = evaluate(on_already_evaluated=policy)
    assert result.state == "success", result.error
    twin, run = runs_of(emulator, evaluation_task)
    assert (twin["status"], run["status"]) == ("COMPLETED", "CANCELLED")
    assert (result.value["id"], result.value["twins_ended"]) == (run["id"], [twin["id"]])


# -- what is another's ------------------------------------------------------------------------------------------------


def test_a_run_that_another_started_later_is_no_twin_once_the_lost_answer_is_accounted_for(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    hook: ArizeHook,
    window: Window,
) -> None:
    emulator.control.inject("drop_after", method="POST", path=TRIGGER)
    first = evaluate(wait_for_completion=False)
    emulator.control.configure(run_seconds=60)
    other = hook.trigger_run(evaluation_task, **window.to_dict())
    second = evaluate(retry_of=first)
    assert (second.value["id"], second.value["twins_cancelled"]) == (first.value["id"], [])
    assert hook.get_run(other.id).status.value in ACTIVE


def test_with_same_window_a_run_found_after_a_lost_answer_may_be_another_s(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    hook: ArizeHook,
    window: Window,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another DAG triggers at the very moment at which the own trigger gets lost without effect."""
    emulator.control.configure(run_seconds=60)
    post = RunSession._post
    others = []

    def after_another(*given: Any, **named: Any) -> Any:
        others.append(hook.trigger_run(evaluation_task, **window.to_dict()))
        emulator.control.inject("drop_before", method="POST", path=TRIGGER)
        return post(*given, **named)

    monkeypatch.setattr(RunSession, "_post", after_another)
    result = evaluate(reuse_run="same_window", timeout=0.5)
    assert type(result.error) is ArizeRunTimeoutError
    (other,) = others
    assert hook.get_run(other.id).status.value in ACTIVE
    assert result.deferrals[0]["kwargs"]["cancel_on_kill"] is False


@pytest.mark.parametrize(("reuse", "age"), [("own", 30.0), ("never", 30.0), ("same_window", 0.0)])
def test_a_clear_after_a_kill_ends_no_run_that_may_be_another_s(
    evaluate: Callable[..., TaskResult],
    killed: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    hook: ArizeHook,
    window: Window,
    reuse: str,
    age: float,
) -> None:
    """One half a minute older than the trigger that was never sent; with ``same_window``, of whatever age."""
    emulator.control.configure(run_seconds=60, clock_offset_seconds=-age)
    started = hook.trigger_run(evaluation_task, **window.to_dict()) if age else None
    emulator.control.configure(clock_offset_seconds=0)
    first = killed(ArizeHook, "trigger_run", reuse_run=reuse)
    other = started or hook.trigger_run(evaluation_task, **window.to_dict())
    evaluate(cleared_after=first, reuse_run=reuse, timeout=0.5)
    assert hook.get_run(other.id).status.value in ACTIVE
