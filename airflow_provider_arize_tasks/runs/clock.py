"""The server's clock, as its replies tell it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

#: Without a ``Date`` header in a reply, the worker's own clock less this stands for the server's.
_NO_DATE_MARGIN = timedelta(minutes=5)


@dataclass
class ServerClock:
    """The server's clock, never compared with ours: the last ``Date`` header and the time that went by since.

    It runs late by up to a second (the header has whole seconds), never early.
    """

    _server: datetime = field(default_factory=lambda: datetime.now(timezone.utc) - _NO_DATE_MARGIN)
    _seen: float = field(default_factory=time.monotonic)

    def see(self, server_time: datetime | None) -> None:
        """Take the time of a reply; a reply without one changes nothing."""
        if server_time is not None:
            self._server, self._seen = server_time, time.monotonic()

    def now(self) -> datetime:
        """The server's time now."""
        return self._server + timedelta(seconds=time.monotonic() - self._seen)

    def from_local(self, instant: datetime) -> datetime:
        """An instant of our clock on the server's."""
        return instant + (self.now() - datetime.now(timezone.utc))

    def moments_ago(self, instant: datetime) -> float:
        """Seconds since an instant of the server's clock.

        :param instant: server time.
        """
        return (self.now() - instant).total_seconds()

    def to_local_epoch(self, instant: datetime) -> float:
        """An instant of the server's clock on ours, in epoch seconds."""
        return time.time() + (instant - self.now()).total_seconds()
