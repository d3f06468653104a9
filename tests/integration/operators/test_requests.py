"""Which requests an ordinary attempt sends: those it needs, and no other."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.operators.runs import (
    ArizeTriggerEvaluationRunOperator,
    ArizeTriggerExperimentRunOperator,
)
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateEvaluationTaskOperator
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import DATASET, EVALUATOR, PROJECT, SPACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.windows.window import Window

GET_SPACES, GET_SPACE = "GET /v2/spaces", "GET /v2/spaces/ID"
GET_TASKS, GET_TASK = "GET /v2/tasks", "GET /v2/tasks/ID"
POST_TRIGGER, GET_RUN, GET_EXPERIMENT = "POST /v2/tasks/ID/trigger", "GET /v2/task-runs/ID", "GET /v2/experiments/ID"
#: Of the trigger while it waits; how many there are depends on how long the run lasts.
LOOKS = ("GET /v2/tasks/ID/runs",)


@pytest.fixture
def connect(emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, hook: ArizeHook) -> Callable[..., None]:
    """Give the connection these extras; ``"id of ..."`` stands for the id."""
    space = hook.list_spaces(name=SPACE).items[0]
    ids = {"id of the space": space.id, "id of the organization": space.organization_id}

    def connect(**extra: str) -> None:
        fields = {"conn_type": "arize", "host": emulator.url, "password": "test-key"}
        extra = {name: ids.get(value) or value for name, value in extra.items()}
        monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps({**fields, "extra": extra}))

    return connect


@pytest.fixture
def sent(emulator: EmulatorProcess) -> Callable[[], list[str]]:
    """The requests since the last call, in order, ids left out."""

    def sent() -> list[str]:
        found = emulator.control.requests()
        emulator.control.forget_requests()
        paths = [re.sub(r"/[A-Za-z0-9+]{12,}(=|%3D)*", "/ID", each["path"].partition("?")[0]) for each in found]
        return [f"{each['method']} {path}" for each, path in zip(found, paths, strict=True)]

    return sent


def start_only(window: Window, task: str, **more: Any) -> TaskResult:
    result = run_task(
        ArizeTriggerEvaluationRunOperator(
            task_id="evaluate", task=task, wait_for_completion=False, **window.to_dict(), **more
        )
    )
    assert result.state == "success"
    return result


@pytest.mark.parametrize(
    ("task", "extra", "requests", "has_page"),
    [
        ("name", {"space": SPACE}, [GET_SPACES, GET_TASKS, POST_TRIGGER], True),
        ("name", {"space": "id of the space", "organization": "o"}, [GET_TASKS, POST_TRIGGER], True),
        ("id", {}, [GET_TASK, POST_TRIGGER], False),
        ("id", {"space": "id of the space", "organization": "id of the organization"}, [GET_TASK, POST_TRIGGER], True),
        # Links are all that these look the space up for: before the trigger, so that nothing delays the wait.
        ("id", {"space": SPACE}, [GET_TASK, GET_SPACES, POST_TRIGGER], True),
        ("id", {"space": "id of the space"}, [GET_TASK, GET_SPACE, POST_TRIGGER], True),
    ],
)
def test_triggering_an_evaluation_run(
    connect: Any,
    sent: Any,
    evaluation_task: str,
    window: Window,
    task: str,
    extra: dict[str, str],
    requests: list[str],
    has_page: bool,
) -> None:
    connect(**extra)
    sent()
    result = start_only(window, "daily" if task == "name" else evaluation_task)
    assert sent() == requests
    assert ("/organizations/" in result.xcoms["arize_run_link"]) is has_page


def test_the_space_of_the_operator_is_looked_up_once_for_its_task_and_its_links(
    connect: Any, sent: Any, evaluation_task: str, window: Window
) -> None:
    connect()
    sent()
    start_only(window, "daily", space=SPACE)
    assert sent() == [GET_SPACES, GET_TASKS, POST_TRIGGER]


def test_a_deferred_attempt_asks_nothing_once_the_trigger_has_seen_its_run_end(
    connect: Any, sent: Any, evaluation_task: str, window: Window
) -> None:
    connect(space=SPACE)
    sent()
    result = run_task(
        ArizeTriggerEvaluationRunOperator(task_id="evaluate", task="daily", poll_interval=0.1, **window.to_dict())
    )
    assert (result.state, len(result.deferrals)) == ("success", 1)
    before, after = _without_looks(sent())
    assert before == [GET_SPACES, GET_TASKS, POST_TRIGGER]
    assert after == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "extra", "before"),
    [("name", {"space": SPACE}, [GET_SPACES, GET_TASKS, POST_TRIGGER]), ("id", {}, [GET_TASK, POST_TRIGGER])],
)
def test_a_run_of_ten_seconds_is_looked_at_once(
    connect: Any,
    sent: Any,
    emulator: EmulatorProcess,
    evaluation_task: str,
    window: Window,
    task: str,
    extra: dict[str, str],
    before: list[str],
) -> None:
    connect(**extra)
    emulator.control.configure(run_seconds=10)
    sent()
    name = "daily" if task == "name" else evaluation_task
    operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=name, **window.to_dict())
    result = run_task(operator, poll_interval=None)
    assert (result.state, len(result.deferrals)) == ("success", 1)
    asked = sent()
    assert asked[: len(before)] == before
    assert [each for each in asked[len(before) :] if each not in (GET_RUN, *LOOKS)] == []
    assert len(asked) == len(before) + 1


@pytest.fixture(params=[False, True], ids=["no lineage", "lineage"])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How an experiment that was made is asked for: for Airflow's OpenLineage provider only, where it is installed."""
    from airflow_provider_arize_tasks.operators import experiment_run

    monkeypatch.setattr(experiment_run, "_has_lineage", lambda: request.param)
    return [GET_EXPERIMENT] if request.param else []


def test_an_experiment_run_knows_the_name_it_asked_for(
    connect: Any, sent: Any, experiment_task: str, made: list[str]
) -> None:
    connect(space=SPACE)
    sent()
    operator = ArizeTriggerExperimentRunOperator(
        task_id="experiment", task="nightly", experiment_name="night", poll_interval=0.1
    )
    assert run_task(operator).state == "success"
    before, after = _without_looks(sent())
    assert before == [GET_SPACES, GET_TASKS, POST_TRIGGER]
    assert after == made


def test_the_space_is_not_looked_up_again_for_links_that_follow_after_the_wait(
    connect: Any, sent: Any, hook: ArizeHook, experiment_task: str, made: list[str]
) -> None:
    connect(space=SPACE)
    seed = hook.trigger_run(task=experiment_task, experiment_name="seed")
    judged = hook.wait_for_run(run_id=seed.id, poll_interval=0.05).experiment_id
    hook.create_evaluation_task(
        name="judge",
        task_type="TEMPLATE_EVALUATION",
        evaluators=[{"evaluator_id": EVALUATOR}],
        dataset=DATASET,
        experiment_ids=[str(judged)],
        space=SPACE,
    )
    sent()
    operator = ArizeTriggerExperimentRunOperator(
        task_id="experiment",
        task="nightly",
        experiment_name="night",
        evaluation_task_ids=["judge"],
        wait_for_evaluations=True,
        poll_interval=0.1,
    )
    result = run_task(operator)
    assert (result.state, "arize_experiment_link" in result.xcoms) == ("success", True)
    before, after = _without_looks(sent())
    assert before == [GET_SPACES, GET_TASKS, GET_TASKS, POST_TRIGGER]
    # The evaluation task goes by its name, which a process of its own has to look up for itself.
    assert [each for each in after if each != GET_RUN] == [GET_SPACES, GET_TASKS, POST_TRIGGER, *made]


def test_a_space_that_could_not_be_looked_up_before_the_wait_is_looked_up_after_it(
    connect: Any, experiment_task: str, emulator: EmulatorProcess
) -> None:
    connect(space="id of the space")
    emulator.control.inject("status", method="GET", path="/v2/spaces/", status=403)
    operator = ArizeTriggerExperimentRunOperator(
        task_id="experiment", task=experiment_task, experiment_name="night", poll_interval=0.1
    )
    result = run_task(operator)
    assert result.state == "success"
    assert emulator.control.counters()["faults"] == {"status": 1}
    assert "/organizations/" in result.xcoms["arize_experiment_link"]


def test_a_list_that_tells_less_of_a_task_is_not_relied_on(
    connect: Any, sent: Any, evaluation_task: str, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_arize_tasks.client.names import Resolver

    whole = Resolver.task_of_name
    monkeypatch.setattr(Resolver, "task_of_name", lambda *names: whole(*names).model_copy(update={"evaluators": ()}))
    connect(space=SPACE)
    sent()
    start_only(window, "daily")
    assert sent() == [GET_SPACES, GET_TASKS, GET_TASK, POST_TRIGGER]


def test_creating_a_task_looks_each_name_up_once(connect: Any, sent: Any) -> None:
    connect(space=SPACE)
    sent()
    arguments: dict[str, Any] = {
        "name": "new",
        "task_type": "TEMPLATE_EVALUATION",
        "evaluators": [{"evaluator_id": EVALUATOR}],
    }
    assert (
        run_task(ArizeCreateEvaluationTaskOperator(task_id="create", project=PROJECT, **arguments)).state == "success"
    )
    found = sent()
    assert len(found) == len(set(found)), found
    assert GET_SPACE not in found


def _without_looks(requests: list[str]) -> tuple[list[str], list[str]]:
    """What was sent before the wait, and after the trigger saw the end."""
    end_of_start = requests.index(POST_TRIGGER) + 1
    rest = [each for each in requests[end_of_start:] if each not in LOOKS]
    while rest[:1] == [GET_RUN]:  # looks at a run that is alone
        rest.pop(0)
    return requests[:end_of_start], rest
