"""Bad weather: what clocks, gateways and networks do to an API, each by itself or all of it mixed from a seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field

from airflow_provider_arize_tasks.emulator.checked import STRICT, Seconds, Share, checked
from airflow_provider_arize_tasks.emulator.common import Refusal, unit_hash
from airflow_provider_arize_tasks.emulator.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_arize_tasks.emulator.common import Clock

T = TypeVar("T")
Skew = Annotated[float, Field(ge=-86_400, le=86_400)]
KINDS = ("clear", "bad")

_GATEWAY_ON_READS = (401, 403, 404, 500, 502, 503, 504)
_GATEWAY_ON_WRITES = (500, 502, 503, 504)
_GIVEN_UP = ("drop_late", "silent_late", "html_late")


@dataclass(slots=True, kw_only=True)
class Weather:
    """What goes wrong by itself, request after request; with the defaults nothing does.

    What is drawn follows from ``seed`` and from how many requests of an operation came before: the same requests in the
    same order meet the same weather.

    :ivar seed: changes every draw.
    :ivar server_skew_seconds: how far the server's clock (``created_at`` and every other time it sends) is ahead of the
        machine's; negative for behind.
    :ivar gateway_skew_seconds: how far the clock behind the ``Date`` header is ahead of the machine's.
    :ivar latency_seconds: every answer takes up to this much longer.
    :ivar list_lags: share of new runs that lists don't show at first.
    :ivar list_lag_seconds: how long at most; a get by id finds them.
    :ivar offset_cursors: cursors of the list of runs are positions, so that a run that arrives between two pages shifts
        the second one.
    :ivar shifted_pages: share of further pages of runs that show a run of the page before once more and hide one.
    :ivar page_size: most runs on a page, whatever limit a request asks for; ``None`` for as many as asked for.
    :ivar late_triggers: share of triggers that are given up (connection dropped, no answer for ``silent_seconds``, or a
        gateway's 504) and take effect later all the same.
    :ivar late_seconds: how long after that at most.
    :ivar silent_seconds: how long a late trigger gets no answer before the connection closes.
    :ivar gateway_pages: share of requests that a gateway answers with an HTML page instead of passing them on: 401,
        403, 404 and 5xx for reads, 5xx for everything else.
    :ivar timeouts: share of requests answered 408 or 425, every second one after it took effect.
    :ivar throttled: share of requests answered 429.
    :ivar retry_after_seconds: ``Retry-After`` of these.
    :ivar dropped: share of requests whose connection closes without an answer, every second one after it took effect.
    :ivar drawn: how often each thing was drawn for.
    :ivar struck: how often each thing happened.
    """

    __pydantic_config__ = STRICT

    seed: int = 0
    server_skew_seconds: Skew = 0.0
    gateway_skew_seconds: Skew = 0.0
    latency_seconds: Seconds = 0.0
    list_lags: Share = 0.0
    list_lag_seconds: Seconds = 5.0
    offset_cursors: bool = False
    shifted_pages: Share = 0.0
    page_size: Annotated[int, Field(ge=1, le=100)] | None = None
    late_triggers: Share = 0.0
    late_seconds: Seconds = 5.0
    silent_seconds: Seconds = 30.0
    gateway_pages: Share = 0.0
    timeouts: Share = 0.0
    throttled: Share = 0.0
    retry_after_seconds: Seconds = 10.0
    dropped: Share = 0.0
    drawn: Counter[str] = field(default_factory=Counter, init=False)
    struck: Counter[str] = field(default_factory=Counter, init=False)

    def draw(self, purpose: str) -> float:
        """The next number for a purpose, uniform in (0, 1)."""
        self.drawn[purpose] += 1
        return unit_hash("weather", self.seed, purpose, self.drawn[purpose])

    def _happens(self, what: str, share: float, purpose: str = "") -> bool:
        if share <= 0 or self.draw(f"{what} {purpose}") >= share:
            return False
        self.struck[what] += 1
        return True

    def _one_of(self, choices: Sequence[T], purpose: str) -> T:
        return choices[int(self.draw(purpose) * len(choices))]

    def fault_for(self, operation: str) -> Fault | None:
        """What becomes of a request, ``None`` where it is left alone.

        :param operation: method and path template.
        """
        if operation.endswith("/trigger") and self._happens("late_triggers", self.late_triggers):
            kind, late = self._one_of(_GIVEN_UP, "given up"), self.draw("late") * self.late_seconds
            return Fault(kind=kind, status=504, seconds=self.silent_seconds, late_seconds=late)
        if self._happens("gateway_pages", self.gateway_pages, operation):
            pages = _GATEWAY_ON_READS if operation.startswith("GET ") else _GATEWAY_ON_WRITES
            return Fault(kind="html", status=self._one_of(pages, "page"))
        if self._happens("timeouts", self.timeouts, operation):
            kind = self._one_of(("status", "status_after"), "timeout takes effect")
            return Fault(kind=kind, status=self._one_of((408, 425), "timeout"), detail="The request timed out")
        if self._happens("throttled", self.throttled, operation):
            wait = f"{self.retry_after_seconds:.0f}"
            return Fault(kind="status", status=429, headers={"Retry-After": wait}, detail="Too many requests")
        if self._happens("dropped", self.dropped, operation):
            return Fault(kind=self._one_of(("drop_before", "drop_after"), "drop takes effect"))
        return None

    def latency(self) -> float:
        """How much longer the next answer takes, in seconds."""
        return self.latency_seconds * self.draw("latency")

    def list_lag(self) -> float:
        """How long a new run stays out of lists, in seconds."""
        return self.list_lag_seconds * self.draw("lag") if self._happens("list_lags", self.list_lags) else 0.0

    def cut_page(self, items: Sequence[T], start: int, limit: int) -> tuple[list[T], int | None]:
        """One page of a list by offset, and the position of the next one.

        :param items: all items, in order.
        :param start: position of the page.
        :param limit: its size as asked for.
        :return: the items shown, and the position of the next page, ``None`` after the last.
        """
        limit = min(limit, self.page_size or limit)
        following = start + limit if start + limit < len(items) else None
        if start and self._happens("shifted_pages", self.shifted_pages):
            return list(islice(items, start - 1, min(start + limit, len(items)) - 1)), following
        return list(islice(items, start, start + limit)), following

    @property
    def cuts_by_offset(self) -> bool:
        """Whether pages of runs are cut by :meth:`cut_page`."""
        return self.offset_cursors or self.shifted_pages > 0 or self.page_size is not None


def bad_weather(seed: int) -> Weather:
    """A mixture of everything, from which each client of the API must come out with one run.

    :param seed: which mixture; clocks differ from seed to seed, and so does what strikes when.
    """

    def between(low: float, high: float, what: str) -> float:
        return round(low + (high - low) * unit_hash("bad weather", seed, what), 2)

    return Weather(
        seed=seed,
        server_skew_seconds=between(-2.5, 2.5, "server"),
        gateway_skew_seconds=between(-2.5, 2.5, "gateway"),
        latency_seconds=0.25,
        list_lags=0.4,
        list_lag_seconds=between(1, 4, "lag"),
        offset_cursors=True,
        shifted_pages=0.3,
        page_size=2 + int(unit_hash("bad weather", seed, "page") * 3),
        late_triggers=0.3,
        late_seconds=between(1, 4, "late"),
        silent_seconds=10,
        gateway_pages=0.05,
        timeouts=0.05,
        throttled=0.03,
        retry_after_seconds=2 + int(unit_hash("bad weather", seed, "retry") * 4),
        dropped=0.05,
    )


def change_weather(current: Weather, given: Mapping[str, Any]) -> Weather:
    """The weather that a control request asks for.

    :param current: the weather so far.
    :param given: ``kind`` (``clear`` or ``bad``; without it the current weather is changed), ``seed``, and any other
        setting, which goes before what the kind says.
    :raises Refusal: 400 for an unknown kind or setting, or a value out of range.
    """
    settings = dict(given)
    kind = settings.pop("kind", None)
    if kind not in (None, *KINDS):
        raise Refusal(400, f"kind: must be one of {', '.join(KINDS)}")
    wanted = checked(Weather, settings)
    base = current if kind is None else bad_weather(wanted.seed) if kind == "bad" else Weather()
    changed = replace(base, **{name: getattr(wanted, name) for name in settings})
    changed.struck.update(current.struck)
    return changed


def settings_of(weather: Weather) -> dict[str, Any]:
    """The settings, as the control path tells them."""
    return {item.name: getattr(weather, item.name) for item in fields(weather) if item.init}


def skew(clock: Clock, weather: Weather) -> None:
    """Set the server's clock as far off as the weather says."""
    clock.skew_ms = round(weather.server_skew_seconds * 1000)
