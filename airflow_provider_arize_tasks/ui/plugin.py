"""The plugin that puts the page into Airflow, from 3.1 on. Before, and in other processes, it is next to nothing.

Airflow loads plugins in every process. The web application is therefore built by the first request for it, in the API
server; until then nothing of FastAPI, Jinja2 or the database is imported here.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from airflow import __version__ as airflow_version
from airflow.providers.common.compat.sdk import AirflowPlugin, conf

from airflow_provider_arize_tasks.links.page import PAGE_PREFIX, has_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

#: What the navigation and the tabs call it.
NAME: Final = "Arize"


class LazyApp:
    """The web application, built by the first request."""

    def __init__(self) -> None:
        self._app: Any = None
        self._lock = threading.Lock()

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Answer one request (ASGI)."""
        if self._app is None:
            with self._lock:
                if self._app is None:
                    from airflow_provider_arize_tasks.ui.app import build_app

                    self._app = build_app()
        await self._app(scope, receive, send)


def base_path() -> str:
    """The path below which Airflow is served, without a slash at its end; empty at the root of a host."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def _views() -> list[dict[str, Any]]:
    root = f"{base_path()}{PAGE_PREFIX}"
    task_instance = "dag_id={DAG_ID}&task_id={TASK_ID}&run_id={RUN_ID}&map_index={MAP_INDEX}"
    return [
        {"name": NAME, "href": f"{root}/", "destination": "nav", "category": "browse", "url_route": "arize"},
        {"name": NAME, "href": f"{root}/dag?dag_id={{DAG_ID}}", "destination": "dag", "url_route": "arize-dag"},
        {
            "name": NAME,
            "href": f"{root}/task-instance?{task_instance}",
            "destination": "task_instance",
            "url_route": "arize-task-instance",
        },
    ]


class ArizeTasksPlugin(AirflowPlugin):
    """Registered as entry point ``airflow.plugins``."""

    name = "arize_tasks"

    if has_page(airflow_version):
        fastapi_apps = [{"app": LazyApp(), "url_prefix": PAGE_PREFIX, "name": "Arize tasks"}]
        external_views = _views()
