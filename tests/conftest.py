"""Shared by every test: an Airflow home of its own. Emulator and connection come from the package's pytest plugin."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.deprecations import deprecated_calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess

# Airflow reads its configuration when it is first imported, so this happens before any test module is.
AIRFLOW_HOME = tempfile.mkdtemp(prefix="airflow-home-")
os.environ["AIRFLOW_HOME"] = AIRFLOW_HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] = "False"

# How long an example takes says something about the machine alone, and a busy one is no failure. A property gets a few
# examples with every run of the fast tests; `make slow` tries all of them again on many (--hypothesis-profile=many).
settings.register_profile("few", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=30)
settings.register_profile("many", parent=settings.get_profile("few"), max_examples=300)
settings.load_profile("few")


def pytest_unconfigure() -> None:
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _nothing_deprecated() -> Iterator[None]:
    """A deprecated call of ours fails the test that meets it, on every Airflow of the matrix."""
    with deprecated_calls() as found:
        yield
    assert not found, "\n".join(found)


@pytest.fixture
def emulator(arize_emulator: EmulatorProcess) -> EmulatorProcess:
    """``arize_emulator`` under a shorter name."""
    return arize_emulator


@pytest.fixture
def arize_connection(emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> str:
    """The connection ``arize_default`` to the emulator, without a default space: that is for the tests to give."""
    fields = {"conn_type": "arize", "host": emulator.url, "password": "test-key"}
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(fields))
    return "arize_default"
