"""Prompts of the Prompt Hub: their versions, their labels, and how the API shows them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator import views
from airflow_provider_arize_tasks.emulator.common import Refusal, iso
from airflow_provider_arize_tasks.emulator.model import Prompt, PromptVersion

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
        prompt.labels[label] = find_version(prompt, version_id).id
    prompt.updated_ms = world.clock.now_ms()


def find_version(prompt: Prompt, version_id: str) -> PromptVersion:
    """A version of a prompt by id.

    :raises Refusal: 404 where there is none.
    """
    found = next((version for version in prompt.versions if version.id == version_id), None)
    if found is None:
        raise Refusal(404, f"prompt version {version_id} not found")
    return found


def labelled(prompt: Prompt, label: str) -> PromptVersion:
    """The version that a label points to.

    :raises Refusal: 404 where there is none.
    """
    version_id = prompt.labels.get(label)
    if version_id is None:
        raise Refusal(404, f"no version of prompt {prompt.name!r} carries the label {label!r}")
    return find_version(prompt, version_id)


def version_of(prompts: Iterable[Prompt], version_id: str) -> tuple[Prompt, PromptVersion]:
    """A version of any prompt, with its prompt.

    :raises Refusal: 404 where there is none.
    """
    for prompt in prompts:
        for version in prompt.versions:
            if version.id == version_id:
                return prompt, version
    raise Refusal(404, f"prompt version {version_id} not found")


def prompt_view(world: World, prompt: Prompt, version: PromptVersion | None = None) -> dict[str, Any]:
    """A prompt as the API sends it; with a version for a single get."""
    view = {
        "id": prompt.id,
        "name": prompt.name,
        "description": prompt.description,
        "space_id": prompt.space_id,
        "created_at": iso(prompt.created_ms),
        "updated_at": iso(prompt.updated_ms),
        "created_by_user_id": world.user_id,
    }
    return view if version is None else view | {"version": version_view(world, prompt, version)}


def version_view(world: World, prompt: Prompt, version: PromptVersion) -> dict[str, Any]:
    """A version of a prompt as the API sends it, with the labels that point to it."""
    body = {key: value for key, value in version.body.items() if value is not None}
    provider = str(body.pop("provider", "OPEN_AI"))
    digest = hashlib.sha256(json.dumps([version.id, body], sort_keys=True, default=str).encode()).hexdigest()
    return {
        "id": version.id,
        "prompt_id": prompt.id,
        "commit_hash": digest[:40],
        "commit_message": version.message,
        "created_at": iso(version.created_ms),
        "created_by_user_id": world.user_id,
        "labels": sorted(label for label, target in prompt.labels.items() if target == version.id),
        "provider": provider if world.level.is_upper else provider.lower(),
        **views.spell_config(world.level, body),
    }
