"""What a task instance tells as XComs: buttons that lead to Arize, and its failure for the page in Airflow.

Airflow 3 stores a link when the task *ends*, so a link that is worked out then is missing exactly while somebody wants
to look: during the wait. The operators of this provider therefore push the address as an XCom under the link's own key
before they wait (:func:`push_link`); Airflow 3 reads that key by itself, and :meth:`get_link` reads the same key for
Airflow 2.11 and for Airflow 3's own storing at the end, so a failed task keeps its links as well.

Arize documents pages for projects, datasets and experiments, none for a task or a task run. So a task links to what it
works on (project or dataset), an evaluation run to the spans of its window, an experiment run to its experiment. Every
deep page lives under ``/organizations/{organization}/spaces/{space}/``. Where one of the two isn't known, the address
is the start page of the UI: less useful, never wrong.

Airflow keeps neither the arguments of an old task instance nor the exception it ended with. Both are small, and with
them the page needs to ask Arize nothing.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, unquote, urlencode, urlsplit

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperatorLink, XCom

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.links.page import PAGE_PREFIX, has_page
from airflow_provider_arize_tasks.runs.requests import REASON_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow.providers.common.compat.sdk import BaseOperator, Context, TaskInstanceKey

    from airflow_provider_arize_tasks.client.models import Task, TaskRun
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.runs.requests import RunRequest
    from airflow_provider_arize_tasks.windows.window import Window

log = logging.getLogger(__name__)


class _PushedLink(BaseOperatorLink):
    """A link whose address an operator pushed as an XCom."""

    #: XCom key under which the operator pushes the address.
    key: ClassVar[str]

    @property
    def xcom_key(self) -> str:
        """Key of the XCom that holds the address; Airflow 3's UI reads it directly."""
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Read the address the operator pushed.

        :param operator: the operator; not needed, the address is in the XCom.
        :param ti_key: the task instance.
        :return: the address, or ``""`` where there is none (yet): Airflow then shows the button as disabled.
        """
        pushed = _pushed.get(_identity(ti_key), {}).get(self.key)
        if pushed is not None or _is_first_part(ti_key):
            return pushed or ""
        value = XCom.get_value(key=self.key, ti_key=ti_key)
        return value if isinstance(value, str) else ""


class ArizeTaskLink(_PushedLink):
    """What the Arize task works on: the spans of its project, or the experiments of its dataset."""

    name = "Arize task"
    key = "arize_task_link"


class ArizeTaskRunLink(_PushedLink):
    """What the run works on: the spans of its window, or its experiment."""

    name = "Arize run"
    key = "arize_run_link"


class ArizeExperimentLink(_PushedLink):
    """The experiment of an experiment run."""

    name = "Arize experiment"
    key = "arize_experiment_link"


class ArizeReportLink(_PushedLink):
    """The HTML report that :class:`ArizeCheckExperimentOperator` wrote."""

    name = "Quality report"
    key = "arize_report_link"


#: What this process pushed, by task instance and key. When a task of Airflow 3 ends, its worker asks for each link once
#: more; asking the server for one that was never pushed would leave an error in the worker's log every time.
_pushed: dict[tuple[Any, ...], dict[str, str]] = {}


def _identity(ti: Any) -> tuple[Any, ...]:
    return tuple(getattr(ti, name, None) for name in ("dag_id", "task_id", "run_id", "map_index"))


def _is_first_part(ti: Any) -> bool:
    """Whether this is the worker of Airflow 3 in which the attempt began, so that all its pushes were seen here."""
    started_with = getattr(ti, "_ti_context_from_server", None)
    return started_with is not None and not getattr(started_with, "next_method", None)


def push_link(context: Any, link: type[_PushedLink], url: str | None) -> None:
    """Make a link work from now on, before the task ends. Call it before deferring or waiting.

    :param context: the context Airflow gave to ``execute``.
    :param link: the link class.
    :param url: an address of a :class:`Place`; nothing is pushed when empty.
    """
    if url:
        push_xcom(context, link.key, url)
        _pushed.setdefault(_identity(context.get("ti")), {})[link.key] = url


def keep_links_as_pushed(operator: Any, context: Any) -> None:
    """Spare Airflow 3 storing the links once more whenever a process of the task ends, at a deferral too.

    They are in place since they were pushed. Storing them again takes up to two calls of the API server for each link
    and process, nine for a task instance that defers once. Airflow executes a copy of the operator: neither the DAG
    nor other instances of a mapped task notice.

    :param operator: the copy that is executed.
    :param context: the context Airflow gave it; without a task instance it is run by hand and nothing is changed.
    """
    if context.get("ti") is not None:
        operator.operator_extra_links = ()


def push_xcom(context: Any, key: str, value: Any) -> None:
    """Push an XCom, now and not when the task ends; nothing where an operator is run by hand, without a task instance.

    :param context: the context Airflow gave to ``execute``.
    :param key: its key.
    :param value: plain JSON.
    """
    ti = context.get("ti")
    if ti is not None:
        ti.xcom_push(key=key, value=value)


def local_report_url(path: str, ti: Any) -> str | None:
    """The address at which Airflow itself serves a report of a local folder.

    Airflow 3.1 and later do, for the folders that ``[arize] report_folders`` names.

    :param path: where the report was written.
    :param ti: the task instance of the check.
    :return: the address; ``None`` where there is no such page.
    """
    from airflow import __version__
    from airflow.providers.common.compat.sdk import conf

    folders = str(conf.get("arize", "report_folders", fallback="") or "")
    base = str(conf.get("api", "base_url", fallback="") or "")
    if not folders or not has_page(__version__) or not base.startswith(("http://", "https://")):
        return None
    parts = urlsplit(path)
    place = Path(unquote(parts.path) if parts.scheme == "file" else path)
    roots = [Path(name.strip()) for name in folders.split(",") if name.strip()]
    if parts.scheme not in ("", "file") or not any(place.is_relative_to(root) for root in roots):
        return None
    query = {
        "dag_id": ti.dag_id,
        "task_id": ti.task_id,
        "run_id": ti.run_id,
        "map_index": getattr(ti, "map_index", -1),
    }
    return f"{base.rstrip('/')}{PAGE_PREFIX}/report?{urlencode(query)}"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A space in the UI of Arize, and the addresses in it; each is absolute, at worst the start page of the UI.

    :param organization_id: id of the organization, as the API gives it; ``None`` if it is not known.
    :param space_id: id of the space; ``None`` if it is not known.
    :param app_url: root of the UI, with or without a slash at its end.
    """

    organization_id: str | None
    space_id: str | None
    app_url: str

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


_MOST_CHARACTERS = 1_000


@contextmanager
def telling_reason(context: Any) -> Iterator[None]:
    """Keep the sentence a task instance fails or is skipped with.

    :param context: the context Airflow gave to ``execute``.
    :raises Exception: whatever is raised inside, as it is.
    """
    try:
        yield
    except (ArizeError, AirflowSkipException) as error:
        _push_reason(context, str(error))
        raise


def _push_reason(context: Any, reason: str) -> None:
    try:
        push_xcom(context, REASON_KEY, reason[:_MOST_CHARACTERS])
    except Exception as error:  # noqa: BLE001 - whatever Airflow raises: the error that goes up is the one that counts
        log.debug("The reason could not be kept for the page: %s", error)
