"""Looks are shared, paced and bounded: what the server gets to see of many waits."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import pytest

from airflow_provider_arize_tasks.client.models import TaskRun
from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger
from airflow_provider_arize_tasks.triggers.watch import _watchers
from tests.integration.triggers.conftest import IMPATIENT, connect, problem, until


def watcher(conn_id: str = "arize_default"):
    return _watchers[asyncio.get_running_loop()][conn_id]


@pytest.mark.parametrize(("runs", "tasks"), [(10, 1), (100, 1), (100, 10)])
async def test_the_cost_of_a_look_grows_with_tasks_not_with_runs(script, waiting, runs, tasks):
    ids = [script.add(f"r{n}", task_id=f"t{n % tasks}") for n in range(runs)]
    waits = [waiting(run_id, task_ids=[f"t{n % tasks}"], poll_interval=0.5) for n, run_id in enumerate(ids)]
    await until(lambda: script.counts)
    seen = [one for one, _ in watcher()._runs.values()]
    assert len(seen) == runs
    await until(lambda: all(one.run is not None for one in seen))
    before, looked_at = sum(script.counts.values()), [one.looked_at for one in seen]
    await until(lambda: all(one.looked_at > last for one, last in zip(seen, looked_at, strict=True)))
    # Every run was looked at once more; that each task's runs were not quite in step yet may double it.
    assert sum(script.counts.values()) - before <= 3 * tasks
    script.end()
    assert {event["status"] for event in await asyncio.gather(*waits)} == {"done"}


async def test_a_trigger_alone_costs_one_small_get_a_look(script, waiting):
    script.add("a")
    task = waiting("a", task_ids=["task"])
    await until(lambda: script.counts["GET run"] >= 3)
    script.end("a")
    await task
    assert set(script.counts) == {"GET run"}


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_triggers_on_runs_of_one_task_share_their_looks(script, waiting, oldest_first):
    script.oldest_first = oldest_first
    ids = [script.add(f"r{n}") for n in range(100)]
    tasks = [waiting(run_id, task_ids=["task"], poll_interval=0.3) for run_id in ids]
    await until(lambda: script.counts["GET list"] >= 5)
    assert script.counts["GET run"] <= 5
    script.end()
    events = await asyncio.gather(*tasks)
    assert {event["status"] for event in events} == {"done"}
    assert sum(script.counts.values()) <= 20


async def test_looks_are_shared_from_the_second_one_on_without_task_ids(script, waiting):
    ids = [script.add(f"r{n}") for n in range(20)]
    tasks = [waiting(run_id) for run_id in ids]
    await until(lambda: script.counts["GET list"] >= 5)
    assert script.counts["GET run"] <= 25
    script.end()
    await asyncio.gather(*tasks)


async def test_several_pages_are_followed_while_they_answer_for_runs_that_are_waited_for(script, waiting):
    ids = [script.add(f"r{n}") for n in range(250)]
    tasks = [waiting(run_id, task_ids=["task"], poll_interval=1) for run_id in ids]
    await until(lambda: script.counts["GET list"] >= 6)
    script.end()
    await asyncio.gather(*tasks)
    assert script.counts["GET run"] <= 10


async def test_runs_that_are_not_on_the_pages_are_fetched_singly(script, waiting):
    old = script.add("old")
    for n in range(150):
        script.add(f"past{n}", status="COMPLETED")
    new = [script.add(f"new{n}") for n in range(10)]
    tasks = [waiting(run_id, task_ids=["task"]) for run_id in (old, *new)]
    await until(lambda: script.counts["GET list"] >= 4)
    pages = Counter(path for _, _, path in script.seen if "/runs" in path)
    assert not any("cursor" in path for path in pages)
    assert any(path.endswith("/old") for _, _, path in script.seen)
    script.end("old", *new)
    assert {event["status"] for event in await asyncio.gather(*tasks)} == {"done"}


async def test_a_long_past_listed_first_is_got_around_by_listing_the_active_runs(script, waiting):
    script.oldest_first = True
    for n in range(1_000):
        script.add(f"past{n}", status="COMPLETED")
    ids = [script.add(f"new{n}", status="RUNNING" if n % 2 else "PENDING") for n in range(60)]
    tasks = [waiting(run_id, task_ids=["task"], poll_interval=0.3) for run_id in ids]
    await until(lambda: sum("status=" in path for _, _, path in script.seen) >= 6)
    singles = script.counts["GET run"]
    script.end(*ids)
    assert {event["status"] for event in await asyncio.gather(*tasks)} == {"done"}
    assert singles <= 120
    assert script.counts["GET run"] - singles <= 60 + 10


async def test_a_listing_that_is_refused_does_not_matter(script, waiting):
    ids = [script.add(f"r{n}") for n in range(5)]
    script.answer = lambda request: problem(403) if request.path.endswith("/runs") else None
    tasks = [waiting(run_id, task_ids=["task"]) for run_id in ids]
    await until(lambda: script.counts["GET run"] >= 20)
    script.end()
    assert {event["status"] for event in await asyncio.gather(*tasks)} == {"done"}


async def test_a_listing_that_only_fails_does_not_end_a_wait(script, waiting):
    ids = [script.add(f"r{n}") for n in range(5)]
    script.answer = lambda request: problem(500) if request.path.endswith("/runs") else None
    tasks = [waiting(run_id, task_ids=["task"], patience=IMPATIENT) for run_id in ids]
    await until(lambda: script.counts["GET list"] >= 12)
    assert not any(task.done() for task in tasks)
    script.end()
    assert {event["status"] for event in await asyncio.gather(*tasks)} == {"done"}


async def test_a_run_that_is_gone_ends_its_own_wait_only(script, waiting):
    ids = [script.add(f"r{n}") for n in range(5)]
    tasks = [waiting(run_id, task_ids=["task"]) for run_id in ids]
    lost = await waiting("gone", task_ids=["task"])
    assert lost["error"] == {"kind": "refused", "status": 404, "retryable": False}
    assert not any(task.done() for task in tasks)
    script.end()
    assert {event["status"] for event in await asyncio.gather(*tasks)} == {"done"}


async def test_an_outage_hits_all_waits_with_few_requests(script, waiting):
    script.answer = lambda _request: problem(503)
    ids = [script.add(f"r{n}") for n in range(200)]
    events = await asyncio.gather(*(waiting(run_id, task_ids=["task"], patience=IMPATIENT) for run_id in ids))
    assert {event["error"]["kind"] for event in events} == {"unreachable"}
    assert sum(script.counts.values()) < 120


async def test_one_session_for_all_triggers_of_a_connection(script, waiting):
    ids = [script.add(f"r{n}", task_id=f"t{n}") for n in range(25)]
    tasks = [waiting(run_id) for run_id in ids]
    await until(lambda: script.counts["GET run"] >= 50)
    assert len(_watchers[asyncio.get_running_loop()]) == 1
    assert len(script.connections) <= 20
    script.end()
    await asyncio.gather(*tasks)


async def test_two_waits_for_one_run_share_it(script, waiting):
    script.add("a")
    first, second = waiting("a"), waiting("a", task_ids=["task"])
    await until(lambda: script.counts["GET run"] >= 3)
    first.cancel()
    await until(lambda: script.counts["GET run"] >= 6)
    assert not second.done()
    script.end("a")
    assert (await second)["status"] == "done"


async def test_the_connection_is_read_once(script, waiting, monkeypatch):
    from airflow_provider_arize_tasks.triggers import channel

    reads, read = [], channel.read_config

    async def counted(conn_id):
        reads.append(conn_id)
        return await read(conn_id)

    monkeypatch.setattr(channel, "read_config", counted)
    ids = [script.add(f"r{n}", task_id=f"t{n}") for n in range(10)]
    tasks = [waiting(run_id) for run_id in ids]
    await until(lambda: script.counts["GET run"] >= 20)
    script.end()
    await asyncio.gather(*tasks)
    assert reads == ["arize_default"]


async def test_two_connections_do_not_share(script, waiting, monkeypatch):
    connect(monkeypatch, script.url, conn_id="other")
    script.add("a")
    script.add("b")
    tasks = [waiting("a"), waiting("b", arize_conn_id="other")]
    await until(lambda: script.counts["GET run"] >= 4)
    assert len(_watchers[asyncio.get_running_loop()]) == 2
    script.end()
    await asyncio.gather(*tasks)


async def test_max_requests_per_second_holds_for_all_waits_together(script, waiting, monkeypatch):
    connect(monkeypatch, script.url, max_requests_per_second=15)
    ids = [script.add(f"r{n}", task_id=f"t{n}") for n in range(50)]
    tasks = [waiting(run_id) for run_id in ids]
    await until(lambda: len(script.seen) >= 30)
    times = [moment for moment, _, _ in script.seen[:30]]
    # Without the limit they come within milliseconds; a busy machine may see the first ones late.
    assert times[-1] - times[0] > 0.3 * 29 / 30
    for task in tasks:
        task.cancel()


async def test_a_kill_does_not_queue_behind_the_looks(script, waiting, monkeypatch):
    connect(monkeypatch, script.url, max_requests_per_second=4)
    ids = [script.add(f"r{n}", task_id=f"t{n}") for n in range(100)]
    tasks = [waiting(run_id) for run_id in ids]
    await until(lambda: len(script.seen) >= 2)
    await ArizeTaskRunTrigger(run_ids=ids[-1:]).on_kill()
    assert script.runs[ids[-1]]["status"] == "CANCELLED"
    assert len(script.seen) < 20
    for task in tasks:
        task.cancel()


async def test_one_429_slows_every_trigger_of_the_connection(script, waiting):
    ids = [script.add(f"r{n}", task_id=f"t{n}") for n in range(30)]
    tasks = [waiting(run_id) for run_id in ids]
    await until(lambda: script.counts["GET run"] >= 30)
    refused: list[Any] = []

    def answer(_request):
        if not refused:
            refused.append(asyncio.get_running_loop().time())
            return problem(429, **{"Retry-After": "1"})
        return None

    script.answer = answer
    await until(lambda: refused)
    await until(lambda: script.seen[-1][0] > refused[0] + 0.95)
    during = [moment for moment, _, _ in script.seen if refused[0] < moment < refused[0] + 0.95]
    assert len(during) <= 20  # what was under way; without the pause it would be about fifty
    script.end()
    assert {event["status"] for event in await asyncio.gather(*tasks)} == {"done"}


async def test_thousands_of_waits_that_begin_together_do_not_send_their_requests_together(script, waiting):
    ids = [script.add(f"r{n}", task_id=f"t{n}") for n in range(5_000)]
    tasks = [waiting(run_id, task_ids=[f"t{n}"], poll_interval=8) for n, run_id in enumerate(ids)]
    await until(lambda: len(script.seen) >= 150)
    times = [moment for moment, _, _ in script.seen[:150]]
    assert script.most_under_way <= 20
    assert times[-1] - times[0] > 0.5 * 149 / watcher().channel.budget.rate(times[-1])
    for task in tasks:
        task.cancel()


async def test_a_silent_server_holds_up_nothing_but_its_own_waits(script, waiting, monkeypatch):
    script.answer = lambda request: asyncio.sleep(60) if "silent" in request.path else None
    silent = [script.add(f"silent{n}", task_id=f"s{n}") for n in range(10)]
    lively = script.add("lively", task_id="l")
    stuck = [waiting(run_id) for run_id in silent]
    task = waiting(lively)
    await until(lambda: script.under_way >= 10)
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.ensure_future(tick())
    script.end("lively")
    assert (await task)["status"] == "done"
    assert ticks > 1  # the loop turned meanwhile; how often is up to the machine
    assert not any(one.done() for one in stuck)
    ticking.cancel()


async def test_a_defect_in_a_look_is_a_failed_look_and_the_others_go_on(script, waiting, monkeypatch, caplog):
    from airflow_provider_arize_tasks.triggers.wait import Watched

    script.add("a", task_id="t1")
    script.add("b", task_id="t2")
    saw = Watched.saw

    def defective(self, run, *rest):
        if run.id == "a":
            raise KeyError("oops")
        saw(self, run, *rest)

    monkeypatch.setattr(Watched, "saw", defective)
    broken, sound = waiting("a"), waiting("b")
    await until(lambda: "oops" in caplog.text)
    script.end()
    assert (await sound)["status"] == "done"
    broken.cancel()


async def test_a_dead_watcher_raises_in_its_triggers_instead_of_waiting_for_ever(script, waiting):
    script.add("a")
    task = waiting("a")
    await until(lambda: script.counts["GET run"] >= 1)
    watcher()._take_due = None
    watcher()._ring()
    with pytest.raises(RuntimeError, match="watcher"):
        await asyncio.wait_for(task, 20)


async def test_a_wait_for_a_run_that_was_just_seen_to_end_ends_at_once(script, waiting):
    script.add("a")
    script.add("b")
    tasks = [waiting("a", task_ids=["task"]), waiting("b", task_ids=["task"])]
    await until(lambda: script.counts)
    seen, group = watcher()._runs["a"]
    group.is_looking = True  # as while a look reads page after page
    seen.run = TaskRun.read({"id": "a", "status": "COMPLETED"})
    assert (await asyncio.wait_for(waiting("a", task_ids=["task"]), 20))["status"] == "done"
    for task in tasks:
        task.cancel()


async def test_a_wait_that_joins_later_does_not_hurry_the_old_ones(script, waiting):
    ids = [script.add(f"r{n}") for n in range(50)]
    tasks = [waiting(run_id, task_ids=["task"], poll_interval=8) for run_id in ids]
    await until(lambda: script.counts["GET list"] >= 1)
    await until(lambda: all(seen.run for seen, _ in watcher()._runs.values()), "the answer was read")
    for seen, _ in watcher()._runs.values():
        seen.due = seen.planned = 1e9  # settled long ago
    lists, script_time = script.counts["GET list"], time.monotonic()
    script.add("young")
    young = waiting("young", task_ids=["task"], poll_interval=8)
    await until(lambda: script.counts["GET run"] >= 2)
    assert script.counts["GET list"] - lists <= 1
    script.end("young")
    await young
    assert time.monotonic() > script_time
    for task in tasks:
        task.cancel()


async def test_a_trigger_that_leaves_takes_no_wait_along_that_began_after_its_run_had_ended(script, waiting):
    """A sensor begins to wait for a run that a trigger has seen to end, while that trigger still waits for another."""
    script.add("ended", task_id="t1", status="COMPLETED")
    script.add("going", task_id="t2")
    both = waiting("ended", "going", task_ids=["t1", "t2"])
    await until(lambda: _watchers.get(asyncio.get_running_loop()) and "going" in watcher()._runs)
    await until(lambda: "ended" not in watcher()._runs)
    script.answer = lambda request: problem(503) if request.path.endswith("/ended") else None
    late = waiting("ended", task_ids=["t1"])
    await until(lambda: "ended" in watcher()._runs)
    script.end("going")
    assert (await both)["status"] == "done"
    assert "ended" in watcher()._runs
    script.answer = None
    assert (await asyncio.wait_for(late, 20))["status"] == "done"
