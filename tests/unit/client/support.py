"""A server that answers as told, also in ways no HTTP library would; and both transports behind one face."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.aio import AsyncArizeClient
from airflow_provider_arize_tasks.client.config import ClientConfig, config_from_fields
from airflow_provider_arize_tasks.client.sync import ArizeClient
from airflow_provider_arize_tasks.client.transport import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_arize_tasks.client.endpoints import Call, Reply

KEY = "ak-secret-of-the-tests"


@dataclass
class Request:
    """A request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def reply(status: int = 200, body: object = None, headers: dict[str, str] | None = None) -> bytes:
    """An HTTP answer as bytes; anything but bytes becomes JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + data


@dataclass
class OddServer:
    """Takes one answer after the other from its script; the last one is repeated."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    script: deque[bytes | Callable[[socket.socket], None]] = field(default_factory=deque)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self, *steps: bytes | Callable[[socket.socket], None]) -> None:
        self.script = deque(steps)

    def serve(self, listener: socket.socket) -> None:
        while not self.done.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            if connection.recv(1, socket.MSG_PEEK) == b"\x16":  # the first byte of TLS
                connection.sendall(reply(400, b""))  # as web servers answer to what is not HTTP
                return
            while request := _read(stream):
                self.requests.append(request)
                step = self.script[0] if len(self.script) == 1 else self.script.popleft()
                try:
                    if callable(step):
                        step(connection)
                        return
                    connection.sendall(step)
                except OSError:
                    return


def _read(stream: Any) -> Request | None:
    try:
        first = stream.readline().decode("latin-1").split()
        if len(first) != 3:
            return None
        headers = {}
        while line := stream.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return Request(first[0], first[1], headers, stream.read(int(headers.get("content-length", 0))))
    except OSError:
        return None


def config_for(url: str, **extra: Any) -> ClientConfig:
    return config_from_fields(
        conn_id="arize_test", password=KEY, host=url, port=None, schema=None, extra={"proxies": {}, **extra}
    )


def no_pauses(total_seconds: float = 60.0) -> tuple[RetryPolicy, list[float]]:
    """A policy on a clock of its own: pauses pass at once, and are recorded."""
    now = [0.0]
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    async def async_sleep(seconds: float) -> None:
        sleep(seconds)

    policy = RetryPolicy(
        total_seconds=total_seconds, sleep=sleep, async_sleep=async_sleep, clock=lambda: now[0], jitter=lambda: 1.0
    )
    return policy, pauses


class Transport:
    """One of the two transports, to be driven from synchronous tests."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def send_full(
        self, config: ClientConfig, call: Call[Any], policy: RetryPolicy | None = None, *, retry: bool = True
    ) -> Reply[Any]:
        policy = policy or RetryPolicy(total_seconds=0)
        if self.kind == "sync":
            with ArizeClient(config, retry=policy) as client:
                return client.send_full(call, retry=retry)

        async def go() -> Reply[Any]:
            async with AsyncArizeClient(config, retry=policy) as client:
                return await client.send_full(call, retry=retry)

        return asyncio.run(go())

    def send(self, config: ClientConfig, call: Call[Any], policy: RetryPolicy | None = None) -> Any:
        return self.send_full(config, call, policy).value
