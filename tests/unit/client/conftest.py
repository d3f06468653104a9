from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.unit.client.support import OddServer, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def odd_server() -> Iterator[OddServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = OddServer(port=listener.getsockname()[1])
        thread = threading.Thread(target=server.serve, args=(listener,), daemon=True)
        thread.start()
        yield server
        server.done.set()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(params=["sync", "async"])
def transport(request: pytest.FixtureRequest) -> Transport:
    return Transport(request.param)
