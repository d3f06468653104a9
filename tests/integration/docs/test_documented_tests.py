"""The tests that the documentation shows, run as its readers run them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PROJECT = Path(__file__).parent / "project"
PAGE = (REPOSITORY / "docs" / "testing.md").read_text()


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


def five_lines() -> str:
    """The test file that the page shows."""
    section = PAGE.partition("## A DAG test in five lines\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return block


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_five_lines(project):
    (project / "test_five_lines.py").write_text(five_lines())
    migrated = run(project, "airflow", "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    done = run(project, "pytest", "-q", "-p", "no:cacheprovider", "test_five_lines.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_five_lines_are_five():
    _, _, test = five_lines().partition("def test_")
    assert len(test.strip().splitlines()) == 5


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_five_lines_notice_a_failure(project):
    """A test that could not fail would be worth nothing. A refused key is not retried, so this is quick."""
    refused = 'arize_emulator.control.inject("status", status=401, times=None, path="^/v2/")'
    failing = five_lines().replace("run = dag", f"{refused}\n    run = dag")
    (project / "test_five_lines.py").write_text(failing)
    assert run(project, "airflow", "db", "migrate").returncode == 0
    done = run(project, "pytest", "-q", "-p", "no:cacheprovider", "test_five_lines.py")
    assert done.returncode == 1
    assert "1 failed" in done.stdout
