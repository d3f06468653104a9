"""Airflow plugin: writes down when each task process began and ended, and the processor time it took.

A line of JSON per event in the file that ``LOCAL_AIRFLOW_PROCESSES`` names. A process that was killed leaves its first
line only. The time a process lives is the time a task held a worker's slot, measured rather than inferred from states.
"""

from __future__ import annotations

import json
import os
import resource
import time
from pathlib import Path
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

FILE = os.environ.get("LOCAL_AIRFLOW_PROCESSES")


def _born() -> float:
    """When this process was forked, in epoch seconds."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")


def _write(event: str, **fields: Any) -> None:
    if FILE is None:
        return
    line = json.dumps({"event": event, "pid": os.getpid(), "at": time.time(), **fields}) + "\n"
    descriptor = os.open(FILE, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
    try:
        os.write(descriptor, line.encode())  # one write of a short line is atomic
    finally:
        os.close(descriptor)


class ProcessClock:
    """Airflow calls these in the task's own process."""

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        """The task is about to execute, or to resume after a deferral."""
        names = ("dag_id", "run_id", "task_id", "map_index", "try_number")
        _write("begin", born=_born(), **{name: getattr(task_instance, name, None) for name in names})

    @hookimpl
    def before_stopping(self, component: Any) -> None:
        """The process is about to end, whatever became of the task."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        _write("end", component=type(component).__name__, cpu=usage.ru_utime + usage.ru_stime)


class ProcessClockPlugin(AirflowPlugin):
    """Registers the listener."""

    name = "local_airflow_process_clock"
    listeners = [ProcessClock()]
