"""The connection of a command: Airflow's, or that of the environment."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.errors import ArizeConfigError

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.config import ClientConfig

DEFAULT_CONNECTION = "arize_default"


def config_for(conn_id: str | None) -> ClientConfig:
    """How the server is reached.

    :param conn_id: an Airflow connection; without one the environment, if ``ARIZE_API_KEY`` is set, else
        ``arize_default``.
    :raises ArizeConfigError: there is no such connection, or something of it is wrong.
    """
    from airflow_provider_arize_tasks.hooks.environment import config_from_environment, has_environment

    if conn_id is None and has_environment(os.environ):
        return config_from_environment(os.environ)
    return _airflow_config(conn_id or DEFAULT_CONNECTION)


def _airflow_config(conn_id: str) -> ClientConfig:
    """A connection as Airflow's own commands find it: environment, secrets backends, metadata database.

    Not by way of the hook: outside a task, the task SDK leaves the database out.

    :raises ArizeConfigError: there is none, or it is wrong.
    """
    with contextlib.redirect_stdout(sys.stderr):  # Airflow may log while it is imported; --json must stay JSON
        from airflow.models.connection import Connection
        from airflow.providers.common.compat.sdk import AirflowNotFoundException

        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        try:
            return ArizeHook.config_from_connection(Connection.get_connection_from_secrets(conn_id))
        except AirflowNotFoundException as error:
            raise ArizeConfigError(
                f"there is no Airflow connection {conn_id!r}, by this AIRFLOW_HOME and its environment; name another "
                "with --conn-id, or set ARIZE_API_KEY"
            ) from error
