"""The endpoints of tasks and task runs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator import runs, views
from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.requests import (
    Call,
    Routes,
    named,
    read_cursor,
    read_limit,
    require_scope,
    write_cursor,
)
from airflow_provider_arize_tasks.emulator.schemas import TASK_TYPE, refuse_if
from airflow_provider_arize_tasks.emulator.validation import check_trigger, read_create, read_update, read_window
from airflow_provider_arize_tasks.emulator.world import RUN_EXPERIMENT, Run, Task

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATUSES = ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED")

ROUTES = Routes()


def _task(call: Call) -> Task:
    return call.find(call.world.tasks, "task")


@ROUTES.on("GET /v2/tasks")
def list_tasks(call: Call) -> dict[str, Any]:
    """Tasks, newest first."""
    world, query = call.world, call.query("space_id", "space_name", "name", "project_id", "dataset_id", "type")
    tasks = named(world, world.tasks.values(), query)
    for key, table in (("project_id", world.projects), ("dataset_id", world.datasets)):
        if key in query:
            require_scope(world, table, query[key], key[:-3])
            tasks = [task for task in tasks if task.body.get(key) == query[key]]
    if "type" in query:
        refuse_if(TASK_TYPE(query["type"], "type", world.level))
        tasks = [task for task in tasks if task.type == query["type"].upper()]
    # Assumes "newest-first", which a certificate asks about.
    if not world.settings.oldest_first:
        tasks.reverse()
    return call.page("tasks", tasks, query, views.task)


@ROUTES.on("POST /v2/tasks", status=201)
def create_task(call: Call) -> dict[str, Any]:
    """A task."""
    world, body = call.world, call.json()
    kind, space_id, kept = read_create(world, body)
    task = Task(**world.stamp("OnlineTask", body["name"]), space_id=space_id, type=kind, body=kept)
    world.tasks[task.id] = task
    return views.task(world, task)


ROUTES.gets("/v2/tasks/{task_id}", "tasks", "task", views.task)


@ROUTES.on("PATCH /v2/tasks/{task_id}")
def update_task(call: Call) -> dict[str, Any]:
    """What a task evaluates, and how."""
    body, task = call.json(), _task(call)
    changes = read_update(call.world, task, body)
    task.name = changes.pop("name", task.name)
    task.body.update(changes)
    task.updated_ms = call.now
    return views.task(call.world, task)


@ROUTES.on("DELETE /v2/tasks/{task_id}")
def delete_task(call: Call) -> None:
    """The task goes with its runs."""
    task = _task(call)
    for run in task.runs:
        call.world.runs.pop(run.id, None)
    del call.world.tasks[task.id]


@ROUTES.on("POST /v2/tasks/{task_id}/trigger", status=201)
def trigger(call: Call) -> dict[str, Any]:
    """A run of a task."""
    world, body, task, now = call.world, call.json(default={}), _task(call), call.now
    check_trigger(world.level, task, body)
    if task.type == RUN_EXPERIMENT:
        run = runs.start_experiment(world, task, body, now)
    elif task.body.get("project_id") is not None:
        run = runs.start_evaluation(world, task, body, now, read_window(world.level, task, body, now))
    else:
        experiments = runs.experiments_of(world, task, body.get("experiment_ids"), now)
        run = runs.start_scoring(world, task, body, experiments, now)
    return views.run(world, run, now)


@ROUTES.on("GET /v2/tasks/{task_id}/runs")
def list_runs(call: Call) -> dict[str, Any]:
    """The runs of a task, newest first unless set otherwise: the API promises no order."""
    world, level, query, now = call.world, call.world.level, call.query("status"), call.now
    task, wanted = _task(call), query.get("status")
    if wanted is not None and wanted not in [level.spell(status) for status in _STATUSES]:
        raise Refusal(400, f"status: must be one of {', '.join(level.spell(s) for s in _STATUSES)}, got {wanted!r}")
    start, limit = read_cursor(query.get("cursor")), read_limit(query.get("limit"), 100)
    by_offset = world.weather.cuts_by_offset
    # Assumes "pages-hold-all-once", which a certificate asks about.
    # the cursor is the number of the last run shown, so that new runs don't shift the pages that follow
    matching = (
        run
        for run in _runs_after(task, 0 if by_offset else start, oldest_first=world.settings.oldest_first)
        if run.visible_ms <= now and (wanted is None or run.status(now) == wanted.upper())
    )
    if by_offset:
        shown, following = world.weather.cut_page(list(matching), start, limit)
    else:
        chosen = list(islice(matching, limit + 1))
        shown, following = chosen[:limit], chosen[limit - 1].number if len(chosen) > limit else None
    cursor = None if following is None else write_cursor(following)
    return call.page_of("task_runs", [views.run(world, run, now) for run in shown], cursor)


def _runs_after(task: Task, number: int, *, oldest_first: bool) -> Iterator[Run]:
    """A task's runs in the order of lists, after the one of a number (0 for all)."""
    if oldest_first:
        first = bisect_right(task.runs, number, key=lambda run: run.number)
        return islice(task.runs, first, None)
    last = bisect_left(task.runs, number, key=lambda run: run.number) if number else len(task.runs)
    return (task.runs[position] for position in range(last - 1, -1, -1))


@ROUTES.on("GET /v2/task-runs/{run_id}")
def get_run(call: Call) -> dict[str, Any]:
    """A run of any task."""
    return views.run(call.world, call.find(call.world.runs, "task run"), call.now)


@ROUTES.on("POST /v2/task-runs/{run_id}/cancel")
def cancel_run(call: Call) -> dict[str, Any]:
    """The run, cancelled."""
    call.no_body()
    run, now = call.find(call.world.runs, "task run"), call.now
    runs.cancel(call.world, run, now)
    return views.run(call.world, run, now)
