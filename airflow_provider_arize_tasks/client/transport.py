"""What both transports share: when a request is sent again, the way through proxies, and whom to trust.

Sent again after connection errors, 429 and 5xx when the request is idempotent; any other request only when it surely
had no effect (it never reached the server, or was refused with 429). ``Retry-After`` is honoured; without it the pause
doubles, with jitter. The whole of it is bounded in time.
"""

from __future__ import annotations

import logging
import os
import random
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from airflow_provider_arize_tasks.client.errors import ArizeApiError, ArizeConfigError, ArizeError
from airflow_provider_arize_tasks.client.incoming import MAX_BYTES, Gate
from airflow_provider_arize_tasks.client.printable import SHORTEST_IN_DATA, in_short_lines
from airflow_provider_arize_tasks.client.responses import Failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenacity import AsyncRetrying, RetryCallState, Retrying

    from airflow_provider_arize_tasks.client.calls import Call
    from airflow_provider_arize_tasks.client.config import ClientConfig

log = logging.getLogger(__name__)

#: So many pages of a gateway with 4xx in the place of a read's answer are put up with.
_PAGES = 2
_REFUSALS = frozenset({401, 403, 404})


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long and how often to try.

    :param total_seconds: no attempt starts later than this after the first one. A server that asks for a longer pause
        ends the retries at once; the error then carries ``retry_after``.
    :param first_pause: upper bound of the first pause, in seconds; it doubles with each attempt.
    :param longest_pause: upper bound of any pause that the server didn't ask for.
    :param sleep: replaces ``time.sleep`` (tests).
    :param async_sleep: replaces ``asyncio.sleep`` (tests).
    :param clock: monotonic seconds (tests).
    :param jitter: a number from 0 to 1 that sets the pause between half and all of its bound (tests).
    """

    total_seconds: float = 60.0
    first_pause: float = 1.0
    longest_pause: float = 20.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    async_sleep: Callable[[float], Awaitable[None]] | None = field(default=None, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    jitter: Callable[[], float] = field(default=random.random, repr=False)

    def pause(self, attempt: int, error: BaseException | None) -> float:
        """Seconds to wait after the given attempt (counted from 1) failed with ``error``."""
        bound = min(self.longest_pause, self.first_pause * 2.0 ** min(attempt - 1, 30))
        own = bound * (0.5 + 0.5 * self.jitter())
        asked = error.retry_after if isinstance(error, ArizeApiError) else None
        if asked is None:
            return own
        # A little on top, so that many tasks told the same second do not all come back in it.
        return asked + 0.25 * self.jitter() if asked > 0 else own

    def retrying(self, call: Call[Any]) -> Retrying:
        """The tenacity controller of one synchronous request."""
        from tenacity import Retrying

        return Retrying(sleep=self.sleep, **self._rules(call))

    def async_retrying(self, call: Call[Any]) -> AsyncRetrying:
        """The tenacity controller of one asynchronous request."""
        from asyncio import sleep

        from tenacity import AsyncRetrying

        return AsyncRetrying(sleep=self.async_sleep or sleep, **self._rules(call))

    def _rules(self, call: Call[Any]) -> dict[str, Any]:
        started = self.clock()

        def out_of_time(state: RetryCallState) -> bool:
            return self.clock() - started + state.upcoming_sleep > self.total_seconds

        def wait(state: RetryCallState) -> float:
            return self.pause(state.attempt_number, state.outcome.exception() if state.outcome else None)

        def announce(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            told = f"attempt {state.attempt_number} failed, next in {state.upcoming_sleep:.1f} s: {error}"
            for line in in_short_lines(told):
                log.warning("%s", line)

        def again(state: RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            return error is not None and worth_another_try(call, error, state.attempt_number)

        return {
            "retry": again,
            "wait": wait,
            "stop": out_of_time,
            "before_sleep": announce,
            "reraise": True,
        }


def worth_another_try(call: Call[Any], error: BaseException, attempt: int = 1) -> bool:
    """Whether the request may, and should, be sent once more after this error.

    :param call: the request.
    :param error: what it ended with.
    :param attempt: which attempt that was.
    """
    if isinstance(error, ArizeApiError) and error.is_page and error.status in _REFUSALS and not call.changes:
        # A gateway's refusal (401, 403, 404) may be gone in a moment; that of a wrong address stays.
        return attempt <= _PAGES
    if not isinstance(error, ArizeError) or not error.retryable:
        return False
    return call.idempotent or not error.outcome_unknown


class Pace:
    """Spaces requests out to at most ``per_second``; one instance may be shared by several clients of a process.

    :param per_second: the limit; ``None`` is none.
    :param clock: monotonic seconds.
    """

    def __init__(self, per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._gap = 1.0 / per_second if per_second else 0.0
        self._clock = clock
        self._next = 0.0

    def reserve(self) -> float:
        """Take the next free place; returns the seconds to wait until it comes."""
        if not self._gap:
            return 0.0
        now = self._clock()
        place = max(now, self._next)
        self._next = place + self._gap
        return place - now


class Transport:
    """Sends calls over connections that it keeps open; :class:`~.sync.ArizeClient` and :class:`~.aio.AsyncArizeClient`.

    :param config: which server, with which key.
    :param retry: when to send a request again; default :class:`RetryPolicy`.
    :param pace: spaces requests out; default is the configuration's own limit. Clients of one event loop may share one.
    :param max_bytes: most bytes of a reply after decompression; a longer one is refused.
    """

    def __init__(
        self,
        config: ClientConfig,
        *,
        retry: RetryPolicy | None = None,
        pace: Pace | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.config = config
        secrets = tuple(secret for secret in config.secrets if len(secret) >= SHORTEST_IN_DATA)
        self._gate = Gate(secrets=secrets, max_bytes=max_bytes)
        self._retry = retry or RetryPolicy()
        self._pace = pace or Pace(config.max_requests_per_second)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.config.base_url!r})"


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
