"""How both transports reach the network: proxies and certificate authorities, decided the same way for both."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.client.failures import Failure

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.config import ClientConfig

#: Where the environment may name a CA bundle, in the order in which it is asked.
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")

#: What OpenSSL says when the first bytes that come back are plain HTTP.
_NO_TLS = frozenset({"HTTP_REQUEST", "RECORD_LAYER_FAILURE", "WRONG_VERSION_NUMBER"})

#: Errors of OpenSSL that come up while a connection is made, before anything is sent, and would come up again.
_HANDSHAKE_ERRORS = frozenset(
    {
        "HTTP_REQUEST",
        "NO_PROTOCOLS_AVAILABLE",
        "RECORD_LAYER_FAILURE",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "TLSV1_UNRECOGNIZED_NAME",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)


def is_handshake_error(error: ssl.SSLError) -> bool:
    """Whether TLS failed for good while connecting. Other TLS errors may break off a request that was sent already.

    :param error: what the ``ssl`` module raised.
    """
    return isinstance(error, ssl.SSLCertVerificationError) or error.reason in _HANDSHAKE_ERRORS


def handshake_failure(error: ssl.SSLError) -> Failure:
    """Which of the two ways in which TLS can fail for good: the other side is not trusted, or speaks no TLS at all.

    :param error: what the ``ssl`` module raised, a handshake error.
    """
    return Failure.NO_TLS if error.reason in _NO_TLS else Failure.TLS


def proxy_of(config: ClientConfig) -> str | None:
    """The proxy for the server, or ``None``.

    The connection's ``proxies`` decide alone when given (an empty object means: none); otherwise ``HTTPS_PROXY``,
    ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` of the environment do.
    """
    parts = urlsplit(config.base_url)
    if config.proxies is not None:
        return config.proxies.get(parts.scheme)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def ca_bundle_of(config: ClientConfig) -> bool | str:
    """``False`` (don't verify), the path of a CA bundle, or ``True`` for the bundle that comes with ``certifi``.

    :raises ArizeConfigError: the connection names a bundle that isn't there.
    """
    if config.verify is False:
        return False
    if isinstance(config.verify, str):
        if not Path(config.verify).exists():
            raise ArizeConfigError(f"{config.label}: extra 'verify' names {config.verify!r}, which does not exist here")
        return config.verify
    for variable in _CA_VARIABLES:
        path = os.environ.get(variable)
        if path and Path(path).exists():
            return path
    return True


def tls_context(config: ClientConfig) -> ssl.SSLContext | bool:
    """The TLS settings of a configuration; both transports trust the same authorities.

    :raises ArizeConfigError: the CA bundle is not there or can't be read.
    """
    if config.base_url.startswith("http://"):
        return True
    bundle = ca_bundle_of(config)
    if bundle is False:
        return False
    if bundle is True:
        import certifi

        bundle = certifi.where()
    folder = Path(bundle).is_dir()
    try:
        return ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)
    except (OSError, ssl.SSLError) as error:
        raise ArizeConfigError(f"{config.label}: the CA bundle {bundle!r} can't be read: {error}") from error
