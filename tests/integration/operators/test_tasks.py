"""The operators around tasks against the emulator: create, reuse, update, fail, races, lost answers, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_arize_tasks.client.errors import ArizeServerError
from airflow_provider_arize_tasks.exceptions import ArizePermanentError
from airflow_provider_arize_tasks.operators.tasks import (
    ArizeCreateEvaluationTaskOperator,
    ArizeCreateRunExperimentTaskOperator,
    ArizeDeleteTaskOperator,
    ArizeUpdateTaskOperator,
)
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import CONFIGURATION, DATASET, EVALUATOR, PROJECT, SPACE
from tests.integration.operators.support import NO_TASK, retry_requests_briefly

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

EVALUATION = {
    "name": "daily",
    "task_type": "TEMPLATE_EVALUATION",
    "evaluators": [{"evaluator_id": EVALUATOR}],
    "project": PROJECT,
    "space": SPACE,
}
MODES = ("reuse", "update", "fail")


@pytest.fixture(autouse=True)
def _connected(arize_connection: str) -> None:
    """Every test here talks to the emulator."""


def create(**changes: Any) -> TaskResult:
    arguments = {**EVALUATION, "retries": 2, **changes}
    return run_task(ArizeCreateEvaluationTaskOperator(task_id="create", **arguments))


def experiment_arguments(hook: ArizeHook) -> dict[str, Any]:
    integration = hook.list_ai_integrations(space=SPACE).items[0]
    configuration = {**CONFIGURATION, "ai_integration_id": integration.id}
    return {"name": "nightly", "dataset": DATASET, "space": SPACE, "run_configuration": configuration}


def changing_requests(emulator: EmulatorProcess) -> list[str]:
    return [request["method"] for request in emulator.control.requests() if request["method"] != "GET"]


def test_creates_a_task_and_returns_it_as_json(hook: ArizeHook) -> None:
    result = create(sampling_rate="0.5", query_filter="status_code = 'OK'")
    task = hook.get_task(result.value["id"])
    assert (result.state, result.value) == ("success", task.to_dict())
    assert (task.name, task.type.value, task.sampling_rate) == ("daily", "TEMPLATE_EVALUATION", 0.5)
    assert task.evaluators[0].evaluator_id == hook.resolve_evaluator(EVALUATOR, SPACE)
    assert task.project_id == hook.resolve_project(PROJECT, SPACE)


def test_creates_an_experiment_task(hook: ArizeHook) -> None:
    arguments = experiment_arguments(hook)
    result = run_task(ArizeCreateRunExperimentTaskOperator(task_id="create", **arguments))
    assert (result.value["type"], result.value["dataset_id"]) == (
        "RUN_EXPERIMENT",
        hook.resolve_dataset(DATASET, SPACE),
    )
    again = run_task(ArizeCreateRunExperimentTaskOperator(task_id="create", if_exists="update", **arguments))
    assert again.value == result.value


@pytest.mark.parametrize("if_exists", ["reuse", "update"])
def test_a_second_time_changes_nothing(emulator: EmulatorProcess, if_exists: str) -> None:
    first = create(sampling_rate=0.5)
    emulator.control.forget_requests()
    second = create(sampling_rate=0.5, if_exists=if_exists)
    assert second.value == first.value
    assert changing_requests(emulator) == []


def test_reuse_takes_a_task_that_differs_and_logs_how(
    hook: ArizeHook, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    first = create(sampling_rate=0.5)
    second = create(sampling_rate=0.25)
    assert second.value["id"] == first.value["id"]
    assert hook.get_task(first.value["id"]).sampling_rate == 0.5
    assert "sampling_rate: 0.5 there, 0.25 wanted" in caplog.text + capsys.readouterr().out


def test_update_changes_what_differs_and_only_that(hook: ArizeHook, emulator: EmulatorProcess) -> None:
    first = create(sampling_rate=0.5, query_filter="status_code = 'OK'")
    emulator.control.forget_requests()
    second = create(sampling_rate=0.25, query_filter="status_code = 'OK'", if_exists="{{ 'update' }}")
    assert second.value["id"] == first.value["id"]
    assert hook.get_task(first.value["id"]).sampling_rate == 0.25
    (patch,) = [request for request in emulator.control.requests() if request["method"] == "PATCH"]
    assert patch["body"] == {"sampling_rate": 0.25}


def test_update_keeps_pins_that_the_dag_names_and_removes_others(hook: ArizeHook) -> None:
    evaluator = hook.get_evaluator(EVALUATOR, space=SPACE)
    version = evaluator.version["id"] if evaluator.version else ""
    pinned = [{"evaluator_id": EVALUATOR, "evaluator_version_id": version}]
    first = create(evaluators=pinned)
    assert create(evaluators=pinned, if_exists="update").value == first.value
    assert create(if_exists="update").value["evaluators"][0].get("evaluator_version_id") is None


def test_fail_fails_for_good(hook: ArizeHook) -> None:
    create()
    result = create(if_exists="fail")
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert "daily" in str(result.error)
    assert len(list(hook.iter_tasks(space=SPACE))) == 1


@pytest.mark.parametrize("if_exists", MODES)
def test_fail_is_no_hindrance_where_there_is_none(if_exists: str) -> None:
    assert create(if_exists=if_exists).state == "success"


@pytest.mark.parametrize(
    ("changes", "if_exists", "words"),
    [
        ({"task_type": "CODE_EVALUATION", "evaluators": ["some code"]}, "reuse", "type"),
        ({"task_type": "CODE_EVALUATION", "evaluators": ["some code"]}, "update", "type"),
        ({"project": "other-project"}, "reuse", "project_id"),
        ({"project": "other-project"}, "update", "project_id"),
    ],
)
def test_what_cannot_be_changed_is_an_error_that_says_what_to_do(
    hook: ArizeHook, emulator: EmulatorProcess, changes: dict[str, Any], if_exists: str, words: str
) -> None:
    emulator.control.add("project", "other-project")
    if changes.get("evaluators"):
        names = [each.name for each in hook.list_evaluators(space=SPACE) if each.type == "CODE"]
        changes = {**changes, "evaluators": [{"evaluator_id": names[0]}]}
    created = create()
    result = create(**changes, if_exists=if_exists)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    message = str(result.error)
    assert f"differs in what can't be changed ({words}" in message
    assert "Nothing was changed" in message
    assert "another name" in message
    assert hook.get_task(created.value["id"]).to_dict() == created.value


@pytest.mark.parametrize("if_exists", ["reuse", "update"])
@pytest.mark.parametrize("status", [409, 400, 422])
def test_another_takes_the_name_just_before_the_create(
    hook: ArizeHook, emulator: EmulatorProcess, if_exists: str, status: int
) -> None:
    """What a race leaves is treated like any task that exists: updated if that was asked for."""
    other = create(sampling_rate=0.5)
    # The look before the create finds nothing yet.
    emulator.control.inject("edit", method="GET", path=r"/tasks\?", set={"tasks": []})
    emulator.control.inject(
        "status", method="POST", path="/tasks$", status=status, detail="A task with that name already exists"
    )
    result = create(sampling_rate=0.25, if_exists=if_exists)
    assert result.value["id"] == other.value["id"]
    assert hook.get_task(other.value["id"]).sampling_rate == (0.25 if if_exists == "update" else 0.5)


@pytest.mark.parametrize("if_exists", MODES)
@pytest.mark.parametrize("kind", ["drop_after", "status_after", "html_after"])
def test_a_lost_answer_makes_no_second_task(
    hook: ArizeHook, emulator: EmulatorProcess, if_exists: str, kind: str
) -> None:
    emulator.control.inject(kind, method="POST", path="/tasks$", status=502)
    result = create(if_exists=if_exists)
    assert (result.state, result.value["name"]) == ("success", "daily")
    assert len(list(hook.iter_tasks(space=SPACE))) == 1


def test_a_lost_answer_is_not_taken_for_ours_if_the_task_is_another(emulator: EmulatorProcess) -> None:
    create(sampling_rate=0.5)
    emulator.control.inject("status", method="POST", path="/tasks$", status=504)
    result = create(sampling_rate=0.25, if_exists="fail")
    assert (result.state, type(result.error)) == ("up_for_retry", ArizeServerError)


def test_a_create_that_did_not_arrive_is_left_to_a_retry(
    hook: ArizeHook, emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    retry_requests_briefly(monkeypatch)
    emulator.control.inject("status", method="POST", path="/tasks$", status=503)
    first = create()
    assert first.state == "up_for_retry"
    assert list(hook.iter_tasks(space=SPACE)) == []
    assert create().state == "success"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"evaluators": [{"evaluator_id": "e", "mapping": {}}]}, ["evaluators[0].mapping"]),
        ({"evaluators": [{"evaluator_id": "e", "column_mapping": {}}]}, ["column_mapping", "column_mappings"]),
        ({"evaluators": [{}]}, ["evaluators[0].evaluator_id"]),
        ({"evaluators": []}, ["evaluators"]),
        ({"evaluators": None}, ["evaluators is missing"]),
        ({"dataset": DATASET}, ["project and dataset exclude each other"]),
        ({"project": None}, ["project or dataset must be given"]),
        ({"sampling_rate": 1.5}, ["sampling_rate"]),
        ({"task_type": "EVALUATION"}, ["task_type", "TEMPLATE_EVALUATION"]),
        ({"experiment_ids": ["x"]}, ["experiment_ids"]),
        ({"query_filter": "a = 1", "query_filters": {"filters": [{"id": "A", "filter": "a = 1"}]}}, ["query_filters"]),
        ({"if_exists": "replace"}, ["if_exists", "'reuse', 'update', 'fail'"]),
        ({"sampling_rate": 2, "task_type": "X", "if_exists": "y"}, ["sampling_rate", "task_type", "if_exists"]),
    ],
)
def test_mistakes_are_named_while_the_dag_is_parsed(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:
        ArizeCreateEvaluationTaskOperator(task_id="create_daily", **{**EVALUATION, **changes})
    for word in (*words, "create_daily"):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"temprature": 1}, "temprature"),
        ({"experiment_type": "LLM"}, "experiment_type"),
        ({"messages": [{"role": "USER", "contents": "x"}]}, "contents"),
    ],
)
def test_unknown_keys_of_a_configuration_are_named_while_the_dag_is_parsed(change: dict[str, Any], words: str) -> None:
    configuration = {**CONFIGURATION, "ai_integration_id": "i", **change}
    with pytest.raises(ValueError, match=words):
        ArizeCreateRunExperimentTaskOperator(task_id="create", name="n", dataset="d", run_configuration=configuration)


def test_templates_are_judged_once_they_are_rendered(hook: ArizeHook) -> None:
    good = create(
        name="daily-{{ params.who }}",
        evaluators=[{"evaluator_id": "{{ params.judge }}"}],
        sampling_rate="{{ params.rate }}",
        params={"who": "eu", "judge": EVALUATOR, "rate": 0.5},
    )
    assert (good.value["name"], good.value["sampling_rate"]) == ("daily-eu", 0.5)
    bad = create(name="other", sampling_rate="{{ params.rate }}", params={"rate": 7})
    assert (bad.state, type(bad.error)) == ("failed", ArizePermanentError)
    assert "sampling_rate" in str(bad.error)
    assert [task.name for task in hook.iter_tasks(space=SPACE)] == ["daily-eu"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"project": "demo-projekt"}, ["no project 'demo-projekt'", "demo-project"]),
        ({"evaluators": [{"evaluator_id": "corectness"}]}, ["no evaluator 'corectness'", "correctness"]),
        ({"space": "nowhere"}, ["no space 'nowhere'", SPACE]),
        ({"project": "DEMO-PROJECT"}, ["told apart by case", "demo-project"]),
    ],
)
def test_a_name_that_matches_nothing_creates_nothing(
    hook: ArizeHook, emulator: EmulatorProcess, changes: dict[str, Any], words: list[str]
) -> None:
    result = create(**changes)
    assert (result.state, isinstance(result.error, AirflowFailException)) == ("failed", True)
    for word in words:
        assert word in str(result.error)
    assert list(hook.iter_tasks(space=SPACE)) == []


def test_a_name_that_several_bear_creates_nothing(hook: ArizeHook, emulator: EmulatorProcess) -> None:
    emulator.control.add("space", "demo-spaces")
    ids = {emulator.control.add("space", "twin") for _ in range(2)}
    result = create(space="twin")
    assert result.state == "failed"
    assert "ambiguous" in str(result.error)
    assert all(each in str(result.error) for each in ids)
    assert changing_requests(emulator) == []


# -- update -----------------------------------------------------------------------------------------------------------


def update(task: Any, **changes: Any) -> TaskResult:
    arguments = {"space": SPACE, "retries": 2, **changes}
    return run_task(ArizeUpdateTaskOperator(task_id="update", task=task, **arguments))


def test_update_sends_what_is_given_and_nothing_else(hook: ArizeHook, emulator: EmulatorProcess) -> None:
    created = create(query_filter="status_code = 'OK'").value
    result = update("daily", sampling_rate="{{ 0.25 }}", name="renamed")
    assert (result.value["name"], result.value["sampling_rate"]) == ("renamed", 0.25)
    assert result.value["query_filter"] == "status_code = 'OK'"
    (patch,) = [request for request in emulator.control.requests() if request["method"] == "PATCH"]
    assert patch["body"] == {"name": "renamed", "sampling_rate": 0.25}
    assert hook.get_task(created["id"]).name == "renamed"


def test_none_clears_a_filter_and_left_out_leaves_it_alone(hook: ArizeHook) -> None:
    created = create(query_filter="status_code = 'OK'").value
    assert update(created, sampling_rate=0.5).value["query_filter"] == "status_code = 'OK'"
    assert update(created, query_filter=None).value.get("query_filter") is None
    assert hook.get_task(created["id"]).query_filter is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "give at least one of name"),
        ({"sampling_rate": None}, "sampling_rate can't be cleared"),
        ({"sampling_rate": 2}, "sampling_rate"),
        ({"evaluators": [{"evaluator_id": "e", "x": 1}]}, "x"),
        ({"run_configuration": {}, "sampling_rate": 1}, "run_configuration"),
    ],
)
def test_bad_updates_are_named_while_the_dag_is_parsed(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ArizeUpdateTaskOperator(task_id="update", task="daily", **changes)


def test_a_field_of_the_other_type_is_refused_before_anything_is_sent(
    hook: ArizeHook, experiment_task: str, emulator: EmulatorProcess
) -> None:
    emulator.control.forget_requests()
    result = update(experiment_task, sampling_rate=0.5)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert "belongs to evaluation tasks" in str(result.error)
    assert changing_requests(emulator) == []


@pytest.mark.parametrize("task", ["nobody", NO_TASK])
def test_updating_what_is_not_there_fails_for_good(task: str) -> None:
    result = update(task, sampling_rate=0.5)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert task in str(result.error)


def test_an_update_survives_a_lost_answer(emulator: EmulatorProcess) -> None:
    created = create().value
    emulator.control.inject("drop_after", method="PATCH")
    assert update(created["id"], sampling_rate=0.5).value["sampling_rate"] == 0.5


# -- delete -----------------------------------------------------------------------------------------------------------


def delete(task: Any, **changes: Any) -> TaskResult:
    arguments = {"space": SPACE, "retries": 2, **changes}
    return run_task(ArizeDeleteTaskOperator(task_id="delete", task=task, **arguments))


@pytest.mark.parametrize("by", ["name", "id", "json"])
def test_deletes_a_task(hook: ArizeHook, by: str) -> None:
    created = create().value
    result = delete({"name": created["name"], "id": created["id"], "json": created}[by])
    assert (result.state, result.value) == ("success", None)
    assert list(hook.iter_tasks(space=SPACE)) == []


@pytest.mark.parametrize("task", ["nobody", NO_TASK])
@pytest.mark.parametrize(("if_missing", "state"), [("ignore", "success"), ("fail", "failed")])
def test_deleting_what_is_not_there(task: str, if_missing: str, state: str) -> None:
    result = delete(task, if_missing=if_missing)
    assert result.state == state
    assert (state == "success") or task in str(result.error)


def test_a_delete_survives_a_lost_answer(hook: ArizeHook, emulator: EmulatorProcess) -> None:
    create()
    emulator.control.inject("drop_after", method="DELETE")
    assert delete("daily", if_missing="fail").state == "success"
    assert list(hook.iter_tasks(space=SPACE)) == []


def test_a_misspelt_space_is_not_taken_for_a_task_that_is_gone() -> None:
    result = delete("daily", space="nowhere")
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert "no space 'nowhere'" in str(result.error)
