"""The runner of single tasks: it does with a task what Airflow does."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, BaseOperator
from airflow.triggers.testing import SuccessTrigger

from airflow_provider_arize_tasks.testing.runner import run_task

DAY = (datetime(2026, 11, 22, tzinfo=timezone.utc), datetime(2026, 11, 23, tzinfo=timezone.utc))


class Probe(BaseOperator):
    """Does what a function tells it to."""

    template_fields = ("text",)

    def __init__(self, *, do, text="", **kwargs):
        super().__init__(**kwargs)
        self.do = do
        self.text = text

    def execute(self, context):
        return self.do(self, context)

    def resumed(self, context, event, note=None):
        kept = getattr(self, "kept", None)
        mine = context["task"] is self and context["ti"].task is self
        return {"event": event, "note": note, "kept": kept, "text": self.text, "mine": mine}


def probe(do, **kwargs) -> Probe:
    return Probe(task_id="probe", do=do, **kwargs)


def raising(error: Exception):
    def do(task, context):
        raise error

    return do


def test_returns_the_value_and_pushes_it():
    result = run_task(probe(lambda task, context: {"n": 1}))
    assert (result.state, result.value, result.xcoms) == ("success", {"n": 1}, {"return_value": {"n": 1}})


def test_renders_templates_from_the_interval():
    result = run_task(
        probe(lambda task, context: task.text, text="{{ data_interval_end.isoformat() }}"), data_interval=DAY
    )
    assert result.value == "2026-11-23T00:00:00+00:00"
    assert result.rendered == {"text": "2026-11-23T00:00:00+00:00"}


def test_a_manual_run_has_no_interval():
    result = run_task(probe(lambda task, context: sorted(context)))
    assert "data_interval_start" not in result.value
    assert "logical_date" not in result.value


def test_the_operator_stays_as_it_was():
    task = probe(lambda task, context: task.text, text="{{ run_id }}")
    run_task(task)
    assert task.text == "{{ run_id }}"


@pytest.mark.parametrize(
    ("error", "retries", "state"),
    [
        (AirflowSkipException("s"), 3, "skipped"),
        (AirflowFailException("f"), 3, "failed"),
        (ValueError("v"), 1, "up_for_retry"),
        (ValueError("v"), 0, "failed"),
    ],
)
def test_errors_become_states(error, retries, state):
    result = run_task(probe(raising(error), retries=retries))
    assert (result.state, result.error) == (state, error)


def test_retries_end():
    task = probe(raising(ValueError("v")), retries=1)
    first = run_task(task)
    second = run_task(task, retry_of=first)
    assert (first.state, second.state, second.try_number) == ("up_for_retry", "failed", 2)


def test_task_state_is_carried_to_the_next_attempt():
    def do(task, context):
        store = context["task_state_store"]
        seen = store.get("n", 0)
        store.set("n", seen + 1)
        raise ValueError(seen)

    task = probe(do, retries=2)
    first = run_task(task)
    assert run_task(task, retry_of=first).error.args == (1,)


def test_upstream_results():
    result = run_task(probe(lambda task, context: context["ti"].xcom_pull("up")), xcoms={"up": {"id": "x"}})
    assert result.value == {"id": "x"}


def test_defers_and_resumes_with_stored_arguments():
    def defer(task, context):
        task.defer(trigger=SuccessTrigger(), method_name="resumed", kwargs={"note": "mine"})

    result = run_task(probe(defer))
    assert result.state == "success", result.error
    assert result.value["note"] == "mine"
    assert [d["classpath"] for d in result.deferrals] == ["airflow.triggers.testing.SuccessTrigger"]


def test_resumes_in_a_process_of_its_own_as_far_as_the_task_can_tell():
    def defer(task, context):
        task.kept = "lost when the worker is let go"
        task.text = "lost as well"
        task.defer(trigger=SuccessTrigger(), method_name="resumed")

    result = run_task(probe(defer, text="{{ run_id }}"), run_id="manual__1")
    assert result.state == "success", result.error
    found = {name: result.value[name] for name in ("kept", "text", "mine")}
    assert found == {"kept": None, "text": "manual__1", "mine": True}


def test_what_is_not_json_fails_as_in_airflow():
    assert isinstance(run_task(probe(lambda task, context: context["ti"].xcom_push("k", object()))).error, TypeError)


@pytest.mark.parametrize(("given", "used"), [({}, 0.2), ({"poll_interval": 60}, 30.0), ({"poll_interval": None}, 30.0)])
def test_a_deferred_wait_looks_often_and_is_stored_as_it_is(monkeypatch, given, used):
    from airflow_provider_arize_tasks.testing import runner
    from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger

    found = []

    async def seen(classpath, kwargs):
        found.append(kwargs["poll_interval"])
        return {}

    monkeypatch.setattr(runner, "_first_event", seen)
    trigger = ArizeTaskRunTrigger(run_ids=["a"], poll_interval=30.0)
    result = run_task(probe(lambda task, context: task.defer(trigger=trigger, method_name="resumed")), **given)
    assert (result.state, found) == ("success", [used])
    assert result.deferrals[0]["kwargs"]["poll_interval"] == 30.0
