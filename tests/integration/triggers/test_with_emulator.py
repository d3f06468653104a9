"""The trigger against the emulator, which shares no code with the client: real runs, real ends, an outage."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.runs.timing import Patience
from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger
from tests.integration.triggers.conftest import event_of


@pytest.fixture
def task_id(arize_connection) -> str:
    with ArizeHook(arize_connection) as hook:
        task = hook.create_evaluation_task(
            name="watched",
            task_type="TEMPLATE_EVALUATION",
            evaluators=[{"evaluator_id": "correctness"}],
            project="demo-project",
            space="demo-space",
        )
        return task.id


def trigger(run_id: str, task_id: str, **arguments) -> ArizeTaskRunTrigger:
    return ArizeTaskRunTrigger(run_ids=[run_id], task_ids=[task_id], **arguments)


async def test_a_short_run_costs_a_few_looks_where_they_begin_soon(emulator, task_id):
    [run_id] = emulator.control.start_runs(task_id, 1, 2.5)
    event = await event_of(trigger(run_id, task_id, poll_interval=10))
    assert event["runs"][run_id]["status"] == "COMPLETED"
    assert emulator.control.counters()["requests"]["GET /v2/task-runs/{run_id}"] <= 6


async def test_sixty_runs_of_one_task_take_a_handful_of_requests(emulator, task_id):
    run_ids = emulator.control.start_runs(task_id, 60, 2)
    before = sum(emulator.control.counters()["requests"].values())
    events = await asyncio.gather(*(event_of(trigger(run_id, task_id, poll_interval=1)) for run_id in run_ids))
    assert {event["runs"][run_id]["status"] for event, run_id in zip(events, run_ids, strict=True)} == {"COMPLETED"}
    assert sum(emulator.control.counters()["requests"].values()) - before <= 30


async def test_an_outage_is_survived(emulator, task_id):
    [run_id] = emulator.control.start_runs(task_id, 1, 1)
    emulator.control.outage(1.5, mode="refuse")
    waiting = trigger(run_id, task_id, poll_interval=0.2)
    waiting.patience = Patience(outage=0.2)  # type: ignore[misc]  # of this one alone
    event = await event_of(waiting)
    assert event["status"] == "done"


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
async def test_a_run_ended_by_somebody_else_is_seen(emulator, task_id, status):
    [run_id] = emulator.control.start_runs(task_id, 1, 60)
    waiting = asyncio.ensure_future(event_of(trigger(run_id, task_id, poll_interval=0.2)))
    await asyncio.sleep(0.5)
    emulator.control.end_run(run_id, status, reason="somebody did")
    event = await waiting
    assert (event["status"], event["runs"][run_id]["status"]) == ("done", status)


async def test_on_kill_cancels_the_run(emulator, task_id):
    [run_id] = emulator.control.start_runs(task_id, 1, 60)
    await trigger(run_id, task_id).on_kill()
    [run] = emulator.control.runs(task_id)
    assert run["status"] == "CANCELLED"
