"""Query parameters and pages of lists."""

from __future__ import annotations

import base64
import binascii
import re
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from airflow_provider_arize_tasks.emulator.common import Refusal, is_id
from airflow_provider_arize_tasks.emulator.requests import operation_of, world_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from airflow_provider_arize_tasks.emulator.levels import Level
    from airflow_provider_arize_tasks.emulator.world import World

T = TypeVar("T")
LONGEST_NAME = 255
_TYPES = {"projects": ("APPLICATION", "HARNESS", "EXPERIMENT"), "integrations": ("LLM", "AGENT", "EVALUATOR")}
_CURSOR = re.compile(r"after:([0-9]{1,15})")


def read_query(query: Mapping[str, str], operation: str, allowed: Sequence[str], level: Level) -> dict[str, str]:
    """The query parameters of a request.

    :param query: as sent.
    :param operation: method and path template, the key of the level table.
    :param allowed: parameters the operation takes beside ``limit`` and ``cursor``.
    :raises Refusal: 400 for one that it doesn't take, and for a name longer than 255 characters.
    """
    for name, value in query.items():
        is_known = name in allowed or name in ("limit", "cursor")
        if not is_known or not level.knows(f"query {operation} {name}"):
            raise Refusal(400, f"unknown query parameter {name!r}")
        if name in ("name", "space_name") and len(value) > LONGEST_NAME:
            raise Refusal(400, f"{name}: must have at most {LONGEST_NAME} characters")
        if name.endswith("_id") and not is_id(value):
            raise Refusal(400, f"{name}: {value!r} is not a valid identifier")
    return dict(query)


def page(
    key: str, items: Sequence[T], view: Callable[[T], dict[str, Any]], query: Mapping[str, Any], most: int = 100
) -> dict[str, Any]:
    """One page of a list.

    :param key: the name of the array in the reply.
    :param items: all items that match, in order.
    :param view: an item as the API sends it.
    :param query: ``limit`` (50 by default) and ``cursor``.
    :param most: the highest limit.
    :raises Refusal: 400 for a limit out of range or a cursor that isn't one.
    """
    start, limit = read_cursor(query.get("cursor")), read_limit(query.get("limit"), most)
    return finish_page(key, [view(item) for item in islice(items, start, start + limit)], start, limit, len(items))


def finish_page(key: str, views: list[dict[str, Any]], start: int, limit: int, total: int) -> dict[str, Any]:
    """A page's reply from its items' views."""
    return page_of(key, views, start + limit if start + limit < total else None)


def page_of(key: str, views: list[dict[str, Any]], following: int | None) -> dict[str, Any]:
    """A page's reply from its items' views and the position of the next page, ``None`` after the last one."""
    pagination: dict[str, Any] = {"has_more": following is not None}
    if following is not None:
        pagination["next_cursor"] = write_cursor(following)
    return {key: views, "pagination": pagination}


def read_limit(value: Any, most: int) -> int:
    """A page size; 50 where none is given."""
    if value is None:
        return 50
    text = str(value)
    if not re.fullmatch(r"-?[0-9]{1,15}", text):
        raise Refusal(400, f"limit: must be an integer, got {value!r}")
    limit = int(text)
    if not 1 <= limit <= most:
        raise Refusal(400, f"limit: must be between 1 and {most}")
    return limit


def write_cursor(position: int) -> str:
    """The opaque cursor of a position."""
    return base64.urlsafe_b64encode(f"after:{position}".encode()).decode()


def read_cursor(value: str | None) -> int:
    """The position a cursor stands for; 0 for none."""
    if value is None:
        return 0
    try:
        found = _CURSOR.fullmatch(base64.urlsafe_b64decode(value.encode()).decode())
    except (binascii.Error, ValueError):
        found = None
    if found is not None:
        return int(found[1])
    raise Refusal(400, "cursor: is not valid")


def scoped(world: World, items: Iterable[T], query: Mapping[str, str], space_of: Callable[[T], str]) -> list[T]:
    """The items of the spaces a query names, by ``space_id`` or by a part of ``space_name``.

    :raises Refusal: 404 for an unknown space id, on levels that check it.
    """
    chosen = list(items)
    space_id = query.get("space_id")
    if space_id is not None:
        require_scope(world, world.spaces, space_id, "space")
        chosen = [item for item in chosen if space_of(item) == space_id]
    part = query.get("space_name")
    if part is not None:
        spaces = {space.id for space in world.spaces.values() if part.lower() in space.name.lower()}
        chosen = [item for item in chosen if space_of(item) in spaces]
    return chosen


def require_scope(world: World, table: Mapping[str, Any], scope_id: str, what: str) -> None:
    """Refuse a list whose scoping resource doesn't exist; older servers answer with an empty list."""
    if scope_id not in table and world.level.knows("missing scope is 404"):
        raise Refusal(404, f"{what} {scope_id} not found")


def named(items: Iterable[Any], query: Mapping[str, str]) -> list[Any]:
    """The items whose name contains the query's ``name``, whatever the case."""
    part = query.get("name")
    return [item for item in items if part is None or part.lower() in item.name.lower()]


def newest_first(items: Iterable[T], by: str = "created_ms") -> list[T]:
    """Records in the order of lists.

    :param items: the records.
    :param by: the time that counts, ``created_ms`` or ``updated_ms``.
    """
    return sorted(items, key=lambda item: (getattr(item, by), getattr(item, "number")), reverse=True)  # noqa: B009


def space_page(
    request: web.Request,
    key: str,
    items: Iterable[Any],
    view: Callable[[Any], dict[str, Any]],
    *more: str,
    by: str = "created_ms",
) -> web.Response:
    """A page of a list of records that live in a space, by space and name.

    :param key: the name of the array in the reply.
    :param items: all records.
    :param view: a record as the API sends it.
    :param more: query parameters it takes beside space and name.
    :param by: the time that its order follows, newest first.
    """
    world = world_of(request)
    query = read_query(request.query, operation_of(request), ("space_id", "space_name", "name", *more), world.level)
    for name in more:
        if name in query:
            known = [world.level.spell(value) for value in _TYPES[key]]
            if query[name] not in known:
                raise Refusal(400, f"{name}: must be one of {', '.join(known)}, got {query[name]!r}")
            items = [item for item in items if getattr(item, name) == query[name].upper()]
    chosen = newest_first(named(scoped(world, items, query, lambda item: str(item.space_id)), query), by)
    return web.json_response(page(key, chosen, view, query))
