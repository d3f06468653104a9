"""The experiment operator against the emulator: both ways of waiting, all arguments, chained evaluations, gates."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from airflow_provider_arize_tasks.client.errors import ArizeValidationError
from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator
from airflow_provider_arize_tasks.exceptions import (
    ArizeGateError,
    ArizePermanentError,
    ArizeRunCancelledError,
    ArizeRunFailedError,
    ArizeRunTimeoutError,
)
from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerExperimentRunOperator
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import CONFIGURATION, DATASET, SPACE, runs_of
from tests.integration.operators.support import NO_TASK, be_impatient

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.windows.window import Window

WAYS = pytest.mark.parametrize("deferrable", [True, False], ids=["deferred", "in the worker"])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)


@pytest.fixture
def experiment(experiment_task: str) -> Any:
    """One attempt; deferred unless told otherwise."""

    def experiment(
        retry_of: TaskResult | None = None,
        cleared_after: TaskResult | None = None,
        has_state_store: bool = True,
        **arguments: Any,
    ) -> TaskResult:
        arguments = {
            "task": experiment_task,
            "experiment_name": "night",
            "retries": 2,
            "poll_interval": 0.05,
            **arguments,
        }
        operator = ArizeTriggerExperimentRunOperator(task_id="experiment", **arguments)
        return run_task(
            operator,
            retry_of=retry_of,
            cleared_after=cleared_after,
            has_state_store=has_state_store,
            run_after=datetime.now(timezone.utc) - timedelta(hours=1),
        )

    return experiment


@pytest.fixture
def judges(hook: ArizeHook, experiment_task: str) -> list[str]:
    """Ids of two evaluation tasks of the dataset, called judge-0 and judge-1."""
    seed = hook.trigger_run(task=experiment_task, experiment_name="seed")
    made = hook.wait_for_run(run_id=seed.id, poll_interval=0.05).experiment_id
    return [
        hook.create_evaluation_task(
            name=f"judge-{number}",
            task_type="TEMPLATE_EVALUATION",
            evaluators=[{"evaluator_id": evaluator}],
            dataset=DATASET,
            experiment_ids=[str(made)],
            space=SPACE,
        ).id
        for number, evaluator in enumerate(["correctness", "hallucination"])
    ]


def experiment_called(name: str, emulator: EmulatorProcess) -> dict[str, Any]:
    (made,) = [each for each in emulator.control.experiments() if each["name"] == name]
    return made


def body_of_trigger(emulator: EmulatorProcess, task: str) -> dict[str, Any]:
    posts = [
        each for each in emulator.control.requests() if each["method"] == "POST" and each["path"].endswith("trigger")
    ]
    return next(each["body"] for each in reversed(posts) if task.rstrip("=") in each["path"])


@WAYS
def test_makes_an_experiment_and_returns_its_run(
    experiment: Any, emulator: EmulatorProcess, experiment_task: str, deferrable: bool
) -> None:
    result = experiment(deferrable=deferrable)
    assert (result.state, bool(result.deferrals)) == ("success", deferrable)
    (run,) = runs_of(emulator, experiment_task)
    assert (result.value["id"], result.value["status"]) == (run["id"], "COMPLETED")
    assert result.value["experiment_name"] == "night"
    made = experiment_called("night", emulator)
    assert (made["name"], made["id"]) == ("night", result.value["experiment_id"])
    assert result.value["num_successes"] == len(made["rows"])
    assert result.xcoms["arize_run_id"] == run["id"]
    assert body_of_trigger(emulator, experiment_task) == {"experiment_name": "night"}


@WAYS
@pytest.mark.parametrize(("status", "error"), [("FAILED", ArizeRunFailedError), ("CANCELLED", ArizeRunCancelledError)])
def test_a_bad_end_is_told_with_counts_and_reason(
    experiment: Any, emulator: EmulatorProcess, deferrable: bool, status: str, error: type[Exception]
) -> None:
    emulator.control.set_outcome(status, reason="model gone", successes=3, errors=1, skipped=0)
    result = experiment(deferrable=deferrable)
    assert (result.state, type(result.error)) == ("up_for_retry", error)
    for words in ("model gone", "3 succeeded", "'night'"):
        assert words in str(result.error)


@WAYS
@pytest.mark.parametrize(
    ("gate", "words"), [({"max_error_rate": "0.1"}, "30.0%"), ({"min_successes": 71}, "min_successes asks for 71")]
)
def test_a_gate_fails_for_good(
    experiment: Any, emulator: EmulatorProcess, deferrable: bool, gate: dict[str, Any], words: str
) -> None:
    emulator.control.set_outcome("COMPLETED", successes=70, errors=30, skipped=0)
    result = experiment(deferrable=deferrable, **gate)
    assert (result.state, type(result.error)) == ("failed", ArizeGateError)
    assert words in str(result.error)


@WAYS
def test_the_deadline_cancels_the_run(
    experiment: Any, emulator: EmulatorProcess, experiment_task: str, deferrable: bool
) -> None:
    emulator.control.configure(run_seconds=60)
    result = experiment(deferrable=deferrable, timeout=0.4)
    assert type(result.error) is ArizeRunTimeoutError
    assert [run["status"] for run in runs_of(emulator, experiment_task)] == ["CANCELLED"]


def test_all_arguments_reach_the_server_rendered(
    experiment: Any, emulator: EmulatorProcess, hook: ArizeHook, experiment_task: str
) -> None:
    dataset = hook.resolve_dataset(DATASET, SPACE)
    version = hook.get_dataset(dataset).versions[0]["id"]
    result = experiment(
        task="{{ params.task }}",
        space="{{ params.space }}",
        experiment_name="night {{ run_id }}",
        dataset_version_id="{{ params.version }}",
        max_examples="{{ 3 }}",
        query_filter="{{ params.filter }}",
        tracing_metadata={"dag_run": "{{ run_id }}"},
        params={"task": "nightly", "space": SPACE, "version": version, "filter": "input != 'nothing'"},
    )
    assert result.state == "success"
    assert body_of_trigger(emulator, experiment_task) == {
        "experiment_name": "night manual__test",
        "dataset_version_id": version,
        "max_examples": 3,
        "query_filter": "input != 'nothing'",
        "tracing_metadata": {"dag_run": "manual__test"},
    }
    assert result.value["num_successes"] + result.value["num_errors"] == 3


def test_chosen_examples_are_run_and_no_others(experiment: Any, emulator: EmulatorProcess, hook: ArizeHook) -> None:
    examples = list(hook.iter_examples(DATASET, space=SPACE))
    chosen = [str(examples[0].id), str(examples[2].id)]
    assert experiment(example_ids=chosen).state == "success"
    made = experiment_called("night", emulator)
    assert sorted(row["example_id"] for row in made["rows"]) == sorted(chosen)


def test_max_examples_and_example_ids_exclude_each_other(arize_connection: str) -> None:
    with pytest.raises(ValueError, match="example_ids and max_examples exclude each other"):
        ArizeTriggerExperimentRunOperator(task_id="x", task="t", experiment_name="n", max_examples=3, example_ids=["a"])


def test_of_two_templates_one_may_render_to_nothing(
    experiment: Any, emulator: EmulatorProcess, experiment_task: str
) -> None:
    """Whether they exclude each other is known once they are rendered."""
    both = {"max_examples": "{{ params.most }}", "example_ids": "{{ params.ids }}"}
    assert experiment(**both, params={"most": 2, "ids": None}).state == "success"
    result = experiment(**both, params={"most": 2, "ids": "abc"}, experiment_name="other")
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert "exclude each other" in str(result.error)
    assert len(runs_of(emulator, experiment_task)) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"experiment_name": ""}, "experiment_name is empty"),
        ({"experiment_name": 'say "hi"'}, "double quote"),
        ({"experiment_name": None}, "experiment_name must be text"),
        ({"experiment_name": "x" * 251}, "250"),
        ({"max_examples": 0}, "max_examples must be 1 or more"),
        ({"example_ids": [1]}, "example_ids[0] must be text"),
        ({"wait_for_evaluations": True}, "needs evaluation_task_ids"),
        (
            {"wait_for_evaluations": True, "wait_for_completion": False, "evaluation_task_ids": ["a"]},
            "needs wait_for_completion",
        ),
        ({"reuse_run": "maybe"}, "'own', 'same_window', 'never'"),
        ({"task": None}, "task must be a name or an id"),
    ],
)
def test_mistakes_are_named_while_the_dag_is_parsed(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match="'night_run'") as caught:
        ArizeTriggerExperimentRunOperator(task_id="night_run", **{"task": "t", "experiment_name": "n", **arguments})
    assert words in str(caught.value)


@pytest.mark.parametrize("argument", ["data_start_time", "data_end_time", "lookback", "max_spans", "experiment_ids"])
def test_a_window_is_no_argument_of_an_experiment(argument: str) -> None:
    arguments: dict[str, Any] = {argument: "1"}
    with pytest.raises(Exception, match=argument):
        ArizeTriggerExperimentRunOperator(task_id="x", task="t", experiment_name="n", **arguments)


def test_the_hook_refuses_a_window_for_an_experiment_task(
    hook: ArizeHook, experiment_task: str, emulator: EmulatorProcess, window: Window
) -> None:
    with pytest.raises(ArizeValidationError, match="data_start_time belongs to evaluation tasks"):
        hook.trigger_run(task=experiment_task, experiment_name="n", **window.to_dict())
    assert runs_of(emulator, experiment_task) == []


def test_an_evaluation_task_is_refused_with_the_operator_to_use(
    experiment: Any, evaluation_task: str, emulator: EmulatorProcess
) -> None:
    result = experiment(task=evaluation_task)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert "ArizeTriggerEvaluationRunOperator" in str(result.error)
    assert emulator.control.runs() == []


def test_a_name_that_the_server_alone_refuses_is_told_and_not_retried(
    experiment: Any, emulator: EmulatorProcess, experiment_task: str
) -> None:
    emulator.control.inject("status", method="POST", path="/trigger$", status=422, detail="experiment_name is not nice")
    result = experiment()
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert "experiment_name is not nice" in str(result.error)
    assert runs_of(emulator, experiment_task) == []


# -- chained evaluations ----------------------------------------------------------------------------------------------


def test_without_waiting_the_server_chains_the_evaluations(
    experiment: Any, emulator: EmulatorProcess, judges: list[str], experiment_task: str
) -> None:
    result = experiment(evaluation_task_ids=["judge-0", judges[1]], space=SPACE)
    assert result.state == "success"
    assert "evaluations" not in result.value
    assert body_of_trigger(emulator, experiment_task)["evaluation_task_ids"] == judges
    assert [len(runs_of(emulator, judge)) for judge in judges] == [1, 1]


@WAYS
def test_evaluations_are_waited_for_side_by_side(
    experiment: Any, emulator: EmulatorProcess, judges: list[str], experiment_task: str, deferrable: bool
) -> None:
    arguments = {"evaluation_task_ids": "{{ params.judges }}", "params": {"judges": "judge-0"}, "space": SPACE}
    assert experiment(**arguments, wait_for_evaluations=True, experiment_name="one").value["evaluations"]
    result = experiment(evaluation_task_ids=judges, wait_for_evaluations=True, deferrable=deferrable)
    assert result.state == "success"
    # The server is not asked to chain them too: they would run twice.
    assert "evaluation_task_ids" not in body_of_trigger(emulator, experiment_task)
    assert [run["task_id"] for run in result.value["evaluations"]] == judges
    # One deferral for the experiment, one for all evaluations.
    assert [len(each["kwargs"]["run_ids"]) for each in result.deferrals] == ([1, 2] if deferrable else [])
    made = experiment_called("night", emulator)
    labelled = {evaluator: set(ids) for row in made["rows"] for evaluator, ids in row["labelled_by"].items()}
    assert len(labelled) == 2


def test_a_name_that_another_arize_task_of_the_dataset_has_just_taken(
    experiment: Any, emulator: EmulatorProcess, hook: ArizeHook
) -> None:
    """Two prompts, say, each with a task of its own, and one name for both."""
    integration = hook.list_ai_integrations(space=SPACE).items[0]
    configuration = {**CONFIGURATION, "ai_integration_id": integration.id}
    second = hook.create_run_experiment_task(
        name="second prompt", dataset=DATASET, run_configuration=configuration, space=SPACE
    )
    first = experiment()
    assert first.state == "success"
    beside_it = TaskResult(try_number=0, max_tries=2, dag_run_start=first.dag_run_start)
    result = experiment(task=second.id, retry_of=beside_it)
    assert (result.state, result.try_number) == ("up_for_retry", 1)
    assert "another task" in str(result.error)
    assert runs_of(emulator, second.id) == []


def test_a_gate_closes_on_a_server_that_spells_in_lower_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """As all did before the API of SDK 8.40."""
    with running_emulator(api_level="8.36", run_seconds=0.1, seed_spans=10) as old:
        connection = {"conn_type": "arize", "host": old.url, "password": "test-key", "extra": {"space": SPACE}}
        monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(connection))
        with ArizeHook() as hook:
            integration = hook.list_ai_integrations().items[0]
            configuration = {**CONFIGURATION, "ai_integration_id": integration.id}
            hook.create_run_experiment_task(name="nightly", dataset=DATASET, run_configuration=configuration)
        old.control.set_outcome("COMPLETED", successes=70, errors=30, skipped=0)
        operator = ArizeTriggerExperimentRunOperator(
            task_id="experiment", task="nightly", experiment_name="night", max_error_rate=0.1
        )
        result = run_task(operator)
        assert old.control.runs()[0]["status"].lower() == "completed"
    assert (result.state, type(result.error)) == ("failed", ArizeGateError)


def test_each_run_has_to_pass_the_gates_by_itself(
    experiment: Any, emulator: EmulatorProcess, judges: list[str], experiment_task: str
) -> None:
    """The errors of one evaluation are not thinned out by the successes of another."""
    emulator.control.set_outcome("COMPLETED", task=experiment_task, successes=1000, errors=0, skipped=0)
    emulator.control.set_outcome("COMPLETED", task=judges[1], errors=25)
    result = experiment(evaluation_task_ids=judges, wait_for_evaluations=True, max_error_rate=0.2)
    assert (result.state, type(result.error)) == ("failed", ArizeGateError)
    assert "50.0%" in str(result.error)
    assert runs_of(emulator, judges[1])[0]["id"] in str(result.error)


@pytest.mark.parametrize(("policy", "state"), [("succeed", "success"), ("skip", "success"), ("fail", "failed")])
def test_an_evaluation_that_finds_everything_labelled(
    experiment: Any, emulator: EmulatorProcess, judges: list[str], policy: str, state: str
) -> None:
    reason = "All matching data already has labels; see override_evaluations"
    emulator.control.set_outcome("CANCELLED", task=judges[0], reason=reason, labelled_fraction=0.0)
    # One alone may stand for a list, as a template may render one.
    result = experiment(evaluation_task_ids=judges[0], wait_for_evaluations=True, on_already_evaluated=policy)
    assert result.state == state


def test_same_window_does_not_take_yesterdays_evaluation_for_todays(
    experiment: Any, emulator: EmulatorProcess, judges: list[str]
) -> None:
    arguments = {"evaluation_task_ids": judges[:1], "wait_for_evaluations": True, "reuse_run": "same_window"}
    yesterday = experiment(experiment_name="day-1", **arguments)
    today = experiment(experiment_name="day-2", **arguments)
    assert today.value["evaluations"][0]["id"] != yesterday.value["evaluations"][0]["id"]
    again = experiment(experiment_name="day-2", **arguments)
    assert again.value["id"] == today.value["id"]


@pytest.mark.parametrize("which", ["of a project", "an experiment's"])
def test_a_task_that_can_judge_no_experiment_is_refused_before_the_experiment_runs(
    experiment: Any, emulator: EmulatorProcess, evaluation_task: str, experiment_task: str, which: str
) -> None:
    wrong = evaluation_task if which == "of a project" else experiment_task
    result = experiment(evaluation_task_ids=[wrong], wait_for_evaluations=True)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert "evaluation_task_ids" in str(result.error)
    assert ("'daily'" if wrong == evaluation_task else "'nightly'").strip("'") in str(result.error)
    assert emulator.control.runs() == []


@pytest.mark.parametrize("judge", ["nobody", NO_TASK])
def test_a_wrong_evaluation_task_shows_before_the_experiment_runs(
    experiment: Any, emulator: EmulatorProcess, judge: str
) -> None:
    result = experiment(evaluation_task_ids=[judge], wait_for_evaluations=True, space=SPACE)
    assert (result.state, type(result.error)) == ("failed", ArizePermanentError)
    assert judge in str(result.error)
    assert emulator.control.runs() == []


def test_when_one_evaluation_is_refused_for_good_the_others_are_ended(
    experiment: Any, emulator: EmulatorProcess, judges: list[str]
) -> None:
    """Nobody will wait for them: the task is not retried."""
    emulator.control.set_outcome("COMPLETED", task=judges[0], run_seconds=60)
    path = judges[1].rstrip("=")
    emulator.control.inject("status", method="POST", path=f"{path}.*/trigger$", status=403)
    result = experiment(evaluation_task_ids=judges, wait_for_evaluations=True)
    assert result.state == "failed"
    assert [run["status"] for run in runs_of(emulator, judges[0])] == ["CANCELLED"]


def test_when_one_evaluation_can_not_be_started_now_a_retry_takes_the_others_over(
    experiment: Any, emulator: EmulatorProcess, judges: list[str], experiment_task: str
) -> None:
    path = judges[1].rstrip("=")
    emulator.control.inject("status", method="GET", path=f"{path}.*/runs", status=403)
    emulator.control.inject("drop_after", method="POST", path=f"{path}.*/trigger$")
    arguments = {"evaluation_task_ids": judges, "wait_for_evaluations": True}
    first = experiment(**arguments)
    assert first.state == "up_for_retry"
    second = experiment(retry_of=first, **arguments)
    assert second.state == "success"
    assert [len(runs_of(emulator, task)) for task in (experiment_task, *judges)] == [2, 1, 1]  # one made the seed


# -- clears -----------------------------------------------------------------------------------------------------------


def test_a_clear_ends_the_evaluations_of_the_experiment_that_is_made_anew(
    experiment: Any, emulator: EmulatorProcess, judges: list[str]
) -> None:
    """They have other experiments' ids in their keys, so no request of the new attempt comes across them."""
    emulator.control.set_outcome("COMPLETED", task=judges[0], run_seconds=60)
    emulator.control.set_outcome("COMPLETED", task=judges[1], run_seconds=60)
    arguments = {"evaluation_task_ids": judges, "wait_for_evaluations": True}
    first = experiment(**arguments, timeout=0.7, cancel_on_timeout=False)
    assert type(first.error) is ArizeRunTimeoutError
    second = experiment(cleared_after=first, **arguments)
    assert second.state == "success"
    assert second.value["experiment_name"] == "night-r2"
    for judge in judges:
        assert [run["status"] for run in runs_of(emulator, judge)] == ["CANCELLED", "COMPLETED"]


@pytest.mark.parametrize("has_state_store", [True, False], ids=["store", "no store"])
def test_an_evaluation_that_goes_on_is_not_taken_for_that_of_an_experiment_made_after_it(
    experiment: Any, emulator: EmulatorProcess, hook: ArizeHook, judges: list[str], has_state_store: bool
) -> None:
    """It doesn't tell which experiment it is for, but it can't be for one that was not there yet."""
    arguments = {
        "evaluation_task_ids": judges[:1],
        "wait_for_evaluations": True,
        "has_state_store": has_state_store,
        "timeout": 20,
    }
    first = experiment(**arguments)
    emulator.control.set_outcome("COMPLETED", task=judges[0], run_seconds=60)
    other = hook.trigger_run(task=judges[0], experiment_ids=[first.value["experiment_id"]])
    second = experiment(cleared_after=first, **arguments)
    assert second.state == "success"
    assert [run["id"] for run in second.value["evaluations"]] != [other.id]
    assert hook.get_run(other.id).status.value in ("PENDING", "RUNNING")


@WAYS
def test_an_evaluation_task_named_twice_runs_once(
    experiment: Any, emulator: EmulatorProcess, judges: list[str], deferrable: bool
) -> None:
    for has_state_store, name in ((True, "one"), (False, "two")):
        result = experiment(
            experiment_name=name,
            evaluation_task_ids=["judge-0", judges[0]],
            wait_for_evaluations=True,
            space=SPACE,
            deferrable=deferrable,
            has_state_store=has_state_store,
            timeout=5,
        )
        assert (result.state, len(result.value["evaluations"])) == ("success", 1)
    assert [run["status"] for run in runs_of(emulator, judges[0])] == ["COMPLETED"] * 2


def test_more_failures_than_fit_one_attempt_are_gone_through(
    experiment: Any, emulator: EmulatorProcess, experiment_task: str
) -> None:
    """Without a record each retry finds the names of all before it taken, one by one."""
    emulator.control.set_outcome("FAILED", reason="no", times=5)
    result = None
    for _ in range(6):
        result = experiment(retry_of=result, retries=9)
        result.task_state.clear()
    assert result is not None
    # With a store that lost its entries a retry believes that nothing was sent: the server's 409 tells otherwise.
    assert (result.state, result.value["experiment_name"]) == ("success", "night-r6")
    assert len(runs_of(emulator, experiment_task)) == 6


@WAYS
@pytest.mark.parametrize("status", ["COMPLETED", "FAILED"])
def test_links_lead_to_the_experiment_as_soon_as_its_run_has_ended(
    experiment: Any, emulator: EmulatorProcess, deferrable: bool, status: str
) -> None:
    """Arize makes the experiment after it has answered the trigger."""
    emulator.control.configure(pending_seconds=0.2)
    emulator.control.set_outcome(status)
    result = experiment(deferrable=deferrable, space=SPACE)
    made = quote(experiment_called("night", emulator)["id"], safe="")
    assert f"experimentId={made}" in result.xcoms["arize_experiment_link"]
    assert result.xcoms["arize_run_link"] == result.xcoms["arize_experiment_link"]
    assert result.xcoms["arize_task_link"].endswith("?selectedTab=experiments")
