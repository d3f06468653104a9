"""Ends runs: cancels them and, where something new is to start, waits until they have ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import ArizeApiError
from airflow_provider_arize_tasks.runs.errors import ArizeWaitError

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.runs.api import RunsApi


def cancel_and_wait(api: RunsApi, run_id: str, *, patience: float, pause: float, log: Any) -> TaskRun:
    """Cancel a run and wait until it has ended.

    :param api: the server.
    :param run_id: the run.
    :param patience: seconds to wait for the end.
    :param pause: seconds between two looks.
    :param log: where to say what became of it.
    :return: the run, ended.
    :raises ArizeWaitError: it has not ended in that time.
    """
    run = api.get_run(run_id=run_id)
    if run.status.is_terminal:
        return run
    log.info("Cancelling run %s (%s)", run_id, run.status.value)
    run = cancel_run(api, run_id)
    give_up: float = time.monotonic() + patience
    while not run.status.is_terminal:
        if time.monotonic() > give_up:
            raise ArizeWaitError(f"run {run_id} was cancelled and is still {run.status.value} after {patience:.0f} s")
        time.sleep(pause)
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
