"""The environment of a local Airflow: everything that differs from Airflow's own defaults, and why."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def environment(*, home: Path, dags: Path, port: int, parallelism: int, database_url: str | None) -> dict[str, str]:
    """The ``AIRFLOW__*`` variables.

    :param home: becomes ``AIRFLOW_HOME``; configuration, logs and a SQLite database live there.
    :param dags: folder of the DAG files.
    :param port: port of the API server on the loopback address.
    :param parallelism: task processes at a time.
    :param database_url: SQLAlchemy URL of the metadata database; ``None`` is SQLite inside ``home``.
    :return: names and values, all text.
    """
    url = f"http://127.0.0.1:{port}"
    variables = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(parallelism),
        "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "512",
        "AIRFLOW__CORE__MAX_ACTIVE_RUNS_PER_DAG": "512",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        # The default points at port 8080 whatever [api] port says, and every task would fail to report its state.
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__ENABLE_XCOM_DESERIALIZE_SUPPORT": "True",
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        # Airflow 3.0 signs tokens without an issuer unless it is told one, which newer releases of PyJWT refuse.
        "AIRFLOW__API_AUTH__JWT_ISSUER": "local-airflow",
        "AIRFLOW__WEBSERVER__SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        # A killed component is noticed in seconds instead of the default's minutes.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
    }
    if database_url is not None:
        variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database_url
        # The API server runs 40 requests at a time, each of which holds a connection while it waits for a thread: with
        # fewer connections than that, the ones that wait for a connection keep the others from giving theirs back.
        variables["AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE"] = "40"
        variables["AIRFLOW__DATABASE__SQL_ALCHEMY_MAX_OVERFLOW"] = "60"
    return variables
