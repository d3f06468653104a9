"""Airflow's own commands: ``airflow connections test`` and ``airflow dags test`` give right verdicts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Airflow = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
DAGS = Path(__file__).parent / "dags"
KEY = "ak-on-the-command-line"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow home with a database."""
    home = tmp_path_factory.mktemp("home")
    migrated = run(home, "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    return home


def run(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "PYTEST_"))}
    environment |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    }
    command = [sys.executable, "-m", "airflow", *arguments]
    return subprocess.run(command, env=environment | more, capture_output=True, text=True, check=False)


@pytest.fixture
def airflow(home: Path, arize_emulator) -> Airflow:
    connection = {"conn_type": "arize", "host": arize_emulator.url, "password": KEY, "extra": {"space": "demo-space"}}

    def airflow(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        done = run(home, *arguments, **({"AIRFLOW_CONN_ARIZE_DEFAULT": json.dumps(connection)} | more))
        assert KEY not in done.stdout + done.stderr
        return done

    return airflow


def test_connection_that_works(airflow: Airflow):
    done = airflow("connections", "test", "arize_default")
    assert done.returncode == 0, done.stderr
    assert "Connection success!" in done.stdout


def test_connection_with_a_wrong_space(airflow: Airflow, arize_emulator):
    wrong = {"conn_type": "arize", "host": arize_emulator.url, "password": KEY, "extra": {"space": "demo-spaec"}}
    done = airflow("connections", "test", "arize_default", AIRFLOW_CONN_ARIZE_DEFAULT=json.dumps(wrong))
    assert "Connection success!" not in done.stdout
    assert "there is no space 'demo-spaec'" in " ".join(done.stdout.split())


@pytest.fixture
def dag_test(airflow: Airflow):
    """Run the DAG; whether ``airflow dags test`` calls it a success, and what it printed."""

    def dag_test(**more: str) -> tuple[bool, str]:
        done = airflow("dags", "test", "daily", **more)
        text = done.stdout + done.stderr
        (state,) = re.findall(r"DagRun Finished: .*? state=(\w+)", text)
        assert (state == "success") == (done.returncode == 0)
        return state == "success", text

    return dag_test


def test_a_good_run_is_a_success(dag_test, arize_emulator):
    succeeded, text = dag_test()
    assert succeeded, text
    (remote,) = arize_emulator.control.runs()
    assert (remote["status"], remote["id"] in text) == ("COMPLETED", True)


def test_a_failed_run_is_a_failure(dag_test, arize_emulator):
    arize_emulator.control.set_outcome("FAILED", reason="the judge model is gone")
    succeeded, text = dag_test()
    assert not succeeded
    assert "the judge model is gone" in text


def test_a_missed_gate_is_a_failure(dag_test, arize_emulator):
    arize_emulator.control.set_outcome(errors=90)
    succeeded, text = dag_test()
    assert not succeeded
    assert "of the evaluations ended in errors" in text


def test_no_data_is_a_skipped_task_in_a_good_dag_run(dag_test, arize_emulator):
    succeeded, text = dag_test(UNTIL="2020-01-02T00:00:00Z")
    assert succeeded
    assert "no run was started" in text
    assert arize_emulator.control.runs() == []
