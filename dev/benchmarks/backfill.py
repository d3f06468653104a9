"""Benchmark 3: daily windows through ``airflow backfill``, against an operator that does nothing but defer once."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dev.benchmarks.common import save, table
from dev.benchmarks.real import END, airflow_and_arize, task_cpu

if TYPE_CHECKING:
    from dev.local_airflow import LocalAirflow

MEASURES = ("wall", "worker_cpu")


def one(airflow: LocalAirflow, dag_id: str, windows: int, days_ago: int) -> dict[str, Any]:
    """One backfill from its creation to the end of its last DAG run; each one has a range of days of its own."""
    begin = time.monotonic()
    last = END - timedelta(days=1 + days_ago)
    first = last - timedelta(days=windows - 1)
    earlier = {run["dag_run_id"] for run in airflow.api.runs(dag_id)}
    airflow.cli(
        "backfill", "create", "--dag-id", dag_id, "--from-date", first.isoformat(), "--to-date", last.isoformat(),
        "--max-active-runs", "16",
    )  # fmt: skip

    def mine() -> list[dict[str, Any]]:
        return [run for run in airflow.api.runs(dag_id) if run["dag_run_id"] not in earlier]

    def ended() -> bool:
        runs = mine()
        return len(runs) == windows and all(run["state"] in ("success", "failed") for run in runs)

    airflow.api.wait_for(f"the backfill of {dag_id}", ended, limit=3600, every=1)
    wall = time.monotonic() - begin
    airflow.api.wait_for(f"Airflow to close the backfill of {dag_id}", lambda: is_closed(airflow, dag_id), limit=300)
    runs = mine()
    tasks = task_cpu(airflow, dag_id, {run["dag_run_id"] for run in runs})
    return {
        "dag": dag_id,
        "wall": wall,
        "worker_cpu": tasks["cpu"],
        "processes": tasks["processes"],
        "succeeded": sum(run["state"] == "success" for run in runs),
    }


def is_closed(airflow: LocalAirflow, dag_id: str) -> bool:
    """Whether Airflow has noticed that the backfill is over; there can be only one at a time for each DAG."""
    backfills = airflow.api.call("GET", "backfills", dag_id=dag_id)["backfills"]
    return all(backfill["completed_at"] for backfill in backfills)


def main(*, quick: bool = False) -> None:
    """Measure, print, save."""
    windows, seconds, rounds = (6, 5, 1) if quick else (60, 10, 3)
    found: list[dict[str, Any]] = []
    with airflow_and_arize(count=1, days=windows * rounds + 2, seconds=seconds) as (airflow, emulator):
        for dag_id in ("daily_ours", "daily_time"):
            airflow.api.unpause(dag_id)
            one(airflow, dag_id, 2, windows * rounds)  # everything is imported, compiled and cached afterwards
        for number in range(rounds):
            for dag_id in ("daily_ours", "daily_time"):
                emulator.control.forget_requests()
                runs_before = emulator.control.counters()["runs_total"]
                found.append(one(airflow, dag_id, windows, windows * number))
                counters = emulator.control.counters()
                found[-1]["requests"] = sum(counters["requests"].values())
                found[-1]["requests_by_kind"] = counters["requests"]
                found[-1]["remote_runs"] = counters["runs_total"] - runs_before
    table(
        f"{windows} daily windows, each with a remote run of {seconds} s",
        ["DAG", "wall s", "workers CPU s", "task processes", "succeeded", "remote runs", "requests"],
        [
            [each[key] for key in ("dag", *MEASURES, "processes", "succeeded", "remote_runs", "requests")]
            for each in found
        ],
    )
    table(
        "Requests of the last backfill with ours, the triggerer's looks among them",
        ["request", "sent", "for each run"],
        [[kind, sent, sent / windows] for kind, sent in found[-2]["requests_by_kind"].items()],
    )
    pairs = list(zip(found[::2], found[1::2], strict=True))
    ratios = {name: statistics.median(ours[name] / other[name] for ours, other in pairs) for name in MEASURES}
    table("Ours over deferring once, median", ["of", "ratio"], list(ratios.items()))
    save("backfill", {"windows": windows, "seconds": seconds, "rounds": found, "ratios": ratios})
