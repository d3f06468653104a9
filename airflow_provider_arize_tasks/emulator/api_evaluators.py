"""The endpoints of evaluators and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator import schemas, seed, views
from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.requests import Call, Routes
from airflow_provider_arize_tasks.emulator.world import World, find

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_arize_tasks.emulator.world import Evaluator, EvaluatorVersion

ROUTES = Routes()
# Most recently updated first.
ROUTES.lists("/v2/evaluators", "evaluators", views.evaluator, by="updated_ms")


def _evaluator(call: Call) -> Evaluator:
    return call.find(call.world.evaluators, "evaluator")


@ROUTES.on("POST /v2/evaluators", status=201)
def create_evaluator(call: Call) -> dict[str, Any]:
    """An evaluator with its first version; the name of a deleted one stays taken."""
    world, body = call.world, call.body(schemas.CREATE_EVALUATOR)
    space_id = find(world.spaces, body["space_id"], "space").id
    config = _config(world, body["type"].upper(), body["version"])
    if world.evaluator_name_taken(space_id, body["name"]):
        raise Refusal(409, f"an evaluator named {body['name']!r} already exists in this space")
    made = seed.add_evaluator(world, body["name"], space_id, config)
    made.description = str(body.get("description") or "")
    made.versions[-1].message = body["version"]["commit_message"]
    return views.evaluator(world, made, made.versions[-1])


def _config(world: World, kind: str, version: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a new version, which must be of the evaluator's kind."""
    key = {"TEMPLATE": "template_config", "CODE": "code_config"}[kind]
    if key not in version or len(version) > 2:
        raise Refusal(422, f"version: exactly {key} is required for an evaluator of type {kind}")
    config: dict[str, Any] = views.spelled(version[key], world.level.read)
    if kind == "TEMPLATE":
        find(world.integrations, config["llm_config"]["ai_integration_id"], "AI integration")
        return {"data_granularity": "SPAN", "direction": "MAXIMIZE", "use_structured_output": True, **config}
    return config


@ROUTES.on("POST /v2/evaluators/{evaluator_id}/versions", status=201)
def create_version(call: Call) -> dict[str, Any]:
    """A version of an evaluator."""
    world, body = call.world, call.body(schemas.EVALUATOR_VERSION)
    evaluator = _evaluator(call)
    version = seed.add_evaluator_version(world, evaluator, _config(world, evaluator.type, body))
    version.message = body["commit_message"]
    return views.evaluator_version(world, version)


@ROUTES.on("PATCH /v2/evaluators/{evaluator_id}")
def update_evaluator(call: Call) -> dict[str, Any]:
    """Its name or description."""
    world, body = call.world, call.body(schemas.UPDATE_EVALUATOR)
    if not body:
        raise Refusal(400, "body: at least one field is required")
    evaluator = _evaluator(call)
    name = body.get("name", evaluator.name)
    if name != evaluator.name and world.evaluator_name_taken(evaluator.space_id, name):
        raise Refusal(409, f"an evaluator named {name!r} already exists in this space")
    evaluator.name, evaluator.description = name, body.get("description", evaluator.description)
    evaluator.updated_ms = call.now
    return views.evaluator(world, evaluator)


@ROUTES.on("DELETE /v2/evaluators/{evaluator_id}")
def delete_evaluator(call: Call) -> None:
    """It goes with its versions; its labels stay, and its name stays taken."""
    gone = _evaluator(call)
    del call.world.evaluators[gone.id]
    call.world.deleted_evaluators.add((gone.space_id, gone.name))


@ROUTES.on("GET /v2/evaluators/{evaluator_id}")
def get_evaluator(call: Call) -> dict[str, Any]:
    """An evaluator with its latest version or the one asked for."""
    wanted, evaluator = call.query("version_id").get("version_id"), _evaluator(call)
    return views.evaluator(call.world, evaluator, _version(call, [evaluator], wanted))


def _versions(call: Call, evaluator: Evaluator) -> list[EvaluatorVersion]:
    """An evaluator's versions made by now, newest first."""
    now = call.now
    return [version for version in reversed(evaluator.versions) if version.created_ms <= now]


def _version(call: Call, evaluators: Iterable[Evaluator], wanted: str | None) -> EvaluatorVersion:
    for evaluator in evaluators:
        for version in _versions(call, evaluator):
            if wanted in (None, version.id):
                return version
    raise Refusal(404, f"evaluator version {wanted} not found")


@ROUTES.on("GET /v2/evaluators/{evaluator_id}/versions")
def list_evaluator_versions(call: Call) -> dict[str, Any]:
    """The versions of an evaluator, newest first."""
    query = call.query()
    return call.page("evaluator_versions", _versions(call, _evaluator(call)), query, views.evaluator_version)


@ROUTES.on("GET /v2/evaluator-versions/{version_id}")
def get_evaluator_version(call: Call) -> dict[str, Any]:
    """A version of any evaluator."""
    return views.evaluator_version(call.world, _version(call, call.world.evaluators.values(), call.path("version_id")))
