"""The synchronous transport: ``requests``, for workers."""

from __future__ import annotations

import socket
import ssl
import sys
import time
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_arize_tasks.client.errors import ArizeError, ArizeReplyError
from airflow_provider_arize_tasks.client.exchange import (
    MAX_BODY_BYTES,
    Answer,
    Failure,
    body_of,
    headers_of,
    interpret,
    no_answer,
    url_of,
)
from airflow_provider_arize_tasks.client.network import ca_bundle_of, is_handshake_error, proxy_of, tls_context
from airflow_provider_arize_tasks.client.retry import Pace, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from types import TracebackType

    import requests
    from typing_extensions import Self

    from airflow_provider_arize_tasks.client.calls import Call, Reply
    from airflow_provider_arize_tasks.client.config import ClientConfig

T = TypeVar("T")

_CHUNK = 64 * 1024
_SMALL_CHUNK = 64


class ArizeClient:
    """Sends calls over one ``requests.Session``. A context manager; not for use by several threads at once.

    :param config: which server, with which key.
    :param retry: when to send a request again; default :class:`RetryPolicy`.
    :param pace: spaces requests out; default is the configuration's own limit.
    """

    def __init__(self, config: ClientConfig, *, retry: RetryPolicy | None = None, pace: Pace | None = None) -> None:
        self.config = config
        self._retry = retry or RetryPolicy()
        self._pace = pace or Pace(config.max_requests_per_second)
        self._session: requests.Session | None = None
        #: The server's clock as the latest reply told it; ``None`` before the first, or if that one didn't say.
        self.server_time: datetime | None = None

    def send(self, call: Call[T], *, retry: bool = True) -> T:
        """Send a call and return its reply.

        :param call: from ``client.endpoints``.
        :param retry: ``False`` makes one attempt only.
        :raises ArizeError: one of its subclasses, see ``client.errors``.
        """
        return self.send_full(call, retry=retry).value

    def send_full(self, call: Call[T], *, retry: bool = True) -> Reply[T]:
        """As :meth:`send`, with the server's clock and the request id."""
        if not retry:
            return self._attempt(call, 1)
        for attempt in self._retry.retrying(call):
            with attempt:
                return self._attempt(call, attempt.retry_state.attempt_number)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def close(self) -> None:
        """Close the connections. The client can be used again and then opens new ones."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ArizeClient({self.config.base_url!r})"

    def _attempt(self, call: Call[T], number: int) -> Reply[T]:
        pause = self._pace.reserve()
        if pause:
            time.sleep(pause)
        reply = interpret(self.config, call, self._exchange(call), attempt=number)
        self.server_time = reply.server_time
        return reply

    def _exchange(self, call: Call[Any]) -> Answer:
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        session = self._session or self._open()
        outside = sys.exc_info()[1]
        try:
            with session.request(
                call.method,
                url_of(self.config, call),
                data=body_of(call),
                headers=headers_of(self.config, call),
                timeout=(self.config.connect_timeout, self.config.read_timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                response.raw.enforce_content_length = True  # urllib3 before 2 takes half an answer for a whole one
                body = self._body(call, response)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(status=response.status_code, headers=headers, body=body)
        except (RequestException, HTTPError) as error:
            failure, reason = classify(error, outside=outside)
            raise no_answer(self.config, call, failure, reason) from error

    def _body(self, call: Call[Any], response: requests.Response) -> bytes:
        """The body, but not without end: the read timeout alone is per packet, and a trickle would keep it at bay."""
        deadline = time.monotonic() + 5 * self.config.read_timeout
        parts, size = [], 0
        for part in _parts(response):
            parts.append(part)
            size += len(part)
            if size > MAX_BODY_BYTES:
                text = f"{self.config.label}: {call.what}: the answer is longer than {MAX_BODY_BYTES >> 20} MiB"
                raise ArizeReplyError(text, outcome_unknown=call.changes)
            if time.monotonic() > deadline:
                raise no_answer(self.config, call, Failure.READ_TIMEOUT, "the answer trickled in without end")
        return b"".join(parts)

    def _open(self) -> requests.Session:
        import requests

        session = requests.Session()
        # The environment is read by network.py, for both transports alike; left to requests, a ~/.netrc entry for the
        # host would replace the API key.
        session.trust_env = False
        session.verify = ca_bundle_of(self.config)
        if isinstance(session.verify, str):
            tls_context(self.config)  # says what is wrong with the bundle; requests would blame the connection
        proxy = proxy_of(self.config)
        if proxy:
            session.proxies = {"http": proxy, "https": proxy}
        self._session = session
        return session


def _parts(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes in. ``iter_content`` would wait until a whole chunk is there."""
    read = getattr(response.raw, "read1", None)
    if read is None:  # urllib3 before 2.3; a small chunk is soon whole
        yield from response.iter_content(_SMALL_CHUNK)
        return
    while part := read(_CHUNK, decode_content=True):
        yield part


def classify(error: Exception, *, outside: BaseException | None = None) -> tuple[Failure, str]:
    """What an error of ``requests`` means.

    :param error: a ``requests.RequestException``, or one of ``urllib3`` while the body is read.
    :param outside: what the caller was handling when the request was sent; Python notes it as a context of the error,
        and it has nothing to do with it.
    :return: the failure, and the innermost cause in words.
    """
    from requests import exceptions
    from urllib3 import exceptions as low

    causes = _causes(error, outside)
    reason = _words(causes[-1])
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if tls is not None:
        return (Failure.TLS if is_handshake_error(tls) else Failure.DROPPED), _words(tls)
    if isinstance(error, (exceptions.InvalidURL, exceptions.InvalidSchema)):
        return Failure.PROXY, reason  # the server's own URL was checked before, so it is the proxy's
    if isinstance(error, exceptions.ProxyError):
        return (Failure.PROXY if _never_got_through(causes) else Failure.DROPPED), reason
    if isinstance(error, exceptions.ConnectTimeout):
        return Failure.CONNECT_TIMEOUT, ""
    if any(isinstance(cause, (exceptions.ReadTimeout, low.ReadTimeoutError)) for cause in causes):
        return Failure.READ_TIMEOUT, ""
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Failure.UNKNOWN_HOST, reason
    if any(isinstance(cause, low.NewConnectionError) for cause in causes):
        return Failure.REFUSED, reason
    return Failure.DROPPED, reason


def _never_got_through(causes: list[BaseException]) -> bool:
    """Whether a proxy could not be connected to, or refused the tunnel.

    ``requests`` calls it an error of the proxy, too, when a connection broke off that the request was sent over.
    """
    from urllib3 import exceptions as low

    return any(
        isinstance(cause, (low.NewConnectionError, low.ConnectTimeoutError))
        or (isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed"))
        for cause in causes
    )


def _causes(error: BaseException, outside: BaseException | None) -> list[BaseException]:
    """An error and all that is inside it: ``requests`` and ``urllib3`` wrap causes as arguments and as ``reason``."""
    found: list[BaseException] = []
    queue: list[object] = [error]
    while queue:
        item = queue.pop(0)
        if not isinstance(item, BaseException) or item is outside or item in found:
            continue
        found.append(item)
        queue += [getattr(item, "reason", None), *item.args, item.__cause__, item.__context__]
    return found


def _words(error: BaseException) -> str:
    if isinstance(error, ArizeError):
        return ""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text or type(error).__name__
