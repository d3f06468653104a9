"""The crash rows on a distributed engine: one run per window in each, and none left going.

Airflow with CeleryExecutor on Redis and PostgreSQL, two Celery workers and two triggerers, all of them real processes.
"""

from __future__ import annotations

import shutil
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator
from dev.local_airflow.postgres import PostgresMissingError, find_binaries
from tests.e2e.arize import Arize, connection
from tests.e2e.celery.engine import VISIBILITY_TIMEOUT, WORKERS, Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SPANS = 20
FIRST = datetime(2026, 3, 1, tzinfo=timezone.utc)


def _missing() -> str:
    """What the engine needs and this machine lacks."""
    missing = [] if shutil.which("redis-server") else ["redis-server"]
    try:
        find_binaries()
    except PostgresMissingError:
        missing.append("postgresql")
    return ", ".join(missing)


pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(_missing()), reason=f"not installed: {_missing()}"),
]


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmulatorProcess]:
    with running_emulator(run_seconds=12, seed_spans=100) as running:
        yield running


@pytest.fixture(scope="module")
def engine(emulator: EmulatorProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    environment = connection(emulator.url) | {
        "PYTHONPATH": str(HERE.parent / "faults" / "support"),
        "FAULTS_KILLS": str(tmp_path_factory.mktemp("kills")),
    }
    with Engine(HERE / "dags", tmp_path_factory.mktemp("redis"), environment) as running:
        yield running


class Window:
    """A DAG run of a row over an hour of its own, and what became of it."""

    number = 0

    def __init__(self, engine: Engine, emulator: EmulatorProcess, dag_id: str, run_seconds: float = 12) -> None:
        self.engine, self.control, self.dag_id = engine, emulator.control, dag_id
        Window.number += 1
        start = FIRST + timedelta(hours=Window.number)
        self.range: dict[str, Any] = {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
        self.control.add_spans(count=SPANS, **self.range)
        self.control.set_outcome(task=dag_id, run_seconds=run_seconds, times=None)
        Arize(emulator.url).evaluation_task(dag_id)
        engine.airflow.api.trigger(dag_id, "row", conf=self.range)

    def wait_for(self, *states: str, limit: float = 120) -> dict[str, Any]:
        return dict(self.engine.airflow.api.wait_for_task(self.dag_id, "row", "trigger", set(states), limit=limit))

    def wait_until_triggered(self) -> None:
        self.engine.airflow.api.wait_for(f"a run of {self.dag_id}", lambda: self.control.runs(self.dag_id), 120)

    def processes(self) -> list[Any]:
        return [each for each in self.engine.airflow.processes() if each.dag_id == self.dag_id]

    def check(self) -> dict[str, Any]:
        """The task is a success, and its window has one run, ended, that labelled everything once."""
        try:
            task = self.engine.airflow.api.wait_for_task(self.dag_id, "row", "trigger", limit=180)
        except TimeoutError as late:
            pytest.fail(f"{late}\n{self.engine.tails()}")
        assert task["state"] == "success"
        time.sleep(3)
        runs = self.control.runs(self.dag_id)
        assert [run["status"] for run in runs] == ["COMPLETED"]
        ledger = self.control.ledger(task=self.dag_id, **self.range)
        assert (ledger["once"], ledger["missed"], ledger["twice"]) == (SPANS, 0, 0)
        return dict(task)


def test_a_worker_process_is_killed_with_its_supervisor(engine: Engine, emulator: EmulatorProcess) -> None:
    window = Window(engine, emulator, "celery_supervisor")
    assert window.check()["try_number"] >= 2


def test_a_whole_celery_worker_is_killed(engine: Engine, emulator: EmulatorProcess) -> None:
    window = Window(engine, emulator, "celery_worker", run_seconds=60)
    window.wait_until_triggered()
    worker = engine.worker_of(window.processes()[-1].pid)
    assert worker in WORKERS
    engine.airflow.kill(worker)
    # Its message comes back after the visibility timeout, beside the retry that Airflow starts.
    time.sleep(VISIBILITY_TIMEOUT)
    engine.start_worker(worker)
    assert window.check()["try_number"] >= 2


def test_redis_is_restarted(engine: Engine, emulator: EmulatorProcess) -> None:
    deferred = Window(engine, emulator, "celery_redis", run_seconds=30)
    waiting = Window(engine, emulator, "celery_redis_worker", run_seconds=30)
    deferred.wait_for("deferred")
    waiting.wait_until_triggered()
    engine.redis.restart(down_seconds=5)
    deferred.check()
    waiting.check()


def test_a_message_is_delivered_twice(engine: Engine, emulator: EmulatorProcess) -> None:
    window = Window(engine, emulator, "celery_twice", run_seconds=3 * VISIBILITY_TIMEOUT)
    window.check()
    logs = "".join((engine.airflow.home / f"{name}.log").read_text(errors="replace") for name in WORKERS)
    received = [line for line in logs.splitlines() if "received" in line and "execute_workload" in line]
    deliveries = {line.split("[")[-1] for line in received}
    assert len(received) > len(deliveries), "no message was delivered twice"
