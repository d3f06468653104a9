"""Spans of a project, as ``POST /v2/spans`` lists them: the little of them that verification needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client import readers
from airflow_provider_arize_tasks.client.endpoints import MAX_ROW_LIMIT, Call, path_of, query_of
from airflow_provider_arize_tasks.client.models import ArizeObject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow_provider_arize_tasks.client.models import Page


@dataclass(frozen=True, kw_only=True)
class SpanEvaluation:
    """A label of a span. ``name`` is the eval column's; ``run_id`` and ``task_id`` are there where the server tells."""

    name: str
    label: str | None = None
    score: float | None = None
    run_id: str | None = None
    task_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Span(ArizeObject):
    """A span with its labels. Fields that were not asked for, or that the server left out, are ``None``."""

    span_id: str
    trace_id: str | None = None
    session_id: str | None = None
    start_time: datetime | None = None
    evaluations: tuple[SpanEvaluation, ...] = ()

    @property
    def key(self) -> tuple[str | None, str]:
        """What tells it from all others."""
        return self.trace_id, self.span_id


def list_spans(
    project_id: str,
    *,
    start_time: datetime,
    end_time: datetime,
    filter: str | None = None,  # noqa: A002  # the API's own name
    included_columns: Sequence[str] | None = None,
    limit: int = MAX_ROW_LIMIT,
    cursor: str | None = None,
) -> Call[Page[Span]]:
    """One page of a project's spans, newest first; both ends belong to the range. A POST that only reads."""
    body: dict[str, Any] = {
        "project_id": project_id,
        "start_time": _iso(start_time),
        "end_time": _iso(end_time),
        "truncate_string_length": 64,
    }
    if filter is not None and filter.strip():
        body["filter"] = filter
    if included_columns:
        body["included_columns"] = list(included_columns)
    return Call(
        method="POST",
        path=path_of("spans"),
        query=query_of(limit=limit, cursor=cursor),
        body=body,
        read=readers.read_page("spans", read_span),
        what=f"list spans of project {project_id}",
        repeatable=True,
    )


def read_span(data: Any) -> Span:
    """A span.

    :raises ArizeReplyError: no object, or one without a span id.
    """
    data = readers.as_object(data, "a span")
    context = readers.mapping(data, "context") or {}
    span_id = readers.text(context, "span_id") or readers.text(data, "span_id")
    if not span_id:
        from airflow_provider_arize_tasks.client.errors import ArizeReplyError

        raise ArizeReplyError("expected a span with an id, got one without")
    return Span(
        span_id=span_id,
        trace_id=readers.text(context, "trace_id") or readers.text(data, "trace_id"),
        session_id=_session_of(data),
        start_time=readers.time(data, "start_time"),
        evaluations=tuple(filter(None, map(_evaluation, readers.mappings(data, "evaluations")))),
        raw=data,
    )


def _session_of(data: Mapping[str, Any]) -> str | None:
    attributes = readers.mapping(data, "attributes") or {}
    session = readers.mapping(attributes, "session") or {}
    return readers.text(session, "id") or readers.text(attributes, "session.id")


def _evaluation(data: Mapping[str, Any]) -> SpanEvaluation | None:
    name = readers.text(data, "name")
    if not name:
        return None
    metadata = readers.mapping(data, "metadata") or {}
    return SpanEvaluation(
        name=name,
        label=readers.text(data, "label"),
        score=readers.number(data, "score"),
        run_id=_first(metadata, "run_id", "task_run_id", "taskRunId", "runId"),
        task_id=_first(metadata, "task_id", "online_task_id", "taskId"),
    )


def _first(data: Mapping[str, Any], *names: str) -> str | None:
    """The first of some fields that is there: the keys of the metadata are not documented."""
    return next((found for name in names if (found := readers.text(data, name))), None)


def _iso(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
