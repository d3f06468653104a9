"""Each request has one limit in time and one in size, on both transports alike."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.aio import AsyncArizeClient
from airflow_provider_arize_tasks.client.errors import ArizeReplyError, ArizeServerError, ArizeTransportError
from airflow_provider_arize_tasks.client.incoming import MAX_BYTES_IN_TRIGGERER
from airflow_provider_arize_tasks.client.sync import ArizeClient
from airflow_provider_arize_tasks.client.transport import RetryPolicy
from tests.unit.client.support import OddServer, Transport, config_for, reply

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

RUN = {"id": "VGFza1J1bjoxOmE=", "status": "RUNNING"}
GET = endpoints.get_task_run("VGFza1J1bjoxOmE=")
TRIGGER = endpoints.trigger_task_run("VGFzazoxOmE=", {})
#: Seconds: one request may take 0.2 + 5 x 0.2.
QUICK = {"connect": 0.2, "read": 0.2}


def drip(start: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    """Sends a little every 50 ms, for ten seconds."""

    def send(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.sendall(start)
            for _ in range(200):
                connection.sendall(piece)
                time.sleep(0.05)

    return send


@pytest.mark.parametrize(
    "step",
    [
        drip(b"HTTP/1.1 200 OK\r\n", b"X-More: of them\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        drip(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        drip(b"H", b"T"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00", b"\x00"),
    ],
    ids=["headers", "one header", "100", "102", "status line", "body", "chunks", "gzip"],
)
def test_a_trickle_of_anything_ends(transport: Transport, odd_server: OddServer, step: Any) -> None:
    odd_server.answers(step)
    began = time.monotonic()
    with pytest.raises((ArizeTransportError, ArizeReplyError)) as caught:
        transport.send(config_for(odd_server.url, timeout=QUICK), TRIGGER)
    assert time.monotonic() - began < 4
    assert caught.value.outcome_unknown


def test_the_limit_for_a_whole_request_is_told_from_silence(transport: Transport, odd_server: OddServer) -> None:
    odd_server.answers(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "))
    with pytest.raises(ArizeTransportError, match=r"whole response within 1\.2 s.*extra 'timeout'"):
        transport.send(config_for(odd_server.url, timeout=QUICK), GET)


def test_an_interim_response_is_passed_over(transport: Transport, odd_server: OddServer) -> None:
    odd_server.answers(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + reply(200, RUN))
    assert transport.send(config_for(odd_server.url), GET).id == RUN["id"]


def test_a_connection_that_is_kept_has_a_new_limit_for_each_request(odd_server: OddServer) -> None:
    odd_server.answers(reply(200, RUN))
    with ArizeClient(config_for(odd_server.url, timeout=QUICK)) as client:
        for _ in range(4):
            client.send(GET)
            time.sleep(0.4)  # all four take longer than one may
    assert len(odd_server.requests) == 4


def big(size: int) -> dict[str, str]:
    return {**RUN, "failure_reason": "x" * size}


def send(kind: str, server: OddServer, max_bytes: int | None = None) -> Any:
    options: dict[str, Any] = {} if max_bytes is None else {"max_bytes": max_bytes}
    policy = RetryPolicy(total_seconds=0)
    if kind == "sync":
        with ArizeClient(config_for(server.url), retry=policy, **options) as client:
            return client.send(GET)

    async def go() -> Any:
        async with AsyncArizeClient(config_for(server.url), retry=policy, **options) as client:
            return await client.send(GET)

    return asyncio.run(go())


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("packed", [False, True])
def test_size_is_bounded(kind: str, packed: bool, odd_server: OddServer) -> None:
    data = json.dumps(big(100_000)).encode()
    head = {"Content-Encoding": "gzip"} if packed else {}
    odd_server.answers(reply(200, gzip.compress(data) if packed else data, head))
    assert send(kind, odd_server, len(data)).to_dict() == big(100_000)
    with pytest.raises(ArizeReplyError, match="the response can't be used: it is longer than"):
        send(kind, odd_server, len(data) - 1)


def test_a_bomb_stops_no_event_loop(odd_server: OddServer) -> None:
    """20 kB that unpack to 20 MB of JSON: a second task on the loop goes on meanwhile."""
    bomb = gzip.compress(b"[" + b"0," * (10 << 20) + b"0]", 9)
    odd_server.answers(reply(200, bomb, {"Content-Encoding": "gzip"}))
    gaps: list[float] = []

    async def watch() -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(0.005)
            gaps.append(time.monotonic() - before)
            before = time.monotonic()

    async def go() -> None:
        watcher = asyncio.ensure_future(watch())
        async with AsyncArizeClient(config_for(odd_server.url), retry=RetryPolicy(total_seconds=0)) as client:
            with pytest.raises(ArizeReplyError, match="is longer than 4 MiB"):
                await client.send(GET)
        watcher.cancel()

    asyncio.run(go())
    assert MAX_BYTES_IN_TRIGGERER == 4 << 20
    assert max(gaps) < 0.5


def test_a_long_reply_is_read_beside_the_event_loop(odd_server: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[object] = []
    to_thread = asyncio.to_thread

    async def noted(function: Any, *args: Any, **kwargs: Any) -> Any:
        threads.append(function.__name__)
        return await to_thread(function, *args, **kwargs)

    monkeypatch.setattr(asyncio, "to_thread", noted)
    odd_server.answers(reply(200, big(100)), reply(200, big(300_000)))
    assert send("async", odd_server).to_dict() == big(100)
    assert "interpret" not in threads
    assert send("async", odd_server).to_dict() == big(300_000)
    assert "interpret" in threads


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", json.dumps(RUN).encode()),
        ("deflate", json.dumps(RUN).encode()),
        ("deflate", zlib.compress(json.dumps(RUN).encode())),
        ("identity", json.dumps(RUN).encode()),
    ],
)
def test_content_encodings_right_and_wrong(
    transport: Transport, odd_server: OddServer, encoding: str, body: bytes
) -> None:
    odd_server.answers(reply(200, body, {"Content-Encoding": encoding}))
    assert transport.send(config_for(odd_server.url), GET).to_dict() == RUN


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("br", b"whatever"), ("gzip", gzip.compress(b"{}", mtime=0)[:-4]), ("gzip", b"\x1f\x8b broken")],
)
def test_what_can_not_be_unpacked(transport: Transport, odd_server: OddServer, encoding: str, body: bytes) -> None:
    odd_server.answers(reply(200, body, {"Content-Encoding": encoding}))
    with pytest.raises(ArizeReplyError, match="the response can't be used") as caught:
        transport.send(config_for(odd_server.url), TRIGGER)
    assert caught.value.outcome_unknown


def test_a_refusal_that_can_not_be_unpacked_is_a_refusal(transport: Transport, odd_server: OddServer) -> None:
    odd_server.answers(reply(503, b"whatever", {"Content-Encoding": "br"}))
    with pytest.raises(ArizeServerError, match="refused with 503"):
        transport.send(config_for(odd_server.url), GET)


def test_what_is_asked_for(transport: Transport, odd_server: OddServer) -> None:
    odd_server.answers(reply(200, RUN))
    transport.send(config_for(odd_server.url), GET)
    assert odd_server.requests[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("value", ["999999999", "9" * 20, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_huge_retry_after_is_an_hour(transport: Transport, odd_server: OddServer, value: str) -> None:
    odd_server.answers(reply(503, {}, {"Retry-After": value}))
    with pytest.raises(ArizeServerError) as caught:
        transport.send(config_for(odd_server.url), GET)
    assert caught.value.retry_after == 3600
