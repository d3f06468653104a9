"""What else may have changed beside quality: the judges' versions, and the prompt, model and parameters of the app."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.client.fields import parse_time
from airflow_provider_arize_tasks.client.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from airflow_provider_arize_tasks.client.api import ArizeApi
    from airflow_provider_arize_tasks.client.models import Task
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows

#: What of a run configuration is the prompt.
_PROMPT = ("prompt_version_id", "messages", "input_variable_format", "template")


@dataclass(frozen=True, kw_only=True)
class JudgeVersions:
    """The versions of one evaluator.

    :param since: id and beginning of each version, oldest first.
    :param pinned: the version that the dataset's evaluation tasks pin, if all of them pin one.
    :param labels: labels that the evaluator may give, as far as it says.
    """

    since: tuple[tuple[datetime, str], ...] = ()
    pinned: str | None = None
    labels: frozenset[str] = frozenset()

    def at(self, moment: datetime | None) -> str | None:
        """The version in force at some time, as far as it is known."""
        if self.pinned is not None or moment is None:
            return self.pinned
        found = [version for begun, version in self.since if begun <= moment]
        if found:
            return found[-1]
        return f"before {self.since[0][1]}" if self.since else None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is known beside the rows.

    :param judges: versions by evaluator.
    :param setup: prompt, model and parameters of the candidate, in words; ``None`` where they are not known.
    :param setup_since: since when they have been so; ``None`` where that is not known.
    :param recorded: setups of earlier experiments, by experiment id, as far as they are on record.
    """

    judges: Mapping[str, JudgeVersions] = field(default_factory=dict)
    setup: str | None = None
    setup_since: datetime | None = None
    recorded: Mapping[str, str] = field(default_factory=dict)

    def labels(self) -> dict[str, frozenset[str]]:
        """By evaluator, labels that it may give."""
        return {name: versions.labels for name, versions in self.judges.items()}

    def on(self, experiment: ExperimentRows) -> ExperimentRows:
        """The same experiment, with what is known of its judges and its setup."""
        moment = parse_time(experiment.created_at or "")
        judges = {name: version for name, each in self.judges.items() if (version := each.at(moment)) is not None}
        return replace(experiment, judges=judges, setup=self._setup_of(experiment.id, moment))

    def _setup_of(self, experiment_id: str, moment: datetime | None) -> str | None:
        if self.setup is None:
            return None
        known = self.recorded.get(experiment_id)
        if known is not None:
            return known
        is_older = self.setup_since is not None and moment is not None and moment < self.setup_since
        return None if is_older else self.setup


class SurroundingsReader:
    """Reads what is known beside the rows; what can't be read is not known, and fails nothing.

    :param api: the API.
    :param space: space of evaluators and tasks.
    :param log: where to say what could not be read.
    """

    def __init__(self, api: ArizeApi, space: str | None, log: Any) -> None:
        self._api = api
        self._space = space
        self._log = log

    def read(
        self, evaluators: Iterable[str], task_id: str | None, dataset_id: str | None, recorded: Mapping[str, str]
    ) -> Surroundings:
        """Everything.

        :param evaluators: names of the evaluators, as experiments' rows have them.
        :param task_id: the RUN_EXPERIMENT task.
        :param dataset_id: its dataset.
        :param recorded: setups on record, by experiment id.
        """
        tasks = self._evaluation_tasks(dataset_id)
        judges = {name: found for name in sorted(set(evaluators)) if (found := self._versions(name, tasks)) is not None}
        setup, since = self._setup(task_id)
        return Surroundings(judges=judges, setup=setup, setup_since=since, recorded=recorded)

    def _evaluation_tasks(self, dataset_id: str | None) -> list[Task]:
        if dataset_id is None:
            return []
        try:
            return list(self._api.iter_tasks(dataset=dataset_id, space=self._space))
        except ArizeError as error:
            self._log.info("Which versions of evaluators are pinned is not known: %s", error)
            return []

    def _versions(self, name: str, tasks: Sequence[Task]) -> JudgeVersions | None:
        try:
            evaluator_id = self._api.resolve_evaluator(name, self._space)
            versions = list(self._api.iter_evaluator_versions(evaluator_id))
        except ArizeError as error:
            self._log.info("Versions of evaluator %s are not known: %s", printable(name, 120), error)
            return None
        pins = {
            one.evaluator_version_id for task in tasks for one in task.evaluators if one.evaluator_id == evaluator_id
        }
        pinned = pins.pop() if len(pins) == 1 else None
        since = sorted((version.created_at, version.id) for version in versions if version.created_at is not None)
        labels = frozenset(label for version in versions for label in _choices(version.raw))
        return JudgeVersions(since=tuple(since), pinned=pinned, labels=labels)

    def _setup(self, task_id: str | None) -> tuple[str | None, datetime | None]:
        if task_id is None:
            return None, None
        try:
            task = self._api.get_task(task_id)
        except ArizeError as error:
            self._log.info("Prompt and model of task %s are not known: %s", task_id, error)
            return None, None
        if not task.run_configuration:
            return None, None
        return describe_setup(task.run_configuration), task.updated_at


def describe_setup(configuration: Mapping[str, Any]) -> str:
    """Prompt, model and parameters in words, different for any two that differ; a text is told by a digest of it.

    :param configuration: the ``run_configuration`` of a task.
    """
    rest = {name: value for name, value in configuration.items() if value is not None}
    parts = []
    if model := rest.pop("model_name", None):
        parts.append(f"model {printable(model, 80)}")
    prompt = {name: rest.pop(name) for name in _PROMPT if name in rest}
    if version := prompt.pop("prompt_version_id", None):
        parts.append(f"prompt version {printable(version, 80)}")
    if prompt:
        parts.append(f"prompt {_digest(prompt)}")
    given = rest.pop("invocation_parameters", None)
    parameters = given if isinstance(given, dict) else {"parameters": given}
    for name, value in sorted(parameters.items()):
        if value is not None:
            told = printable(value, 40) if isinstance(value, (str, int, float)) else _digest(value)
            parts.append(f"{printable(name, 40)} {told}")
    return ", ".join([*parts, f"all else {_digest(rest)}"])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def _choices(version: Mapping[str, Any]) -> Iterable[str]:
    config = version.get("template_config")
    choices = config.get("classification_choices") if isinstance(config, dict) else None
    return [str(label) for label in choices] if isinstance(choices, dict) else []
