"""The endpoints around tasks: spaces, projects, datasets, experiments with their rows, integrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from airflow_provider_arize_tasks.emulator import views
from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.filters import parse_filter
from airflow_provider_arize_tasks.emulator.paging import (
    named,
    newest_first,
    page,
    read_query,
    require_scope,
    scoped,
    space_page,
)
from airflow_provider_arize_tasks.emulator.requests import body_of, operation_of, world_of
from airflow_provider_arize_tasks.emulator.schemas import SEARCH_EXAMPLES, SEARCH_ROWS, check_object
from airflow_provider_arize_tasks.emulator.validation import check_filter, refuse_if
from airflow_provider_arize_tasks.emulator.world import World, find

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.model import DatasetVersion, Experiment

_MOST_ROWS = 500


async def list_spaces(request: web.Request) -> web.Response:
    """``GET /v2/spaces``."""
    world = world_of(request)
    query = read_query(request.query, operation_of(request), ("org_id", "name"), world.level)
    spaces = [s for s in world.spaces.values() if query.get("org_id") in (None, s.organization_id)]
    chosen = newest_first(named(spaces, query))
    return web.json_response(page("spaces", chosen, lambda item: views.space(world.level, item), query))


async def get_space(request: web.Request) -> web.Response:
    """``GET /v2/spaces/{space_id}``."""
    world = world_of(request)
    return web.json_response(views.space(world.level, find(world.spaces, request.match_info["space_id"], "space")))


async def list_projects(request: web.Request) -> web.Response:
    """``GET /v2/projects``."""
    world = world_of(request)
    view = lambda item: views.project(world.level, item)  # noqa: E731 -- shorter than a function
    return space_page(request, "projects", world.projects.values(), view, "project_type")


async def get_project(request: web.Request) -> web.Response:
    """``GET /v2/projects/{project_id}``."""
    world = world_of(request)
    found = find(world.projects, request.match_info["project_id"], "project")
    return web.json_response(views.project(world.level, found))


async def list_datasets(request: web.Request) -> web.Response:
    """``GET /v2/datasets``."""
    return space_page(request, "datasets", world_of(request).datasets.values(), views.dataset)


async def get_dataset(request: web.Request) -> web.Response:
    """``GET /v2/datasets/{dataset_id}``, with versions."""
    found = find(world_of(request).datasets, request.match_info["dataset_id"], "dataset")
    return web.json_response(views.dataset(found, versions=True))


async def list_examples(request: web.Request) -> web.Response:
    """``GET /v2/datasets/{dataset_id}/examples``."""
    world = world_of(request)
    query = read_query(request.query, operation_of(request), ("dataset_version_id",), world.level)
    dataset = find(world.datasets, request.match_info["dataset_id"], "dataset")
    rows = _examples(world.version_of(dataset, query.get("dataset_version_id")))
    view = page("examples", rows, lambda row: row, query, _MOST_ROWS)
    return web.json_response(_without_cursor(request, view))


def _examples(version: DatasetVersion) -> list[dict[str, Any]]:
    """The examples of a version as the API sends them, in order."""
    stamp = views.dataset_version(version)
    extra = {"created_at": stamp["created_at"], "updated_at": stamp["updated_at"], "annotations": []}
    return [extra | row for row in version.examples]


async def search_examples(request: web.Request) -> web.Response:
    """``POST /v2/datasets/{dataset_id}/examples/search``: its examples by time and id, filtered."""
    world, body = world_of(request), await body_of(request, default={})
    refuse_if(check_object(body, SEARCH_EXAMPLES, "", world.level), 422)
    check_filter(body.get("filter"), "filter")
    passes = parse_filter(body.get("filter"), "filter")
    dataset = find(world.datasets, request.match_info["dataset_id"], "dataset")
    rows = _examples(world.version_of(dataset, body.get("dataset_version_id")))
    chosen = sorted(filter(passes, rows), key=lambda row: (row["created_at"], str(row["id"])))
    return web.json_response(page("examples", chosen, lambda row: row, body, _MOST_ROWS))


async def list_experiments(request: web.Request) -> web.Response:
    """``GET /v2/experiments``, of a dataset or of a space."""
    world, now = world_of(request), world_of(request).clock.now_ms()
    query = read_query(request.query, operation_of(request), ("dataset_id", "space_id", "name"), world.level)
    if "dataset_id" in query and "space_id" in query:
        raise Refusal(400, "dataset_id and space_id are mutually exclusive")
    found = [item for item in world.experiments.values() if item.created_ms <= now]
    if "dataset_id" in query:
        require_scope(world, world.datasets, query["dataset_id"], "dataset")
        found = [item for item in found if item.dataset_id == query["dataset_id"]]
    chosen = newest_first(named(scoped(world, found, query, lambda item: item.space_id), query))
    return web.json_response(page("experiments", chosen, lambda item: views.experiment(world.level, item), query))


def _experiment(request: web.Request, world: World) -> Experiment:
    experiment = find(world.experiments, request.match_info["experiment_id"], "experiment")
    if experiment.created_ms > world.clock.now_ms():
        raise Refusal(404, f"experiment {experiment.id} not found")
    return experiment


async def get_experiment(request: web.Request) -> web.Response:
    """``GET /v2/experiments/{experiment_id}``."""
    world = world_of(request)
    return web.json_response(views.experiment(world.level, _experiment(request, world)))


async def delete_experiment(request: web.Request) -> web.Response:
    """``DELETE /v2/experiments/{experiment_id}``: the experiment goes with its rows."""
    world = world_of(request)
    gone = _experiment(request, world)
    del world.experiments[gone.id]
    world.deleted_experiments.add((gone.dataset_id, gone.name))
    return web.Response(status=204)


async def list_experiment_runs(request: web.Request) -> web.Response:
    """``GET /v2/experiments/{experiment_id}/runs``: its rows."""
    world = world_of(request)
    query = read_query(request.query, operation_of(request), (), world.level)
    rows, now = _experiment(request, world).rows, world.clock.now_ms()
    view = page("experiment_runs", rows, lambda row: views.experiment_row(world.level, row, now), query, _MOST_ROWS)
    return web.json_response(_without_cursor(request, view))


def _without_cursor(request: web.Request, view: dict[str, Any]) -> dict[str, Any]:
    """A page without the cursor to the next, where the level takes none."""
    if not world_of(request).level.knows(f"query {operation_of(request)} cursor"):
        view["pagination"].pop("next_cursor", None)
    return view


async def search_experiment_runs(request: web.Request) -> web.Response:
    """``POST /v2/experiments/{experiment_id}/runs/search``: its rows, filtered."""
    world, body = world_of(request), await body_of(request, default={})
    refuse_if(check_object(body, SEARCH_ROWS, "", world.level))
    check_filter(body.get("filter"), "filter")
    passes = parse_filter(body.get("filter"), "filter")
    seen = [views.experiment_row(world.level, row, world.clock.now_ms()) for row in _experiment(request, world).rows]
    chosen = [row for row in seen if passes(row)]
    return web.json_response(page("experiment_runs", chosen, lambda row: row, body, _MOST_ROWS))


async def list_ai_integrations(request: web.Request) -> web.Response:
    """``GET /v2/ai-integrations``: the LLM integrations."""
    world = world_of(request)
    items = [item for item in world.integrations.values() if item.type == "LLM"]
    return space_page(request, "ai_integrations", items, lambda item: views.ai_integration(world, item))


async def get_ai_integration(request: web.Request) -> web.Response:
    """``GET /v2/ai-integrations/{integration_id}``."""
    world = world_of(request)
    found = find(world.integrations, request.match_info["integration_id"], "AI integration")
    if found.type != "LLM":
        raise Refusal(404, f"AI integration {found.id} not found")
    return web.json_response(views.ai_integration(world, found))


async def list_integrations(request: web.Request) -> web.Response:
    """``GET /v2/integrations``: integrations of any type."""
    world = world_of(request)
    items = world.integrations.values()
    return space_page(request, "integrations", items, lambda item: views.integration(world, item), "type")


async def get_integration(request: web.Request) -> web.Response:
    """``GET /v2/integrations/{integration_id}``."""
    world = world_of(request)
    found = find(world.integrations, request.match_info["integration_id"], "integration")
    return web.json_response(views.integration(world, found))


ROUTES = [
    web.get("/v2/spaces", list_spaces),
    web.get("/v2/spaces/{space_id}", get_space),
    web.get("/v2/projects", list_projects),
    web.get("/v2/projects/{project_id}", get_project),
    web.get("/v2/datasets", list_datasets),
    web.get("/v2/datasets/{dataset_id}", get_dataset),
    web.get("/v2/datasets/{dataset_id}/examples", list_examples),
    web.post("/v2/datasets/{dataset_id}/examples/search", search_examples),
    web.get("/v2/experiments", list_experiments),
    web.get("/v2/experiments/{experiment_id}", get_experiment),
    web.delete("/v2/experiments/{experiment_id}", delete_experiment),
    web.get("/v2/experiments/{experiment_id}/runs", list_experiment_runs),
    web.post("/v2/experiments/{experiment_id}/runs/search", search_experiment_runs),
    web.get("/v2/ai-integrations", list_ai_integrations),
    web.get("/v2/ai-integrations/{integration_id}", get_ai_integration),
    web.get("/v2/integrations", list_integrations),
    web.get("/v2/integrations/{integration_id}", get_integration),
]
