"""The trigger reads its connection on the triggerer's loop; Airflow before 3.3.2 asks its supervisor while at it."""

from __future__ import annotations

import asyncio
from typing import Any

from airflow_provider_arize_tasks.triggers.channel import _extra_of


class OldConnection:
    """A connection of Airflow 3.0: its extra sends the secrets in it to the supervisor, over streams of one loop."""

    def __init__(self) -> None:
        self.asked_on: asyncio.AbstractEventLoop | None = None

    @property
    def extra_dejson(self) -> dict[str, Any]:
        from asgiref.sync import async_to_sync

        async def ask_the_supervisor() -> None:
            self.asked_on = asyncio.get_running_loop()

        async_to_sync(ask_the_supervisor)()
        return {"space": "demo-space"}


async def test_the_supervisor_is_asked_on_the_loop_that_owns_its_streams() -> None:
    # From a loop of its own the request would read somebody else's answer, and the triggerer would die of it.
    connection = OldConnection()
    assert await _extra_of(connection) == {"space": "demo-space"}
    assert connection.asked_on is asyncio.get_running_loop()
