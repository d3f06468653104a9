"""How fast the looks of one connection may follow each other: one budget for all of its waits.

No I/O and no clock of its own, so that it can be tried on a fake one.
"""

from __future__ import annotations

from airflow_provider_arize_tasks.runs.polling import throttle_wait

#: Requests per second where the connection sets no limit and few runs are waited for.
BASE_RATE = 50.0
#: With many waits the rate may rise to this many times what looking at each once per ``_ROUND`` seconds takes.
_HEADROOM = 2.0
_ROUND = 30.0
_SLOWEST = 0.1
_MIN_SHARE = 1 / 64
_RECOVERY_SECONDS = 60.0


class Budget:
    """Hands out the moments at which requests may go, evenly spaced.

    Requests are spaced rather than counted per second, so a triggerer that starts over with thousands of waits sends an
    even stream and never a burst. A 429 stops everything for as long as the server asks (or 1 s, 2 s, 4 s ... up to a
    minute, when it doesn't say) and halves the rate, which doubles again with every minute that passes without another.

    :param limit: requests per second that the connection allows (``max_requests_per_second``); ``None`` means
        :data:`BASE_RATE`, or more where the number of waits demands it.
    """

    def __init__(self, limit: float | None = None) -> None:
        self.limit = limit
        #: Requests that one look at everything takes, about.
        self.demand = 0.0
        #: Counts up when the moments handed out so far are void.
        self.generation = 0
        self._next = 0.0
        self._resume_at = 0.0
        self._throttled = 0
        self._share = 1.0
        self._share_since = 0.0

    def share(self, now: float) -> float:
        """Which part of the full rate is used: 1, or less for a while after a 429."""
        minutes = min((now - self._share_since) / _RECOVERY_SECONDS, 10.0)
        return min(1.0, self._share * 2**minutes)

    def rate(self, now: float) -> float:
        """Requests per second at this moment."""
        full = self.limit or max(BASE_RATE, _HEADROOM * self.demand / _ROUND)
        return max(full * self.share(now), min(_SLOWEST, full))

    def reserve(self, now: float) -> float:
        """The next free moment, at or after ``now``; it is taken by asking for it."""
        moment = max(now, self._next, self._resume_at)
        self._next = moment + 1 / self.rate(moment)
        return moment

    def charge(self, now: float) -> None:
        """A request went without asking, since it could not wait: looks make room for it afterwards.

        :param now: this moment.
        """
        self._next = max(self._next, now) + 1 / self.rate(now)

    def throttled(self, now: float, retry_after: float | None, spread: float = 0.0) -> float:
        """The server answered 429: nothing goes for a while. All moments handed out so far are void.

        :param now: this moment.
        :param retry_after: seconds the server asked for, if it did.
        :param spread: a random number in ``[0, 1)``, against many triggerers coming back in step.
        :return: seconds until requests go again.
        """
        if now >= self._resume_at:  # otherwise this answers a request sent before the pause
            self._throttled += 1
            self._share = max(self.share(now) / 2, _MIN_SHARE)
        self._resume_at = max(self._resume_at, now + throttle_wait(self._throttled, retry_after, spread))
        self._share_since = self._resume_at
        self._next = self._resume_at
        self.generation += 1
        return self._resume_at - now

    def answered(self) -> None:
        """The server answered with something other than 429."""
        self._throttled = 0
