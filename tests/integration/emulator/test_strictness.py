"""What Arize is reported to refuse, the emulator refuses too; and whatever comes in, it answers in the API's form."""

from __future__ import annotations

import json

import pytest
import requests

DAY = {"data_start_time": "2026-03-01T00:00:00Z", "data_end_time": "2026-03-02T00:00:00Z"}
MAPPING = {"variable_name": "output", "attribute_path": "attributes.output.value"}


@pytest.mark.parametrize("naive", ["2026-03-01T00:00:00", "2026-03-01T00:00:00.123", "2026-03-01 00:00"])
@pytest.mark.parametrize("field", ["data_start_time", "data_end_time"])
def test_a_time_without_an_offset_is_refused(api, field, naive):
    detail = api.refused("POST", f"tasks/{api.task()}/trigger", 422, {**DAY, field: naive})
    assert "Invalid ISO datetime" in detail


@pytest.mark.parametrize("offset", ["Z", "z", "+00:00", "-05:30"])
def test_any_offset_will_do(api, offset):
    body = {"data_start_time": f"2026-03-01T00:00:00{offset}", "data_end_time": f"2026-03-02T00:00:00.5{offset}"}
    assert api.trigger(api.task(), **body)["status"] == "PENDING"


@pytest.mark.parametrize(
    "query_filter", ["status_code = 'LOST'", "span_kind = 'LLM'", "name LIKE 'answer%'", "name LIKE '%'"]
)
def test_a_filter_that_matches_nothing_is_no_data(api, query_filter):
    detail = api.refused("POST", f"tasks/{api.task(query_filter=query_filter)}/trigger", 400, DAY)
    assert detail == "No data found between 2026-03-01T00:00:00.000Z and 2026-03-02T00:00:00.000Z"


def test_no_span_at_all_is_no_data_in_the_same_words(api):
    day = {"data_start_time": "2026-05-01T00:00:00Z", "data_end_time": "2026-05-02T00:00:00Z"}
    detail = api.refused("POST", f"tasks/{api.task()}/trigger", 400, day)
    assert detail == "No data found between 2026-05-01T00:00:00.000Z and 2026-05-02T00:00:00.000Z"


@pytest.mark.parametrize(
    "query_filter", ["attributes.openinference.span.kind = 'LLM'", "name = 'answer refund'", "latency_ms > 0"]
)
def test_a_filter_on_what_is_indexed_matches(api, query_filter):
    assert api.ended(api.window(api.task(query_filter=query_filter)))["num_successes"] > 0


def test_labels_can_be_filtered_on(api):
    api.ended(api.window(api.task()))
    second = api.task("second", ["hallucination"], query_filter="eval.correctness.label = 'correct'")
    labelled = api.ended(api.window(second))["num_successes"]
    assert 0 < labelled < 20


@pytest.mark.parametrize("blank", ["", "  ", "\t\n"])
def test_blank_filters_are_refused(api, blank):
    evaluator = api.id("evaluators", "correctness")
    trace = {"evaluator_id": api.id("evaluators", "trace-relevance"), "query_mappings": [{**MAPPING, "query_ids": []}]}
    bodies = [
        api.body(query_filter=blank),
        api.body(evaluators=[{"evaluator_id": evaluator, "query_filter": blank}]),
        api.body(evaluators=[trace], query_filters={"filters": [{"id": "A", "filter": blank}]}),
    ]
    for body in bodies:
        assert "empty or whitespace" in api.refused("POST", "tasks", 400, body)
    assert api.refused("PATCH", f"tasks/{api.task()}", 400, {"query_filter": blank})
    trigger = f"tasks/{api.experiment_task()}/trigger"
    assert api.refused("POST", trigger, 400, {"experiment_name": "n", "query_filter": blank})
    assert api.refused("POST", f"datasets/{api.dataset}/examples/search", 400, {"filter": blank})
    baseline = api.id("experiments", "baseline")
    assert api.refused("POST", f"experiments/{baseline}/runs/search", 400, {"filter": blank})


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("tasks", {"type": "template_evaluation"}),
        ("tasks", {"type": "EVALUATION"}),
        ("integrations", {"type": "MODEL"}),
        ("integrations", {"type": "llm"}),
        ("projects", {"project_type": "TRACING"}),
    ],
)
def test_unknown_values_of_a_type_are_refused(api, path, query):
    assert "must be one of" in api.refused("GET", path, 400, **query)


def test_integrations_by_type(api):
    assert [item["name"] for item in api.get("integrations", type="AGENT")["integrations"]] == ["demo-agent"]
    assert api.get("integrations", type="EVALUATOR")["integrations"] == []


def test_letters_of_query_mappings_must_be_declared_even_where_nothing_is(api):
    trace = {"evaluator_id": api.id("evaluators", "trace-relevance")}
    undeclared = {**trace, "query_mappings": [{**MAPPING, "query_ids": ["A"]}]}
    assert "A not declared" in api.refused("POST", "tasks", 400, api.body(evaluators=[undeclared]))
    assert api.task(evaluators=[{**trace, "query_mappings": [{**MAPPING, "query_ids": []}]}])


def test_two_custom_code_evaluators(api):
    second = api.control.add("evaluator", "second", config={"type": "CUSTOM", "name": "second", "variables": []})
    body = api.body(evaluators=["conciseness", {"evaluator_id": second}], type="CODE_EVALUATION")
    detail = api.refused("POST", "tasks", 422, body)
    assert detail == "Only one custom code evaluator runs per task. Create one task per custom evaluator."


def test_evaluators_of_two_kinds(api):
    detail = api.refused("POST", "tasks", 422, api.body(evaluators=["correctness", "json-parseable"]))
    assert detail == "All evaluators on a task must be the same type"


def test_evaluators_are_listed_by_update(api):
    api.control.add_evaluator_version("correctness")
    api.control.advance_clock(1)
    api.control.add_evaluator_version("hallucination")
    names = [item["name"] for item in api.get("evaluators")["evaluators"]]
    assert names[:2] == ["hallucination", "correctness"]


def template(api, **changes):
    llm = {"ai_integration_id": api.id("ai-integrations", "demo-openai"), "model_name": "gpt-4o"}
    config = {
        "name": "made",
        "template": "Judge {output}",
        "include_explanations": True,
        "use_function_calling": True,
        "llm_config": {**llm, "invocation_parameters": {}, "provider_parameters": {}},
    }
    version = {"commit_message": "first", "template_config": {**config, **changes}}
    return {"space_id": api.id("spaces", "demo-space"), "name": "made", "type": "TEMPLATE", "version": version}


def test_names_of_deleted_evaluators_stay_taken(api):
    made = api.post("evaluators", template(api))
    assert made["version"]["template_config"]["data_granularity"] == "SPAN"
    task = api.task(evaluators=[{"evaluator_id": made["id"]}])
    second = api.post(f"evaluators/{made['id']}/versions", template(api, name="other")["version"])
    assert api.get(f"evaluators/{made['id']}")["version"]["id"] == second["id"]
    assert api.send("PATCH", f"evaluators/{made['id']}", json={"description": "d"}).json()["description"] == "d"
    assert "already exists" in api.refused("POST", "evaluators", 409, template(api))
    assert api.send("DELETE", f"evaluators/{made['id']}").status_code == 204
    assert api.refused("GET", f"evaluators/{made['id']}", 404)
    assert "already exists" in api.refused("POST", "evaluators", 409, template(api))
    assert api.get(f"tasks/{task}")["evaluators"][0]["evaluator_id"] == made["id"]
    assert api.refused("POST", "evaluators", 422, {**template(api, name="a.b"), "name": "new"})


def test_examples_are_searched(api):
    path = f"datasets/{api.dataset}/examples"
    everything = api.get(path, limit=500)["examples"]
    found = api.post(f"{path}/search", {"limit": 500}, 200)["examples"]
    assert found == sorted(everything, key=lambda row: row["id"])
    refunds = api.post(f"{path}/search", {"filter": "topic = 'refund'", "limit": 2}, 200)
    assert {row["topic"] for row in refunds["examples"]} == {"refund"}
    rest = {"filter": "topic = 'refund'", "cursor": refunds["pagination"]["next_cursor"]}
    seen = refunds["examples"] + api.post(f"{path}/search", rest, 200)["examples"]
    assert len(seen) == sum(row["topic"] == "refund" for row in everything)
    assert api.refused("POST", f"{path}/search", 422, {"query": "x"})
    assert api.refused("POST", f"{path}/search", 400, {"filter": "topic ="})


@pytest.mark.parametrize("size", [0, 1, 10_000, 1_000_000])
@pytest.mark.parametrize("path", ["tasks", "projects", "evaluators"])
def test_cursors_of_any_size_get_a_problem_document(api, path, size):
    assert api.refused("GET", path, 400, cursor="A" * size)


@pytest.mark.parametrize("cursor", ["YWZ0ZXI6LTE=", "YWZ0ZXI6OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "YWZ0ZXI62aE="])
def test_cursors_that_decode_to_nonsense(api, cursor):
    assert api.refused("GET", "tasks", 400, cursor=cursor) == "cursor: is not valid"


@pytest.mark.parametrize("limit", ["1e1", "1_0", " 5", "٣", "9" * 5000, "-1", ""])
def test_limits_that_are_no_number(api, limit):
    assert api.refused("GET", "tasks", 400, limit=limit)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * 500 + "]" * 500,
        '{"sampling_rate": NaN}',
        '{"sampling_rate": 1e999}',
        '{"sampling_rate": 1' + "0" * 5000 + "}",
        '{"name": "half \\ud83d"}',
        "\ufeff{}",
        "nul",
        "[]",
        "null",
        '"text"',
        "1",
    ],
)
@pytest.mark.parametrize("path", ["tasks", "tasks/{task}", "tasks/{task}/trigger", "spans", "prompts", "evaluators"])
def test_odd_bodies_get_a_problem_document(api, path, text):
    method = "PATCH" if path == "tasks/{task}" else "POST"
    headers = {"Content-Type": "application/json"}
    reply = api.send(method, path.format(task=api.task()), data=text.encode(), headers=headers)
    assert reply.status_code in (400, 422), reply.text
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert json.loads(reply.text)["status"] == reply.status_code


@pytest.mark.parametrize("depth", [40, 60, 5000])
@pytest.mark.parametrize("opening", ["(", "NOT ", "NOT ("])
def test_filters_nested_to_any_depth(api, opening, depth):
    text = opening * depth + "latency_ms > 0" + ")" * (depth * opening.count("("))
    reply = api.send("POST", "tasks", json=api.body(query_filter=text))
    assert reply.status_code in (201, 400)
    assert "nested more than" in reply.text or reply.status_code == 201


def test_free_objects_are_nested_no_deeper_than_can_be_answered(api):
    deep: dict = {}
    for _ in range(55):
        deep = {"a": deep, "b": "{{dataset.input}}"}
    config = {"experiment_type": "AGENT_CALL", "integration_id": api.id("integrations", "demo-agent")}
    body = {"name": "deep", "type": "RUN_EXPERIMENT", "dataset_id": api.dataset}
    made = api.post("tasks", {**body, "run_configuration": {**config, "input_template": deep}})
    assert api.ended(api.trigger(made["id"], experiment_name="deep"))["num_successes"] == 50


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999-14:00", "9999-12-31T23:59:59Z"])
def test_times_at_the_ends_of_the_calendar(api, edge):
    reply = api.send("POST", f"tasks/{api.task()}/trigger", json={**DAY, "data_end_time": edge})
    assert reply.status_code == 400
    assert api.send("POST", "spans", json={"project_id": api.project, "start_time": edge}).status_code in (200, 400)


def browse(api, path, **options):
    headers = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    return requests.get(f"{api.emulator.url}{path}", headers=headers, timeout=20, **options)


def test_a_link_into_the_pages_of_arize_is_explained(api):
    space = api.id("spaces", "demo-space")
    query = "selectedTab=llmTracing&startA=1772323200000&endA=1772409600000"
    reply = browse(api, f"/organizations/T3JnOjE=/spaces/{space}/projects/{api.project}?{query}")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "demo-project" in reply.text
    assert "From 2026-03-01 00:00:00 UTC to 2026-03-02 00:00:00 UTC" in reply.text
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "start page"),
        ("/organizations/a/spaces/b/datasets/c?selectedTab=examples", "a dataset"),
        ("/organizations/a/spaces/b/datasets/c/experiments/compare?experimentId=d", "an experiment"),
        ("/organizations/a/spaces/b/evaluators/c", "an evaluator"),
        ("/organizations/a/spaces/b", "a space"),
        ("/settings", "may be a page"),
    ],
)
def test_every_kind_of_page_is_told(api, path, says):
    assert says in browse(api, path).text


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", "%3Cscript%3Ealert(1)%3C/script%3E", '"onload="x'])
def test_nothing_of_the_address_gets_into_the_page_unescaped(api, evil):
    path = f"/organizations/{evil}/spaces/{evil}/projects/{evil}?experimentId={evil}&startA={evil}&endA={evil}"
    text = browse(api, path).text.lower()
    assert "<script" not in text
    assert '"onload' not in text


def test_a_client_of_the_api_still_gets_json(api):
    for path in ("/organizations/a", "/"):
        reply = requests.get(f"{api.emulator.url}{path}", timeout=20)
        assert reply.status_code == 401
        assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert browse(api, "/v2/tasks").status_code == 401
    assert browse(api, "/v2").status_code == 401
