"""Servers of different ages: enum case, fields, operations."""

from __future__ import annotations

import pytest

from airflow_provider_arize_tasks.emulator.levels import SINCE, UNTIL, Level, parse_level

LEVELS = ("8.28", "8.36", "8.45", "8.61")


def old_task(api, **fields):
    """An evaluation task in lower case."""
    return api.post("tasks", api.body(type="template_evaluation", **fields))


@pytest.mark.parametrize("text", ["8", "eight", "8.x", "8.28.0.1", "8.7"])
def test_what_is_no_level(text):
    with pytest.raises(ValueError, match="level"):
        Level(text)


def test_every_entry_of_the_table_is_a_level():
    assert all(parse_level(level) for level in [*SINCE.values(), *UNTIL.values()])
    assert Level("8.29.1").knows("first run needs data_start_time")
    assert not Level("8.29").knows("first run needs data_start_time")
    assert Level("8.100").knows("upper-case enums")


@pytest.mark.parametrize("level", ["8.28", "8.36"])
def test_an_old_server_speaks_lower_case_only(at_level, level):
    api = at_level(level)
    task = old_task(api)
    assert task["type"] == "template_evaluation"
    assert "type" in api.refused("POST", "tasks", 400, api.body("upper"))
    assert api.get("evaluators")["evaluators"][0]["type"] in ("template", "code")
    assert api.get("ai-integrations")["ai_integrations"][0]["provider"] == "openAI"
    assert len(api.get("tasks", type="template_evaluation")["tasks"]) == 1
    api.refused("GET", "tasks", 400, type="TEMPLATE_EVALUATION")
    runs = f"tasks/{task['id']}/runs"
    assert api.get(runs, status="completed")["task_runs"] == []
    api.refused("GET", f"{runs}?status=COMPLETED", 400)


def test_an_old_run_is_lower_case_throughout(at_level):
    api = at_level("8.28")
    api.control.add_spans(count=5, start="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z")
    run = api.window(old_task(api)["id"])
    seen = {run["status"]}
    while run["status"] in ("pending", "running"):
        run = api.run(run["id"])
        seen.add(run["status"])
    assert run["status"] == "completed"
    assert seen <= {"pending", "running", "completed"}
    assert "failure_reason" not in run
    assert run["num_successes"] == 5


def test_an_old_configuration_is_lower_case_throughout(at_level):
    api = at_level("8.36")
    config = api.config(
        experiment_type="llm_generation",
        input_variable_format="f_string",
        messages=[{"role": "user", "content": "{input}"}],
        invocation_parameters={
            "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "Mixed"}}}
        },
    )
    body = {"name": "x", "type": "run_experiment", "dataset_id": api.dataset, "run_configuration": config}
    task = api.post("tasks", body)
    assert task["run_configuration"] == {**config, "provider_parameters": {}}
    run = api.trigger(task["id"], experiment_name="n")
    assert run["status"] == "pending"


@pytest.mark.parametrize(
    ("level", "task_fields", "run_fields", "evaluator_fields"),
    [
        ("8.28", {"run_configuration"}, {"experiment_id"}, set()),
        ("8.36", {"run_configuration"}, {"experiment_id"}, set()),
        ("8.45", {"run_configuration"}, {"experiment_id", "failure_reason"}, {"evaluator_version_id"}),
        (
            "8.61",
            {"run_configuration", "query_filters"},
            {"experiment_id", "failure_reason"},
            {"evaluator_version_id", "query_mappings"},
        ),
    ],
)
def test_fields_of_replies_by_level(at_level, level, task_fields, run_fields, evaluator_fields):
    api = at_level(level)
    api.control.add_spans(count=5, start="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z")
    kind = "TEMPLATE_EVALUATION" if api.control.status()["api_level"] in ("8.45", "8.61") else "template_evaluation"
    task = api.post("tasks", api.body(type=kind))
    run = api.window(task["id"])
    dated = {"run_configuration", "query_filters"}, {"experiment_id", "failure_reason"}
    assert set(task) & dated[0] == task_fields
    assert set(run) & dated[1] == run_fields
    assert set(task["evaluators"][0]) & {"evaluator_version_id", "query_mappings"} == evaluator_fields


def test_what_a_space_and_an_experiment_show_by_level(at_level):
    shown = {level: set(at_level(level).get("spaces")["spaces"][0]) for level in LEVELS}
    assert "is_private" not in shown["8.36"]
    assert "is_private" in shown["8.45"]
    assert "organization_id" not in shown["8.45"]
    assert "organization_id" in shown["8.61"]
    experiments = {level: set(at_level(level).get("experiments")["experiments"][0]) for level in LEVELS}
    assert "space_id" not in experiments["8.36"]
    assert "space_id" in experiments["8.45"]


@pytest.mark.parametrize(
    ("level", "field"),
    [
        ("8.36", {"evaluators": [{"evaluator_version_id": "RXZhbHVhdG9yVmVyc2lvbjoxOng="}]}),
        ("8.45", {"query_filters": {"filters": [{"id": "A", "filter": "a = 1"}]}}),
    ],
)
def test_newer_fields_are_unknown_to_an_older_server(at_level, level, field):
    api = at_level(level)
    body = api.body(type="TEMPLATE_EVALUATION" if level == "8.45" else "template_evaluation")
    if "evaluators" in field:
        body["evaluators"][0] |= field["evaluators"][0]
    else:
        body |= field
    assert "unknown field" in api.refused("POST", "tasks", 400, body)


def test_operations_an_old_server_does_not_have(at_level):
    oldest = at_level("8.10")
    task = old_task(oldest)["id"]
    oldest.refused("PATCH", f"tasks/{task}", 405, {"name": "x"})
    oldest.refused("DELETE", f"tasks/{task}", 405)
    oldest.refused("GET", "integrations", 404)
    config = {"type": "run_experiment", "name": "x", "dataset_id": oldest.dataset, "run_configuration": {}}
    assert "type" in oldest.refused("POST", "tasks", 400, config)
    experiment = at_level("8.45").id("experiments", "baseline")
    at_level("8.45").refused("POST", f"experiments/{experiment}/runs/search", 404, {})


def test_an_old_list_in_an_unknown_scope_is_empty(at_level):
    nowhere = "U3BhY2U6OTpBQUFB"
    assert at_level("8.36").get("tasks", space_id=nowhere)["tasks"] == []
    at_level("8.45").refused("GET", "tasks", 404, space_id=nowhere)


def test_the_first_run_of_an_old_server_looks_seven_days_back(at_level):
    api = at_level("8.28")
    run = api.trigger(old_task(api)["id"])
    assert run["data_start_time"] is not None


def test_an_agent_call_is_unknown_before_its_time(at_level):
    api = at_level("8.36")
    config = {"experiment_type": "agent_call", "integration_id": "TGxtOjE6eA==", "input_template": {}}
    body = {"name": "x", "type": "run_experiment", "dataset_id": api.dataset, "run_configuration": config}
    assert "experiment_type" in api.refused("POST", "tasks", 400, body)


@pytest.mark.parametrize(
    ("level", "examples", "rows"), [("8.28", False, False), ("8.36", True, False), ("8.45", True, True)]
)
def test_a_server_that_takes_no_cursor_gives_none(at_level, level, examples, rows):
    api = at_level(level)
    experiment = api.id("experiments", "baseline")
    for path, pages in ((f"datasets/{api.dataset}/examples", examples), (f"experiments/{experiment}/runs", rows)):
        pagination = api.get(path, limit=10)["pagination"]
        assert pagination["has_more"] is True
        assert ("next_cursor" in pagination) is pages
