"""The product's trigger, writing down in which process it waits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow.triggers.base import TriggerEvent


class RecordedTrigger(ArizeTaskRunTrigger):
    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.RecordedTrigger", super().serialize()[1]

    async def run(self) -> AsyncIterator[TriggerEvent]:
        with Path(os.environ["WAITING_PIDS"]).open("a") as file:  # noqa: ASYNC230 - a line of text, once
            file.write(f"{os.getpid()}\n")
        async for event in super().run():
            yield event
