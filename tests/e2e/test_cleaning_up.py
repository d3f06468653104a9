"""Whatever ends them, the demonstration and the tests' own Airflow leave no process behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
TEST_RUN = """
import sys, time
from pathlib import Path
from dev.local_airflow import LocalAirflow
folder = Path(sys.argv[1])
with LocalAirflow(folder / "dags", home=folder / "airflow", postgres=True) as airflow:
    print("database:", airflow.postgres.folder, flush=True)
    time.sleep(600)
"""
#: Launcher, API server, scheduler, triggerer and its runner; beside them the emulator, or PostgreSQL's many.
AT_LEAST = 6


class Started:
    """A Python process in a session of its own, so that a signal to its group is what Ctrl-C is in a terminal."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-u", *arguments]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            # Tests that a shell runs in its background ignore SIGINT, and would hand that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        self.said: list[str] = []
        self.family: list[psutil.Process] = []

    def says(self, part: str) -> str:
        """The first line with this in it; all that lives below the process by then is its family."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if part in line:
                self.family = psutil.Process(self.process.pid).children(recursive=True)
                return line
        raise AssertionError(f"it ended without saying {part!r}:\n{''.join(self.said)}")

    def left(self) -> list[psutil.Process]:
        """Those of the family that still live."""
        alive = []
        for each in self.family:
            with contextlib.suppress(psutil.NoSuchProcess):
                if each.is_running() and each.status() != psutil.STATUS_ZOMBIE:
                    alive.append(each)
        return alive

    def end(self) -> None:
        """Whatever the test found, nothing stays."""
        for each in [self.process, *self.left()]:
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                each.kill()
        self.process.communicate()


@pytest.fixture
def start() -> Iterator[Callable[..., Started]]:
    with contextlib.ExitStack() as stack:

        def start(*arguments: str) -> Started:
            started = Started(*arguments)
            stack.callback(started.end)
            return started

        yield start


def _wait(what: str, condition: Callable[[], bool], limit: float = 60) -> None:
    until = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.2)


def test_ctrl_c_ends_the_demonstration_and_all_it_started(start: Callable[..., Started]) -> None:
    demo = start("-m", "dev.demo")
    demo.says("waits in the triggerer")
    assert len(demo.family) >= AT_LEAST
    os.killpg(demo.process.pid, signal.SIGINT)
    output, _ = demo.process.communicate(timeout=60)
    assert demo.process.returncode == 130, output
    _wait("everything the demonstration started is gone", lambda: not demo.left())


def test_a_killed_test_run_takes_its_airflow_and_its_database_with_it(
    start: Callable[..., Started], tmp_path: Path
) -> None:
    run = start("-c", TEST_RUN, str(tmp_path))
    database = Path(run.says("database:").split()[-1])
    assert len(run.family) >= AT_LEAST
    assert database.is_dir()
    run.process.kill()
    _wait("the Airflow of a killed test run is gone", lambda: not run.left())
    _wait("its database is gone", lambda: not database.exists())
