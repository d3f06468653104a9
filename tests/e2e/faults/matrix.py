"""Runs the rows of the fault matrix on a real Airflow and writes down what came of each."""

from __future__ import annotations

import contextlib
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
from tests.e2e.faults.support.fault_rows import (
    COMPONENT_DAGS,
    COMPONENT_FAULTS,
    CONNECTIONS,
    EXPERIMENT,
    KIND,
    LOOPS,
    ROWS,
    WEATHERS,
    Loop,
    Row,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_arize_tasks.emulator.control import EmulatorControl
    from dev.local_airflow import LocalAirflow

PROJECT = "fault-matrix"
SPANS = 20
SIDE_BY_SIDE = 14
EXAMPLES = 10
TASK = "trigger"
#: Seconds after a task's end at which its remote runs are looked at: a killed trigger cancels within two. On a busy
#: machine it gets as many more as it needs to do it at all, up to the second number.
GRACE, BUSY_GRACE = 8.0, 90.0
#: Seconds a row may take: a busy machine is no fault of the product's.
LIMIT = 1800.0
ACTIVE = {"PENDING", "RUNNING"}
#: Why there is another run than the one that counts: what an attempt's log says of a run, and that in a few words.
REASONS = (
    (r"Run {run} is a twin", "a twin, found by an attempt that was killed"),
    (r"Killed; run {run} is|Task killed: Arize run {run} |task was killed; run\(s\) .*{run}", "cancelled on a kill"),
    (r"cancelling run {run}", "gave way to an older one"),
    (r"Cancelling run {run} ", "ended by a clear"),
    (r"[Rr]un {run} ended (FAILED|CANCELLED)", "it failed or was cancelled"),
    (r"the task was cleared: run {run} from before ", "of before a clear"),
)


@dataclass(kw_only=True)
class Result:
    """What came of a row, or of one DAG run of it.

    ``task``: the Arize task; ``experiments``: regular expression on the names of its experiments, where it has some.
    ``second_runs``: for each run beside the one that counts, why it is there; ``unexplained``: those of which nobody
    said so.
    """

    name: str
    what: str
    expected: Row | None
    task: str = ""
    experiments: str = ""
    operator: str = "evaluation"
    weather: str = KIND
    state: str = ""
    runs: int = 0
    completed: int = 0
    twins: int = 0
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
    second_runs: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


class Matrix:
    """One Airflow, one emulator for each weather, all rows.

    :ivar controls: the emulators' control paths, by weather.
    :ivar tasks: ids of the Arize tasks, by row or DAG.
    :ivar windows: start and end of the windows used so far, by DAG and DAG run.
    """

    def __init__(self, airflow: LocalAirflow, controls: dict[str, EmulatorControl], kills: Path) -> None:
        self.airflow = airflow
        self.api = airflow.api
        self.controls = controls
        self.kills = kills
        self.windows: dict[tuple[str, str], tuple[str, str]] = {}
        self._hours = itertools.count()
        self._first = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(days=20)
        self._lock = threading.Lock()
        self.tasks: dict[str, str] = {}

    def prepare(self) -> None:
        """Make the Arize task of every row, then let the weather turn."""
        for control in self.controls.values():
            control.add_spans(project=PROJECT, count=1, start=self._first - timedelta(hours=2), end=self._first)
        for row in ROWS:
            self._prepare_row(row)
        for weather, dag_id in COMPONENT_DAGS.items():
            self.tasks[dag_id] = self._make_task(weather, dag_id)
        for loop in LOOPS:
            self.tasks[loop.dag_id] = self._make_task(CONNECTIONS[loop.connection][0], loop.dag_id, loop.kind)
        for weather, control in self.controls.items():
            if WEATHERS[weather]:
                control.weather(**WEATHERS[weather])

    def _make_task(self, weather: str, name: str, kind: str = "") -> str:
        arize = Arize(self.controls[weather].url)
        return arize.experiment_task(name) if kind == EXPERIMENT else arize.evaluation_task(name, project=PROJECT)

    def _prepare_row(self, row: Row) -> None:
        control = self.controls[row.weather]
        self.tasks[row.name] = self._make_task(row.weather, row.name, row.kind)
        if row.earlier:
            control.start_runs(row.name, row.earlier, 0.1)
        if row.first:
            control.set_outcome(
                **{"task": row.name, "run_seconds": row.run_seconds, "pending_seconds": 1.2, **row.first}
            )
        control.set_outcome(task=row.name, run_seconds=row.run_seconds, pending_seconds=1.2, times=None)
        if row.inject is not None:
            control.inject(**{"method": "POST", "path": f"{self.path_of(row)}/trigger", **row.inject})

    def path_of(self, row: Row) -> str:
        """The path of a row's Arize task, as a regular expression."""
        return f"/v2/tasks/{re.escape(quote(self.tasks[row.name], safe=''))}"

    def window(self, weather: str, spans: int = SPANS) -> tuple[str, str]:
        """An hour that nobody else uses, with spans in it."""
        with self._lock:
            start = self._first + timedelta(hours=next(self._hours))
        end = start + timedelta(hours=1)
        self.controls[weather].add_spans(project=PROJECT, count=spans, start=start, end=end)
        return start.isoformat(), end.isoformat()

    # ------------------------------------------------------------------ one DAG run

    def start(self, dag_id: str, run_id: str, weather: str, spans: int = SPANS) -> tuple[str, str]:
        window = self.windows[dag_id, run_id] = self.window(weather, spans)
        self.api.trigger(dag_id, run_id, conf={"start": window[0], "end": window[1]})
        return window

    def finish(self, result: Result, dag_id: str, run_id: str, window: tuple[str, str]) -> Result:
        """Wait for the task's end, then count."""
        begun = time.monotonic()
        try:
            task = self.api.wait_for_task(dag_id, run_id, TASK, limit=LIMIT)
        except TimeoutError as late:
            task = self.api.task(dag_id, run_id, TASK)
            result.problem = str(late)
        result.seconds += time.monotonic() - begun
        result.state = str(task["state"])
        time.sleep(GRACE)
        self._count(result, window)
        until = time.monotonic() + BUSY_GRACE - GRACE
        while result.going > (result.expected.going if result.expected else 0) and time.monotonic() < until:
            time.sleep(2)
            self._count(result, window)
        said = self._read_result(result, dag_id, run_id)
        killed = self._kills(dag_id, run_id)
        result.kills = len(killed)
        result.steps = [kill["step"] for kill in killed]
        logs = self._read_logs(result, dag_id, run_id, {kill["attempt"] for kill in killed})
        self.explain(result, said, logs)
        return result

    def _count(self, result: Result, window: tuple[str, str]) -> None:
        if result.experiments:
            self._count_experiments(result)
        else:
            self._count_labels(result, window)

    def _count_labels(self, result: Result, window: tuple[str, str]) -> None:
        control = self.controls[result.weather]
        runs = [run for run in control.runs(result.task) if _within(run, window)]
        ledger = control.ledger(task=result.task, start=window[0], end=window[1])
        _count_runs(result, runs)
        result.spans, result.once = ledger["spans"], ledger["once"]
        result.missed, result.twice = ledger["missed"], ledger["twice"]

    def _count_experiments(self, result: Result) -> None:
        """Experiments instead of windows, their rows instead of labels."""
        control = self.controls[result.weather]
        made = [each for each in control.experiments() if re.match(result.experiments, each["name"])]
        ids = {each["id"] for each in made}
        _count_runs(result, [run for run in control.runs(result.task) if run["experiment_id"] in ids])
        rows = Counter(row["example_id"] for each in made for row in each["rows"])
        result.spans, result.once = EXAMPLES, sum(count == 1 for count in rows.values())
        result.missed, result.twice = EXAMPLES - len(rows), sum(count > 1 for count in rows.values())

    def _read_result(self, result: Result, dag_id: str, run_id: str) -> dict[str, Any]:
        """What the task says of itself; one that failed says nothing."""
        said = (self.api.xcom(dag_id, run_id, TASK) if result.state == "success" else None) or {}
        result.twins = len(said.get("twins_cancelled") or ())
        return said

    def explain(self, result: Result, said: dict[str, Any], logs: str) -> None:
        """Why each run is there beside those that count: those of the task's result, or the last if it has none."""
        counting = [run["id"] for run in said.get("runs") or [said] if run.get("id")] or result.ids[-1:]
        others = [each for each in result.ids if each not in counting]
        reasons = {each: _reason(each, said, logs) for each in others}
        result.second_runs = [reason for reason in reasons.values() if reason]
        result.unexplained = [each for each, reason in reasons.items() if not reason]

    def _kills(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        file = self.kills / f"{dag_id}.{run_id}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def _read_logs(self, result: Result, dag_id: str, run_id: str, killed: set[int]) -> str:
        logs = []
        result.attempts = int(self.api.task(dag_id, run_id, TASK)["try_number"])
        says = re.compile(result.expected.says) if result.expected and result.expected.says else None
        for attempt in range(1, result.attempts + 1):
            log = self.api.log(dag_id, run_id, TASK, attempt)
            logs.append(log)
            failed = "Task failed with exception" in log
            if attempt < result.attempts and attempt not in killed and not failed:
                result.platform += 1
            if says is not None:
                found = [match[0] for line in log.splitlines() if (match := says.search(line))]
                result.said = _sentence(log, found[-1]) if found else result.said
        # An attempt that somebody cleared leaves no error behind either.
        result.platform = max(0, result.platform - (result.expected.cleared if result.expected else 0))
        return "\n".join(logs)

    # ------------------------------------------------------------------ the parts

    def row(self, row: Row) -> Result:
        """One row, and again where Airflow itself failed the attempt that was to be killed before its moment came."""
        result = self._row(row, "row")
        for run_id in ("again-2", "again-3"):
            if not (result.kills < row.kills and result.platform and not result.problem and row.inject is None):
                break
            result = self._row(row, run_id)
        return result

    def _row(self, row: Row, run_id: str) -> Result:
        """One DAG run of a row, from trigger to count."""
        from tests.e2e.faults.actions import ACTIONS

        operator = row.kind if row.deferrable else f"{row.kind}, in the worker"
        result = Result(name=row.name, what=row.what, expected=row, task=row.name, operator=operator)
        result.weather = row.weather
        result.experiments = rf"{row.name} {run_id}" if row.kind == EXPERIMENT else ""
        dag_id = f"fault_{row.name}"
        try:
            window = self.start(dag_id, run_id, row.weather, row.spans)
            if row.action is not None:
                ACTIONS[row.action](self, row, dag_id, run_id)
            self.finish(result, dag_id, run_id, window)
            if row.action == "rival":
                rival = self.api.wait_for_task(dag_id, "rival", TASK, limit=LIMIT)
                result.problem = "" if rival["state"] == "success" else f"the rival ended {rival['state']}"
                attempts = [run_id] * result.attempts + ["rival"] * int(rival["try_number"])
                numbers = [*range(1, result.attempts + 1), *range(1, int(rival["try_number"]) + 1)]
                logs = [self.api.log(dag_id, each, TASK, n) for each, n in zip(attempts, numbers, strict=True)]
                self.explain(result, self._read_result(result, dag_id, run_id), "\n".join(logs))
        except Exception as error:  # noqa: BLE001 - one broken row must not hide the others; it fails its own test
            result.problem = f"{type(error).__name__}: {error}"
        return result

    def rows(self, side_by_side: int = SIDE_BY_SIDE) -> list[Result]:
        """All rows, in their order; the one with the most runs takes longest and begins first."""
        with ThreadPoolExecutor(side_by_side) as pool:
            found = {result.name: result for result in pool.map(self.row, sorted(ROWS, key=lambda row: -row.runs))}
        return [found[row.name] for row in ROWS]

    def component(self, name: str, hurt: Callable[[], None]) -> list[Result]:
        """Three tasks wait in each weather, then ``hurt`` is done to the Airflow or the emulators."""
        jobs = [
            (weather, dag_id, f"{name}-{number}") for weather, dag_id in COMPONENT_DAGS.items() for number in range(3)
        ]
        windows = [self.start(dag_id, run_id, weather) for weather, dag_id, run_id in jobs]
        for weather, dag_id, run_id in jobs:
            # Bad weather may hold a task up for longer than it is worth waiting: what is hurt then is no wait.
            with contextlib.suppress(TimeoutError):
                limit = 300 if weather == KIND else 30
                self.api.wait_for_task(dag_id, run_id, TASK, {"deferred", "success"}, limit=limit)
        hurt()

        def finish(job: tuple[tuple[str, str, str], tuple[str, str]]) -> Result:
            (weather, dag_id, run_id), window = job
            what = COMPONENT_FAULTS[name]
            result = Result(name=run_id, what=what, expected=None, task=dag_id, weather=weather)
            return self.finish(result, dag_id, run_id, window)

        with ThreadPoolExecutor(len(jobs)) as pool:
            return list(pool.map(finish, zip(jobs, windows, strict=True)))

    def loop(self, count: int, side_by_side: int = SIDE_BY_SIDE) -> list[Result]:
        """Many DAG runs whose worker process is killed at random moments."""

        def one(job: tuple[Loop, int]) -> Result:
            loop, number = job
            run_id = f"{loop.dag_id.replace('_', '-')}-{number:02d}"
            result = Result(name=run_id, what=loop.what, expected=None, task=loop.dag_id, operator=loop.what)
            result.experiments = rf"{run_id}(-\d+)?$" if loop.kind == EXPERIMENT else ""
            result.weather = CONNECTIONS[loop.connection][0]
            window = self.start(loop.dag_id, run_id, result.weather)
            return self.finish(result, loop.dag_id, run_id, window)

        jobs = [(loop, number) for loop in LOOPS for number in range(round(count * loop.share))]
        with ThreadPoolExecutor(side_by_side) as pool:
            return list(pool.map(one, jobs))


def _within(run: dict[str, Any], window: tuple[str, str]) -> bool:
    """Whether a run is one of a window's; runs from before the row have none."""
    if run["data_start_time"] is None:
        return False
    start = datetime.fromisoformat(run["data_start_time"].replace("Z", "+00:00"))
    return datetime.fromisoformat(window[0]) <= start < datetime.fromisoformat(window[1])


def _count_runs(result: Result, runs: list[dict[str, Any]]) -> None:
    statuses = [run["status"].upper() for run in runs]
    result.runs, result.completed = len(runs), statuses.count("COMPLETED")
    result.ids = [run["id"] for run in sorted(runs, key=lambda run: run["created_at"])]
    result.going = sum(status in ACTIVE for status in statuses)


def _reason(run: str, said: dict[str, Any], logs: str) -> str:
    """Why a run is there that does not count, by the task's result or else by the logs; empty if nobody says so."""
    if run in (said.get("twins_cancelled") or ()):
        return "a twin, cancelled"
    if run in (said.get("twins_ended") or ()):
        return "a twin that had ended, named"
    return next((why for says, why in REASONS if re.search(says.replace("{run}", re.escape(run)), logs)), "")


def _sentence(log: str, part: str) -> str:
    """The last line of the log with ``part`` in it, without its time and fields."""
    line = next(line for line in reversed(log.splitlines()) if part in line)
    return re.sub(r"^\S*T\S* ", "", line.strip()).split(" {'", 1)[0].strip()
