"""What both sides are made to do: every method of the SDK's tasks client, with every argument it has.

A text ``$name.field`` stands for a field of an earlier result saved under a name; ``$project`` and the like for ids of
the seeded world. Enums are in upper case and become lower case where the release says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

FROZEN = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
DAY_1, DAY_2 = datetime(2026, 3, 1, tzinfo=timezone.utc), datetime(2026, 3, 2, tzinfo=timezone.utc)
EMPTY = datetime(2026, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Call:
    """A call of the tasks client.

    :ivar method: the SDK's name.
    :ivar args: its arguments.
    :ivar save: name under which the result is kept.
    :ivar fails: what must come of it: ``status 404``, ``ValueError``, ``name``, ``timeout``; a result by default.
    :ivar differs: named difference (see ``differences.py``) in place of plain equality.
    :ivar plain: evaluators go as dictionaries.
    """

    method: str
    args: dict[str, Any] = field(default_factory=dict)
    save: str | None = None
    fails: str | None = None
    differs: str | None = None
    plain: bool = False


@dataclass(frozen=True)
class Stage:
    """Something the emulator is told in between: a method of its control path."""

    method: str
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """Steps that both sides play from the same beginning.

    :ivar name: what it is about.
    :ivar steps: calls, and what the emulator is told in between.
    :ivar since: the first release that can do it.
    :ivar until: the first release for which it is otherwise.
    """

    name: str
    steps: tuple[Call | Stage, ...]
    since: tuple[int, ...] = (8, 28)
    until: tuple[int, ...] = (99,)

    def suits(self, release: str) -> bool:
        """Whether a release plays it."""
        return self.since <= tuple(int(part) for part in release.split(".")) < self.until


def call(
    method: str, save: str | None = None, *, fails: str | None = None, differs: str | None = None, **args: Any
) -> Call:
    """A call in fewer words."""
    return Call(method, args, save, fails, differs)


def passes(seconds: float) -> Stage:
    """Time goes by on the server."""
    return Stage("advance_clock", (seconds,))


def outcome(status: str = "COMPLETED", **rule: Any) -> Stage:
    """How the next run ends."""
    return Stage("set_outcome", (status,), rule)


def fault(kind: str, **options: Any) -> Stage:
    """What goes wrong with the next request."""
    return Stage("inject", (kind,), options)


NOWHERE = "TW9kZWw6OTk6QUFBQQ=="
SPAN = [{"evaluator_id": "$correctness"}]
EVALUATION = {
    "name": "quality",
    "task_type": "TEMPLATE_EVALUATION",
    "evaluators": SPAN,
    "project": "demo-project",
    "space": "demo-space",
}
MADE = Call("create_evaluation_task", EVALUATION, "task")
WINDOW: dict[str, Any] = {"data_start_time": DAY_1, "data_end_time": DAY_2}
TRIGGERED = call("trigger_run", "run", task="$task.id", **WINDOW)
GENERATION = {
    "experiment_type": "LLM_GENERATION",
    "ai_integration_id": "$llm",
    "messages": [{"role": "SYSTEM", "content": "Be brief."}, {"role": "USER", "content": "{input}"}],
    "input_variable_format": "F_STRING",
}
RICH = {
    **GENERATION,
    "model_name": "gpt-4o",
    "input_variable_format": "MUSTACHE",
    "invocation_parameters": {"temperature": 0.5, "max_tokens": 100, "stop": ["."], "top_p": 1},
    "tool_config": {"tools": [{"type": "function", "function": {"name": "look"}}], "tool_choice": "auto"},
    "prompt_version_id": "UHJvbXB0VmVyc2lvbjoxOng=",
}
JUDGEMENT = {
    "experiment_type": "TEMPLATE_EVALUATION",
    "ai_integration_id": "$llm",
    "template": "Is {{answer}} right?",
    "provide_explanation": True,
    "classification_choices": {"right": 1, "wrong": 0},
    "column_mapping": {"answer": "expected"},
}
AGENT = {
    "experiment_type": "AGENT_CALL",
    "integration_id": "$agent",
    "input_template": {"question": "{{dataset.input}}", "nested": {"topic": "about {{topic}}"}},
}
MAPPING = {"variable_name": "output", "query_ids": ["A", "B"], "attribute_path": "attributes.output.value"}
TRACE = [{"evaluator_id": "$trace-relevance", "query_mappings": [MAPPING]}]
FILTERS = {
    "filters": [{"id": "A", "filter": "latency_ms > 1"}, {"id": "B", "filter": "status_code = 'OK'"}],
    "expression": "A AND B",
}


def experiment_task(name: str = "nightly", config: dict[str, Any] = GENERATION, **args: Any) -> Call:
    """A task that runs experiments."""
    given = {"name": name, "dataset": "demo-dataset", "space": "demo-space", "run_configuration": config, **args}
    return Call("create_run_experiment_task", given, name)


def dataset_task(name: str = "scoring") -> Call:
    """A task that evaluates experiments of the dataset."""
    given = {"dataset": "demo-dataset", "experiment_ids": ["$baseline"], "project": None, "name": name}
    return Call("create_evaluation_task", {**EVALUATION, **given}, name)


TASKS = (
    Scenario(
        "create, get, change and delete an evaluation task by its name",
        (
            Call(
                "create_evaluation_task",
                {
                    **EVALUATION,
                    "evaluators": [
                        {
                            "evaluator_id": "$correctness",
                            "query_filter": "status_code = 'OK'",
                            "column_mappings": {"input": "attributes.input.value"},
                        }
                    ],
                    "sampling_rate": 0.5,
                    "is_continuous": True,
                    "query_filter": "latency_ms > 1",
                },
                "task",
            ),
            call("get", task="quality", space="demo-space"),
            call("get", task="quality", space="$space"),
            call("get", task="$task.id"),
            passes(10),
            call(
                "update", task="quality", space="demo-space", name="quality 2", sampling_rate=1.0, is_continuous=False
            ),
            call("update", task="$task.id", query_filter="latency_ms > 2"),
            call("update", task="$task.id", query_filter=None),
            call("update", task="$task.id", evaluators=[{"evaluator_id": "$hallucination"}]),
            call("get", task="quality 2", space="demo-space"),
            call("delete", task="quality 2", space="demo-space"),
            call("get", task="$task.id", fails="status 404"),
        ),
    ),
    Scenario(
        "an evaluation task of code, by id of the project",
        (
            Call(
                "create_evaluation_task",
                {
                    "name": "parse",
                    "task_type": "CODE_EVALUATION",
                    "evaluators": [{"evaluator_id": "$json-parseable"}],
                    "project": "$project",
                },
                "task",
            ),
            call("get", task="$task.id"),
            call("delete", task="$task.id"),
        ),
    ),
    Scenario("an evaluation task of a dataset", (dataset_task(), call("get", task="$scoring.id"))),
    Scenario(
        "an evaluator pinned to a version",
        (
            Call(
                "create_evaluation_task",
                {**EVALUATION, "evaluators": [{"evaluator_id": "$correctness", "evaluator_version_id": "$version"}]},
                "task",
            ),
            call("update", task="$task.id", evaluators=SPAN),
        ),
        since=(8, 45),
    ),
    Scenario(
        "a task over traces",
        (
            Call("create_evaluation_task", {**EVALUATION, "evaluators": TRACE, "query_filters": FILTERS}, "task"),
            call("update", task="$task.id", query_filters={"filters": [*FILTERS["filters"]], "expression": "A OR B"}),
            call("get", task="$task.id"),
            call("trigger_run", "run", task="$task.id", **WINDOW),
            passes(10),
            call("get_run", run_id="$run.id"),
        ),
        since=(8, 61),
    ),
    Scenario(
        "evaluators given as dictionaries",
        (Call("create_evaluation_task", EVALUATION, "task", differs="null evaluators", plain=True),),
    ),
    Scenario(
        "a task that runs experiments, and its configurations",
        (
            experiment_task(),
            experiment_task("rich", RICH),
            experiment_task("judge", JUDGEMENT),
            call("get", task="rich", space="demo-space"),
            call("update", task="$rich.id", run_configuration=JUDGEMENT),
            call("update", task="$rich.id", name="new name"),
            call("get", task="$judge.id"),
            call("list", space="$space", task_type="RUN_EXPERIMENT", limit=10),
        ),
    ),
    Scenario(
        "a task that calls an agent", (experiment_task("agent", AGENT), call("get", task="$agent.id")), since=(8, 42)
    ),
    Scenario(
        "lists of tasks by everything they can be chosen by, and their pages",
        (
            MADE,
            dataset_task(),
            experiment_task(),
            call("list", limit=50),
            call("list", differs="page size"),
            call("list", space="$space", limit=50),
            call("list", space="demo-space", limit=50, differs="part of a space's name"),
            call("list", project="demo-project", space="$space", limit=50),
            call("list", dataset="$dataset", limit=50),
            call("list", name="QUAL", limit=50),
            call("list", task_type="TEMPLATE_EVALUATION", limit=50),
            call("list", "page", limit=2),
            call("list", limit=2, cursor="$page.pagination.next_cursor"),
            call("list", name="nothing of the kind", limit=50),
        ),
    ),
)

RUNS = (
    Scenario(
        "a run over a window, from trigger to end",
        (
            MADE,
            call("trigger_run", "run", task="quality", space="demo-space", **WINDOW),
            call("get_run", run_id="$run.id"),
            passes(1),
            call("get_run", run_id="$run.id"),
            passes(10),
            call("get_run", run_id="$run.id"),
            call("wait_for_run", run_id="$run.id"),
            call("wait_for_run", run_id="$run.id", poll_interval=0.1, timeout=1.0),
            call("get", task="$task.id"),
        ),
    ),
    Scenario(
        "what a run of an evaluation can be told",
        (
            MADE,
            call("trigger_run", task="$task.id", max_spans=5, override_evaluations=False, **WINDOW),
            passes(10),
            call("trigger_run", task="$task.id", max_spans=100, override_evaluations=True, **WINDOW),
            passes(10),
            Stage("add_spans", (), {"times": [FROZEN + timedelta(seconds=15)]}),
            passes(10),
            call("trigger_run", task="$task.id"),
            dataset_task(),
            call("trigger_run", task="$scoring.id", experiment_ids=["$baseline"]),
            call("trigger_run", task="$scoring.id"),
            passes(10),
            call("list_runs", task="$task.id", limit=50),
            call("list_runs", task="$scoring.id", limit=50),
        ),
    ),
    Scenario(
        "a window that is evaluated already ends cancelled",
        (MADE, TRIGGERED, passes(10), TRIGGERED, passes(10), call("wait_for_run", run_id="$run.id")),
    ),
    Scenario(
        "runs that fail, are cancelled by somebody, or end with errors",
        (
            MADE,
            outcome("FAILED", reason="missing rails and classification choices"),
            TRIGGERED,
            passes(10),
            call("get_run", run_id="$run.id"),
            outcome("CANCELLED", reason="somebody did"),
            TRIGGERED,
            passes(10),
            call("wait_for_run", run_id="$run.id"),
            outcome("COMPLETED", errors=3, skipped=2),
            TRIGGERED,
            passes(10),
            call("wait_for_run", run_id="$run.id"),
        ),
    ),
    Scenario(
        "a window at another offset",
        (
            MADE,
            call(
                "trigger_run",
                task="$task.id",
                data_start_time=datetime(2026, 3, 1, 2, tzinfo=timezone(timedelta(hours=2))),
                data_end_time=datetime(2026, 3, 1, 20, 30, 15, 250_000, tzinfo=timezone(timedelta(hours=-5))),
            ),
        ),
    ),
    Scenario(
        "a window without an offset",
        (
            MADE,
            call(
                "trigger_run",
                task="$task.id",
                data_start_time=datetime(2026, 3, 1),  # noqa: DTZ001 -- the point of the scenario
                data_end_time=datetime(2026, 3, 2),  # noqa: DTZ001 -- the point of the scenario
                differs="no offset",
            ),
        ),
    ),
    Scenario(
        "what a run of an experiment can be told",
        (
            experiment_task(),
            dataset_task(),
            call("trigger_run", "run", task="nightly", space="demo-space", experiment_name="night 1"),
            passes(10),
            call("get_run", run_id="$run.id"),
            call("trigger_run", task="$nightly.id", experiment_name="night 2", max_examples=3),
            call("trigger_run", task="$nightly.id", experiment_name="night 3", example_ids=["$example"]),
            call(
                "trigger_run",
                task="$nightly.id",
                experiment_name="night 4",
                dataset_version_id="$dataset_version",
                tracing_metadata={"team": "quality"},
                evaluation_task_ids=["$scoring.id"],
            ),
            passes(10),
            call("list_runs", task="$nightly.id", limit=50),
            call("list_runs", task="$scoring.id", limit=50),
        ),
    ),
    Scenario(
        "lists of runs by status, and their pages",
        (
            MADE,
            *[TRIGGERED] * 3,
            passes(10),
            outcome(run_seconds=600, pending_seconds=0),
            TRIGGERED,
            call("list_runs", task="quality", space="demo-space", status="COMPLETED", limit=50),
            call("list_runs", task="$task.id", status="RUNNING", limit=50),
            call("list_runs", task="$task.id", status="FAILED", limit=50),
            call("list_runs", task="$task.id", differs="page size"),
            call("list_runs", "page", task="$task.id", limit=3),
            call("list_runs", task="$task.id", limit=3, cursor="$page.pagination.next_cursor"),
        ),
    ),
    Scenario(
        "a run is cancelled",
        (
            MADE,
            TRIGGERED,
            call("cancel_run", run_id="$run.id"),
            outcome(run_seconds=100, pending_seconds=0),
            TRIGGERED,
            passes(50),
            call("cancel_run", run_id="$run.id"),
            call("get_run", run_id="$run.id"),
            call("cancel_run", run_id="$run.id", fails="status 400", differs="ended run"),
        ),
    ),
    Scenario(
        "a wait that is too short, and waits that are none",
        (
            MADE,
            TRIGGERED,
            call("wait_for_run", run_id="$run.id", poll_interval=0.1, timeout=0.3, fails="timeout", differs="looks"),
            call("wait_for_run", run_id="$run.id", timeout=0, fails="ValueError"),
            call("wait_for_run", run_id="$run.id", poll_interval=-1, fails="ValueError"),
        ),
    ),
)

REFUSED_CREATES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("create_evaluation_task", {**EVALUATION, "name": ""}),
    ("create_evaluation_task", {**EVALUATION, "evaluators": []}),
    ("create_evaluation_task", {**EVALUATION, "sampling_rate": 1.5}),
    ("create_run_experiment_task", {"name": "x", "dataset": "$dataset", "run_configuration": {"experiment_type": "X"}}),
    (
        "create_run_experiment_task",
        {"name": "x", "dataset": "$dataset", "run_configuration": {**GENERATION, "messages": []}},
    ),
)

ERRORS = (
    Scenario(
        "what is refused before anything is sent",
        (
            MADE,
            experiment_task(),
            *[Call(method, args, fails="ValueError") for method, args in REFUSED_CREATES],
            call("update", task="$task.id", fails="ValueError"),
            call("update", task="$task.id", run_configuration=GENERATION, fails="ValueError"),
            call("update", task="$nightly.id", sampling_rate=0.5, fails="ValueError"),
            call("update", task="$nightly.id", evaluators=SPAN, fails="ValueError"),
            call("trigger_run", task="$nightly.id", fails="ValueError"),
            call("trigger_run", task="$nightly.id", experiment_name="n", max_spans=1, fails="ValueError"),
            call("trigger_run", task="$task.id", experiment_name="n", fails="ValueError"),
            call(
                "trigger_run",
                task="$nightly.id",
                experiment_name="n",
                max_examples=1,
                example_ids=["$example"],
                fails="ValueError",
            ),
        ),
    ),
    Scenario(
        "both kinds of filter, and a filter for a configuration",
        (
            Call(
                "create_evaluation_task",
                {**EVALUATION, "evaluators": TRACE, "query_filter": "a = 1", "query_filters": FILTERS},
                fails="ValueError",
            ),
            MADE,
            call("update", task="$task.id", query_filter="a = 1", query_filters=FILTERS, fails="ValueError"),
        ),
        since=(8, 61),
    ),
    Scenario(
        "names that are not there, and names without a space",
        (
            call("get", task="nothing", space="demo-space", fails="name"),
            call("get", task="nothing", fails="name"),
            call("get", task="x", space="nowhere", fails="name", differs="unknown space"),
            call("list", project="nothing", space="demo-space", fails="name"),
            call("delete", task="nothing", space="demo-space", fails="name"),
            Call("create_evaluation_task", {**EVALUATION, "project": "nothing"}, fails="name"),
            Call("create_evaluation_task", {**EVALUATION, "space": None}, fails="name"),
        ),
    ),
    Scenario(
        "what the server refuses",
        (
            MADE,
            Call("create_evaluation_task", EVALUATION, fails="status 409"),
            call("get_run", run_id="VGFza1J1bjo5OTpBQUFB", fails="status 404"),
            call("get", task="T25saW5lVGFzazo5OTpBQUFB", fails="status 404"),
            call("cancel_run", run_id="VGFza1J1bjo5OTpBQUFB", fails="status 404", differs="a cancel looks again"),
            call("trigger_run", task="$task.id", data_start_time=EMPTY, data_end_time=EMPTY + DAY, fails="status 400"),
            experiment_task(),
            call("trigger_run", task="$nightly.id", experiment_name="baseline", fails="status 409"),
        ),
    ),
    Scenario("a list of an unknown project", (call("list", project=NOWHERE, limit=5),), until=(8, 40)),
    Scenario(
        "a list of an unknown project", (call("list", project=NOWHERE, limit=5, fails="status 404"),), since=(8, 40)
    ),
    Scenario(
        "the first run without a start", (MADE, call("trigger_run", task="$task.id", fails="status 400")), since=(8, 36)
    ),
    *(
        Scenario(
            f"status {status} for a {method}",
            (
                MADE,
                fault("status", status=status, path=path, detail=f"staged {status}"),
                call(method, fails=f"status {status}", **args),
            ),
        )
        for status in (401, 403)
        for method, path, args in (
            ("get", "/v2/tasks/", {"task": "$task.id"}),
            ("trigger_run", "/trigger", {"task": "$task.id", **WINDOW}),
            ("list", "/v2/tasks", {"limit": 50}),
        )
    ),
    *(
        Scenario(
            f"a trigger answered by {status} is not repeated",
            (
                MADE,
                fault("status", status=status, path="/trigger", times=None),
                call("trigger_run", task="$task.id", fails=f"status {status}", **WINDOW),
            ),
        )
        for status in (500, 502, 504)
    ),
    Scenario(
        "a trigger that is throttled",
        (
            MADE,
            fault("status", status=429, path="/trigger", headers={"Retry-After": "0"}),
            call("trigger_run", task="$task.id", fails="status 429", differs="throttled trigger", **WINDOW),
        ),
    ),
    Scenario(
        "a look that fails in passing",
        (
            MADE,
            TRIGGERED,
            fault("status", status=503, path="/task-runs/"),
            call("get_run", run_id="$run.id", fails="status 503", differs="passing fault"),
        ),
    ),
    Scenario(
        "a trigger whose answer is lost",
        (
            MADE,
            fault("drop_after", path="/trigger"),
            call("trigger_run", task="$task.id", fails="transport", **WINDOW),
            call("list_runs", task="$task.id", limit=50),
        ),
    ),
)

TOLERANCE = (
    Scenario(
        "a status that nobody knows",
        (
            MADE,
            outcome("PAUSED", run_seconds=0),
            call("trigger_run", "run", task="$task.id", differs="unknown status", **WINDOW),
        ),
    ),
    Scenario(
        "a run without its counts",
        (
            MADE,
            TRIGGERED,
            fault("edit", path="/task-runs/", remove=["num_successes", "num_errors", "num_skipped"]),
            call("get_run", run_id="$run.id", differs="missing fields"),
        ),
    ),
    Scenario(
        "a run with a field of a newer server",
        (
            MADE,
            TRIGGERED,
            fault("edit", path="/task-runs/", set={"tokens_used": 12}),
            call("get_run", run_id="$run.id", differs="new field of a run"),
        ),
    ),
    Scenario(
        "a task with a field of a newer server",
        (
            MADE,
            fault("edit", path="/v2/tasks/", set={"owner": "somebody"}),
            call("get", task="$task.id", differs="new field of a task"),
        ),
    ),
)

SCENARIOS: tuple[Scenario, ...] = (*TASKS, *RUNS, *ERRORS, *TOLERANCE)
