"""The asynchronous transport: ``aiohttp``, for the triggerer."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_arize_tasks.client.calls import body_of, headers_of, url_of
from airflow_provider_arize_tasks.client.incoming import (
    MAX_BYTES_IN_TRIGGERER,
    MAX_BYTES_ON_LOOP,
    RefusedReplyError,
    clean_text,
)
from airflow_provider_arize_tasks.client.responses import Failure, Response, interpret, no_response, refused_body
from airflow_provider_arize_tasks.client.transport import (
    Transport,
    handshake_failure,
    is_handshake_error,
    proxy_of,
    tls_context,
)

if TYPE_CHECKING:
    from types import TracebackType

    import aiohttp
    from typing_extensions import Self

    from airflow_provider_arize_tasks.client.calls import Call, Reply
    from airflow_provider_arize_tasks.client.config import ClientConfig
    from airflow_provider_arize_tasks.client.transport import Pace, RetryPolicy

T = TypeVar("T")


class AsyncArizeClient(Transport):
    """Sends calls over one ``aiohttp.ClientSession``, opened by the first of them. An asynchronous context manager.

    :param connections: most connections kept open at once. The other parameters are those of :class:`Transport`; by
        default a reply may have 4 MiB.
    """

    _session: aiohttp.ClientSession | None = None
    _proxy: str | None = None

    def __init__(
        self,
        config: ClientConfig,
        *,
        retry: RetryPolicy | None = None,
        pace: Pace | None = None,
        connections: int = 20,
        max_bytes: int = MAX_BYTES_IN_TRIGGERER,
    ) -> None:
        super().__init__(config, retry=retry, pace=pace, max_bytes=max_bytes)
        self._connections = connections
        self._opening = asyncio.Lock()

    async def send(self, call: Call[T], *, retry: bool = True) -> T:
        """Send a call and return its reply.

        :param call: from ``client.endpoints``.
        :param retry: ``False`` makes one attempt only, for callers that have a tolerance of their own.
        :raises ArizeError: one of its subclasses, see ``client.errors``.
        """
        return (await self.send_full(call, retry=retry)).value

    async def send_full(self, call: Call[T], *, retry: bool = True) -> Reply[T]:
        """As :meth:`send`, with the server's clock and the request id."""
        if not retry:
            return await self._attempt(call, 1)
        async for attempt in self._retry.async_retrying(call):
            with attempt:
                return await self._attempt(call, attempt.retry_state.attempt_number)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def close(self) -> None:
        """Close the connections. The client can be used again and then opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _attempt(self, call: Call[T], number: int) -> Reply[T]:
        pause = self._pace.reserve()
        if pause:
            await asyncio.sleep(pause)
        response = await self._fetch(call)
        if len(response.body) > MAX_BYTES_ON_LOOP:
            return await asyncio.to_thread(interpret, self.config, call, response, gate=self._gate, attempt=number)
        return interpret(self.config, call, response, gate=self._gate, attempt=number)

    async def _fetch(self, call: Call[Any]) -> Response:
        from aiohttp import ClientError
        from yarl import URL

        session = self._session or await self._open()
        loop = asyncio.get_running_loop()
        ends = loop.time() + self.config.total_timeout
        # What is caught here is not kept as the cause: it holds the request with its key, and the proxy's password.
        try:
            async with session.request(
                call.method,
                # Already encoded: yarl would decode and re-encode the ids in its own way.
                URL(url_of(self.config, call), encoded=True),
                data=body_of(call),
                headers=headers_of(self.config, call),
                proxy=self._proxy,
                allow_redirects=False,
                skip_auto_headers=("Content-Type",),
            ) as response:
                headers = {name.lower(): clean_text(value) for name, value in response.headers.items()}
                body = await self._body(response)
        except (ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            failure, reason = classify(error)
            if failure is Failure.READ_TIMEOUT and loop.time() >= ends:
                failure = Failure.TOTAL_TIMEOUT
        else:
            if isinstance(body, bytes):
                return Response(status=response.status, headers=headers, body=body)
            raise refused_body(self.config, call, body)
        raise no_response(self.config, call, failure, reason)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes | RefusedReplyError:
        """The body, or why it does not come in. Of a refusal, an unreadable body does not hide the refusal itself."""
        try:
            body = self._gate.body(response.headers.get("Content-Encoding"))
            async for part in response.content.iter_any():
                body.feed(part)
            return body.finish()
        except RefusedReplyError as refused:
            return refused if response.status < 400 else b""

    async def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        async with self._opening:
            if self._session is not None:
                return self._session
            # Reading the certificate authorities takes tens of milliseconds: not on the event loop.
            context = await asyncio.to_thread(tls_context, self.config)
            # Once per session: going through the environment takes longer than the rest of a request.
            self._proxy = proxy_of(self.config)
            timeout = aiohttp.ClientTimeout(
                total=self.config.total_timeout,
                sock_connect=self.config.connect_timeout,
                sock_read=self.config.read_timeout,
            )
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ssl=context),
                timeout=timeout,
                # The environment is read by network.py; left to aiohttp, a ~/.netrc entry would replace the API key.
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # the gate does it, with a limit
            )
            # When a connection drops, aiohttp would send idempotent requests a second time by itself, unseen by the
            # policy that counts attempts (and by a DELETE that must know which it is). It has no public switch.
            session._retry_connection = False  # noqa: SLF001
            self._session = session
            return session


def classify(error: Exception) -> tuple[Failure, str]:
    """What an error of ``aiohttp`` means.

    :param error: a ``ClientError``, a timeout or an ``OSError``.
    :return: the failure, and its cause in words.
    """
    import aiohttp

    reason = _words(error)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Failure.TLS, reason
    if isinstance(error, UnicodeError):
        return Failure.DROPPED, reason  # of the response: what goes out is all ASCII
    if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError, ValueError)):
        return Failure.PROXY, reason  # of URLs only the proxy's may be wrong, the server's own was checked before
    if isinstance(error, aiohttp.ClientConnectorError):
        return _connect_failure(error.os_error), reason
    if isinstance(error, asyncio.TimeoutError):
        return _timeout(error), ""
    return Failure.DROPPED, reason


def _connect_failure(error: OSError) -> Failure:
    import socket

    if isinstance(error, socket.gaierror):
        return Failure.UNKNOWN_HOST
    if isinstance(error, ssl.SSLError):
        return handshake_failure(error) if is_handshake_error(error) else Failure.BROKE_OFF
    return Failure.BROKE_OFF if isinstance(error, ConnectionResetError) else Failure.REFUSED


def _timeout(error: BaseException) -> Failure:
    import aiohttp

    kind = getattr(aiohttp, "ConnectionTimeoutError", None)  # aiohttp 3.10 and later; before, only the text tells
    if (kind is not None and isinstance(error, kind)) or str(error).startswith("Connection timeout"):
        return Failure.CONNECT_TIMEOUT
    return Failure.READ_TIMEOUT


def _words(error: BaseException) -> str:
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return text or type(inner).__name__
