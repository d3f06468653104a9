"""Bad input and faults: one clear message that names the argument or connection and the way out; nothing by halves."""

from __future__ import annotations

import json
import socket
import traceback
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.emulator.process import running_emulator
from airflow_provider_arize_tasks.exceptions import (
    ArizeGateError,
    ArizePermanentError,
    ArizeRunTimeoutError,
    ArizeWaitError,
)
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import EVALUATOR, PROJECT, SPACE, runs_of
from tests.integration.operators.support import NO_TASK, be_impatient, look_again_soon, retry_requests_briefly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.windows.window import Window

NO_WINDOW = {"data_start_time": None, "data_end_time": None}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    retry_requests_briefly(monkeypatch)
    be_impatient(monkeypatch)


@pytest.fixture
def evaluate(evaluation_task: str, window: Window) -> Callable[..., TaskResult]:
    def evaluate(
        retry_of: TaskResult | None = None, cleared_after: TaskResult | None = None, **arguments: Any
    ) -> TaskResult:
        known = {"task": evaluation_task, **window.to_dict(), "retries": 2, "poll_interval": 0.05, **arguments}
        interval = known.pop("data_interval", None)
        operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", **known)
        return run_task(operator, retry_of=retry_of, cleared_after=cleared_after, data_interval=interval)

    return evaluate


def connect(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> str:
    connection = {"conn_type": "arize", "password": "ak-secret-key-4711", **fields}
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_OTHER", json.dumps(connection))
    return "arize_other"


def check_message(error: BaseException | None, *words: str) -> None:
    """It is ours, says these words, keeps the key to itself, and is not the end of somebody else's traceback alone."""
    assert isinstance(error, ArizeError), error
    message = str(error)
    for word in words:
        assert word in message, message
    assert "ak-secret-key-4711" not in "".join(traceback.format_exception(error))
    assert len(message) < 1500
    assert "Traceback" not in message


# -- the connection ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def locked() -> Iterator[EmulatorProcess]:
    """An emulator that takes one key only."""
    with running_emulator(api_key="the-right-key") as emulator:
        yield emulator


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("start", ["trigger", "create"])
@pytest.mark.parametrize(
    ("fields", "state", "words"),
    [
        ({"host": "LOCKED"}, "failed", ["401", "'arize_other'", "password"]),
        ({"host": "LOCKED", "password": ""}, "failed", ["'arize_other'", "password", "API key"]),
        ({"host": "http://127.0.0.1:1/", "port": "PORT"}, "failed", ["'arize_other'", "port"]),
        ({"host": "http://127.0.0.1:PORT"}, "up_for_retry", ["'arize_other'", "nothing accepts connections", "host"]),
        (
            {"host": "http://arize.invalid"},
            "up_for_retry",
            ["'arize_other'", "http://arize.invalid is not known", "region"],
        ),
        ({"host": "LOCKED", "extra": {"region": "no where"}}, "failed", ["'arize_other'", "region"]),
        ({"host": "LOCKED", "extra": {"timeout": "soon"}}, "failed", ["'arize_other'", "timeout"]),
        ({"host": "LOCKED", "extra": {"enum_case": "Title"}}, "failed", ["'arize_other'", "enum_case"]),
    ],
    ids=["wrong key", "no key", "bad port", "nobody listens", "unknown host", "region", "timeout", "enum case"],
)
def test_a_connection_that_does_not_work_is_named_with_the_field_to_look_at(
    locked: EmulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
    start: str,
    fields: dict[str, Any],
    state: str,
    words: list[str],
) -> None:
    port = str(unused_port())
    fields = {
        key: value.replace("LOCKED", locked.url).replace("PORT", port) if isinstance(value, str) else value
        for key, value in fields.items()
    }
    if fields.get("port"):
        fields["port"] = 99_999
    common: dict[str, Any] = {"arize_conn_id": connect(monkeypatch, **fields), "retries": 2, "space": SPACE}
    operator: Any = ArizeTriggerEvaluationRunOperator(
        task_id="t", task="daily", data_start_time="2026-11-01", data_end_time="2026-11-02", **common
    )
    if start == "create":
        operator = ArizeCreateEvaluationTaskOperator(
            task_id="t",
            name="daily",
            task_type="TEMPLATE_EVALUATION",
            evaluators=[{"evaluator_id": EVALUATOR}],
            project=PROJECT,
            **common,
        )
    result = run_task(operator)
    assert result.state == state
    check_message(result.error, *words)
    assert locked.control.counters()["runs_total"] == 0


def test_a_connection_that_is_not_there_is_named(evaluate: Callable[..., TaskResult]) -> None:
    result = evaluate(arize_conn_id="{{ 'arize_nowhere' }}")
    assert result.state != "success"
    assert "arize_nowhere" in str(result.error)


# -- what the server answers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "state"), [(200, "failed"), (502, "up_for_retry")], ids=["login page", "gateway"])
def test_a_web_page_instead_of_json(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, status: int, state: str
) -> None:
    emulator.control.inject("html", method="GET", path="/tasks/", times=None, status=status)
    result = evaluate()
    assert result.state == state
    check_message(result.error, "'arize_default'", "web page", "get task")
    assert ("address of the Arize API" in str(result.error)) is (status == 200)
    assert runs_of(emulator, evaluation_task) == []


@pytest.mark.parametrize(("method", "path"), [("POST", "/trigger$"), ("GET", "/task-runs/")], ids=["trigger", "wait"])
def test_one_web_page_later_on_is_survived(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, method: str, path: str
) -> None:
    emulator.control.inject("html", method=method, path=path, status=200)
    assert evaluate(deferrable=False).state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


def test_a_resume_judges_what_the_trigger_saw_and_asks_nothing(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess
) -> None:
    """Whatever the server, or a gateway before it, would answer: it is not asked."""
    result = evaluate_with_fault_from("execute_complete", evaluate, emulator, "drop_before", path="")
    assert result.state == "success", result.error
    assert result.value["num_successes"] == 100


@pytest.mark.parametrize("status", [401, 403, 404, 408, 425, 429, 500, 503, "page", "dropped"])
def test_a_resume_that_has_to_ask_is_as_patient_as_the_trigger(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, status: Any
) -> None:
    """The event of an older release without the runs: one bad answer defers again."""
    kind = {"page": "html", "dropped": "drop_before"}.get(status, "status")
    code = 200 if status in ("page", "dropped") else status
    fault = {"method": "GET", "path": "/task-runs/", "status": code, "headers": {"Retry-After": "1"}}
    result = evaluate_with_fault_from("execute_complete", evaluate, emulator, kind, blind=True, **fault)
    assert result.state == "success", result.error
    assert len(runs_of(emulator, evaluation_task)) == 1


def evaluate_with_fault_from(
    step: str,
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    kind: str,
    *,
    blind: bool = False,
    **fault: Any,
) -> TaskResult:
    """An attempt that meets one fault once that method of the operator is called for the first time."""
    original = getattr(ArizeTriggerEvaluationRunOperator, step)
    begun: list[bool] = []

    def with_fault(self: Any, context: Any, event: Any = None) -> Any:
        if not begun:
            begun.append(True)
            emulator.control.inject(kind, **fault)
            event = {**event, "runs": {}} if blind else event
        return original(self, context, event)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ArizeTriggerEvaluationRunOperator, step, with_fault)
        return evaluate()


def test_a_web_page_instead_of_the_recorded_run_is_left_to_the_next_attempt(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    """The host is right, or there would be no run: a gateway's page tells neither of success nor of absence."""
    first = evaluate(wait_for_completion=False)
    emulator.control.inject("html", method="GET", path="/task-runs/", status=200)
    second = evaluate(retry_of=first)
    assert second.state == "up_for_retry", second.error
    check_message(second.error, "web page", "the next attempt looks again")
    assert evaluate(retry_of=second).state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


@pytest.mark.parametrize("deferrable", [True, False], ids=["deferred", "in the worker"])
def test_an_unknown_status_is_waited_through(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, deferrable: bool
) -> None:
    for path in ("/task-runs/", "/runs"):
        emulator.control.inject("edit", method="GET", path=path, set={"status": "REHEARSING"}, times=3)
    result = evaluate(deferrable=deferrable)
    assert (result.state, result.value["status"]) == ("success", "COMPLETED")


@pytest.mark.parametrize("deferrable", [True, False], ids=["deferred", "in the worker"])
def test_a_run_that_ends_in_an_unknown_status_never_passes_as_success(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, deferrable: bool
) -> None:
    emulator.control.set_outcome("ARCHIVED", run_seconds=0.1)
    result = evaluate(deferrable=deferrable, timeout=0.5)
    assert (result.state, type(result.error)) == ("up_for_retry", ArizeRunTimeoutError)
    assert "ARCHIVED" in str(result.error)


@pytest.mark.parametrize(
    "remove",
    [
        ["num_successes", "num_errors", "num_skipped"],
        ["created_at"],
        ["data_start_time", "data_end_time"],
        ["task_id", "run_started_at", "run_finished_at", "created_by_user_id", "failure_reason"],
    ],
    ids=["counts", "age", "window", "the rest"],
)
@pytest.mark.parametrize("deferrable", [True, False], ids=["deferred", "in the worker"])
def test_missing_fields_do_no_harm(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, remove: list[str], deferrable: bool
) -> None:
    emulator.control.inject("edit", path="/task-runs/|/trigger$", remove=remove, times=None)
    result = evaluate(deferrable=deferrable)
    assert (result.state, result.value["status"]) == ("success", "COMPLETED")


def test_a_run_without_an_id_is_looked_up(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    emulator.control.inject("edit", method="POST", path="/trigger$", remove=["id"])
    assert evaluate().state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


def test_a_task_of_an_unknown_type_is_left_to_the_server(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    """A newer server may know a kind of evaluation that this release doesn't."""
    emulator.control.inject("edit", method="GET", path="/tasks/[^/]+$", set={"type": "AUDIO_EVALUATION"})
    assert evaluate().state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_a_refused_trigger_is_told_and_not_retried(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, status: int
) -> None:
    emulator.control.inject("status", method="POST", path="/trigger$", status=status, detail="the moon is full")
    result = evaluate()
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    check_message(result.error, "'arize_default'", "trigger", str(status), "the moon is full")
    assert runs_of(emulator, evaluation_task) == []


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}], ids=["plain", "Retry-After"])
def test_a_throttled_trigger_is_sent_again(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
) -> None:
    retry_requests_briefly(monkeypatch, seconds=20)
    emulator.control.inject("status", method="POST", path="/trigger$", status=429, headers=headers, times=2)
    assert evaluate().state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


# -- the task and its window ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"task": "dayly", "space": SPACE}, ["no task 'dayly'", "'daily'"]),
        ({"task": "daily"}, ["'daily'", "space"]),
        ({"task": "daily", "space": "nowhere"}, ["no space 'nowhere'"]),
        ({"task": "{{ none }}"}, ["task must be a name or an id"]),
        ({"task": NO_TASK}, [NO_TASK, "404"]),
        ({"task": {"name": "daily"}}, ["task must be a name or an id"]),
    ],
    ids=["misspelt", "no space", "wrong space", "nothing rendered", "unknown id", "json without id"],
)
def test_a_task_that_is_not_found(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    arize_connection: str,
    monkeypatch: pytest.MonkeyPatch,
    arguments: dict[str, Any],
    words: list[str],
) -> None:
    connect_without_space = {"host": emulator.url, "password": "k-123456"}
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps({"conn_type": "arize", **connect_without_space}))
    try:
        result = evaluate(**arguments)
    except ValueError as error:
        check_message(error, *words)
    else:
        assert (result.state, isinstance(result.error, ArizePermanentError)) == ("failed", True)
        check_message(result.error, *words)
    assert runs_of(emulator, evaluation_task) == []


def test_a_task_name_that_several_bear_is_not_guessed(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, hook: ArizeHook, evaluation_task: str
) -> None:
    page = [{"id": NO_TASK, "name": "daily"}, {"id": evaluation_task, "name": "daily"}]
    emulator.control.inject("edit", method="GET", path=r"/tasks\?", set={"tasks": page}, times=None)
    result = evaluate(task="daily", space=SPACE)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    check_message(result.error, "'daily'", "ambiguous", NO_TASK, evaluation_task)
    assert runs_of(emulator, evaluation_task) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({**NO_WINDOW, "data_interval": "zero"}, ["no width", "lookback", "CronDataIntervalTimetable"]),
        (NO_WINDOW, ["lookback"]),
        ({"data_end_time": None}, ["data_end_time", "lookback"]),
        ({"data_start_time": "{{ '' }}"}, ["data_start_time"]),
        ({"data_start_time": "{{ None }}"}, ["data_start_time", "None"]),
        ({"data_start_time": "yesterday"}, ["data_start_time", "yesterday"]),
        ({"data_start_time": "2026-11-03", "data_end_time": "2026-11-01"}, ["2026-11-03", "2026-11-01"]),
        ({"data_start_time": "2026-11-01", "data_end_time": "2026-11-01"}, ["2026-11-01"]),
        ({"data_start_time": "2096-11-01", "data_end_time": "2096-11-02"}, ["future"]),
        ({"experiment_ids": ["RXhwZXJpbWVudDoxOmE="]}, ["experiment_ids", "dataset"]),
    ],
    ids=["zero", "none", "one end", "empty", "None", "words", "inverted", "equal", "future", "experiments"],
)
def test_a_window_that_is_none_starts_nothing(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    window: Window,
    arguments: dict[str, Any],
    words: list[str],
) -> None:
    if arguments.get("data_interval") == "zero":
        arguments = {**arguments, "data_interval": (window.start, window.start)}
    result = evaluate(**arguments)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    check_message(result.error, *words)
    assert runs_of(emulator, evaluation_task) == []


def test_a_window_for_the_evaluation_of_a_dataset_is_refused(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, hook: ArizeHook, experiment_task: str
) -> None:
    seed = hook.trigger_run(task=experiment_task, experiment_name="seed")
    made = hook.wait_for_run(run_id=seed.id, poll_interval=0.05).experiment_id
    task = hook.create_evaluation_task(
        name="judge",
        task_type="TEMPLATE_EVALUATION",
        evaluators=[{"evaluator_id": EVALUATOR}],
        dataset="demo-dataset",
        experiment_ids=[str(made)],
        space=SPACE,
    )
    result = evaluate(task=task.id, max_spans=5)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    check_message(result.error, "'judge'", "data_start_time, data_end_time, max_spans", "Nothing was triggered")
    assert runs_of(emulator, task.id) == []
    assert evaluate(task=task.id, **NO_WINDOW).state == "success"


# -- waits that end otherwise -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        {"status": "hooray", "state": {}},
        {"status": "done"},
        {"status": "done", "state": {}},
        {"status": "done", "state": {"going": []}},
        "done",
    ],
)
def test_an_unknown_event_never_passes_as_success(
    evaluation_task: str, window: Window, emulator: EmulatorProcess, event: Any
) -> None:
    operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=evaluation_task, **window.to_dict())
    done = run_task(operator)
    context = {"ti": _NoTaskInstance(), "task": operator, "dag_run": None}
    with pytest.raises(ArizeWaitError, match="next attempt adopts it"):
        operator.execute_complete(context, event)  # type: ignore[arg-type]
    assert done.state == "success"


class _NoTaskInstance:
    try_number = 1
    max_tries = 0

    def xcom_push(self, **_: Any) -> None:
        raise AssertionError("nothing is to be pushed")


@pytest.mark.parametrize("status", [500, 403])
def test_a_deadline_with_a_server_that_will_not_cancel_says_both(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, status: int
) -> None:
    emulator.control.configure(run_seconds=60)
    fault = emulator.control.inject("status", method="POST", path="/cancel$", status=status, times=None)
    first = evaluate(timeout=0.3, deferrable=False)
    assert (first.state, type(first.error), bool(fault)) == ("up_for_retry", ArizeRunTimeoutError, True)
    check_message(first.error, "the deadline passed", "Cancelling failed", str(status), "the next attempt")
    emulator.control.clear_faults()
    second = evaluate(retry_of=first, timeout=0.3, deferrable=False)
    assert "were cancelled" in str(second.error)
    assert [run["status"] for run in runs_of(emulator, evaluation_task)] == ["CANCELLED"]


def test_a_wait_that_is_refused_ends_soon_and_the_next_attempt_adopts_the_run(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    emulator.control.set_outcome("COMPLETED", run_seconds=0.5)
    emulator.control.inject("status", method="GET", path="/task-runs/", status=401, times=None)
    first = evaluate(deferrable=False)
    assert first.state == "failed"
    check_message(first.error, "'arize_default'", "401", "password")
    emulator.control.clear_faults()
    second = evaluate(retry_of=first)
    assert second.state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


@pytest.mark.parametrize("deferrable", [True, False], ids=["deferred", "in the worker"])
def test_an_outage_in_mid_wait_is_survived(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
    deferrable: bool,
) -> None:
    look_again_soon(monkeypatch)
    emulator.control.set_outcome("COMPLETED", run_seconds=0.3)
    emulator.control.inject("drop_before", method="GET", path="/task-runs/|/runs", times=6)
    assert evaluate(deferrable=deferrable).state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


def test_ten_failed_looks_end_a_wait_and_the_next_attempt_adopts_the_run(
    evaluate: Callable[..., TaskResult],
    emulator: EmulatorProcess,
    evaluation_task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    look_again_soon(monkeypatch)
    emulator.control.inject("drop_before", method="GET", path="/task-runs/", times=None)
    first = evaluate(deferrable=False)
    assert first.state == "up_for_retry"
    assert type(first.error) is ArizeWaitError
    check_message(first.error, "10 looks in a row failed", "the next attempt")
    emulator.control.clear_faults()
    assert evaluate(retry_of=first).state == "success"
    assert len(runs_of(emulator, evaluation_task)) == 1


# -- splits and clears ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["fail", "skip"])
def test_parts_of_a_split_may_be_labelled_by_the_run_over_the_whole(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, window: Window, policy: str
) -> None:
    """on_already_evaluated is about what others labelled. Where spans can't be counted, halves follow a full run."""
    emulator.control.configure(spans_status=404)
    result = evaluate(max_spans=60, on_truncated="split", on_already_evaluated=policy)
    assert result.state == "success"
    assert "CANCELLED" in [run["status"] for run in result.value["runs"]]
    ledger = emulator.control.ledger(start=window.start, end=window.end)
    assert (ledger["missed"], ledger["twice"]) == (0, 0)
    again = evaluate(reuse_run="never", on_already_evaluated=policy)
    assert (again.state, type(again.error) is ArizeGateError) == (
        ("failed", True) if policy == "fail" else ("skipped", False)
    )


def test_a_clear_ends_the_run_over_a_window_that_is_another_now(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str, window: Window
) -> None:
    """The DAG was mended before the clear: no request of the new attempt comes across the old window's run."""
    emulator.control.set_outcome("COMPLETED", run_seconds=60)
    first = evaluate(wait_for_completion=False)
    earlier = type(window)(window.start - timedelta(days=1), window.end - timedelta(days=1))
    second = evaluate(cleared_after=first, **earlier.to_dict())
    assert second.state == "success"
    assert [run["status"] for run in runs_of(emulator, evaluation_task)] == ["CANCELLED", "COMPLETED"]


def test_a_clear_is_a_clear_even_if_retries_were_lowered(
    evaluate: Callable[..., TaskResult], emulator: EmulatorProcess, evaluation_task: str
) -> None:
    """2 retries before, 1 now: ``max_tries`` is 2 both before and after the clear."""
    first = evaluate(retries=2)
    again = evaluate(cleared_after=first, retries=1)
    assert (first.max_tries, again.max_tries) == (2, 2)
    assert again.value["id"] != first.value["id"]
    assert len(runs_of(emulator, evaluation_task)) == 2
