"""Benchmark: what does it cost to read a page of a hundred task runs, beside the readers of 0.1.0 in the same process?

The old readers come out of this repository's own history; without it, only today's models are measured.
"""

from __future__ import annotations

import importlib
import io
import json
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dev.benchmarks.common import save, table

#: The last commit with readers written by hand, and where they were.
OLD_COMMIT = "eff991d"
PACKAGE = "airflow_provider_arize_tasks"
RUNS = 100
ROUNDS = 15

Read = Callable[[Any], Any]


def page_of_runs() -> bytes:
    """A page as servers send it: every field given, times with milliseconds."""
    runs = [
        {
            "id": f"VGFza1J1bjo{index}OmE=",
            "task_id": "VGFzazoxOmE=",
            "status": "COMPLETED" if index else "RUNNING",
            "experiment_id": None,
            "run_started_at": f"2026-11-22T10:{index % 60:02}:00.123Z",
            "run_finished_at": f"2026-11-22T11:{index % 60:02}:00.123Z",
            "data_start_time": "2026-11-21T00:00:00.000Z",
            "data_end_time": "2026-11-22T00:00:00.000Z",
            "num_successes": index,
            "num_errors": 2,
            "num_skipped": 1,
            "created_at": f"2026-11-22T09:{index % 60:02}:59.999Z",
            "created_by_user_id": "VXNlcjoxOmE=",
            "failure_reason": None,
        }
        for index in range(RUNS)
    ]
    return json.dumps({"task_runs": runs, "pagination": {"has_more": False, "next_cursor": None}}).encode()


def old_readers() -> dict[str, Read]:
    """The readers of :data:`OLD_COMMIT`; empty where the history does not reach that far."""
    archive = ["git", "archive", OLD_COMMIT, PACKAGE]
    packed = subprocess.run(archive, capture_output=True, check=False)
    if packed.returncode:
        return {}
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == PACKAGE}
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
            tar.extractall(folder, filter="data")
        sys.path.insert(0, folder)
        try:
            readers = importlib.import_module(f"{PACKAGE}.client.readers")
            assert str(readers.__file__).startswith(str(Path(folder)))
            brief = importlib.import_module(f"{PACKAGE}.triggers.brief")
        finally:
            sys.path.remove(folder)
            for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
                del sys.modules[name]
            sys.modules.update(ours)
    found: dict[str, Read] = {
        "readers of 0.1.0": readers.read_page("task_runs", readers.read_task_run),
        "quick reader of 0.1.0 (id, task, status)": readers.read_page("task_runs", brief.read_brief),
    }
    return found


def measure(readers: dict[str, Read], repeats: int) -> dict[str, float]:
    """Milliseconds to read the parsed page, the median of interleaved rounds."""
    page = json.loads(page_of_runs())
    rounds: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(ROUNDS):
        for name, read in readers.items():
            began = time.perf_counter()
            for _ in range(repeats):
                read(page)
            rounds[name].append((time.perf_counter() - began) / repeats * 1e3)
    return {name: statistics.median(times) for name, times in rounds.items()}


def main(*, quick: bool = False) -> None:
    """Measure, print, save."""
    from airflow_provider_arize_tasks.client.models import TaskRun, page_reader

    readers = {**old_readers(), "models": page_reader("task_runs", TaskRun)}
    found = measure(readers, repeats=5 if quick else 50)
    table(
        f"Reading a page of {RUNS} task runs, from parsed JSON to objects",
        ["reader", "ms a page", "times the models"],
        [[name, took, took / found["models"]] for name, took in found.items()],
    )
    save("reading", found)
