"""Works out the addresses of the Arize UI for a task instance, and pushes them before anything is waited for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.links import urls
from airflow_provider_arize_tasks.links.arize import ArizeExperimentLink, ArizeTaskLink, ArizeTaskRunLink, push_link

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.client.models import Task, TaskRun
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.runs.requests import RunRequest

log = logging.getLogger(__name__)


class Linker:
    """Pushes links of one attempt.

    :param hook: the connection; its extras ``app_url``, ``organization`` and ``space`` say where the UI is.
    :param context: what Airflow gave to ``execute``; a ``space`` of the operator's own goes before the connection's.
    """

    def __init__(self, hook: ArizeHook, context: Context) -> None:
        self._hook = hook
        self._context = context
        #: Organization and space; ``None`` until they are looked up, or known from the part of the task before a wait.
        self.scope: tuple[str | None, str | None] | None = None

    def prepare(self) -> tuple[str | None, str | None]:
        """Organization and space: from the connection, else asked for once, else none (links to the start page).

        A space's name is looked up for the task's name anyway, and that answer tells the organization as well. Only an
        id without the extra ``organization`` takes a request of its own.

        Called before a run is triggered, so that nothing stands between the trigger and the wait.
        """
        if self.scope is None:
            self.scope = (None, None)
            config = self._hook.config
            space = getattr(self._context.get("task"), "space", None) or config.space
            if space:
                try:
                    self.scope = self._ask(space, config.organization)
                except ArizeError as error:
                    log.debug("Links lead to the start page only: %s", error)
        return self.scope

    def _ask(self, space: str, organization: str | None) -> tuple[str | None, str | None]:
        found = self._hook.names.space_of_name(space)
        if found is None and not organization:
            found = self._hook.get_space(space)
        if found is None:
            return organization, space
        return organization or found.organization_id, found.id

    def push_task(self, task: Task) -> None:
        """The link of a task."""
        organization_id, space_id = self.prepare()
        url = urls.task_url(
            app_url=self._hook.config.app_url,
            organization_id=organization_id,
            space_id=space_id,
            project_id=task.project_id,
            dataset_id=task.dataset_id,
        )
        push_link(self._context, ArizeTaskLink, url)

    def push_runs(self, request: RunRequest, *runs: TaskRun) -> None:
        """The links of runs, of their task, and of their experiment where it is one.

        A button leads to one page: all runs are to be found on it. Of several windows it shows the whole stretch, of
        several experiments the list they stand in.

        :param request: what the runs are for, over the window that all of them have a part of.
        :param runs: one or several of one task.
        """
        organization_id, space_id = self.prepare()
        app_url = self._hook.config.app_url
        experiments = {run.experiment_id for run in runs if run.experiment_id} or set(request.experiment_ids)
        experiment_id = experiments.pop() if len(experiments) == 1 else None
        task_url = urls.task_url(
            app_url=app_url,
            organization_id=organization_id,
            space_id=space_id,
            project_id=request.project_id,
            dataset_id=request.dataset_id,
            window=request.window,
        )
        run_url = urls.run_url(
            app_url=app_url,
            organization_id=organization_id,
            space_id=space_id,
            project_id=request.project_id,
            dataset_id=request.dataset_id,
            window=request.window,
            experiment_id=experiment_id,
        )
        push_link(self._context, ArizeTaskLink, task_url)
        push_link(self._context, ArizeTaskRunLink, run_url)
        if experiment_id is None:
            return
        experiment_url = urls.experiment_url(
            app_url=app_url,
            organization_id=organization_id,
            space_id=space_id,
            dataset_id=request.dataset_id,
            experiment_id=experiment_id,
        )
        push_link(self._context, ArizeExperimentLink, experiment_url)
