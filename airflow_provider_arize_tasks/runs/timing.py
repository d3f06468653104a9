"""Time and runs: the server's clock, how long an attempt waits for what it can't see yet, when to look at a run again.

Pure functions of data: the trigger's shared watcher, the sensor and the operators' own waiting loop all call these, so
a run is looked at on the same schedule and a wait survives the same faults wherever it takes place.

The schedule. With a ``poll_interval`` of more than ten seconds the first look is made after ten: hardly any run ends
sooner, and a look each second would be most of what a short wait costs. Who gives a shorter one wants to know soon, so
there looks start out close together: about 1 s, 2 s, 4 s, 5 s, 7 s ... after the start. From then on each wait is about
half of the time waited so far, up to ``poll_interval``. Jitter only ever shortens a wait between looks, so an end is
seen within ``poll_interval``.

Faults. A look can fail without anything being wrong with the run. Ten failed looks in a row end a wait, and the waits
between them grow so that an outage of five minutes is survived whatever ``poll_interval`` is. A refusal (401, 403,
404, or a connection that can't be used) does not pass by itself and ends the wait at its third time. 429 is the server
asking for patience, not a failure, and never counts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Literal, TypedDict

from airflow_provider_arize_tasks.client.errors import (
    ArizeApiError,
    ArizeConfigError,
    ArizeRateLimitError,
)

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


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Lengths of time, in seconds. Operators and the trigger have one; tests give them a shorter one.

    :param listing: from the moment a trigger's connection was given up (or a later attempt begins to look) until its
        run, not listed by then, is taken not to exist and the trigger is sent again.
    :param stale: an intent older than this needs one look only: what it started has been listed long since.
    :param twin: from the moment a trigger's connection was given up until the end of a run closes the matter.
    :param rival: with ``same_window``, from the trigger's answer until the list is taken to show the run of another.
    :param identity: how long a run may take to get the experiment by which alone it can be told from others.
    :param cancel: how long a cancelled run may take to end.
    :param pause: between two looks of all these.
    :param outage: from a look that failed to the next one. Each wait is twice the one before, so that ten looks span
        more than five minutes, up to ``longest_outage``.
    :param overdue: from the deadline of a wait until it ends without its last look, where none was possible.
    :param kill: all that ``on_kill`` does in a worker must fit between Airflow's SIGTERM and its SIGKILL: 5 s on
        Airflow 3, a minute on 2.11.
    """

    listing: float = 10.0
    stale: float = 300.0
    twin: float = 30.0
    rival: float = 2.0
    identity: float = 120.0
    cancel: float = 120.0
    pause: float = 1.0
    outage: float = 2.0
    longest_outage: float = 64.0
    overdue: float = 30.0
    kill: float = 4.5


#: What operators and triggers have unless somebody says otherwise.
PATIENCE = Patience()


#: Failed looks in a row that end a wait.
MAX_FAILED_LOOKS = 10
#: Refused looks, with no good look between them, that end a wait.
MAX_REFUSED_LOOKS = 3
#: Status codes that are refusals: the key, its rights, or the run is gone (the API does not tell the last two apart).
REFUSALS = frozenset({401, 403, 404})
#: Longest wait a ``Retry-After`` header is followed for, in seconds.
MAX_RETRY_AFTER = 300.0

_FIRST_LOOK = 0.8
_LATE_FIRST_LOOK, _LATE_FIRST_SPREAD = 10.0, 0.5
_EARLY_UNTIL = 10.0
_EARLY_MIN, _EARLY_GROWTH, _EARLY_MAX = 1.0, 0.15, 1.6
_LATE_GROWTH = 0.5
_JITTER, _FAULT_JITTER = 0.05, 0.15
_REFUSAL_STEP = 5.0
_THROTTLE_FIRST, _THROTTLE_MAX = 1.0, 60.0


def first_look(poll_interval: float, spread: float = 0.0) -> float:
    """Seconds from the begin of a wait to its first look.

    :param poll_interval: seconds between looks that the wait reaches in the end.
    :param spread: a random number in ``[0, 1)``, so that a thousand waits that begin together do not look together: it
        lengthens the ten seconds by up to half of one, and shortens a first look soon by up to two thirds. Default 0.
    """
    if poll_interval > _LATE_FIRST_LOOK + _LATE_FIRST_SPREAD:
        return _LATE_FIRST_LOOK + spread * _LATE_FIRST_SPREAD
    return min(_FIRST_LOOK, poll_interval) * (1 - spread * 2 / 3)


def next_look(elapsed: float, poll_interval: float, spread: float = 0.0) -> float:
    """Seconds from a good look at a run that is still going to the next one.

    :param elapsed: seconds since the wait began (or since the run is known to have begun).
    :param poll_interval: seconds between looks that the wait reaches in the end; never exceeded.
    :param spread: a random number in ``[0, 1)``; it shortens the wait by up to 5 %. Default 0.
    """
    if elapsed < _EARLY_UNTIL:
        wait = min(_EARLY_MAX, max(_EARLY_MIN, _EARLY_MIN + _EARLY_GROWTH * max(elapsed, 0.0)))
    else:
        wait = elapsed * _LATE_GROWTH
    return min(wait, poll_interval) * (1 - spread * _JITTER)


def throttle_wait(throttled: int, retry_after: float | None, spread: float = 0.0) -> float:
    """Seconds to send nothing at all over a connection after a 429.

    :param throttled: how many looks in a row met a 429, this one included.
    :param retry_after: what the server asked for, in seconds; followed up to five minutes.
    :param spread: a random number in ``[0, 1)``; it lengthens the wait by up to 10 % (never shorter than asked).
    """
    if retry_after is not None:
        wait = min(max(retry_after, 0.1), MAX_RETRY_AFTER)
    else:
        wait = min(_THROTTLE_FIRST * 2.0 ** min(max(throttled - 1, 0), 10), _THROTTLE_MAX)
    return wait * (1 + spread * 0.1)


class WaitError(TypedDict):
    """Why a wait ended early. ``retryable``: another attempt may fare better with nothing changed."""

    kind: Literal["refused", "unreachable"]
    status: int | None
    retryable: bool


@dataclass(frozen=True)
class Failures:
    """The failed looks of one wait since its last good look. ``Failures()`` is none.

    :param failed: failed looks in a row, refusals included, 429 not.
    :param refused: how many of them were refusals.
    :param throttled: 429s in a row.
    :param status: HTTP status code of the last failed look, if the server answered.
    :param message: what the last failed look met.
    :param retry_after: seconds the server asked to wait on the last 429, if it did.
    """

    failed: int = 0
    refused: int = 0
    throttled: int = 0
    status: int | None = None
    message: str = ""
    retry_after: float | None = None

    def after(self, error: Exception) -> Failures:
        """The failures once another look has met ``error``. A good look starts over with ``Failures()``."""
        status = error.status if isinstance(error, ArizeApiError) else None
        if isinstance(error, ArizeRateLimitError):
            return Failures(
                failed=self.failed,
                refused=self.refused,
                throttled=self.throttled + 1,
                status=status,
                message=str(error),
                retry_after=error.retry_after,
            )
        is_refusal = status in REFUSALS or isinstance(error, ArizeConfigError)
        return Failures(
            failed=self.failed + 1,
            refused=self.refused + is_refusal,
            status=status,
            message=str(error) or type(error).__name__,
        )

    @property
    def end_the_wait(self) -> bool:
        """Whether the wait ends here. Never true on account of a 429."""
        if self.throttled:
            return False
        return self.failed >= MAX_FAILED_LOOKS or self.refused >= MAX_REFUSED_LOOKS

    @property
    def kind(self) -> Literal["refused", "unreachable"]:
        """What to call it: the server said no, or it could not be asked."""
        if self.refused >= MAX_REFUSED_LOOKS:
            return "refused"
        is_client_error = self.status is not None and 400 <= self.status < 500
        return "refused" if is_client_error else "unreachable"

    @property
    def retryable(self) -> bool:
        """Whether another attempt of the task may fare better with nothing changed: only where nobody said no."""
        return self.kind == "unreachable"

    def to_dict(self) -> WaitError:
        """As JSON, for the event of a wait that ended because of them."""
        return {"kind": self.kind, "status": self.status, "retryable": self.retryable}

    def wait(
        self, interval: float, poll_interval: float, spread: float = 0.0, *, patience: Patience = PATIENCE
    ) -> float:
        """Seconds to the next look after this failed one.

        After a fault the waits double from 2 s to 64 s and are never shorter than the schedule's own, so that ten of
        them span more than five minutes. After a refusal they are 5 s and 10 s (or ``poll_interval``, if that is less).

        :param interval: what the schedule would have waited after a good look, in seconds (:func:`next_look`).
        :param poll_interval: seconds between looks that the wait reaches in the end.
        :param spread: a random number in ``[0, 1)``; it lengthens the wait by up to 15 %. Default 0.
        :param patience: how long the waits are after a fault.
        """
        if self.throttled:
            return max(interval, throttle_wait(self.throttled, self.retry_after, spread))
        if self.refused and (self.status in REFUSALS or self.status is None):
            return min(_REFUSAL_STEP * self.refused, poll_interval) * (1 + spread * _FAULT_JITTER)
        outage = min(patience.outage * 2.0 ** min(max(self.failed - 1, 0), 10), patience.longest_outage)
        return max(outage, interval) * (1 + spread * _FAULT_JITTER)

    def describe(self) -> str:
        """One line for the person on call: how many looks failed, and what the last one met."""
        if self.refused >= MAX_REFUSED_LOOKS:
            return f"Arize refused {self.refused} looks in a row, last: {self.message}"
        return f"{self.failed} looks in a row failed, last: {self.message}"
