"""Starts the emulator and Airflow, runs an experiment, a backfill and a quality gate, and says what is going on."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
from dev.demo.quality import QualityGate, environment
from dev.local_airflow import LocalAirflow

if TYPE_CHECKING:
    from typing_extensions import Self

    from dev.local_airflow import TaskProcess

ROOT = Path(__file__).parents[2]
HOME, REPORTS = ROOT / ".demo" / "airflow", ROOT / ".demo" / "reports"
NIGHTLY, DAILY = "arize_nightly_experiment", "arize_daily_evaluation"
WAITERS = {NIGHTLY: "run_experiment", DAILY: "evaluate_interval"}
FINAL = {"success", "failed", "skipped"}
#: Seconds after which something must be wrong; a week takes about a minute and a half.
LIMIT = 600


@dataclass(frozen=True, kw_only=True)
class Line:
    """One task instance that waited for a run on Arize.

    :param window: what it evaluated, as text.
    :param run: the run on Arize as the operator returned it; empty when the task did not succeed.
    :param waited: seconds from the first process of the task to the end of its last one.
    :param held: of these, seconds for which one of its processes lived, that is, a worker was held.
    :param cpu: processor seconds of these processes.
    :param run_seconds: how long the run on Arize lasted.
    """

    dag_id: str
    window: str
    state: str
    attempts: int
    run: dict[str, Any]
    waited: float
    held: float
    cpu: float
    run_seconds: float


class Show:
    """The demonstration. A context manager that leaves nothing running.

    :param days: days to backfill, up to yesterday.
    :param run_seconds: how long a run on the emulator lasts.
    :param browse: also start what the UI needs for browsing afterwards (a DAG processor).
    """

    def __init__(self, *, days: int, run_seconds: float, browse: bool) -> None:
        self.days = days
        self.run_seconds = run_seconds
        self.browse = browse
        self.began = time.monotonic()
        today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        self.first, self.last = today - timedelta(days=days), today
        shutil.rmtree(HOME, ignore_errors=True)
        shutil.rmtree(REPORTS, ignore_errors=True)
        self.emulator = EmulatorProcess(run_seconds=run_seconds)
        self.airflow: LocalAirflow
        self.gate: QualityGate

    def say(self, text: str) -> None:
        """A line of progress."""
        print(f"[{time.monotonic() - self.began:5.1f} s] {text}", flush=True)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.callback(self.emulator.stop)
            self.emulator.start()
            self.say(f"Arize emulator with a month of spans at {self.emulator.url}")
            connection = {"conn_type": "arize", "host": self.emulator.url, "password": "any-key-will-do"}
            self.airflow = LocalAirflow(
                ROOT / "example_dags",
                home=HOME,
                parallelism=4,
                start_scheduler=False,
                env={
                    "AIRFLOW_CONN_ARIZE_DEFAULT": json.dumps(connection),
                    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
                    **environment(REPORTS),
                },
            )
            self.say("starting a real Airflow: API server, scheduler with LocalExecutor, triggerer, SQLite ...")
            stack.enter_context(self.airflow)
            self.say(f"Airflow {self.airflow.cli('version').strip().splitlines()[-1]} at {self.airflow.url}")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.say("stopping Airflow and the emulator")
        self._stack.close()

    def play(self) -> None:
        """Run the backfill beside the experiment and watch until both have ended; then the nights of the gate."""
        first, last = self.first.date(), self.last.date() - timedelta(days=1)
        command = ["backfill", "create", "--dag-id", DAILY, "--from-date", str(first), "--to-date", str(last)]
        # Before the scheduler starts: on SQLite the two would write at the same time.
        self.airflow.cli(*command, "--max-active-runs", str(self.days))
        self.say(f"airflow {' '.join(command)}: {len(self.airflow.api.runs(DAILY))} DAG runs")
        for dag_id in WAITERS:
            self.airflow.api.unpause(dag_id)
        self.airflow.api.trigger(NIGHTLY, "demo")
        self.say(f"airflow dags trigger {NIGHTLY}")
        self.airflow.start_scheduling()
        if self.browse:
            self.airflow.start_component("dag-processor")
        self._watch()
        self.gate = QualityGate(self.airflow, self.emulator.control, say=self.say)
        self.gate.begin()
        if not self.gate.wait(LIMIT):
            self.say(f"not every night ended within {LIMIT} s; see the logs in {HOME}")

    def _watch(self) -> None:
        seen: dict[tuple[str, str, str], str] = {}
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            runs = self._dag_runs()
            for run in runs:
                self._tell(run, seen)
            if all(run["state"] in FINAL for run in runs):
                return
            time.sleep(1)
        self.say(f"not everything ended within {LIMIT} s; see the logs in {HOME}")

    def _dag_runs(self) -> list[dict[str, Any]]:
        """The backfill's runs and the triggered one; the scheduler may add its own of the latest interval."""
        nightly = [run for run in self.airflow.api.runs(NIGHTLY) if run["dag_run_id"] == "demo"]
        daily = [run for run in self.airflow.api.runs(DAILY) if run["run_type"] == "backfill"]
        return [*nightly, *daily]

    def _tell(self, run: dict[str, Any], seen: dict[tuple[str, str, str], str]) -> None:
        for task in self.airflow.api.tasks(run["dag_id"], run["dag_run_id"]):
            key = (run["dag_id"], run["dag_run_id"], task["task_id"])
            state = task["state"]
            if state == seen.get(key) or state not in {"deferred", "up_for_retry", *FINAL}:
                continue
            seen[key] = state
            meaning = {"deferred": "waits in the triggerer, no worker held", "up_for_retry": "will be tried again"}
            name = _interval(run) or run["dag_run_id"]
            self.say(f"{run['dag_id'].removeprefix('arize_')} {name}: {task['task_id']} {meaning.get(state, state)}")

    def lines(self) -> list[Line]:
        """What the tasks that wait for runs came to, the experiment first, then by window."""
        processes = self.airflow.processes()
        return [self._line(run, processes) for run in sorted(self._dag_runs(), key=lambda run: _interval(run))]

    def _line(self, run: dict[str, Any], processes: list[TaskProcess]) -> Line:
        dag_id, run_id = run["dag_id"], run["dag_run_id"]
        task_id = WAITERS[dag_id]
        task = self.airflow.api.task(dag_id, run_id, task_id)
        mine = [each for each in processes if (each.dag_id, each.run_id, each.task_id) == (dag_id, run_id, task_id)]
        ended = [each.ended for each in mine if each.ended is not None]
        remote = self.airflow.api.xcom(dag_id, run_id, task_id) or {}
        return Line(
            dag_id=dag_id,
            window=_interval(run) or "(experiment)",
            state=str(task["state"]),
            attempts=int(task["try_number"]),
            run=remote,
            waited=max(ended) - min(each.born for each in mine) if ended else 0.0,
            held=sum(each.seconds for each in mine),
            cpu=sum(each.cpu or 0.0 for each in mine),
            run_seconds=_seconds(remote.get("run_started_at"), remote.get("run_finished_at")),
        )

    def ledger(self) -> dict[str, Any]:
        """The emulator's record of the backfilled week: which span was labelled how often."""
        return self.emulator.control.ledger(task="daily-correctness", start=self.first, end=self.last)

    def runs_started(self) -> int:
        """Runs that the emulator started over windows of the backfilled week."""
        return sum(_within(run, self.first, self.last) for run in self.emulator.control.runs("daily-correctness"))


def _within(run: dict[str, Any], first: datetime, last: datetime) -> bool:
    return first <= _time(run["data_start_time"]) and _time(run["data_end_time"]) <= last


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _seconds(start: str | None, end: str | None) -> float:
    return (_time(end) - _time(start)).total_seconds() if start and end else 0.0


def _interval(run: dict[str, Any]) -> str:
    start, end = run["data_interval_start"], run["data_interval_end"]
    if run["dag_id"] == NIGHTLY or start is None:
        return ""
    return f"{_time(start):%Y-%m-%d} to {_time(end):%m-%d}"
