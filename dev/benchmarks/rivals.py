"""Other ways to wait, to compare with: what a trigger looks like that does not share its looks.

Both are as good as such a trigger gets: one session for all of them (most providers open one per trigger, or per look),
the same schedule as ours, nothing but the status read.
"""

from __future__ import annotations

import asyncio
from typing import Any

from airflow_provider_arize_tasks.runs import timing as schedule

ENDED = {"COMPLETED", "FAILED", "CANCELLED"}


class Alone:
    """One GET per look and trigger, over ``aiohttp``.

    :param url: of the server.
    """

    def __init__(self, url: str) -> None:
        import aiohttp

        self.url = url
        self.requests = 0
        connector = aiohttp.TCPConnector(limit=20)
        self.session = aiohttp.ClientSession(headers={"Authorization": "Bearer key"}, connector=connector)

    async def look(self, run_id: str) -> dict[str, Any]:
        """One look."""
        self.requests += 1
        async with self.session.get(f"{self.url}/v2/task-runs/{run_id}") as reply:
            reply.raise_for_status()
            run: dict[str, Any] = await reply.json()
            return run

    async def wait(self, run_id: str, poll_interval: float, spread: float) -> dict[str, Any]:
        """Look until the run has ended."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(schedule.first_look(poll_interval, spread))
        while True:
            run = await self.look(run_id)
            if run["status"] in ENDED:
                return run
            await asyncio.sleep(schedule.next_look(loop.time() - began, poll_interval, spread))

    async def close(self) -> None:
        """Close the session."""
        await self.session.close()


class AloneHttpx(Alone):
    """The same over ``httpx``, which comes with Airflow."""

    def __init__(self, url: str) -> None:
        import httpx

        self.url = url
        self.requests = 0
        limits = httpx.Limits(max_connections=20, max_keepalive_connections=20)
        self.client = httpx.AsyncClient(headers={"Authorization": "Bearer key"}, limits=limits, timeout=60)

    async def look(self, run_id: str) -> dict[str, Any]:
        """One look."""
        self.requests += 1
        reply = await self.client.get(f"{self.url}/v2/task-runs/{run_id}")
        reply.raise_for_status()
        run: dict[str, Any] = reply.json()
        return run

    async def close(self) -> None:
        """Close the client."""
        await self.client.aclose()
