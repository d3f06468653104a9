"""The hook: everything of Arize's tasks API, with the names, arguments and defaults of the vendor's Python SDK."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client import bodies, endpoints
from airflow_provider_arize_tasks.client.errors import (
    ArizeApiError,
    ArizeAuthenticationError,
    ArizeRateLimitError,
    ArizeServerError,
    ArizeValidationError,
)
from airflow_provider_arize_tasks.client.models import UNSET, RunStatus, Task, TaskRun
from airflow_provider_arize_tasks.client.paging import iterate
from airflow_provider_arize_tasks.client.validation import (
    check_list,
    check_run,
)
from airflow_provider_arize_tasks.hooks.tasks import DEFAULT_LIMIT, ArizeTasks
from airflow_provider_arize_tasks.hooks.windows import ArizeWindows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from airflow_provider_arize_tasks.client.models import Page

__all__ = ["UNSET", "ArizeHook"]


class ArizeHook(ArizeTasks, ArizeWindows):
    """Talks to Arize AX through an Airflow connection of type ``arize``.

    Arguments called ``task``, ``project``, ``dataset``, ``space``, ``experiment`` or ``evaluator`` take a name or an
    id. A name needs a space to be looked up in: the argument, or the connection's extra ``space``.

    Methods raise the errors of ``client.errors``: :class:`ArizeValidationError` before anything is sent,
    :class:`ArizeNameError` for names, :class:`ArizeApiError` and its subclasses for what the server refuses,
    :class:`ArizeTransportError` and :class:`ArizeReplyError` where no usable answer came back.

    A context manager; otherwise call :meth:`close` when done. Not for several threads at once.

    :param arize_conn_id: id of the connection.
    """

    # Airflow before 3.2 looks for these two in the class itself and not in its bases.
    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Fields of the connection form on Airflow before 3.2."""
        from airflow_provider_arize_tasks.hooks.connection_form import connection_form_widgets

        return connection_form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Look of the connection form on Airflow before 3.2."""
        from airflow_provider_arize_tasks.hooks.connection_form import ui_field_behaviour

        return ui_field_behaviour()

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
        given, notes = check_run(task=current, **arguments)
        self._log_notes(notes)
        body = bodies.run(given, self.names, current, space)
        return self.call(endpoints.trigger_task_run(current.id, body))

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
        given = check_list(status=status, limit=limit, cursor=cursor)
        return self.call(endpoints.list_task_runs(self.names.task(task, space), **given))

    def list_all_runs(
        self, task: str, status: RunStatus | str | None = None, space: str | None = None
    ) -> Iterator[TaskRun]:
        """All runs of a task, page after page; arguments as in :meth:`list_runs`."""
        given = check_list(status=status)
        task_id = self.names.task(task, space)
        return iterate(self.call, lambda cursor: endpoints.list_task_runs(task_id, cursor=cursor, **given))

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
            # The wording of "it has ended already" is not contractual: the run itself tells.
            run = self.get_run(run_id)
            if not run.status.is_terminal:
                raise
            self.log.info("Run %s had ended already (%s): %s", run_id, run.status.value, refused)
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
                self.log.info("Run %s is %s%s", run_id, run.status_text, unknown)
                seen = run.status_text
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"run {run_id} is still {run.status_text} after {timeout:g} s; it goes on")
            time.sleep(min(poll_interval, left))
