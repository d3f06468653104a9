"""Button on the task instance that leads to the report of an experiment check."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from airflow_provider_arize_tasks.links.arize import _PushedLink
from airflow_provider_arize_tasks.links.page import PAGE_PREFIX, has_page


class ArizeReportLink(_PushedLink):
    """The HTML report that :class:`ArizeCheckExperimentOperator` wrote."""

    name = "Quality report"
    key = "arize_report_link"


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
