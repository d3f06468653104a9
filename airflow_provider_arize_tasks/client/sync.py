"""The synchronous transport: ``requests``, for workers; with one limit in time for a whole request.

The read timeout of ``requests`` is one for each packet: a server that sends a byte now and then, of headers that never
end or of one ``100 Continue`` after the other, keeps it at bay for ever. Hence :func:`time_limit`.
"""

from __future__ import annotations

import io
import socket
import ssl
import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPResponse, parse_headers
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_arize_tasks.client.calls import body_of, headers_of, url_of
from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.client.incoming import RefusedReplyError, clean_text
from airflow_provider_arize_tasks.client.responses import Failure, Response, interpret, no_response, refused_body
from airflow_provider_arize_tasks.client.transport import (
    Transport,
    ca_bundle_of,
    handshake_failure,
    is_handshake_error,
    proxy_of,
    tls_context,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from types import TracebackType

    import requests
    from requests import Response as RequestsResponse
    from requests import Session
    from requests.adapters import HTTPAdapter
    from typing_extensions import Self

    from airflow_provider_arize_tasks.client.calls import Call, Reply

_ends: ContextVar[float] = ContextVar("arize_request_ends", default=float("inf"))


@contextmanager
def time_limit(ends: float) -> Iterator[None]:
    """Let requests that are sent while this lasts read nothing after a moment.

    :param ends: that moment, in monotonic seconds.
    """
    token = _ends.set(ends)
    try:
        yield
    finally:
        _ends.reset(token)


class _LimitedReader(io.RawIOBase):
    """Reads from a socket until a moment; then it times out, as the socket itself would after silence."""

    def __init__(self, raw: Any, sock: socket.socket, ends: float) -> None:
        self._raw = raw
        self._sock = sock
        self._ends = ends
        self._silence = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the response had not ended within the time for a whole request")
        if self._silence is None or left < self._silence:
            self._sock.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class LimitedResponse(HTTPResponse):
    """A response of the standard library that is read until the moment set by :func:`time_limit`."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        ends = _ends.get()
        if ends != float("inf"):
            self.fp = io.BufferedReader(_LimitedReader(self.fp.detach(), sock, ends))

    def _read_status(self) -> tuple[str, int, str]:
        """The status line of the response itself.

        The standard library passes over ``100 Continue`` alone. Any other interim response (102, 103) would count as
        the response, and the true one be taken for that of the next request on the connection.
        """
        while True:
            found: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]  # private, but as old as the class
            if not 101 < found[1] < 200:
                return found
            parse_headers(self.fp)


def _limited_adapter() -> HTTPAdapter:
    """An adapter for a ``requests.Session`` whose responses keep to :func:`time_limit`."""
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Connection(HTTPConnection):
        response_class = LimitedResponse

    class SecureConnection(HTTPSConnection):
        response_class = LimitedResponse

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    pools = {"http": Pool, "https": SecurePool}

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
            manager = super().proxy_manager_for(proxy, **kwargs)
            manager.pool_classes_by_scheme = pools
            return manager

    return Adapter()


def limited_session() -> Session:
    """A ``requests.Session`` whose responses keep to :func:`time_limit`; it keeps no cookies and follows no redirects.

    Even told not to follow redirects, ``requests`` would read their target, and crash on one that is no text.
    """
    from http.cookiejar import DefaultCookiePolicy

    from requests import Session

    class UnredirectedSession(Session):
        def get_redirect_target(self, resp: RequestsResponse) -> None:
            return None

    session = UnredirectedSession()
    # The key is all that a request says of who sends it; and each cookie kept would make every later request slower.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    for scheme in ("http://", "https://"):
        session.mount(scheme, _limited_adapter())
    return session


T = TypeVar("T")

_CHUNK = 64 * 1024


class ArizeClient(Transport):
    """Sends calls over one ``requests.Session``. A context manager; not for use by several threads at once.

    Its parameters are those of :class:`Transport`; by default a reply may have 128 MiB.
    """

    _session: requests.Session | None = None
    #: The server's clock as the latest reply told it; ``None`` before the first, or if that one didn't say.
    server_time: datetime | None = None

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

    def _attempt(self, call: Call[T], number: int) -> Reply[T]:
        pause = self._pace.reserve()
        if pause:
            time.sleep(pause)
        reply = interpret(self.config, call, self._fetch(call), gate=self._gate, attempt=number)
        self.server_time = reply.server_time
        return reply

    def _fetch(self, call: Call[Any]) -> Response:
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        session = self._session or self._open()
        outside = sys.exc_info()[1]
        ends = time.monotonic() + self.config.total_timeout
        # What is caught here is not kept as the cause: it holds the request with its key, and the proxy's password.
        try:
            with (
                time_limit(ends),
                session.request(
                    call.method,
                    url_of(self.config, call),
                    data=body_of(call),
                    headers=headers_of(self.config, call),
                    timeout=(self.config.connect_timeout, self.config.read_timeout),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                headers = {name.lower(): clean_text(value) for name, value in response.headers.items()}
                body = self._body(response)
        except (RequestException, HTTPError, OSError, ValueError) as error:
            failure, reason = classify(error, outside=outside)
            if failure is Failure.READ_TIMEOUT and time.monotonic() >= ends:
                failure = Failure.TOTAL_TIMEOUT
        else:
            if isinstance(body, bytes):
                return Response(status=response.status_code, headers=headers, body=body)
            raise refused_body(self.config, call, body)
        raise no_response(self.config, call, failure, reason)

    def _body(self, response: requests.Response) -> bytes | RefusedReplyError:
        """The body, or why it does not come in. Of a refusal, an unreadable body does not hide the refusal itself."""
        try:
            body = self._gate.body(response.headers.get("Content-Encoding"))
            while part := response.raw.read1(_CHUNK, decode_content=False):
                body.feed(part)
            return body.finish()
        except RefusedReplyError as refused:
            return refused if response.status_code < 400 else b""

    def _open(self) -> requests.Session:
        session = limited_session()
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
        return (handshake_failure(tls) if is_handshake_error(tls) else Failure.DROPPED), _words(tls)
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
