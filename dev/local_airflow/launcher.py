"""Imports Airflow once, then forks its components: seconds instead of half a minute. One per local Airflow.

Runs as ``python launcher.py`` under the interpreter whose Airflow is wanted, takes one JSON object per line on
standard input and answers each with one line on standard output. When its input ends, whatever the reason, it kills
everything it started: it is the adopter (child subreaper) of all of it, so nothing escapes.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.metadata
import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PREIMPORT = (
    "airflow.jobs.scheduler_job_runner",
    "airflow.jobs.triggerer_job_runner",
    "airflow.executors.local_executor",
    "airflow.api_fastapi.app",
)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def descendants(pid: int) -> list[int]:
    """Process ids of everything below ``pid``, from /proc (psutil may be missing)."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        below = parents.get(queue.pop(), [])
        found += below
        queue += below
    return found


def drop_database(folder: str | None) -> None:
    """Kill the throw-away PostgreSQL in ``folder`` and delete it, in case whoever made it can't any more."""
    if not folder or not Path(folder).is_dir():
        return
    with contextlib.suppress(OSError, ValueError, IndexError):
        os.kill(int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


class Launcher:
    """Holds the imported Airflow and what was forked from it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.components: dict[str, int] = {}
        self.exits: dict[int, int] = {}
        self.parser: Any = None
        self.lock = threading.Lock()

    def load(self) -> None:
        """Import what the components need; Airflow versions differ in what there is."""
        from airflow.cli import cli_parser

        for name in PREIMPORT:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        self.parser = cli_parser.get_parser()

    def cli(self, *arguments: str) -> None:
        """One ``airflow`` command inside this process."""
        namespace = self.parser.parse_args(list(arguments))
        namespace.func(namespace)

    def init(self) -> None:
        """Create the database's tables and register the DAGs."""
        from airflow import settings
        from airflow.utils import db

        db.initdb()
        settings.dispose_orm()
        # In a process of its own: a task must find no module loaded that a DAG file has imported before.
        found = self.run(["dags", "reserialize"])
        if found["code"]:
            raise RuntimeError(f"airflow dags reserialize failed: {found['output'][-2000:]}")

    def fork(self, name: str, arguments: list[str], extra_env: dict[str, str], log: Path) -> int:
        """Run one ``airflow`` command in a child of its own process group.

        :param name: for messages; :param arguments: of ``airflow``; :param log: where its output goes.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            os.setsid()
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            os.environ.update(extra_env)
            descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            settings = importlib.import_module("airflow.settings")
            settings.configure_orm()
            self.cli(*arguments)
            code = 0
        except SystemExit as stopped:
            code = stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
        except BaseException:  # noqa: BLE001 - the child's last words go to its log, and it must not return from here
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def reap(self) -> None:
        """Collect the exit codes of everything that ended."""
        with self.lock, contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self.exits[pid] = os.waitstatus_to_exitcode(status)

    def start(self, name: str, arguments: list[str], env: dict[str, str] | None = None) -> dict[str, Any]:
        """Start a component under ``name``."""
        self.reap()
        if name in self.components and self.components[name] not in self.exits:
            raise RuntimeError(f"{name} is running already")
        pid = self.fork(name, arguments, env or {}, self.home / f"{name}.log")
        self.components[name] = pid
        return {"pid": pid}

    def run(self, arguments: list[str], limit: float = 120) -> dict[str, Any]:
        """Run an ``airflow`` command to its end."""
        log = self.home / f"cli-{time.monotonic_ns()}.log"
        pid = self.fork("cli", arguments, {}, log)
        until = time.monotonic() + limit
        while pid not in self.exits:
            if time.monotonic() > until:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
            self.reap()
        return {"code": self.exits[pid], "output": log.read_text(errors="replace")}

    def kill(self, name: str, number: int = signal.SIGKILL, *, tree: bool = True) -> dict[str, Any]:
        """Send a signal to a component, with everything below it when ``tree``."""
        pid = self.components[name]
        pids = [pid, *(descendants(pid) if tree else [])]
        for each in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)
        if number == signal.SIGKILL:
            self._wait_gone(pids, 10)
        return {"pids": pids}

    def _wait_gone(self, pids: list[int], limit: float) -> None:
        until = time.monotonic() + limit
        while time.monotonic() < until:
            self.reap()
            # A component shows as a zombie while its other threads are still dying; gone is what has been reaped.
            reaped = all(pid in self.exits for pid in self.components.values() if pid in pids)
            if reaped and not set(pids) & set(descendants(os.getpid())):
                return
            time.sleep(0.05)

    def ps(self) -> dict[str, Any]:
        """What is running: pid, exit code (``None`` while it runs) and the processes below."""
        self.reap()
        return {
            name: {"pid": pid, "exit": self.exits.get(pid), "children": descendants(pid)}
            for name, pid in self.components.items()
        }

    def stop(self) -> None:
        """Terminate the components, then kill whatever is left below this process."""
        for pid in self.components.values():
            if pid not in self.exits:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        self._wait_gone(list(self.components.values()), 3)
        until = time.monotonic() + 10
        while time.monotonic() < until and (left := descendants(os.getpid())):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
            self.reap()

    def handle(self, request: dict[str, Any]) -> Any:
        """Carry out one request."""
        operation = request.pop("op")
        if operation not in {"init", "start", "run", "kill", "ps", "stop"}:
            raise ValueError(f"no such operation: {operation}")
        return getattr(self, operation)(**request)


def main() -> None:
    """Serve requests until the input ends."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    requests = os.fdopen(os.dup(0), "r")
    for descriptor in (replies.fileno(), requests.fileno()):
        os.set_inheritable(descriptor, False)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    launcher = Launcher(Path(os.environ["AIRFLOW_HOME"]))
    try:
        launcher.load()
        replies.write(json.dumps({"ok": {"pid": os.getpid(), "version": importlib.metadata.version("apache-airflow")}}))
        replies.write("\n")
        while line := requests.readline():
            try:
                answer: dict[str, Any] = {"ok": launcher.handle(json.loads(line))}
            except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked gets to see it
                traceback.print_exc()
                answer = {"error": f"{type(error).__name__}: {error}"}
            replies.write(json.dumps(answer) + "\n")
    finally:
        launcher.stop()
        drop_database(os.environ.get("LOCAL_AIRFLOW_POSTGRES"))


if __name__ == "__main__":
    sys.path.pop(0)  # this file's own folder: its neighbours must not shadow anything Airflow imports
    main()
