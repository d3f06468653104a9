"""Waiting in the worker, and reading what a wait came to: the same event, whoever waited."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.exceptions import ArizeWaitError
from airflow_provider_arize_tasks.runs.polling import Failures, first_look, next_look

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_arize_tasks.client.models import TaskRun

WaitStatus = Literal["done", "timeout", "error"]

#: The longest nap between two checks whether the task was killed, in seconds.
_NAP = 1.0


@dataclass(frozen=True, kw_only=True)
class WaitEvent:
    """What a wait came to. A hint: the runs are read again before they are judged.

    :param status: all ended, the deadline passed, or too many looks failed.
    :param message: what happened, for the person on call.
    :param state: what the operator gave the trigger to carry.
    """

    status: WaitStatus
    message: str = ""
    state: Mapping[str, Any]

    @classmethod
    def read(cls, event: Mapping[str, Any] | None) -> WaitEvent:
        """Read a trigger's event; anything unknown is an error, never a success.

        :raises ArizeWaitError: the event is not one of :class:`ArizeTaskRunTrigger`'s.
        """
        given: Mapping[str, Any] = event if isinstance(event, dict) else {}
        status: Any = given.get("status")
        state = given.get("state")
        if status not in get_args(WaitStatus) or not isinstance(state, dict):
            raise ArizeWaitError(
                f"the trigger came back with an event this release doesn't know ({status!r}); nothing is assumed about "
                "the run. The next attempt takes it over"
            )
        return cls(status=status, message=str(given.get("message") or ""), state=state)


def wait_here(
    look: Callable[[str], TaskRun],
    run_ids: Sequence[str],
    *,
    poll_interval: float,
    deadline: float,
    killed: Callable[[], bool],
    on_change: Callable[[TaskRun], None],
) -> tuple[WaitStatus, str]:
    """Wait in this process until all runs have ended, on the trigger's own schedule and with its tolerance.

    :param look: reads one run, once, without retries of its own.
    :param run_ids: what to wait for.
    :param poll_interval: seconds between looks that the wait settles at.
    :param deadline: when the wait ends, in epoch seconds.
    :param killed: whether the task has been killed meanwhile; ends the wait at once.
    :param on_change: told of each run whose status has changed.
    :return: how the wait ended, and in words why.
    """
    begun = time.monotonic()
    seen: dict[str, TaskRun] = {}
    failures = Failures()
    pause = first_look(poll_interval)
    while True:
        _sleep(min(pause, max(0.0, deadline - time.time())), killed)
        try:
            _look(look, run_ids, seen, on_change)
            failures = Failures()
        except ArizeError as error:
            failures = failures.after(error)
            if failures.end_the_wait:
                return "error", failures.describe()
        if len(seen) == len(run_ids) and all(run.status.is_terminal for run in seen.values()):
            return "done", ""
        if killed():
            return "error", "the task was killed"
        if time.time() >= deadline:
            return "timeout", "the deadline passed"
        spread = random.random()  # noqa: S311 - jitter
        pause = next_look(time.monotonic() - begun, poll_interval, spread)
        if failures != Failures():
            pause = failures.wait(pause, poll_interval, spread)


def _look(
    look: Callable[[str], TaskRun],
    run_ids: Sequence[str],
    seen: dict[str, TaskRun],
    on_change: Callable[[TaskRun], None],
) -> None:
    for run_id in run_ids:
        before = seen.get(run_id)
        if before is not None and before.status.is_terminal:
            continue
        run = look(run_id)
        if before is None or before.status_text != run.status_text:
            on_change(run)
        seen[run_id] = run


def _sleep(seconds: float, killed: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not killed():
        time.sleep(min(left, _NAP))
