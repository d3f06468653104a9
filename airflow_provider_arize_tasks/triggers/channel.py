"""What a whole connection shares on one event loop: its configuration, its HTTP session, its budget of requests.

The budget does no I/O and has no clock of its own, so that it can be tried on a fake one.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_arize_tasks.client.errors import (
    ArizeApiError,
    ArizeAuthenticationError,
    ArizeConfigError,
    ArizeError,
    ArizeRateLimitError,
    ArizeTransportError,
)
from airflow_provider_arize_tasks.runs.timing import throttle_wait

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_arize_tasks.client.aio import AsyncArizeClient
    from airflow_provider_arize_tasks.client.config import ClientConfig
    from airflow_provider_arize_tasks.client.endpoints import Call

#: Requests per second where the connection sets no limit and few runs are waited for.
BASE_RATE = 50.0
#: With many waits the rate may rise to this many times what looking at each once per ``_ROUND`` seconds takes.
_HEADROOM = 2.0
_ROUND = 30.0
_SLOWEST = 0.1
_MIN_SHARE = 1 / 64
_RECOVERY_SECONDS = 60.0


class Budget:
    """Hands out the moments at which requests may go, evenly spaced.

    Requests are spaced rather than counted per second, so a triggerer that starts over with thousands of waits sends an
    even stream and never a burst. A 429 stops everything for as long as the server asks (or 1 s, 2 s, 4 s ... up to a
    minute, when it doesn't say) and halves the rate, which doubles again with every minute that passes without another.

    :param limit: requests per second that the connection allows (``max_requests_per_second``); ``None`` means
        :data:`BASE_RATE`, or more where the number of waits demands it.
    """

    def __init__(self, limit: float | None = None) -> None:
        self.limit = limit
        #: Requests that one look at everything takes, about.
        self.demand = 0.0
        #: Counts up when the moments handed out so far are void.
        self.generation = 0
        self._next = 0.0
        self._resume_at = 0.0
        self._throttled = 0
        self._share = 1.0
        self._share_since = 0.0

    def share(self, now: float) -> float:
        """Which part of the full rate is used: 1, or less for a while after a 429."""
        minutes = min((now - self._share_since) / _RECOVERY_SECONDS, 10.0)
        return min(1.0, self._share * 2**minutes)

    def rate(self, now: float) -> float:
        """Requests per second at this moment."""
        full = self.limit or max(BASE_RATE, _HEADROOM * self.demand / _ROUND)
        return max(full * self.share(now), min(_SLOWEST, full))

    def reserve(self, now: float) -> float:
        """The next free moment, at or after ``now``; it is taken by asking for it."""
        moment = max(now, self._next, self._resume_at)
        self._next = moment + 1 / self.rate(moment)
        return moment

    def charge(self, now: float) -> None:
        """A request went without asking, since it could not wait: looks make room for it afterwards.

        :param now: this moment.
        """
        self._next = max(self._next, now) + 1 / self.rate(now)

    def throttled(self, now: float, retry_after: float | None, spread: float = 0.0) -> float:
        """The server answered 429: nothing goes for a while. All moments handed out so far are void.

        :param now: this moment.
        :param retry_after: seconds the server asked for, if it did.
        :param spread: a random number in ``[0, 1)``, against many triggerers coming back in step.
        :return: seconds until requests go again.
        """
        if now >= self._resume_at:  # otherwise this answers a request sent before the pause
            self._throttled += 1
            self._share = max(self.share(now) / 2, _MIN_SHARE)
        self._resume_at = max(self._resume_at, now + throttle_wait(self._throttled, retry_after, spread))
        self._share_since = self._resume_at
        self._next = self._resume_at
        self.generation += 1
        return self._resume_at - now

    def answered(self) -> None:
        """The server answered with something other than 429."""
        self._throttled = 0


T = TypeVar("T")

log = logging.getLogger(__name__)

#: Most requests under way at once.
MAX_CONCURRENT = 20
#: Seconds after which the connection is read again, so that what was changed in it counts without a restart.
REREAD_SECONDS = 600.0
#: Seconds between reading it because of a 401, and between attempts to read it at all.
REREAD_PAUSE = 5.0


class _Opened:
    """A client in use; it is closed when it was replaced and its last request is through."""

    def __init__(self, config: ClientConfig, client: AsyncArizeClient) -> None:
        self.config = config
        self.client = client
        self.users = 0
        self.is_replaced = False


class Channel:
    """Sends calls over one connection, for everybody on one event loop who uses it.

    The Airflow connection is read when the first call is made, again every ten minutes, and at once when the server
    refuses the key (a rotated key is picked up by the waits that are under way). All of it happens off the event loop.

    :param conn_id: the Airflow connection.
    """

    def __init__(self, conn_id: str) -> None:
        self.conn_id = conn_id
        self.budget = Budget()
        self._opened: _Opened | None = None
        self._read_at = float("-inf")
        self._problem: ArizeError | None = None
        self._lock = asyncio.Lock()
        self._room = asyncio.Semaphore(MAX_CONCURRENT)

    async def ask(self, call: Call[T]) -> T:
        """Send a call, once, when the budget allows it.

        :raises ArizeError: one of its subclasses; ``ArizeConfigError`` also when the connection can't be used.
        """
        async with self._room:
            await self._turn()
            return await self._ask(call)

    async def ask_now(self, call: Call[T]) -> T:
        """Send a call at once: a kill cancels first and asks the budget later, be it in a pause after a 429.

        :raises ArizeError: as :meth:`ask`.
        """
        self.budget.charge(asyncio.get_running_loop().time())
        return await self._ask(call)

    async def _ask(self, call: Call[T]) -> T:
        opened = await self._open()
        try:
            return await self._send(opened, call)
        except ArizeAuthenticationError:
            fresh = await self._open(refused=opened)
            if fresh is opened:
                raise
            log.info("Connection %r was changed; using its new key", self.conn_id)
            return await self._send(fresh, call)

    async def close(self) -> None:
        """Close the session."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.client.close()

    async def _turn(self) -> None:
        """Wait until the budget has a free moment."""
        loop = asyncio.get_running_loop()
        while True:
            generation, now = self.budget.generation, loop.time()
            moment = self.budget.reserve(now)
            if moment > now:
                await asyncio.sleep(moment - now)
            if generation == self.budget.generation:
                return

    async def _send(self, opened: _Opened, call: Call[T]) -> T:
        opened.users += 1
        try:
            reply = await opened.client.send(call, retry=False)
        except ArizeRateLimitError as error:
            now = asyncio.get_running_loop().time()
            pause = self.budget.throttled(now, error.retry_after, random.random())  # noqa: S311  # jitter, no secret
            log.debug("429 on connection %r: nothing goes for %.1f s", self.conn_id, pause)
            raise
        except ArizeApiError:
            self.budget.answered()
            raise
        finally:
            opened.users -= 1
            if opened.is_replaced and not opened.users:
                await opened.client.close()
        self.budget.answered()
        return reply

    async def _open(self, refused: _Opened | None = None) -> _Opened:
        """The client to use.

        :param refused: a client whose key the server refused: read the connection again, unless that was just done.
        """
        now = asyncio.get_running_loop().time()
        if self._opened is not None and refused is None and now - self._read_at < REREAD_SECONDS:
            return self._opened
        async with self._lock:
            now = asyncio.get_running_loop().time()
            is_due = now - self._read_at >= (REREAD_PAUSE if refused or self._opened is None else REREAD_SECONDS)
            if is_due and (refused is None or refused is self._opened):
                self._read_at = now
                await self._reread()
            if self._opened is not None:
                return self._opened
            if self._problem is not None:
                raise self._problem.with_traceback(None)
            raise ArizeConfigError(f"connection {self.conn_id!r} can't be used")

    async def _reread(self) -> None:
        """Read the connection; keep the client if nothing has changed, or if the connection can't be read."""
        try:
            config = await read_config(self.conn_id)
            if self._opened is None or config != self._opened.config:
                self._replace(_Opened(config, await _make_client(config)))
            self._problem = None
        except ArizeError as error:
            self._problem = error
            log.debug("Connection %r can't be used: %s", self.conn_id, error)

    def _replace(self, opened: _Opened) -> None:
        before, self._opened = self._opened, opened
        _warn_once(opened.config.risks)
        self.budget.limit = opened.config.max_requests_per_second
        if before is not None:
            before.is_replaced = True
            if not before.users:
                closing = asyncio.ensure_future(before.client.close())
                closing.add_done_callback(lambda _: before)  # keeps a reference until it is through


#: What this process has warned of. A channel lives as long as somebody waits, so it may come and go every minute.
_warned: set[str] = set()


def _warn_once(risks: Iterable[str]) -> None:
    for risk in risks:
        if risk not in _warned:
            _warned.add(risk)
            log.warning("%s", risk)


async def read_config(conn_id: str) -> ClientConfig:
    """Read an Airflow connection without blocking the event loop. Its secrets are masked in the logs from here on.

    :raises ArizeConfigError: there is no such connection, or it can't be used.
    :raises ArizeTransportError: it could not be read (secrets backend or API server down).
    """
    from airflow_provider_arize_tasks.hooks.masking import mask_secrets_on_loop

    config = await _read(conn_id)
    await mask_secrets_on_loop(config.secrets)
    return config


async def _read(conn_id: str) -> ClientConfig:
    from airflow.providers.common.compat.connection import get_async_connection
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    from airflow_provider_arize_tasks.client.config import config_from_fields
    from airflow_provider_arize_tasks.hooks.environment import config_without_connection

    try:
        connection = await get_async_connection(conn_id)
        extra = await _extra_of(connection)
    except AirflowNotFoundException as error:
        config = config_without_connection(conn_id)
        if config is None:
            raise ArizeConfigError(f"connection {conn_id!r} does not exist") from error
        return config
    except Exception as error:  # a secrets backend may raise anything; it becomes a failed look
        text = f"connection {conn_id!r} could not be read: {type(error).__name__}: {error}"
        raise ArizeTransportError(text) from error
    return config_from_fields(
        conn_id=conn_id,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        schema=connection.schema,
        extra=extra,
    )


async def _extra_of(connection: Any) -> dict[str, Any]:
    """The connection's extra. Its secrets get masked, which on an event loop must not be done synchronously."""
    if hasattr(connection, "aextra_dejson"):  # Airflow 3.3.2 and later
        extra = await connection.aextra_dejson()
    else:
        # Not asyncio.to_thread, for the reason given in hooks/masking.py.
        from asgiref.sync import sync_to_async

        extra = await sync_to_async(lambda: connection.extra_dejson)()
    return dict(extra) if isinstance(extra, dict) else {}


async def _make_client(config: ClientConfig) -> AsyncArizeClient:
    """A client that leaves pacing to the channel. Importing ``aiohttp`` takes a while, so that happens in a thread."""
    await asyncio.to_thread(_import_transport)
    from airflow_provider_arize_tasks.client.aio import AsyncArizeClient
    from airflow_provider_arize_tasks.client.transport import Pace

    return AsyncArizeClient(config, pace=Pace(None), connections=MAX_CONCURRENT)


def _import_transport() -> None:
    import aiohttp  # noqa: F401
    import certifi  # noqa: F401
    import tenacity  # noqa: F401
    import yarl  # noqa: F401

    import airflow_provider_arize_tasks.client.aio  # noqa: F401
