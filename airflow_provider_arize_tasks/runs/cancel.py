"""Ends runs: cancels them and, where something new is to start, waits until they have ended.

:class:`KillSwitch` is for a worker that is told to stop a task: it cancels its runs at once, and goes no further.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import (
    ArizeApiError,
    ArizeError,
    ArizeRateLimitError,
    ArizeServerError,
    ArizeTransportError,
)
from airflow_provider_arize_tasks.runs.errors import ArizeWaitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_arize_tasks.client.config import ClientConfig
    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.client.sync import ArizeClient
    from airflow_provider_arize_tasks.runs.lookup import RunsApi
    from airflow_provider_arize_tasks.runs.timing import Patience


def cancel_and_wait(api: RunsApi, run_id: str, *, patience: Patience, log: Any) -> TaskRun:
    """Cancel a run and wait until it has ended.

    :param api: the server.
    :param run_id: the run.
    :param patience: how long to wait for the end, and between two looks.
    :param log: where to say what became of it.
    :return: the run, ended.
    :raises ArizeWaitError: it has not ended in that time.
    """
    run = api.get_run(run_id=run_id)
    if run.status.is_terminal:
        return run
    log.info("Cancelling run %s (%s)", run_id, run.status.value)
    run = cancel_run(api, run_id)
    give_up: float = time.monotonic() + patience.cancel
    while not run.status.is_terminal:
        if time.monotonic() > give_up:
            raise ArizeWaitError(
                f"run {run_id} was cancelled and is still {run.status.value} after {patience.cancel:.0f} s"
            )
        time.sleep(patience.pause)
        run = api.get_run(run_id=run_id)
    log.info("Run %s has ended: %s", run_id, run.status.value)
    return run


def cancel_run(api: RunsApi, run_id: str) -> TaskRun:
    """Cancel a run; one that has ended meanwhile is as good as cancelled.

    The server refuses to cancel what has ended, in words that are no contract: so read it again and see.

    :raises ArizeApiError: refused, and the run goes on.
    """
    try:
        return api.cancel_run(run_id=run_id)
    except ArizeApiError:
        run = api.get_run(run_id=run_id)
        if run.status.is_terminal:
            return run
        raise


#: The least that each run gets of the time, in seconds.
_LEAST_SHARE = 0.4
_PAUSE = 0.3


class KillSwitch:
    """What ``on_kill`` and the attempt know of each other.

    :param cancels: whether a kill cancels the runs (``cancel_on_kill``).
    """

    def __init__(self, *, cancels: bool) -> None:
        self.cancels = cancels
        self.killed = False
        #: The runs of this task instance that are active.
        self.run_ids: tuple[str, ...] = ()
        #: Where to find the server; set while an attempt is at work. A kill must not ask Airflow for the connection,
        #: since it interrupts whatever is being asked.
        self.config: ClientConfig | None = None

    def remember(self, run_id: str) -> None:
        """From here on a kill cancels this run, whatever else is still to be written down about it.

        :param run_id: of a run of this task instance.
        """
        if run_id not in self.run_ids:
            self.run_ids = (*self.run_ids, run_id)

    def kill(self, *, seconds: float, log: Any) -> None:
        """The task is told to stop. Bounded in time; never raises.

        :param seconds: how long all of it may take.
        :param log: where to say what became of each run.
        """
        self.killed = True
        if not self.run_ids:
            return
        if not self.cancels:
            log.info("Killed; cancel_on_kill is off, so run(s) %s go on", ", ".join(self.run_ids))
            return
        cancel_at_once(self.config, self.run_ids, seconds=seconds, log=log)


def cancel_at_once(config: ClientConfig | None, run_ids: Sequence[str], *, seconds: float, log: Any) -> None:
    """Cancel runs from a signal handler: on a connection of its own, in bounded time, never raising.

    :param config: of the attempt that is being killed.
    :param run_ids: what to cancel.
    :param seconds: how long all of it may take; each run gets a share, so that each cancel is at least sent.
    :param log: where to say what became of each.
    """
    from airflow_provider_arize_tasks.client.sync import ArizeClient

    if config is None:
        return
    until = time.monotonic() + seconds
    for index, run_id in enumerate(run_ids):
        share = max(_LEAST_SHARE, (until - time.monotonic()) / (len(run_ids) - index))
        quick = replace(config, connect_timeout=share / 2, read_timeout=share / 2, max_requests_per_second=None)
        try:
            with ArizeClient(quick) as client:
                status = _cancel(client, run_id, until=time.monotonic() + share)
            log.info("Killed; run %s is %s", run_id, status)
        except ArizeError as error:
            log.warning("Killed, but run %s could not be cancelled: %s. The next attempt deals with it", run_id, error)


def _cancel(client: ArizeClient, run_id: str, *, until: float) -> str:
    from airflow_provider_arize_tasks.client.endpoints import cancel_task_run, get_task_run

    while True:
        try:
            return client.send(cancel_task_run(run_id), retry=False).status.value
        except (ArizeRateLimitError, ArizeServerError, ArizeTransportError):  # noqa: PERF203  # a request is slower
            if time.monotonic() + 2 * _PAUSE > until:
                raise
            time.sleep(_PAUSE)
        except ArizeApiError:  # most likely refused because it has ended
            run = client.send(get_task_run(run_id), retry=False)
            if run.status.is_terminal:
                return run.status.value
            raise
