"""Addresses of pages of the Arize UI.

Arize documents pages for projects, datasets and experiments, none for a task or a task run. So a task links to what it
works on (project or dataset), an evaluation run to the spans of its window, an experiment run to its experiment.

Every deep page lives under ``/organizations/{organization}/spaces/{space}/``. Where one of the two isn't known, the
address is the start page of the UI: less useful, never wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_arize_tasks.windows.window import Window

#: The UI of Arize's own cloud.
DEFAULT_APP_URL = "https://app.arize.com"


def task_url(
    *,
    app_url: str | None = None,
    organization_id: str | None,
    space_id: str | None,
    project_id: str | None = None,
    dataset_id: str | None = None,
    window: Window | None = None,
) -> str:
    """The page of what a task works on: its project's spans, or its dataset's experiments.

    :param app_url: root of the UI, with or without a slash at its end; default ``https://app.arize.com``.
    :param organization_id: id of the organization, as the API gives it; ``None`` if it is not known.
    :param space_id: id of the space; ``None`` if it is not known.
    :param project_id: id of the project a project-based task evaluates.
    :param dataset_id: id of the dataset a dataset-based task works on.
    :param window: the spans to show; without it the UI shows those of the last seven days.
    :return: an absolute URL, at worst the start page of the UI.
    """
    prefix = _prefix(app_url, organization_id, space_id)
    if prefix is None:
        return _base(app_url)
    if project_id:
        return f"{prefix}/projects/{_segment(project_id)}?{_spans_query(window)}"
    if dataset_id:
        return f"{prefix}/datasets/{_segment(dataset_id)}?selectedTab=experiments"
    return prefix


def run_url(
    *,
    app_url: str | None = None,
    organization_id: str | None,
    space_id: str | None,
    project_id: str | None = None,
    dataset_id: str | None = None,
    window: Window | None = None,
    experiment_id: str | None = None,
) -> str:
    """The page of what a run made: its experiment, else the spans of its window.

    :param app_url: root of the UI; default ``https://app.arize.com``.
    :param organization_id: id of the organization; ``None`` if it is not known.
    :param space_id: id of the space; ``None`` if it is not known.
    :param project_id: id of the project whose spans were evaluated.
    :param dataset_id: id of the dataset the run worked on.
    :param window: the run's data window.
    :param experiment_id: id of the experiment the run made; ``None`` until Arize has provisioned it.
    :return: an absolute URL, at worst the start page of the UI.
    """
    if experiment_id and dataset_id:
        return experiment_url(
            app_url=app_url,
            organization_id=organization_id,
            space_id=space_id,
            dataset_id=dataset_id,
            experiment_id=experiment_id,
        )
    return task_url(
        app_url=app_url,
        organization_id=organization_id,
        space_id=space_id,
        project_id=project_id,
        dataset_id=dataset_id,
        window=window,
    )


def experiment_url(
    *,
    app_url: str | None = None,
    organization_id: str | None,
    space_id: str | None,
    dataset_id: str | None,
    experiment_id: str | None,
) -> str:
    """The page of one experiment of a dataset.

    :param app_url: root of the UI; default ``https://app.arize.com``.
    :param organization_id: id of the organization; ``None`` if it is not known.
    :param space_id: id of the space; ``None`` if it is not known.
    :param dataset_id: id of the dataset; without it (a standalone experiment) the space's start page.
    :param experiment_id: id of the experiment; without it the dataset's list of experiments.
    :return: an absolute URL, at worst the start page of the UI.
    """
    prefix = _prefix(app_url, organization_id, space_id)
    if prefix is None or not (dataset_id and experiment_id):
        return task_url(app_url=app_url, organization_id=organization_id, space_id=space_id, dataset_id=dataset_id)
    query = urlencode({"queryFilterA": "", "experimentId": experiment_id})
    return f"{prefix}/datasets/{_segment(dataset_id)}/experiments/compare?{query}"


def _base(app_url: str | None) -> str:
    return (app_url or DEFAULT_APP_URL).rstrip("/")


def _prefix(app_url: str | None, organization_id: str | None, space_id: str | None) -> str | None:
    if not (organization_id and space_id):
        return None
    return f"{_base(app_url)}/organizations/{_segment(organization_id)}/spaces/{_segment(space_id)}"


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
