"""Every call of the Arize API that this provider makes, as data: one function per endpoint, no I/O.

Arguments are ids, already resolved and checked; bodies are complete. Both transports send what these functions return.
Wire format: https://arize.com/docs/ax/rest-reference.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.calls import Call, Reply, path_of, query_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.client.models import (
        AiIntegration,
        Dataset,
        Evaluator,
        EvaluatorVersion,
        Example,
        Experiment,
        ExperimentRun,
        Page,
        Project,
        Prompt,
        Space,
        Span,
        Task,
        TaskRun,
    )

__all__ = ["Call", "Reply"]

#: Most items a list returns at once, and most of those that hold rows (examples, experiment runs).
MAX_LIMIT = 100
MAX_ROW_LIMIT = 500


def _one(model: str) -> Any:
    """A reader of one object.

    By name, since defining the models takes longer than all else here, and whoever only makes calls needs none.

    :param model: name of the model in ``client.models``.
    """

    def read(data: Any) -> Any:
        from airflow_provider_arize_tasks.client import models

        return getattr(models, model).read(data)

    return read


@cache
def _page(key: str, model: str) -> Any:
    """A reader of one page of a list.

    :param key: field that holds the items.
    :param model: name of the items' model in ``client.models``.
    """

    def read(data: Any) -> Any:
        from airflow_provider_arize_tasks.client import models

        return models.page_reader(key, getattr(models, model))(data)

    return read


def _nothing(_data: Any) -> None:
    """The reply of a request that has no body to read."""


def list_tasks(
    *,
    space_id: str | None = None,
    space_name: str | None = None,
    name: str | None = None,
    project_id: str | None = None,
    dataset_id: str | None = None,
    type: str | None = None,  # noqa: A002  # the API's own name
    limit: int | None = MAX_LIMIT,
    cursor: str | None = None,
) -> Call[Page[Task]]:
    """One page of tasks; ``name`` and ``space_name`` match any part of the name in any case."""
    return Call(
        method="GET",
        path=path_of("tasks"),
        query=query_of(
            space_id=space_id,
            space_name=space_name,
            name=name,
            project_id=project_id,
            dataset_id=dataset_id,
            type=type,
            limit=limit,
            cursor=cursor,
        ),
        read=_page("tasks", "Task"),
        what="list tasks",
    )


def get_task(task_id: str) -> Call[Task]:
    """One task."""
    return Call(method="GET", path=path_of("tasks", task_id), read=_one("Task"), what=f"get task {task_id}")


def create_task(body: Mapping[str, Any]) -> Call[Task]:
    """Create a task. Not repeatable."""
    what = f"create task {body.get('name')!r}"
    return Call(method="POST", path=path_of("tasks"), body=body, read=_one("Task"), what=what)


def update_task(task_id: str, body: Mapping[str, Any]) -> Call[Task]:
    """Change the given fields of a task."""
    what = f"update task {task_id}"
    return Call(method="PATCH", path=path_of("tasks", task_id), body=body, read=_one("Task"), what=what)


def delete_task(task_id: str) -> Call[None]:
    """Delete a task with its runs, for good."""
    what = f"delete task {task_id}"
    return Call(method="DELETE", path=path_of("tasks", task_id), read=_nothing, what=what)


def trigger_task_run(task_id: str, body: Mapping[str, Any] | None = None) -> Call[TaskRun]:
    """Start a run of a task. Not repeatable: every arrival starts a run."""
    return Call(
        method="POST",
        path=path_of("tasks", task_id, "trigger"),
        body=body or {},
        read=_one("TaskRun"),
        what=f"trigger a run of task {task_id}",
    )


def list_task_runs(
    task_id: str, status: str | None = None, limit: int | None = MAX_LIMIT, cursor: str | None = None
) -> Call[Page[TaskRun]]:
    """One page of a task's runs, in no stated order."""
    return Call(
        method="GET",
        path=path_of("tasks", task_id, "runs"),
        query=query_of(status=status, limit=limit, cursor=cursor),
        read=_page("task_runs", "TaskRun"),
        what=f"list runs of task {task_id}",
    )


def get_task_run(run_id: str) -> Call[TaskRun]:
    """One task run."""
    what = f"get task run {run_id}"
    return Call(method="GET", path=path_of("task-runs", run_id), read=_one("TaskRun"), what=what)


def cancel_task_run(run_id: str) -> Call[TaskRun]:
    """Cancel a run. A second one is refused by the server and changes nothing, so it may be repeated."""
    return Call(
        method="POST",
        path=path_of("task-runs", run_id, "cancel"),
        read=_one("TaskRun"),
        what=f"cancel task run {run_id}",
        repeatable=True,
    )


def list_spaces(
    *, org_id: str | None = None, name: str | None = None, limit: int | None = MAX_LIMIT, cursor: str | None = None
) -> Call[Page[Space]]:
    """One page of the spaces the key can see."""
    return Call(
        method="GET",
        path=path_of("spaces"),
        query=query_of(org_id=org_id, name=name, limit=limit, cursor=cursor),
        read=_page("spaces", "Space"),
        what="list spaces",
    )


def get_space(space_id: str) -> Call[Space]:
    """One space."""
    return Call(method="GET", path=path_of("spaces", space_id), read=_one("Space"), what=f"get space {space_id}")


def _list_of_space(resource: str, key: str, model: str, query: Mapping[str, str | int | None]) -> Call[Page[Any]]:
    return Call(
        method="GET",
        path=path_of(resource),
        query=query_of(**query),
        read=_page(key, model),
        what=f"list {key.replace('_', ' ')}",
    )


def list_projects(
    *,
    space_id: str | None = None,
    space_name: str | None = None,
    name: str | None = None,
    limit: int | None = MAX_LIMIT,
    cursor: str | None = None,
) -> Call[Page[Project]]:
    """One page of projects."""
    query = {"space_id": space_id, "space_name": space_name, "name": name, "limit": limit, "cursor": cursor}
    return _list_of_space("projects", "projects", "Project", query)


def list_datasets(
    *,
    space_id: str | None = None,
    space_name: str | None = None,
    name: str | None = None,
    limit: int | None = MAX_LIMIT,
    cursor: str | None = None,
) -> Call[Page[Dataset]]:
    """One page of datasets, without their versions."""
    query = {"space_id": space_id, "space_name": space_name, "name": name, "limit": limit, "cursor": cursor}
    return _list_of_space("datasets", "datasets", "Dataset", query)


def get_dataset(dataset_id: str) -> Call[Dataset]:
    """One dataset with its versions, newest first."""
    what = f"get dataset {dataset_id}"
    return Call(method="GET", path=path_of("datasets", dataset_id), read=_one("Dataset"), what=what)


def list_dataset_examples(
    dataset_id: str,
    dataset_version_id: str | None = None,
    limit: int | None = MAX_ROW_LIMIT,
    cursor: str | None = None,
) -> Call[Page[Example]]:
    """One page of a dataset's examples. Servers before the API of SDK 8.36 send no cursor."""
    return Call(
        method="GET",
        path=path_of("datasets", dataset_id, "examples"),
        query=query_of(dataset_version_id=dataset_version_id, limit=limit, cursor=cursor),
        read=_page("examples", "Example"),
        what=f"list examples of dataset {dataset_id}",
    )


def list_experiments(
    *,
    dataset_id: str | None = None,
    space_id: str | None = None,
    name: str | None = None,
    limit: int | None = MAX_LIMIT,
    cursor: str | None = None,
) -> Call[Page[Experiment]]:
    """One page of the experiments of a dataset or (since the API of SDK 8.44) of a space, not both."""
    query = {"dataset_id": dataset_id, "space_id": space_id, "name": name, "limit": limit, "cursor": cursor}
    return _list_of_space("experiments", "experiments", "Experiment", query)


def get_experiment(experiment_id: str) -> Call[Experiment]:
    """One experiment."""
    what = f"get experiment {experiment_id}"
    return Call(method="GET", path=path_of("experiments", experiment_id), read=_one("Experiment"), what=what)


def list_experiment_runs(
    experiment_id: str, limit: int | None = MAX_ROW_LIMIT, cursor: str | None = None
) -> Call[Page[ExperimentRun]]:
    """One page of an experiment's rows. Servers before the API of SDK 8.38 send no cursor."""
    return Call(
        method="GET",
        path=path_of("experiments", experiment_id, "runs"),
        query=query_of(limit=limit, cursor=cursor),
        read=_page("experiment_runs", "ExperimentRun"),
        what=f"list runs of experiment {experiment_id}",
    )


def list_evaluators(
    *,
    space_id: str | None = None,
    space_name: str | None = None,
    name: str | None = None,
    limit: int | None = MAX_LIMIT,
    cursor: str | None = None,
) -> Call[Page[Evaluator]]:
    """One page of evaluators."""
    query = {"space_id": space_id, "space_name": space_name, "name": name, "limit": limit, "cursor": cursor}
    return _list_of_space("evaluators", "evaluators", "Evaluator", query)


def get_evaluator(evaluator_id: str, version_id: str | None = None) -> Call[Evaluator]:
    """One evaluator with one of its versions, the latest unless told."""
    return Call(
        method="GET",
        path=path_of("evaluators", evaluator_id),
        query=query_of(version_id=version_id),
        read=_one("Evaluator"),
        what=f"get evaluator {evaluator_id}",
    )


def list_evaluator_versions(
    evaluator_id: str, limit: int | None = MAX_LIMIT, cursor: str | None = None
) -> Call[Page[EvaluatorVersion]]:
    """One page of an evaluator's versions."""
    return Call(
        method="GET",
        path=path_of("evaluators", evaluator_id, "versions"),
        query=query_of(limit=limit, cursor=cursor),
        read=_page("evaluator_versions", "EvaluatorVersion"),
        what=f"list versions of evaluator {evaluator_id}",
    )


def list_ai_integrations(
    *,
    space_id: str | None = None,
    space_name: str | None = None,
    name: str | None = None,
    limit: int | None = MAX_LIMIT,
    cursor: str | None = None,
) -> Call[Page[AiIntegration]]:
    """One page of the integrations of LLM providers."""
    query = {"space_id": space_id, "space_name": space_name, "name": name, "limit": limit, "cursor": cursor}
    return _list_of_space("ai-integrations", "ai_integrations", "AiIntegration", query)


def list_integrations(
    *,
    space_id: str | None = None,
    space_name: str | None = None,
    name: str | None = None,
    type: str | None = None,  # noqa: A002  # the API's own name
    limit: int | None = MAX_LIMIT,
    cursor: str | None = None,
) -> Call[Page[AiIntegration]]:
    """One page of all integrations; those of agents have the type ``AGENT``."""
    query = {
        "space_id": space_id,
        "space_name": space_name,
        "name": name,
        "type": type,
        "limit": limit,
        "cursor": cursor,
    }
    return _list_of_space("integrations", "integrations", "AiIntegration", query)


def list_spans(
    body: Mapping[str, Any], limit: int | None = MAX_ROW_LIMIT, cursor: str | None = None
) -> Call[Page[Span]]:
    """One page of a project's spans, newest first.

    :param body: ``project_id``, ``start_time`` and ``end_time`` (both inclusive), ``filter``, columns.
    :param limit: at most 500.
    :param cursor: belongs to the body; ``None`` is the first page.
    """
    return Call(
        method="POST",
        path=path_of("spans"),
        query=query_of(limit=limit, cursor=cursor),
        body=body,
        read=_page("spans", "Span"),
        what=f"list spans of project {body.get('project_id')}",
        is_search=True,
    )


def list_prompts(
    *,
    space_id: str | None = None,
    space_name: str | None = None,
    name: str | None = None,
    limit: int | None = MAX_LIMIT,
    cursor: str | None = None,
) -> Call[Page[Prompt]]:
    """One page of the prompts of the Prompt Hub, without their versions."""
    query = {"space_id": space_id, "space_name": space_name, "name": name, "limit": limit, "cursor": cursor}
    return _list_of_space("prompts", "prompts", "Prompt", query)


def get_prompt(prompt_id: str, *, label: str | None = None, version_id: str | None = None) -> Call[Prompt]:
    """One prompt with one of its versions: what carries a label, a given one, or the latest."""
    return Call(
        method="GET",
        path=path_of("prompts", prompt_id),
        query=query_of(label=label, version_id=version_id),
        read=_one("Prompt"),
        what=f"get prompt {prompt_id}",
    )


def delete_experiment(experiment_id: str) -> Call[None]:
    """Delete an experiment with its rows, for good."""
    what = f"delete experiment {experiment_id}"
    return Call(method="DELETE", path=path_of("experiments", experiment_id), read=_nothing, what=what)
