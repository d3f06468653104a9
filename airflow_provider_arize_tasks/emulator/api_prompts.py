"""Prompts of the Prompt Hub: their versions and labels, how the API shows them, and their endpoints."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator import schemas, views
from airflow_provider_arize_tasks.emulator.common import Refusal, iso
from airflow_provider_arize_tasks.emulator.requests import Call, Routes, newest_first
from airflow_provider_arize_tasks.emulator.world import Prompt, PromptVersion, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_arize_tasks.emulator.world import World

#: What a version keeps of a body, with what stands for a missing field.
_DEFAULTS: Mapping[str, Any] = {
    "messages": [],
    "input_variable_format": "F_STRING",
    "provider": "OPEN_AI",
    "model": None,
    "invocation_params": None,
    "provider_params": None,
}


def add_prompt(world: World, name: str, space_id: str, body: Mapping[str, Any], at_ms: int | None = None) -> Prompt:
    """Add a prompt with one version.

    :param world: the state.
    :param name: its name.
    :param space_id: its space.
    :param body: ``description``, and the fields of :func:`add_version`.
    :param at_ms: when it was made; now by default.
    :raises Refusal: 409 for a name that is taken.
    """
    if any(prompt.name == name and prompt.space_id == space_id for prompt in world.prompts.values()):
        raise Refusal(409, f"a prompt named {name!r} already exists in this space")
    description = str(body.get("description") or "")
    prompt = Prompt(**world.stamp("Prompt", name, at_ms), space_id=space_id, description=description)
    world.prompts[prompt.id] = prompt
    add_version(world, prompt, body, at_ms)
    return prompt


def add_version(world: World, prompt: Prompt, body: Mapping[str, Any], at_ms: int | None = None) -> PromptVersion:
    """Add a version to a prompt, which becomes its latest.

    :param body: ``messages``, ``input_variable_format``, ``provider``, ``model``, ``invocation_params``,
        ``provider_params``, ``commit_message``.
    """
    kept = {key: default if body.get(key) is None else body[key] for key, default in _DEFAULTS.items()}
    stamp = world.stamp("PromptVersion", f"v{len(prompt.versions) + 1}", at_ms)
    message = str(body.get("commit_message") or "")
    version = PromptVersion(**stamp, prompt_id=prompt.id, body=kept, message=message)
    prompt.versions.append(version)
    prompt.updated_ms = max(prompt.updated_ms, version.created_ms)
    return version


def move_label(world: World, prompt: Prompt, label: str, version_id: str | None) -> None:
    """Point a label to a version, or take it away.

    :param label: the label; case counts.
    :param version_id: the version; ``None`` removes the label.
    :raises Refusal: 404 for a version that isn't the prompt's.
    """
    if version_id is None:
        prompt.labels.pop(label, None)
    else:
        prompt.labels[label] = find_version([prompt], version_id).id
    prompt.updated_ms = world.clock.now_ms()


def find_version(prompts: Iterable[Prompt], version_id: str) -> PromptVersion:
    """A version of some prompts by id.

    :raises Refusal: 404 where there is none.
    """
    for prompt in prompts:
        for version in prompt.versions:
            if version.id == version_id:
                return version
    raise Refusal(404, f"prompt version {version_id} not found")


def labelled(prompt: Prompt, label: str) -> PromptVersion:
    """The version that a label points to.

    :raises Refusal: 404 where there is none.
    """
    version_id = prompt.labels.get(label)
    if version_id is None:
        raise Refusal(404, f"no version of prompt {prompt.name!r} carries the label {label!r}")
    return find_version([prompt], version_id)


def prompt_view(world: World, prompt: Prompt, version: PromptVersion | None = None) -> dict[str, Any]:
    """A prompt as the API sends it; with a version for a single get."""
    view = views.base(prompt, "description", "space_id") | {"created_by_user_id": world.user_id}
    return view if version is None else view | {"version": version_view(world, version)}


def version_view(world: World, version: PromptVersion) -> dict[str, Any]:
    """A version of a prompt as the API sends it, with the labels that point to it."""
    body = {key: value for key, value in version.body.items() if value is not None}
    provider = str(body.pop("provider", "OPEN_AI"))
    digest = hashlib.sha256(json.dumps([version.id, body], sort_keys=True, default=str).encode()).hexdigest()
    labels = world.prompts[version.prompt_id].labels
    return {
        "id": version.id,
        "prompt_id": version.prompt_id,
        "commit_hash": digest[:40],
        "commit_message": version.message,
        "created_at": iso(version.created_ms),
        "created_by_user_id": world.user_id,
        "labels": sorted(label for label, target in labels.items() if target == version.id),
        "provider": provider if world.level.is_upper else provider.lower(),
        **views.spelled(body, world.level.spell),
    }


ROUTES = Routes()
# Most recently updated first.
ROUTES.lists("/v2/prompts", "prompts", prompt_view, by="updated_ms")


def _prompt(call: Call) -> Prompt:
    return call.find(call.world.prompts, "prompt")


def _version(call: Call) -> tuple[Prompt, PromptVersion]:
    version = find_version(call.world.prompts.values(), call.path("version_id"))
    return call.world.prompts[version.prompt_id], version


def _read(call: Call, shape: schemas.Shape) -> dict[str, Any]:
    """A body of a shape, enums in upper case."""
    return dict(views.spelled(call.body(shape), call.world.level.read))


@ROUTES.on("GET /v2/prompts/{prompt_id}")
def get_prompt(call: Call) -> dict[str, Any]:
    """A prompt with its latest version, that of a label, or the one asked for."""
    query = call.query("version_id", "label")
    if "version_id" in query and "label" in query:
        raise Refusal(400, "version_id and label are mutually exclusive")
    prompt = _prompt(call)
    version = prompt.versions[-1]
    if "label" in query:
        version = labelled(prompt, query["label"])
    elif "version_id" in query:
        version = find_version([prompt], query["version_id"])
    return prompt_view(call.world, prompt, version)


@ROUTES.on("POST /v2/prompts", status=201)
def create_prompt(call: Call) -> dict[str, Any]:
    """A prompt with its first version."""
    body = _read(call, schemas.CREATE_PROMPT)
    space_id = find(call.world.spaces, body["space_id"], "space").id
    prompt = add_prompt(call.world, body["name"], space_id, {**body, **body["version"]})
    return prompt_view(call.world, prompt, prompt.versions[-1])


@ROUTES.on("PATCH /v2/prompts/{prompt_id}")
def update_prompt(call: Call) -> dict[str, Any]:
    """Its description."""
    body, prompt = _read(call, schemas.UPDATE_PROMPT), _prompt(call)
    prompt.description, prompt.updated_ms = body["description"], call.now
    return prompt_view(call.world, prompt)


@ROUTES.on("DELETE /v2/prompts/{prompt_id}")
def delete_prompt(call: Call) -> None:
    """It goes with its versions."""
    del call.world.prompts[_prompt(call).id]


@ROUTES.on("GET /v2/prompts/{prompt_id}/versions")
def list_versions(call: Call) -> dict[str, Any]:
    """The versions of a prompt, newest first."""
    query = call.query()
    return call.page("prompt_versions", newest_first(_prompt(call).versions), query, version_view)


@ROUTES.on("POST /v2/prompts/{prompt_id}/versions", status=201)
def create_version(call: Call) -> dict[str, Any]:
    """A version of a prompt, its latest from now on."""
    body = _read(call, schemas.PROMPT_VERSION)
    return version_view(call.world, add_version(call.world, _prompt(call), body))


@ROUTES.on("GET /v2/prompts/{prompt_id}/labels/{label_name}")
def get_labelled(call: Call) -> dict[str, Any]:
    """The version that a label points to."""
    return version_view(call.world, labelled(_prompt(call), call.path("label_name")))


@ROUTES.on("GET /v2/prompt-versions/{version_id}")
def get_version(call: Call) -> dict[str, Any]:
    """A version of any prompt."""
    return version_view(call.world, _version(call)[1])


@ROUTES.on("PUT /v2/prompt-versions/{version_id}/labels")
def set_labels(call: Call) -> dict[str, Any]:
    """These labels point here, and no others."""
    body = _read(call, schemas.PROMPT_LABELS)
    prompt, version = _version(call)
    for label in [label for label, target in prompt.labels.items() if target == version.id]:
        move_label(call.world, prompt, label, None)
    for label in body["labels"]:
        move_label(call.world, prompt, label, version.id)
    return version_view(call.world, version)


@ROUTES.on("DELETE /v2/prompt-versions/{version_id}/labels/{label_name}")
def delete_label(call: Call) -> None:
    """The label points nowhere from now on."""
    label = call.path("label_name")
    prompt, version = _version(call)
    if prompt.labels.get(label) != version.id:
        raise Refusal(404, f"label {label!r} does not point to prompt version {version.id}")
    move_label(call.world, prompt, label, None)
