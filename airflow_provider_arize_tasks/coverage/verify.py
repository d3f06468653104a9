"""Proof, its reading: the spans of a window, asked of the API, with their labels."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_arize_tasks.client.enums import TaskType
from airflow_provider_arize_tasks.client.errors import ArizeConfigError, ArizeInvalidRequestError
from airflow_provider_arize_tasks.coverage.expressions import matches_expression
from airflow_provider_arize_tasks.coverage.judges import Judge, Unit
from airflow_provider_arize_tasks.coverage.proof import (
    Tally,
    Verification,
    columns_for,
    unit_of,
)
from airflow_provider_arize_tasks.coverage.reading import read_judges
from airflow_provider_arize_tasks.coverage.spans import iter_spans
from airflow_provider_arize_tasks.windows.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_provider_arize_tasks.client.models import Span, Task
    from airflow_provider_arize_tasks.coverage.reading import TaskSource

#: What gives the spans of a window, as ``iter_spans`` does.
_Spans: TypeAlias = "Callable[..., Iterator[Span]]"
#: How far after a window's end its spans are looked for: the search goes by the time of arrival, a few hours around the
#: range, so what arrived later is found only by a wider range.
LATE = timedelta(hours=24)
#: Requests of a sample beside one per 500 spans.
_MORE_REQUESTS = 1


def verify_window(
    source: TaskSource,
    task: str,
    window: Window,
    *,
    space: str | None = None,
    sample: int | None = None,
    late: timedelta = LATE,
    progress: Callable[[int], None] | None = None,
) -> Verification:
    """Read the spans of a window and tell which of them carry a label of each of the task's evaluators.

    One request for the task, one for each evaluator's versions, and one per 500 spans; with a filter of the task or of
    an evaluator, one more per 500 spans that pass it.

    :param source: the API.
    :param task: name or id of the task.
    :param window: the window.
    :param space: space of the task, if it is given by name.
    :param sample: look at so many spans only, at places of the window drawn at random; all of them where the window
        holds fewer, or where the evaluators judge traces or sessions. A sample does not look for spans that arrived
        late. Default: all.
    :param late: how far after the window's end to look for spans that arrived late. Spans that start in that time are
        read and left out.
    :param progress: told how many spans were read, after each page.
    :raises ArizeConfigError: the task has no windows, or its filter is not one for a search of spans.
    :raises SpansUnavailableError: spans can't be listed with this key, or not here.
    :raises ArizeError: the API could not be asked.
    """
    reply = source.get_task_with_server_time(source.resolve_task(task, space))
    found = reply.value
    if found.type is TaskType.RUN_EXPERIMENT or not found.project_id:
        raise ArizeConfigError(f"task {task!r} has no windows: only tasks that evaluate a project's spans have")
    some_spans = partial(iter_spans, source.call, found.project_id, progress=progress)
    all_spans = partial(some_spans, window, late=late)
    judges = read_judges(source.call, found)
    looked_at = reply.server_time or datetime.now(timezone.utc)
    spans, sampled = _spans_of(all_spans, some_spans, window, judges, found.query_filter, sample)
    unit = next((judge.unit for judge in judges if judge.unit is not Unit.SPAN), Unit.SPAN)
    passes = _Filters(all_spans, found, unit, is_filtered=sampled is not None)
    matching = [span for span in spans if passes.task(span)]
    tallies = tuple(Tally(judge) for judge in judges)
    for tally in tallies:
        judged = passes.evaluator(tally.judge)
        for span in matching:
            if judged(span):
                tally.add(span)
    return Verification(
        task_id=found.id,
        task_name=found.name,
        project_id=found.project_id,
        window=window,
        spans=len(spans),
        matching=len(matching),
        sampled=sampled,
        rate=1.0 if found.sampling_rate is None else found.sampling_rate,
        tallies=tallies,
        looked_at=looked_at,
        query_filter=found.query_filter,
        notes=tuple(f"the versions of evaluator {judge.name} can't be read" for judge in judges if not judge.is_known),
    )


def _spans_of(
    all_spans: _Spans,
    some_spans: _Spans,
    window: Window,
    judges: Sequence[Judge],
    query_filter: str | None,
    sample: int | None,
) -> tuple[list[Span], int | None]:
    """The spans to look at, and how many they are if they are a sample (of those that the task's filter lets through).

    The label of a trace may stand on one of its spans only, so a sample of spans can't tell that it is missing.
    """
    columns = columns_for(judges)
    if sample is None or any(judge.unit is not Unit.SPAN for judge in judges):
        return list(all_spans(columns=columns)), None
    places = sample // 500 + 1 + _MORE_REQUESTS
    each = -(-sample // places)
    found: dict[tuple[str | None, str | None], Span] = {}
    spread = random.Random()  # noqa: S311 -- a sample, no secret
    for number in range(places):
        # One place in each of as many equal parts, the last of them the very end. A place near the beginning has little
        # before it; the last makes up for that.
        is_last = number == places - 1
        at = window.end if is_last else window.start + window.width * ((number + spread.random()) / places)
        wanted = sample - len(found) if is_last else each
        part, most = Window(window.start, at), min(wanted, 500)
        if part.width:
            newest = islice(some_spans(part, query_filter=query_filter, columns=columns, limit=most), most)
            found.update(((span.trace_id, span.span_id), span) for span in newest)
    if len(found) < sample // 2:  # the window holds little more than that: look at all of it
        return list(all_spans(columns=columns)), None
    return list(found.values()), len(found)


class _Filters:
    """Which spans the task's filter, and an evaluator's own, let through: the server decides, by another search."""

    def __init__(self, all_spans: _Spans, task: Task, unit: Unit, *, is_filtered: bool) -> None:
        self._all_spans = all_spans
        self._unit = unit
        self._whole = None if is_filtered else self._searched(task.query_filter)
        self._groups = self._searched_groups(task.query_filters)

    def task(self, span: Span) -> bool:
        """Whether the task evaluates a span."""
        in_whole = self._whole is None or unit_of(span, self._unit) in self._whole
        return in_whole and (self._groups is None or self._groups(span))

    def evaluator(self, judge: Judge) -> Callable[[Span], bool]:
        """Whether an evaluator judges a span that the task evaluates."""
        own = self._searched(judge.query_filter)
        return (lambda _: True) if own is None else (lambda span: unit_of(span, self._unit) in own)

    def _searched(self, query_filter: str | None) -> set[str] | None:
        """The units of which any span passes a filter; ``None`` if there is no filter."""
        if not query_filter or not query_filter.strip():
            return None
        return {unit_of(span, self._unit) for span in self._search(query_filter)}

    def _search(self, query_filter: str) -> Iterator[Span]:
        try:
            columns = ("context.span_id", "context.trace_id", "attributes.session.id")
            yield from self._all_spans(columns=columns, query_filter=query_filter)
        except ArizeInvalidRequestError as error:
            raise ArizeConfigError(
                f"the filter {query_filter!r} can't be used to search spans, so nothing can be proven: {error}"
            ) from error

    def _searched_groups(self, filters: Mapping[str, Any] | None) -> Callable[[Span], bool] | None:
        """The filters of a trace or session task: each holds for a group when any of its spans passes it."""
        items = [each for each in (filters or {}).get("filters") or [] if isinstance(each, dict) and each.get("filter")]
        if not items:
            return None
        passed = {
            str(each.get("id")): {unit_of(span, self._unit) for span in self._search(str(each["filter"]))}
            for each in items
        }
        expression = str((filters or {}).get("expression") or items[0].get("id"))

        def passes(span: Span) -> bool:
            group = unit_of(span, self._unit)
            return matches_expression(expression, {name: group in groups for name, groups in passed.items()})

        return passes
