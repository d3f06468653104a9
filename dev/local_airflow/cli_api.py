"""The part of :class:`AirflowApi` that Airflow 2 can do through its command line; it runs without a web server here."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from dev.local_airflow.api import FINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class CliApi:
    """Trigger DAG runs and wait for them on Airflow 2, by its command line.

    :param cli: runs one ``airflow`` command and returns its output.
    """

    def __init__(self, cli: Callable[..., str]) -> None:
        self._cli = cli

    def unpause(self, dag_id: str) -> None:
        """Unpause a DAG."""
        self._cli("dags", "unpause", dag_id)

    def trigger(self, dag_id: str, run_id: str, *, conf: dict[str, Any] | None = None) -> str:
        """Trigger a DAG run; returns its id."""
        self._cli("dags", "trigger", dag_id, "--run-id", run_id, "--conf", json.dumps(conf or {}))
        return run_id

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """``task_id`` and ``state`` of the task instances of a run."""
        output = self._cli("tasks", "states-for-dag-run", dag_id, run_id, "--output", "json")
        # Warnings may come before the table, on the same stream.
        found: list[dict[str, Any]] = json.loads(output[output.index("[{") :])
        return found

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """One of them."""
        return next(each for each in self.tasks(dag_id, run_id) if each["task_id"] == task_id)

    def wait_for_task(
        self, dag_id: str, run_id: str, task_id: str, states: Iterable[str] = FINAL, limit: float = 120
    ) -> dict[str, Any]:
        """Wait until a task instance is in one of ``states``.

        :raises TimeoutError: after ``limit`` seconds.
        """
        wanted, until = frozenset(states), time.monotonic() + limit
        while True:
            found = self.task(dag_id, run_id, task_id)
            if found["state"] in wanted:
                return found
            if time.monotonic() > until:
                raise TimeoutError(f"{dag_id}/{run_id}/{task_id} is {found['state']} after {limit} s")
            time.sleep(0.5)

    def wait_for_run(self, dag_id: str, run_id: str, limit: float = 180) -> str:
        """Wait until all tasks of a run have ended; ``success`` if none of them failed, else ``failed``."""
        until = time.monotonic() + limit
        while time.monotonic() < until:
            states = {each["state"] for each in self.tasks(dag_id, run_id)}
            if states <= FINAL:
                return "success" if states <= {"success", "skipped"} else "failed"
            time.sleep(0.5)
        raise TimeoutError(f"{dag_id}/{run_id} has not ended after {limit} s")
