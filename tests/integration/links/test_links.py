"""The buttons: what the operators push is what Airflow shows, and nothing is asked for in vain."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_arize_tasks.links import arize
from airflow_provider_arize_tasks.links.arize import (
    ArizeExperimentLink,
    ArizeTaskLink,
    ArizeTaskRunLink,
    keep_links_as_pushed,
    push_link,
)
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.testing.runner import run_task
from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger

LINKS = [ArizeTaskLink, ArizeTaskRunLink, ArizeExperimentLink]
URL = "https://app.arize.com/organizations/o/spaces/s"


class TaskInstance(SimpleNamespace):
    def xcom_push(self, key, value):
        self.store[key] = value


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch):
    monkeypatch.setattr(arize, "_pushed", {})


@pytest.fixture
def store(monkeypatch) -> dict:
    """Airflow's XComs of the task instance; reading one is noted under ``asked``."""
    values: dict = {"asked": []}

    def get_value(*, key, ti_key):
        values["asked"].append(key)
        return values.get(key)

    monkeypatch.setattr(arize, "XCom", SimpleNamespace(get_value=get_value))
    return values


def instance(store, **more) -> Any:
    return TaskInstance(dag_id="d", task_id="t", run_id="r", map_index=-1, store=store, **more)


def worker(store, next_method=None) -> Any:
    return instance(store, _ti_context_from_server=SimpleNamespace(next_method=next_method))


@pytest.mark.parametrize("link", LINKS)
def test_each_has_a_key_of_its_own_that_airflow_3_reads(link):
    assert link().xcom_key == link.key
    assert len({other.key for other in LINKS}) == len({other.name for other in LINKS}) == len(LINKS)


def test_what_was_pushed_is_there_while_the_task_waits(store):
    push_link({"ti": worker(store)}, ArizeTaskRunLink, URL)
    assert store[ArizeTaskRunLink().xcom_key] == URL


def test_web_server_of_airflow_2_reads_the_xcom(store):
    store["arize_run_link"] = URL
    assert ArizeTaskRunLink().get_link(None, ti_key=instance(store)) == URL


def test_worker_of_airflow_3_stores_the_same_again_when_the_task_ends(store):
    ti = worker(store)
    push_link({"ti": ti}, ArizeTaskRunLink, URL)
    assert ArizeTaskRunLink().get_link(None, ti_key=ti) == URL
    assert store["asked"] == []


def test_after_a_resume_the_link_is_read_and_kept(store):
    store["arize_run_link"] = URL
    assert ArizeTaskRunLink().get_link(None, ti_key=worker(store, next_method="execute_complete")) == URL


def test_a_link_that_was_never_pushed_is_not_asked_for(store):
    assert ArizeExperimentLink().get_link(None, ti_key=worker(store)) == ""
    assert store["asked"] == []


def test_other_instances_of_a_mapped_task_have_their_own(store):
    push_link({"ti": worker(store)}, ArizeTaskRunLink, URL)
    other = worker(store)
    other.map_index = 3
    assert ArizeTaskRunLink().get_link(None, ti_key=other) == ""


@pytest.mark.parametrize("value", [None, 7])
def test_anything_but_an_address_is_no_link(store, value):
    store["arize_run_link"] = value
    assert ArizeTaskRunLink().get_link(None, ti_key=instance(store)) == ""


def test_no_address_pushes_nothing(store):
    push_link({"ti": worker(store)}, ArizeTaskLink, None)
    assert set(store) == {"asked"}


class TestTheEndOfAProcess:
    """Airflow 3 stores the links of the operator once more; of ours they have been pushed by then."""

    @pytest.fixture
    def stored(self, monkeypatch) -> list:
        """Keys that Airflow's own code stores when a process of a task ends."""
        task_runner = pytest.importorskip("airflow.sdk.execution_time.task_runner")
        if not hasattr(task_runner, "finalize"):
            pytest.skip("this Airflow stores no links")
        keys: list = []
        monkeypatch.setattr(task_runner, "_xcom_push_to_db", lambda ti, key, value: keys.append(key))
        return keys

    @staticmethod
    def end(task) -> None:
        from airflow.sdk.execution_time.task_runner import finalize
        from airflow.utils.state import TaskInstanceState

        ti = SimpleNamespace(task=task, start_date=None, end_date=None, _ti_context_from_server=SimpleNamespace())
        finalize(ti, TaskInstanceState.DEFERRED, {}, logging.getLogger("test"))

    def test_without_an_execution_all_are_stored(self, stored):
        self.end(ArizeTriggerEvaluationRunOperator(task_id="t", task="daily"))
        assert set(stored) == {link.key for link in LINKS}

    @pytest.mark.parametrize("resumed", [False, True])
    def test_nothing_is_stored_again(self, stored, resumed):
        operator = ArizeTriggerEvaluationRunOperator(task_id="t", task="daily")
        # There is no such connection, so neither gets far; the copy that was executed is all that matters.
        nothing = ArizeTaskRunTrigger(run_ids=[]).serialize()
        deferred = {"classpath": nothing[0], "kwargs": nothing[1], "method": "execute_complete", "method_kwargs": {}}
        copy = run_task(operator, resume_from=deferred if resumed else None).task
        self.end(copy)
        assert stored == []

    def test_the_dag_and_other_instances_keep_theirs(self):
        operator = ArizeTriggerEvaluationRunOperator(task_id="t", task="daily")
        keep_links_as_pushed(operator.prepare_for_execution(), {"ti": instance({})})
        for other in (operator, operator.prepare_for_execution()):
            assert [link.key for link in other.operator_extra_links] == [link.key for link in LINKS]

    def test_an_operator_run_by_hand_is_not_changed(self):
        operator = ArizeTriggerEvaluationRunOperator(task_id="t", task="daily")
        keep_links_as_pushed(operator, {})
        assert len(operator.operator_extra_links) == len(LINKS)
