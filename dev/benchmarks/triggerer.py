"""Benchmark 2: deferred task instances through a real triggerer, against as many on Airflow's own time trigger."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from dev.benchmarks.common import save, table
from dev.benchmarks.real import airflow_and_arize, cpu_of, task_cpu

if TYPE_CHECKING:
    from dev.local_airflow import LocalAirflow

MEASURES = ("wall", "triggerer_cpu", "worker_cpu")


def one(airflow: LocalAirflow, dag_id: str, number: int) -> dict[str, Any]:
    """One DAG run with all of its task instances."""
    before, begin = cpu_of(airflow, "triggerer"), time.monotonic()
    run_id = airflow.api.trigger(dag_id, f"run_{number}")
    most = 0

    def ended() -> bool:
        nonlocal most
        summary = airflow.api.call("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances", state="deferred", limit=1)
        most = max(most, summary["total_entries"])
        return airflow.api.run(dag_id, run_id)["state"] in ("success", "failed")

    airflow.api.wait_for(f"{dag_id} {run_id}", ended, limit=3600, every=2)
    wall = time.monotonic() - begin
    tasks = airflow.api.tasks(dag_id, run_id)
    return {
        "dag": dag_id,
        "wall": wall,
        "triggerer_cpu": cpu_of(airflow, "triggerer") - before,
        "worker_cpu": task_cpu(airflow, dag_id, {run_id})["cpu"],
        "deferred_at_once": most,
        "succeeded": sum(task["state"] == "success" for task in tasks),
        "second_attempts": sum(task["try_number"] > 1 for task in tasks),
    }


def main(*, quick: bool = False) -> None:
    """Measure, print, save."""
    count, seconds, rounds = (10, 10, 1) if quick else (200, 120, 3)
    found: list[dict[str, Any]] = []
    with airflow_and_arize(count=count, days=20, seconds=seconds) as (airflow, emulator):
        for number in range(1, rounds + 1):
            for dag_id in ("many_ours", "many_time"):
                emulator.control.forget_requests()
                found.append(one(airflow, dag_id, number))
                found[-1]["requests"] = emulator.control.counters()["requests"]
    table(
        f"{count} deferred task instances, each waiting {seconds} s",
        ["DAG", "wall s", "triggerer CPU s", "workers CPU s", "deferred at once", "succeeded", "2nd attempts"],
        [
            [each[key] for key in ("dag", *MEASURES, "deferred_at_once", "succeeded", "second_attempts")]
            for each in found
        ],
    )
    pairs = list(zip(found[::2], found[1::2], strict=True))
    ratios = {name: statistics.median(ours[name] / other[name] for ours, other in pairs) for name in MEASURES}
    table("Ours over Airflow's time trigger, median", ["of", "ratio"], list(ratios.items()))
    save("triggerer", {"count": count, "seconds": seconds, "rounds": found, "ratios": ratios})
