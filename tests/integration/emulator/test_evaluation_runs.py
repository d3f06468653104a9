"""Evaluation runs of a project: which spans they label, and what their counts say."""

from __future__ import annotations

import pytest

DAY_ONE = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}


def test_a_run_goes_from_pending_over_running_to_completed(api):
    api.control.configure(run_seconds=0.4, pending_seconds=0.2)
    run = api.window(api.task())
    assert (run["status"], run["num_successes"], run["run_started_at"]) == ("PENDING", 0, None)
    seen = {run["status"]}
    while run["status"] in ("PENDING", "RUNNING"):
        run = api.run(run["id"])
        seen.add(run["status"])
    assert seen == {"PENDING", "RUNNING", "COMPLETED"}
    assert run["run_started_at"] < run["run_finished_at"]
    assert (run["num_successes"], run["num_errors"], run["num_skipped"], run["failure_reason"]) == (20, 0, 0, None)


def test_a_window_includes_its_start_and_not_its_end(api):
    api.control.add_spans(
        project="edges", times=["2026-03-01T00:00:00Z", "2026-03-01T11:59:59.999Z", "2026-03-01T12:00Z"]
    )
    task = api.task(project_id=api.id("projects", "edges"))
    run = api.trigger(task, data_start_time="2026-03-01T00:00:00Z", data_end_time="2026-03-01T12:00:00Z")
    assert api.ended(run)["num_successes"] == 2


def test_labels_appear_when_the_run_ends_whether_or_not_somebody_looks(api):
    task = api.task()
    api.ended(api.window(task))
    ledger = api.control.ledger(task="a task", **DAY_ONE)
    assert (ledger["spans"], ledger["once"], ledger["missed"], ledger["twice"]) == (20, 20, 0, 0)
    assert api.control.ledger(task="a task", start="2026-03-02T00:00:00Z", end="2026-03-03T00:00:00Z")["missed"] == 10


def test_an_evaluated_window_ends_cancelled_and_says_what_to_do(api):
    task = api.task()
    api.ended(api.window(task))
    again = api.ended(api.window(task))
    assert (again["status"], again["num_successes"], again["num_errors"], again["num_skipped"]) == (
        "CANCELLED",
        0,
        0,
        0,
    )
    assert "override_evaluations" in again["failure_reason"]


def test_override_labels_once_more(api):
    task = api.task()
    api.ended(api.window(task))
    assert api.ended(api.window(task, override_evaluations=True))["num_successes"] == 20
    ledger = api.control.ledger(task="a task", **DAY_ONE)
    assert ledger["twice"] == 20
    assert len(ledger["twice_spans"][0]["labels"]) == 2


def test_only_what_is_new_is_labelled(api):
    task = api.task()
    api.ended(api.window(task))
    api.control.add_spans(times=["2026-03-01T05:05:05Z"])
    assert api.ended(api.window(task))["num_successes"] == 1


def test_labels_are_kept_per_evaluator(api):
    api.ended(api.window(api.task("one", ["correctness"])))
    both = api.ended(api.window(api.task("both", ["correctness", "hallucination"])))
    assert (both["status"], both["num_successes"]) == ("COMPLETED", 20)
    ledger = api.control.ledger(task="both", **DAY_ONE)
    assert (ledger["once"], ledger["twice"]) == (20, 0)


def test_counts_per_evaluator_when_set_so(api):
    api.control.configure(counts="per_evaluator")
    assert api.ended(api.window(api.task("both", ["correctness", "hallucination"])))["num_successes"] == 40


def test_two_runs_at_the_same_time_label_twice(api):
    task = api.task()
    for run in [api.window(task), api.window(task)]:
        api.ended(run)
    assert api.control.ledger(task="a task", **DAY_ONE)["twice"] == 20


def test_max_spans_takes_the_earliest(api):
    task = api.task()
    assert api.ended(api.window(task, max_spans=6))["num_successes"] == 6
    ledger = api.control.ledger(task="a task", details=True, **DAY_ONE)
    assert [bool(span["labels"]) for span in ledger["labels"]] == [True] * 6 + [False] * 14
    assert api.ended(api.window(task, max_spans=100))["num_successes"] == 14


def test_sampling_is_a_share_and_always_the_same_one(api):
    api.control.add_spans(count=400, start="2026-03-10T00:00:00Z", end="2026-03-11T00:00:00Z")
    task = api.task(sampling_rate=0.25)
    run = api.ended(api.window(task, 10))
    assert 60 < run["num_successes"] < 140
    assert api.ended(api.window(task, 10))["status"] == "CANCELLED"


@pytest.mark.parametrize(
    ("task_filter", "own_filter", "expected"),
    [
        ("attributes.tier = 'gold'", None, 4),
        (None, "tier = 'gold' AND latency > 10", 2),
        ("attributes.tier = 'gold'", "attributes.latency >= 20", 2),
        ("attributes.tier IN ('gold', 'tin') AND NOT attributes.latency < 15", None, 2),
        (None, "metadata.nothing = 'x'", 0),
    ],
)
def test_filters_of_task_and_evaluator_both_apply(api, task_filter, own_filter, expected):
    for latency in (10, 20):
        attributes = {"attributes.tier": "gold", "attributes.latency": latency}
        range_of_day = {"start": "2026-03-15T00:00:00Z", "end": "2026-03-16T00:00:00Z"}
        api.control.add_spans(count=2, attributes=attributes, **range_of_day)
    evaluator = {"evaluator_id": api.id("evaluators", "correctness")}
    if own_filter:
        evaluator["query_filter"] = own_filter
    run = api.ended(api.window(api.task("f", [evaluator], query_filter=task_filter), 15))
    assert (run["status"], run["num_successes"]) == ("COMPLETED", expected)


def test_traces_are_counted_as_units_and_labelled_whole(api):
    for trace in ("t1", "t2", "t3"):
        attributes = {"context.trace_id": trace, "attributes.kind": trace}
        api.control.add_spans(count=3, start="2026-03-20T00:00:00Z", end="2026-03-21T00:00:00Z", attributes=attributes)
    mapping = {"variable_name": "output", "query_ids": ["A"], "attribute_path": "attributes.output.value"}
    evaluator = {"evaluator_id": api.id("evaluators", "trace-relevance"), "query_mappings": [mapping]}
    filters = {
        "filters": [{"id": "A", "filter": "kind = 't1'"}, {"id": "B", "filter": "kind = 't2'"}],
        "expression": "A OR B",
    }
    run = api.ended(api.window(api.task("traces", [evaluator], query_filters=filters), 20))
    assert run["num_successes"] == 2
    ledger = api.control.ledger(task="traces", start="2026-03-20T00:00:00Z", end="2026-03-21T00:00:00Z")
    assert (ledger["once"], ledger["missed"]) == (6, 3)


def test_spans_are_seen_once_indexed(api):
    api.control.configure(index_lag_seconds=7200)
    api.control.add_spans(project="fresh", times=["2026-03-01T01:00:00Z"], attributes={"ingested_ms": 9e15})
    task = api.task(project_id=api.id("projects", "fresh"))
    assert "No data found" in api.refused("POST", f"tasks/{task}/trigger", 400, api.day(1))
    api.control.configure(index_lag_seconds=0)
    assert api.ended(api.window(task))["num_successes"] == 1


@pytest.mark.parametrize(
    ("start", "end", "word"),
    [
        ("2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", "No data found"),
        ("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z", "before"),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "before"),
        ("2026-03-01T00:00:00Z", "2026-03-31T00:00:00.001Z", "30 days"),
        ("yesterday", "2026-03-31T00:00:00Z", "data_start_time"),
        ("2026-03-01", "2026-03-02", "date-time"),
    ],
)
def test_windows_that_are_refused(api, start, end, word):
    task = api.task()
    body = {"data_start_time": start, "data_end_time": end}
    assert word in api.refused("POST", f"tasks/{task}/trigger", 400, body)
    assert api.get(f"tasks/{task}/runs")["task_runs"] == []


def test_thirty_days_are_accepted(api):
    run = api.trigger(api.task(), data_start_time="2026-03-01T00:00:00Z", data_end_time="2026-03-31T00:00:00Z")
    assert api.ended(run)["num_successes"] == 30


def test_an_offset_of_a_window_counts(api):
    task = api.task()
    body = {"data_start_time": "2026-03-01T02:00:00+02:00", "data_end_time": "2026-03-02T02:00:00.000+02:00"}
    run = api.trigger(task, **body)
    assert (run["data_start_time"], run["data_end_time"]) == ("2026-03-01T00:00:00.000Z", "2026-03-02T00:00:00.000Z")


def test_the_first_run_needs_a_start_and_the_next_begins_at_the_last(api):
    task = api.task()
    assert "first run" in api.refused("POST", f"tasks/{task}/trigger", 400, {})
    first = api.window(task)
    api.control.add_spans(times=[api.run(first["id"])["created_at"]])
    second = api.send("POST", f"tasks/{task}/trigger").json()
    assert second["data_start_time"] == first["created_at"]
    assert api.get(f"tasks/{task}")["last_run_at"] == second["created_at"]


def test_cancel_keeps_what_was_done_by_then(api):
    api.control.configure(run_seconds=1000, pending_seconds=0)
    run = api.window(api.task())
    api.control.configure(clock_offset_seconds=525)
    cancelled = api.post(f"task-runs/{run['id']}/cancel", status=200)
    assert (cancelled["status"], cancelled["num_successes"]) == ("CANCELLED", 10)
    assert "cancelled" in cancelled["failure_reason"]
    assert api.control.ledger(task="a task", **DAY_ONE)["once"] == 10


@pytest.mark.parametrize("how", ["completed", "cancelled"])
def test_a_run_that_has_ended_cannot_be_cancelled(api, how):
    run = api.window(api.task())
    if how == "completed":
        api.ended(run)
    else:
        api.post(f"task-runs/{run['id']}/cancel", status=200)
    detail = api.refused("POST", f"task-runs/{run['id']}/cancel", 400)
    assert f"cannot cancel a run with status '{how}'" in detail


def test_runs_are_listed_by_status(api):
    task = api.task()
    done = api.ended(api.window(task))
    api.control.configure(run_seconds=3600, pending_seconds=0)
    going = api.window(task, override_evaluations=True)
    listed = {status: api.get(f"tasks/{task}/runs", status=status)["task_runs"] for status in ("COMPLETED", "RUNNING")}
    assert [run["id"] for run in listed["COMPLETED"]] == [done["id"]]
    assert [run["id"] for run in listed["RUNNING"]] == [going["id"]]
    assert "status" in api.refused("GET", f"tasks/{task}/runs?status=completed", 400)


def test_deleting_a_task_takes_its_runs_along(api):
    task = api.task()
    run = api.window(task)
    reply = api.send("DELETE", f"tasks/{task}")
    assert (reply.status_code, reply.content) == (204, b"")
    api.refused("GET", f"tasks/{task}", 404)
    api.refused("GET", f"task-runs/{run['id']}", 404)
    assert api.task() != task
