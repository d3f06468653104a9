"""``POST /v2/spans``: order, pages, windows, columns, evaluations, lags and switches."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.emulator.conftest import Api

DAY: dict[str, Any] = {"start_time": "2026-03-01T00:00:00Z", "end_time": "2026-03-01T23:59:59.999Z"}


def find(api: Api, limit: int = 500, **body):
    """The spans of a search, all pages."""
    spans, cursor = [], None
    while True:
        query = f"spans?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        reply = api.post(query, {"project_id": api.project, **body}, 200)
        spans += reply["spans"]
        cursor = reply["pagination"].get("next_cursor")
        assert reply["pagination"]["has_more"] is (cursor is not None)
        if cursor is None:
            return spans


def ids(spans):
    return [span["context"]["span_id"] for span in spans]


def refused(api: Api, status: int, query: str = "", **body):
    return api.refused("POST", f"spans{query}", status, {"project_id": api.project, **body})


def test_spans_come_newest_first_fifty_by_default(api):
    api.control.add_spans(count=40, start="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z")
    reply = api.post("spans", {"project_id": api.project, **DAY}, 200)
    assert len(reply["spans"]) == 50
    assert reply["pagination"]["has_more"]
    times = [span["start_time"] for span in reply["spans"]]
    assert times == sorted(times, reverse=True)


def test_both_ends_are_inclusive(api):
    api.control.add_spans(times=["2026-04-01T00:00:00Z", "2026-04-01T01:00:00Z", "2026-04-01T01:00:00.001Z"])
    assert len(find(api, start_time="2026-04-01T00:00:00Z", end_time="2026-04-01T01:00:00Z")) == 2


def test_the_last_week_is_the_default(api):
    now = datetime.now(timezone.utc)
    api.control.add_spans(times=[now - timedelta(days=6), now - timedelta(days=8)], attributes={"mine": True})
    assert len(find(api, filter="attributes.mine = true")) == 1


@pytest.mark.parametrize("limit", [1, 2, 7, 500])
def test_pages_of_any_size_show_each_span_once_ties_by_trace_and_id(api, limit):
    api.control.add_spans(times=["2026-03-01T12:00:00Z"] * 5)
    spans = find(api, limit, **DAY)
    whole = [(span["start_time"], span["context"]["trace_id"], span["context"]["span_id"]) for span in spans]
    assert len(set(whole)) == 25
    tied = [entry for entry in whole if entry[0] == "2026-03-01T12:00:00.000Z"]
    assert len(tied) == 6
    assert tied == sorted(tied)


def test_a_cursor_belongs_to_its_search(api):
    other = api.control.add("project", "other")
    cursor = api.post("spans?limit=5", {"project_id": api.project, **DAY}, 200)["pagination"]["next_cursor"]
    query = f"?limit=5&cursor={cursor}"
    for changed in (
        {"project_id": other},
        {"filter": "status_code = 'OK'"},
        {"included_columns": ["name"]},
        {"end_time": "2026-03-02T00:00:00Z"},
    ):
        assert "cursor" in refused(api, 400, query, **{**DAY, **changed})
    assert len(api.post(f"spans?limit=9&cursor={cursor}", {"project_id": api.project, **DAY}, 200)["spans"]) == 9


@pytest.mark.parametrize("cursor", ["x", "bnVsbA==", "WzFd", "A" * 5000, "W1tbW1tbW1tb"])
def test_what_is_no_cursor_is_refused(api, cursor):
    assert refused(api, 400, f"?cursor={cursor}", **DAY) == "cursor: is not valid"


@pytest.mark.parametrize(
    ("status", "query", "body"),
    [
        (400, "?limit=0", {}),
        (400, "?limit=501", {}),
        (400, "", {"filter": "  "}),
        (400, "", {"filter": "status_code = "}),
        (422, "", {"included_columns": ["name"], "excluded_columns": ["name"]}),
        (422, "", {"included_columns": []}),
        (422, "", {"included_columns": ["a"] * 1001}),
        (422, "", {"truncate_string_length": 0}),
        (422, "", {"columns": ["name"]}),
        (422, "", {"start_time": "2026-03-01T00:00:00"}),
        (400, "", {"start_time": "yesterday, about noon"}),
        (400, "", {"start_time": "2026-03-02T00:00:00Z", "end_time": "2026-03-01T00:00:00Z"}),
        (404, "", {"project_id": "TW9kZWw6OTk5Ong="}),
        (400, "", {"project_id": "demo-project"}),
    ],
)
def test_refusals(api, status, query, body):
    assert refused(api, status, query, **body)


def test_a_span_with_its_nested_attributes(api):
    times = ["2026-04-01T00:00:00Z"]
    given = {"attributes.llm.token_count.total": 12, "tier": "gold", "latency_ms": 250, "events": [{"name": "retry"}]}
    (span_id,) = api.control.add_spans(times=times, attributes=given)
    (span,) = find(api, start_time=times[0], end_time=times[0])
    assert span["context"]["span_id"] == span_id
    assert re.fullmatch("[0-9a-f]{32}", span["context"]["trace_id"])
    assert (span["start_time"], span["end_time"]) == ("2026-04-01T00:00:00.000Z", "2026-04-01T00:00:00.250Z")
    assert span["attributes"]["llm"]["token_count"] == {"total": 12}
    assert span["attributes"]["llm"]["model_name"]
    assert span["attributes"]["tier"] == "gold"
    assert span["kind"] == span["attributes"]["openinference"]["span"]["kind"]
    assert (span["status_code"], span["evaluations"], span["annotations"]) == ("OK", [], [])
    assert span["events"] == [{"name": "retry"}]


def test_columns_can_be_chosen_or_left_out(api):
    api.ended(api.window(api.task(evaluators=["correctness", "hallucination"])))
    (span, *_) = find(api, included_columns=["attributes.topic", "eval.correctness.label"], **DAY)
    assert set(span["attributes"]) == {"topic"}
    (evaluation,) = span["evaluations"]
    assert evaluation.keys() - {"metadata"} == {"name", "label"}
    assert span["name"]
    (span, *_) = find(api, excluded_columns=["attributes.topic", "eval.correctness.label", "name", "nobody"], **DAY)
    assert "topic" not in span["attributes"]
    assert span["attributes"]["input"]
    assert span["name"]
    assert ["label" in item for item in sorted(span["evaluations"], key=lambda item: item["name"])] == [False, True]


def test_texts_of_attributes_can_be_shortened(api):
    (span, *_) = find(api, truncate_string_length=4, **DAY)
    assert re.fullmatch("Que…", span["attributes"]["input"]["value"])
    assert len(span["name"]) > 4


def test_evaluations_carry_task_and_run_under_the_name_of_the_eval_column(api):
    config = {"name": "Custom_eval", "classification_choices": {"good": 1, "bad": 0}}
    evaluator = api.control.add("evaluator", "in the hub", config=config)
    task = api.task(evaluators=[{"evaluator_id": evaluator}])
    run = api.ended(api.window(task))
    for span in find(api, **DAY):
        (evaluation,) = span["evaluations"]
        assert evaluation["name"] == "Custom_eval"
        assert (evaluation["label"], evaluation["score"]) in {("good", 1), ("bad", 0)}
        assert evaluation["explanation"]
        assert evaluation["metadata"] == {"task_id": task, "run_id": run["id"]}
    api.control.configure(evaluation_metadata=False)
    assert all("metadata" not in span["evaluations"][0] for span in find(api, **DAY))
    good = find(api, filter="eval.Custom_eval.label = 'good'", **DAY)
    assert 0 < len(good) <= 20
    assert all(span["evaluations"][0]["label"] == "good" for span in good)
    assert find(api, filter="annotation.Custom_eval.label = 'good'", **DAY) == []


def test_a_label_of_a_trace_is_on_all_its_spans_or_on_its_first(api):
    mapping = {"variable_name": "output", "query_ids": [], "attribute_path": "attributes.output.value"}
    item = {"evaluator_id": api.id("evaluators", "trace-relevance"), "query_mappings": [mapping]}
    task = api.task(evaluators=[item])
    api.ended(api.window(task))
    assert all(span["evaluations"] for span in find(api, **DAY))
    api.control.configure(group_labels="first")
    second = api.ended(api.window(task, override_evaluations=True))
    traces: dict[str, list[bool]] = {}
    for span in reversed(find(api, **DAY)):
        is_new = span["evaluations"][0]["metadata"]["run_id"] == second["id"]
        traces.setdefault(span["context"]["trace_id"], []).append(is_new)
    assert all(marks == [True] + [False] * (len(marks) - 1) for marks in traces.values())
    ledger = api.control.ledger(task="a task", start="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z")
    assert (ledger["spans"], ledger["traces"], ledger["twice"]) == (20, len(traces), 20)


def test_spans_that_arrive_late_are_found_when_the_range_is_widened(api):
    day: dict[str, Any] = {"start_time": "2026-04-01T00:00:00Z", "end_time": "2026-04-02T00:00:00Z"}
    late = api.control.add_spans(times=["2026-04-01T12:00:00Z"], arrives_after=3 * 24 * 3600)
    near = api.control.add_spans(times=["2026-04-01T23:00:00Z"], arrives_after=3 * 3600)
    assert ids(find(api, **day)) == near
    assert ids(find(api, **{**day, "end_time": "2026-04-04T12:00:00Z"})) == near + late


def test_nobody_sees_a_span_before_it_arrives_or_the_index_before_its_lag(api):
    now = datetime.now(timezone.utc)
    api.control.add_spans(times=[now], arrives_after=600, attributes={"mine": True})
    body: dict[str, Any] = {"filter": "attributes.mine = true", "end_time": (now + timedelta(hours=1)).isoformat()}
    assert find(api, **body) == []
    api.control.configure(span_lag_seconds=1000, clock_offset_seconds=700)
    assert find(api, **body) == []
    api.control.configure(span_lag_seconds=0)
    assert len(find(api, **body)) == 1


def test_labels_show_after_their_lag(api):
    api.control.configure(label_lag_seconds=600)
    api.ended(api.window(api.task()))
    assert [span["evaluations"] for span in find(api, **DAY)] == [[]] * 20
    api.control.configure(clock_offset_seconds=700)
    assert all(span["evaluations"] for span in find(api, **DAY))


@pytest.mark.parametrize("status", [403, 404, 405])
def test_the_endpoint_can_be_missing_or_refused(api, status):
    api.control.configure(spans_status=status)
    assert refused(api, status, **DAY)
    api.control.configure(spans_status=None)
    assert len(find(api, **DAY)) == 20


def test_versions_judge_from_their_time_on_unless_pinned(api):
    evaluator = api.id("evaluators", "correctness")
    first = api.get(f"evaluators/{evaluator}/versions")["evaluator_versions"][0]["id"]
    follows = api.task("follows")
    pinned = api.task("pinned", [{"evaluator_id": evaluator, "evaluator_version_id": first}])
    soon = datetime.now(timezone.utc) + timedelta(seconds=600)
    second = api.control.add_evaluator_version("correctness", created_at=soon)
    assert [v["id"] for v in api.get(f"evaluators/{evaluator}/versions")["evaluator_versions"]] == [first]
    assert api.refused("GET", f"evaluator-versions/{second}", 404)
    api.ended(api.window(follows))
    api.control.configure(clock_offset_seconds=700)
    assert [v["id"] for v in api.get(f"evaluators/{evaluator}/versions")["evaluator_versions"]] == [second, first]
    api.ended(api.window(follows, day=2))
    day: dict[str, Any] = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-03T00:00:00Z"}
    ledger = api.control.ledger(task="follows", details=True, **day)
    assert ledger["by_evaluator"][evaluator]["by_version"] == {first: 20, second: 10}
    assert {label["evaluator_version_id"] for span in ledger["labels"] for label in span["labels"]} == {first, second}
    assert api.control.ledger(task="follows", current=True, **day)["once"] == 10
    assert api.control.ledger(task="pinned", current=True, **day)["once"] == 20
    api.ended(api.window(pinned, day=2, override_evaluations=True))
    assert api.control.ledger(task="pinned", current=True, **day)["once"] == 30


def test_older_servers(at_level):
    old = at_level("8.28")
    old.control.add_spans(times=["2026-04-01T00:00:00Z", "2026-04-01T01:00:00Z"])
    hour: dict[str, Any] = {"start_time": "2026-04-01T00:00:00Z", "end_time": "2026-04-01T01:00:00Z"}
    assert len(find(old, **hour)) == 1
    assert "unknown field" in refused(old, 422, included_columns=["name"])
    assert find(old, filter=" ", **hour) == find(old, **hour)
