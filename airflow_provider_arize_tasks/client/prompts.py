"""Prompts: where they stand in a run configuration, how they pass through Airflow unrendered, and those of the hub.

A prompt is data. ``{{question}}`` in it is a place for a column of the dataset, which Arize fills, and no template of
Airflow's. So each prompt text of a run configuration is wrapped in an object that Airflow's renderer leaves alone, and
unwrapped when the task is executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import ArizeConfigError, ArizeValidationError

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.models import Prompt

_RAW = re.compile(r"\{%[-+]?\s*(end)?raw\s*[-+]?%\}")

#: What a prompt of the hub calls it, and a run configuration.
_OF_VERSION = {
    "messages": "messages",
    "input_variable_format": "input_variable_format",
    "model": "model_name",
    "invocation_params": "invocation_parameters",
    "provider_params": "provider_parameters",
}


class PromptText:
    """A text that Airflow does not render. It shows as the text.

    Not a ``str``, which Airflow would render, and without ``template_fields`` or ``resolve``.

    :param text: the text.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def serialize(self) -> str:
        """The text, for Airflow's rendered fields."""
        return self.text

    def __str__(self) -> str:
        """The text."""
        return self.text

    def __repr__(self) -> str:
        """The text as Python writes it: it stands in rendered fields, and must be the same in every process."""
        return repr(self.text)

    def __eq__(self, other: object) -> bool:
        """Whether it is the same text."""
        return str(other) == self.text if isinstance(other, (str, PromptText)) else NotImplemented

    def __hash__(self) -> int:
        """As the text's."""
        return hash(self.text)


def protect(configuration: Any) -> Any:
    """A run configuration with its prompt texts wrapped; what is no mapping yet (a template, an upstream result) as is.

    :param configuration: as the author wrote it.
    :raises ArizeValidationError: a prompt holds ``{% raw %}``, which would reach the model.
    """
    problems: list[str] = []

    def wrap(where: str, text: str) -> PromptText:
        if _RAW.search(text):
            problems.append(
                f"{where} holds {{% raw %}}: prompts are not rendered by Airflow, so {{{{question}}}} reaches Arize as "
                "it is. Take the {% raw %} and {% endraw %} away, or set render_prompts=True to have prompts rendered"
            )
        return PromptText(text)

    protected = _each_prompt(configuration, wrap)
    if problems:
        raise ArizeValidationError(problems)
    return protected


def plain(value: Any) -> Any:
    """A value with every wrapped text as text again."""
    if isinstance(value, PromptText):
        return value.text
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


def _each_prompt(configuration: Any, change: Callable[[str, str], Any]) -> Any:
    """A copy of a configuration, each of its prompt texts changed. Only ``str`` is a text."""
    if not isinstance(configuration, Mapping):
        return configuration
    changed = dict(configuration)
    messages = changed.get("messages")
    if isinstance(messages, Sequence) and not isinstance(messages, str):
        changed["messages"] = [
            {**message, "content": change(f"run_configuration.messages[{index}].content", message["content"])}
            if isinstance(message, Mapping) and isinstance(message.get("content"), str)
            else message
            for index, message in enumerate(messages)
        ]
    for key in ("template", "input_template"):
        if key in changed:
            changed[key] = _each_text(f"run_configuration.{key}", changed[key], change)
    return changed


def _each_text(where: str, value: Any, change: Callable[[str, str], Any]) -> Any:
    if isinstance(value, str):
        return change(where, value)
    if isinstance(value, Mapping):
        return {key: _each_text(f"{where}.{key}", entry, change) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_each_text(f"{where}[{index}]", entry, change) for index, entry in enumerate(value)]
    return value


def configuration_of(prompt: Prompt, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The run configuration that runs a prompt of the hub.

    :param prompt: the prompt with one of its versions.
    :param configuration: the rest: ``ai_integration_id``, and what shall be otherwise than the prompt says.
    :return: messages, format, model and parameters of the version, which is pinned.
    :raises ArizeConfigError: the server sent no version, or one without messages.
    """
    version = prompt.version
    if version is None or not version.messages:
        raise ArizeConfigError(f"prompt {prompt.name or prompt.id!r} has no version with messages to run")
    sent = version.to_dict()
    filled = {own: sent[name] for name, own in _OF_VERSION.items() if sent.get(name)}
    return {
        "experiment_type": "LLM_GENERATION",
        "input_variable_format": "F_STRING",
        **filled,
        "prompt_version_id": version.id,
        **{key: value for key, value in configuration.items() if value is not None},
    }
