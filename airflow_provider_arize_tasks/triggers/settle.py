"""The trigger that waits until a window has settled; it asks nobody anything."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: The longest nap, in seconds: a clock that is set meanwhile is noticed.
_NAP = 60.0


class ArizeSettleTrigger(BaseTrigger):
    """Fires at a point in time.

    :param until: when, in epoch seconds.
    """

    def __init__(self, until: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is not annotated
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as Airflow stores them."""
        return "airflow_provider_arize_tasks.triggers.settle.ArizeSettleTrigger", {"until": self.until}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then fire once."""
        while (left := self.until - time.time()) > 0:  # noqa: ASYNC110 -- a point in time is no event
            await asyncio.sleep(min(left, _NAP))
        yield TriggerEvent({"status": "settled"})  # type: ignore[no-untyped-call]
