"""The page in this process: Airflow's own tables, records as Airflow writes them, permissions by the test's word."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from airflow import __version__ as airflow_version

from airflow_provider_arize_tasks.links.page import has_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.testclient import TestClient

if not has_page(airflow_version):
    collect_ignore_glob = ["test_*.py"]  # the page is for Airflow 3.1 and later; tests/unit/ui runs everywhere


@pytest.fixture(scope="session")
def _tables() -> None:
    from tests.integration.ui import seed

    seed.make_tables()


@pytest.fixture
def database(_tables: None) -> Iterator[Any]:
    """An empty database; yields the module that fills it."""
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import delete, text

    from tests.integration.ui import seed

    yield seed
    with create_session() as session:
        session.execute(text("PRAGMA foreign_keys=OFF"))
        for table in (*seed.xcom_tables(), TaskInstance, DagRun, DagModel):
            session.execute(delete(table.__table__))


@pytest.fixture
def today() -> datetime:
    """Midnight of today, at which the DAG runs of yesterday's windows are due."""
    return datetime.combine(datetime.now(timezone.utc).date(), time(), timezone.utc)


@pytest.fixture
def nights(today: datetime) -> list[datetime]:
    """The last forty midnights, oldest first."""
    return [today - timedelta(days=number) for number in range(39, -1, -1)]


class Permissions:
    """Stands for Airflow's auth manager: what the test says may be done.

    :param readable: DAG ids that may be read; ``None`` for all.
    :param runnable: DAG ids that may be run; ``None`` for all.
    """

    def __init__(self) -> None:
        self.readable: set[str] | None = None
        self.runnable: set[str] | None = None
        self.asked: list[tuple[str, str, str | None]] = []

    def is_authorized_dag(self, *, method: str, access_entity: Any, details: Any, user: Any) -> bool:
        self.asked.append((method, details.id, access_entity.value if access_entity else None))
        allowed = self.readable if method == "GET" else self.runnable
        return allowed is None or details.id in allowed


@pytest.fixture
def permissions(monkeypatch: pytest.MonkeyPatch) -> Permissions:
    """What the user may do; everything unless the test says otherwise."""
    from airflow.api_fastapi import app

    found = Permissions()
    monkeypatch.setattr(app, "get_auth_manager", lambda: found)
    return found


@pytest.fixture
def page(permissions: Permissions, database: Any) -> TestClient:
    """A browser before the page, logged in."""
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi.testclient import TestClient

    from airflow_provider_arize_tasks.ui.app import build_app

    app = build_app()
    app.dependency_overrides[get_user] = lambda: "somebody"
    return TestClient(app)
