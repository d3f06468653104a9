"""The endpoints of evaluators and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from airflow_provider_arize_tasks.emulator import schemas, seed, views
from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.paging import page, read_query, space_page
from airflow_provider_arize_tasks.emulator.requests import body_of, operation_of, world_of
from airflow_provider_arize_tasks.emulator.validation import canonical, refuse_if
from airflow_provider_arize_tasks.emulator.world import World, find

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.model import Evaluator, EvaluatorVersion


def _evaluator(request: web.Request, world: World) -> Evaluator:
    return find(world.evaluators, request.match_info["evaluator_id"], "evaluator")


async def create_evaluator(request: web.Request) -> web.Response:
    """``POST /v2/evaluators``, with its first version; the name of a deleted one stays taken."""
    world, body = world_of(request), await body_of(request)
    refuse_if(schemas.check_object(body, schemas.CREATE_EVALUATOR, "", world.level), 422)
    space_id = find(world.spaces, body["space_id"], "space").id
    config = _config(world, body["type"].upper(), body["version"])
    if world.evaluator_name_taken(space_id, body["name"]):
        raise Refusal(409, f"an evaluator named {body['name']!r} already exists in this space")
    made = seed.add_evaluator(world, body["name"], space_id, config)
    made.description = str(body.get("description") or "")
    made.versions[-1].message = body["version"]["commit_message"]
    return web.json_response(views.evaluator(world, made, made.versions[-1]), status=201)


def _config(world: World, kind: str, version: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a new version, which must be of the evaluator's kind."""
    key = {"TEMPLATE": "template_config", "CODE": "code_config"}[kind]
    if key not in version or len(version) > 2:
        raise Refusal(422, f"version: exactly {key} is required for an evaluator of type {kind}")
    config: dict[str, Any] = canonical(version[key], world.level)
    if kind == "TEMPLATE":
        find(world.integrations, config["llm_config"]["ai_integration_id"], "AI integration")
        return {"data_granularity": "SPAN", "direction": "MAXIMIZE", "use_structured_output": True, **config}
    return config


async def create_version(request: web.Request) -> web.Response:
    """``POST /v2/evaluators/{evaluator_id}/versions``."""
    world, body = world_of(request), await body_of(request)
    refuse_if(schemas.check_object(body, schemas.EVALUATOR_VERSION, "", world.level), 422)
    evaluator = _evaluator(request, world)
    version = seed.add_evaluator_version(world, evaluator, _config(world, evaluator.type, body))
    version.message = body["commit_message"]
    return web.json_response(views.evaluator_version(world, evaluator, version), status=201)


async def update_evaluator(request: web.Request) -> web.Response:
    """``PATCH /v2/evaluators/{evaluator_id}``: its name or description."""
    world, body = world_of(request), await body_of(request)
    refuse_if(schemas.check_object(body, schemas.UPDATE_EVALUATOR, "", world.level), 422)
    if not body:
        raise Refusal(400, "body: at least one field is required")
    evaluator = _evaluator(request, world)
    name = body.get("name", evaluator.name)
    if name != evaluator.name and world.evaluator_name_taken(evaluator.space_id, name):
        raise Refusal(409, f"an evaluator named {name!r} already exists in this space")
    evaluator.name, evaluator.description = name, body.get("description", evaluator.description)
    evaluator.updated_ms = world.clock.now_ms()
    return web.json_response(views.evaluator(world, evaluator))


async def delete_evaluator(request: web.Request) -> web.Response:
    """``DELETE /v2/evaluators/{evaluator_id}``, with its versions; its labels stay, and its name stays taken."""
    world = world_of(request)
    gone = _evaluator(request, world)
    del world.evaluators[gone.id]
    world.deleted_evaluators.add((gone.space_id, gone.name))
    return web.Response(status=204)


async def list_evaluators(request: web.Request) -> web.Response:
    """``GET /v2/evaluators``, most recently updated first."""
    world = world_of(request)
    items = world.evaluators.values()
    return space_page(request, "evaluators", items, lambda item: views.evaluator(world, item), by="updated_ms")


async def get_evaluator(request: web.Request) -> web.Response:
    """``GET /v2/evaluators/{evaluator_id}``, with its latest version or the one asked for."""
    world = world_of(request)
    query = read_query(request.query, operation_of(request), ("version_id",), world.level)
    evaluator = _evaluator(request, world)
    version = _version(world, evaluator, query.get("version_id"))
    return web.json_response(views.evaluator(world, evaluator, version))


def _versions(world: World, evaluator: Evaluator) -> list[EvaluatorVersion]:
    """An evaluator's versions made by now, newest first."""
    now = world.clock.now_ms()
    return [version for version in reversed(evaluator.versions) if version.created_ms <= now]


def _version(world: World, evaluator: Evaluator, version_id: str | None) -> EvaluatorVersion:
    for version in _versions(world, evaluator):
        if version_id in (None, version.id):
            return version
    raise Refusal(404, f"evaluator version {version_id} not found")


async def list_evaluator_versions(request: web.Request) -> web.Response:
    """``GET /v2/evaluators/{evaluator_id}/versions``, newest first."""
    world = world_of(request)
    query = read_query(request.query, operation_of(request), (), world.level)
    evaluator = _evaluator(request, world)
    view = lambda version: views.evaluator_version(world, evaluator, version)  # noqa: E731 -- shorter than a function
    return web.json_response(page("evaluator_versions", _versions(world, evaluator), view, query))


async def get_evaluator_version(request: web.Request) -> web.Response:
    """``GET /v2/evaluator-versions/{version_id}``."""
    world, wanted = world_of(request), request.match_info["version_id"]
    for evaluator in world.evaluators.values():
        for version in _versions(world, evaluator):
            if version.id == wanted:
                return web.json_response(views.evaluator_version(world, evaluator, version))
    raise Refusal(404, f"evaluator version {wanted} not found")


ROUTES = [
    web.get("/v2/evaluators", list_evaluators),
    web.post("/v2/evaluators", create_evaluator),
    web.get("/v2/evaluators/{evaluator_id}", get_evaluator),
    web.patch("/v2/evaluators/{evaluator_id}", update_evaluator),
    web.delete("/v2/evaluators/{evaluator_id}", delete_evaluator),
    web.get("/v2/evaluators/{evaluator_id}/versions", list_evaluator_versions),
    web.post("/v2/evaluators/{evaluator_id}/versions", create_version),
    web.get("/v2/evaluator-versions/{version_id}", get_evaluator_version),
]
