"""Cancels remote runs when the task that waits for them is killed while it is deferred."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_arize_tasks.client.errors import (
    ArizeError,
    ArizeRateLimitError,
    ArizeServerError,
    ArizeTransportError,
)
from airflow_provider_arize_tasks.triggers.watch import using

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_arize_tasks.client.endpoints import Call
    from airflow_provider_arize_tasks.triggers.channel import Channel
    from airflow_provider_arize_tasks.triggers.wait import Line

T = TypeVar("T")

#: Seconds between the first attempt to cancel and the next; each further pause is twice as long.
FIRST_PAUSE = 1.0


async def cancel_runs(conn_id: str, run_ids: Iterable[str], *, seconds: float) -> list[Line]:
    """Cancel runs, and tell what became of each.

    :param conn_id: Airflow connection to ask through.
    :param run_ids: the runs.
    :param seconds: how long all of it may take.
    :return: lines for the task's log.
    """
    async with using(conn_id) as watcher:
        tasks = {run_id: asyncio.ensure_future(_cancel_run(watcher.channel, run_id)) for run_id in run_ids}
        try:
            await asyncio.wait(tasks.values(), timeout=seconds)
        finally:
            for task in tasks.values():
                task.cancel()  # does nothing to those that are done
        return [task.result() if task.done() else _no_answer(run_id, seconds) for run_id, task in tasks.items()]


def _no_answer(run_id: str, seconds: float) -> Line:
    text = f"Task killed: no answer about Arize run {run_id} within {seconds:.0f} s; it may still be going"
    return logging.WARNING, text


async def _cancel_run(channel: Channel, run_id: str) -> Line:
    from airflow_provider_arize_tasks.client.endpoints import cancel_task_run, get_task_run

    try:
        run = await _patiently(channel, cancel_task_run(run_id))
        return logging.INFO, f"Task killed: Arize run {run_id} was cancelled (it is {run.status.value})"
    except ArizeError as error:
        refusal = error
    try:
        run = await channel.ask_now(get_task_run(run_id))  # most likely refused because the run has ended
    except ArizeError:
        return logging.WARNING, f"Task killed, but Arize run {run_id} could not be cancelled: {refusal}"
    if run.status.is_terminal:
        return logging.INFO, f"Task killed: Arize run {run_id} had ended before ({run.status.value})"
    return logging.WARNING, f"Task killed, but Arize run {run_id} is still {run.status.value}: {refusal}"


async def _patiently(channel: Channel, call: Call[T]) -> T:
    """Send a call again and again until it is answered; the caller sets the limit in time."""
    pause = FIRST_PAUSE
    while True:
        with suppress(ArizeTransportError, ArizeServerError, ArizeRateLimitError):
            return await channel.ask_now(call)
        await asyncio.sleep(pause)
        pause *= 2
