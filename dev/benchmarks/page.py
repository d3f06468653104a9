"""Seconds to the whole answer of each view of the page in Airflow: 20 tasks, 500 days, 10,000 task instances.

``python -m dev.benchmarks.page`` fills an SQLite database of its own and asks the page in this process.
"""

from __future__ import annotations

import os
import tempfile
import time
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

VIEWS = ("/", "/task?dag_id=dag3&task_id=evaluate", "/quality?dag_id=dag3&task_id=evaluate")


def main(tasks: int = 20, days: int = 500) -> None:
    """Fill the database, ask for each view five times, print the first, the best and the CPU time of the best."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["AIRFLOW_HOME"] = home
        os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{home}/airflow.db"
        _measure(tasks, days)


def _measure(tasks: int, days: int) -> None:
    # Airflow reads its settings when it is imported.
    from airflow.api_fastapi import app as airflow_app
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi.testclient import TestClient

    from airflow_provider_arize_tasks.ui.app import build_app
    from tests.integration.ui import seed

    seed.make_tables()
    today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    seed.write(
        [
            seed.evaluation(f"dag{task}", today - timedelta(days=day), arize=f"VGFzazo{task}", name=f"task {task}")
            for task in range(tasks)
            for day in range(days)
        ]
    )
    airflow_app.get_auth_manager = lambda: SimpleNamespace(is_authorized_dag=lambda **_: True)
    app = build_app()
    app.dependency_overrides[get_user] = lambda: "somebody"
    page = TestClient(app)
    for path in VIEWS:
        walls, cpus = [], []
        for _ in range(5):
            wall, cpu = time.perf_counter(), time.process_time()
            page.get(path).raise_for_status()
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
        print(f"{path}: first {walls[0]:.2f} s, best {min(walls):.2f} s, CPU of the best {min(cpus):.2f} s")


if __name__ == "__main__":
    main()
