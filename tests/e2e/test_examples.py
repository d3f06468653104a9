"""The example DAGs as they are, on a real Airflow against the emulator's own world."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator
from dev.local_airflow import LocalAirflow
from tests.e2e.arize import PROJECT, Arize, connection

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

EXAMPLES = Path(__file__).parents[2] / "example_dags"
TODAY = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
#: Not the last day: the example that waits for somebody else's run labels that one anew.
INTERVAL = (TODAY - timedelta(days=4), TODAY - timedelta(days=3))


@pytest.fixture(scope="module")
def arize() -> Iterator[EmulatorProcess]:
    with running_emulator(run_seconds=10) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def airflow(arize: EmulatorProcess) -> Iterator[LocalAirflow]:
    env = connection(arize.url) | {"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True"}
    with LocalAirflow(EXAMPLES, postgres=True, parallelism=4, env=env) as airflow:
        yield airflow


@pytest.fixture(scope="module")
def states(airflow: LocalAirflow, arize: EmulatorProcess) -> dict[str, str]:
    """All of them side by side; run id to the state of the DAG run."""
    api = airflow.api
    task = Arize(arize.url).evaluation_task("of somebody else", project=PROJECT, evaluator="hallucination")
    window = [moment.isoformat() for moment in INTERVAL]
    run = Arize(arize.url).call(
        "POST", f"tasks/{task}/trigger", {"data_start_time": window[0], "data_end_time": window[1]}
    )
    week = {
        "start": (TODAY - timedelta(days=15)).date().isoformat(),
        "end": (TODAY - timedelta(days=8)).date().isoformat(),
    }
    for dag_id in ("arize_nightly_experiment", "arize_daily_evaluation", "arize_backfill_mapped", "arize_wait_for_run"):
        api.unpause(dag_id)
    started = [
        ("arize_nightly_experiment", api.trigger("arize_nightly_experiment", "night")),
        (
            "arize_daily_evaluation",
            api.trigger("arize_daily_evaluation", "day", interval=INTERVAL, logical_date=TODAY),
        ),
        ("arize_backfill_mapped", api.trigger("arize_backfill_mapped", "mapped", conf=week)),
        ("arize_wait_for_run", api.trigger("arize_wait_for_run", "own")),
        ("arize_wait_for_run", api.trigger("arize_wait_for_run", "other", conf={"run_id": run["id"]})),
    ]
    return {run_id: api.wait_for_run(dag_id, run_id, limit=300) for dag_id, run_id in started}


def result(airflow: LocalAirflow, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
    found: dict[str, Any] = airflow.api.xcom(dag_id, run_id, task_id)
    return found


def test_the_nightly_experiment(airflow: LocalAirflow, arize: EmulatorProcess, states: dict[str, str]) -> None:
    run = result(airflow, "arize_nightly_experiment", "night", "run_experiment")
    [experiment] = [each for each in arize.control.experiments() if each["id"] == run["experiment_id"]]
    assert states["night"] == "success"
    assert experiment["name"] == "nightly night"
    assert len(experiment["rows"]) == run["num_successes"] == 50


def test_the_daily_evaluation_covers_the_interval(
    airflow: LocalAirflow, arize: EmulatorProcess, states: dict[str, str]
) -> None:
    ledger = arize.control.ledger(task="daily-correctness", start=INTERVAL[0], end=INTERVAL[1])
    run = result(airflow, "arize_daily_evaluation", "day", "evaluate_interval")
    assert states["day"] == "success"
    assert run["num_successes"] == ledger["spans"] == ledger["once"] > 90


def test_the_mapped_backfill_covers_every_day(
    airflow: LocalAirflow, arize: EmulatorProcess, states: dict[str, str]
) -> None:
    start, end = TODAY - timedelta(days=15), TODAY - timedelta(days=8)
    ledger = arize.control.ledger(task="backfill-correctness", start=start, end=end)
    assert states["mapped"] == "success"
    assert len(arize.control.runs("backfill-correctness")) == 7
    assert (ledger["once"], ledger["missed"], ledger["twice"]) == (ledger["spans"], 0, 0)


def test_waiting_for_a_run_of_somebody_else(airflow: LocalAirflow, states: dict[str, str]) -> None:
    assert (states["own"], states["other"]) == ("success", "success")
    assert result(airflow, "arize_wait_for_run", "own", "wait")["status"] == "COMPLETED"
    assert result(airflow, "arize_wait_for_run", "other", "wait")["status"] == "COMPLETED"
    assert airflow.api.task("arize_wait_for_run", "other", "trigger_elsewhere")["state"] == "skipped"
