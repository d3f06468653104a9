"""Shared by tests of operators and sensors: less patience than in production, and one run to wait for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client import transport
from airflow_provider_arize_tasks.client.transport import RetryPolicy
from airflow_provider_arize_tasks.operators.waiting_for_runs import WaitingForRuns
from airflow_provider_arize_tasks.runs.timing import Patience
from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger

if TYPE_CHECKING:
    import pytest

#: Runs that nobody made, and an id that is none.
NO_RUN = "VGFza1J1bjo5OTk5OnplcG8="
NO_TASK = "T25saW5lVGFzazo5OTk5OnplcG8="


def retry_requests_briefly(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.4) -> None:
    """Give a failing request up after less than a second instead of a minute."""
    monkeypatch.setattr(transport, "RetryPolicy", partial(RetryPolicy, total_seconds=seconds, first_pause=0.1))


#: About a second until a list is believed instead of ten: enough for a local server, whose clock shows whole ones.
IMPATIENT = Patience(listing=1.2, twin=1.5, rival=0.3, pause=0.1, cancel=20.0)


def be_impatient(monkeypatch: pytest.MonkeyPatch, patience: Patience = IMPATIENT) -> None:
    """Give the trigger operators less patience."""
    monkeypatch.setattr(WaitingForRuns, "patience", patience)


def look_again_soon(monkeypatch: pytest.MonkeyPatch, first: float = 0.02) -> None:
    """After a failed look within a fraction of a second instead of minutes."""
    for waiting in (WaitingForRuns, ArizeTaskRunTrigger):
        soon = replace(waiting.patience, outage=first, longest_outage=2.5 * first)
        monkeypatch.setattr(waiting, "patience", soon)
