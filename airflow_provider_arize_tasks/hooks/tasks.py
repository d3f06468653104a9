"""The part of the hook that lists, creates, changes and deletes tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client import bodies, endpoints
from airflow_provider_arize_tasks.client.models import UNSET, Task, TaskType, Unset
from airflow_provider_arize_tasks.client.paging import iterate
from airflow_provider_arize_tasks.client.validation import (
    check_evaluation_task,
    check_experiment_task,
    check_list,
    check_update,
)
from airflow_provider_arize_tasks.hooks.connected import ArizeConnected
from airflow_provider_arize_tasks.hooks.reading import ArizeReading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider_arize_tasks.client.endpoints import Reply
    from airflow_provider_arize_tasks.client.models import Page

#: Entries of a page when the caller doesn't say, as in the SDK.
DEFAULT_LIMIT = 50


class ArizeTasks(ArizeConnected, ArizeReading):
    """Part of :class:`~airflow_provider_arize_tasks.hooks.arize.ArizeHook`: tasks, by name or id."""

    def list_tasks(
        self,
        *,
        name: str | None = None,
        project: str | None = None,
        dataset: str | None = None,
        space: str | None = None,
        task_type: TaskType | str | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Task]:
        """One page of tasks. :meth:`iter_tasks` follows the pages.

        Unlike the SDK's, a space given by name is that space only, not every space whose name contains it.

        :param name: part of the name, in any case.
        :param project: only tasks of this project.
        :param dataset: only tasks of this dataset.
        :param space: only tasks of this space, and where ``project`` and ``dataset`` are looked up. Without it, tasks
            of every space the key can read.
        :param task_type: only tasks of this type.
        :param limit: most entries, 1 to 100.
        :param cursor: ``next_cursor`` of the page before.
        :return: the page; iterable, with ``.to_df()``.
        """
        given = check_list(name=name, task_type=task_type, limit=limit, cursor=cursor)
        return self.call(endpoints.list_tasks(**self._task_filters(given, project, dataset, space), **given))

    def iter_tasks(
        self,
        *,
        name: str | None = None,
        project: str | None = None,
        dataset: str | None = None,
        space: str | None = None,
        task_type: TaskType | str | None = None,
    ) -> Iterator[Task]:
        """All tasks, page after page; arguments as in :meth:`list_tasks`."""
        given = check_list(name=name, task_type=task_type)
        filters = self._task_filters(given, project, dataset, space)
        return iterate(self.call, lambda cursor: endpoints.list_tasks(cursor=cursor, **filters, **given))

    def _task_filters(
        self, given: dict[str, Any], project: str | None, dataset: str | None, space: str | None
    ) -> dict[str, Any]:
        return {
            "space_id": self.names.space(space) if space else None,
            "project_id": self.names.project(project, space) if project else None,
            "dataset_id": self.names.dataset(dataset, space) if dataset else None,
            "type": given.pop("task_type", None),
        }

    def get_task(self, task: str, space: str | None = None) -> Task:
        """One task.

        :param task: name or id.
        :param space: space to look a name up in.
        :raises ArizeNotFoundError: there is no such task, or the key may not read it.
        """
        return self.call(endpoints.get_task(self.names.task(task, space)))

    def get_task_with_server_time(self, task_id: str) -> Reply[Task]:
        """One task and the server's own clock, with one request.

        :param task_id: id of the task.
        """
        reply = self.client.send_full(endpoints.get_task(task_id))
        self._dialect.learn(reply.value)
        return reply

    def create_evaluation_task(
        self,
        *,
        name: str,
        task_type: TaskType | str,
        evaluators: Sequence[Mapping[str, Any]],
        project: str | None = None,
        dataset: str | None = None,
        space: str | None = None,
        experiment_ids: Sequence[str] | None = None,
        sampling_rate: float | None = None,
        is_continuous: bool | None = None,
        query_filter: str | None = None,
        query_filters: Mapping[str, Any] | None = None,
    ) -> Task:
        """Create an evaluation task. Never reuses one.

        :param name: name, unique in the space.
        :param task_type: ``TEMPLATE_EVALUATION`` or ``CODE_EVALUATION``.
        :param evaluators: at least one. For spans: ``evaluator_id`` (a name does too), ``evaluator_version_id``
            (default: always the latest), ``query_filter``, ``column_mappings``. For traces and sessions:
            ``evaluator_id``, ``evaluator_version_id``, ``query_mappings``. Other keys are an error.
        :param project: project whose spans are evaluated; this or ``dataset``.
        :param dataset: dataset whose experiments are evaluated.
        :param space: space to look names up in.
        :param experiment_ids: experiments of the dataset (ids or names).
        :param sampling_rate: share of spans, 0 to 1; project only.
        :param is_continuous: evaluate new spans as they arrive; project only.
        :param query_filter: which spans; excludes ``query_filters``.
        :param query_filters: ``filters`` (one to five of ``id`` A to E and ``filter``) and ``expression``.
        :raises ArizeValidationError: names every problem at once; nothing was sent.
        :raises ArizeConflictError: the name is taken.
        """
        given, notes = check_evaluation_task(
            name=name,
            task_type=task_type,
            evaluators=evaluators,
            project=project,
            dataset=dataset,
            experiment_ids=experiment_ids,
            sampling_rate=sampling_rate,
            is_continuous=is_continuous,
            query_filter=query_filter,
            query_filters=query_filters,
        )
        self._log_notes(notes)
        return self.call(endpoints.create_task(bodies.evaluation_task(given, self.names, space)))

    def create_run_experiment_task(
        self, *, name: str, dataset: str, run_configuration: Mapping[str, Any], space: str | None = None
    ) -> Task:
        """Create a task that runs experiments. Never reuses one.

        :param name: name, unique in the space.
        :param dataset: dataset whose examples are run.
        :param run_configuration: what to run; ``experiment_type`` (``LLM_GENERATION``, ``TEMPLATE_EVALUATION`` or
            ``AGENT_CALL``) says which keys it has. Unknown keys are an error.
        :param space: space to look names up in.
        :raises ArizeValidationError: names every problem at once; nothing was sent.
        :raises ArizeConflictError: the name is taken.
        """
        given, notes = check_experiment_task(name=name, dataset=dataset, run_configuration=run_configuration)
        self._log_notes(notes)
        return self.call(endpoints.create_task(bodies.experiment_task(given, self.names, space)))

    def update_task(
        self,
        task: str,
        *,
        space: str | None = None,
        name: str | Unset = UNSET,
        run_configuration: Mapping[str, Any] | Unset = UNSET,
        sampling_rate: float | Unset = UNSET,
        is_continuous: bool | Unset = UNSET,
        query_filter: str | Unset | None = UNSET,
        query_filters: Mapping[str, Any] | Unset | None = UNSET,
        evaluators: Sequence[Mapping[str, Any]] | Unset = UNSET,
        known_task: Task | None = None,
    ) -> Task:
        """Change what is given and leave the rest alone.

        :param task: name or id.
        :param space: space to look names up in.
        :param name: new name.
        :param run_configuration: replaces the whole configuration; experiment tasks only.
        :param sampling_rate: share of spans, 0 to 1; evaluation tasks of a project only, as all that follow.
        :param is_continuous: evaluate new spans as they arrive.
        :param query_filter: new filter; ``None`` clears it.
        :param query_filters: new filters; ``None`` clears them.
        :param evaluators: replaces the whole list, version pins included.
        :param known_task: the task as just read, which saves the request that reads it.
        :raises ArizeValidationError: names every problem at once; nothing was changed.
        """
        changes: dict[str, Any] = {
            "name": name,
            "run_configuration": run_configuration,
            "sampling_rate": sampling_rate,
            "is_continuous": is_continuous,
            "query_filter": query_filter,
            "query_filters": query_filters,
            "evaluators": evaluators,
        }
        check_update(**changes)  # what is wrong whatever the task is should cost no request
        current = known_task or self.get_task(task, space)
        given, notes = check_update(task=current, **changes)
        self._log_notes(notes)
        changed = self.call(endpoints.update_task(current.id, bodies.update(given, self.names, space)))
        if "name" in given:
            self.names.forget("task")
        return changed

    def delete_task(self, task: str, space: str | None = None) -> None:
        """Delete a task with its runs and evaluator settings, for good.

        :param task: name or id.
        :param space: space to look a name up in.
        :raises ArizeNotFoundError: there is no such task.
        """
        self.call(endpoints.delete_task(self.names.task(task, space)))
        self.names.forget("task")

    def _log_notes(self, notes: Sequence[str]) -> None:
        for note in notes:
            self.log.warning("%s", note)
