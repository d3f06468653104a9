"""Spans with timestamps, their labels, and the ledger: which span was labelled by which run and evaluator."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_arize_tasks.emulator.common import iso, unit_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

TOPICS = (
    "refund",
    "delivery",
    "login",
    "invoice",
    "upgrade",
    "cancellation",
    "warranty",
    "address",
    "discount",
    "tax",
)
_MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet")
_KINDS = ("LLM", "LLM", "RETRIEVER", "CHAIN", "TOOL")


class Label(NamedTuple):
    """What an evaluator said of spans; one and the same object on all spans of a run.

    :ivar run_id: the run that gave it.
    :ivar task_id: the run's task.
    :ivar version_id: the version of the evaluator that judged.
    :ivar at_ms: when it was given.
    :ivar is_shown: whether a list of spans shows it; of a trace or session only the first span may carry it.
    """

    run_id: str
    task_id: str
    version_id: str
    at_ms: int
    is_shown: bool = True


@dataclass(slots=True, kw_only=True)
class Span:
    """A span. ``labels`` maps an evaluator id to the labels it got, in order."""

    number: int
    id: str
    time_ms: int
    ingested_ms: int
    given: dict[str, Any]
    labels: dict[str, list[Label]] = field(default_factory=dict)
    made: dict[str, Any] | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of any span, below those that were given; made when first asked for, as most spans never are."""
        if self.made is None:
            self.made = _columns(self.number) | self.given
        return self.made

    def unit(self, granularity: str) -> str:
        """What counts as one evaluated unit: the span itself, its trace or its session."""
        if granularity == "SPAN":
            return self.id
        return str(self.columns.get(f"context.{granularity.lower()}_id") or self.id)


class SpanStore:
    """The spans of one project, in order of time."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._times: list[int] = []
        self._to_come: Callable[[], Iterable[Span]] | None = None

    @property
    def spans(self) -> list[Span]:
        """All of them, in order of time."""
        if self._to_come is not None:
            make, self._to_come = self._to_come, None
            self.add(make())
        return self._spans

    def begin_with(self, make: Callable[[], Iterable[Span]]) -> None:
        """Fill an empty store once somebody asks for spans: between two resets often nobody does."""
        self._to_come = make

    def __len__(self) -> int:
        return len(self.spans)

    def add(self, spans: Iterable[Span]) -> None:
        """Add spans; order doesn't matter."""
        everything = self.spans
        everything.extend(spans)
        everything.sort(key=lambda span: (span.time_ms, span.id))
        self._times = [span.time_ms for span in everything]

    def between(self, start_ms: int | None, end_ms: int | None) -> list[Span]:
        """The spans of ``[start, end)``, in order of time.

        :param start_ms: first millisecond, or ``None`` for the beginning.
        :param end_ms: the millisecond after the last, or ``None`` for all that follow.
        """
        everything = self.spans
        first = 0 if start_ms is None else bisect_left(self._times, start_ms)
        last = len(everything) if end_ms is None else bisect_left(self._times, end_ms)
        return everything[first:last]


def ledger(
    spans: Sequence[Span],
    evaluators: Sequence[str],
    *,
    details: bool,
    examples: int = 100,
    only: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """How often each span was labelled by each evaluator.

    A span is ``once`` when every evaluator labelled it exactly once, ``missed`` when at least one never did, ``twice``
    when at least one did so more than once; a span can be both missed and twice with two evaluators.

    :param spans: the spans of the range asked for.
    :param evaluators: evaluator ids to look at.
    :param details: list every span with its labels.
    :param examples: how many missed and twice labelled spans to list.
    :param only: evaluator id -> the version whose labels count; labels of every version by default.
    """
    counts: dict[str, Any] = {
        name: {"once": 0, "missed": 0, "twice": 0, "by_version": Counter[str]()} for name in evaluators
    }
    missed, twice = [], []
    once = 0
    for span in spans:
        times = {}
        for name in evaluators:
            given = [label.version_id for label in span.labels.get(name, ())]
            counts[name]["by_version"].update(set(given))
            times[name] = len(given) if only is None else given.count(only.get(name, ""))
        for name, number in times.items():
            counts[name]["missed" if number == 0 else "once" if number == 1 else "twice"] += 1
        once += all(number == 1 for number in times.values())
        if any(number == 0 for number in times.values()):
            missed.append(span)
        if any(number > 1 for number in times.values()):
            twice.append(span)
    result: dict[str, Any] = {
        "spans": len(spans),
        "traces": len({span.unit("TRACE") for span in spans}),
        "sessions": len({span.unit("SESSION") for span in spans}),
        "once": once,
        "missed": len(missed),
        "twice": len(twice),
        "by_evaluator": counts,
        "missed_spans": [_entry(span) for span in missed[:examples]],
        "twice_spans": [_entry(span) for span in twice[:examples]],
    }
    if details:
        result["labels"] = [_entry(span) for span in spans]
    return result


def _entry(span: Span) -> dict[str, Any]:
    given = [
        {
            "evaluator_id": name,
            "evaluator_version_id": label.version_id,
            "run_id": label.run_id,
            "time": iso(label.at_ms),
        }
        for name, labels in span.labels.items()
        for label in labels
    ]
    return {"span_id": span.id, "time": iso(span.time_ms), "labels": given}


def _columns(number: int) -> dict[str, Any]:
    draw = unit_hash("span", number)
    topic = TOPICS[number % len(TOPICS)]
    return {
        "name": f"answer {topic}",
        "context.span_id": f"{number:016x}",
        "context.trace_id": f"{number // 3:032x}",
        "context.session_id": f"session-{number // 12}",
        "parent_id": f"{number - number % 3:016x}" if number % 3 else None,
        "status_code": "ERROR" if draw < 0.04 else "OK",
        "latency_ms": round(80 + 1900 * draw),
        "attributes.openinference.span.kind": _KINDS[number % len(_KINDS)],
        "attributes.llm.model_name": _MODELS[number % len(_MODELS)],
        "attributes.input.value": f"Question {number} about {topic}",
        "attributes.output.value": f"Answer {number} about {topic}",
        "attributes.topic": topic,
    }
