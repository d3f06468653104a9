"""Spans as ``POST /v2/spans`` sends them, and the columns that filters and column lists name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.common import iso, unit_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_arize_tasks.emulator.spans import Label, Span
    from airflow_provider_arize_tasks.emulator.world import Evaluator, EvaluatorVersion, World

#: Columns that are fields of a span of their own; all others are attributes.
_FIELDS = frozenset(
    {"name", "context.span_id", "context.trace_id", "kind", "parent_id", "status_code", "status_message", "latency_ms"}
)
_LISTS = frozenset({"annotations", "events"})
_KIND = "attributes.openinference.span.kind"
_GOOD = 0.85


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
