"""What came in: counted, and recorded within bounds."""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from airflow_provider_arize_tasks.emulator.faults import Fault, FaultBook
from airflow_provider_arize_tasks.emulator.requests import WORLD, operation_of, template_of

if TYPE_CHECKING:
    import asyncio

#: Headers whose values are recorded; of all others only the name is.
RECORDED_HEADERS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"}
)
NOT_RECORDED = "(not recorded)"
MOST_REQUESTS = 50_000
MOST_BYTES_OF_A_BODY = 64 * 1024
MOST_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Traffic:
    """What came in: recorded requests, counts per operation and per status.

    :ivar requests: the latest requests, with the bytes that each is counted for.
    :ivar kept_bytes: these bytes in all.
    :ivar outage_until: time (``time.monotonic``) until which every request of the API is dropped or refused.
    :ivar outage_status: status sent during an outage; ``None`` drops the connection.
    :ivar late: requests that were given up and take effect later.
    """

    requests: deque[tuple[dict[str, Any], int]] = field(default_factory=deque)
    kept_bytes: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    faults: FaultBook = field(default_factory=FaultBook)
    outage_until: float = 0.0
    outage_status: int | None = None
    open_now: int = 0
    open_most: int = 0
    total: int = 0
    late: set[asyncio.Task[None]] = field(default_factory=set)

    async def note(self, request: web.Request, response: web.StreamResponse | None, fault: Fault | None) -> None:
        """Count a request and keep it: no credentials, and no body where the emulator refused it.

        :param response: the answer; ``None`` for a connection that closes without one.
        :param fault: what struck it.
        """
        status = None if response is None else response.status
        is_known = request.match_info.route.resource is not None
        self.operations[operation_of(request) if is_known else f"{request.method} (no such endpoint)"] += 1
        self.statuses[str(status)] += 1
        world = request.app[WORLD]
        if not world.settings.record_requests:
            return
        is_refused = fault is None and status is not None and status >= 400
        body, size = (None, 0) if is_refused else await _body(request)
        headers = recorded_headers(request)
        record = {
            "number": self.total,
            "time_ms": world.clock.now_ms(),
            "method": request.method,
            "path": request.rel_url.raw_path,
            "template": template_of(request),
            "query": [list(pair) for pair in request.query.items()],
            "query_string": request.rel_url.raw_query_string,
            "headers": headers,
            "body": body,
            "status": status,
            "fault": fault.kind if fault else None,
        }
        self._keep(record, size + len(request.raw_path) + sum(map(len, headers)))

    def _keep(self, record: dict[str, Any], size: int) -> None:
        self.requests.append((record, size))
        self.kept_bytes += size
        while len(self.requests) > MOST_REQUESTS or self.kept_bytes > MOST_BYTES:
            self.kept_bytes -= self.requests.popleft()[1]

    def forget(self) -> None:
        """Forget recorded requests and counters."""
        self.requests.clear()
        self.kept_bytes = 0
        self.operations.clear()
        self.statuses.clear()


TRAFFIC: web.AppKey[Traffic] = web.AppKey("traffic", Traffic)


def recorded_headers(request: web.Request) -> dict[str, str]:
    """The headers of a request as they are recorded; ``Authorization`` is left out altogether."""
    return {
        name: value if name.lower() in RECORDED_HEADERS else NOT_RECORDED
        for name, value in request.headers.items()
        if name.lower() != "authorization"
    }


async def _body(request: web.Request) -> tuple[Any, int]:
    """A request's JSON, or its text where it is none, and its size; a long one is not kept."""
    try:
        raw = await request.read()
    except (OSError, web.RequestPayloadError, web.HTTPException):
        return None, 0
    if len(raw) > MOST_BYTES_OF_A_BODY:
        return f"({len(raw)} bytes, not recorded)", 0
    try:
        return (json.loads(raw) if raw else None), len(raw)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "replace"), len(raw)
