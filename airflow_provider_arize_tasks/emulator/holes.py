"""Undoing: a task that has never run over a range, for tests of what finds and heals such holes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.model import Task
    from airflow_provider_arize_tasks.emulator.world import World


def forget_runs(world: World, task: Task, start_ms: int, end_ms: int) -> list[str]:
    """Forget the runs of a task whose window touches a range, with the labels they gave.

    :param world: the state.
    :param task: the task.
    :param start_ms: first millisecond of the range.
    :param end_ms: the millisecond after its last.
    :return: ids of the forgotten runs.
    """
    gone = {run.id for run in task.runs if run.window and run.window[0] < end_ms and run.window[1] > start_ms}
    task.runs[:] = [run for run in task.runs if run.id not in gone]
    for run_id in gone:
        del world.runs[run_id]
    for span in world.spans[task.body["project_id"]].between(None, None):
        span.labels = {
            evaluator: kept
            for evaluator, labels in span.labels.items()
            if (kept := [label for label in labels if label.run_id not in gone])
        }
    return sorted(gone)
