"""Shared by every test: an Airflow home of its own, an emulator, and the connection that points at it."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess

# Airflow reads its configuration when it is first imported, so this happens before any test module is.
AIRFLOW_HOME = tempfile.mkdtemp(prefix="airflow-home-")
os.environ["AIRFLOW_HOME"] = AIRFLOW_HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] = "False"


def pytest_unconfigure() -> None:
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def emulator_process() -> Iterator[EmulatorProcess]:
    """One emulator for all tests of this process; use ``emulator``, which empties it first."""
    from airflow_provider_arize_tasks.emulator.process import running_emulator

    with running_emulator(run_seconds=0.2) as running:
        yield running


@pytest.fixture
def emulator(emulator_process: EmulatorProcess) -> EmulatorProcess:
    """An emulator as freshly started: its seeded world, no runs, no faults."""
    emulator_process.control.reset()
    return emulator_process


@pytest.fixture
def arize_connection(emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> str:
    """The connection ``arize_default``, pointing at the emulator; returns its id."""
    uri = f"arize://:test-key@{emulator.url.removeprefix('http://')}/http"
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", uri)
    return "arize_default"
