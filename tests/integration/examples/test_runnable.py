"""Every example runs as it is: in a bare Airflow, triggered by hand, with the connection of the first steps."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_arize_tasks.emulator.process import running_emulator

REPOSITORY = Path(__file__).parents[3]
#: All but the one that fails on purpose, and the file that asks a person.
FAILS = {"arize_alert"}
ASKS = {"arize_quality_gate_by_hand", "arize_ask_a_person"}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def connection(page: str) -> str:
    """The connection that a page tells people to export."""
    [found] = re.findall(r"AIRFLOW_CONN_ARIZE_DEFAULT='(\{.*?\})'", (REPOSITORY / page).read_text())
    return str(found)


def run(home: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "PYTEST_"))}
    environment |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "example_dags"),
        "PYTHONPATH": str(REPOSITORY),
    }
    return subprocess.run(
        [sys.executable, *command], cwd=home, env=environment | more, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("bare")
    migrated = run(home, "-m", "airflow", "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    listed = run(home, "-m", "airflow", "dags", "reserialize")
    assert listed.returncode == 0, listed.stderr
    with running_emulator(run_seconds=0.5) as emulator:
        fields = connection("docs/first-steps.md").replace("http://127.0.0.1:8899", emulator.url)
        assert emulator.url in fields
        # The one thing that an example needs besides the emulator's seeded world, and says so.
        control = emulator.control
        control.add_prompt(
            "support-answers", [{"role": "USER", "content": "Answer the customer: {input}"}], model="gpt-4o"
        )
        control.move_prompt_label("support-answers", "production")
        script = str(Path(__file__).with_name("run_all.py"))
        done = run(home, script, str(REPOSITORY / "example_dags"), AIRFLOW_CONN_ARIZE_DEFAULT=fields)
    (home / "log").write_text(done.stdout + done.stderr)
    assert (home / "ended.json").exists(), done.stderr[-3000:]
    found = json.loads((home / "ended.json").read_text())
    found["log"] = done.stdout + done.stderr
    return found


def test_all_were_run(ended: dict[str, Any]) -> None:
    defined = {
        name
        for file in (REPOSITORY / "example_dags").glob("arize_*.py")
        for name in re.findall(r'dag_id="(\w+)"', file.read_text())
    }
    assert {"daily_quality", "arize_daily_evaluation", "arize_scratch_task"} <= set(ended)
    assert defined - ASKS - {"arize_partitioned", "arize_partitioned_downstream"} <= set(ended)


def test_they_succeed(ended: dict[str, Any]) -> None:
    wrong = {
        dag_id: told
        for dag_id, told in ended.items()
        if dag_id not in (*FAILS, *ASKS, "log") and told["state"] != "success"
    }
    assert not wrong, json.dumps(wrong, indent=1)


def test_alert_tells_window_reason_and_link(ended: dict[str, Any]) -> None:
    assert ended["arize_alert"]["tasks"]["evaluate[-1]"] == "failed"
    log = ended["log"]
    for way in ("By callback:", "[arize_alert]"):
        told = next(line for line in log.splitlines() if way in line)
        assert "alert-correctness, 20" in told
        assert "min_successes" in told
        assert "/organizations/" in told


def test_scratch_task_is_deleted(ended: dict[str, Any]) -> None:
    assert ended["arize_scratch_task"]["tasks"]["delete_task[-1]"] == "success"


def test_mapped_windows_are_named_in_the_grid(ended: dict[str, Any]) -> None:
    names = ended["arize_backfill_mapped"]["names"]
    today = datetime.now(timezone.utc).date()
    assert names[-7:] == [f"{today - timedelta(days=number)}T00:00" for number in range(7, 0, -1)]


def test_a_downstream_dag_without_an_event_says_so(ended: dict[str, Any]) -> None:
    assert ended["arize_downstream"]["tasks"] == {"use_the_labels[-1]": "success"}
