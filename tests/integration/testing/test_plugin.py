"""The pytest plugin as a user's own project sees it: installed, and otherwise unknown."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "AIRFLOW_HOME": str(folder / "airflow"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_somebody_elses_tests_do_not_import_airflow(tmp_path):
    tmp_path.joinpath("test_other.py").write_text(
        "import sys\n"
        "def test_other():\n"
        "    names = ('airflow', 'aiohttp', 'requests', 'pydantic', 'airflow_provider_arize_tasks.emulator')\n"
        "    assert [n for n in names if n in sys.modules] == []\n"
    )
    # Other plugins of this environment may import what they like.
    run = run_pytest(tmp_path, "-p", "no:hypothesispytest", "-p", "no:xdist")
    assert run.returncode == 0, run.stdout
    assert "1 passed" in run.stdout


def test_fixtures_and_marker_are_known_without_a_conftest(tmp_path):
    tmp_path.joinpath("test_mine.py").write_text(
        "import os, json, pytest\n"
        "@pytest.mark.arize(run_seconds=0.1, conn_id='arize_staging')\n"
        "def test_mine(arize_emulator, arize_connection):\n"
        "    assert arize_connection == 'arize_staging'\n"
        "    connection = json.loads(os.environ['AIRFLOW_CONN_ARIZE_STAGING'])\n"
        "    assert connection['host'] == arize_emulator.url\n"
        "    assert arize_emulator.control.runs() == []\n"
    )
    run = run_pytest(tmp_path)
    assert run.returncode == 0, run.stdout
    assert "1 passed" in run.stdout


def test_weather_is_bad_for_one_test_only(tmp_path):
    tmp_path.joinpath("test_mine.py").write_text(
        "def test_bad(arize_emulator, arize_weather):\n"
        "    assert arize_weather('bad', seed=7)['late_triggers'] > 0\n"
        "    assert arize_weather(latency_seconds=0)['seed'] == 7\n"
        "def test_clear_again(arize_emulator):\n"
        "    assert arize_emulator.control.weather()['late_triggers'] == 0\n"
    )
    run = run_pytest(tmp_path)
    assert run.returncode == 0, run.stdout
    assert "2 passed" in run.stdout


def test_can_be_switched_off(tmp_path):
    tmp_path.joinpath("test_mine.py").write_text("def test_mine(arize_emulator):\n    pass\n")
    run = run_pytest(tmp_path, "-p", "no:arize_tasks")
    assert "fixture 'arize_emulator' not found" in run.stdout


@pytest.mark.usefixtures("arize_emulator")
class TestOneTestDoesNotSeeAnothers:
    @pytest.mark.parametrize("attempt", [1, 2])
    def test_runs_start_at_none(self, arize_emulator, attempt):
        assert arize_emulator.control.runs() == []
