"""Two triggerers share the waits; one is killed in the middle; the other takes its waits over and nothing is lost."""

from __future__ import annotations

import time
from collections import Counter
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

HERE = Path(__file__).parent / "triggerers"
COUNT, CAPACITY, POLL_INTERVAL = 16, 10, 5
LISTING = "GET /v2/tasks/{task_id}/runs"
#: The runs last until the test ends them, however slow the machine is.
RUN_SECONDS = 3600
START = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(days=2)


@pytest.fixture(scope="module")
def arize() -> Iterator[EmulatorProcess]:
    with running_emulator(run_seconds=RUN_SECONDS, seed_spans=0) as emulator:
        emulator.control.add_spans(project=PROJECT, count=COUNT * 10, start=START, end=START + timedelta(hours=COUNT))
        Arize(emulator.url).evaluation_task("many")
        yield emulator


@pytest.fixture(scope="module")
def airflow(arize: EmulatorProcess) -> Iterator[LocalAirflow]:
    env = connection(arize.url) | {
        "MANY_START": START.isoformat(),
        "MANY_COUNT": str(COUNT),
        "MANY_POLL_INTERVAL": str(POLL_INTERVAL),
        # A triggerer takes all the triggers it can hold: neither can hold them all.
        "AIRFLOW__TRIGGERER__CAPACITY": str(CAPACITY),
    }
    with LocalAirflow(HERE / "dags", postgres=True, parallelism=4, triggerers=2, env=env) as airflow:
        yield airflow


def holders(airflow: LocalAirflow, run_id: str) -> Counter[int]:
    """How many deferred task instances each triggerer holds."""
    tasks = airflow.api.tasks("many", run_id)
    triggers = [task["trigger"] for task in tasks if task["state"] == "deferred" and task["trigger"]]
    return Counter(trigger["triggerer_id"] for trigger in triggers if trigger["triggerer_id"])


def looks(arize: EmulatorProcess) -> int:
    return int(arize.control.counters()["requests"].get(LISTING, 0))


@pytest.fixture(scope="module")
def outcome(airflow: LocalAirflow, arize: EmulatorProcess) -> dict[str, Any]:
    """What all tests here look at: one DAG run, in the middle of which a triggerer was killed."""
    run_id = airflow.api.trigger("many", "one")
    held = airflow.api.wait_for(
        "all to be deferred, on both triggerers",
        lambda: (found := holders(airflow, run_id)).total() == COUNT and len(found) == 2 and found,
        limit=300,
    )
    before, begin = looks(arize), time.monotonic()
    airflow.api.wait_for("both to look for a while", lambda: looks(arize) >= before + 30, limit=180)
    found = {"held": held, "looks": looks(arize) - before, "seconds": time.monotonic() - begin}
    found["killed"] = airflow.kill("triggerer")
    arize.control.advance_clock(RUN_SECONDS)  # all runs end, some of them with nobody left who waits
    found["state"] = airflow.api.wait_for_run("many", run_id, limit=300)
    return {**found, "tasks": airflow.api.tasks("many", run_id)}


def test_both_held_waits_and_one_was_killed(outcome: dict[str, Any]) -> None:
    held = outcome["held"].values()
    assert (len(held), sum(held)) == (2, COUNT)
    assert COUNT - CAPACITY <= min(held) <= max(held) <= CAPACITY
    assert outcome["killed"]


def test_every_task_succeeded(outcome: dict[str, Any]) -> None:
    assert outcome["state"] == "success"
    assert {task["state"] for task in outcome["tasks"]} == {"success"}


def test_every_window_has_one_run_and_none_was_cancelled(outcome: dict[str, Any], arize: EmulatorProcess) -> None:
    runs = arize.control.runs("many")
    assert outcome["state"] == "success"
    assert Counter(run["data_start_time"] for run in runs).most_common(1)[0][1] == 1
    assert (len(runs), {run["status"] for run in runs}) == (COUNT, {"COMPLETED"})


def test_every_span_is_labelled_once(outcome: dict[str, Any], arize: EmulatorProcess) -> None:
    ledger = arize.control.ledger(task="many", start=START, end=START + timedelta(hours=COUNT))
    assert outcome["state"] == "success"
    assert (ledger["spans"], ledger["once"], ledger["missed"], ledger["twice"]) == (COUNT * 10, COUNT * 10, 0, 0)


def test_waits_on_one_triggerer_share_their_looks(outcome: dict[str, Any]) -> None:
    alone = COUNT * outcome["seconds"] / POLL_INTERVAL
    assert outcome["looks"] < alone / 2
