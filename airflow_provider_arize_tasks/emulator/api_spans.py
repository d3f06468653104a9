"""``POST /v2/spans``: the spans of a project, newest first, with the evaluations they carry."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator import schemas
from airflow_provider_arize_tasks.emulator.common import Refusal, parse_strict_time
from airflow_provider_arize_tasks.emulator.filters import check_filter, parse_filter
from airflow_provider_arize_tasks.emulator.requests import Call, Routes, read_limit
from airflow_provider_arize_tasks.emulator.spans import Span, filter_columns, span_view
from airflow_provider_arize_tasks.emulator.world import World, find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROUTES = Routes()
WEEK_MS = 7 * 24 * 60 * 60 * 1000
_MOST = 500
#: Where a span stands in the order of lists: start, trace, id.
Position = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class _Search:
    """What a walk over pages keeps: the window and what it is bound to."""

    start_ms: int
    end_ms: int
    bound_to: str
    after: Position | None = None

    def cursor(self, last: Span) -> str:
        """The cursor to the page after a span."""
        state = [self.bound_to, self.start_ms, self.end_ms, *_position(last)]
        return base64.urlsafe_b64encode(json.dumps(state).encode()).decode()


@ROUTES.on("POST /v2/spans")
def list_spans(call: Call) -> dict[str, Any]:
    """The spans of a project."""
    world = call.world
    status = world.settings.spans_status
    if status is not None:
        raise Refusal(status, "listing spans is not available: staged by the emulator")
    query = call.query()
    limit = read_limit(query.get("limit"), _MOST)
    body = call.body(schemas.LIST_SPANS)
    project = find(world.projects, body["project_id"], "project")
    wanted = _columns(body)
    search = _read_search(world, body, query.get("cursor"))
    read_filter = check_filter if world.level.knows("blank filter of spans is refused") else parse_filter
    passes = read_filter(body.get("filter"), "filter")
    now = call.now
    found = (
        span
        for span in _newest_first(world.spans[project.id].between(search.start_ms, search.end_ms + 1), search.after)
        if _is_found(world, span, search, now) and passes(filter_columns(world, span, now))
    )
    chosen = list(islice(found, limit + 1))
    shown, longest = chosen[:limit], body.get("truncate_string_length")
    views = [span_view(world, span, now, wanted, longest) for span in shown]
    return call.page_of("spans", views, search.cursor(shown[-1]) if len(chosen) > limit else None)


def _columns(body: dict[str, Any]) -> Callable[[str], bool]:
    """Whether a column is to be sent."""
    included, excluded = body.get("included_columns"), body.get("excluded_columns")
    if included is not None and excluded is not None:
        raise Refusal(422, "included_columns and excluded_columns are mutually exclusive")
    if included is not None:
        return set(included).__contains__
    left_out = set(excluded or ())
    return lambda column: column not in left_out


def _read_search(world: World, body: dict[str, Any], cursor: str | None) -> _Search:
    """The window to search, and where to go on; a cursor keeps the window of the first page."""
    kept = {name: value for name, value in body.items() if name != "truncate_string_length"}
    bound_to = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]
    if cursor is not None:
        return _read_cursor(cursor, bound_to)
    now = world.clock.now_ms()
    end = parse_strict_time(body["end_time"], "end_time") if "end_time" in body else now
    start = parse_strict_time(body["start_time"], "start_time") if "start_time" in body else now - WEEK_MS
    if start > end:
        raise Refusal(400, "start_time must not be after end_time")
    if "end_time" in body and not world.level.knows("end of a range of spans is inclusive"):
        end -= 1
    return _Search(start, end, bound_to)


def _read_cursor(cursor: str, bound_to: str) -> _Search:
    try:
        owner, start, end, time_ms, trace, span_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        search = _Search(int(start), int(end), str(owner), (int(time_ms), str(trace), str(span_id)))
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError):
        raise Refusal(400, "cursor: is not valid") from None
    if search.bound_to != bound_to:
        raise Refusal(400, "cursor: belongs to another project, filter, selection of columns or window")
    return search


def _is_found(world: World, span: Span, search: _Search, now: int) -> bool:
    """Whether the search comes across a span: it has arrived, is indexed, and arrived not too far from the window."""
    settings = world.settings
    slack = int(settings.arrival_slack_seconds * 1000)
    is_near = search.start_ms - slack <= span.ingested_ms <= search.end_ms + slack
    return is_near and span.ingested_ms + int(settings.span_lag_seconds * 1000) <= now


def _position(span: Span) -> Position:
    return span.time_ms, str(span.columns.get("context.trace_id") or ""), span.id


def _newest_first(spans: Sequence[Span], after: Position | None) -> Iterator[Span]:
    """Spans in the order of the list, after a position: newest start first, ties by trace and span id."""
    last = len(spans) if after is None else bisect_right(spans, after[0], key=lambda span: span.time_ms)
    backwards = (spans[index] for index in range(last - 1, -1, -1))
    for time_ms, group in groupby(backwards, key=lambda span: span.time_ms):
        together = sorted(group, key=_position)
        if after is not None and time_ms == after[0]:
            together = together[bisect_left(together, after, key=_position) :]
            together = [span for span in together if _position(span) != after]
        yield from together
