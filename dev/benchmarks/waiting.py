"""Benchmark 1: what waiting costs in one event loop, beside other ways to wait."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dev.benchmarks.common import measured, save, table
from dev.benchmarks.environments import AIRFLOW, OFFICIAL, environment
from dev.benchmarks.stage import emulator_with_tasks

#: Ten-minute runs, looked at every 30 s once they are old enough.
SECONDS, POLL_INTERVAL = 600.0, 30.0
#: Seconds between looks of the official provider's sensor, as Airflow's sensors have it by default.
OFFICIAL_INTERVAL = 60.0

#: Who, how many waits, over how many tasks, how much faster than real time.
FULL = [
    ("ours", 1, 1, 20), ("alone", 1, 1, 20), ("httpx", 1, 1, 20),
    ("ours", 100, 1, 20), ("alone", 100, 1, 20), ("httpx", 100, 1, 20),
    ("ours", 1_000, 1, 10), ("ours", 1_000, 100, 10), ("ours", 1_000, 1_000, 10),
    ("alone", 1_000, 1, 10), ("httpx", 1_000, 1, 4),
    ("ours", 10_000, 1, 4), ("ours", 10_000, 100, 4),
]  # fmt: skip
QUICK = [("ours", 1, 1, 20), ("ours", 100, 1, 20), ("alone", 100, 1, 20), ("httpx", 100, 1, 20), ("ours", 1_000, 1, 20)]


def wait(variant: str, waits: int, tasks: int, scale: float, seconds: float = SECONDS) -> dict[str, Any]:
    """One measurement, in a process of its own against an emulator of its own."""
    with emulator_with_tasks(tasks) as (emulator, task_ids):
        arguments = {"url": emulator.url, "variant": variant, "waits": waits, "tasks": ",".join(task_ids)}
        arguments |= {"scale": scale, "seconds": seconds, "poll-interval": POLL_INTERVAL}
        options = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
        found: dict[str, Any] = measured("dev.benchmarks.one_loop", *options)
        return found


def floor() -> float:
    """CPU seconds of a bare GET."""
    with emulator_with_tasks(1) as (emulator, task_ids):
        run_ids = emulator.control.start_runs(task_ids[0], 100, 3600)
        found = measured("dev.benchmarks.floor", "--url", emulator.url, "--runs", ",".join(run_ids))
        return float(found["cpu_per_get"])


def official() -> dict[str, float] | None:
    """A look of the official provider's sensor, or ``None`` when it can't be installed here."""
    with environment(AIRFLOW, OFFICIAL) as made, emulator_with_tasks(1, api_level="8.50") as (emulator, task_ids):
        run_id = emulator.control.start_runs(task_ids[0], 1, 3600)[0]
        script = Path(__file__).with_name("official_look.py")
        found: dict[str, float] = json.loads(made.run(str(script), emulator.url, run_id).splitlines()[-1])
        return found


def _row(found: dict[str, Any], floor_cpu: float) -> list[Any]:
    lag, late = found["lag_ms"], found["late_s"]
    looks = found["waits"] * SECONDS / POLL_INTERVAL
    memory = found["kib_per_wait"] if found["waits"] >= 100 else None
    return [
        found["variant"], found["waits"], found["tasks"], f"{found['scale']:g}x", found["cpu"],
        found["cpu"] / (looks * floor_cpu), found["requests"], looks / found["requests"], memory,
        lag["p50"], lag["p99"], lag["max"], late["p50"], late["max"],
    ]  # fmt: skip


COLUMNS = [
    "who", "waits", "tasks", "time", "CPU s", "of floor", "requests", "saved", "KiB/wait",
    "lag p50 ms", "p99", "max", "late p50 s", "max",
]  # fmt: skip


def main(*, quick: bool = False) -> None:
    """Measure, print, save."""
    floor_cpu = floor()
    found = []
    for case in QUICK if quick else FULL:
        found.append(wait(*case))
        print(".", end="", flush=True)
    short = [wait("ours", waits, 1, 1, seconds=8) for waits in ((10,) if quick else (10, 1_000))]
    looks = SECONDS / POLL_INTERVAL
    table(
        f"Waiting on ten-minute runs. Floor: {looks:g} looks for each run (one every {POLL_INTERVAL:g} s), each a bare "
        f"GET of {floor_cpu * 1e3:.3g} ms CPU. 'saved': looks of the floor for each request sent.",
        COLUMNS,
        [_row(each, floor_cpu) for each in found],
    )
    table(
        "Runs of 6 to 10 s in real time: how long after the end the event comes",
        ["waits", "late p50 s", "max s"],
        [[each["waits"], each["late_s"]["p50"], each["late_s"]["max"]] for each in short],
    )
    sensor = None if quick else official()
    if sensor is not None:
        reschedule = 1_000 * SECONDS / OFFICIAL_INTERVAL * sensor["first_look"]
        poke = 1_000 * (sensor["first_look"] + (SECONDS / OFFICIAL_INTERVAL - 1) * sensor["later_look"])
        table(
            "The official provider's sensor on 1,000 such runs: measured per look and multiplied, one look every "
            f"{OFFICIAL_INTERVAL:g} s; Airflow's own share of starting a process is left out",
            ["mode", "CPU s per look", "CPU s for 1,000 runs", "workers held"],
            [["reschedule", sensor["first_look"], reschedule, 0], ["poke", sensor["later_look"], poke, 1_000]],
        )
    save("waiting", {"floor_cpu_per_get": floor_cpu, "waits": found, "short_runs": short, "official_sensor": sensor})
