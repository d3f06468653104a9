"""A real Airflow on PostgreSQL beside an emulator, for the benchmarks that go through scheduler and triggerer."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dev.benchmarks.stage import PROJECT, SPACE, emulator_with_tasks
from dev.local_airflow import LocalAirflow
from dev.local_airflow.postgres import PostgresMissingError, find_binaries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess

DAGS = Path(__file__).parent / "dags"
END = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)


def ensure_postgres() -> None:
    """Install Debian's PostgreSQL where there is none (as root).

    :raises PostgresMissingError: it is not there and can't be installed.
    """
    with contextlib.suppress(PostgresMissingError):
        find_binaries()
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-q"], check=True)
        subprocess.run(["apt-get", "install", "-qy", "postgresql"], check=True)
    find_binaries()


@contextlib.contextmanager
def airflow_and_arize(*, count: int, days: int, seconds: float) -> Iterator[tuple[LocalAirflow, EmulatorProcess]]:
    """Both of them, with spans over the last days and runs that last so long.

    :param count: task instances of the DAGs with many.
    :param days: the range that is evaluated.
    :param seconds: how long a remote run lasts.
    """
    ensure_postgres()
    start = END - timedelta(days=days)
    with emulator_with_tasks(2, run_seconds=seconds, seed_spans=0) as (emulator, _):
        emulator.control.add_spans(project=PROJECT, count=20 * max(count, days), start=start, end=END)
        fields = {"conn_type": "arize", "host": emulator.url, "password": "benchmark-key", "extra": {"space": SPACE}}
        env = {
            "AIRFLOW_CONN_ARIZE_DEFAULT": json.dumps(fields),
            "BENCHMARK_START": start.isoformat(),
            "BENCHMARK_END": END.isoformat(),
            "BENCHMARK_COUNT": str(count),
            "BENCHMARK_SECONDS": str(seconds),
        }
        with tempfile.TemporaryDirectory() as bytecode:
            # As installed: compiled once, whatever this shell's environment says about writing bytecode.
            env |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
            with LocalAirflow(DAGS, postgres=True, parallelism=4, env=env) as airflow:
                yield airflow, emulator


def cpu_of(airflow: LocalAirflow, component: str) -> float:
    """CPU seconds a component has used so far, the processes below it included."""
    processes = airflow.ps()[component]
    ticks = 0
    for pid in (processes["pid"], *processes["children"]):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def task_cpu(airflow: LocalAirflow, dag_id: str, run_ids: set[str]) -> dict[str, Any]:
    """What the task processes of these DAG runs used, and how many there were."""
    mine = [each for each in airflow.processes() if each.dag_id == dag_id and each.run_id in run_ids]
    return {"processes": len(mine), "cpu": sum(each.cpu or 0.0 for each in mine)}
