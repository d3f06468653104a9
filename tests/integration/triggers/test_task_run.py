"""The trigger's own behaviour: one event, whatever happens, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import time
import warnings
from typing import Any

import pytest
from aiohttp import web

from airflow_provider_arize_tasks.triggers import task_run
from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger
from airflow_provider_arize_tasks.triggers.watch import _watchers
from tests.integration.triggers.conftest import IMPATIENT, connect, event_of, problem, until


def watchers() -> dict:
    return _watchers.get(asyncio.get_running_loop(), {})


# -- arguments


def test_serialize_round_trip():
    arguments: dict[str, Any] = {"run_ids": ["a", "b"], "arize_conn_id": "c", "poll_interval": 7.0, "deadline": 12.5}
    arguments |= {"cancel_on_kill": False, "task_ids": ["t", "t"], "state": {"pieces": [1]}}
    trigger = ArizeTaskRunTrigger(**arguments)
    path, kwargs = trigger.serialize()
    assert path == "airflow_provider_arize_tasks.triggers.task_run.ArizeTaskRunTrigger"
    kwargs = json.loads(json.dumps(kwargs))
    again = ArizeTaskRunTrigger(**kwargs)
    assert again.serialize() == (path, kwargs)
    assert kwargs == arguments


def test_airflow_stores_and_restores_the_arguments():
    decoders = pytest.importorskip("airflow.serialization.decoders", reason="Airflow before 3.2 stores them otherwise")
    from airflow.serialization.serialized_objects import BaseSerialization

    _, kwargs = ArizeTaskRunTrigger(run_ids=["a"], deadline=1e9, state={"x": {"y": [1, None]}}).serialize()
    stored = json.loads(json.dumps(BaseSerialization.serialize(kwargs)))
    restored = {
        key: decoders.smart_decode_trigger_kwargs(value) for key, value in BaseSerialization.deserialize(stored).items()
    }
    assert ArizeTaskRunTrigger(**restored).serialize()[1] == kwargs


def test_arguments_of_the_first_release_are_enough():
    trigger = ArizeTaskRunTrigger(run_ids=["a"])
    assert trigger.arize_conn_id == "arize_default"
    assert trigger.deadline is None
    assert trigger.cancel_on_kill


def test_task_ids_that_do_not_match_are_not_used():
    assert ArizeTaskRunTrigger(run_ids=["a", "b"], task_ids=["t"]).task_ids is None


async def test_arguments_of_a_newer_release_are_logged_ignored_and_kept(script, caplog):
    script.add("a", status="COMPLETED")
    trigger = ArizeTaskRunTrigger(run_ids=["a"], moon_phase="full", poll_interval=0.1)
    assert trigger.serialize()[1]["moon_phase"] == "full"
    assert (await event_of(trigger))["status"] == "done"
    assert "moon_phase" in caplog.text
    assert "full" not in caplog.text


# -- the event


async def test_one_event_once_all_runs_have_ended(script, waiting):
    for run_id in ("a", "b"):
        script.add(run_id)
    task = waiting("a", "b", task_ids=["task", "task"], state={"window": 3})
    await until(lambda: script.counts["GET list"] >= 1)
    script.end("a", status="FAILED")
    await until(lambda: script.counts["GET list"] + script.counts["GET run"] >= 4)
    assert not task.done()
    script.end("b")
    event = await task
    assert event["status"] == "done"
    assert event["run_ids"] == ["a", "b"]
    assert {run_id: run["status"] for run_id, run in event["runs"].items()} == {"a": "FAILED", "b": "COMPLETED"}
    assert event["error"] is None
    assert event["state"] == {"window": 3}
    assert not watchers()


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "CANCELLED", "completed", "Cancelled"])
async def test_every_terminal_status_in_either_case_ends_the_wait(script, waiting, status):
    script.add("a", status=status)
    event = await waiting("a")
    assert event["status"] == "done"
    assert event["runs"]["a"]["status"] == status.upper()


async def test_an_unknown_status_is_looked_at_on_and_logged_once(script, waiting, caplog):
    script.add("a", status="PAUSED")
    task = waiting("a")
    await until(lambda: script.counts["GET run"] >= 5)
    assert not task.done()
    assert caplog.text.count("PAUSED") == 1
    script.end("a")
    assert (await task)["status"] == "done"


async def test_one_line_for_each_change_and_none_for_each_look(script, waiting, caplog):
    caplog.set_level(logging.INFO)
    script.add("a", status="PENDING")
    task = waiting("a")
    await until(lambda: script.counts["GET run"] >= 4)
    script.runs["a"]["status"] = "RUNNING"
    await until(lambda: script.counts["GET run"] >= 8)
    script.runs["a"].update(status="FAILED", failure_reason="model unknown")
    await task
    lines = [record.getMessage() for record in caplog.records if "Arize run a" in record.getMessage()]
    assert [line.rsplit("; ")[-1] for line in lines] == [
        "Arize run a is PENDING",
        "Arize run a is RUNNING",
        "model unknown",
    ]


@pytest.mark.parametrize("harm", ["\ud83d", float("nan"), object()])
async def test_an_event_that_can_not_be_sent_is_replaced_by_a_plain_one(script, waiting, monkeypatch, caplog, harm):
    """It would stop the triggerer, for everybody; only a defect of the cleaning can bring it about."""
    monkeypatch.setattr(task_run, "clean_run", lambda run: {"id": run.id, "failure_reason": harm})
    script.add("a", status="FAILED")
    event = await waiting("a", state={"kept": 1})
    json.dumps(event, ensure_ascii=False, allow_nan=False).encode()
    assert (event["status"], event["runs"], event["state"]) == ("error", {}, {"kept": 1})
    assert "could not be handed over" in event["message"]
    assert event["error"]["retryable"]
    assert "The event of Arize run(s) a can't be encoded" in caplog.text


async def test_at_the_deadline_one_last_look_then_a_timeout_and_no_cancel(script, waiting):
    script.add("a")
    event = await waiting("a", deadline=time.time() + 0.5, poll_interval=30)
    assert event["status"] == "timeout"
    assert "RUNNING" in event["message"]
    assert event["runs"]["a"]["status"] == "RUNNING"
    assert "POST" not in {method for _, method, _ in script.seen}


async def test_a_run_that_ends_just_before_the_deadline_is_done(script, waiting):
    script.add("a")
    task = waiting("a", deadline=time.time() + 1.5, poll_interval=1)
    await until(lambda: script.counts["GET run"] >= 1)
    script.end("a")
    assert (await task)["status"] == "done"


@pytest.mark.parametrize(("status", "expected"), [("RUNNING", "timeout"), ("COMPLETED", "done")])
async def test_a_deadline_that_has_passed_gets_one_look(script, waiting, status, expected):
    script.add("a", status=status)
    event = await waiting("a", deadline=time.time() - 3600, poll_interval=30)
    assert event["status"] == expected
    assert script.counts["GET run"] == 1


async def test_a_deadline_holds_when_no_look_is_possible(script, waiting):
    script.answer = lambda _request: asyncio.sleep(60)
    event = await waiting("a", deadline=time.time() + 0.3, patience=IMPATIENT)
    assert event["status"] == "timeout"
    assert event["runs"] == {}


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_the_third_refusal_ends_the_wait(script, waiting, status):
    script.answer = lambda _request: problem(status, "Sorry")
    event = await waiting("a")
    assert event["status"] == "error"
    assert event["error"] == {"kind": "refused", "status": status, "retryable": False}
    assert "Sorry" in event["message"]
    assert script.counts["GET run"] == 3


async def test_ten_failed_looks_end_the_wait(script, waiting):
    script.answer = lambda _request: problem(502, "Bad gateway")
    event = await waiting("a", patience=IMPATIENT)
    assert event["error"] == {"kind": "unreachable", "status": 502, "retryable": True}
    assert script.counts["GET run"] == 10


@pytest.mark.parametrize("fault", ["drop", "html", "500", "nonsense"])
async def test_a_passing_fault_is_survived_and_said_once(script, waiting, caplog, fault):
    caplog.set_level(logging.INFO)
    answers = {
        "drop": lambda request: request.transport.close(),
        "html": lambda _: web.Response(status=502, text="<html>gateway</html>", content_type="text/html"),
        "500": lambda _: problem(500),
        "nonsense": lambda _: web.json_response(["no", "run"]),
    }
    script.add("a")
    script.answer = answers[fault]
    task = waiting("a", patience=IMPATIENT)
    await until(lambda: script.counts["GET run"] >= 4)
    assert not task.done()
    script.answer = None
    script.end("a")
    assert (await task)["status"] == "done"
    assert caplog.text.count("A look at Arize run a failed") == 1
    assert caplog.text.count("works again") == 1


async def test_a_server_that_is_not_there_is_survived(script, waiting, monkeypatch, unused_tcp_port):
    connect(monkeypatch, f"http://127.0.0.1:{unused_tcp_port}")
    event = await waiting("a", patience=IMPATIENT)
    assert event["error"] == {"kind": "unreachable", "status": None, "retryable": True}


async def test_429_does_not_count(script, waiting):
    script.add("a")
    answers = iter([problem(429, **{"Retry-After": "0"}) for _ in range(12)])
    script.answer = lambda _request: next(answers, None)
    task = waiting("a")
    await until(lambda: script.counts["GET run"] >= 12)
    script.end("a")
    assert (await task)["status"] == "done"


# -- the connection


async def test_a_missing_connection_ends_the_wait(script, waiting):
    event = await waiting("a", arize_conn_id="nowhere")
    assert event["error"] == {"kind": "refused", "status": None, "retryable": False}
    assert "nowhere" in event["message"]


async def test_a_connection_that_cannot_be_used_ends_the_wait_and_names_the_field(script, waiting, monkeypatch):
    connect(monkeypatch, script.url, key="")
    event = await waiting("a")
    assert event["error"]["kind"] == "refused"
    assert "password" in event["message"]


async def test_a_rotated_key_is_picked_up(script, waiting, monkeypatch):
    monkeypatch.setattr("airflow_provider_arize_tasks.triggers.channel.REREAD_PAUSE", 0.0)
    script.add("a")
    task = waiting("a")
    await until(lambda: script.counts["GET run"] >= 2)
    connect(monkeypatch, script.url, key="rotated")
    script.keys = {"rotated"}
    seen = script.counts["GET run"]
    await until(lambda: script.counts["GET run"] >= seen + 3)
    script.end("a")
    assert (await task)["status"] == "done"


async def test_the_key_is_nowhere_to_be_seen(script, waiting, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    connect(monkeypatch, script.url, key="s3cr3t-key")
    script.answer = lambda _request: problem(401, "key s3cr3t-key is bad")
    event = await waiting("a")
    assert "s3cr3t-key" not in json.dumps(event)
    assert "s3cr3t-key" not in caplog.text
    assert "s3cr3t-key" not in repr(ArizeTaskRunTrigger(run_ids=["a"]))


# -- going


async def test_cancelled_error_leaves_with_its_message(script):
    script.add("a")
    trigger = ArizeTaskRunTrigger(run_ids=["a"], poll_interval=0.1)
    left_with: list[Any] = []

    async def runner():
        """As Airflow's: it looks at the message in the coroutine that drives the trigger."""
        try:
            await event_of(trigger)
        except asyncio.CancelledError as error:
            left_with.extend(error.args)
            raise

    task = asyncio.ensure_future(runner())
    await until(lambda: script.counts["GET run"] >= 1)
    task.cancel("user-action")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left_with == ["user-action"]
    assert not watchers()
    await trigger.cleanup()
    assert script.runs["a"]["status"] == "RUNNING"


async def test_a_look_under_way_does_not_hold_up_a_cancellation(script):
    script.answer = lambda _request: asyncio.sleep(60)
    task = asyncio.ensure_future(event_of(ArizeTaskRunTrigger(run_ids=["a"], poll_interval=0.1)))
    await until(lambda: script.under_way)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 20)
    await until(lambda: not script.under_way)


async def test_the_session_is_closed_when_the_event_is_out(script, waiting):
    script.add("a", status="COMPLETED")
    generator: Any = ArizeTaskRunTrigger(run_ids=["a"], poll_interval=0.1).run()
    await generator.__anext__()  # as dag.test does: take one event, never come back
    assert not watchers()
    await until(lambda: all(transport.is_closing() for transport in script.connections))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        gc.collect()
    with contextlib.suppress(StopAsyncIteration):
        await generator.aclose()


# -- killed


async def test_on_kill_cancels_every_run_and_says_so(script, caplog):
    caplog.set_level(logging.INFO)
    for run_id in ("a", "b"):
        script.add(run_id)
    script.end("b")
    await ArizeTaskRunTrigger(run_ids=["a", "b", "gone"]).on_kill()
    assert script.runs["a"]["status"] == "CANCELLED"
    assert "run a was cancelled" in caplog.text
    assert "run b had ended before (COMPLETED)" in caplog.text
    assert "run gone could not be cancelled" in caplog.text
    assert not watchers()


async def test_on_kill_leaves_the_run_when_told_to(script, caplog):
    caplog.set_level(logging.INFO)
    script.add("a")
    await ArizeTaskRunTrigger(run_ids=["a"], cancel_on_kill=False).on_kill()
    assert script.runs["a"]["status"] == "RUNNING"
    assert not script.seen
    assert "cancel_on_kill is off" in caplog.text


async def test_on_kill_is_bounded(script, monkeypatch, caplog):
    monkeypatch.setattr("airflow_provider_arize_tasks.triggers.task_run.ON_KILL_SECONDS", 0.3)
    script.answer = lambda _request: asyncio.sleep(60)
    await asyncio.wait_for(ArizeTaskRunTrigger(run_ids=["a"]).on_kill(), 20)
    assert "it may still be going" in caplog.text


async def test_on_kill_tries_again_after_a_fault(script, monkeypatch):
    monkeypatch.setattr("airflow_provider_arize_tasks.triggers.task_run.FIRST_PAUSE", 0.01)
    script.add("a")
    answers = iter([problem(503), problem(429, **{"Retry-After": "0"})])
    script.answer = lambda _request: next(answers, None)
    await ArizeTaskRunTrigger(run_ids=["a"]).on_kill()
    assert script.runs["a"]["status"] == "CANCELLED"


async def test_on_kill_never_raises(script, caplog):
    await ArizeTaskRunTrigger(run_ids=["a"], arize_conn_id="nowhere").on_kill()
    assert "could not be cancelled" in caplog.text
    assert "nowhere" in caplog.text
