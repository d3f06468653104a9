"""The endpoints of tasks and task runs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import islice
from typing import TYPE_CHECKING, Any

from aiohttp import web

from airflow_provider_arize_tasks.emulator import runs, views
from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.filters import parse_filter
from airflow_provider_arize_tasks.emulator.model import RUN_EXPERIMENT, Run, Task
from airflow_provider_arize_tasks.emulator.paging import (
    finish_page,
    named,
    page,
    page_of,
    read_cursor,
    read_limit,
    read_query,
    require_scope,
    scoped,
    write_cursor,
)
from airflow_provider_arize_tasks.emulator.requests import body_of, no_body, operation_of, world_of
from airflow_provider_arize_tasks.emulator.schemas import CREATE_EVALUATION
from airflow_provider_arize_tasks.emulator.validation import (
    check_trigger,
    read_create,
    read_update,
    read_window,
    refuse_if,
)
from airflow_provider_arize_tasks.emulator.world import World, find

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATUSES = ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED")


async def list_tasks(request: web.Request) -> web.Response:
    """``GET /v2/tasks``, newest first."""
    world = world_of(request)
    allowed = ("space_id", "space_name", "name", "project_id", "dataset_id", "type")
    query = read_query(request.query, operation_of(request), allowed, world.level)
    tasks = named(scoped(world, world.tasks.values(), query, lambda task: task.space_id), query)
    for key, table in (("project_id", world.projects), ("dataset_id", world.datasets)):
        if key in query:
            require_scope(world, table, query[key], key[:-3])
            tasks = [task for task in tasks if task.body.get(key) == query[key]]
    if "type" in query:
        refuse_if(CREATE_EVALUATION["type"].check(query["type"], "type", world.level))
        tasks = [task for task in tasks if task.type == query["type"].upper()]
    # Assumes "newest-first", which a certificate asks about.
    if not world.settings.oldest_first:
        tasks.reverse()
    return web.json_response(page("tasks", tasks, lambda task: views.task(world, task), query))


async def create_task(request: web.Request) -> web.Response:
    """``POST /v2/tasks``."""
    world, body = world_of(request), await body_of(request)
    kind, space_id, kept = read_create(world, body)
    task = Task(**world.stamp("OnlineTask", body["name"]), space_id=space_id, type=kind, body=kept)
    world.tasks[task.id] = task
    return web.json_response(views.task(world, task), status=201)


async def get_task(request: web.Request) -> web.Response:
    """``GET /v2/tasks/{task_id}``."""
    world = world_of(request)
    return web.json_response(views.task(world, _task(request, world)))


async def update_task(request: web.Request) -> web.Response:
    """``PATCH /v2/tasks/{task_id}``."""
    world, body = world_of(request), await body_of(request)
    task = _task(request, world)
    changes = read_update(world, task, body)
    task.name = changes.pop("name", task.name)
    task.body.update(changes)
    task.updated_ms = world.clock.now_ms()
    return web.json_response(views.task(world, task))


async def delete_task(request: web.Request) -> web.Response:
    """``DELETE /v2/tasks/{task_id}``: the task goes with its runs."""
    world = world_of(request)
    task = _task(request, world)
    for run in task.runs:
        world.runs.pop(run.id, None)
    del world.tasks[task.id]
    return web.Response(status=204)


async def trigger(request: web.Request) -> web.Response:
    """``POST /v2/tasks/{task_id}/trigger``."""
    world, body = world_of(request), await body_of(request, default={})
    task, now = _task(request, world), world.clock.now_ms()
    check_trigger(world.level, task, body)
    if task.type == RUN_EXPERIMENT:
        run = _trigger_experiment(world, task, body, now)
    elif task.body.get("project_id") is not None:
        run = runs.start_evaluation(world, task, body, now, read_window(world.level, task, body, now))
    else:
        experiments = runs.experiments_of(world, task, body.get("experiment_ids"), now)
        run = runs.start_scoring(world, task, body, experiments, now)
    return web.json_response(views.run(world, run, now), status=201)


def _trigger_experiment(world: World, task: Task, body: dict[str, Any], now: int) -> Run:
    dataset = find(world.datasets, task.body["dataset_id"], "dataset")
    version = world.version_of(dataset, body.get("dataset_version_id"))
    name = body["experiment_name"]
    if world.experiment_name_taken(dataset.id, name):
        # Assumes "experiment-name-clash-is-409", which a certificate asks about.
        raise Refusal(409, f"an experiment named {name!r} already exists in this dataset")
    for task_id in body.get("evaluation_task_ids") or []:
        if find(world.tasks, task_id, "evaluation task").type == RUN_EXPERIMENT:
            raise Refusal(422, f"evaluation_task_ids: task {task_id} is not an evaluation task")
    examples = version.examples
    wanted = body.get("example_ids")
    if wanted is not None:
        unknown = set(wanted) - {example["id"] for example in examples}
        if unknown:
            raise Refusal(422, f"example_ids: not in this version of the dataset: {', '.join(sorted(unknown))}")
        examples = [example for example in examples if example["id"] in set(wanted)]
    passes = parse_filter(body.get("query_filter"))
    examples = [example for example in examples if passes(example)][: body.get("max_examples")]
    return runs.start_experiment(world, task, body, now, dataset, version, examples)


async def list_runs(request: web.Request) -> web.Response:
    """``GET /v2/tasks/{task_id}/runs``, newest first unless set otherwise: the API promises no order."""
    world = world_of(request)
    query = read_query(request.query, operation_of(request), ("status",), world.level)
    task, now, level = _task(request, world), world.clock.now_ms(), world.level
    wanted = query.get("status")
    if wanted is not None and wanted not in [level.spell(status) for status in _STATUSES]:
        raise Refusal(400, f"status: must be one of {', '.join(level.spell(s) for s in _STATUSES)}, got {wanted!r}")
    start, limit = read_cursor(query.get("cursor")), read_limit(query.get("limit"), 100)
    # Assumes "pages-hold-all-once", which a certificate asks about.
    # the cursor is the number of the last run shown, so that new runs don't shift the pages that follow
    matching = (
        run
        for run in _runs_after(
            task, 0 if world.weather.cuts_by_offset else start, oldest_first=world.settings.oldest_first
        )
        if run.visible_ms <= now and (wanted is None or run.status(now) == wanted.upper())
    )
    if world.weather.cuts_by_offset:
        shown, following = world.weather.cut_page(list(matching), start, limit)
        return web.json_response(page_of("task_runs", [views.run(world, run, now) for run in shown], following))
    chosen = list(islice(matching, limit + 1))
    shown = chosen[:limit]
    reply = finish_page("task_runs", [views.run(world, run, now) for run in shown], 0, limit, len(chosen))
    if reply["pagination"]["has_more"]:
        reply["pagination"]["next_cursor"] = write_cursor(shown[-1].number)
    return web.json_response(reply)


def _runs_after(task: Task, number: int, *, oldest_first: bool) -> Iterator[Run]:
    """A task's runs in the order of lists, after the one of a number (0 for all)."""
    if oldest_first:
        first = bisect_right(task.runs, number, key=lambda run: run.number)
        return islice(task.runs, first, None)
    last = bisect_left(task.runs, number, key=lambda run: run.number) if number else len(task.runs)
    return (task.runs[position] for position in range(last - 1, -1, -1))


async def get_run(request: web.Request) -> web.Response:
    """``GET /v2/task-runs/{run_id}``."""
    world = world_of(request)
    run = find(world.runs, request.match_info["run_id"], "task run")
    return web.json_response(views.run(world, run, world.clock.now_ms()))


async def cancel_run(request: web.Request) -> web.Response:
    """``POST /v2/task-runs/{run_id}/cancel``."""
    world = world_of(request)
    await no_body(request)
    run, now = find(world.runs, request.match_info["run_id"], "task run"), world.clock.now_ms()
    runs.cancel(world, run, now)
    return web.json_response(views.run(world, run, now))


def _task(request: web.Request, world: World) -> Task:
    return find(world.tasks, request.match_info["task_id"], "task")


ROUTES = [
    web.get("/v2/tasks", list_tasks),
    web.post("/v2/tasks", create_task),
    web.get("/v2/tasks/{task_id}", get_task),
    web.patch("/v2/tasks/{task_id}", update_task),
    web.delete("/v2/tasks/{task_id}", delete_task),
    web.post("/v2/tasks/{task_id}/trigger", trigger),
    web.get("/v2/tasks/{task_id}/runs", list_runs),
    web.get("/v2/task-runs/{run_id}", get_run),
    web.post("/v2/task-runs/{run_id}/cancel", cancel_run),
]
