"""The vendor's ``ARIZE_*`` variables in place of a connection that does not exist, where a deployment asks for that.

A key that happens to be in the environment of a worker must not be used unasked: it may be another account's. So this
is off unless Airflow's configuration says ``use_environment = True`` in the section ``[arize]``, and it goes for the
default connection alone; a misspelt id stays an error.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.environment import config_from_environment
from airflow_provider_arize_tasks.client.errors import ArizeConfigError

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.config import ClientConfig

#: The one connection that the variables stand in for.
DEFAULT_CONNECTION = "arize_default"
#: What a JSON connection may hold.
_OF_AIRFLOW = frozenset(
    ("conn_id", "conn_type", "description", "host", "login", "password", "schema", "port", "extra", "uri", "team_name")
)


def config_without_connection(conn_id: str) -> ClientConfig | None:
    """The configuration of a connection that does not exist.

    :param conn_id: its id.
    :return: what the ``ARIZE_*`` variables of this process say; ``None`` where that was not asked for, or the
        connection is not ``arize_default``.
    :raises ArizeConfigError: it was asked for, and the variables hold no key or contradict each other.
    """
    from airflow.providers.common.compat.sdk import conf

    if conn_id != DEFAULT_CONNECTION or not conf.getboolean("arize", "use_environment", fallback=False):
        return None
    return replace(config_from_environment(os.environ), conn_id=f"{conn_id} (from ARIZE_* variables)")


def raise_if_unreadable(conn_id: str) -> None:
    """Explain a connection that is there, in an environment variable, and that Airflow passes over.

    Airflow can't read a JSON connection with a key that it doesn't know, and then says that there is no connection. A
    field of this provider beside ``extra`` instead of in it is such a key.

    :param conn_id: of the connection that Airflow did not find.
    :raises ArizeConfigError: it is there, with keys that don't belong there.
    """
    name = f"AIRFLOW_CONN_{conn_id.upper()}"
    try:
        fields = json.loads(os.environ.get(name, ""))
    except ValueError:
        return
    unknown = sorted(set(fields) - _OF_AIRFLOW) if isinstance(fields, dict) else []
    if unknown:
        raise ArizeConfigError(
            f"connection {conn_id!r} is in {name}, but Airflow can't read it: {', '.join(map(repr, unknown))} must "
            'stand in "extra", as in {"conn_type": "arize", "password": "...", "extra": {"space": "..."}}'
        )
