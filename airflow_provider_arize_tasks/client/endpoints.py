"""Every call of the Arize API that this provider makes, as data: one function per endpoint, no I/O. And its lists.

Arguments are ids, already resolved and checked; bodies are complete. Both transports send what these functions return,
and :func:`iterate` follows the pages of a list to their end, which there always is.
Wire format: https://arize.com/docs/ax/rest-reference.
"""

from __future__ import annotations

from collections import deque
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from airflow_provider_arize_tasks.client.calls import Call, Reply, path_of, query_of
from airflow_provider_arize_tasks.client.errors import ArizeReplyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

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

T = TypeVar("T")


@cache
def _object(model: str) -> Any:
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


def _words(resource: str) -> str:
    """One thing of a resource in words, for messages: ``task-runs`` is ``task run``."""
    return resource.removesuffix("s").replace("-", " ")


def _get(model: str, resource: str, item: str, **query: str | None) -> Call[Any]:
    """The call for one object, by its id."""
    what = f"get {_words(resource)} {item}"
    return Call(method="GET", path=path_of(resource, item), query=query_of(**query), read=_object(model), what=what)


def _list(key: str, model: str, *path: str, **query: str | int | None) -> Call[Page[Any]]:
    """The call for one page of a list.

    :param key: field of the reply that holds the items.
    :param model: name of the items' model.
    :param path: the resource; or resource, id, and what of it is listed.
    """
    what = f"{path[2]} of {_words(path[0])} {path[1]}" if len(path) > 1 else key.replace("_", " ")
    read = _page(key, model)
    return Call(method="GET", path=path_of(*path), query=query_of(**query), read=read, what=f"list {what}")


def list_tasks(
    *,
    space_id: str | None = None,
    name: str | None = None,
    project_id: str | None = None,
    dataset_id: str | None = None,
    type: str | None = None,  # noqa: A002  # the API's own name
    limit: int | None = MAX_LIMIT,
    cursor: str | None = None,
) -> Call[Page[Task]]:
    """One page of tasks; ``name`` matches any part of the name in any case."""
    scope = {"space_id": space_id, "name": name, "project_id": project_id, "dataset_id": dataset_id, "type": type}
    return _list("tasks", "Task", "tasks", **scope, limit=limit, cursor=cursor)


def get_task(task_id: str) -> Call[Task]:
    """One task."""
    return _get("Task", "tasks", task_id)


def create_task(body: Mapping[str, Any]) -> Call[Task]:
    """Create a task. Not repeatable."""
    what = f"create task {body.get('name')!r}"
    return Call(method="POST", path=path_of("tasks"), body=body, read=_object("Task"), what=what)


def update_task(task_id: str, body: Mapping[str, Any]) -> Call[Task]:
    """Change the given fields of a task."""
    what = f"update task {task_id}"
    return Call(method="PATCH", path=path_of("tasks", task_id), body=body, read=_object("Task"), what=what)


def delete_task(task_id: str) -> Call[None]:
    """Delete a task with its runs, for good."""
    what = f"delete task {task_id}"
    return Call(method="DELETE", path=path_of("tasks", task_id), read=_nothing, what=what)


def trigger_task_run(task_id: str, body: Mapping[str, Any] | None = None) -> Call[TaskRun]:
    """Start a run of a task. Not repeatable: every arrival starts a run."""
    path, what = path_of("tasks", task_id, "trigger"), f"trigger a run of task {task_id}"
    return Call(method="POST", path=path, body=body or {}, read=_object("TaskRun"), what=what)


def list_task_runs(
    task_id: str, status: str | None = None, limit: int | None = MAX_LIMIT, cursor: str | None = None
) -> Call[Page[TaskRun]]:
    """One page of a task's runs, in no stated order."""
    return _list("task_runs", "TaskRun", "tasks", task_id, "runs", status=status, limit=limit, cursor=cursor)


def get_task_run(run_id: str) -> Call[TaskRun]:
    """One task run."""
    return _get("TaskRun", "task-runs", run_id)


def cancel_task_run(run_id: str) -> Call[TaskRun]:
    """Cancel a run. A second one is refused by the server and changes nothing, so it may be repeated."""
    path, what = path_of("task-runs", run_id, "cancel"), f"cancel task run {run_id}"
    return Call(method="POST", path=path, read=_object("TaskRun"), what=what, repeatable=True)


def list_spaces(
    *, name: str | None = None, limit: int | None = MAX_LIMIT, cursor: str | None = None
) -> Call[Page[Space]]:
    """One page of the spaces the key can see."""
    return _list("spaces", "Space", "spaces", name=name, limit=limit, cursor=cursor)


def get_space(space_id: str) -> Call[Space]:
    """One space."""
    return _get("Space", "spaces", space_id)


class ListOfSpace(Protocol[T]):
    """The call for a page of one kind of things in a space, or without one, of all that the key can see."""

    def __call__(
        self,
        *,
        space_id: str | None = None,
        name: str | None = None,
        limit: int | None = MAX_LIMIT,
        cursor: str | None = None,
    ) -> Call[Page[T]]:
        """Make the call; ``name`` matches any part of the name in any case."""


def _list_of_space(resource: str, model: str) -> ListOfSpace[Any]:
    def listing(
        *,
        space_id: str | None = None,
        name: str | None = None,
        limit: int | None = MAX_LIMIT,
        cursor: str | None = None,
    ) -> Call[Page[Any]]:
        query = {"space_id": space_id, "name": name, "limit": limit, "cursor": cursor}
        return _list(resource.replace("-", "_"), model, resource, **query)

    return listing


list_projects: ListOfSpace[Project] = _list_of_space("projects", "Project")
#: Without their versions.
list_datasets: ListOfSpace[Dataset] = _list_of_space("datasets", "Dataset")
list_evaluators: ListOfSpace[Evaluator] = _list_of_space("evaluators", "Evaluator")
#: Of LLM providers.
list_ai_integrations: ListOfSpace[AiIntegration] = _list_of_space("ai-integrations", "AiIntegration")
#: Of the Prompt Hub, without their versions.
list_prompts: ListOfSpace[Prompt] = _list_of_space("prompts", "Prompt")


def list_integrations(
    *,
    space_id: str | None = None,
    name: str | None = None,
    type: str | None = None,  # noqa: A002  # the API's own name
    limit: int | None = MAX_LIMIT,
    cursor: str | None = None,
) -> Call[Page[AiIntegration]]:
    """One page of all integrations; those of agents have the type ``AGENT``."""
    query = {"space_id": space_id, "name": name, "type": type, "limit": limit, "cursor": cursor}
    return _list("integrations", "AiIntegration", "integrations", **query)


def get_dataset(dataset_id: str) -> Call[Dataset]:
    """One dataset with its versions, newest first."""
    return _get("Dataset", "datasets", dataset_id)


def list_dataset_examples(
    dataset_id: str,
    dataset_version_id: str | None = None,
    limit: int | None = MAX_ROW_LIMIT,
    cursor: str | None = None,
) -> Call[Page[Example]]:
    """One page of a dataset's examples. Servers before the API of SDK 8.36 send no cursor."""
    query = {"dataset_version_id": dataset_version_id, "limit": limit, "cursor": cursor}
    return _list("examples", "Example", "datasets", dataset_id, "examples", **query)


def list_experiments(
    *,
    dataset_id: str | None = None,
    space_id: str | None = None,
    name: str | None = None,
    limit: int | None = MAX_LIMIT,
    cursor: str | None = None,
) -> Call[Page[Experiment]]:
    """One page of the experiments of a dataset or (since the API of SDK 8.44) of a space, not both."""
    scope = {"dataset_id": dataset_id, "space_id": space_id, "name": name}
    return _list("experiments", "Experiment", "experiments", **scope, limit=limit, cursor=cursor)


def get_experiment(experiment_id: str) -> Call[Experiment]:
    """One experiment."""
    return _get("Experiment", "experiments", experiment_id)


def list_experiment_runs(
    experiment_id: str, limit: int | None = MAX_ROW_LIMIT, cursor: str | None = None
) -> Call[Page[ExperimentRun]]:
    """One page of an experiment's rows. Servers before the API of SDK 8.38 send no cursor."""
    return _list("experiment_runs", "ExperimentRun", "experiments", experiment_id, "runs", limit=limit, cursor=cursor)


def delete_experiment(experiment_id: str) -> Call[None]:
    """Delete an experiment with its rows, for good."""
    what = f"delete experiment {experiment_id}"
    return Call(method="DELETE", path=path_of("experiments", experiment_id), read=_nothing, what=what)


def get_evaluator(evaluator_id: str, version_id: str | None = None) -> Call[Evaluator]:
    """One evaluator with one of its versions, the latest unless told."""
    return _get("Evaluator", "evaluators", evaluator_id, version_id=version_id)


def list_evaluator_versions(
    evaluator_id: str, limit: int | None = MAX_LIMIT, cursor: str | None = None
) -> Call[Page[EvaluatorVersion]]:
    """One page of an evaluator's versions."""
    path = ("evaluators", evaluator_id, "versions")
    return _list("evaluator_versions", "EvaluatorVersion", *path, limit=limit, cursor=cursor)


def get_prompt(prompt_id: str, *, label: str | None = None, version_id: str | None = None) -> Call[Prompt]:
    """One prompt with one of its versions: what carries a label, a given one, or the latest."""
    return _get("Prompt", "prompts", prompt_id, label=label, version_id=version_id)


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


#: Most pages of one list: a million items, and more than anything that this provider lists has.
MAX_PAGES = 10_000
#: Most pages in a row that bring nothing new. A list that shifts while it is read may repeat a page or two, and a
#: filter may leave some empty.
MAX_FRUITLESS = 5
#: Of so many pages before it, a page's items are told to be new; all of them would be a lot to remember.
_REMEMBERED = 20
#: No server's cursor is longer; one that grows from page to page would fill memory and the URL.
_MAX_CURSOR = 8192


def iterate(
    fetch: Callable[[Call[Page[T]]], Page[T]],
    call: Callable[[str | None], Call[Page[T]]],
    *,
    max_pages: int = MAX_PAGES,
) -> Iterator[T]:
    """Every item of a list, page after page.

    :param fetch: sends a call and returns its page.
    :param call: builds the call for a cursor; ``None`` is the first page.
    :param max_pages: most pages that are read. Default 10,000.
    :raises ArizeReplyError: the server says there is more but not where, leads in a circle, brings nothing new page
        after page, or has more pages than that. A list cut short must not pass for a whole one: what is missing in it
        would be taken for not existing.
    """
    cursor: str | None = None
    progress = _Progress()
    for _ in range(max_pages):
        request = call(cursor)
        page = fetch(request)
        progress.see(request.what, page)
        yield from page.items
        cursor = page.next_cursor
        # Assumes "pages-hold-all-once", which a certificate asks about.
        if cursor is None:
            if page.has_more:
                raise ArizeReplyError(f"{request.what}: the server says there is more, but gives no cursor to it")
            return
    raise ArizeReplyError(f"{request.what}: the list has not ended after {max_pages} pages, so it is not read further")


class _Progress:
    """Whether a list gets anywhere."""

    def __init__(self) -> None:
        self._cursors: set[int] = set()
        self._pages: deque[frozenset[str]] = deque(maxlen=_REMEMBERED)
        self._fruitless = 0

    def see(self, what: str, page: Page[Any]) -> None:
        """Another page.

        :raises ArizeReplyError: the list goes nowhere.
        """
        ids = [_identity(item) for item in page.items]
        known = frozenset(identity for identity in ids if identity is not None)
        is_new = None in ids or not known <= frozenset().union(*self._pages)
        self._pages.append(known)
        self._fruitless = 0 if is_new else self._fruitless + 1
        if page.next_cursor is None:
            return
        if self._fruitless >= MAX_FRUITLESS:
            raise ArizeReplyError(f"{what}: {MAX_FRUITLESS} pages in a row brought nothing new; the list does not end")
        if len(page.next_cursor) > _MAX_CURSOR:
            raise ArizeReplyError(f"{what}: the server gave a cursor of {len(page.next_cursor)} characters")
        if hash(page.next_cursor) in self._cursors:
            raise ArizeReplyError(f"{what}: the server gave the same cursor twice")
        self._cursors.add(hash(page.next_cursor))


def _identity(item: object) -> str | None:
    """What tells an item from the others, if it has an id."""
    value = getattr(item, "id", None) or getattr(item, "span_id", None)
    return value if isinstance(value, str) else None
