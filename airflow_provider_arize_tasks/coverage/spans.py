"""Spans of a window: listed in pages, each span once, and counted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_arize_tasks.client.endpoints import MAX_ROW_LIMIT, iterate, list_spans
from airflow_provider_arize_tasks.client.errors import ArizeApiError, ArizeError, ArizeReplyError
from airflow_provider_arize_tasks.windows.window import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_arize_tasks.client.endpoints import Call
    from airflow_provider_arize_tasks.client.models import Span
    from airflow_provider_arize_tasks.windows.window import Window

#: The least that tells one span from another: without a list of columns the server sends everything.
SMALLEST_COLUMNS = ("context.span_id",)
#: Longest text to be sent of any column.
_LONGEST_TEXT = 64
_MILLISECOND = timedelta(milliseconds=1)
#: Answers that mean that spans can't be listed here: an older API, or a key that may not.
_NOT_HERE = frozenset({403, 404, 405, 410, 501})


class Sends(Protocol):
    """Sends a call and returns its reply."""

    def __call__(self, call: Call[Any], /) -> Any:
        """Send."""


class Counting:
    """Sends calls and counts them.

    :param send: sends a call.
    """

    def __init__(self, send: Sends) -> None:
        self._send = send
        self.requests = 0

    def __call__(self, call: Call[Any], /) -> Any:
        """Send."""
        self.requests += 1
        return self._send(call)


class SpansUnavailableError(ArizeError):
    """Spans can't be listed: the endpoint is missing, or refused to this key."""


def iter_spans(
    send: Sends,
    project_id: str,
    window: Window,
    *,
    query_filter: str | None = None,
    columns: Sequence[str] = SMALLEST_COLUMNS,
    late: timedelta = timedelta(),
    limit: int = MAX_ROW_LIMIT,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Span]:
    """The spans that start in a window, newest first, each once.

    The search takes both ends of its range as included; here a window's end is not part of it. It looks at the time of
    arrival only a few hours around the range, so for spans that arrived later the range must reach further.

    :param send: sends a call.
    :param project_id: the project.
    :param window: the window.
    :param query_filter: only spans that it lets through; default all.
    :param columns: full dotted paths of the columns to read; default the ids only.
    :param late: how far after the window's end to look for spans that arrived late; default not at all. Spans of that
        time are read and left out.
    :param limit: spans a page, at most 500.
    :param progress: called with the number of spans read so far, after each page.
    :raises SpansUnavailableError: the endpoint is missing, or refused.
    :raises ArizeError: the API could not be asked.
    """
    body: dict[str, Any] = {
        "project_id": project_id,
        "start_time": iso(window.start),
        "end_time": iso(window.end + late - _MILLISECOND),
        "included_columns": list(columns),
        "truncate_string_length": _LONGEST_TEXT,
    }
    if query_filter is not None and query_filter.strip():
        body["filter"] = query_filter
    read = 0

    def fetch(call: Call[Any]) -> Any:
        nonlocal read
        page = _send(send, call)
        read += len(page.items)
        if progress is not None:
            progress(read)
        return page

    seen: set[tuple[str | None, str | None]] = set()
    for span in iterate(fetch, lambda cursor: list_spans(body, limit=limit, cursor=cursor)):
        inside = span.start_time is None or window.start <= span.start_time < window.end
        key = (span.trace_id, span.span_id)
        if inside and key not in seen:  # a list that grows while it is read shows a span twice
            seen.add(key)
            yield span


def count_spans(
    send: Sends,
    project_id: str,
    window: Window,
    *,
    query_filter: str | None = None,
    up_to: int | None = None,
    late: timedelta = timedelta(),
    progress: Callable[[int], None] | None = None,
) -> int:
    """How many spans start in a window.

    :param up_to: stop counting here; default count all. The other parameters and errors are those of
        :func:`iter_spans`.
    """
    count = 0
    for _ in iter_spans(send, project_id, window, query_filter=query_filter, late=late, progress=progress):
        count += 1
        if up_to is not None and count >= up_to:
            break
    return count


def _send(send: Sends, call: Call[Any]) -> Any:
    try:
        return send(call)
    except ArizeApiError as error:
        if error.status in _NOT_HERE:
            raise SpansUnavailableError(f"spans can't be listed with this key here: {error}") from error
        raise
    except ArizeReplyError as error:
        if error.retryable:
            raise
        raise SpansUnavailableError(f"spans can't be listed here: {error}") from error
