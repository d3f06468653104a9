"""Switches for what the API's reference leaves open: each has both answers."""

from __future__ import annotations

import json

import pytest

from airflow_provider_arize_tasks.emulator.control import EmulatorError
from airflow_provider_arize_tasks.emulator.process import running_emulator

DAY_ONE = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}


def trace_task(api, name="traces"):
    mapping = {"variable_name": "output", "query_ids": [], "attribute_path": "attributes.output.value"}
    return api.task(name, [{"evaluator_id": api.id("evaluators", "trace-relevance"), "query_mappings": [mapping]}])


@pytest.mark.parametrize(("limit_applies", "second"), [("after_labels", "COMPLETED"), ("before_labels", "CANCELLED")])
def test_the_limit_before_or_after_labelled_spans_are_left_out(api, limit_applies, second):
    api.control.configure(limit_applies=limit_applies)
    task = api.task()
    assert api.ended(api.window(task, max_spans=6))["num_successes"] == 6
    again = api.ended(api.window(task, max_spans=6))
    assert again["status"] == second
    assert api.control.ledger(task="a task", **DAY_ONE)["once"] == (12 if second == "COMPLETED" else 6)


@pytest.mark.parametrize(("limit_counts", "most"), [("spans", 2), ("units", 6)])
def test_the_limit_of_a_trace_task(api, limit_counts, most):
    api.control.configure(limit_counts=limit_counts)
    run = api.ended(api.window(trace_task(api), max_spans=6))
    assert run["num_successes"] == pytest.approx(most, abs=1 if limit_counts == "spans" else 0)
    ledger = api.control.ledger(task="traces", **DAY_ONE)
    assert ledger["once"] <= 6 if limit_counts == "spans" else ledger["once"] > 6


def test_counts_of_traces(api):
    task = trace_task(api)
    traces = api.control.ledger(task="traces", **DAY_ONE)["traces"]
    assert api.ended(api.window(task))["num_successes"] == traces
    api.control.configure(counts="spans")
    assert api.ended(api.window(task, override_evaluations=True))["num_successes"] == 20


@pytest.mark.parametrize(("is_heeded", "labelled"), [(True, 0), (False, 20)])
def test_the_filter_of_one_evaluator_may_be_ignored(api, is_heeded, labelled):
    api.control.configure(evaluator_filters=is_heeded)
    item = {"evaluator_id": api.id("evaluators", "correctness"), "query_filter": "status_code = 'LOST'"}
    run = api.ended(api.window(api.task(evaluators=[item])))
    assert (run["status"], run["num_successes"]) == ("COMPLETED", labelled)


@pytest.mark.parametrize("is_oldest_first", [True, False])
def test_order_of_lists(api, is_oldest_first):
    api.control.configure(oldest_first=is_oldest_first)
    tasks = [api.task("one"), api.task("two", ["hallucination"])]
    runs = [api.window(tasks[0])["id"] for _ in range(2)]
    order = 1 if is_oldest_first else -1
    assert [item["id"] for item in api.get("tasks")["tasks"]] == tasks[::order]
    assert [item["id"] for item in api.get(f"tasks/{tasks[0]}/runs")["task_runs"]] == runs[::order]


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"counts": "all"}, "counts"), ({"run_seconds": "2"}, "run_seconds"), ({"nothing": 1}, "nothing")],
)
def test_unknown_settings_and_values_are_refused(api, settings, name):
    with pytest.raises(EmulatorError, match=f"400.*{name}"):
        api.control.configure(**settings)


def test_settings_to_begin_with(monkeypatch):
    monkeypatch.setenv("ARIZE_EMULATOR_SETTINGS", json.dumps({"counts": "per_evaluator", "oldest_first": True}))
    with running_emulator(seed_spans=0) as emulator:
        emulator.control.configure(counts="items")
        emulator.control.reset()
        settings = emulator.control.status()["settings"]
    assert (settings["counts"], settings["oldest_first"]) == ("per_evaluator", True)
    with pytest.raises(EmulatorError, match="counts"), running_emulator(seed_spans=0, settings='{"counts": 1}'):
        pass


def test_a_ledger_that_could_count_nothing_is_an_error(api):
    with pytest.raises(EmulatorError, match="no evaluation task"):
        api.control.ledger(**DAY_ONE)
    api.task()
    assert api.control.ledger(**DAY_ONE)["missed"] == 20
