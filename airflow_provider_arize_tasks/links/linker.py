"""The addresses of the Arize UI, and which of them a task instance pushes before anything is waited for.

Arize documents pages for projects, datasets and experiments, none for a task or a task run. So a task links to what it
works on (project or dataset), an evaluation run to the spans of its window, an experiment run to its experiment.

Every deep page lives under ``/organizations/{organization}/spaces/{space}/``. Where one of the two isn't known, the
address is the start page of the UI: less useful, never wrong.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from airflow_provider_arize_tasks.client.config import DEFAULT_APP_URL
from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.links.arize import ArizeExperimentLink, ArizeTaskLink, ArizeTaskRunLink, push_link

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.client.models import Task, TaskRun
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.runs.requests import RunRequest
    from airflow_provider_arize_tasks.windows.window import Window


@dataclass(frozen=True, kw_only=True)
class Place:
    """A space in the UI of Arize, and the addresses in it; each is absolute, at worst the start page of the UI.

    :param organization_id: id of the organization, as the API gives it; ``None`` if it is not known.
    :param space_id: id of the space; ``None`` if it is not known.
    :param app_url: root of the UI, with or without a slash at its end; default Arize's own cloud.
    """

    organization_id: str | None
    space_id: str | None
    app_url: str = DEFAULT_APP_URL

    @property
    def _space(self) -> str | None:
        if not (self.organization_id and self.space_id):
            return None
        return f"{self._root}/organizations/{_segment(self.organization_id)}/spaces/{_segment(self.space_id)}"

    @property
    def _root(self) -> str:
        return self.app_url.rstrip("/")

    def of_task(
        self, *, project_id: str | None = None, dataset_id: str | None = None, window: Window | None = None
    ) -> str:
        """The page of what a task works on: its project's spans, or its dataset's experiments.

        :param project_id: id of the project a project-based task evaluates.
        :param dataset_id: id of the dataset a dataset-based task works on.
        :param window: the spans to show; without it the UI shows those of the last seven days.
        """
        if self._space is None:
            return self._root
        if project_id:
            return f"{self._space}/projects/{_segment(project_id)}?{_spans_query(window)}"
        if dataset_id:
            return f"{self._space}/datasets/{_segment(dataset_id)}?selectedTab=experiments"
        return self._space

    def of_experiment(self, *, dataset_id: str | None, experiment_id: str | None) -> str:
        """The page of one experiment of a dataset.

        :param dataset_id: id of the dataset; without it (a standalone experiment) the space's start page.
        :param experiment_id: id of the experiment; without it the dataset's list of experiments.
        """
        if self._space is None or not (dataset_id and experiment_id):
            return self.of_task(dataset_id=dataset_id)
        query = urlencode({"queryFilterA": "", "experimentId": experiment_id})
        return f"{self._space}/datasets/{_segment(dataset_id)}/experiments/compare?{query}"


def _segment(identifier: str) -> str:
    # Ids are base64; the UI wants their "=" as it is, anything else that isn't plain must not change the path.
    return quote(identifier, safe="=")


def _spans_query(window: Window | None) -> str:
    query = {"selectedTab": "llmTracing", "queryFilterA": "", "timeZoneA": "UTC"}
    if window is not None:
        query |= {"startA": str(_milliseconds(window.start)), "endA": str(_milliseconds(window.end))}
    query |= {"envA": "tracing", "modelType": "generative_llm"}
    return urlencode(query)


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


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
        #: The page of the runs that were linked last; ``None`` before.
        self.run_page: str | None = None

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
        found = self._hook.space_of_name(space)
        if found is None and not organization:
            found = self._hook.get_space(space)
        if found is None:
            return organization, space
        return organization or found.organization_id, found.id

    def push_task(self, task: Task) -> None:
        """The link of a task."""
        url = self._place().of_task(project_id=task.project_id, dataset_id=task.dataset_id)
        push_link(self._context, ArizeTaskLink, url)

    def push_runs(self, request: RunRequest, *runs: TaskRun) -> None:
        """The links of runs, of their task, and of their experiment where it is one.

        A button leads to one page: all runs are to be found on it. Of several windows it shows the whole stretch, of
        several experiments the list they stand in.

        :param request: what the runs are for, over the window that all of them have a part of.
        :param runs: one or several of one task.
        """
        place = self._place()
        experiments = {run.experiment_id for run in runs if run.experiment_id} or set(request.experiment_ids)
        experiment_id = experiments.pop() if len(experiments) == 1 else None
        task_page = run_page = place.of_task(
            project_id=request.project_id, dataset_id=request.dataset_id, window=request.window
        )
        if experiment_id:
            experiment_page = place.of_experiment(dataset_id=request.dataset_id, experiment_id=experiment_id)
            push_link(self._context, ArizeExperimentLink, experiment_page)
            run_page = experiment_page if request.dataset_id else task_page
        push_link(self._context, ArizeTaskLink, task_page)
        push_link(self._context, ArizeTaskRunLink, run_page)
        if runs and run_page != self.run_page:
            log.info("Run %s on Arize: %s", ", ".join(run.id for run in runs), run_page)
        self.run_page = run_page

    def _place(self) -> Place:
        organization_id, space_id = self.prepare()
        return Place(organization_id=organization_id, space_id=space_id, app_url=self._hook.config.app_url)
