"""A request that ended without a response: what that means, and how it is told. Pure, no HTTP library."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import ArizeTlsError, ArizeTransportError
from airflow_provider_arize_tasks.client.printable import masked, printable, without_userinfo

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.calls import Call
    from airflow_provider_arize_tasks.client.config import ClientConfig

_MAX_REASON = 300
#: What is added to a message about a request that may have taken effect.
FATE_UNKNOWN = "; whether the request took effect is not known"


class Failure(Enum):
    """How a request can end without a response, and whether it surely never reached the server."""

    UNKNOWN_HOST = "unknown host"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect timeout"
    BROKE_OFF = "broke off while connecting"
    TLS = "tls"
    NO_TLS = "no tls"
    PROXY = "proxy"
    READ_TIMEOUT = "read timeout"
    TOTAL_TIMEOUT = "total timeout"
    DROPPED = "dropped"

    @property
    def surely_not_sent(self) -> bool:
        """Whether the request can't have had an effect."""
        return self not in (Failure.READ_TIMEOUT, Failure.TOTAL_TIMEOUT, Failure.DROPPED)


def no_response(config: ClientConfig, call: Call[Any], failure: Failure, reason: str = "") -> ArizeTransportError:
    """The error for a request that ended without a response.

    :param config: names the connection and its host.
    :param call: what was asked.
    :param failure: what went wrong.
    :param reason: more of it, in the words of the library below.
    """
    unknown = call.changes and not failure.surely_not_sent
    secrets = config.secrets
    reason = printable(masked(without_userinfo(reason), secrets), _MAX_REASON)
    text = f"{config.label}: {call.what}: {_explained(config, failure)}" + (f" ({reason})" if reason else "")
    kind = ArizeTlsError if failure in (Failure.TLS, Failure.NO_TLS) else ArizeTransportError
    return kind(masked(text + (FATE_UNKNOWN if unknown else ""), secrets), outcome_unknown=unknown)


def _explained(config: ClientConfig, failure: Failure) -> str:
    base = config.base_url
    texts = {
        Failure.UNKNOWN_HOST: (
            f"the host of {base} is not known; check the connection's host or extra 'region', and the network's DNS"
        ),
        Failure.REFUSED: (
            f"nothing accepts connections at {base}; check the connection's host and port, and that the server is up"
        ),
        Failure.CONNECT_TIMEOUT: (
            f"no connection to {base} within {config.connect_timeout:g} s;"
            " check host, port, firewall and extra 'proxies'"
        ),
        Failure.BROKE_OFF: (
            f"{base} broke the connection off before the request was sent; check that it speaks TLS on this port"
        ),
        Failure.TLS: (
            f"no trusted TLS connection to {base}; for a private certificate authority set extra 'verify' to the path"
            " of its CA bundle, for a server without TLS set the schema to 'http'"
        ),
        Failure.NO_TLS: (
            f"{base} does not speak TLS: something answers there in plain HTTP. If that is your server (the emulator,"
            f" a port-forward), write the host as {base.replace('https://', 'http://', 1)!r} or set the schema to"
            " 'http'; else correct host and port"
        ),
        Failure.PROXY: f"the proxy before {base} can't be used; check extra 'proxies' or HTTPS_PROXY and NO_PROXY",
        Failure.READ_TIMEOUT: (
            f"{base} sent nothing for {config.read_timeout:g} s;"
            " if it is only slow, raise extra 'timeout' of the connection"
        ),
        Failure.TOTAL_TIMEOUT: (
            f"{base} had not sent its whole response within {config.total_timeout:g} s, the most one request may take;"
            " if it is only slow, raise extra 'timeout' of the connection"
        ),
        Failure.DROPPED: f"{base} dropped the connection before its response was complete",
    }
    return texts[failure]
