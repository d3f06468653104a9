"""Following the pages of a list to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from airflow_provider_arize_tasks.client.errors import ArizeReplyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_arize_tasks.client.calls import Call
    from airflow_provider_arize_tasks.client.models import Page

T = TypeVar("T")


def iterate(fetch: Callable[[Call[Page[T]]], Page[T]], call: Callable[[str | None], Call[Page[T]]]) -> Iterator[T]:
    """Every item of a list, page after page.

    :param fetch: sends a call and returns its page.
    :param call: builds the call for a cursor; ``None`` is the first page.
    :raises ArizeReplyError: the server says there is more but not where, or leads in a circle. A list cut short must
        not pass for a whole one: what is missing in it would be taken for not existing.
    """
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        request = call(cursor)
        page = fetch(request)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            if page.has_more:
                raise ArizeReplyError(f"{request.what}: the server says there is more, but gives no cursor to it")
            return
        if cursor in seen:
            raise ArizeReplyError(f"{request.what}: the server gave the same cursor twice")
        seen.add(cursor)
