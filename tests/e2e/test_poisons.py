"""Poisoned replies meet a real triggerer: whoever waits beside them goes on, and whoever meets one is told.

On SQLite and on PostgreSQL, since each refuses to keep something else. One Airflow and one triggerer for all poisons.
"""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator
from dev.local_airflow import LocalAirflow
from tests.e2e.arize import PROJECT, Arize, connection
from tests.e2e.poisons.gateway import Gateway
from tests.e2e.poisons.poison import POISONS, Poison

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HERE = Path(__file__).parent / "poisons"
POISONED, HEALTHY, EARLY = "poisoned_team", "other_team", "healthy"
#: What no log and no result may hold: half characters, NUL, escapes, overrides.
HARMFUL = {*map(chr, range(0xD800, 0xE000)), "\x00", "\x1b", "\x07", "\u202e"}


@pytest.fixture(scope="module")
def arize() -> Iterator[EmulatorProcess]:
    with running_emulator(run_seconds=3600, seed_spans=0) as emulator:
        start = datetime(2026, 11, 1, tzinfo=timezone.utc)
        emulator.control.add_spans(project=PROJECT, count=20, start=start, end=start.replace(hour=1))
        yield emulator


@pytest.fixture(scope="module")
def gateway(arize: EmulatorProcess) -> Iterator[Gateway]:
    gateway = Gateway(arize.url)
    yield gateway
    gateway.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def airflow(request: pytest.FixtureRequest, gateway: Gateway) -> Iterator[LocalAirflow]:
    gateway.poisons.clear()
    gateway.served.clear()
    is_postgres = request.param == "postgres"
    with LocalAirflow(HERE / "dags", postgres=is_postgres, parallelism=8, env=connection(gateway.url)) as airflow:
        yield airflow


def is_waiting(airflow: LocalAirflow, run_id: str) -> bool:
    """Whether a task is deferred, and its first process is over for the scheduler too."""
    heard = rf"Received executor event with state success .*'{POISONED}'.*run_id='{run_id}'"
    return (
        re.search(heard, (airflow.home / "scheduler.log").read_text(errors="replace")) is not None
        and airflow.api.task(POISONED, run_id, "evaluate")["state"] == "deferred"
    )


@pytest.fixture(scope="module")
def outcome(airflow: LocalAirflow, arize: EmulatorProcess, gateway: Gateway) -> dict[str, Any]:
    """What all tests here look at: everybody waits, then the poison comes, then the healthy run ends."""
    api = airflow.api
    suffix = "pg" if airflow.postgres else "lite"
    runs = {name: f"{name}-{suffix}" for name in (*POISONS, EARLY)}
    tasks = {name: Arize(arize.url).evaluation_task(run_id) for name, run_id in runs.items()}
    dags = {name: POISONED if name in POISONS else HEALTHY for name in runs}
    api.trigger(HEALTHY, runs[EARLY])
    api.wait_for_task(HEALTHY, runs[EARLY], "evaluate", {"deferred"})
    before = airflow.ps()["triggerer"]
    for name in POISONS:
        api.trigger(POISONED, runs[name])
    # Not before the scheduler has heard that the first part of the task is over: an event sooner than that fails it.
    for name, poison in POISONS.items():
        api.wait_for(f"{runs[name]} to wait", partial(is_waiting, airflow, runs[name]), limit=180)
        gateway.poisons[tasks[name]] = poison
    api.wait_for("every poison to be met", lambda: set(gateway.served) >= set(gateway.poisons), limit=90)
    time.sleep(2)
    [healthy] = arize.control.runs(runs[EARLY])
    arize.control.end_run(healthy["id"])
    states = {name: api.wait_for_run(dags[name], run_id, limit=240) for name, run_id in runs.items()}
    return {"states": states, "runs": runs, "before": before, "after": airflow.ps()["triggerer"]}


def test_the_other_teams_task_goes_on(outcome: dict[str, Any]) -> None:
    assert outcome["states"][EARLY] == "success"


def test_the_triggerer_was_never_started_again(outcome: dict[str, Any]) -> None:
    assert outcome["after"]["exit"] is None
    assert outcome["before"] == outcome["after"]


@pytest.mark.parametrize("name", POISONS)
def test_the_poisoned_task_ends_and_says_why(airflow: LocalAirflow, outcome: dict[str, Any], name: str) -> None:
    poison: Poison = POISONS[name]
    run_id = outcome["runs"][name]
    task = airflow.api.task(POISONED, run_id, "evaluate")
    log = airflow.api.log(POISONED, run_id, "evaluate", task["try_number"])
    result = airflow.api.xcom(POISONED, run_id, "evaluate")
    assert task["state"] == poison.ends, f"{log}\n{airflow.log_tail('scheduler')}"
    for words in poison.says:
        assert words in log, log
    assert not HARMFUL & set(log + json.dumps(result, ensure_ascii=False))
    assert (result is not None) == (poison.ends == "success")
