"""Runs the rows of the fault matrix on a real Airflow and writes down what came of each."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.e2e.arize import Arize
from tests.e2e.faults.support.fault_rows import COMPONENT_DAG, COMPONENT_FAULTS, EXPERIMENT, LOOPS, ROWS, Loop, Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_arize_tasks.emulator.control import EmulatorControl
    from dev.local_airflow import LocalAirflow

PROJECT = "fault-matrix"
SPANS = 20
EXAMPLES = 10
TASK = "trigger"
#: Seconds after a task's end at which its remote runs are looked at: a killed trigger cancels within two.
GRACE = 8.0
ACTIVE = {"PENDING", "RUNNING"}


@dataclass(kw_only=True)
class Result:
    """What came of a row, or of one DAG run of it.

    ``task``: the Arize task; ``experiments``: regular expression on the names of its experiments, where it has some.
    """

    name: str
    what: str
    expected: Row | None
    task: str = ""
    experiments: str = ""
    operator: str = "evaluation"
    state: str = ""
    runs: int = 0
    going: int = 0
    spans: int = 0
    once: int = 0
    missed: int = 0
    twice: int = 0
    kills: int = 0
    attempts: int = 0
    platform: int = 0
    seconds: float = 0.0
    said: str = ""
    problem: str = ""
    steps: list[str] = field(default_factory=list)


class Matrix:
    """One Airflow, one emulator, all rows."""

    def __init__(self, airflow: LocalAirflow, control: EmulatorControl, kills: Path) -> None:
        self.airflow = airflow
        self.api = airflow.api
        self.control = control
        self.arize = Arize(control.url)
        self.kills = kills
        self._hours = itertools.count()
        self._first = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(days=20)
        self._lock = threading.Lock()
        self.tasks: dict[str, str] = {}

    def prepare(self) -> None:
        """Make the Arize task of every row."""
        self.control.add_spans(project=PROJECT, count=1, start=self._first - timedelta(hours=2), end=self._first)
        for row in ROWS:
            make = self.arize.experiment_task if row.kind == EXPERIMENT else self._evaluation_task
            self.tasks[row.name] = make(row.name)
            self.control.set_outcome(
                task=row.name, run_seconds=row.run_seconds, hidden_seconds=row.hidden_seconds, times=None
            )
            if row.inject is not None:
                path = f"/v2/tasks/{re.escape(quote(self.tasks[row.name], safe=''))}/trigger"
                self.control.inject(**{"method": "POST", "path": path, **row.inject})
        self.tasks[COMPONENT_DAG] = self._evaluation_task(COMPONENT_DAG)
        for loop in LOOPS:
            make = self.arize.experiment_task if loop.kind == EXPERIMENT else self._evaluation_task
            self.tasks[loop.dag_id] = make(loop.dag_id)

    def _evaluation_task(self, name: str) -> str:
        return self.arize.evaluation_task(name, project=PROJECT)

    def window(self) -> tuple[str, str]:
        """An hour that nobody else uses, with spans in it."""
        with self._lock:
            start = self._first + timedelta(hours=next(self._hours))
        end = start + timedelta(hours=1)
        self.control.add_spans(project=PROJECT, count=SPANS, start=start, end=end)
        return start.isoformat(), end.isoformat()

    # ------------------------------------------------------------------ one DAG run

    def start(self, dag_id: str, run_id: str) -> tuple[str, str]:
        window = self.window()
        self.api.trigger(dag_id, run_id, conf={"start": window[0], "end": window[1]})
        return window

    def finish(self, result: Result, dag_id: str, run_id: str, window: tuple[str, str], limit: float) -> Result:
        """Wait for the task's end, then count."""
        begun = time.monotonic()
        try:
            task = self.api.wait_for_task(dag_id, run_id, TASK, limit=limit)
        except TimeoutError as late:
            task = self.api.task(dag_id, run_id, TASK)
            result.problem = str(late)
        result.seconds += time.monotonic() - begun
        result.state = str(task["state"])
        time.sleep(GRACE)
        if result.experiments:
            self._count_experiments(result)
        else:
            self._count_labels(result, window)
        killed = self._kills(dag_id, run_id)
        result.kills = len(killed)
        result.steps = [kill["step"] for kill in killed]
        self._read_logs(result, dag_id, run_id, {kill["attempt"] for kill in killed})
        return result

    def _count_labels(self, result: Result, window: tuple[str, str]) -> None:
        runs = [run for run in self.control.runs(result.task) if _same(run["data_start_time"], window[0])]
        ledger = self.control.ledger(task=result.task, start=window[0], end=window[1])
        result.runs, result.going = len(runs), sum(run["status"].upper() in ACTIVE for run in runs)
        result.spans, result.once = ledger["spans"], ledger["once"]
        result.missed, result.twice = ledger["missed"], ledger["twice"]

    def _count_experiments(self, result: Result) -> None:
        """Experiments instead of windows, their rows instead of labels."""
        made = [each for each in self.control.experiments() if re.match(result.experiments, each["name"])]
        ids = {each["id"] for each in made}
        runs = [run for run in self.control.runs(result.task) if run["experiment_id"] in ids]
        rows = Counter(row["example_id"] for each in made for row in each["rows"])
        result.runs, result.going = len(runs), sum(run["status"].upper() in ACTIVE for run in runs)
        result.spans, result.once = EXAMPLES, sum(count == 1 for count in rows.values())
        result.missed, result.twice = EXAMPLES - len(rows), sum(count > 1 for count in rows.values())

    def _kills(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        file = self.kills / f"{dag_id}.{run_id}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def _read_logs(self, result: Result, dag_id: str, run_id: str, killed: set[int]) -> None:
        result.attempts = int(self.api.task(dag_id, run_id, TASK)["try_number"])
        says = re.compile(result.expected.says) if result.expected and result.expected.says else None
        for attempt in range(1, result.attempts + 1):
            log = self.api.log(dag_id, run_id, TASK, attempt)
            failed = "Task failed with exception" in log
            if attempt < result.attempts and attempt not in killed and not failed:
                result.platform += 1
            if says is not None:
                found = [match[0] for line in log.splitlines() if (match := says.search(line))]
                result.said = _sentence(log, found[-1]) if found else result.said
        # An attempt that somebody cleared leaves no error behind either.
        result.platform = max(0, result.platform - (result.expected.cleared if result.expected else 0))

    # ------------------------------------------------------------------ the parts

    def row(self, row: Row) -> Result:
        """One row, from trigger to count."""
        from tests.e2e.faults.actions import ACTIONS

        operator = row.kind if row.deferrable else f"{row.kind}, in the worker"
        result = Result(name=row.name, what=row.what, expected=row, task=row.name, operator=operator)
        result.experiments = rf"{row.name} row" if row.kind == EXPERIMENT else ""
        dag_id, run_id = f"fault_{row.name}", "row"
        try:
            window = self.start(dag_id, run_id)
            if row.action is not None:
                ACTIONS[row.action](self, row, dag_id, run_id)
            self.finish(result, dag_id, run_id, window, limit=300)
        except Exception as error:  # noqa: BLE001 - one broken row must not hide the others; it fails its own test
            result.problem = f"{type(error).__name__}: {error}"
        return result

    def rows(self, side_by_side: int = 12) -> list[Result]:
        with ThreadPoolExecutor(side_by_side) as pool:
            return list(pool.map(self.row, ROWS))

    def component(self, name: str, hurt: Callable[[], None]) -> list[Result]:
        """Three tasks wait, then ``hurt`` is done to the Airflow or the emulator."""
        started = {f"{name}-{number}": None for number in range(3)}
        windows = {run_id: self.start(COMPONENT_DAG, run_id) for run_id in started}
        for run_id in windows:
            self.api.wait_for_task(COMPONENT_DAG, run_id, TASK, {"deferred"}, limit=90)
        hurt()
        results = []
        for run_id, window in windows.items():
            result = Result(name=run_id, what=COMPONENT_FAULTS[name], expected=None, task=COMPONENT_DAG)
            results.append(self.finish(result, COMPONENT_DAG, run_id, window, limit=240))
        return results

    def loop(self, count: int, side_by_side: int = 8) -> list[Result]:
        """Many DAG runs whose worker process is killed at random moments."""

        def one(job: tuple[Loop, int]) -> Result:
            loop, number = job
            run_id = f"{loop.dag_id.replace('_', '-')}-{number:02d}"
            result = Result(name=run_id, what=loop.what, expected=None, task=loop.dag_id, operator=loop.what)
            result.experiments = rf"{run_id}(-\d+)?$" if loop.kind == EXPERIMENT else ""
            window = self.start(loop.dag_id, run_id)
            return self.finish(result, loop.dag_id, run_id, window, limit=400)

        jobs = [(loop, number) for loop in LOOPS for number in range(round(count * loop.share))]
        with ThreadPoolExecutor(side_by_side) as pool:
            return list(pool.map(one, jobs))


def _same(left: str, right: str) -> bool:
    return datetime.fromisoformat(left.replace("Z", "+00:00")) == datetime.fromisoformat(right)


def _sentence(log: str, part: str) -> str:
    """The last line of the log with ``part`` in it, without its time and fields."""
    line = next(line for line in reversed(log.splitlines()) if part in line)
    return re.sub(r"^\S*T\S* ", "", line.strip()).split(" {'", 1)[0].strip()
