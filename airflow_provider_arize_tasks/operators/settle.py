"""The default of ``settle``: how late evaluation sees spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import conf

from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.client.times import length_of_time

if TYPE_CHECKING:
    from datetime import timedelta


def settle_or_default(value: timedelta | float | str | None, default: timedelta) -> timedelta:
    """The argument ``settle``, else ``[arize] settle`` of Airflow's configuration, else a default.

    :param value: the argument, rendered.
    :param default: what holds where nothing is configured.
    :raises ArizeConfigError: it is no length of time.
    """
    if value is not None and value != "None":
        return length_of_time(value, name="settle")
    configured = conf.get("arize", "settle", fallback=None)
    if not configured:
        return default
    try:
        return length_of_time(configured, name="[arize] settle")
    except ValueError as error:
        raise ArizeConfigError(f"{error} (in Airflow's configuration)") from error
