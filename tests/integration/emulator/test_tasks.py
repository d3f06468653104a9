"""Creating, changing and triggering tasks: what the server takes and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

NOWHERE = "RXZhbHVhdG9yOjk5OkFBQUE="
LETTERS = [{"id": "A", "filter": "latency_ms > 1"}]


def spec(api, **fields):
    """An evaluator as attached to a task."""
    return {"evaluator_id": api.id("evaluators", "correctness"), **fields}


def trace(api, ids=("A",), **fields):
    """An evaluator in the trace shape."""
    mapping = {"variable_name": "output", "query_ids": list(ids), "attribute_path": "attributes.output.value"}
    return {"evaluator_id": api.id("evaluators", "trace-relevance"), "query_mappings": [mapping], **fields}


def test_a_task_comes_back_as_it_was_given(api):
    body = api.body(
        "full",
        [spec(api, query_filter="status_code = 'OK'", column_mappings={"input": "attributes.input.value"})],
        sampling_rate=0.5,
        is_continuous=True,
        query_filter="latency_ms > 100",
    )
    task = api.post("tasks", body)
    for key in ("name", "type", "project_id", "sampling_rate", "is_continuous", "query_filter"):
        assert task[key] == body[key]
    assert task["evaluators"][0] == {
        "evaluator_id": body["evaluators"][0]["evaluator_id"],
        "evaluator_name": "correctness",
        "evaluator_version_id": None,
        "query_filter": "status_code = 'OK'",
        "column_mappings": {"input": "attributes.input.value"},
        "query_mappings": None,
    }
    assert (task["dataset_id"], task["query_filters"], task["experiment_ids"]) == (None, None, [])
    assert task == api.get(f"tasks/{task['id']}")


def test_a_single_filter_is_echoed_with_its_letter_as_expression(api):
    task = api.post("tasks", api.body("trace", [trace(api)], query_filters={"filters": LETTERS}))
    assert task["query_filters"] == {"filters": LETTERS, "expression": "A"}
    assert task["query_filter"] is None


def test_a_dataset_task_and_a_code_task_are_accepted(api):
    assert api.get(f"tasks/{api.dataset_task()}")["sampling_rate"] is None
    code = api.task("code", ["json-parseable"], type="CODE_EVALUATION")
    assert api.get(f"tasks/{code}")["type"] == "CODE_EVALUATION"


EVALUATION_REFUSALS: dict[str, tuple[int, str, dict[str, Any]]] = {
    "no name": (400, "name", {"name": None}),
    "empty name": (400, "name", {"name": ""}),
    "name of another type": (400, "name", {"name": 3}),
    "unknown type": (400, "type", {"type": "OTHER"}),
    "lower-case type": (400, "type", {"type": "template_evaluation"}),
    "no evaluators": (400, "evaluators", {"evaluators": []}),
    "null as an evaluator": (400, "evaluators[0]", {"evaluators": [None]}),
    "unknown field": (400, "colour", {"colour": "red"}),
    "id": (400, "id: unknown", {"id": "x"}),
    "created_at": (400, "created_at", {"created_at": "2026-01-01T00:00:00Z"}),
    "both project and dataset": (400, "exactly one", {"dataset_id": "RGF0YXNldDoxOkJoRlc="}),
    "neither project nor dataset": (400, "exactly one", {"project_id": None}),
    "unknown project": (404, "project", {"project_id": "TW9kZWw6OTk6QUFBQQ=="}),
    "malformed project id": (400, "project", {"project_id": "demo-project"}),
    "sampling above one": (400, "sampling_rate", {"sampling_rate": 1.5}),
    "sampling as text": (400, "sampling_rate", {"sampling_rate": "1"}),
    "sampling as a boolean": (400, "sampling_rate", {"sampling_rate": True}),
    "continuous as text": (400, "is_continuous", {"is_continuous": "yes"}),
    "experiments on a project": (400, "experiment_ids", {"experiment_ids": ["RXhwZXJpbWVudDoxOkFBQUE="]}),
    "unparsable filter": (400, "query_filter", {"query_filter": "latency_ms >"}),
    "both filters": (400, "mutually exclusive", {"query_filter": "a = 1", "query_filters": {"filters": LETTERS}}),
    "query_filters with spans": (400, "query_mappings", {"query_filters": {"filters": LETTERS}}),
    "run configuration": (400, "run_configuration", {"run_configuration": {}}),
    "code task with a template evaluator": (422, "TEMPLATE", {"type": "CODE_EVALUATION"}),
}


@pytest.mark.parametrize("case", EVALUATION_REFUSALS)
def test_evaluation_tasks_that_are_refused(api, case):
    status, word, change = EVALUATION_REFUSALS[case]
    body = {key: value for key, value in {**api.body(), **change}.items() if value is not None}
    assert word in api.refused("POST", "tasks", status, body)
    assert api.get("tasks")["tasks"] == []


def test_everything_wrong_is_named_at_once(api):
    detail = api.refused("POST", "tasks", 400, api.body(sampling_rate=2, is_continuous=1, colour="red"))
    assert all(word in detail for word in ("sampling_rate", "is_continuous", "colour"))


EVALUATOR_REFUSALS = {
    "twice": (400, "more than once", lambda api: [spec(api), spec(api)]),
    "unknown": (404, "evaluator", lambda api: [{"evaluator_id": NOWHERE}]),
    "unknown field": (400, "colour", lambda api: [spec(api, colour=1)]),
    "unparsable filter": (400, "evaluators[0].query_filter", lambda api: [spec(api, query_filter="((a = 1)")]),
    "mapping to a number": (400, "column_mappings", lambda api: [spec(api, column_mappings={"input": 1})]),
    "mixed shapes": (400, "mixed", lambda api: [spec(api), trace(api)]),
    "mapping in both shapes": (400, "excludes", lambda api: [trace(api, column_mappings={"a": "b"})]),
    "no mappings": (400, "query_mappings", lambda api: [trace(api, query_mappings=[])]),
    "span evaluator with mappings": (
        422,
        "granularity",
        lambda api: [trace(api, evaluator_id=api.id("evaluators", "correctness"))],
    ),
    "trace evaluator without": (
        422,
        "granularity",
        lambda api: [{"evaluator_id": api.id("evaluators", "trace-relevance")}],
    ),
    "two granularities": (
        422,
        "same data granularity",
        lambda api: [trace(api), trace(api, evaluator_id=api.id("evaluators", "session-frustration"))],
    ),
    "version of another": (
        422,
        "not a version",
        lambda api: [
            spec(
                api,
                evaluator_version_id=api.get(f"evaluators/{api.id('evaluators', 'hallucination')}")["version"]["id"],
            )
        ],
    ),
}


@pytest.mark.parametrize("case", EVALUATOR_REFUSALS)
def test_evaluators_that_are_refused(api, case):
    status, word, make = EVALUATOR_REFUSALS[case]
    filters = {"query_filters": {"filters": LETTERS}} if "mappings" in str(make(api)) else {}
    assert word in api.refused("POST", "tasks", status, api.body("refused", make(api), **filters))


def test_a_second_custom_code_evaluator_is_refused(api):
    config = {"type": "CUSTOM", "name": "second", "code": "x", "variables": ["output"]}
    api.control.add("evaluator", "second", config=config)
    body = api.body("code", ["conciseness", "second"], type="CODE_EVALUATION")
    assert "custom code" in api.refused("POST", "tasks", 422, body)


def test_a_pinned_version_is_kept(api):
    version = api.get(f"evaluators/{api.id('evaluators', 'correctness')}")["version"]["id"]
    task = api.get(f"tasks/{api.task('pinned', [spec(api, evaluator_version_id=version)])}")
    assert task["evaluators"][0]["evaluator_version_id"] == version


def query_filters(count=1, expression=None, ids="ABCDEF", **entry):
    filters = [{"id": ids[n], "filter": "a = 1", **entry} for n in range(count)]
    return {"filters": filters, **({"expression": expression} if expression is not None else {})}


FILTER_REFUSALS = {
    "none": (query_filters(0), "at least 1"),
    "six": (query_filters(6, "A"), "at most 5"),
    "a letter beyond E": (query_filters(1, ids="F"), "A to E"),
    "a lower-case letter": (query_filters(1, ids="a"), "A to E"),
    "the same letter twice": (query_filters(2, "A", ids="AA"), "more than once"),
    "two without an expression": (query_filters(2), "expression"),
    "an expression of other letters": (query_filters(2, "A OR C"), "C"),
    "a broken expression": (query_filters(2, "A OR"), "expression"),
    "a long expression": (query_filters(1, "A" + " " * 512), "512"),
    "a long filter": (query_filters(1, filter="x" * 2001), "2000"),
    "an unparsable filter": (query_filters(1, filter="= 1"), "parsed"),
    "unknown field": (query_filters(1, colour=1), "colour"),
}


@pytest.mark.parametrize("case", FILTER_REFUSALS)
def test_query_filters_that_are_refused(api, case):
    filters, word = FILTER_REFUSALS[case]
    assert word in api.refused("POST", "tasks", 400, api.body("f", [trace(api)], query_filters=filters))


@pytest.mark.parametrize(
    ("mapping", "word"),
    [
        ({"variable_name": ""}, "variable_name"),
        ({"variable_name": "x" * 257}, "256"),
        ({"attribute_path": "x" * 1025}, "1024"),
        ({"query_ids": ["A", "B"]}, "B not declared"),
        ({"query_ids": list("AABBCD")}, "at most 5"),
        ({"query_ids": None}, "query_ids"),
    ],
)
def test_query_mappings_that_are_refused(api, mapping, word):
    evaluator = trace(api)
    evaluator["query_mappings"][0].update(mapping)
    body = api.body("m", [evaluator], query_filters=query_filters(1))
    assert word in api.refused("POST", "tasks", 400, body)


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"experiment_ids": []}, 400, "at least one"),
        ({"experiment_ids": ["RXhwZXJpbWVudDo5OTpBQUFB"]}, 404, "experiment"),
        ({"sampling_rate": 0.5}, 400, "sampling_rate"),
        ({"is_continuous": True}, 400, "is_continuous"),
    ],
)
def test_dataset_tasks_that_are_refused(api, change, status, word):
    fields = {"project_id": None, "dataset_id": api.dataset, "experiment_ids": [api.id("experiments", "baseline")]}
    assert word in api.refused("POST", "tasks", status, api.body("d", **{**fields, **change}))


def test_an_experiment_of_another_dataset_is_refused(api):
    other = api.control.add("dataset", "other", examples=[{"input": "x"}])
    fields = {"project_id": None, "dataset_id": other, "experiment_ids": [api.id("experiments", "baseline")]}
    assert "does not belong" in api.refused("POST", "tasks", 422, api.body("d", **fields))


def test_names_are_unique_within_a_space(api):
    first = api.task("taken")
    assert "already exists" in api.refused("POST", "tasks", 409, api.body("taken"))
    api.task("Taken")
    other = api.task("other")
    assert "already exists" in api.refused("PATCH", f"tasks/{other}", 409, {"name": "taken"})
    assert api.send("PATCH", f"tasks/{first}", json={"name": "taken"}).status_code == 200
    space = api.control.add("space", "second space")
    project = api.control.add("project", "elsewhere", space="second space")
    api.task("taken", project_id=project)
    assert {task["name"] for task in api.get("tasks", space_id=space)["tasks"]} == {"taken"}


# --- run-experiment tasks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"input_variable_format": "MUSTACHE", "model_name": "gpt-4o", "prompt_version_id": "UHJvbXB0OjE6eA=="},
        {
            "invocation_parameters": {
                "temperature": 0,
                "stop": ["."],
                "response_format": {"type": "JSON_SCHEMA", "json_schema": {"name": "s", "schema": {"type": "object"}}},
                "reasoning_effort": "low",
            }
        },
        {"tool_config": {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"}},
        {
            "messages": [
                {
                    "role": "ASSISTANT",
                    "tool_calls": [{"type": "FUNCTION", "function": {"name": "f", "arguments": "{}"}}],
                }
            ]
        },
    ],
)
def test_generation_configs_come_back_as_given(api, config):
    task = api.get(f"tasks/{api.experiment_task('x', **config)}")
    given = {"provider_parameters": {}, **api.config(**config)}
    assert task["run_configuration"] == given
    assert (task["type"], task["evaluators"], task["project_id"]) == ("RUN_EXPERIMENT", [], None)


def judge(api, **fields):
    """A template evaluation as run configuration."""
    config = {"experiment_type": "TEMPLATE_EVALUATION", "template": "{{input}}", "provide_explanation": True}
    removed = {"messages": None, "input_variable_format": None}
    return api.config(**{**config, **removed, **fields})


def agent(api, **fields):
    """An agent call as run configuration."""
    config = {"experiment_type": "AGENT_CALL", "integration_id": api.id("integrations", "demo-agent")}
    return {**config, "input_template": {"question": "{{dataset.input}}", "limit": 3}, **fields}


def test_the_other_kinds_of_configuration_are_accepted(api):
    body = {"name": "judge", "type": "RUN_EXPERIMENT", "dataset_id": api.dataset}
    choices = {"classification_choices": {"good": 1, "bad": 0.5}, "column_mapping": {"input": "input"}}
    made = api.post("tasks", {**body, "run_configuration": judge(api, **choices)})
    assert made["run_configuration"]["classification_choices"] == {"good": 1, "bad": 0.5}
    made = api.post("tasks", {**body, "name": "agent", "run_configuration": agent(api)})
    assert made["run_configuration"]["input_template"] == {"question": "{{input}}", "limit": 3}


CONFIG_REFUSALS = {
    "no kind": (400, "experiment_type", lambda api: api.config(experiment_type=None)),
    "unknown kind": (400, "experiment_type", lambda api: api.config(experiment_type="OTHER")),
    "lower-case kind": (400, "experiment_type", lambda api: api.config(experiment_type="llm_generation")),
    "no messages": (400, "messages", lambda api: api.config(messages=[])),
    "lower-case role": (400, "role", lambda api: api.config(messages=[{"role": "user", "content": "x"}])),
    "no format": (400, "input_variable_format", lambda api: api.config(input_variable_format=None)),
    "unknown field": (400, "colour", lambda api: api.config(colour=1)),
    "field of another kind": (400, "template", lambda api: api.config(template="x")),
    "service tier": (400, "service_tier", lambda api: api.config(invocation_parameters={"service_tier": "x"})),
    "null in parameters": (400, "top_p", lambda api: api.config(invocation_parameters={"top_p": None})),
    "unknown integration": (404, "AI integration", lambda api: api.config(ai_integration_id=NOWHERE)),
    "agent as LLM": (422, "LLM", lambda api: api.config(ai_integration_id=api.id("integrations", "demo-agent"))),
    "empty template": (400, "template", lambda api: judge(api, template="")),
    "no explanation flag": (400, "provide_explanation", lambda api: judge(api, provide_explanation=None)),
    "plural column_mappings": (400, "column_mappings", lambda api: judge(api, column_mappings={})),
    "choices as list": (400, "classification_choices", lambda api: judge(api, classification_choices=["a"])),
    "LLM as agent": (422, "AGENT", lambda api: agent(api, integration_id=api.id("integrations", "demo-openai"))),
    "agent input as text": (400, "input_template", lambda api: agent(api, input_template="x")),
}


@pytest.mark.parametrize("case", CONFIG_REFUSALS)
def test_configurations_that_are_refused(api, case):
    status, word, make = CONFIG_REFUSALS[case]
    body = {"name": "x", "type": "RUN_EXPERIMENT", "dataset_id": api.dataset, "run_configuration": make(api)}
    assert word in api.refused("POST", "tasks", status, body)


@pytest.mark.parametrize(
    "field", ["evaluators", "project_id", "sampling_rate", "is_continuous", "query_filter", "experiment_ids"]
)
def test_an_experiment_task_takes_nothing_of_an_evaluation(api, field):
    body = {"name": "x", "type": "RUN_EXPERIMENT", "dataset_id": api.dataset, "run_configuration": api.config()}
    assert field in api.refused("POST", "tasks", 400, {**body, field: []})


# --- updates ----------------------------------------------------------------------------------------------------


def patched(api, task, **body):
    reply = api.send("PATCH", f"tasks/{task}", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_an_update_changes_what_is_given_and_null_clears(api):
    task = api.task(query_filter="latency_ms > 1", sampling_rate=0.5)
    changed = patched(api, task, name="new name", is_continuous=True)
    assert (changed["name"], changed["is_continuous"]) == ("new name", True)
    assert (changed["query_filter"], changed["sampling_rate"]) == ("latency_ms > 1", 0.5)
    assert patched(api, task, query_filter=None)["query_filter"] is None
    assert changed["updated_at"] >= changed["created_at"]


def test_an_update_replaces_evaluators_with_their_pins(api):
    version = api.get(f"evaluators/{api.id('evaluators', 'correctness')}")["version"]["id"]
    task = api.task("pinned", [spec(api, evaluator_version_id=version, query_filter="a = 1")])
    changed = patched(api, task, evaluators=[spec(api)])
    assert changed["evaluators"][0]["evaluator_version_id"] is None
    assert changed["evaluators"][0]["query_filter"] is None


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "at least one"),
        ({"type": "CODE_EVALUATION"}, "type"),
        ({"project_id": "x"}, "project_id"),
        ({"run_configuration": {}}, "run_configuration"),
        ({"name": None}, "null"),
        ({"name": ""}, "name"),
        ({"evaluators": []}, "evaluators"),
        ({"sampling_rate": None}, "sampling_rate"),
        ({"query_filter": "nonsense"}, "query_filter"),
    ],
)
def test_updates_that_are_refused(api, body, word):
    assert word in api.refused("PATCH", f"tasks/{api.task()}", 400, body)


def test_an_experiment_task_takes_a_whole_configuration(api):
    task = api.experiment_task(model_name="gpt-4o")
    config = api.config(messages=[{"role": "SYSTEM", "content": "new"}])
    changed = patched(api, task, run_configuration=config)
    assert changed["run_configuration"] == {**config, "provider_parameters": {}}
    assert "evaluators" in api.refused("PATCH", f"tasks/{task}", 400, {"evaluators": [spec(api)]})


# --- triggers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field",
    ["experiment_name", "dataset_version_id", "example_ids", "max_examples", "query_filter", "tracing_metadata"],
)
def test_an_evaluation_takes_no_field_of_an_experiment(api, field):
    detail = api.refused("POST", f"tasks/{api.task()}/trigger", 400, {**api.day(1), field: "x"})
    assert f"{field}: not valid for a task of type TEMPLATE_EVALUATION" in detail


@pytest.mark.parametrize(
    "field", ["data_start_time", "data_end_time", "max_spans", "override_evaluations", "experiment_ids"]
)
def test_an_experiment_takes_no_field_of_an_evaluation(api, field):
    detail = api.refused("POST", f"tasks/{api.experiment_task()}/trigger", 400, {"experiment_name": "n", field: 1})
    assert f"{field}: not valid for a task of type RUN_EXPERIMENT" in detail


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"max_spans": 0}, "max_spans"),
        ({"max_spans": "10"}, "max_spans"),
        ({"override_evaluations": "no"}, "override_evaluations"),
        ({"experiment_ids": ["x"]}, "dataset"),
        ({"colour": 1}, "colour"),
    ],
)
def test_evaluation_triggers_that_are_refused(api, body, word):
    assert word in api.refused("POST", f"tasks/{api.task()}/trigger", 400, {**api.day(1), **body})


def test_a_dataset_task_takes_no_window(api):
    assert "only valid" in api.refused("POST", f"tasks/{api.dataset_task()}/trigger", 400, api.day(1))


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "experiment_name"),
        ({"experiment_name": ""}, "experiment_name"),
        ({"experiment_name": "x" * 256}, "255"),
        ({"experiment_name": 'a "quoted" name'}, "double quote"),
        ({"experiment_name": "back\\slash"}, "backslash"),
        ({"experiment_name": "n", "max_examples": 0}, "max_examples"),
        ({"experiment_name": "n", "max_examples": 2, "example_ids": ["x"]}, "mutually exclusive"),
        ({"experiment_name": "n", "tracing_metadata": {"a": 1}}, "tracing_metadata"),
        ({"experiment_name": "n", "query_filter": "nonsense"}, "query_filter"),
    ],
)
def test_experiment_triggers_that_are_refused(api, body, word):
    assert word in api.refused("POST", f"tasks/{api.experiment_task()}/trigger", 400, body)


@pytest.mark.parametrize("field", ["query_filter", "sampling_rate", "experiment_ids", "query_filters"])
def test_null_is_refused_where_a_field_is_not_nullable(api, field):
    assert f"{field}: must not be null" in api.refused("POST", "tasks", 400, {**api.body(), field: None})


def test_null_is_accepted_where_a_field_is_nullable(api):
    config = api.config(messages=[{"role": "USER", "content": None}])
    body = {"name": "x", "type": "RUN_EXPERIMENT", "dataset_id": api.dataset}
    api.post("tasks", {**body, "run_configuration": {**config, "prompt_version_id": None}})
    api.post("tasks", api.body("y", [spec(api, evaluator_version_id=None)]))
