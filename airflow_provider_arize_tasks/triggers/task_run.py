"""The trigger that waits for task runs in the triggerer, and costs next to nothing doing so.

It only ever looks (GET): everything about a run is decided by the operator once it resumes. Looks are shared with every
other trigger of the same connection on the same event loop, see :mod:`airflow_provider_arize_tasks.triggers.watch`.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict, TypeVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_arize_tasks.client.errors import (
    ArizeError,
    ArizeRateLimitError,
    ArizeServerError,
    ArizeTransportError,
)
from airflow_provider_arize_tasks.runs.timing import PATIENCE, Patience
from airflow_provider_arize_tasks.runs.waiting import can_be_sent, clean_run, clean_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from airflow_provider_arize_tasks.client.endpoints import Call
    from airflow_provider_arize_tasks.runs.timing import WaitError
    from airflow_provider_arize_tasks.runs.waiting import WaitEvent
    from airflow_provider_arize_tasks.triggers.channel import Channel
    from airflow_provider_arize_tasks.triggers.wait import Line, Wait

T = TypeVar("T")

#: Seconds ``on_kill`` may take in all; Airflow itself gives it 30 (``[triggerer] on_kill_timeout``).
ON_KILL_SECONDS = 20.0
#: Seconds between the first attempt to cancel and the next; each further pause is twice as long.
FIRST_PAUSE = 1.0
MIN_POLL_INTERVAL = 0.05


class TaskRunEvent(TypedDict):
    """Payload of the one event of :class:`ArizeTaskRunTrigger`; plain JSON.

    * ``status``: ``"done"``, all runs have ended; ``"timeout"``, the deadline passed; ``"error"``, too many looks
      failed.
    * ``run_ids``: as given to the trigger.
    * ``runs``: the last seen state of each run that was seen, by id: the fields this release knows, cleaned
      (:mod:`airflow_provider_arize_tasks.runs.waiting`), so that no server's oddity can stop the triggerer.
    * ``message``: what happened, for the person on call; it says what the trigger did to the remote run (nothing).
    * ``error``: set with status ``"error"``.
    * ``state``: what the operator gave the trigger to carry.
    """

    status: Literal["done", "timeout", "error"]
    run_ids: list[str]
    runs: dict[str, dict[str, Any]]
    message: str
    error: Mapping[str, Any] | None
    state: dict[str, Any]


class ArizeTaskRunTrigger(BaseTrigger):
    """Waits until task runs have ended, or until it is no use to wait any longer, and fires one event.

    The event's payload is a :class:`TaskRunEvent`. The trigger never changes a remote run while it waits, nor when its
    deadline passes: the operator that resumes does what ``cancel_on_timeout`` says. The one exception is
    :meth:`on_kill`.

    Arguments are ids and plain numbers only, no secrets: Airflow stores them in its database. What later releases add
    has a default, so a task deferred by an older release resumes; and arguments of a *newer* release, which a
    triggerer sees while workers are upgraded before it, are logged, ignored and kept.

    :param run_ids: ids of the runs to wait for; the event fires when all have ended.
    :param arize_conn_id: Airflow connection to ask through.
    :param poll_interval: seconds between looks that the wait reaches in the end, after shorter ones in the beginning;
        an end is seen within it. Default 30.
    :param deadline: absolute time in epoch seconds at which the wait ends with a ``"timeout"`` event, after one last
        look. A deadline that has passed already gets one look too. ``None`` waits without end.
    :param cancel_on_kill: whether :meth:`on_kill` cancels the runs. Default true.
    :param task_ids: ids of the runs' tasks, one for each run id: triggers that wait for runs of one task share their
        looks from the first one on. Without them they do from the second.
    :param state: JSON that the operator wants back; echoed in the event.
    :param later: arguments of a newer release.
    """

    #: How long a wait bears with looks that fail.
    patience: ClassVar[Patience] = PATIENCE

    def __init__(
        self,
        *,
        run_ids: Sequence[str],
        arize_conn_id: str = "arize_default",
        poll_interval: float = 30.0,
        deadline: float | None = None,
        cancel_on_kill: bool = True,
        task_ids: Sequence[str] | None = None,
        state: dict[str, Any] | None = None,
        **later: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is not annotated
        self.run_ids = [run_ids] if isinstance(run_ids, str) else list(run_ids)
        self.arize_conn_id = arize_conn_id
        # Nothing is refused here: at this point the remote run exists, and a trigger that raises leaves it alone.
        self.poll_interval = max(float(poll_interval), MIN_POLL_INTERVAL)
        self.deadline = None if deadline is None else float(deadline)
        self.cancel_on_kill = cancel_on_kill
        self.task_ids = list(task_ids) if task_ids and len(task_ids) == len(self.run_ids) else None
        self.state = dict(state or {})
        self.later = later

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The trigger as Airflow stores it: its import path and the arguments to make it again."""
        return (
            "airflow_provider_arize_tasks.triggers.task_run.ArizeTaskRunTrigger",
            {
                **self.later,
                "run_ids": self.run_ids,
                "arize_conn_id": self.arize_conn_id,
                "poll_interval": self.poll_interval,
                "deadline": self.deadline,
                "cancel_on_kill": self.cancel_on_kill,
                "task_ids": self.task_ids,
                "state": self.state,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then yield the one event.

        ``CancelledError`` passes through untouched, which is how Airflow's triggerer knows to call :meth:`on_kill`.
        The event is yielded when everything has been let go of, since Airflow may never come back after it.
        """
        if self.later:
            names = ", ".join(sorted(self.later))
            self.log.warning("This release of the trigger ignores arguments of a newer one: %s", names)
        yield TriggerEvent(dict(await self._wait()))  # type: ignore[no-untyped-call]

    async def _wait(self) -> TaskRunEvent:
        from airflow_provider_arize_tasks.client.printable import lines_that_fit
        from airflow_provider_arize_tasks.triggers.watch import watching

        async with watching(
            self.arize_conn_id,
            self.run_ids,
            task_ids=self.task_ids,
            poll_interval=self.poll_interval,
            deadline=self.deadline,
            patience=self.patience,
        ) as wait:
            while True:
                # Logged here rather than where it is found out: this coroutine carries the task's log context.
                for level, text in await wait.news():
                    for line in lines_that_fit(text):
                        self.log.log(level, line)
                if wait.ended is not None:
                    return self._event(wait, wait.ended)

    def _event(self, wait: Wait, end: WaitEvent) -> TaskRunEvent:
        event: TaskRunEvent = {
            "status": end.status,
            "run_ids": self.run_ids,
            "runs": {run_id: clean_run(run) for run_id, run in wait.runs().items()},
            "message": clean_text(end.message),
            "error": end.error,
            "state": self.state,
        }
        if can_be_sent(event):
            return event
        # Its parts are known, so this is a defect of ours; an event that can't be sent would stop the triggerer.
        self.log.error("The event of Arize run(s) %s can't be encoded; sending a plain one", ", ".join(self.run_ids))
        error: WaitError = {"kind": "unreachable", "status": None, "retryable": True}
        return {
            **event,
            "status": "error",
            "runs": {},
            "message": "what the trigger saw of the run(s) could not be handed over",
            "error": error,
        }

    async def on_kill(self) -> None:
        """Cancel the remote runs when somebody marks the task failed or successful, or clears it.

        Airflow calls this from 3.3 on, and only for that; not when the triggerer stops or hands its triggers on. It
        takes 20 s at most, never raises, and logs what became of each run. Before Airflow 3.3 the runs keep going until
        the task's next attempt deals with them.
        """
        if not self.run_ids:
            return
        if not self.cancel_on_kill:
            self.log.info("Task killed; cancel_on_kill is off, so Arize run(s) %s go on", ", ".join(self.run_ids))
            return
        try:
            for level, line in await self._cancel_runs(seconds=ON_KILL_SECONDS):
                self.log.log(level, line)
        except Exception as error:  # noqa: BLE001  # whatever it is, a kill must not fail on it; it is logged
            ids = ", ".join(self.run_ids)
            self.log.warning("Task killed, but cancelling Arize run(s) %s failed: %r", ids, error)

    async def _cancel_runs(self, *, seconds: float) -> list[Line]:
        """Cancel the runs within a time, and tell in lines for the task's log what became of each."""
        from airflow_provider_arize_tasks.triggers.watch import using

        async with using(self.arize_conn_id) as watcher:
            tasks = {run_id: asyncio.ensure_future(_cancel_run(watcher.channel, run_id)) for run_id in self.run_ids}
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
