"""When a request is sent again: one policy, for both transports.

Sent again after connection errors, 429 and 5xx when the request is idempotent; any other request only when it surely
had no effect (it never reached the server, or was refused with 429). ``Retry-After`` is honoured; without it the pause
doubles, with jitter. The whole of it is bounded in time.
"""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import (
    ArizeApiError,
    ArizeError,
    ArizeRateLimitError,
    ArizeReplyError,
    ArizeServerError,
    ArizeTransportError,
)
from airflow_provider_arize_tasks.client.printable import in_short_lines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenacity import AsyncRetrying, RetryCallState, Retrying

    from airflow_provider_arize_tasks.client.calls import Call

log = logging.getLogger(__name__)

#: So many pages of a gateway with 4xx in the place of a read's answer are put up with.
_PAGES = 2
_REFUSALS = frozenset({401, 403, 404})


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long and how often to try.

    :param total_seconds: no attempt starts later than this after the first one. A server that asks for a longer pause
        ends the retries at once; the error then carries ``retry_after``.
    :param first_pause: upper bound of the first pause, in seconds; it doubles with each attempt.
    :param longest_pause: upper bound of any pause that the server didn't ask for.
    :param sleep: replaces ``time.sleep`` (tests).
    :param async_sleep: replaces ``asyncio.sleep`` (tests).
    :param clock: monotonic seconds (tests).
    :param jitter: a number from 0 to 1 that sets the pause between half and all of its bound (tests).
    """

    total_seconds: float = 60.0
    first_pause: float = 1.0
    longest_pause: float = 20.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    async_sleep: Callable[[float], Awaitable[None]] | None = field(default=None, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    jitter: Callable[[], float] = field(default=random.random, repr=False)

    def pause(self, attempt: int, error: BaseException | None) -> float:
        """Seconds to wait after the given attempt (counted from 1) failed with ``error``."""
        bound = min(self.longest_pause, self.first_pause * 2.0 ** min(attempt - 1, 30))
        own = bound * (0.5 + 0.5 * self.jitter())
        asked = error.retry_after if isinstance(error, ArizeApiError) else None
        if asked is None:
            return own
        # A little on top, so that many tasks told the same second do not all come back in it.
        return asked + 0.25 * self.jitter() if asked > 0 else own

    def retrying(self, call: Call[Any]) -> Retrying:
        """The tenacity controller of one synchronous request."""
        from tenacity import Retrying

        return Retrying(sleep=self.sleep, **self._rules(call))

    def async_retrying(self, call: Call[Any]) -> AsyncRetrying:
        """The tenacity controller of one asynchronous request."""
        from asyncio import sleep

        from tenacity import AsyncRetrying

        return AsyncRetrying(sleep=self.async_sleep or sleep, **self._rules(call))

    def _rules(self, call: Call[Any]) -> dict[str, Any]:
        started = self.clock()

        def out_of_time(state: RetryCallState) -> bool:
            return self.clock() - started + state.upcoming_sleep > self.total_seconds

        def wait(state: RetryCallState) -> float:
            return self.pause(state.attempt_number, state.outcome.exception() if state.outcome else None)

        def announce(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            told = f"attempt {state.attempt_number} failed, next in {state.upcoming_sleep:.1f} s: {error}"
            for line in in_short_lines(told):
                log.warning("%s", line)

        def again(state: RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            return error is not None and worth_another_try(call, error, state.attempt_number)

        return {
            "retry": again,
            "wait": wait,
            "stop": out_of_time,
            "before_sleep": announce,
            "reraise": True,
        }


def worth_another_try(call: Call[Any], error: BaseException, attempt: int = 1) -> bool:
    """Whether the request may, and should, be sent once more after this error.

    :param call: the request.
    :param error: what it ended with.
    :param attempt: which attempt that was.
    """
    if isinstance(error, ArizeApiError) and error.is_page and error.status in _REFUSALS and not call.changes:
        # A gateway's refusal (401, 403, 404) may be gone in a moment; that of a wrong address stays.
        return attempt <= _PAGES
    if not isinstance(error, ArizeError) or not error.retryable:
        return False
    if isinstance(error, ArizeRateLimitError):
        return True
    if isinstance(error, (ArizeTransportError, ArizeServerError, ArizeReplyError)):
        return call.idempotent or not error.outcome_unknown
    return False


class Pace:
    """Spaces requests out to at most ``per_second``; one instance may be shared by several clients of a process.

    :param per_second: the limit; ``None`` is none.
    :param clock: monotonic seconds.
    """

    def __init__(self, per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._gap = 1.0 / per_second if per_second else 0.0
        self._clock = clock
        self._next = 0.0

    def reserve(self) -> float:
        """Take the next free place; returns the seconds to wait until it comes."""
        if not self._gap:
            return 0.0
        now = self._clock()
        place = max(now, self._next)
        self._next = place + self._gap
        return place - now
