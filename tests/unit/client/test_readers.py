"""Readers take anything: what is missing, null or of another type is ``None``, and nothing of it is lost."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client import readers
from airflow_provider_arize_tasks.client.errors import ArizeReplyError
from airflow_provider_arize_tasks.client.models import RunStatus, TaskType

TASK = {
    "id": "VGFzazoxOmE=",
    "name": "nightly",
    "type": "TEMPLATE_EVALUATION",
    "project_id": "TW9kZWw6MTph",
    "dataset_id": None,
    "sampling_rate": 0.5,
    "is_continuous": False,
    "query_filter": "a = 1",
    "query_filters": {"filters": [{"id": "A", "filter": "x"}], "expression": "A"},
    "evaluators": [
        {
            "evaluator_id": "RXY6MTph",
            "evaluator_name": "toxicity",
            "evaluator_version_id": None,
            "query_filter": None,
            "column_mappings": {"input": "attributes.input.value"},
            "query_mappings": [{"variable_name": "v", "query_ids": ["A"], "attribute_path": "p"}],
            "brand_new": 1,
        }
    ],
    "experiment_ids": ["RXhwOjE6YQ=="],
    "run_configuration": None,
    "last_run_at": "2026-11-22T10:00:00.123Z",
    "created_at": "2026-11-22T10:00:00Z",
    "updated_at": "2026-11-22T12:00:00+02:00",
    "created_by_user_id": "VXNlcjoxOmE=",
    "brand_new": {"deep": [1, None]},
}
RUN = {
    "id": "VGFza1J1bjoxOmE=",
    "task_id": "VGFzazoxOmE=",
    "status": "COMPLETED",
    "experiment_id": "RXhwOjE6YQ==",
    "run_started_at": "2026-11-22T10:00:00Z",
    "run_finished_at": "2026-11-22T10:01:00Z",
    "data_start_time": "2026-11-21T00:00:00.000Z",
    "data_end_time": "2026-11-22T00:00:00.000Z",
    "num_successes": 3,
    "num_errors": 2,
    "num_skipped": 1,
    "created_at": "2026-11-22T09:59:59.999Z",
    "created_by_user_id": "VXNlcjoxOmE=",
    "failure_reason": None,
    "brand_new": "kept",
}

READERS = {
    "task": (readers.read_task, TASK),
    "task_run": (readers.read_task_run, RUN),
    "space": (readers.read_space, {"id": "s", "name": "prod", "organization_id": "o", "is_private": True}),
    "project": (readers.read_project, {"id": "p", "name": "chat", "space_id": "s"}),
    "dataset": (readers.read_dataset, {"id": "d", "name": "gold", "versions": [{"id": "v1"}]}),
    "experiment": (readers.read_experiment, {"id": "e", "name": "n", "dataset_id": "d", "dataset_version_id": "v"}),
    "evaluator": (readers.read_evaluator, {"id": "e", "name": "n", "type": "TEMPLATE", "version": {"id": "v"}}),
    "integration": (readers.read_integration, {"id": "i", "name": "openai", "type": "LLM"}),
    "version": (readers.read_version, {"id": "v", "name": "one"}),
    "example": (readers.read_example, {"id": "x", "question": "?", "created_at": "2026-11-22T10:00:00Z"}),
    "experiment_run": (readers.read_experiment_run, {"id": "r", "example_id": "x", "output": "o", "eval.a.score": 1}),
    "page": (
        readers.read_page("task_runs", readers.read_task_run),
        {"task_runs": [RUN], "pagination": {"has_more": True, "next_cursor": "c"}},
    ),
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


def test_a_task():
    task = readers.read_task(TASK)
    assert task.type is TaskType.TEMPLATE_EVALUATION
    assert task.sampling_rate == 0.5
    assert task.evaluators[0].evaluator_name == "toxicity"
    assert task.evaluators[0].column_mappings == {"input": "attributes.input.value"}
    assert task.evaluators[0].query_mappings[0]["attribute_path"] == "p"
    assert task.last_run_at == datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=timezone.utc)
    assert task.updated_at == datetime(2026, 11, 22, 10, tzinfo=timezone.utc)
    assert task.experiment_ids == ("RXhwOjE6YQ==",)


def test_a_run():
    run = readers.read_task_run(RUN)
    assert run.status is RunStatus.COMPLETED
    assert (run.num_successes, run.num_errors, run.num_skipped, run.num_processed) == (3, 2, 1, 6)
    assert run.data_end_time == datetime(2026, 11, 22, tzinfo=timezone.utc)


@pytest.mark.parametrize("spelling", ["completed", "COMPLETED", "Completed", " completed "])
def test_both_cases_are_read(spelling):
    assert readers.read_task_run({**RUN, "status": spelling}).status is RunStatus.COMPLETED


@pytest.mark.parametrize("strange", ["PAUSED", "", None, 3, [], {}])
def test_unknown_enums(strange):
    assert readers.read_task_run({**RUN, "status": strange}).status is RunStatus.UNKNOWN
    assert readers.read_task({**TASK, "type": strange}).type is TaskType.UNKNOWN


@pytest.mark.parametrize(
    ("sent", "read"), [(3, 3), ("3", 3), (3.0, 3), (None, None), (True, None), (1.5, None), ("many", None), ("", None)]
)
def test_counts(sent, read):
    assert readers.read_task_run({**RUN, "num_errors": sent}).num_errors == read


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_anything_may_be_missing_null_or_wrong(name, data):
    read, good = READERS[name]
    kept = data.draw(st.sets(st.sampled_from(sorted(good))))
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(good)), JSON))
    extra = data.draw(st.dictionaries(st.text(max_size=10), JSON, max_size=3))
    sent = {**extra, **{key: good[key] for key in kept}, **changed}
    try:
        result = read(sent)
    except ArizeReplyError:
        return
    assert result.to_dict() == sent
    json.dumps(result.to_dict())


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=25, deadline=None)
@given(sent=JSON)
def test_anything_at_all(name, sent):
    read, _ = READERS[name]
    try:
        result = read(sent)
    except ArizeReplyError:
        return
    assert result.to_dict() == sent


@pytest.mark.parametrize("name", sorted(set(READERS) - {"page", "example", "experiment_run"}))
def test_everything_but_the_id_may_be_missing(name):
    read, _ = READERS[name]
    assert read({"id": "x"}).id == "x"
    for broken in ({}, {"id": None}, {"id": ""}, {"id": 5}, None, [], "x"):
        with pytest.raises(ArizeReplyError):
            read(broken)


def test_to_dict_is_a_copy():
    task = readers.read_task(TASK)
    task.to_dict()["brand_new"]["deep"].append("changed")
    assert task.to_dict() == TASK


@pytest.mark.parametrize(
    ("page", "count", "cursor"),
    [
        ({"task_runs": [RUN], "pagination": {"has_more": False}}, 1, None),
        ({"task_runs": [], "pagination": {"next_cursor": "c"}}, 0, "c"),
        ({"task_runs": [], "pagination": {"next_cursor": ""}}, 0, None),
        ({"task_runs": [], "pagination": {"next_cursor": None}}, 0, None),
        ({"task_runs": None}, 0, None),
        ({"task_runs": []}, 0, None),
        ({"pagination": {"has_more": False}}, 0, None),
    ],
)
def test_pages(page, count, cursor):
    read = readers.read_page("task_runs", readers.read_task_run)(page)
    assert (len(read), read.next_cursor) == (count, cursor)
    assert [run.id for run in read] == [RUN["id"]] * count


@pytest.mark.parametrize(
    "page",
    [None, [], {}, {"tasks": []}, {"task_runs": {}}, {"task_runs": "x"}, {"task_runs": [None]}, {"task_runs": [{}]}],
)
def test_what_is_no_page_does_not_pass_for_an_empty_one(page):
    with pytest.raises(ArizeReplyError):
        readers.read_page("task_runs", readers.read_task_run)(page)


@settings(max_examples=50, deadline=None)
@given(
    moment=st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_times_round_trip(moment, minutes):
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert readers.parse_time(aware.isoformat()) == aware
    assert readers.parse_time(moment.isoformat()) == moment.replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T10:00:00.123456789Z", "2026-11-22T10:00:00.123456+00:00"),
        ("2026-11-22t10:00:00z", "2026-11-22T10:00:00+00:00"),
        ("2026-11-22 10:00:00+0530", "2026-11-22T04:30:00+00:00"),
        ("2026-11-22T10:00-03", "2026-11-22T13:00:00+00:00"),
        ("2026-11-22", None),
        ("yesterday", None),
        ("2026-13-22T10:00:00Z", None),
        ("2026-11-22T25:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("\uff12026-11-22T10:00:00Z", None),
    ],
)
def test_times(text, expected):
    read = readers.parse_time(text)
    assert (read.isoformat() if read else None) == expected


@settings(max_examples=50, deadline=None)
@given(text=st.text())
def test_any_text_is_a_time_or_none(text):
    readers.parse_time(text)


def test_a_data_frame(monkeypatch):
    page = readers.read_page("task_runs", readers.read_task_run)({"task_runs": [RUN, {**RUN, "id": "other"}]})
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    assert page.to_df() == [RUN, {**RUN, "id": "other"}]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'airflow-provider-arize-tasks\[pandas\]'"):
        page.to_df()
