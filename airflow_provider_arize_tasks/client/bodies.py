"""Request bodies from arguments that were checked: names become ids, times become text."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.client.models import Task
    from airflow_provider_arize_tasks.client.names import Resolver


def evaluation_task(given: Mapping[str, Any], names: Resolver, space: str | None) -> dict[str, Any]:
    """Body that creates an evaluation task.

    :param given: checked arguments.
    :param names: finds ids.
    :param space: space to look names up in.
    """
    body = dict(given)
    body["type"] = body.pop("task_type")
    body["evaluators"] = _evaluators(body["evaluators"], names, space)
    if "project" in body:
        body["project_id"] = names.project(body.pop("project"), space)
    if "dataset" in body:
        body["dataset_id"] = names.dataset(body.pop("dataset"), space)
    if "experiment_ids" in body:
        dataset_id = body.get("dataset_id")
        body["experiment_ids"] = [names.experiment(text, dataset_id, space) for text in body["experiment_ids"]]
    return body


def experiment_task(given: Mapping[str, Any], names: Resolver, space: str | None) -> dict[str, Any]:
    """Body that creates a run-experiment task."""
    return {
        "name": given["name"],
        "type": "RUN_EXPERIMENT",
        "dataset_id": names.dataset(given["dataset"], space),
        "run_configuration": _configuration(given["run_configuration"], names, space),
    }


def update(given: Mapping[str, Any], names: Resolver, space: str | None) -> dict[str, Any]:
    """Body that changes a task; ``None`` clears."""
    body = dict(given)
    if "evaluators" in body:
        body["evaluators"] = _evaluators(body["evaluators"], names, space)
    if "run_configuration" in body:
        body["run_configuration"] = _configuration(body["run_configuration"], names, space)
    return body


def run(given: Mapping[str, Any], names: Resolver, task: Task, space: str | None) -> dict[str, Any]:
    """Body that triggers a run of a task."""
    body = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in given.items()}
    if "experiment_ids" in body:
        body["experiment_ids"] = [names.experiment(text, task.dataset_id, space) for text in body["experiment_ids"]]
    if "evaluation_task_ids" in body:
        body["evaluation_task_ids"] = [names.task(text, space) for text in body["evaluation_task_ids"]]
    return body


def _configuration(configuration: Mapping[str, Any], names: Resolver, space: str | None) -> dict[str, Any]:
    """A run configuration with the id of its integration."""
    body = dict(configuration)
    if "ai_integration_id" in body:
        body["ai_integration_id"] = names.ai_integration(body["ai_integration_id"], space)
    if "integration_id" in body:
        body["integration_id"] = names.agent_integration(body["integration_id"], space)
    return body


def _evaluators(evaluators: list[Mapping[str, Any]], names: Resolver, space: str | None) -> list[dict[str, Any]]:
    return [{**item, "evaluator_id": names.evaluator(item["evaluator_id"], space)} for item in evaluators]
