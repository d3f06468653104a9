"""What is done from outside to a task that waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.e2e.faults.support.fault_rows import Row

if TYPE_CHECKING:
    from tests.e2e.faults.matrix import Matrix

TASK = "trigger"
Action = Callable[["Matrix", Row, str, str], None]


def _wait_deferred(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> str:
    """Wait until the task is deferred and its remote run goes on; the run's id."""
    matrix.api.wait_for_task(dag_id, run_id, TASK, {"deferred"}, limit=120)

    def running() -> str | None:
        runs = matrix.control.runs(row.name)
        return str(runs[-1]["id"]) if runs and runs[-1]["status"].upper() == "RUNNING" else None

    found = str(matrix.api.wait_for(f"a run of {row.name} to go on", running, 60))
    # A trigger that its triggerer has not started yet can't be told that it was killed.
    time.sleep(4)
    return found


def cancel_run(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    matrix.arize.cancel(_wait_deferred(matrix, row, dag_id, run_id))


def fail_run(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    matrix.control.end_run(_wait_deferred(matrix, row, dag_id, run_id), "FAILED", reason="The model is gone")


def mark_failed(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    _wait_deferred(matrix, row, dag_id, run_id)
    matrix.api.set_task_state(dag_id, run_id, TASK, "failed")


def mark_success(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    _wait_deferred(matrix, row, dag_id, run_id)
    matrix.api.set_task_state(dag_id, run_id, TASK, "success")


def mark_run_failed(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    _wait_deferred(matrix, row, dag_id, run_id)
    matrix.api.set_run_state(dag_id, run_id, "failed")


def clear(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    _wait_deferred(matrix, row, dag_id, run_id)
    matrix.api.clear(dag_id, run_id, [TASK])


def clear_done(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    # The DAG run, not only the task: Airflow may be marking it a success just now, and a task that is cleared in that
    # moment is never scheduled again.
    matrix.api.wait_for_run(dag_id, run_id, limit=180)
    matrix.api.clear(dag_id, run_id, [TASK])
    matrix.api.wait_for(
        "the cleared task to start again",
        lambda: matrix.api.task(dag_id, run_id, TASK)["state"] != "success",
        limit=30,
        every=0.1,
    )


def wait(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    _wait_deferred(matrix, row, dag_id, run_id)


ACTIONS: dict[str, Action] = {
    each.__name__: each
    for each in (cancel_run, fail_run, mark_failed, mark_success, mark_run_failed, clear, clear_done, wait)
}
