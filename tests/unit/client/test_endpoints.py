from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client import endpoints as e
from airflow_provider_arize_tasks.client.calls import Call, query_of
from airflow_provider_arize_tasks.client.errors import ArizeConfigError

ID = "TW9k/Zw=="
CALLS: list[tuple[Call[Any], str, str]] = [
    (e.list_tasks(limit=None), "GET", "/v2/tasks"),
    (e.get_task(ID), "GET", "/v2/tasks/TW9k%2FZw%3D%3D"),
    (e.create_task({}), "POST", "/v2/tasks"),
    (e.update_task(ID, {}), "PATCH", "/v2/tasks/TW9k%2FZw%3D%3D"),
    (e.delete_task(ID), "DELETE", "/v2/tasks/TW9k%2FZw%3D%3D"),
    (e.trigger_task_run(ID), "POST", "/v2/tasks/TW9k%2FZw%3D%3D/trigger"),
    (e.list_task_runs(ID), "GET", "/v2/tasks/TW9k%2FZw%3D%3D/runs"),
    (e.get_task_run(ID), "GET", "/v2/task-runs/TW9k%2FZw%3D%3D"),
    (e.cancel_task_run(ID), "POST", "/v2/task-runs/TW9k%2FZw%3D%3D/cancel"),
    (e.list_spaces(), "GET", "/v2/spaces"),
    (e.get_space(ID), "GET", "/v2/spaces/TW9k%2FZw%3D%3D"),
    (e.list_projects(), "GET", "/v2/projects"),
    (e.list_datasets(), "GET", "/v2/datasets"),
    (e.get_dataset(ID), "GET", "/v2/datasets/TW9k%2FZw%3D%3D"),
    (e.list_dataset_examples(ID), "GET", "/v2/datasets/TW9k%2FZw%3D%3D/examples"),
    (e.list_experiments(), "GET", "/v2/experiments"),
    (e.get_experiment(ID), "GET", "/v2/experiments/TW9k%2FZw%3D%3D"),
    (e.list_experiment_runs(ID), "GET", "/v2/experiments/TW9k%2FZw%3D%3D/runs"),
    (e.list_evaluators(), "GET", "/v2/evaluators"),
    (e.get_evaluator(ID), "GET", "/v2/evaluators/TW9k%2FZw%3D%3D"),
    (e.list_evaluator_versions(ID), "GET", "/v2/evaluators/TW9k%2FZw%3D%3D/versions"),
    (e.list_ai_integrations(), "GET", "/v2/ai-integrations"),
    (e.list_integrations(), "GET", "/v2/integrations"),
]


@pytest.mark.parametrize(("call", "method", "path"), CALLS, ids=lambda value: getattr(value, "what", None))
def test_method_and_path(call, method, path):
    assert (call.method, call.path) == (method, path)


def test_what_may_be_repeated():
    once = {call.what for call, _, _ in CALLS if not call.idempotent}
    assert once == {"create task None", f"trigger a run of task {ID}"}
    assert {call.method for call, _, _ in CALLS if call.changes} == {"POST", "PATCH", "DELETE"}


def test_a_trigger_always_has_a_body():
    assert e.trigger_task_run(ID).body == {}
    assert e.cancel_task_run(ID).body is None


@pytest.mark.parametrize("bad", ["", " ", ".", ".."])
def test_what_would_lead_to_another_path_is_no_id(bad):
    with pytest.raises(ArizeConfigError, match="is no id"):
        e.get_task(bad)


@settings(max_examples=50, deadline=None)
@given(text=st.text(min_size=1))
def test_no_id_escapes_its_place(text):
    try:
        path = e.get_task(text).path
    except ArizeConfigError:
        return
    assert path.startswith("/v2/tasks/")
    assert not set(path.removeprefix("/v2/tasks/")) & set("/?#&= \\\r\n")


def test_queries_leave_out_what_is_not_given():
    assert query_of(a=None, b=True, c=0, d="x y", e="") == (("b", "true"), ("c", "0"), ("d", "x y"), ("e", ""))
