"""The vendor's ``ARIZE_*`` variables in place of a connection that does not exist, where a deployment asks for that.

A key that happens to be in the environment of a worker must not be used unasked: it may be another account's. So this
is off unless Airflow's configuration says ``use_environment = True`` in the section ``[arize]``, and it goes for the
default connection alone; a misspelt id stays an error.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.environment import config_from_environment

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.config import ClientConfig

#: The one connection that the variables stand in for.
DEFAULT_CONNECTION = "arize_default"


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
