"""The configuration from environment variables, by the names the vendor's SDK and command line use.

In Airflow the connection is the place; these are for the command line of this provider, and for the deployments that
ask for them (``hooks/environment.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.config import config_from_fields
from airflow_provider_arize_tasks.client.errors import ArizeConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.client.config import ClientConfig

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
