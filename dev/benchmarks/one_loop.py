"""One measurement: so many waits on one event loop, against a running emulator. Prints one line of JSON.

The process imports Airflow and runs each trigger as Airflow's triggerer does, as a task that iterates over ``run()``.
Time is scaled: with ``--scale 20`` a ten-minute run lasts 30 s, and every duration of the schedule (first look, early
looks, ``poll_interval``) is divided by 20, so the number of looks is that of the unscaled wait.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import random
import statistics
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow_provider_arize_tasks.emulator.control import EmulatorControl
from airflow_provider_arize_tasks.runs import timing as schedule
from airflow_provider_arize_tasks.triggers import channel
from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger
from dev.benchmarks.rivals import Alone, AloneHttpx

#: Runs end spread over this part of their length, in so many batches.
SPREAD, BATCHES = 0.4, 20
#: Runs are started this long before the waits begin, in unscaled seconds: what deferring takes.
HEAD_START = 2.0


def scale_time(scale: float) -> None:
    """Make the schedule and the budget run ``scale`` times as fast."""
    names = ("_FIRST_LOOK", "_LATE_FIRST_LOOK", "_LATE_FIRST_SPREAD", "_EARLY_UNTIL", "_EARLY_MIN", "_EARLY_MAX")
    for name in names:
        setattr(schedule, name, getattr(schedule, name) / scale)
    channel.BASE_RATE *= scale
    channel._ROUND /= scale  # noqa: SLF001


def rss() -> int:
    """Resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Probe:
    """Measures how late the event loop wakes a task that sleeps for 10 ms at a time, and the peak of the memory."""

    def __init__(self) -> None:
        self.lags: list[float] = []
        self.peak = 0

    async def run(self, seconds: float = float("inf")) -> None:
        """Probe until cancelled, or for some seconds."""
        until = time.perf_counter() + seconds
        count = 0
        while (begin := time.perf_counter()) < until:
            await asyncio.sleep(0.01)
            self.lags.append(time.perf_counter() - begin - 0.01)
            count += 1
            if count % 25 == 0:
                self.peak = max(self.peak, rss())

    def summary(self) -> dict[str, float]:
        """p50, p99 and maximum in milliseconds."""
        lags = sorted(self.lags)
        at = {"p50": 0.5, "p99": 0.99}
        found = {name: lags[min(len(lags) - 1, int(len(lags) * part))] * 1e3 for name, part in at.items()}
        return {**found, "max": lags[-1] * 1e3}


async def probe_cost() -> float:
    """CPU seconds per second that the probe itself takes."""
    begin, probe = time.process_time(), Probe()
    await probe.run(2.0)
    return (time.process_time() - begin) / 2


class Ours:
    """Our trigger, as a triggerer runs it."""

    requests = None

    async def wait(self, run_id: str, poll_interval: float, spread: float, task_id: str) -> dict[str, Any]:
        """Run one trigger until its event."""
        trigger = ArizeTaskRunTrigger(run_ids=[run_id], poll_interval=poll_interval, task_ids=[task_id])
        async for event in trigger.run():
            payload: dict[str, Any] = event.payload
            assert payload["status"] == "done", payload
            run: dict[str, Any] = payload["runs"][run_id]
            return run
        raise AssertionError

    async def close(self) -> None:
        """Nothing: the last trigger has closed the session."""


def start_runs(control: EmulatorControl, tasks: list[str], waits: int, seconds: float) -> list[tuple[str, str]]:
    """Start runs whose ends are spread; returns run and task ids, mixed."""
    found = []
    per_task, left = divmod(waits, len(tasks))
    for number, task in enumerate(tasks):
        count = per_task + (number < left)
        batches = min(BATCHES, count)
        for batch in range(batches):
            part = count // batches + (batch < count % batches)
            length = seconds * (1 - SPREAD / 2 + SPREAD * (batch + 0.5) / batches)
            found += [(run_id, task) for run_id in control.start_runs(task, part, length)]
    random.Random(1).shuffle(found)
    return found


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the waits and measure them."""
    scale = arguments.scale
    control = EmulatorControl(arguments.url, timeout=120)
    poll_interval = arguments.poll_interval / scale
    idle = await probe_cost()
    runs = await asyncio.to_thread(start_runs, control, arguments.tasks, arguments.waits, arguments.seconds / scale)
    await asyncio.sleep(HEAD_START / scale)
    waiter: Any = {"ours": Ours, "alone": lambda: Alone(arguments.url), "httpx": lambda: AloneHttpx(arguments.url)}[
        arguments.variant
    ]()
    gc.collect()
    before, probe, rng, late = rss(), Probe(), random.Random(2), []

    async def one(run_id: str, task_id: str) -> None:
        more = (task_id,) if arguments.variant == "ours" else ()
        run = await waiter.wait(run_id, poll_interval, rng.random(), *more)
        late.append(time.time() - datetime.fromisoformat(run["run_finished_at"].replace("Z", "+00:00")).timestamp())

    counted = sum(control.counters()["requests"].values())
    begin_cpu, begin = time.process_time(), time.perf_counter()
    probing = asyncio.ensure_future(probe.run())
    waits = []
    for run in runs:  # as Airflow's triggerer creates them
        await asyncio.sleep(0)
        waits.append(asyncio.create_task(one(*run)))
        await asyncio.sleep(0)
    await asyncio.gather(*waits)
    wall, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    probing.cancel()
    requests = sum(control.counters()["requests"].values()) - counted
    await waiter.close()
    late.sort()
    return {
        "variant": arguments.variant,
        "waits": arguments.waits,
        "tasks": len(arguments.tasks),
        "scale": scale,
        "wall": wall,
        "cpu": max(cpu - idle * wall, 0.0),
        "probe_cpu": idle * wall,
        "requests": requests,
        "kib_per_wait": max(probe.peak - before, 0) / 1024 / arguments.waits,
        "lag_ms": probe.summary(),
        # Times are scaled back, which overstates what is processing rather than waiting for the next look.
        "late_s": {"p50": statistics.median(late) * scale, "max": late[-1] * scale},
    }


def main() -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--variant", choices=["ours", "alone", "httpx"], required=True)
    parser.add_argument("--waits", type=int, required=True)
    parser.add_argument("--tasks", type=lambda text: text.split(","), required=True)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--poll-interval", type=float, default=30)
    parser.add_argument("--scale", type=float, default=20)
    arguments = parser.parse_args()
    os.environ["AIRFLOW_CONN_ARIZE_DEFAULT"] = json.dumps(
        {"conn_type": "arize", "host": arguments.url, "password": "benchmark-key"}
    )
    # The lines a trigger logs go to Airflow's own machinery, which is not what is measured here.
    quiet = logging.getLogger("benchmark")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    ArizeTaskRunTrigger.log = quiet  # type: ignore[assignment]
    scale_time(arguments.scale)
    print(json.dumps(asyncio.run(measure(arguments))))


if __name__ == "__main__":
    main()
