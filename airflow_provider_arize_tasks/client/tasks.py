"""Tasks and their runs, by name or id: the calls of the vendor's ``client.tasks``, without Airflow."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.enums import UNSET, RunStatus, TaskType, Unset
from airflow_provider_arize_tasks.client.errors import (
    ArizeApiError,
    ArizeAuthenticationError,
    ArizeRateLimitError,
    ArizeServerError,
    ArizeValidationError,
)
from airflow_provider_arize_tasks.client.names import Resolver
from airflow_provider_arize_tasks.client.validation import (
    check_evaluation_task,
    check_experiment_task,
    check_list,
    check_run,
    check_update,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from airflow_provider_arize_tasks.client.arguments import HasToDict
    from airflow_provider_arize_tasks.client.endpoints import Reply
    from airflow_provider_arize_tasks.client.models import Page, Task, TaskRun

#: Entries of a page when the caller doesn't say, as in the SDK.
DEFAULT_LIMIT = 50

log = logging.getLogger(__name__)


class TasksNamespace:
    """The methods of the SDK's ``client.tasks`` under their own names; each is the method that it is assigned here.

    :param api: does the work.
    """

    def __init__(self, api: TasksApi) -> None:
        self.list = api.list_tasks
        self.get = api.get_task
        self.create_evaluation_task = api.create_evaluation_task
        self.create_run_experiment_task = api.create_run_experiment_task
        self.update = api.update_task
        self.delete = api.delete_task
        self.trigger_run = api.trigger_run
        self.list_runs = api.list_runs
        self.get_run = api.get_run
        self.cancel_run = api.cancel_run
        self.wait_for_run = api.wait_for_run


class TasksApi(Resolver):
    """Tasks and task runs.

    Arguments called ``task``, ``project``, ``dataset`` or ``space`` take a name or an id. A name needs a space to be
    looked up in: the argument, or the default space of the client's configuration.

    :param client: sends the requests; whoever made it closes it.
    """

    @property
    def tasks(self) -> TasksNamespace:
        """The methods below by their names in the vendor's SDK: ``tasks.list``, ``tasks.get`` and so on."""
        return TasksNamespace(self)

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
        given = self._checked(check_list, name=name, task_type=task_type, limit=limit, cursor=cursor)
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
        given = self._checked(check_list, name=name, task_type=task_type)
        return self._iterate(endpoints.list_tasks, **self._task_filters(given, project, dataset, space), **given)

    def _task_filters(
        self, given: dict[str, Any], project: str | None, dataset: str | None, space: str | None
    ) -> dict[str, Any]:
        return {
            "space_id": self.resolve_space(space) if space else None,
            "project_id": self.resolve_project(project, space) if project else None,
            "dataset_id": self.resolve_dataset(dataset, space) if dataset else None,
            "type": given.pop("task_type", None),
        }

    def get_task(self, task: str, space: str | None = None) -> Task:
        """One task.

        :param task: name or id.
        :param space: space to look a name up in.
        :raises ArizeNotFoundError: there is no such task, or the key may not read it.
        """
        return self.call(endpoints.get_task(self.resolve_task(task, space)))

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
        evaluators: Sequence[Mapping[str, Any] | HasToDict],
        project: str | None = None,
        dataset: str | None = None,
        space: str | None = None,
        experiment_ids: Sequence[str] | None = None,
        sampling_rate: float | None = None,
        is_continuous: bool | None = None,
        query_filter: str | None = None,
        query_filters: Mapping[str, Any] | HasToDict | None = None,
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
        given = self._checked(
            check_evaluation_task,
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
        return self.call(endpoints.create_task(self.body_of(given, space)))

    def create_run_experiment_task(
        self, *, name: str, dataset: str, run_configuration: Mapping[str, Any] | HasToDict, space: str | None = None
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
        given = self._checked(check_experiment_task, name=name, dataset=dataset, run_configuration=run_configuration)
        return self.call(endpoints.create_task(self.body_of({**given, "task_type": "RUN_EXPERIMENT"}, space)))

    def update_task(
        self,
        task: str,
        *,
        space: str | None = None,
        name: str | Unset = UNSET,
        run_configuration: Mapping[str, Any] | HasToDict | Unset = UNSET,
        sampling_rate: float | Unset = UNSET,
        is_continuous: bool | Unset = UNSET,
        query_filter: str | Unset | None = UNSET,
        query_filters: Mapping[str, Any] | HasToDict | Unset | None = UNSET,
        evaluators: Sequence[Mapping[str, Any] | HasToDict] | Unset = UNSET,
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
        if known_task is None:
            self._checked(check_update, **changes)  # what is wrong whatever the task is should cost no request
        current = known_task or self.get_task(task, space)
        given = self._checked(check_update, task=current, **changes)
        changed = self.call(endpoints.update_task(current.id, self.body_of(given, space)))
        if "name" in given:
            self._forget("task")
        return changed

    def delete_task(self, task: str, space: str | None = None) -> None:
        """Delete a task with its runs and evaluator settings, for good.

        :param task: name or id.
        :param space: space to look a name up in.
        :raises ArizeNotFoundError: there is no such task.
        """
        self.call(endpoints.delete_task(self.resolve_task(task, space)))
        self._forget("task")

    def _checked(self, check_request: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any]:
        """What ``client.validation`` makes of the arguments of a request."""
        check = Checker()
        given = check_request(check, **arguments)
        check.raise_if_any()
        for note in check.notes:
            log.warning("%s", note)
        return given

    def trigger_run(
        self,
        task: str,
        *,
        space: str | None = None,
        data_start_time: datetime | str | None = None,
        data_end_time: datetime | str | None = None,
        max_spans: int | None = None,
        override_evaluations: bool | None = None,
        experiment_ids: Sequence[str] | None = None,
        experiment_name: str | None = None,
        dataset_version_id: str | None = None,
        max_examples: int | None = None,
        example_ids: Sequence[str] | None = None,
        evaluation_task_ids: Sequence[str] | None = None,
        tracing_metadata: Mapping[str, str] | None = None,
        query_filter: str | None = None,
        known_task: Task | None = None,
    ) -> TaskRun:
        """Start a run and return it, PENDING. Every call that arrives starts a run: there is no key against doubles.

        :param task: name or id.
        :param space: space to look names up in.
        :param data_start_time: first moment of the window (inclusive); tasks of a project only. Give both ends: what
            the server does without is not documented. A time without an offset is sent as UTC, and logged.
        :param data_end_time: end of the window (exclusive), at most 30 days later.
        :param max_spans: most spans; default is the server's (10,000).
        :param override_evaluations: evaluate again what is labelled already; default is no.
        :param experiment_ids: experiments to evaluate (ids or names); tasks of a dataset only.
        :param experiment_name: name of the new experiment, unique in the dataset; required for experiment tasks, as are
            all that follow reserved to them.
        :param dataset_version_id: version of the dataset; default is the latest.
        :param max_examples: run this many examples, in the dataset's order.
        :param example_ids: run these examples (their ``id`` as it is); excludes ``max_examples``. Default is all.
        :param evaluation_task_ids: evaluation tasks to run afterwards (ids or names).
        :param tracing_metadata: text by text key; giving it switches tracing on.
        :param query_filter: run only examples that match.
        :param known_task: the task as just read, which saves the request that reads it.
        :raises ArizeValidationError: names every problem at once; nothing was started.
        :raises ArizeError: with ``outcome_unknown`` true, the run may have been started all the same.
        """
        arguments: dict[str, Any] = {
            "data_start_time": data_start_time,
            "data_end_time": data_end_time,
            "max_spans": max_spans,
            "override_evaluations": override_evaluations,
            "experiment_ids": experiment_ids,
            "experiment_name": experiment_name,
            "dataset_version_id": dataset_version_id,
            "max_examples": max_examples,
            "example_ids": example_ids,
            "evaluation_task_ids": evaluation_task_ids,
            "tracing_metadata": tracing_metadata,
            "query_filter": query_filter,
        }
        current = known_task or self.get_task(task, space)
        given = self._checked(check_run, task=current, **arguments)
        return self.call(endpoints.trigger_task_run(current.id, self.body_of(given, space, current.dataset_id)))

    def list_runs(
        self,
        task: str,
        *,
        space: str | None = None,
        status: RunStatus | str | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[TaskRun]:
        """One page of a task's runs, in no stated order. :meth:`list_all_runs` follows the pages.

        :param task: name or id.
        :param space: space to look a name up in.
        :param status: only runs with this status.
        :param limit: most entries, 1 to 100.
        :param cursor: ``next_cursor`` of the page before.
        """
        given = self._checked(check_list, status=status, limit=limit, cursor=cursor)
        return self.call(endpoints.list_task_runs(self.resolve_task(task, space), **given))

    def list_all_runs(
        self, task: str, status: RunStatus | str | None = None, space: str | None = None
    ) -> Iterator[TaskRun]:
        """All runs of a task, page after page; arguments as in :meth:`list_runs`."""
        given = self._checked(check_list, status=status)
        return self._iterate(endpoints.list_task_runs, self.resolve_task(task, space), **given)

    iter_runs = list_all_runs

    def get_run(self, run_id: str) -> TaskRun:
        """One run.

        :param run_id: id of the run.
        :raises ArizeNotFoundError: there is no such run.
        """
        return self.call(endpoints.get_task_run(run_id))

    def cancel_run(self, run_id: str) -> TaskRun:
        """Cancel a run that is PENDING or RUNNING. One that has ended already is returned as it is.

        :param run_id: id of the run.
        :raises ArizeApiError: the server refused, and the run is not at its end.
        """
        try:
            return self.call(endpoints.cancel_task_run(run_id))
        except (ArizeAuthenticationError, ArizeRateLimitError, ArizeServerError):
            raise
        except ArizeApiError as refused:
            # Assumes "cancel-of-ended-run-is-400", which a certificate asks about.
            # The wording of "it has ended already" is not contractual: the run itself tells.
            run = self.get_run(run_id)
            if not run.status.is_terminal:
                raise
            log.info("Run %s had ended already (%s): %s", run_id, run.status.value, refused)
            return run

    def wait_for_run(self, run_id: str, *, poll_interval: float = 5.0, timeout: float = 600.0) -> TaskRun:
        """Wait, in this process, until a run has ended. Its outcome is for the caller to judge.

        :param run_id: id of the run.
        :param poll_interval: seconds between two looks.
        :param timeout: seconds to wait at most.
        :return: the run, COMPLETED, FAILED or CANCELLED.
        :raises TimeoutError: the run has not ended in time; it goes on.
        :raises ArizeValidationError: an argument is not greater than zero.
        """
        pairs = (("poll_interval", poll_interval), ("timeout", timeout))
        problems = [f"{name} must be greater than zero, not {value!r}" for name, value in pairs if not value > 0]
        if problems:
            raise ArizeValidationError(problems)
        deadline = time.monotonic() + timeout
        seen: str | None = None
        while True:
            run = self.get_run(run_id)
            if run.status.is_terminal:
                return run
            if run.status_text != seen:
                unknown = " (not known to this release, waiting on)" if run.status is RunStatus.UNKNOWN else ""
                log.info("Run %s is %s%s", run_id, run.status_text, unknown)
                seen = run.status_text
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"run {run_id} is still {run.status_text} after {timeout:g} s; it goes on")
            time.sleep(min(poll_interval, left))
