"""One limit in time for a whole HTTP request of ``requests``, headers and interim responses included.

The read timeout of ``requests`` is one for each packet: a server that sends a byte now and then, of headers that never
end or of one ``100 Continue`` after the other, keeps it at bay for ever.
"""

from __future__ import annotations

import io
import time
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPResponse, parse_headers
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from requests import Response, Session
    from requests.adapters import HTTPAdapter

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
    """A ``requests.Session`` whose responses keep to :func:`time_limit`, and which never looks where one redirects to.

    Even told not to follow redirects, ``requests`` would read their target, and crash on one that is no text.
    """
    from requests import Session

    class UnredirectedSession(Session):
        def get_redirect_target(self, resp: Response) -> None:
            return None

    session = UnredirectedSession()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _limited_adapter())
    return session
