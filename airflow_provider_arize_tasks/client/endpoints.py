"""Every call of the Arize API that this provider makes, as data: one function per endpoint, no I/O.

Arguments are ids, already resolved and checked; bodies are complete. Both transports send what these functions return.
Wire format: https://arize.com/docs/ax/rest-reference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

from airflow_provider_arize_tasks.client import readers
from airflow_provider_arize_tasks.client.dialect import has_enums, spell_body, spell_query
from airflow_provider_arize_tasks.client.errors import ArizeConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from airflow_provider_arize_tasks.client.config import EnumCase
    from airflow_provider_arize_tasks.client.models import (
        AiIntegration,
        Dataset,
        Evaluator,
        Example,
        Experiment,
        ExperimentRun,
        Named,
        Page,
        Project,
        Space,
        Task,
        TaskRun,
    )

T = TypeVar("T")

#: Most items a list returns at once, and most of those that hold rows (examples, experiment runs).
MAX_LIMIT = 100
MAX_ROW_LIMIT = 500


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """One request, ready to be sent, and how to read its reply.

    :param method: HTTP method.
    :param path: path from ``/v2`` on, ids percent-encoded.
    :param query: query parameters in order.
    :param body: JSON body; ``None`` sends none.
    :param read: turns parsed JSON into the reply; raises ``ArizeReplyError`` only.
    :param what: the request in words, for messages.
    :param repeatable: sending it twice does what sending it once does, although it is a POST.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    read: Callable[[Any], T]
    what: str
    repeatable: bool = False

    @property
    def idempotent(self) -> bool:
        """Whether the request may be sent again after a failure that leaves its fate open."""
        return self.method != "POST" or self.repeatable

    @property
    def changes(self) -> bool:
        """Whether the request changes something on the server."""
        return self.method != "GET"

    @property
    def has_enums(self) -> bool:
        """Whether the request sends enums, so that their spelling matters."""
        return has_enums(self.query, self.body)

    def spelled(self, case: EnumCase) -> Call[T]:
        """The same request with its enums in the given case."""
        body = None if self.body is None else spell_body(self.body, case)
        return replace(self, query=spell_query(self.query, case), body=body)


@dataclass(frozen=True, kw_only=True)
class Reply(Generic[T]):
    """A reply with what its headers told.

    :param value: the reply as a typed object.
    :param server_time: the server's own clock (``Date`` header), UTC, whole seconds.
    :param request_id: the server's id of the request.
    """

    value: T
    server_time: datetime | None = None
    request_id: str | None = None


def path_of(*parts: str) -> str:
    """A path below ``/v2``; every part is percent-encoded with nothing left as it is, so that no id escapes its place.

    :raises ArizeConfigError: a part is empty or of dots only, which URL parsers would resolve to another path.
    """
    for part in parts:
        if part.strip() in ("", ".", ".."):
            raise ArizeConfigError(f"{part!r} is no id")
    return "/v2/" + "/".join(quote(part, safe="") for part in parts)


def query_of(**values: str | int | bool | None) -> tuple[tuple[str, str], ...]:
    """Query parameters; what is ``None`` is left out, truth values are lower-case."""
    return tuple(
        (key, str(value).lower() if isinstance(value, bool) else str(value))
        for key, value in values.items()
        if value is not None
    )


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
        read=readers.read_page("tasks", readers.read_task),
        what="list tasks",
    )


def get_task(task_id: str) -> Call[Task]:
    """One task."""
    return Call(method="GET", path=path_of("tasks", task_id), read=readers.read_task, what=f"get task {task_id}")


def create_task(body: Mapping[str, Any]) -> Call[Task]:
    """Create a task. Not repeatable."""
    what = f"create task {body.get('name')!r}"
    return Call(method="POST", path=path_of("tasks"), body=body, read=readers.read_task, what=what)


def update_task(task_id: str, body: Mapping[str, Any]) -> Call[Task]:
    """Change the given fields of a task."""
    what = f"update task {task_id}"
    return Call(method="PATCH", path=path_of("tasks", task_id), body=body, read=readers.read_task, what=what)


def delete_task(task_id: str) -> Call[None]:
    """Delete a task with its runs, for good."""
    what = f"delete task {task_id}"
    return Call(method="DELETE", path=path_of("tasks", task_id), read=readers.read_nothing, what=what)


def trigger_task_run(task_id: str, body: Mapping[str, Any] | None = None) -> Call[TaskRun]:
    """Start a run of a task. Not repeatable: every arrival starts a run."""
    return Call(
        method="POST",
        path=path_of("tasks", task_id, "trigger"),
        body=body or {},
        read=readers.read_task_run,
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
        read=readers.read_page("task_runs", readers.read_task_run),
        what=f"list runs of task {task_id}",
    )


def get_task_run(run_id: str) -> Call[TaskRun]:
    """One task run."""
    what = f"get task run {run_id}"
    return Call(method="GET", path=path_of("task-runs", run_id), read=readers.read_task_run, what=what)


def cancel_task_run(run_id: str) -> Call[TaskRun]:
    """Cancel a run. A second one is refused by the server and changes nothing, so it may be repeated."""
    return Call(
        method="POST",
        path=path_of("task-runs", run_id, "cancel"),
        read=readers.read_task_run,
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
        read=readers.read_page("spaces", readers.read_space),
        what="list spaces",
    )


def get_space(space_id: str) -> Call[Space]:
    """One space."""
    return Call(method="GET", path=path_of("spaces", space_id), read=readers.read_space, what=f"get space {space_id}")


def _list_of_space(
    resource: str, key: str, read_item: Callable[[Any], T], query: Mapping[str, str | int | None]
) -> Call[Page[T]]:
    return Call(
        method="GET",
        path=path_of(resource),
        query=query_of(**query),
        read=readers.read_page(key, read_item),
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
    return _list_of_space("projects", "projects", readers.read_project, query)


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
    return _list_of_space("datasets", "datasets", readers.read_dataset, query)


def get_dataset(dataset_id: str) -> Call[Dataset]:
    """One dataset with its versions, newest first."""
    what = f"get dataset {dataset_id}"
    return Call(method="GET", path=path_of("datasets", dataset_id), read=readers.read_dataset, what=what)


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
        read=readers.read_page("examples", readers.read_example),
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
    return _list_of_space("experiments", "experiments", readers.read_experiment, query)


def get_experiment(experiment_id: str) -> Call[Experiment]:
    """One experiment."""
    what = f"get experiment {experiment_id}"
    return Call(method="GET", path=path_of("experiments", experiment_id), read=readers.read_experiment, what=what)


def list_experiment_runs(
    experiment_id: str, limit: int | None = MAX_ROW_LIMIT, cursor: str | None = None
) -> Call[Page[ExperimentRun]]:
    """One page of an experiment's rows. Servers before the API of SDK 8.38 send no cursor."""
    return Call(
        method="GET",
        path=path_of("experiments", experiment_id, "runs"),
        query=query_of(limit=limit, cursor=cursor),
        read=readers.read_page("experiment_runs", readers.read_experiment_run),
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
    return _list_of_space("evaluators", "evaluators", readers.read_evaluator, query)


def get_evaluator(evaluator_id: str, version_id: str | None = None) -> Call[Evaluator]:
    """One evaluator with one of its versions, the latest unless told."""
    return Call(
        method="GET",
        path=path_of("evaluators", evaluator_id),
        query=query_of(version_id=version_id),
        read=readers.read_evaluator,
        what=f"get evaluator {evaluator_id}",
    )


def list_evaluator_versions(
    evaluator_id: str, limit: int | None = MAX_LIMIT, cursor: str | None = None
) -> Call[Page[Named]]:
    """One page of an evaluator's versions."""
    return Call(
        method="GET",
        path=path_of("evaluators", evaluator_id, "versions"),
        query=query_of(limit=limit, cursor=cursor),
        read=readers.read_page("evaluator_versions", readers.read_version),
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
    return _list_of_space("ai-integrations", "ai_integrations", readers.read_integration, query)


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
    return _list_of_space("integrations", "integrations", readers.read_integration, query)
