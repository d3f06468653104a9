"""Spans with timestamps, their labels, and the ledger: which span was labelled by which run and evaluator.

Also spans as ``POST /v2/spans`` sends them, and the columns that filters and column lists name.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_arize_tasks.emulator.common import iso, unit_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from airflow_provider_arize_tasks.emulator.world import Evaluator, EvaluatorVersion, World

TOPICS = ("refund", "delivery", "login", "invoice", "upgrade", "cancellation", "warranty", "address", "discount", "tax")
_MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet")
_KINDS = ("LLM", "LLM", "RETRIEVER", "CHAIN", "TOOL")
#: Columns that are fields of a span of their own; all others are attributes.
_FIELDS = frozenset(
    {"name", "context.span_id", "context.trace_id", "kind", "parent_id", "status_code", "status_message", "latency_ms"}
)
_LISTS = frozenset({"annotations", "events"})
_KIND = "attributes.openinference.span.kind"
_GOOD = 0.85
#: How many missed and twice labelled spans a ledger lists.
_MOST_EXAMPLES = 100


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
    spans: Sequence[Span], evaluators: Sequence[str], *, details: bool, only: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """How often each span was labelled by each evaluator.

    A span is ``once`` when every evaluator labelled it exactly once, ``missed`` when at least one never did, ``twice``
    when at least one did so more than once; a span can be both missed and twice with two evaluators.

    :param spans: the spans of the range asked for.
    :param evaluators: evaluator ids to look at.
    :param details: list every span with its labels.
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
        "missed_spans": [_entry(span) for span in missed[:_MOST_EXAMPLES]],
        "twice_spans": [_entry(span) for span in twice[:_MOST_EXAMPLES]],
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
        _KIND: _KINDS[number % len(_KINDS)],
        "attributes.llm.model_name": _MODELS[number % len(_MODELS)],
        "attributes.input.value": f"Question {number} about {topic}",
        "attributes.output.value": f"Answer {number} about {topic}",
        "attributes.topic": topic,
    }


def evaluations(world: World, span: Span, now: int) -> dict[str, dict[str, Any]]:
    """What a list of spans shows of a span's labels: name of the eval column -> its parts.

    :param world: the state.
    :param span: the span.
    :param now: milliseconds since the epoch.
    """
    # Assumes "labels-readable-at-end", which a certificate asks about.
    seen_until = now - int(world.settings.label_lag_seconds * 1000)
    shown: dict[str, tuple[int, dict[str, Any]]] = {}
    for evaluator_id, labels in span.labels.items():
        evaluator = world.evaluators.get(evaluator_id)
        visible = [label for label in labels if label.is_shown and label.at_ms <= seen_until]
        if evaluator is None or not visible:
            continue
        label = visible[-1]
        version = evaluator.version_for(label.version_id, now)
        name = str(version.config.get("name") or evaluator.name)
        if name not in shown or shown[name][0] <= label.at_ms:
            shown[name] = (label.at_ms, _evaluation(world, span, evaluator, version, label))
    return {name: parts for name, (_, parts) in shown.items()}


def _evaluation(
    world: World, span: Span, evaluator: Evaluator, version: EvaluatorVersion, label: Label
) -> dict[str, Any]:
    unit = span.unit(version.granularity)
    draw = unit_hash("judged", version.id, unit)
    choices: dict[str, float] = version.config.get("classification_choices") or {"pass": 1, "fail": 0}
    ordered = sorted(choices.items(), key=lambda item: item[1])
    text, score = ordered[-1] if draw < _GOOD else ordered[0]
    parts = {"score": score, "label": text, "explanation": f"{evaluator.name} judged this {text}."}
    # Assumes "evaluation-metadata-names-run", which a certificate asks about.
    if world.settings.evaluation_metadata and world.level.sends("Evaluation", "metadata"):
        parts["metadata"] = {"task_id": label.task_id, "run_id": label.run_id}
    return parts


def filter_columns(world: World, span: Span, now: int) -> Mapping[str, Any]:
    """The columns of a span that filters know: its own, ``eval.<name>.*`` and ``annotation.<name>.*``."""
    notes = span.columns.get("annotations")
    if not span.labels and not notes:
        return span.columns
    columns = dict(span.columns)
    for name, parts in evaluations(world, span, now).items():
        columns |= {f"eval.{name}.{part}": value for part, value in parts.items() if part != "metadata"}
    for note in notes or []:
        columns |= {f"annotation.{note['name']}.{part}": note.get(part) for part in ("label", "score", "text")}
    return columns


def span_view(world: World, span: Span, now: int, wanted: Callable[[str], bool], longest: int | None) -> dict[str, Any]:
    """A span as the API sends it.

    :param world: the state.
    :param span: the span.
    :param now: milliseconds since the epoch.
    :param wanted: whether a column is to be sent, by its full dotted path.
    :param longest: longest text within ``attributes``; any length by default.
    """
    columns = span.columns
    view = {
        "name": columns.get("name"),
        "context": {"trace_id": columns.get("context.trace_id"), "span_id": span.id},
        "kind": str(columns.get("kind") or columns.get(_KIND) or "UNKNOWN"),
        "parent_id": columns.get("parent_id"),
        "start_time": iso(span.time_ms),
        "end_time": iso(span.time_ms + int(columns.get("latency_ms") or 0)),
        "status_code": columns.get("status_code"),
        "status_message": columns.get("status_message"),
        "attributes": _shorten(_attributes(columns, wanted), longest),
        "annotations": [note for note in columns.get("annotations") or [] if _any_part("annotation", note, wanted)],
        "evaluations": _wanted_evaluations(evaluations(world, span, now), wanted),
        "events": columns.get("events") or [],
    }
    return {name: value for name, value in view.items() if value is not None}


def _any_part(prefix: str, item: Mapping[str, Any], wanted: Callable[[str], bool]) -> bool:
    return any(wanted(f"{prefix}.{item.get('name')}.{part}") for part in ("label", "score", "text"))


def _wanted_evaluations(shown: Mapping[str, Mapping[str, Any]], wanted: Callable[[str], bool]) -> list[dict[str, Any]]:
    """Evaluations without the parts that nobody asked for; one of which no part is left is not sent."""
    chosen = []
    for name, parts in shown.items():
        kept = {part: value for part, value in parts.items() if part == "metadata" or wanted(f"eval.{name}.{part}")}
        if kept.keys() - {"metadata"}:
            chosen.append({"name": name, **kept})
    return chosen


def _attributes(columns: Mapping[str, Any], wanted: Callable[[str], bool]) -> dict[str, Any]:
    """The attribute columns as nested objects; where a path runs through a value, its last part stays dotted."""
    nested: dict[str, Any] = {}
    for column, value in columns.items():
        if column in _FIELDS or column in _LISTS or value is None:
            continue
        path = "attributes.session.id" if column == "context.session_id" else column
        path = path if path.startswith("attributes.") else f"attributes.{path}"
        if not wanted(path):
            continue
        *parents, last = path.removeprefix("attributes.").split(".")
        place = nested
        for position, name in enumerate(parents):
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                last = ".".join([*parents[position:], last])
                break
            place = inner
        place[last] = value
    return nested


def _shorten(value: Any, longest: int | None) -> Any:
    """A value with every text within it cut to a length, its end marked by an ellipsis that counts."""
    if longest is None:
        return value
    if isinstance(value, str):
        return value if len(value) <= longest else f"{value[: longest - 1]}…"
    if isinstance(value, dict):
        return {name: _shorten(item, longest) for name, item in value.items()}
    return [_shorten(item, longest) for item in value] if isinstance(value, list) else value
