"""Stands between Airflow and the emulator and poisons, once it is told to, what comes back from looks at runs."""

from __future__ import annotations

import http.client
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from tests.e2e.poisons.poison import Poison

LOOK = re.compile(r"/v2/(?:task-runs/(?P<run>[^/?]+)|tasks/(?P<task>[^/?]+)/runs\b.*)$")


class Gateway:
    """A gateway on a port of its own.

    :param url: of the emulator behind it.
    :ivar poisons: by the id of the task whose runs it poisons; empty until somebody fills it.
    :ivar served: how many poisoned replies went out, by task id.
    """

    def __init__(self, url: str) -> None:
        self.behind = urlsplit(url)
        self.poisons: dict[str, Poison] = {}
        self.served: dict[str, int] = {}
        handler = type("Handler", (_Handler,), {"gateway": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, str, bytes]:
        """Status, type and body of the emulator's answer."""
        connection = http.client.HTTPConnection(str(self.behind.hostname), self.behind.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return reply.status, reply.headers.get("Content-Type", "application/json"), reply.read()
        finally:
            connection.close()

    def poisoned(self, path: str, body: bytes) -> tuple[Poison, bytes] | None:
        """The poison for a look, and its bytes; ``None`` where it goes through as it is."""
        look = LOOK.match(path)
        if look is None or not self.poisons:
            return None
        found: dict[str, Any] = json.loads(body)
        run = found if look["run"] else next(iter(found["task_runs"]), {"task_id": unquote(look["task"])})
        poison = self.poisons.get(str(run.get("task_id")))
        if poison is None:
            return None
        self.served[run["task_id"]] = self.served.get(run["task_id"], 0) + 1
        made = poison.body(run)
        is_run = poison.status == 200 and "Content-Encoding" not in poison.headers
        return poison, b'{"task_runs": [%s]}' % made if look["task"] and is_run else made


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gateway: Gateway

    def do_GET(self) -> None:
        self._pass("GET")

    def do_POST(self) -> None:
        self._pass("POST")

    def _pass(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(length) if length else None
        headers = {"Authorization": "Bearer k", "Content-Type": "application/json"}
        status, kind, body = self.gateway.ask(method, self.path, headers, sent)
        found = self.gateway.poisoned(self.path, body) if method == "GET" and status == 200 else None
        more: dict[str, str] = {}
        if found is not None:
            poison, body = found
            status, more = poison.status, dict(poison.headers)
        self.send_response(status)
        for name, value in {"Content-Type": kind, **more, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
