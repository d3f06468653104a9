"""The tests that the documentation shows, run as its readers run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PROJECT = Path(__file__).parent / "project"


@pytest.fixture
def project(tmp_path) -> Path:
    """A project with the documented tests and one DAG."""
    for test in PROJECT.glob("test_*.py"):
        shutil.copy(test, tmp_path)
    dags = tmp_path / "dags"
    dags.mkdir()
    shutil.copy(REPOSITORY / "example_dags" / "howto_first_steps.py", dags / "daily_quality.py")
    return tmp_path


def run(project: Path, *command: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "PYTEST_"))}
    environment |= {
        "AIRFLOW_HOME": str(project / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(project),
    }
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=project, env=environment, capture_output=True, text=True, check=False
    )


def test_one_task(project):
    done = run(project, "pytest", "-q", "-p", "no:cacheprovider", "test_one_task.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_five_lines(project):
    migrated = run(project, "airflow", "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    done = run(project, "pytest", "-q", "-p", "no:cacheprovider", "test_five_lines.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_five_lines_are_five():
    text = (PROJECT / "test_five_lines.py").read_text()
    shown = text.partition("# [START five_lines]")[2].partition("# [END five_lines]")[0]
    assert len([line for line in shown.splitlines() if line.strip()]) == 5
