"""Ninety days, three ways of backfilling them, faults on the way: every span is labelled exactly once.

On a real Airflow (PostgreSQL, scheduler, triggerer) against the emulator, whose ledger knows which run labelled which
span. Then a hole is punched into the coverage, and the self-healing example DAG heals it.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator
from dev.local_airflow import LocalAirflow
from tests.e2e.arize import Arize, connection

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2400)]

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "example_dags" / "arize_self_healing_evaluation.py"
DAYS = 90
DAY = timedelta(days=1)
END = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
FIRST = END - DAYS * DAY
MAX_SPANS = 40
WAYS = ("backfill", "mapped", "gaps")


def is_empty(day: int) -> bool:
    return day % 11 == 5


def spans_of(day: int) -> int:
    """Spans of a day: none on some, more than one run takes on others."""
    return 0 if is_empty(day) else 130 if day % 15 == 3 else 12


LABELLED_BEFORE = [day for day in range(DAYS) if day % 13 == 7 and spans_of(day) == 12]
HOLE = range(DAYS - 13, DAYS - 9)


def window(day: int, days: float = 1) -> dict[str, str]:
    start = FIRST + day * DAY
    return {"data_start_time": start.isoformat(), "data_end_time": (start + days * DAY).isoformat()}


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmulatorProcess]:
    with running_emulator(run_seconds=0.2, seed_spans=0) as emulator:
        for way in WAYS:
            _prepare(emulator, way)
        emulator.control.configure(run_seconds=6)
        yield emulator


def _prepare(emulator: EmulatorProcess, way: str) -> None:
    """A project with ninety days of spans, a task over it, and some of the days labelled already."""
    arize, project = Arize(emulator.url), f"ledger-{way}"
    for day in range(DAYS):
        if spans_of(day):
            start = FIRST + day * DAY
            emulator.control.add_spans(project=project, count=spans_of(day), start=start, end=start + DAY)
    task_id = arize.evaluation_task(f"ledger-{way}", project=project)
    for day in LABELLED_BEFORE:
        arize.call("POST", f"tasks/{task_id}/trigger", window(day))
    time.sleep(0.5)


@pytest.fixture(scope="module")
def airflow(emulator: EmulatorProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    dags = tmp_path_factory.mktemp("dags")
    (dags / "ledger.py").write_text((HERE / "ledger_dags" / "ledger.py").read_text(encoding="utf-8"), encoding="utf-8")
    (dags / EXAMPLE.name).write_text(_example(), encoding="utf-8")
    environment = {
        **connection(emulator.url),
        "LEDGER_FIRST": FIRST.isoformat(),
        "LEDGER_END": END.isoformat(),
        "LEDGER_MAX_SPANS": str(MAX_SPANS),
    }
    with LocalAirflow(dags, postgres=True, parallelism=8, env=environment, start_scheduler=False) as airflow:
        airflow.start_scheduling()
        yield airflow


def _example() -> str:
    """The example as it is, but for its schedule and for the task it works on: the one of the gap operator's way."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in (
        ('schedule="0 3 * * *"', "schedule=None"),
        ('"demo-project"', '"ledger-gaps"'),
        ('"self-healing-correctness"', '"ledger-gaps"'),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


def _faults(emulator: EmulatorProcess, way: str) -> None:
    """Lost answers before and after the effect, refusals, throttling, slowness, and three runs that fail half-way."""
    trigger, anything = "/v2/tasks/.+/trigger", "/v2/task.*"
    inject = emulator.control.inject
    inject("drop_after", method="POST", path=trigger, times=3, skip=4)
    inject("status_after", status=502, method="POST", path=trigger, times=3, skip=20)
    inject("drop_before", method="POST", path=trigger, times=3, skip=35)
    inject("status", status=503, method="POST", path=trigger, times=3, skip=50)
    inject("status", status=429, headers={"Retry-After": "1"}, path=anything, times=None, probability=0.03, seed=1)
    inject("status", status=500, method="GET", path=anything, times=None, probability=0.03, seed=2)
    inject("slow", path=anything, seconds=1.5, times=None, probability=0.02, seed=3)
    emulator.control.set_outcome("FAILED", reason="out of memory", task=f"ledger-{way}", times=3, labelled_fraction=0.5)


def _hurt(airflow: LocalAirflow, emulator: EmulatorProcess) -> None:
    """In the middle of it: nobody answers for a while, and the triggerer dies."""
    time.sleep(20)
    emulator.control.outage(8)
    time.sleep(10)
    airflow.restart("triggerer")


def _run(airflow: LocalAirflow, emulator: EmulatorProcess, way: str) -> None:
    dag_id = f"ledger_{way}"
    _faults(emulator, way)
    airflow.api.unpause(dag_id)
    if way == "backfill":
        last = END - DAY
        airflow.cli(
            *("backfill", "create", "--dag-id", dag_id, "--max-active-runs", "12"),
            *("--from-date", FIRST.isoformat(), "--to-date", last.isoformat()),
        )
    else:
        airflow.api.trigger(dag_id, "once")
    _hurt(airflow, emulator)
    wanted = DAYS if way == "backfill" else 1

    def ended() -> list[dict[str, Any]] | None:
        runs = airflow.api.runs(dag_id)
        return runs if len(runs) == wanted and all(run["state"] in ("success", "failed") for run in runs) else None

    airflow.api.wait_for(f"{wanted} runs of {dag_id} to end", ended, limit=1200, every=2)
    emulator.control.clear_faults()


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest, airflow: LocalAirflow, emulator: EmulatorProcess) -> str:
    _run(airflow, emulator, request.param)
    return str(request.param)


def instances(airflow: LocalAirflow, way: str) -> list[dict[str, Any]]:
    dag_id = f"ledger_{way}"
    found = [each for run in airflow.api.runs(dag_id) for each in airflow.api.tasks(dag_id, run["dag_run_id"])]
    return [each for each in found if each["task_id"] == "evaluate"]


class TestEveryWay:
    def test_every_span_is_labelled_exactly_once(self, way: str, emulator: EmulatorProcess) -> None:
        ledger = emulator.control.ledger(task=f"ledger-{way}")
        assert ledger["spans"] == sum(spans_of(day) for day in range(DAYS))
        assert (ledger["once"], ledger["missed"], ledger["twice"]) == (ledger["spans"], 0, 0)

    def test_windows_without_data_are_skipped_and_the_others_succeed(self, way: str, airflow: LocalAirflow) -> None:
        states = [each["state"] for each in instances(airflow, way)]
        empty = sum(is_empty(day) for day in range(DAYS))
        asked = DAYS - (len(LABELLED_BEFORE) if way == "gaps" else 0)
        assert (states.count("skipped"), states.count("success")) == (empty, asked - empty)

    def test_no_window_is_asked_for_more_often_than_it_takes(self, way: str, emulator: EmulatorProcess) -> None:
        """A run per window, one more for each that failed; full windows are halved; nothing runs a second time."""
        ended: dict[str, list[str]] = {}
        for run in emulator.control.runs(f"ledger-{way}"):
            ended.setdefault(f"{run['data_start_time']}/{run['data_end_time']}", []).append(run["status"])
        again = {key: states for key, states in ended.items() if len(states) - states.count("FAILED") > 1}
        before = {f"{(FIRST + day * DAY):%Y-%m-%dT%H:%M:%S.000Z}" for day in LABELLED_BEFORE}
        assert [key for key in again if key.partition("/")[0] not in before] == []
        assert sum(states.count("FAILED") for states in ended.values()) == 3

    def test_the_faults_did_strike(self, way: str, emulator: EmulatorProcess) -> None:
        struck = emulator.control.counters()["faults"]
        assert min(struck.get(kind, 0) for kind in ("drop_after", "status_after", "drop_before", "status", "slow")) >= 2


class TestSelfHealing:
    DAG_ID = "arize_self_healing_evaluation"

    def night(self, airflow: LocalAirflow, number: int) -> list[dict[str, str]]:
        run_id = f"night-{number}"
        airflow.api.trigger(self.DAG_ID, run_id)
        assert airflow.api.wait_for_run(self.DAG_ID, run_id, limit=600) == "success"
        found: list[dict[str, str]] = airflow.api.xcom(self.DAG_ID, run_id, "find_gaps") or []
        return found

    def test_a_hole_is_found_and_healed(self, airflow: LocalAirflow, emulator: EmulatorProcess) -> None:
        control = emulator.control
        before = control.ledger(task="ledger-gaps")
        if not before["once"]:
            pytest.skip("needs the ledger of the gap operator's way")
        hole = {"start": FIRST + HOLE[0] * DAY, "end": FIRST + (HOLE[-1] + 1) * DAY}
        forgotten = control.forget_runs("ledger-gaps", **hole)
        missed = control.ledger(task="ledger-gaps")["missed"]
        assert forgotten
        assert missed == sum(spans_of(day) for day in HOLE)

        airflow.api.unpause(self.DAG_ID)
        asked = {each["data_start_time"] for each in self.night(airflow, 1)}
        assert {f"{FIRST + day * DAY:%Y-%m-%dT%H:%M:%S.000Z}" for day in HOLE} <= asked
        healed = control.ledger(task="ledger-gaps")
        assert (healed["once"], healed["missed"], healed["twice"]) == (healed["spans"], 0, 0)

        # The next night only asks again for windows that hold no data.
        empty = {f"{FIRST + day * DAY:%Y-%m-%dT%H:%M:%S.000Z}" for day in range(DAYS) if is_empty(day)}
        late = {
            f"{END - DAY:%Y-%m-%dT%H:%M:%S.000Z}"
        }  # evaluated before its late spans, if this runs just after midnight
        assert {each["data_start_time"] for each in self.night(airflow, 2)} <= empty | late
        assert control.ledger(task="ledger-gaps")["twice"] == 0
        # When each of them was asked for first is carried from night to night, or none would ever be let go.
        first, second = (airflow.api.xcom(self.DAG_ID, f"night-{n}", "find_gaps", "arize_first_asked") for n in (1, 2))
        assert second
        assert {key: first[key] for key in second if key in first} == second
