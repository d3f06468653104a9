"""ArizeHook against the emulator, over HTTP."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_arize_tasks.client.errors import (
    ArizeAuthenticationError,
    ArizeConfigError,
    ArizeConflictError,
    ArizeError,
    ArizeInvalidRequestError,
    ArizeNameError,
    ArizeNotFoundError,
    ArizeReplyError,
    ArizeServerError,
    ArizeTransportError,
    ArizeValidationError,
)
from airflow_provider_arize_tasks.client.models import RunStatus, TaskType
from airflow_provider_arize_tasks.client.sync import ArizeClient
from airflow_provider_arize_tasks.client.transport import RetryPolicy
from airflow_provider_arize_tasks.emulator.process import running_emulator
from airflow_provider_arize_tasks.hooks.arize import ArizeHook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess

SPACE = "demo-space"
EVALUATOR = {"evaluator_id": "hallucination", "column_mappings": {"input": "attributes.input.value"}}
LLM = {
    "experiment_type": "LLM_GENERATION",
    "messages": [{"role": "USER", "content": "{{question}}"}],
    "input_variable_format": "MUSTACHE",
}


@pytest.fixture
def hook(arize_connection: str) -> Iterator[ArizeHook]:
    with ArizeHook(arize_connection) as hook:
        # Pauses of retries take no time here; what they would be is tested with the client.
        policy = RetryPolicy(total_seconds=30, sleep=lambda seconds: None, clock=lambda: 0.0)
        hook.client = ArizeClient(hook.config, retry=policy)
        yield hook


@pytest.fixture
def hook_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """What the hook logs too: Airflow's own logger keeps away from pytest."""
    monkeypatch.setattr(ArizeHook, "log", logging.getLogger("arize_hook_in_tests"))
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.fixture
def window() -> dict[str, datetime]:
    now = datetime.now(timezone.utc)
    return {"data_start_time": now - timedelta(days=1), "data_end_time": now}


def evaluation_task(hook: ArizeHook, name: str = "nightly", **changes):
    arguments = {"task_type": "TEMPLATE_EVALUATION", "evaluators": [EVALUATOR], "project": "demo-project"}
    return hook.create_evaluation_task(name=name, space=SPACE, **{**arguments, **changes})


def experiment_task(hook: ArizeHook, name: str = "experiments"):
    integration = hook.list_ai_integrations(space=SPACE).items[0].id
    configuration = {**LLM, "ai_integration_id": integration}
    return hook.create_run_experiment_task(
        name=name, dataset="demo-dataset", space=SPACE, run_configuration=configuration
    )


def sent(emulator: EmulatorProcess, method: str, part: str) -> list[dict]:
    return [
        request for request in emulator.control.requests() if request["method"] == method and part in request["path"]
    ]


# ------------------------------------------------------------ connection


def test_test_connection(hook):
    assert hook.test_connection() == (True, f"Connected to {hook.config.base_url}")


def test_a_field_of_ours_beside_extra_is_explained(hook, monkeypatch, emulator):
    fields = {"conn_type": "arize", "password": "k" * 8, "host": emulator.url, "space": SPACE}
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(fields))
    ok, message = ArizeHook().test_connection()
    assert not ok
    assert '"extra": {"space": "..."}' in message
    with pytest.raises(ArizeConfigError, match="'space' must stand in"):
        _ = ArizeHook().config


@pytest.mark.parametrize(("key", "warned"), [("abcd", True), ("abcde", False)])
def test_a_key_too_short_to_be_masked_is_warned_of(monkeypatch, emulator, key, warned):
    fields = {"conn_type": "arize", "password": key, "host": emulator.url}
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(fields))
    told = []
    monkeypatch.setattr(ArizeHook, "log", SimpleNamespace(warning=lambda text, *given: told.append(text % given)))
    _ = ArizeHook().config
    assert any("fewer than 5 characters" in line for line in told) is warned
    assert key not in " ".join(told)


def test_test_connection_looks_the_default_space_up(hook, monkeypatch, emulator):
    extra = json.dumps({"space": SPACE})
    uri = {"conn_type": "arize", "password": "k" * 8, "host": emulator.url, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(uri))
    ok, message = ArizeHook().test_connection()
    assert ok
    assert f"space 'demo-space' is {hook.resolve_space(SPACE)}" in message
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps({**uri, "extra": '{"space": "demo-spce"}'}))
    ok, message = ArizeHook().test_connection()
    assert not ok
    assert "near: 'demo-space'" in message


@pytest.mark.parametrize(
    ("connection", "says"),
    [
        ({"host": "http://127.0.0.1:1", "password": "k" * 8}, "nothing accepts connections"),
        ({"host": "http://127.0.0.1:1"}, "password is empty"),
    ],
)
def test_test_connection_tells_what_is_wrong(monkeypatch, connection, says):
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps({"conn_type": "arize", **connection}))
    ok, message = ArizeHook().test_connection()
    assert not ok
    assert says in message
    assert "'arize_default'" in message


def test_test_connection_of_a_missing_connection():
    ok, message = ArizeHook("no_such_connection").test_connection()
    assert not ok
    assert "no_such_connection" in message


def test_a_wrong_key(monkeypatch):
    with running_emulator(api_key="right-key-123", seed_spans=1) as emulator:
        connection = {"conn_type": "arize", "host": emulator.url, "password": "wrong-key-456"}
        monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(connection))
        with pytest.raises(ArizeAuthenticationError, match=r"'arize_default'.*password.*wrong") as caught:
            ArizeHook().list_tasks()
        assert "wrong-key-456" not in str(caught.value)


def test_secrets_are_masked(monkeypatch):
    masked: list[str] = []
    monkeypatch.setattr("airflow_provider_arize_tasks.hooks.arize.mask_secret", masked.append)
    extra = {"proxies": {"https": "http://me:hidden-pw@proxy:1"}, "headers": {"X-Token": "to-ken-1"}}
    connection = {"conn_type": "arize", "password": "the-key-1", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(connection))
    assert ArizeHook().config.headers == {"X-Token": "to-ken-1"}
    assert set(masked) == {"the-key-1", "hidden-pw", "bWU6aGlkZGVuLXB3", "to-ken-1"}


def test_the_key_is_neither_logged_nor_shown(hook, hook_log, window):
    task = evaluation_task(hook)
    hook.trigger_run(task.id, **window)
    assert "test-key" not in hook_log.text
    assert "test-key" not in f"{hook!r} {hook.client!r} {hook.config!r} {vars(hook)}"
    assert "-> 201, request id" in hook_log.text


def test_risky_connections_are_told(monkeypatch, hook_log):
    connection = {"conn_type": "arize", "host": "http://arize.example.com", "password": "k" * 8}
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(connection))
    assert ArizeHook().config.base_url == "http://arize.example.com"
    assert "is not encrypted" in hook_log.text


# ------------------------------------------------------------ tasks


def test_evaluation_tasks_from_creation_to_deletion(hook, emulator):
    task = evaluation_task(hook, sampling_rate="0.5", is_continuous=False, query_filter="status_code = 'OK'")
    assert task.type is TaskType.TEMPLATE_EVALUATION
    assert task.project_id == hook.resolve_project("demo-project", SPACE)
    assert task.sampling_rate == 0.5
    assert task.evaluators[0].evaluator_name == "hallucination"
    assert hook.get_task("nightly", SPACE) == hook.get_task(task.id) == task
    assert hook.find_task("nightly", SPACE) == task
    assert hook.find_task("Nightly", SPACE) is None
    (request,) = sent(emulator, "POST", "/v2/tasks")
    assert request["body"] == {
        "name": "nightly",
        "type": "TEMPLATE_EVALUATION",
        "project_id": task.project_id,
        "evaluators": [{**EVALUATOR, "evaluator_id": hook.resolve_evaluator("hallucination", SPACE)}],
        "sampling_rate": 0.5,
        "is_continuous": False,
        "query_filter": "status_code = 'OK'",
    }
    hook.delete_task("nightly", SPACE)
    with pytest.raises(ArizeNotFoundError):
        hook.get_task(task.id)
    with pytest.raises(ArizeNameError, match="no task 'nightly' in space 'demo-space'"):
        hook.delete_task("nightly", SPACE)


def test_updates_send_what_was_given_and_nothing_else(hook, emulator):
    task = evaluation_task(hook, query_filter="status_code = 'OK'")
    hook.update_task("nightly", space=SPACE, sampling_rate=0.25)
    hook.update_task(task.id, query_filter=None)
    hook.update_task(task.id, name="renamed", is_continuous=True, known_task=task)
    bodies = [request["body"] for request in sent(emulator, "PATCH", "/v2/tasks/")]
    assert bodies == [{"sampling_rate": 0.25}, {"query_filter": None}, {"name": "renamed", "is_continuous": True}]
    changed = hook.get_task("renamed", SPACE)
    assert (changed.query_filter, changed.sampling_rate, changed.is_continuous) == (None, 0.25, True)
    with pytest.raises(ArizeNameError):
        hook.get_task("nightly", SPACE)


def test_evaluators_that_were_read_can_be_sent_back(hook):
    task = evaluation_task(hook)
    changed = hook.update_task(task.id, evaluators=task.to_dict()["evaluators"])
    assert changed.evaluators == task.evaluators


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "update changes nothing"),
        ({"name": ""}, "name must not be empty"),
        ({"evaluators": [{"evaluator": "x"}]}, "did you mean 'evaluator_id'"),
    ],
)
def test_bad_updates_cost_no_request(hook, emulator, changes, says):
    with pytest.raises(ArizeValidationError, match=says):
        hook.update_task("nightly", space=SPACE, **changes)
    assert emulator.control.requests() == []


def test_updates_of_the_wrong_kind(hook, emulator):
    task = experiment_task(hook)
    with pytest.raises(ArizeValidationError, match="sampling_rate belongs to evaluation tasks"):
        hook.update_task(task.id, sampling_rate=0.5)
    assert sent(emulator, "PATCH", "/v2/tasks/") == []


def test_nothing_is_created_by_halves(hook, emulator):
    with pytest.raises(ArizeValidationError) as caught:
        hook.create_evaluation_task(name="", task_type="EVAL", evaluators=[{"id": "x"}], sampling_rate=7)
    assert len(caught.value.problems) == 6
    with pytest.raises(ArizeNameError, match=r"no evaluator 'halucination'.*near: 'hallucination'"):
        evaluation_task(hook, evaluators=[{"evaluator_id": "halucination"}])
    assert sent(emulator, "POST", "/v2/tasks") == []


def test_a_taken_name(hook):
    evaluation_task(hook)
    with pytest.raises(ArizeError, match="nightly") as caught:
        evaluation_task(hook)
    assert isinstance(caught.value, (ArizeConflictError, ArizeInvalidRequestError))


def test_traces_and_datasets(hook):
    traces = evaluation_task(
        hook,
        "traces",
        evaluators=[
            {
                "evaluator_id": "trace-relevance",
                "query_mappings": [{"variable_name": "input", "query_ids": ["A"], "attribute_path": "input.value"}],
            }
        ],
        query_filters={"filters": [{"id": "a", "filter": "status_code = 'OK'"}]},
    )
    assert traces.query_filters["filters"] == [{"id": "A", "filter": "status_code = 'OK'"}]
    run = hook.wait_for_run(
        hook.trigger_run(experiment_task(hook).id, experiment_name="first", max_examples=2).id, poll_interval=0.05
    )
    scored = evaluation_task(hook, "scored", project=None, dataset="demo-dataset", experiment_ids=["first"])
    assert scored.experiment_ids == (run.experiment_id,)


def test_lists(hook, emulator):
    for number in range(5):
        evaluation_task(hook, f"task-{number}")
    experiment_task(hook, "other")
    page = hook.list_tasks(space=SPACE, limit=2)
    assert len(page) == 2
    assert page.next_cursor
    assert len(hook.list_tasks(space=SPACE, limit=100, cursor=page.next_cursor)) == 4
    assert {task.name for task in hook.iter_tasks(name="TASK-")} == {f"task-{number}" for number in range(5)}
    assert [task.name for task in hook.iter_tasks(task_type="run_experiment")] == ["other"]
    assert len(list(hook.iter_tasks(project="demo-project", space=SPACE))) == 5
    assert [task.name for task in hook.list_tasks(dataset="demo-dataset", space=SPACE)] == ["other"]
    assert page.to_dict()["pagination"]["has_more"] is True
    with pytest.raises(ArizeValidationError, match="limit must be 100 or less"):
        hook.list_tasks(limit=101)


def test_a_space_given_by_name_is_that_space_only(hook, emulator):
    emulator.control.add("space", "demo-space-2")
    evaluation_task(hook)
    hook.list_tasks(space=SPACE)
    query = dict(sent(emulator, "GET", "/v2/tasks")[-1]["query"])
    assert query["space_id"] == hook.resolve_space(SPACE)
    assert "space_name" not in query


def test_names_are_looked_up_once_per_hook(hook, emulator):
    evaluation_task(hook)
    before = len(sent(emulator, "GET", "/v2/spaces"))
    for _ in range(3):
        hook.get_task("nightly", SPACE)
        hook.resolve_project("demo-project", SPACE)
    assert len(sent(emulator, "GET", "/v2/spaces")) == before
    assert len(sent(emulator, "GET", "/v2/projects")) == 1


def test_an_ambiguous_space(hook, emulator):
    emulator.control.add("space", SPACE)
    with pytest.raises(ArizeNameError, match=r"space 'demo-space' is ambiguous, 2 bear the name; give one id of: "):
        hook.resolve_space(SPACE)


# ------------------------------------------------------------ runs


def test_an_evaluation_run(hook, emulator, window):
    task = evaluation_task(hook)
    run = hook.trigger_run("nightly", space=SPACE, max_spans="20", override_evaluations="false", **window)
    assert run.status is RunStatus.PENDING
    done = hook.wait_for_run(run.id, poll_interval=0.05)
    assert done.status is RunStatus.COMPLETED
    assert done.num_successes == 20
    assert done == hook.get_run(run.id)
    assert [item.id for item in hook.list_runs(task.id)] == [run.id]
    assert [item.id for item in hook.list_runs(task.id, status="completed")] == [run.id]
    assert hook.list_runs("nightly", space=SPACE, status=RunStatus.FAILED).items == ()
    (request,) = sent(emulator, "POST", "/trigger")
    assert request["body"] == {
        "data_start_time": window["data_start_time"].isoformat(),
        "data_end_time": window["data_end_time"].isoformat(),
        "max_spans": 20,
        "override_evaluations": False,
    }


def test_naive_times_are_sent_with_an_offset_and_logged(hook, emulator, hook_log):
    task = evaluation_task(hook)
    start = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(days=2)
    hook.trigger_run(task.id, data_start_time=start, data_end_time=(start + timedelta(days=1)).isoformat())
    body = sent(emulator, "POST", "/trigger")[0]["body"]
    assert body["data_start_time"] == start.isoformat() + "+00:00"
    assert body["data_end_time"].endswith("+00:00")
    assert hook_log.text.count("has no offset; it is sent as UTC") == 2


def test_a_known_task_saves_the_request(hook, emulator, window):
    task = evaluation_task(hook)
    emulator.control.forget_requests()
    hook.trigger_run(task.id, known_task=task, **window)
    assert [request["method"] for request in emulator.control.requests()] == ["POST"]


def test_an_experiment_run(hook, emulator):
    task = experiment_task(hook)
    first = hook.wait_for_run(hook.trigger_run(task.id, experiment_name="first").id, poll_interval=0.05)
    dataset = {"project": None, "dataset": "demo-dataset", "experiment_ids": [first.experiment_id]}
    chained = evaluation_task(hook, "chained", **dataset)
    run = hook.trigger_run(
        "experiments",
        space=SPACE,
        experiment_name="2026-11-23",
        max_examples=3,
        query_filter="input IS NOT NULL",
        tracing_metadata={"team": "llm"},
        evaluation_task_ids=["chained"],
    )
    done = hook.wait_for_run(run.id, poll_interval=0.05)
    assert done.status is RunStatus.COMPLETED
    request = sent(emulator, "POST", "/trigger")[-1]
    assert request["body"] == {
        "experiment_name": "2026-11-23",
        "max_examples": 3,
        "query_filter": "input IS NOT NULL",
        "tracing_metadata": {"team": "llm"},
        "evaluation_task_ids": [chained.id],
    }
    assert hook.get_experiment("2026-11-23", "demo-dataset", SPACE).id == done.experiment_id
    assert hook.find_experiment("2026-11-23", "demo-dataset", SPACE).id == done.experiment_id
    assert hook.find_experiment("2026", "demo-dataset", SPACE) is None
    assert [item.name for item in hook.iter_experiments("demo-dataset", SPACE, name="2026")] == ["2026-11-23"]
    rows = list(hook.iter_experiment_runs("2026-11-23", "demo-dataset", SPACE))
    examples = {example.id for example in hook.iter_examples("demo-dataset", SPACE)}
    assert len(rows) == 3
    assert {row.example_id for row in rows} <= examples
    with pytest.raises(ArizeConflictError, match="2026-11-23"):
        hook.trigger_run(task.id, experiment_name="2026-11-23")


def test_arguments_of_the_other_kind_start_nothing(hook, emulator, window):
    evaluating, running = evaluation_task(hook), experiment_task(hook)
    with pytest.raises(ArizeValidationError, match="experiment_name belongs to tasks that run experiments"):
        hook.trigger_run(evaluating.id, experiment_name="x", **window)
    with pytest.raises(
        ArizeValidationError, match=r"data_start_time belongs to evaluation.*experiment_name is missing"
    ):
        hook.trigger_run(running.id, **window)
    with pytest.raises(ArizeValidationError, match="example_ids and max_examples exclude each other"):
        hook.trigger_run(running.id, experiment_name="x", max_examples=1, example_ids=["a"])
    assert sent(emulator, "POST", "/trigger") == []


def test_no_data_in_the_window(hook):
    task = evaluation_task(hook)
    with pytest.raises(ArizeInvalidRequestError, match="No data found") as caught:
        hook.trigger_run(task.id, data_start_time="2020-01-01T00:00:00Z", data_end_time="2020-01-02T00:00:00Z")
    assert caught.value.detail
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "status_after"])
def test_a_trigger_of_open_fate_is_sent_once(hook, emulator, window, kind):
    task = evaluation_task(hook)
    emulator.control.inject(kind, path="/trigger")
    with pytest.raises((ArizeTransportError, ArizeServerError)) as caught:
        hook.trigger_run(task.id, **window)
    assert caught.value.outcome_unknown
    assert len(sent(emulator, "POST", "/trigger")) == 1
    assert len(list(hook.list_all_runs(task.id))) == (0 if kind == "drop_before" else 1)


def test_html_in_place_of_the_new_run(hook, emulator, window):
    task = evaluation_task(hook)
    emulator.control.inject("html_after", path="/trigger", status=200)
    with pytest.raises(ArizeReplyError, match="a web page") as caught:
        hook.trigger_run(task.id, **window)
    assert caught.value.outcome_unknown


def test_reading_survives_trouble(hook, emulator, window):
    task = evaluation_task(hook)
    run = hook.trigger_run(task.id, **window)
    emulator.control.inject("drop_before", path="/task-runs/", times=2)
    emulator.control.inject("status", status=503, path="/task-runs/", times=1)
    emulator.control.inject("status", status=429, headers={"Retry-After": "1"}, path="/task-runs/", times=1)
    assert hook.wait_for_run(run.id, poll_interval=0.05).status is RunStatus.COMPLETED


def test_cancelling(hook, emulator, window):
    emulator.control.configure(run_seconds=60)
    task = evaluation_task(hook)
    run = hook.trigger_run(task.id, **window)
    assert hook.cancel_run(run.id).status is RunStatus.CANCELLED
    assert hook.cancel_run(run.id).status is RunStatus.CANCELLED  # refused by the server, but it is what was wanted
    with pytest.raises(ArizeNotFoundError):
        hook.cancel_run("VGFza1J1bjo5OTk5OTpa")


def test_a_cancel_whose_answer_was_lost(hook, emulator, window):
    emulator.control.configure(run_seconds=60)
    run = hook.trigger_run(evaluation_task(hook).id, **window)
    emulator.control.inject("drop_after", path="/cancel")
    assert hook.cancel_run(run.id).status is RunStatus.CANCELLED


def test_a_refused_cancel_of_a_run_that_goes_on_is_an_error(hook, emulator, window):
    emulator.control.configure(run_seconds=60)
    run = hook.trigger_run(evaluation_task(hook).id, **window)
    emulator.control.inject("status", status=409, detail="busy", path="/cancel")
    with pytest.raises(ArizeConflictError, match="busy"):
        hook.cancel_run(run.id)


def test_waiting_ends_at_the_limit(hook, emulator, window):
    emulator.control.configure(run_seconds=60)
    run = hook.trigger_run(evaluation_task(hook).id, **window)
    with pytest.raises(TimeoutError, match=r"is still (PENDING|RUNNING) after 0\.2 s; it goes on"):
        hook.wait_for_run(run.id, poll_interval=0.05, timeout=0.2)


@pytest.mark.parametrize("arguments", [{"poll_interval": 0}, {"timeout": -1}, {"timeout": float("nan")}])
def test_waiting_needs_positive_numbers(hook, arguments):
    with pytest.raises(ArizeValidationError, match="must be greater than zero"):
        hook.wait_for_run("r", **arguments)


def test_an_unknown_status_is_waited_on(hook, emulator, window, hook_log):
    emulator.control.configure(run_seconds=60)
    run = hook.trigger_run(evaluation_task(hook).id, **window)
    emulator.control.inject("edit", path="/task-runs/", set={"status": "PAUSED"}, times=3)
    emulator.control.inject("edit", path="/task-runs/", set={"status": "FAILED", "failure_reason": "why"}, times=1)
    done = hook.wait_for_run(run.id, poll_interval=0.01)
    assert (done.status, done.failure_reason) == (RunStatus.FAILED, "why")
    assert hook_log.text.count("is PAUSED (not known to this release, waiting on)") == 1


def test_the_servers_clock(hook):
    task = evaluation_task(hook)
    reply = hook.get_task_with_server_time(task.id)
    assert reply.value == task
    assert reply.server_time is not None
    assert reply.server_time.utcoffset() == timedelta(0)


def test_what_surrounds_tasks(hook):
    assert hook.get_space(SPACE).name == SPACE
    assert hook.get_space(SPACE).organization_id
    assert [space.name for space in hook.list_spaces(name="DEMO")] == [SPACE]
    assert [project.name for project in hook.list_projects(space=SPACE)] == ["demo-project"]
    assert [dataset.name for dataset in hook.list_datasets(space=SPACE)] == ["demo-dataset"]
    assert hook.get_dataset("demo-dataset", SPACE).versions
    assert hook.get_evaluator("hallucination", SPACE).version
    assert "hallucination" in [evaluator.name for evaluator in hook.list_evaluators(space=SPACE)]


# ------------------------------------------------------------ dialects


@pytest.fixture(scope="module", params=["8.28", "8.36", "8.45", "8.61"])
def aged(request: pytest.FixtureRequest) -> Iterator[EmulatorProcess]:
    with running_emulator(api_level=request.param, run_seconds=0.1, seed_spans=200) as emulator:
        yield emulator


@pytest.mark.parametrize("enum_case", [None, "upper", "lower"])
def test_servers_of_every_age(aged, monkeypatch, enum_case):
    aged.control.reset()
    connection = {"conn_type": "arize", "host": aged.url, "password": "k" * 8}
    connection["extra"] = json.dumps({"space": SPACE, "enum_case": enum_case})
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(connection))
    now = datetime.now(timezone.utc)
    with ArizeHook() as hook:
        task = evaluation_task(hook)
        run = hook.trigger_run(task.id, data_start_time=now - timedelta(days=29), data_end_time=now)
        assert hook.wait_for_run(run.id, poll_interval=0.05).status is RunStatus.COMPLETED
        assert [item.id for item in hook.list_runs(task.id, status="COMPLETED")] == [run.id]
        assert [item.name for item in hook.list_tasks(task_type="TEMPLATE_EVALUATION")] == ["nightly"]
        experiments = experiment_task(hook)
        assert experiments.type is TaskType.RUN_EXPERIMENT
        configuration = experiments.to_dict()["run_configuration"]
        hook.update_task(experiments.id, run_configuration={**configuration, "model_name": "other"})
        assert hook.get_task(experiments.id).run_configuration["model_name"] == "other"
        run = hook.trigger_run(experiments.id, experiment_name="one", max_examples=2)
        assert hook.wait_for_run(run.id, poll_interval=0.05).num_successes == 2
    refused = [request for request in aged.control.requests() if request["status"] == 400]
    assert len(refused) <= 1  # the spelling is learned from the first refusal
    assert len(sent(aged, "POST", "/v2/tasks")) <= 2 + 2 + len(refused)
