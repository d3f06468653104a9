"""Following the pages of a list to their end, which there always is."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_arize_tasks.client.errors import ArizeReplyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_arize_tasks.client.calls import Call
    from airflow_provider_arize_tasks.client.models import Page

T = TypeVar("T")

#: Most pages of one list: a million items, and more than anything that this provider lists has.
MAX_PAGES = 10_000
#: Most pages in a row that bring nothing new. A list that shifts while it is read may repeat a page or two, and a
#: filter may leave some empty.
MAX_FRUITLESS = 5
#: Of so many pages before it, a page's items are told to be new; all of them would be a lot to remember.
_REMEMBERED = 20
#: No server's cursor is longer; one that grows from page to page would fill memory and the URL.
_MAX_CURSOR = 8192


def iterate(
    fetch: Callable[[Call[Page[T]]], Page[T]],
    call: Callable[[str | None], Call[Page[T]]],
    *,
    max_pages: int = MAX_PAGES,
) -> Iterator[T]:
    """Every item of a list, page after page.

    :param fetch: sends a call and returns its page.
    :param call: builds the call for a cursor; ``None`` is the first page.
    :param max_pages: most pages that are read. Default 10,000.
    :raises ArizeReplyError: the server says there is more but not where, leads in a circle, brings nothing new page
        after page, or has more pages than that. A list cut short must not pass for a whole one: what is missing in it
        would be taken for not existing.
    """
    cursor: str | None = None
    progress = _Progress()
    for _ in range(max_pages):
        request = call(cursor)
        page = fetch(request)
        progress.see(request.what, page)
        yield from page.items
        cursor = page.next_cursor
        # Assumes "pages-hold-all-once", which a certificate asks about.
        if cursor is None:
            if page.has_more:
                raise ArizeReplyError(f"{request.what}: the server says there is more, but gives no cursor to it")
            return
    raise ArizeReplyError(f"{request.what}: the list has not ended after {max_pages} pages, so it is not read further")


class _Progress:
    """Whether a list gets anywhere."""

    def __init__(self) -> None:
        self._cursors: set[int] = set()
        self._pages: deque[frozenset[str]] = deque(maxlen=_REMEMBERED)
        self._fruitless = 0

    def see(self, what: str, page: Page[Any]) -> None:
        """Another page.

        :raises ArizeReplyError: the list goes nowhere.
        """
        ids = [_identity(item) for item in page.items]
        known = frozenset(identity for identity in ids if identity is not None)
        is_new = None in ids or not known <= frozenset().union(*self._pages)
        self._pages.append(known)
        self._fruitless = 0 if is_new else self._fruitless + 1
        if page.next_cursor is None:
            return
        if self._fruitless >= MAX_FRUITLESS:
            raise ArizeReplyError(f"{what}: {MAX_FRUITLESS} pages in a row brought nothing new; the list does not end")
        if len(page.next_cursor) > _MAX_CURSOR:
            raise ArizeReplyError(f"{what}: the server gave a cursor of {len(page.next_cursor)} characters")
        if hash(page.next_cursor) in self._cursors:
            raise ArizeReplyError(f"{what}: the server gave the same cursor twice")
        self._cursors.add(hash(page.next_cursor))


def _identity(item: object) -> str | None:
    """What tells an item from the others, if it has an id."""
    value = getattr(item, "id", None) or getattr(item, "span_id", None)
    return value if isinstance(value, str) else None
