"""Which spans a run evaluates: the window, the filters, the sampling, what is labelled already, the limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.common import unit_hash
from airflow_provider_arize_tasks.emulator.filters import Predicate, parse_expression, parse_filter
from airflow_provider_arize_tasks.emulator.spans import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_arize_tasks.emulator.model import Task
    from airflow_provider_arize_tasks.emulator.world import World

#: One piece of work: the spans of one evaluated unit and the evaluators that have yet to label it.
Unit = tuple[tuple[Span, ...], tuple[str, ...]]


@dataclass(slots=True)
class Selection:
    """What a run will do.

    :ivar matched: how many units the filters let through, labelled or not.
    :ivar units: the units with work left, in order of time, cut at the limit.
    """

    matched: int = 0
    units: list[Unit] = field(default_factory=list)


def select_spans(world: World, task: Task, spans: Sequence[Span], *, override: bool, max_spans: int) -> Selection:
    """Choose the spans of a run.

    :param world: the state, for the evaluators.
    :param task: an evaluation task of a project.
    :param spans: the spans of the window, in order of time.
    :param override: label what is labelled already once more.
    :param max_spans: take no more spans than this.
    """
    rate = task.body.get("sampling_rate", 1.0)
    if rate < 1.0:
        spans = [span for span in spans if unit_hash("sample", task.id, span.id) < rate]
    granularity = granularity_of(world, task)
    if granularity == "SPAN":
        return _select_single(task, spans, override=override, max_spans=max_spans)
    return _select_groups(task, spans, granularity, override=override, max_spans=max_spans)


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


def _select_single(task: Task, spans: Sequence[Span], *, override: bool, max_spans: int) -> Selection:
    whole = parse_filter(task.body.get("query_filter"))
    own: list[tuple[str, Predicate]] = [
        (item["evaluator_id"], parse_filter(item.get("query_filter"))) for item in task.body.get("evaluators") or []
    ]
    selection = Selection()
    for span in spans:
        if not whole(span.columns):
            continue
        names = [name for name, predicate in own if predicate(span.columns)]
        if not names:
            continue
        selection.matched += 1
        left = _open_evaluators((span,), names, override)
        if left and len(selection.units) < max_spans:
            selection.units.append(((span,), left))
    return selection


def _select_groups(task: Task, spans: Sequence[Span], granularity: str, *, override: bool, max_spans: int) -> Selection:
    groups: dict[str, list[Span]] = {}
    for span in spans:
        groups.setdefault(span.unit(granularity), []).append(span)
    selection, taken = Selection(), 0
    for members in groups.values():
        if not _group_matches(task.body.get("query_filters"), members):
            continue
        selection.matched += 1
        left = _open_evaluators(members, task.evaluator_ids, override)
        if left and taken + len(members) <= max_spans:
            taken += len(members)
            selection.units.append((tuple(members), left))
    return selection


def _group_matches(filters: dict[str, Any] | None, members: Sequence[Span]) -> bool:
    """Whether a trace or session passes: each letter is true when any of its spans passes that filter."""
    if filters is None:
        return True
    letters = {}
    for item in filters["filters"]:
        predicate = parse_filter(item["filter"])
        letters[item["id"]] = any(predicate(span.columns) for span in members)
    expression = filters.get("expression") or filters["filters"][0]["id"]
    return parse_expression(expression, letters)
