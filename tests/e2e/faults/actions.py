"""What is done from outside to a task that waits."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.e2e.faults.support.fault_rows import Row

if TYPE_CHECKING:
    from tests.e2e.faults.matrix import Matrix

TASK = "trigger"
#: Seconds that something may take on a busy machine.
BUSY = 600.0
Action = Callable[["Matrix", Row, str, str], None]


def _wait_deferred(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> str:
    """Wait until the task is deferred and its remote run goes on; the run's id."""
    matrix.api.wait_for_task(dag_id, run_id, TASK, {"deferred"}, limit=BUSY)

    def running() -> str | None:
        runs = matrix.controls[row.weather].runs(row.name)
        return str(runs[-1]["id"]) if runs and runs[-1]["status"].upper() == "RUNNING" else None

    found = str(matrix.api.wait_for(f"a run of {row.name} to go on", running, BUSY))
    # A trigger that its triggerer has not started yet can't be told that it was killed.
    time.sleep(4)
    return found


def cancel_run(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    run = _wait_deferred(matrix, row, dag_id, run_id)
    matrix.controls[row.weather].end_run(run, "CANCELLED", reason="The run was cancelled by a user")


def fail_run(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    matrix.controls[row.weather].end_run(
        _wait_deferred(matrix, row, dag_id, run_id), "FAILED", reason="The model is gone"
    )


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
    matrix.api.wait_for_run(dag_id, run_id, limit=BUSY)
    matrix.api.clear(dag_id, run_id, [TASK])
    matrix.api.wait_for(
        "the cleared task to start again",
        lambda: matrix.api.task(dag_id, run_id, TASK)["state"] != "success",
        limit=BUSY,
        every=0.1,
    )


def wait(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    _wait_deferred(matrix, row, dag_id, run_id)


def _looks(matrix: Matrix, row: Row, run: str) -> str:
    """The paths at which a row's run is looked at, as a regular expression."""
    return f"{matrix.path_of(row)}/runs|/v2/task-runs/{re.escape(quote(run, safe=''))}"


def spoil_looks(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    control = matrix.controls[row.weather]
    run = matrix.api.wait_for(f"a run of {row.name}", lambda: control.runs(row.name), BUSY)[-1]["id"]
    for number, status in enumerate((401, 403, 404, 408, 425, 503)):
        # Each lets another look pass first, as a fault that has struck lets all pass.
        control.inject("html", method="GET", path=_looks(matrix, row, run), status=status, skip=number + 1)


def rival(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    start, end = matrix.windows[dag_id, run_id]
    matrix.api.trigger(dag_id, "rival", conf={"start": start, "end": end})


def mark_failed_throttled(matrix: Matrix, row: Row, dag_id: str, run_id: str) -> None:
    run = _wait_deferred(matrix, row, dag_id, run_id)
    headers = {"Retry-After": "60"}
    control = matrix.controls[row.weather]
    control.inject("status", method="GET", path=_looks(matrix, row, run), status=429, headers=headers, times=None)
    time.sleep(5)
    matrix.api.set_task_state(dag_id, run_id, TASK, "failed")


ACTIONS: dict[str, Action] = {
    each.__name__: each
    for each in (
        cancel_run,
        fail_run,
        mark_failed,
        mark_success,
        mark_run_failed,
        clear,
        clear_done,
        wait,
        spoil_looks,
        rival,
        mark_failed_throttled,
    )
}
