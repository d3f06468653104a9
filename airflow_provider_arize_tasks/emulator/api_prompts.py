"""The endpoints of prompts, their versions and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from airflow_provider_arize_tasks.emulator import prompts, schemas
from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.paging import newest_first, page, read_query, space_page
from airflow_provider_arize_tasks.emulator.requests import body_of, operation_of, world_of
from airflow_provider_arize_tasks.emulator.validation import canonical, refuse_if
from airflow_provider_arize_tasks.emulator.world import World, find

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.model import Prompt, PromptVersion


def _prompt(request: web.Request, world: World) -> Prompt:
    return find(world.prompts, request.match_info["prompt_id"], "prompt")


def _version(request: web.Request, world: World) -> tuple[Prompt, PromptVersion]:
    return prompts.version_of(world.prompts.values(), request.match_info["version_id"])


async def _read(request: web.Request, world: World, shape: schemas.Shape) -> dict[str, Any]:
    """A body of a shape, enums in upper case."""
    body = await body_of(request)
    refuse_if(schemas.check_object(body, shape, "", world.level), 422)
    return dict(canonical(body, world.level))


async def list_prompts(request: web.Request) -> web.Response:
    """``GET /v2/prompts``, most recently updated first."""
    world = world_of(request)
    items = world.prompts.values()
    return space_page(request, "prompts", items, lambda item: prompts.prompt_view(world, item), by="updated_ms")


async def get_prompt(request: web.Request) -> web.Response:
    """``GET /v2/prompts/{prompt_id}``, with its latest version, that of a label, or the one asked for."""
    world = world_of(request)
    query = read_query(request.query, operation_of(request), ("version_id", "label"), world.level)
    if "version_id" in query and "label" in query:
        raise Refusal(400, "version_id and label are mutually exclusive")
    prompt = _prompt(request, world)
    version = prompt.versions[-1]
    if "label" in query:
        version = prompts.labelled(prompt, query["label"])
    elif "version_id" in query:
        version = prompts.find_version(prompt, query["version_id"])
    return web.json_response(prompts.prompt_view(world, prompt, version))


async def create_prompt(request: web.Request) -> web.Response:
    """``POST /v2/prompts``, with its first version."""
    world = world_of(request)
    body = await _read(request, world, schemas.CREATE_PROMPT)
    space_id = find(world.spaces, body["space_id"], "space").id
    prompt = prompts.add_prompt(world, body["name"], space_id, {**body, **body["version"]})
    return web.json_response(prompts.prompt_view(world, prompt, prompt.versions[-1]), status=201)


async def update_prompt(request: web.Request) -> web.Response:
    """``PATCH /v2/prompts/{prompt_id}``: its description."""
    world = world_of(request)
    body = await _read(request, world, schemas.UPDATE_PROMPT)
    prompt = _prompt(request, world)
    prompt.description = body["description"]
    prompt.updated_ms = world.clock.now_ms()
    return web.json_response(prompts.prompt_view(world, prompt))


async def delete_prompt(request: web.Request) -> web.Response:
    """``DELETE /v2/prompts/{prompt_id}``, with its versions."""
    world = world_of(request)
    del world.prompts[_prompt(request, world).id]
    return web.Response(status=204)


async def list_versions(request: web.Request) -> web.Response:
    """``GET /v2/prompts/{prompt_id}/versions``, newest first."""
    world = world_of(request)
    query = read_query(request.query, operation_of(request), (), world.level)
    prompt = _prompt(request, world)
    view = lambda version: prompts.version_view(world, prompt, version)  # noqa: E731 -- shorter than a function
    return web.json_response(page("prompt_versions", newest_first(prompt.versions), view, query))


async def create_version(request: web.Request) -> web.Response:
    """``POST /v2/prompts/{prompt_id}/versions``."""
    world = world_of(request)
    body = await _read(request, world, schemas.PROMPT_VERSION)
    prompt = _prompt(request, world)
    version = prompts.add_version(world, prompt, body)
    return web.json_response(prompts.version_view(world, prompt, version), status=201)


async def get_labelled(request: web.Request) -> web.Response:
    """``GET /v2/prompts/{prompt_id}/labels/{label_name}``: the version that a label points to."""
    world = world_of(request)
    prompt = _prompt(request, world)
    version = prompts.labelled(prompt, request.match_info["label_name"])
    return web.json_response(prompts.version_view(world, prompt, version))


async def get_version(request: web.Request) -> web.Response:
    """``GET /v2/prompt-versions/{version_id}``."""
    world = world_of(request)
    return web.json_response(prompts.version_view(world, *_version(request, world)))


async def set_labels(request: web.Request) -> web.Response:
    """``PUT /v2/prompt-versions/{version_id}/labels``: these labels point here, and no others."""
    world = world_of(request)
    body = await _read(request, world, schemas.PROMPT_LABELS)
    prompt, version = _version(request, world)
    for label in [label for label, target in prompt.labels.items() if target == version.id]:
        prompts.move_label(world, prompt, label, None)
    for label in body["labels"]:
        prompts.move_label(world, prompt, label, version.id)
    return web.json_response(prompts.version_view(world, prompt, version))


async def delete_label(request: web.Request) -> web.Response:
    """``DELETE /v2/prompt-versions/{version_id}/labels/{label_name}``."""
    world, label = world_of(request), request.match_info["label_name"]
    prompt, version = _version(request, world)
    if prompt.labels.get(label) != version.id:
        raise Refusal(404, f"label {label!r} does not point to prompt version {version.id}")
    prompts.move_label(world, prompt, label, None)
    return web.Response(status=204)


ROUTES = [
    web.get("/v2/prompts", list_prompts),
    web.post("/v2/prompts", create_prompt),
    web.get("/v2/prompts/{prompt_id}", get_prompt),
    web.patch("/v2/prompts/{prompt_id}", update_prompt),
    web.delete("/v2/prompts/{prompt_id}", delete_prompt),
    web.get("/v2/prompts/{prompt_id}/versions", list_versions),
    web.post("/v2/prompts/{prompt_id}/versions", create_version),
    web.get("/v2/prompts/{prompt_id}/labels/{label_name}", get_labelled),
    web.get("/v2/prompt-versions/{version_id}", get_version),
    web.put("/v2/prompt-versions/{version_id}/labels", set_labels),
    web.delete("/v2/prompt-versions/{version_id}/labels/{label_name}", delete_label),
]
