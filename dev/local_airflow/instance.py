"""Start, hurt and stop a real Airflow."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dev.local_airflow.api import AirflowApi
from dev.local_airflow.cli_api import CliApi
from dev.local_airflow.postgres import Postgres
from dev.local_airflow.processes import TaskProcess, read_processes
from dev.local_airflow.settings import environment, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

COMMANDS = {
    "api-server": ["api-server", "--apps", "all"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
}


class LocalAirflowError(RuntimeError):
    """A component did not do what it was asked for; the message names its log."""


class LocalAirflow:
    """A real Airflow in a folder of its own: API server, scheduler with ``LocalExecutor``, triggerers.

    Airflow 3 whole; Airflow 2.11 (on PostgreSQL only) without its web server.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`. DAGs are registered at the start; no
    DAG processor runs unless asked for with ``start_component("dag-processor")``.

    :param dags: folder of DAG files.
    :param postgres: a throw-away PostgreSQL instead of SQLite.
    :param parallelism: task processes at a time.
    :param triggerers: how many; they are called ``triggerer``, ``triggerer-2`` and so on.
    :param env: further environment variables for every component, connections for instance.
    :param python: interpreter whose Airflow runs; the current one by default.
    :param home: folder to use, kept afterwards; a temporary one, deleted unless a start failed, by default.
    :param start_scheduler: ``False`` leaves scheduler and triggerers out until :meth:`start_scheduling`.
    """

    def __init__(
        self,
        dags: Path,
        *,
        postgres: bool = False,
        parallelism: int = 4,
        triggerers: int = 1,
        env: Mapping[str, str] | None = None,
        python: str | None = None,
        home: Path | None = None,
        start_scheduler: bool = True,
    ) -> None:
        self.dags = dags
        self.triggerers = triggerers
        self.python = python or sys.executable
        self.keep_home = home is not None
        self.home = home or Path(tempfile.mkdtemp(prefix="local-airflow-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        #: Airflow's REST API; on Airflow 2, which runs without a web server here, the little of it the CLI can do.
        self.api: Any = AirflowApi(self.url)
        self.version = ""
        self.start_scheduler = start_scheduler
        self.postgres = Postgres() if postgres else None
        self.env = environment(
            home=self.home,
            dags=dags,
            port=self.port,
            parallelism=parallelism,
            database_url=self.postgres.url if self.postgres else None,
        )
        self.env |= {
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(Path(__file__).with_name("plugins")),
            "LOCAL_AIRFLOW_PROCESSES": str(self.home / "processes.jsonl"),
            **(env or {}),
        }
        self.launcher: subprocess.Popen[str] | None = None

    # ------------------------------------------------------------------ life

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """From nothing to a healthy Airflow.

        :raises LocalAirflowError: when a component does not come up; everything is stopped again then.
        """
        try:
            self._start_launcher()
            self.call("init")
            if self.version.startswith("2."):
                self.api = CliApi(self.cli)
            else:
                self.start_component("api-server")
            if self.start_scheduler:
                self.start_scheduling()
            if not self.version.startswith("2."):
                self._wait_for_api()
                self.api.warm()
        except BaseException:  # Ctrl-C too: nothing that was started may be left behind
            self.keep_home = True
            self.stop()
            raise

    def start_scheduling(self) -> None:
        """Start the scheduler and the triggerers."""
        self.start_component("scheduler")
        for number in range(1, self.triggerers + 1):
            self.start_component("triggerer" if number == 1 else f"triggerer-{number}")

    def stop(self) -> None:
        """Stop everything that was started and delete the folder."""
        launcher, self.launcher = self.launcher, None
        if launcher is not None and launcher.stdin is not None:
            with contextlib.suppress(OSError):
                launcher.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                launcher.wait(timeout=30)
            if launcher.poll() is None:
                os.killpg(launcher.pid, signal.SIGKILL)
        if self.postgres is not None:
            self.postgres.stop()
        if not self.keep_home:
            shutil.rmtree(self.home, ignore_errors=True)

    def _start_launcher(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW__", "PYTEST_"))}
        env |= self.env
        if self.postgres is not None:
            env["LOCAL_AIRFLOW_POSTGRES"] = str(self.postgres.folder)
        with (self.home / "launcher.log").open("ab") as log:
            self.launcher = subprocess.Popen(
                [self.python, "-u", str(Path(__file__).with_name("launcher.py"))],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=env, cwd=self.home,
                start_new_session=True,
            )  # fmt: skip
        if self.postgres is not None:
            self.postgres.start(self.home / "postgres.log")
        self.version = self._answer(120)["version"]

    def _wait_for_api(self) -> None:
        until = time.monotonic() + 120
        while not self.api.is_up():
            if time.monotonic() > until or self.ps()["api-server"]["exit"] is not None:
                raise LocalAirflowError(f"the API server did not come up:\n{self.log_tail('api-server')}")
            time.sleep(0.2)

    # ------------------------------------------------------------------ components

    def call(self, operation: str, limit: float = 180, **arguments: Any) -> Any:
        """One request to the launcher (see its methods)."""
        if self.launcher is None or self.launcher.stdin is None:
            raise LocalAirflowError("this Airflow is not running")
        self.launcher.stdin.write(json.dumps({"op": operation, **arguments}) + "\n")
        self.launcher.stdin.flush()
        return self._answer(limit)

    def _answer(self, limit: float) -> Any:
        if self.launcher is None or self.launcher.stdout is None:
            raise LocalAirflowError("this Airflow is not running")
        ready, _, _ = select.select([self.launcher.stdout], [], [], limit)
        line = self.launcher.stdout.readline() if ready else ""
        if not line:
            raise LocalAirflowError(f"the launcher gave no answer in {limit} s:\n{self.log_tail('launcher')}")
        answer = json.loads(line)
        if "error" in answer:
            raise LocalAirflowError(f"{answer['error']}\n{self.log_tail('launcher')}")
        return answer["ok"]

    def start_component(self, name: str, arguments: Sequence[str] = (), **env: str) -> int:
        """Start a component (again); returns its process id.

        :param name: ``api-server``, ``scheduler``, ``triggerer``, ``triggerer-2``, ``dag-processor``.
        :param arguments: of ``airflow``, for a component that is none of these.
        :param env: environment variables for this one alone.
        """
        kind = name if name in COMMANDS else name.rpartition("-")[0]
        command = list(arguments) or COMMANDS[kind]
        return int(self.call("start", name=name, arguments=command, env=env)["pid"])

    def kill(self, name: str) -> list[int]:
        """``kill -9`` a component and every process below it; returns their ids."""
        pids: list[int] = self.call("kill", name=name)["pids"]
        return pids

    def signal(self, name: str, number: int) -> None:
        """Send a signal to the component's first process alone."""
        self.call("kill", name=name, number=int(number), tree=False)

    def restart(self, name: str) -> None:
        """``kill -9`` a component and start it again."""
        self.kill(name)
        self.start_component(name)
        if name == "api-server":
            self._wait_for_api()
            self.api.warm()

    def ps(self) -> dict[str, dict[str, Any]]:
        """Component name to ``pid``, ``exit`` (``None`` while it runs) and ``children`` (process ids)."""
        answer: dict[str, dict[str, Any]] = self.call("ps")
        return answer

    def cli(self, *arguments: str, check: bool = True) -> str:
        """Run an ``airflow`` command to its end and return its output.

        :param check: raise when it ends with another code than 0.
        :raises LocalAirflowError: see ``check``; the message holds the output.
        """
        answer = self.call("run", arguments=list(arguments))
        if check and answer["code"] != 0:
            raise LocalAirflowError(f"airflow {' '.join(arguments)} ended with {answer['code']}:\n{answer['output']}")
        return str(answer["output"])

    def processes(self) -> list[TaskProcess]:
        """The task processes so far, oldest first."""
        return read_processes(self.home / "processes.jsonl")

    def log_tail(self, name: str, lines: int = 60) -> str:
        """The last lines of a component's log."""
        path = self.home / f"{name}.log"
        text = path.read_text(errors="replace") if path.exists() else "(nothing)"
        return f"--- {path}\n" + "\n".join(text.splitlines()[-lines:])
