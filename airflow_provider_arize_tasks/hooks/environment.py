"""The configuration from environment variables, by the names the vendor's SDK and command line use.

In Airflow the connection is the place. These are for the command line of this provider, and for the deployments that
ask for them in place of a connection that does not exist.

A key that happens to be in the environment of a worker must not be used unasked: it may be another account's. So this
is off unless Airflow's configuration says ``use_environment = True`` in the section ``[arize]``, and it goes for the
default connection alone; a misspelt id stays an error.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.config import config_from_fields
from airflow_provider_arize_tasks.client.errors import ArizeConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.client.config import ClientConfig

#: The one connection that the variables stand in for.
DEFAULT_CONNECTION = "arize_default"
#: What a JSON connection may hold.
_OF_AIRFLOW = frozenset(
    ("conn_id", "conn_type", "description", "host", "login", "password", "schema", "port", "extra", "uri", "team_name")
)
_KEY = "ARIZE_API_KEY"
#: Ways to say where the server is; they exclude each other.
_PLACES = ("ARIZE_REGION", "ARIZE_SINGLE_HOST", "ARIZE_BASE_DOMAIN", "ARIZE_API_HOST")


def has_environment(environ: Mapping[str, str]) -> bool:
    """Whether the environment holds an API key.

    :param environ: environment variables.
    """
    return bool(environ.get(_KEY, "").strip())


def config_from_environment(environ: Mapping[str, str]) -> ClientConfig:
    """Build the configuration from environment variables.

    ``ARIZE_API_KEY``; one of ``ARIZE_REGION``, ``ARIZE_SINGLE_HOST`` (with ``ARIZE_SINGLE_PORT``),
    ``ARIZE_BASE_DOMAIN`` (the host is ``api.`` before it) and ``ARIZE_API_HOST`` (with ``ARIZE_API_SCHEME`` and
    ``ARIZE_API_PORT``; a full URL will do), else Arize's own cloud; ``ARIZE_REQUEST_VERIFY``, ``ARIZE_SSL_CA_CERT``,
    ``ARIZE_PROXY_URL``, ``ARIZE_SPACE``.

    :param environ: environment variables.
    :return: the configuration.
    :raises ArizeConfigError: there is no key, two of the places are given, or a value is wrong.
    """
    given = {name: value.strip() for name, value in environ.items() if name.startswith("ARIZE_") and value.strip()}
    if _KEY not in given:
        raise ArizeConfigError(f"{_KEY} is not set")
    places = [name for name in _PLACES if name in given]
    if len(places) > 1:
        raise ArizeConfigError(f"{' and '.join(places)} exclude each other: set one of them")
    extra: dict[str, Any] = {
        "region": given.get("ARIZE_REGION"),
        "space": given.get("ARIZE_SPACE"),
        "verify": given.get("ARIZE_SSL_CA_CERT") or given.get("ARIZE_REQUEST_VERIFY"),
        "proxies": given.get("ARIZE_PROXY_URL"),
    }
    host, port = _host(given)
    try:
        return config_from_fields(
            conn_id=None,
            password=given[_KEY],
            host=host,
            port=port,
            # A URL says its own scheme, and a region is always https.
            schema=None if host is None or "://" in host else given.get("ARIZE_API_SCHEME"),
            extra={key: value for key, value in extra.items() if value},
        )
    except ArizeConfigError as error:
        raise ArizeConfigError(f"the ARIZE_* environment variables: {error}") from error


def _host(given: Mapping[str, str]) -> tuple[str | None, str | None]:
    if "ARIZE_BASE_DOMAIN" in given:
        return f"api.{given['ARIZE_BASE_DOMAIN']}", None
    if "ARIZE_SINGLE_HOST" in given:
        return given["ARIZE_SINGLE_HOST"], given.get("ARIZE_SINGLE_PORT")
    host = given.get("ARIZE_API_HOST")
    return host, given.get("ARIZE_API_PORT") if host else None


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
