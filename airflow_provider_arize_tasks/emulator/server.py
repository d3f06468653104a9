"""The server process: sockets, start and stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

from aiohttp import web

from airflow_provider_arize_tasks.emulator.app import make_app
from airflow_provider_arize_tasks.emulator.control_routes import GO_AWAY, SEED
from airflow_provider_arize_tasks.emulator.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_arize_tasks.emulator.world import World


LONGEST_LINE = 16 * 1024 * 1024


class Server:
    """A listening emulator that can stop listening for a while and come back with its state.

    :param world: its state.
    :param host: address to listen on.
    :param port: port; 0 for a free one.
    :param api_key: the only bearer token to accept; any by default.
    :param seed: fills an empty world; used at the start and on reset.
    :param allowed_hosts: host names it answers to besides ``host`` and those of the loopback interface.
    """

    def __init__(
        self,
        world: World,
        host: str,
        port: int,
        api_key: str | None,
        seed: Callable[[World], None],
        allowed_hosts: Sequence[str] = (),
    ) -> None:
        self.host, self.port = host, port
        seed(world)
        app = make_app(world, api_key, Guard.of([host, *allowed_hosts]))
        app[SEED] = seed
        app[GO_AWAY] = self.go_away
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1,
            max_line_size=LONGEST_LINE,  # a cursor of any size gets a problem document, not the parser's plain text
            max_field_size=LONGEST_LINE,
        )
        self._site: web.TCPSite | None = None
        self._absence: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Base URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Begin to listen."""
        await self._runner.setup()
        await self._listen()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, self.host, self.port, backlog=4096, reuse_address=True)
        await self._site.start()
        self.port = int(self._runner.addresses[0][1])

    def go_away(self, seconds: float) -> None:
        """Refuse connections for a while: close the listening socket and every open connection, then come back."""
        self._absence = asyncio.get_running_loop().create_task(self._stay_away(seconds))

    async def _stay_away(self, seconds: float) -> None:
        await asyncio.sleep(0.05)  # let the answer to the control request out
        if self._site is not None:
            await self._site.stop()
        server = self._runner.server
        if server is not None:
            for connection in server.connections:
                connection.force_close()
                if connection.transport is not None:
                    connection.transport.abort()
        await asyncio.sleep(seconds)
        await self._listen()

    async def stop(self) -> None:
        """Stop listening and let go of everything."""
        await self._runner.cleanup()


async def serve(server: Server, describe: str, *, until_input_closes: bool = False) -> None:
    """Run a server until SIGINT or SIGTERM; one line on standard output says when it is ready.

    :param server: the server.
    :param describe: what the ready line says about it.
    :param until_input_closes: end when standard input does, as it does when the process that started this one dies.
    """
    await server.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until_input_closes:
        loop.add_reader(sys.stdin.fileno(), _stop_at_the_end, sys.stdin.fileno(), stop)
    sys.stdout.write(f"Arize emulator ready at {server.url} ({describe})\n")
    sys.stdout.flush()
    await stop.wait()
    await server.stop()


def _stop_at_the_end(descriptor: int, stop: asyncio.Event) -> None:
    """Ask for the end once there is no more input."""
    if not os.read(descriptor, 4096):
        stop.set()
