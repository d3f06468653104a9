"""Whatever dies, each window gets one remote run, and none goes on that nobody waits for.

Real processes: Airflow on PostgreSQL (API server, scheduler, workers, triggerer) and emulators, which count runs and
labels: one in kind weather, one in bad weather, others for a fault of their own. Every row says what must come out; the
whole table is printed and kept in ``.cache/reports``. ``FAULTS_LOOP``: DAG runs of the random loop, in bad weather.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_arize_tasks.emulator.process import running_emulator
from dev.local_airflow import LocalAirflow
from tests.e2e.arize import connection
from tests.e2e.faults.matrix import Matrix, Result
from tests.e2e.faults.report import write_report
from tests.e2e.faults.support.fault_rows import (
    BAD,
    COMPONENT_DAGS,
    COMPONENT_FAULTS,
    CONNECTIONS,
    LOOPS,
    ROWS,
    RUN_SECONDS,
    SEED,
    WEATHERS,
    Row,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(7200)]

HERE = Path(__file__).parent
#: Parts to run, for looking into one alone.
PARTS = os.environ.get("FAULTS_PARTS", "rows components loop").split()
LOOP = int(os.environ.get("FAULTS_LOOP", "60"))


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    kills = tmp_path_factory.mktemp("kills")
    path = os.pathsep.join([str(HERE / "support"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {"PYTHONPATH": path, "FAULTS_KILLS": str(kills), "FAULTS_SEED": str(SEED)}
    with ExitStack() as stack:
        emulators = {
            weather: stack.enter_context(running_emulator(run_seconds=RUN_SECONDS, seed_spans=0))
            for weather in WEATHERS
        }
        for name, (weather, extra) in CONNECTIONS.items():
            (value,) = connection(emulators[weather].url, **extra).values()
            environment[f"AIRFLOW_CONN_ARIZE_{name.upper()}"] = value
        airflow = LocalAirflow(HERE / "dags", postgres=True, parallelism=10, env=environment)
        stack.enter_context(airflow)
        matrix = Matrix(airflow, {name: each.control for name, each in emulators.items()}, kills)
        matrix.prepare()
        yield matrix


@pytest.fixture(scope="module")
def rows(matrix: Matrix) -> dict[str, Result]:
    return {result.name: result for result in matrix.rows()} if "rows" in PARTS else {}


@pytest.fixture(scope="module")
def components(matrix: Matrix, rows: dict[str, Result]) -> dict[str, list[Result]]:
    """One after the other, when the rows are through: each of these hits every task there is."""
    airflow = matrix.airflow
    if "components" not in PARTS:
        return {}
    for weather, dag_id in COMPONENT_DAGS.items():
        matrix.controls[weather].set_outcome(task=dag_id, run_seconds=25, times=None)

    def all_at_once() -> None:
        for name in ("triggerer", "scheduler", "api-server"):
            airflow.kill(name)
        time.sleep(2)
        for name in ("api-server", "scheduler", "triggerer"):
            airflow.start_component(name)

    def outage() -> None:
        for control in matrix.controls.values():
            control.outage(60)

    hurts: dict[str, Callable[[], None]] = {
        "triggerer": lambda: airflow.restart("triggerer"),
        "scheduler": lambda: airflow.restart("scheduler"),
        "api-server": lambda: airflow.restart("api-server"),
        "everything": all_at_once,
        "outage": outage,
    }
    return {name: matrix.component(name, hurts[name]) for name in COMPONENT_FAULTS}


@pytest.fixture(scope="module")
def loop(matrix: Matrix, components: dict[str, list[Result]]) -> list[Result]:
    for each in LOOPS:
        weather = CONNECTIONS[each.connection][0]
        matrix.controls[weather].set_outcome(task=each.dag_id, run_seconds=RUN_SECONDS, times=None)
    return matrix.loop(LOOP) if "loop" in PARTS else []


@pytest.fixture(scope="module", autouse=True)
def report(rows: dict[str, Result], components: dict[str, list[Result]], loop: list[Result]) -> None:
    """Everything has run once this is there; the tests below only compare."""
    write_report(list(rows.values()), [each for some in components.values() for each in some], loop, seed=str(SEED))


@pytest.mark.skipif("rows" not in PARTS, reason="left out by FAULTS_PARTS")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row: Row, rows: dict[str, Result]) -> None:
    found = rows[row.name]
    assert not found.problem
    assert found.kills == row.kills, "the kill this row is about did not happen"
    assert re.fullmatch(row.state, found.state)
    assert (found.completed, found.going) == (row.completed, row.going)
    assert found.twice == 0 or found.twins, "spans were labelled twice, and no twin was found"
    if not row.is_loose:
        assert (found.runs, found.twins) == (row.runs, row.twins)
    if row.labelled:
        assert (found.missed, found.once + found.twice) == (0, found.spans)
    assert not found.unexplained, "runs beside the one that counts, of which nobody says why they are there"
    assert found.said or not row.says, f"no attempt's log says {row.says!r}"


@pytest.mark.skipif("components" not in PARTS, reason="left out by FAULTS_PARTS")
@pytest.mark.parametrize("name", COMPONENT_FAULTS)
def test_component(name: str, components: dict[str, list[Result]]) -> None:
    for found in components[name]:
        assert not found.problem
        assert (found.state, found.completed, found.going) == ("success", 1, 0)
        assert found.missed == 0
        assert found.twice == 0 or found.twins
        assert not found.unexplained
        assert found.weather == BAD or found.runs == 1


@pytest.mark.skipif("loop" not in PARTS, reason="left out by FAULTS_PARTS")
def test_killed_at_random_moments(loop: list[Result]) -> None:
    wrong = [
        found
        for found in loop
        if found.problem
        or (found.state, found.completed, found.going, found.missed) != ("success", 1, 0, 0)
        or (found.twice and not found.second_runs)
        or found.unexplained
    ]
    assert not wrong, "\n".join(map(str, wrong))
    # Without kills the loop would prove nothing.
    assert sum(found.kills for found in loop) >= len(loop) / 2
