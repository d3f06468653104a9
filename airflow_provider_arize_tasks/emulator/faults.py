"""Faults that the control path injects: refusals, lost connections, slow, silent and alien replies."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from airflow_provider_arize_tasks.emulator.checked import LENIENT, Pattern, Seconds, Share, Text, checked
from airflow_provider_arize_tasks.emulator.common import Refusal, unit_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Faults that replace the answer before the request takes effect, those that do so after it has, and those that do so
#: and let the request take effect later, when the client has left.
BEFORE = frozenset({"status", "drop_before", "slow", "silent", "html"})
AFTER = frozenset({"status_after", "drop_after", "slow_after", "silent_after", "html_after", "edit"})
LATE = frozenset({"status_late", "drop_late", "silent_late", "html_late"})

MOST_FAULTS = 1000
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
HeaderValue = Annotated[str, Field(pattern=r"^[\x20-\x7e]{0,1000}$")]


@dataclass(slots=True, kw_only=True)
class Fault:
    """One injected fault.

    :ivar kind: ``status`` (a refusal), ``drop_before`` and ``drop_after`` (the connection is closed without an answer,
        before or after the request took effect), ``slow`` (the answer takes ``seconds`` longer), ``silent`` (no answer
        for ``seconds``, then the connection closes), ``html`` (a gateway's page); ``status_after``, ``slow_after``,
        ``silent_after``, ``html_after`` are the same once the request took effect; ``status_late``, ``drop_late``,
        ``silent_late``, ``html_late`` are the same for a request that takes effect ``late_seconds`` later; ``edit``
        changes the reply's JSON.
    :ivar method: regular expression on the method; any by default.
    :ivar path: regular expression on the path with its query; any by default.
    :ivar times: how many requests it hits; ``None`` for all that follow.
    :ivar skip: how many matching requests it lets pass first.
    :ivar probability: share of matching requests it hits; which ones follows from ``seed``.
    :ivar status: HTTP status of ``status``, ``html`` and their ``_after`` and ``_late`` forms.
    :ivar headers: headers of the reply, such as ``Retry-After``.
    :ivar detail: ``detail`` of the problem document.
    :ivar body: JSON to send instead of the problem document.
    :ivar seconds: for ``slow`` and ``silent``; a client that leaves earlier ends ``silent_late``.
    :ivar late_seconds: how long after the answer was given up a ``_late`` fault lets the request take effect.
    :ivar set: fields that ``edit`` sets in the reply.
    :ivar remove: fields that ``edit`` takes out of it.
    """

    __pydantic_config__ = LENIENT

    kind: str
    method: Pattern = ""
    path: Pattern = ""
    times: int | None = 1
    skip: int = 0
    probability: Share = 1.0
    seed: int = 0
    status: Annotated[int, Field(ge=200, le=599)] = 500
    headers: dict[HeaderName, HeaderValue] = field(default_factory=dict)
    detail: Text = "Fault staged by the emulator"
    body: Any = None
    seconds: Seconds = 1.0
    late_seconds: Seconds = 5.0
    set: dict[Text, Any] = field(default_factory=dict)
    remove: list[Text] = field(default_factory=list)
    id: int = field(default=0, init=False)
    seen: int = field(default=0, init=False)
    hits: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in BEFORE | AFTER | LATE:
            raise Refusal(400, f"kind: must be one of {', '.join(sorted(BEFORE | AFTER | LATE))}")

    def strikes(self, method: str, path: str) -> bool:
        """Whether a request is hit; counts it."""
        if self.times is not None and self.hits >= self.times:
            return False
        if not re.fullmatch(self.method or ".*", method, re.IGNORECASE) or not re.search(self.path, path):
            return False
        self.seen += 1
        if self.seen <= self.skip or unit_hash("fault", self.seed, self.id, self.seen) >= self.probability:
            return False
        self.hits += 1
        return True


@dataclass(slots=True)
class FaultBook:
    """All injected faults, in the order of injection."""

    faults: list[Fault] = field(default_factory=list)
    total: int = 0
    struck: Counter[str] = field(default_factory=Counter)

    def add(self, given: Mapping[str, Any]) -> Fault:
        """Inject a fault.

        :raises Refusal: 400 for an unknown field or kind.
        """
        fault = checked(Fault, given)
        if len(self.faults) >= MOST_FAULTS:
            raise Refusal(400, f"{MOST_FAULTS} faults are injected already: clear them first")
        self.total += 1
        fault.id = self.total
        self.faults.append(fault)
        return fault

    def strike(self, method: str, path: str) -> Fault | None:
        """The first fault that hits a request, if any does."""
        for fault in self.faults:
            if fault.strikes(method, path):
                self.struck[fault.kind] += 1
                return fault
        return None
