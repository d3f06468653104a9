"""One remote run per window through lost answers, crashes, retries and clears; in one process, on real HTTP.

The same on real processes with ``kill -9`` is in ``tests/e2e/faults``.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.exceptions import (
    ArizePermanentError,
    ArizeRunCancelledError,
    ArizeRunFailedError,
    ArizeRunTimeoutError,
)
from airflow_provider_arize_tasks.operators.runs import (
    ArizeTriggerEvaluationRunOperator,
    ArizeTriggerExperimentRunOperator,
)
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import runs_of
from tests.integration.operators.support import be_impatient, retry_requests_briefly

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.windows.window import Window

TRIGGER = r"/trigger$"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)


@pytest.fixture(params=[True, False], ids=["store", "no store"])
def has_store(request: pytest.FixtureRequest) -> bool:
    return request.param


def attempts_of(
    operator: type[ArizeTriggerEvaluationRunOperator | ArizeTriggerExperimentRunOperator],
    has_store: bool,
    **defaults: Any,
) -> Callable[..., TaskResult]:
    """Runs one attempt of a task; ``retry_of`` and ``cleared_after`` make it a later one."""

    def attempt(
        retry_of: TaskResult | None = None, cleared_after: TaskResult | None = None, **arguments: Any
    ) -> TaskResult:
        task = operator(task_id="run", **{"retries": 3, "poll_interval": 0.2, **defaults, **arguments})
        return run_task(task, retry_of=retry_of, cleared_after=cleared_after, has_state_store=has_store)

    return attempt


@pytest.fixture
def attempt(evaluation_task: str, window: Window, has_store: bool) -> Callable[..., TaskResult]:
    """One attempt of the evaluation of the window."""
    return attempts_of(ArizeTriggerEvaluationRunOperator, has_store, task=evaluation_task, **window.to_dict())


class Crash(BaseException):
    """Stands for ``kill -9``: nothing of the attempt runs after it."""


@pytest.mark.parametrize("kind", ["drop_after", "status_after", "html_after"])
def test_an_answer_lost_after_the_trigger_took_effect_starts_no_second_run(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, kind: str
) -> None:
    emulator.control.inject(kind, method="POST", path=TRIGGER, status=504)
    result = attempt()
    assert result.state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


@pytest.mark.parametrize("kind", ["drop_before", "status"])
def test_a_trigger_that_had_no_effect_is_sent_again(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, kind: str
) -> None:
    emulator.control.inject(kind, method="POST", path=TRIGGER, status=500)
    result = attempt()
    assert result.state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


def test_a_run_that_is_listed_late_is_waited_for(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    emulator.control.set_outcome("COMPLETED", hidden_seconds=0.4)
    emulator.control.inject("drop_after", method="POST", path=TRIGGER)
    assert attempt().state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


@pytest.mark.parametrize("moment", ["before the intent", "after the intent", "answered", "recorded"])
def test_a_retry_after_a_crash_adopts_the_run(
    attempt: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    emulator.control.configure(run_seconds=1)
    state: dict[str, Any] = {}
    before = TaskResult(state="up_for_retry", max_tries=3, task_state=state, try_number=0)
    with monkeypatch.context() as patch:
        crash_at(moment, patch)
        with pytest.raises(Crash):
            attempt(retry_of=before)
    sent = {"before the intent": 0, "after the intent": 0}.get(moment, 1)
    assert len(runs_of(emulator, evaluation_task)) == sent
    before.try_number = 1
    result = attempt(retry_of=before)
    assert result.state == "success"
    assert [run["status"] for run in runs_of(emulator, evaluation_task)] == ["COMPLETED"]


def crash_at(moment: str, patch: pytest.MonkeyPatch) -> None:
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.runs.attempt import Records

    put, trigger = Records.put, ArizeHook.trigger_run

    def crash(*_: Any, **__: Any) -> None:
        raise Crash

    def crashing_put(self: Records, key: str, record: Any) -> None:
        if moment == "before the intent":
            raise Crash
        put(self, key, record)
        if moment == "recorded" and record.run_id:
            raise Crash

    def crashing_trigger(self: ArizeHook, **arguments: Any) -> Any:
        if moment == "after the intent":
            raise Crash
        run = trigger(self, **arguments)
        if moment == "answered":
            raise Crash
        return run

    patch.setattr(Records, "put", crashing_put)
    patch.setattr(ArizeHook, "trigger_run", crashing_trigger)


@pytest.mark.parametrize(("status", "error"), [("FAILED", ArizeRunFailedError), ("CANCELLED", ArizeRunCancelledError)])
def test_a_retry_after_the_run_itself_ended_badly_triggers_anew_each_time(
    attempt: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    status: str,
    error: type[Exception],
) -> None:
    emulator.control.set_outcome(status, reason="no luck", times=2)
    first = attempt()
    second = attempt(retry_of=first)
    assert [type(each.error) for each in (first, second)] == [error, error]
    third = attempt(retry_of=second)
    assert third.state == "success"
    assert [run["status"] for run in runs_of(emulator, evaluation_task)] == [status, status, "COMPLETED"]


def test_a_retry_looks_at_a_completed_run_and_judges_it(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    first = attempt()
    again = attempt(retry_of=first)
    assert (again.state, again.value["id"]) == ("success", first.value["id"])
    assert len(runs_of(emulator, evaluation_task)) == 1


def test_a_task_cleared_after_success_runs_anew(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    first = attempt()
    again = attempt(cleared_after=first)
    assert again.value["id"] != first.value["id"]
    assert len(runs_of(emulator, evaluation_task)) == 2


def test_a_task_cleared_while_its_run_goes_on_ends_with_one_good_run(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, has_store: bool
) -> None:
    emulator.control.configure(run_seconds=1.5)
    first = attempt(wait_for_completion=False)
    again = attempt(cleared_after=first)
    assert again.state == "success"
    # With a record the run from before is ended first; without one it is adopted. Never two at a time.
    statuses = [run["status"] for run in runs_of(emulator, evaluation_task)]
    assert statuses == (["CANCELLED", "COMPLETED"] if has_store else ["COMPLETED"])


def test_a_cleared_task_whose_store_was_emptied_does_not_adopt_a_run_that_is_being_cancelled(
    attempt: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    hook: ArizeHook,
    has_store: bool,
) -> None:
    if not has_store:
        pytest.skip("about stores")
    emulator.control.configure(run_seconds=30)
    first = attempt(wait_for_completion=False)
    first.task_state.clear()
    emulator.control.end_run(first.value["id"], "CANCELLED")
    emulator.control.configure(run_seconds=0.2)
    again = attempt(cleared_after=first)
    assert again.state == "success"
    assert again.value["id"] != first.value["id"]


@pytest.mark.parametrize("is_going", [False, True], ids=["gone", "only unreadable"])
def test_a_clear_helps_where_the_recorded_run_is_gone(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, has_store: bool, is_going: bool
) -> None:
    if not has_store:
        pytest.skip("about stores")
    if is_going:
        emulator.control.configure(run_seconds=30)
    first = attempt(wait_for_completion=not is_going)
    path = first.xcoms["arize_run_id"].rstrip("=")
    emulator.control.inject("status", method="GET", path=f"/task-runs/{path}", status=404, times=None)
    retried = attempt(retry_of=first)
    assert (retried.state, "404" in str(retried.error)) == ("failed", True)
    cleared = attempt(cleared_after=retried)
    assert cleared.state == ("failed" if is_going else "success")
    assert len(runs_of(emulator, evaluation_task)) == (1 if is_going else 2)


def test_never_triggers_anew_and_leaves_nothing_going(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, has_store: bool
) -> None:
    emulator.control.configure(run_seconds=1.5)
    first = attempt(wait_for_completion=False, reuse_run="never")
    again = attempt(retry_of=first, reuse_run="never")
    assert again.value["id"] != first.value["id"]
    if has_store:
        assert runs_of(emulator, evaluation_task)[0]["status"] == "CANCELLED"


def test_same_window_adopts_the_run_of_another(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    other = attempt()
    owned = attempt(reuse_run="same_window")
    assert owned.value["id"] == other.value["id"]
    assert len(runs_of(emulator, evaluation_task)) == 1


def test_own_leaves_the_run_of_another_alone(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    other = attempt()
    owned = attempt()
    assert owned.value["id"] != other.value["id"]


def test_several_matches_are_an_error_that_lists_them(
    attempt: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    has_store: bool,
    window: Window,
    hook: ArizeHook,
    evaluation_task: str,
) -> None:
    if has_store:
        pytest.skip("with a store the record decides")
    emulator.control.configure(run_seconds=10)
    start = TaskResult(max_tries=3)
    runs = [
        hook.trigger_run(task=evaluation_task, data_start_time=window.start, data_end_time=window.end).id
        for _ in range(2)
    ]
    result = attempt(retry_of=start)
    assert isinstance(result.error, ArizePermanentError)
    assert all(run in str(result.error) for run in runs)
    assert len(runs_of(emulator, evaluation_task)) == 2


def test_a_look_up_that_fails_is_not_taken_for_absence(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    emulator.control.inject("drop_after", method="POST", path=TRIGGER)
    emulator.control.inject("status", method="GET", path=r"/tasks/[^/]+/runs", status=403, times=1)
    first = attempt()
    assert first.error is not None
    assert len(runs_of(emulator, evaluation_task)) == 1
    second = attempt(retry_of=first)
    assert second.state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


def test_an_adopted_run_past_its_deadline_gets_one_look_and_then_the_timeout_policy(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    emulator.control.configure(run_seconds=60)
    first = attempt(timeout=0.3, cancel_on_timeout=False)
    assert isinstance(first.error, ArizeRunTimeoutError)
    second = attempt(retry_of=first, timeout=0.3)
    assert isinstance(second.error, ArizeRunTimeoutError)
    assert "were cancelled" in str(second.error)
    assert [run["status"] for run in runs_of(emulator, evaluation_task)] == ["CANCELLED"]


def test_a_retry_in_the_middle_of_a_long_window_starts_no_piece_twice(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, window: Window
) -> None:
    emulator.control.set_outcome("COMPLETED", times=1)
    emulator.control.set_outcome("FAILED", reason="second piece", times=1)
    arguments = {"max_window": timedelta(hours=8)}
    first = attempt(**arguments)
    assert "second piece" in str(first.error)
    second = attempt(retry_of=first, **arguments)
    assert second.state == "success"
    assert [run["status"] for run in runs_of(emulator, evaluation_task)] == [
        "COMPLETED",
        "FAILED",
        "COMPLETED",
        "COMPLETED",
    ]
    ledger = emulator.control.ledger(start=window.start, end=window.end)
    assert (ledger["missed"], ledger["twice"]) == (0, 0)


def test_a_gate_is_not_passed_by_a_retry(attempt: Callable[..., TaskResult], emulator: EmulatorProcess) -> None:
    emulator.control.set_outcome("COMPLETED", successes=50, errors=50, skipped=0)
    first = attempt(max_error_rate=0.1)
    assert first.state == "failed"


# -- experiments ------------------------------------------------------------------------------------------------------


@pytest.fixture
def experiment(experiment_task: str, has_store: bool) -> Callable[..., TaskResult]:
    return attempts_of(ArizeTriggerExperimentRunOperator, has_store, task=experiment_task, experiment_name="nightly-1")


@pytest.mark.parametrize("kind", ["drop_after", "status_after", "drop_before", "status"])
def test_an_experiment_is_made_once_whatever_happens_to_the_answer(
    experiment: Callable[..., TaskResult], emulator: EmulatorProcess, experiment_task: str, kind: str
) -> None:
    emulator.control.inject(kind, method="POST", path=TRIGGER, status=500)
    result = experiment()
    assert (result.state, result.value["experiment_name"]) == ("success", "nightly-1")
    assert len(runs_of(emulator, experiment_task)) == 1


@pytest.mark.parametrize("moment", ["before the intent", "after the intent", "answered"])
def test_an_experiment_run_of_another_dag_run_is_not_adopted_before_it_can_be_told_apart(
    experiment: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    hook: ArizeHook,
    experiment_task: str,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    emulator.control.configure(run_seconds=1.5, pending_seconds=1.0)
    before = TaskResult(state="up_for_retry", max_tries=3, task_state={}, try_number=0)
    with monkeypatch.context() as patch:
        crash_at(moment, patch)
        with pytest.raises(Crash):
            experiment(retry_of=before)
    before.try_number = 1
    hook.trigger_run(task=experiment_task, experiment_name="another-night")
    result = experiment(retry_of=before)
    assert (result.state, result.value["experiment_name"]) == ("success", "nightly-1")
    assert len(runs_of(emulator, experiment_task)) == 2


def test_a_failed_experiment_has_used_its_name_up(
    experiment: Callable[..., TaskResult], emulator: EmulatorProcess, experiment_task: str
) -> None:
    emulator.control.set_outcome("FAILED", reason="model gone", times=2)
    first = experiment()
    second = experiment(retry_of=first)
    third = experiment(retry_of=second)
    assert (first.state, second.state, third.state) == ("up_for_retry", "up_for_retry", "success")
    assert third.value["experiment_name"] == "nightly-1-r3"
    again = experiment(retry_of=third)
    assert again.value["id"] == third.value["id"]


def test_a_cleared_experiment_takes_the_next_name(
    experiment: Callable[..., TaskResult], emulator: EmulatorProcess, experiment_task: str
) -> None:
    first = experiment()
    again = experiment(cleared_after=first)
    assert [each.value["experiment_name"] for each in (first, again)] == ["nightly-1", "nightly-1-r2"]


def test_a_name_taken_before_this_dag_run_is_a_config_error_that_names_it(
    experiment: Callable[..., TaskResult], emulator: EmulatorProcess, experiment_task: str, hook: ArizeHook
) -> None:
    emulator.control.configure(clock_offset_seconds=-600)
    hook.trigger_run(task=experiment_task, experiment_name="nightly-1")
    emulator.control.configure(clock_offset_seconds=0)
    result = experiment()
    assert result.state == "failed"
    assert "'nightly-1' is taken" in str(result.error)
    assert len(runs_of(emulator, experiment_task)) == 1
    # Nothing was sent that counts: once that experiment is deleted, a clear may have its name and no other.
    assert not any(entry["record"] for key, entry in result.task_state.items() if key.startswith("arize_run_"))


def test_waiting_for_evaluations_triggers_each_once_and_returns_them(
    experiment: Callable[..., TaskResult], emulator: EmulatorProcess, hook: ArizeHook, experiment_task: str
) -> None:
    judges = dataset_tasks(hook)
    emulator.control.set_outcome("COMPLETED", task=experiment_task)
    emulator.control.set_outcome("FAILED", task=judges[1], reason="judge down")
    arguments = {"evaluation_task_ids": judges, "wait_for_evaluations": True}
    first = experiment(**arguments)
    assert first.state == "up_for_retry"
    assert "judge down" in str(first.error)
    second = experiment(retry_of=first, **arguments)
    assert second.state == "success"
    assert [run["task_id"] for run in second.value["evaluations"]] == judges
    # The experiment task also made the experiment that the judges' tasks were created with.
    assert [len(runs_of(emulator, task)) for task in (experiment_task, *judges)] == [1 + 1, 1, 2]
    assert second.value["experiment_id"]
    assert len(second.deferrals) <= 1


def dataset_tasks(hook: ArizeHook) -> list[str]:
    seed = hook.trigger_run(
        task=hook.find_task("nightly", "demo-space").id,
        experiment_name="seed",
    )
    experiment = hook.wait_for_run(run_id=seed.id, poll_interval=0.1).experiment_id
    tasks = []
    for number, evaluator in enumerate(["correctness", "hallucination"]):
        task = hook.create_evaluation_task(
            name=f"judge-{number}",
            task_type="TEMPLATE_EVALUATION",
            evaluators=[{"evaluator_id": evaluator}],
            dataset="demo-dataset",
            experiment_ids=[str(experiment)],
            space="demo-space",
        )
        tasks.append(task.id)
    return tasks


@pytest.mark.parametrize("cleared", [True, False], ids=["cleared", "retried"])
@pytest.mark.parametrize("status", [403, 429])
def test_after_a_refused_trigger_nobody_looks_for_its_run_and_finds_that_of_another(
    emulator: EmulatorProcess,
    hook: ArizeHook,
    experiment_task: str,
    monkeypatch: pytest.MonkeyPatch,
    cleared: bool,
    status: int,
) -> None:
    """The run of a dataset's evaluation doesn't tell whose it is."""
    retry_requests_briefly(monkeypatch)
    (judge, _) = dataset_tasks(hook)

    def attempt(before: TaskResult | None = None) -> TaskResult:
        operator = ArizeTriggerEvaluationRunOperator(task_id="judge", task=judge, retries=3, poll_interval=0.2)
        follows = {"cleared_after" if cleared else "retry_of": before}
        return run_task(operator, run_after=datetime.now(timezone.utc) - timedelta(hours=1), **follows)  # type: ignore[arg-type]

    emulator.control.inject("status", method="POST", path=TRIGGER, status=status, times=None)
    first = attempt()
    assert first.state == ("failed" if status == 403 else "up_for_retry")
    emulator.control.clear_faults()
    emulator.control.set_outcome("COMPLETED", task=judge, run_seconds=60)
    other = hook.trigger_run(task=judge)
    second = attempt(first)
    assert (second.state, second.value["id"] == other.id) == ("success", False)
    assert hook.get_run(other.id).status.value in ("PENDING", "RUNNING")


@pytest.mark.parametrize("cleared", [True, False], ids=["cleared", "retried"])
def test_an_experiment_is_told_from_another_whose_name_is_one_of_its_series(
    experiment: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    hook: ArizeHook,
    experiment_task: str,
    has_store: bool,
    monkeypatch: pytest.MonkeyPatch,
    cleared: bool,
) -> None:
    """Killed before its POST, while a mapped task instance beside it makes ``nightly-1-r2``."""
    if not has_store:
        pytest.skip("the name that was sent is known from the record alone")
    before = TaskResult(state="up_for_retry", max_tries=3, task_state={}, try_number=0)
    with monkeypatch.context() as patch:
        crash_at("after the intent", patch)
        with pytest.raises(Crash):
            experiment(retry_of=before)
    before.try_number = 1
    emulator.control.set_outcome("COMPLETED", task=experiment_task, run_seconds=60)
    other = hook.trigger_run(task=experiment_task, experiment_name="nightly-1-r2")
    result = experiment(**{"cleared_after" if cleared else "retry_of": before}, timeout=10)
    assert (result.state, result.value["id"] == other.id) == ("success", False)
    assert hook.get_run(other.id).status.value in ("PENDING", "RUNNING")


def test_the_record_is_small_plain_json(attempt: Callable[..., TaskResult], has_store: bool, window: Window) -> None:
    result = attempt(max_window=timedelta(hours=4))
    assert result.state == "success"
    assert len(json.dumps(result.task_state)) < 64_000
    assert bool(result.task_state) is has_store


def test_a_run_adopted_from_another_is_never_cancelled(
    attempt: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, hook: ArizeHook, window: Window
) -> None:
    emulator.control.configure(run_seconds=60)
    other = hook.trigger_run(evaluation_task, data_start_time=window.start, data_end_time=window.end)
    first = attempt(reuse_run="same_window", timeout=0.3)
    assert "another task instance started them" in str(first.error)
    assert first.deferrals[0]["kwargs"]["cancel_on_kill"] is False
    attempt(cleared_after=first, reuse_run="same_window", timeout=0.3)
    assert [run["id"] for run in runs_of(emulator, evaluation_task)] == [other.id]
    assert runs_of(emulator, evaluation_task)[0]["status"] in ("PENDING", "RUNNING")
