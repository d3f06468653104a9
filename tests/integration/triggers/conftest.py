"""A small scripted Arize server for what the emulator has no switch for: order of lists, silence, exact counting."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from airflow_provider_arize_tasks.runs.timing import PATIENCE, Patience
from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Script:
    """What the server knows and does."""

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    seen: list[tuple[float, str, str]] = field(default_factory=list)
    keys: set[str] = field(default_factory=lambda: {"test-key"})
    answer: Callable[[web.Request], Any] | None = None
    oldest_first: bool = False
    under_way: int = 0
    most_under_way: int = 0
    connections: set[Any] = field(default_factory=set)
    url: str = ""

    def add(self, run_id: str, task_id: str = "task", status: str = "RUNNING", **more: Any) -> str:
        self.runs[run_id] = {"id": run_id, "task_id": task_id, "status": status, "num_successes": 0, **more}
        return run_id

    def end(self, *run_ids: str, status: str = "COMPLETED") -> None:
        for run_id in run_ids or tuple(self.runs):
            self.runs[run_id]["status"] = status


def problem(status: int, title: str = "no", **headers: str) -> web.Response:
    body = json.dumps({"status": status, "title": title})
    return web.Response(status=status, text=body, content_type="application/problem+json", headers=headers)


def page_of(script: Script, request: web.Request) -> web.Response:
    runs = [run for run in script.runs.values() if run["task_id"] == request.match_info["task"]]
    if status := request.query.get("status"):
        runs = [run for run in runs if run["status"] == status]
    if not script.oldest_first:
        runs.reverse()
    start, limit = int(request.query.get("cursor", 0)), int(request.query.get("limit", 50))
    pagination: dict[str, Any] = {"has_more": start + limit < len(runs)}
    if pagination["has_more"]:
        pagination["next_cursor"] = str(start + limit)
    return web.json_response({"task_runs": runs[start : start + limit], "pagination": pagination})


def application(script: Script) -> web.Application:
    @web.middleware
    async def middleware(request: web.Request, handler: Any) -> Any:
        kind = f"{request.method} {'list' if request.path.endswith('/runs') else request.path.rsplit('/', 1)[0]}"
        script.counts[kind.replace("/v2/task-runs", "run")] += 1
        script.seen.append((asyncio.get_running_loop().time(), request.method, request.path_qs))
        script.connections.add(request.transport)
        script.under_way += 1
        script.most_under_way = max(script.most_under_way, script.under_way)
        try:
            if request.headers.get("Authorization", "").removeprefix("Bearer ") not in script.keys:
                return problem(401, "Authentication required")
            if script.answer is not None:
                answer = script.answer(request)
                answer = await answer if asyncio.iscoroutine(answer) else answer
                if answer is not None:
                    return answer
            return await handler(request)
        finally:
            script.under_way -= 1

    async def one(request: web.Request) -> web.Response:
        run = script.runs.get(request.match_info["run"])
        return web.json_response(run) if run else problem(404, "Resource not found")

    async def listing(request: web.Request) -> web.Response:
        return page_of(script, request)

    async def cancel(request: web.Request) -> web.Response:
        run = script.runs.get(request.match_info["run"])
        if run is None:
            return problem(404, "Resource not found")
        if run["status"] not in ("PENDING", "RUNNING"):
            return problem(400, "cannot cancel a run with that status")
        run["status"] = "CANCELLED"
        return web.json_response(run)

    app = web.Application(middlewares=[middleware])
    app.router.add_get("/v2/task-runs/{run}", one)
    app.router.add_get("/v2/tasks/{task}/runs", listing)
    app.router.add_post("/v2/task-runs/{run}/cancel", cancel)
    return app


@pytest.fixture
async def script(monkeypatch):
    """The server, running, and a connection ``arize_default`` to it."""
    script = Script()
    runner = web.AppRunner(application(script), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    script.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    connect(monkeypatch, script.url)
    yield script
    await runner.cleanup()


def connect(monkeypatch, url: str, key: str = "test-key", conn_id: str = "arize_default", **extra: Any) -> None:
    connection = {"conn_type": "arize", "host": url, "password": key, "extra": extra}
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))


async def event_of(trigger: ArizeTaskRunTrigger) -> dict[str, Any]:
    """The payload of the trigger's only event."""
    events = [event async for event in trigger.run()]
    assert len(events) == 1
    return json.loads(json.dumps(events[0].payload))


@pytest.fixture(autouse=True)
def _log_where_caplog_sees_it(monkeypatch):
    monkeypatch.setattr(ArizeTaskRunTrigger, "log", logging.getLogger("trigger"))


#: Looks again within hundredths of a second after one that failed, and soon gives up the last one.
IMPATIENT = Patience(outage=0.01, longest_outage=0.02, overdue=0.3)


@pytest.fixture
async def waiting(script):
    """Start triggers as tasks; whatever is still going when the test ends is cancelled."""
    tasks: list[asyncio.Task[dict[str, Any]]] = []

    def start(*run_ids: str, patience: Patience = PATIENCE, **arguments: Any) -> asyncio.Task[dict[str, Any]]:
        arguments = {"poll_interval": 0.1, **arguments}
        trigger = ArizeTaskRunTrigger(run_ids=list(run_ids), **arguments)
        trigger.patience = patience  # type: ignore[misc]  # of this one alone
        task = asyncio.ensure_future(event_of(trigger))
        tasks.append(task)
        return task

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], Any], what: str = "condition") -> None:
    """Wait for a condition, as long as a slow machine may need."""
    for _ in range(3_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{what} never came true")
