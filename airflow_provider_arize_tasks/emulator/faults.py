"""Faults that the control path injects: refusals, lost connections, slow, silent and alien replies."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.common import Refusal, unit_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Faults that replace the answer before the request takes effect, those that do so after it has, and those that do so
#: and let the request take effect later, when the client has left.
BEFORE = frozenset({"status", "drop_before", "slow", "silent", "html"})
AFTER = frozenset({"status_after", "drop_after", "slow_after", "silent_after", "html_after", "edit"})
LATE = frozenset({"status_late", "drop_late", "silent_late", "html_late"})


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

    kind: str
    method: str = ""
    path: str = ""
    times: int | None = 1
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    detail: str = "Fault staged by the emulator"
    body: Any = None
    seconds: float = 1.0
    late_seconds: float = 5.0
    set: dict[str, Any] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    id: int = 0
    seen: int = 0
    hits: int = 0

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
        self.total += 1
        try:
            fault = Fault(**{**given, "id": self.total, "seen": 0, "hits": 0})
        except TypeError as error:
            raise Refusal(400, str(error)) from None
        self.faults.append(fault)
        return fault

    def strike(self, method: str, path: str) -> Fault | None:
        """The first fault that hits a request, if any does."""
        for fault in self.faults:
            if fault.strikes(method, path):
                self.struck[fault.kind] += 1
                return fault
        return None
