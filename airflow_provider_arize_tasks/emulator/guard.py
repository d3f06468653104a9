"""Who may talk to the emulator: programs that know its name, and no web page that a browser happens to show.

The control path takes no key. So a page on the internet could otherwise reset a developer's emulator, or read what it
recorded: by a request across origins, or by rebinding its own name to the loopback address.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.emulator.common import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})


def is_loopback(host: str) -> bool:
    """Whether a host, as written in a URL or option, can only mean this machine.

    :param host: a name or address, IPv6 addresses with or without brackets.
    """
    bare = _bare(host)
    if bare in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def _bare(host: str) -> str:
    return host.strip().lower().rstrip(".").removeprefix("[").removesuffix("]")


def _without_port(authority: str) -> str:
    """The host of a ``Host`` header."""
    if authority.startswith("["):
        return authority.partition("]")[0]
    return authority.rpartition(":")[0] if ":" in authority else authority


@dataclass(frozen=True)
class Guard:
    """Refuses requests that were meant for somebody else or come from a web page.

    :ivar names: host names and addresses it answers to besides those of the loopback interface.
    """

    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str]) -> Guard:
        """A guard for names as people write them."""
        return cls(frozenset(_bare(name) for name in names))

    def check(self, request: web.Request) -> None:
        """Let a request pass.

        :raises Refusal: 403 for a host that is not the emulator's, or an origin that is not.
        """
        authority = request.headers.get("Host", "")
        host = _bare(_without_port(authority))
        if not (host in self.names or is_loopback(host) or host == _own_address(request)):
            raise Refusal(403, f"this emulator is not called {host!r}: start it with --allowed-host to allow the name")
        origin = request.headers.get("Origin")
        if origin is not None and origin.lower() not in (f"http://{authority.lower()}", f"https://{authority.lower()}"):
            raise Refusal(403, "the emulator takes no requests from web pages of another origin")
        is_navigation = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
        if request.headers.get("Sec-Fetch-Site", "").lower() in _FOREIGN_SITES and not is_navigation:
            raise Refusal(403, "the emulator takes no requests from web pages of another site")


def _own_address(request: web.Request) -> str | None:
    """The address at which a request arrived: no name that somebody else controls."""
    name = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return _bare(str(name[0])) if name else None
