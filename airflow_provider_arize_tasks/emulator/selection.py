"""Which spans a run evaluates: the window, the filters, the sampling, what is labelled already, the limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.common import unit_hash
from airflow_provider_arize_tasks.emulator.filters import Predicate, parse_expression, parse_filter
from airflow_provider_arize_tasks.emulator.spans import Span, filter_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider_arize_tasks.emulator.world import Task, World

#: One piece of work: the spans of one evaluated unit and the evaluators that have yet to label it.
Unit = tuple[tuple[Span, ...], tuple[str, ...]]


@dataclass(slots=True)
class Selection:
    """What a run will do.

    :ivar passed: how many units the task's own filters let through, before sampling and whatever is labelled.
    :ivar matched: how many of them some evaluator is to label, or has labelled.
    :ivar units: the units with work left, in order of time, cut at the limit.
    """

    passed: int = 0
    matched: int = 0
    units: list[Unit] = field(default_factory=list)


def select_spans(world: World, task: Task, spans: Sequence[Span], *, override: bool, max_spans: int) -> Selection:
    """Choose the spans of a run.

    :param world: the state, for the evaluators.
    :param task: an evaluation task of a project.
    :param spans: the spans of the window, in order of time.
    :param override: label what is labelled already once more.
    :param max_spans: take no more spans (or units, as set) than this.
    """
    granularity = granularity_of(world, task)
    candidates = _single(world, task, spans) if granularity == "SPAN" else _groups(world, task, spans, granularity)
    rate = task.body.get("sampling_rate", 1.0)
    counts_spans = world.settings.limit_counts == "spans"
    before_labels = world.settings.limit_applies == "before_labels"
    selection, taken = Selection(), 0
    for members, names in candidates:
        selection.passed += 1
        if not names or (rate < 1.0 and unit_hash("sample", task.id, members[0].unit(granularity)) >= rate):
            continue
        selection.matched += 1
        size = len(members) if counts_spans else 1
        left = _open_evaluators(members, names, override)
        # Assumes "limit-after-labels", which a certificate asks about.
        if (left or before_labels) and taken + size <= max_spans:
            taken += size
            if left:
                selection.units.append((members, left))
    return selection


def granularity_of(world: World, task: Task) -> str:
    """What one evaluated unit of a task is: SPAN, TRACE or SESSION."""
    for item in task.body.get("evaluators") or []:
        evaluator = world.evaluators.get(item["evaluator_id"])
        if evaluator is None:
            continue
        return evaluator.version_for(item.get("evaluator_version_id"), world.clock.now_ms()).granularity
    return "SPAN"


def _open_evaluators(spans: Sequence[Span], evaluators: Sequence[str], override: bool) -> tuple[str, ...]:
    if override:
        return tuple(evaluators)
    return tuple(name for name in evaluators if any(not span.labels.get(name) for span in spans))


def _single(world: World, task: Task, spans: Sequence[Span]) -> Iterator[Unit]:
    """The spans that the task's filter lets through, each with the evaluators whose own filter does so too."""
    whole = parse_filter(task.body.get("query_filter"))
    honoured = world.settings.evaluator_filters
    own: list[tuple[str, Predicate]] = [
        (item["evaluator_id"], parse_filter(item.get("query_filter") if honoured else None))
        for item in task.body.get("evaluators") or []
        if item["evaluator_id"] in world.evaluators
    ]
    now = world.clock.now_ms()
    for span in spans:
        columns = filter_columns(world, span, now)
        if whole(columns):
            yield (span,), tuple(name for name, predicate in own if predicate(columns))


def _groups(world: World, task: Task, spans: Sequence[Span], granularity: str) -> Iterator[Unit]:
    """The traces or sessions that the task's filters let through, with all its evaluators."""
    groups: dict[str, list[Span]] = {}
    for span in spans:
        groups.setdefault(span.unit(granularity), []).append(span)
    now, names = world.clock.now_ms(), tuple(e for e in task.evaluator_ids if e in world.evaluators)
    for members in groups.values():
        if _group_matches(task.body.get("query_filters"), [filter_columns(world, span, now) for span in members]):
            yield tuple(members), names


def _group_matches(filters: dict[str, Any] | None, members: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a trace or session passes: each letter is true when any of its spans passes that filter."""
    if filters is None:
        return True
    letters = {}
    for item in filters["filters"]:
        predicate = parse_filter(item["filter"])
        letters[item["id"]] = any(predicate(columns) for columns in members)
    expression = filters.get("expression") or filters["filters"][0]["id"]
    return parse_expression(expression, letters)
