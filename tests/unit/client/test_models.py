"""Models take anything: what is missing, null or of another type is ``None``, and nothing of it is lost."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from airflow_provider_arize_tasks.client.enums import RunStatus, TaskType
from airflow_provider_arize_tasks.client.errors import ArizeReplyError
from airflow_provider_arize_tasks.client.models import (
    AiIntegration,
    ArizeObject,
    Dataset,
    Evaluator,
    EvaluatorVersion,
    Example,
    Experiment,
    ExperimentRun,
    Page,
    Project,
    Prompt,
    Space,
    Span,
    Task,
    TaskRun,
    page_reader,
)

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

READERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "task": (Task.read, TASK),
    "task_run": (TaskRun.read, RUN),
    "space": (Space.read, {"id": "s", "name": "prod", "organization_id": "o", "is_private": True}),
    "project": (Project.read, {"id": "p", "name": "chat", "space_id": "s"}),
    "dataset": (Dataset.read, {"id": "d", "name": "gold", "versions": [{"id": "v1"}]}),
    "experiment": (Experiment.read, {"id": "e", "name": "n", "dataset_id": "d", "dataset_version_id": "v"}),
    "evaluator": (Evaluator.read, {"id": "e", "name": "n", "type": "TEMPLATE", "version": {"id": "v"}}),
    "integration": (AiIntegration.read, {"id": "i", "name": "openai", "type": "LLM"}),
    "version": (EvaluatorVersion.read, {"id": "v", "name": "one"}),
    "example": (Example.read, {"id": "x", "question": "?", "created_at": "2026-11-22T10:00:00Z"}),
    "experiment_run": (ExperimentRun.read, {"id": "r", "example_id": "x", "output": "o", "eval.a.score": 1}),
    "prompt": (
        Prompt.read,
        {"id": "p", "name": "n", "version": {"id": "v", "messages": [{"role": "USER"}], "labels": ["production"]}},
    ),
    "span": (
        Span.read,
        {"name": "s", "context": {"span_id": "1", "trace_id": "2"}, "evaluations": [{"name": "a", "score": 1}]},
    ),
    "page": (
        page_reader("task_runs", TaskRun),
        {"task_runs": [RUN], "pagination": {"has_more": True, "next_cursor": "c"}},
    ),
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


def test_a_task():
    task = Task.read(TASK)
    assert task.type is TaskType.TEMPLATE_EVALUATION
    assert task.sampling_rate == 0.5
    assert task.evaluators[0].evaluator_name == "toxicity"
    assert task.evaluators[0].column_mappings == {"input": "attributes.input.value"}
    assert task.evaluators[0].query_mappings[0]["attribute_path"] == "p"
    assert task.last_run_at == datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=timezone.utc)
    assert task.updated_at == datetime(2026, 11, 22, 10, tzinfo=timezone.utc)
    assert task.experiment_ids == ("RXhwOjE6YQ==",)


def test_a_run():
    run = TaskRun.read(RUN)
    assert run.status is RunStatus.COMPLETED
    assert (run.num_successes, run.num_errors, run.num_skipped, run.num_processed) == (3, 2, 1, 6)
    assert run.data_end_time == datetime(2026, 11, 22, tzinfo=timezone.utc)


@pytest.mark.parametrize("spelling", ["completed", "COMPLETED", "Completed", " completed "])
def test_both_cases_are_read(spelling):
    assert TaskRun.read({**RUN, "status": spelling}).status is RunStatus.COMPLETED


@pytest.mark.parametrize("strange", ["PAUSED", "", None, 3, [], {}])
def test_unknown_enums(strange):
    assert TaskRun.read({**RUN, "status": strange}).status is RunStatus.UNKNOWN
    assert Task.read({**TASK, "type": strange}).type is TaskType.UNKNOWN


@pytest.mark.parametrize(
    ("sent", "read"), [(3, 3), ("3", 3), (3.0, 3), (None, None), (True, None), (1.5, None), ("many", None), ("", None)]
)
def test_counts(sent, read):
    assert TaskRun.read({**RUN, "num_errors": sent}).num_errors == read


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


@pytest.mark.parametrize("name", sorted(set(READERS) - {"page", "example", "experiment_run", "span"}))
def test_everything_but_the_id_may_be_missing(name):
    read, _ = READERS[name]
    made: Any = read({"id": "x"})
    assert made.id == "x"
    wrong: tuple[Any, ...] = ({}, {"id": None}, {"id": ""}, {"id": 5}, None, [], "x")
    for broken in wrong:
        with pytest.raises(ArizeReplyError):
            read(broken)


def test_to_dict_is_a_copy():
    task = Task.read(TASK)
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
    read = page_reader("task_runs", TaskRun)(page)
    assert (len(read), read.next_cursor) == (count, cursor)
    assert [run.id for run in read] == [RUN["id"]] * count


@pytest.mark.parametrize(
    "page",
    [None, [], {}, {"tasks": []}, {"task_runs": {}}, {"task_runs": "x"}, {"task_runs": [None]}, {"task_runs": [{}]}],
)
def test_what_is_no_page_does_not_pass_for_an_empty_one(page):
    with pytest.raises(ArizeReplyError):
        page_reader("task_runs", TaskRun)(page)


def test_a_data_frame(monkeypatch):
    page = page_reader("task_runs", TaskRun)({"task_runs": [RUN, {**RUN, "id": "other"}]})
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    assert page.to_df() == [RUN, {**RUN, "id": "other"}]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'airflow-provider-arize-tasks\[pandas\]'"):
        page.to_df()


def test_objects_are_frozen_compared_by_their_fields_and_survive_copies():
    run = TaskRun.read(RUN)
    with pytest.raises(ValidationError):
        run.status = RunStatus.FAILED
    assert run == TaskRun.read({**RUN, "brand_new": "another"})
    assert run != TaskRun.read({**RUN, "num_errors": 3})
    for twin in (copy.deepcopy(run), pickle.loads(pickle.dumps(run)), run.model_copy()):
        assert twin == run
        assert twin.to_dict() == RUN
    assert "brand_new" not in repr(run)


def test_objects_made_here_show_what_they_were_made_of():
    run = TaskRun(id="r", status=RunStatus.COMPLETED, created_at=datetime(2026, 11, 22, tzinfo=timezone.utc))
    assert run.status_text == "COMPLETED"
    assert run.to_dict() == {"id": "r", "status": "COMPLETED", "created_at": "2026-11-22T00:00:00Z"}
    spelled: dict[str, Any] = {"type": "run_experiment", "evaluators": [{"evaluator_id": "e"}]}
    task = Task(id="t", **spelled)
    assert (task.type, task.type_text, task.evaluators[0].evaluator_id) == (
        TaskType.RUN_EXPERIMENT,
        "run_experiment",
        "e",
    )


def test_json_text():
    assert json.loads(TaskRun.read(RUN).to_json()) == RUN
    assert TaskRun.read({"id": "r"}).to_json(indent=1) == '{\n "id": "r"\n}'


def test_a_page_speaks_the_sdks_words():
    sent = {"task_runs": [RUN], "pagination": {"has_more": True, "next_cursor": "c"}}
    page = page_reader("task_runs", TaskRun)(sent)
    assert [run.id for run in page.task_runs] == [RUN["id"]]
    assert (page.pagination.has_more, page.pagination.next_cursor) == (True, "c")
    assert page.to_dict() == sent
    with pytest.raises(AttributeError, match="tasks"):
        page.tasks  # noqa: B018  # reading it is the test
    assert pickle.loads(pickle.dumps(page)) == page
    assert copy.deepcopy(page).task_runs == page.task_runs
    assert Page(items=(TaskRun(id="r"),)).items[0].id == "r"


def test_statuses_in_the_sdks_way():
    run = TaskRun.read({**RUN, "status": "completed"})
    assert run.status == "completed" == run.status_text
    assert run.status == "COMPLETED"
    assert str(run.status) == "COMPLETED"


def test_a_time_is_read_in_utc_however_it_is_spelled():
    moment = datetime(2026, 11, 22, 10, tzinfo=timezone.utc)
    for text in (
        "2026-11-22T10:00:00Z",
        "2026-11-22T10:00:00.000000000+00:00",
        "2026-11-22 12:00+02",
        "2026-11-22t10:00:00",
    ):
        read = TaskRun.read({**RUN, "created_at": text}).created_at
        assert read == moment
        assert read.isoformat() == "2026-11-22T10:00:00+00:00"
    for strange in ("2026-11-22", "20261122", "2026", 2026, "", None, True, 1e300, 2**70, "1" * 30):
        assert TaskRun.read({**RUN, "created_at": strange}).created_at is None


def test_a_time_as_epoch_seconds():
    moment = datetime(2026, 11, 22, 10, tzinfo=timezone.utc)
    assert TaskRun.read({**RUN, "created_at": moment.timestamp()}).created_at == moment


def test_times_of_any_year():
    for text in ("1970-01-01T00:00:00Z", "1999-12-31T23:59:59+00:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"):
        assert TaskRun.read({**RUN, "created_at": text}).created_at == datetime.fromisoformat(
            text.replace("Z", "+00:00")
        )


def test_integers_that_no_count_can_be():
    for huge in (2**63, -(2**70), "9" * 19, 1e300, 10**4000):
        assert TaskRun.read({**RUN, "num_errors": huge}).num_errors is None


def test_a_prompt_version():
    prompt = Prompt.read(READERS["prompt"][1])
    assert prompt.version.labels == ("production",)
    assert Prompt.read({"id": "p", "version": {"no": "id"}}).version is None


def test_a_span():
    span = Span.read(READERS["span"][1])
    assert (span.span_id, span.trace_id, span.evaluations[0]["score"]) == ("1", "2", 1)
    assert Span.read({"context": "strange"}).span_id is None


@pytest.mark.parametrize(
    "evil", ["a\nERROR - forged line", "a\x1b[2J", "a\u202eb", "NUL\x00", "\u2028", "x" * 501, " \ufffe"]
)
def test_an_id_that_would_forge_a_log_line_is_none(evil):
    with pytest.raises(ArizeReplyError, match="expected a task run with an id"):
        TaskRun.read({"id": evil})
    assert TaskRun.read({**RUN, "task_id": evil, "experiment_id": evil}).task_id is None


@pytest.mark.parametrize("usual", ["VGFza1J1bjoxOmE=", "a/b+c=?é", "12", "日本", "with blanks"])
def test_other_ids_are_taken_as_they_are(usual):
    assert TaskRun.read({"id": usual}).id == usual


def test_what_people_read_in_logs_is_one_printable_line():
    sent = {**RUN, "status": "NEW\nERROR - forged", "failure_reason": "no\x1b[2J\r\nquota \u202eleft" + "x" * 3000}
    run = TaskRun.read(sent)
    assert run.status_text == "NEW ERROR - forged"
    assert run.failure_reason.startswith("no quota leftxxx")
    assert len(run.failure_reason) == 2000
    assert run.to_dict() == sent
    assert TaskRun.read({**RUN, "failure_reason": "größer als erlaubt"}).failure_reason == "größer als erlaubt"
    assert TaskRun.read({**RUN, "failure_reason": ["no text"]}).failure_reason is None


@pytest.mark.parametrize("strange", [None, 5, "text", True, 1.5, {"a": 1}, [5, None, "x", []]])
@pytest.mark.parametrize("name", READERS)
def test_each_field_may_be_of_any_type(name, strange):
    read, good = READERS[name]
    for key in good:
        sent = {**good, key: strange}
        with suppress(ArizeReplyError):  # an id, or the list of a page
            assert read(sent).to_dict() == sent


def test_a_model_whose_completion_was_interrupted_is_completed_on_the_next_use():
    class Thing(ArizeObject):
        id: str

    del Thing.__pydantic_validator__  # where an interruption, or another thread, leaves pydantic 2.11
    assert Thing.read({"id": "a"}).id == "a"


def test_threads_that_meet_a_model_first_at_the_same_moment_all_read_it():
    class Thing(ArizeObject):
        id: str

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(Thing.read, [{"id": str(number)} for number in range(64)]))
    assert [(type(each), each.id) for each in found] == [(Thing, str(number)) for number in range(64)]
