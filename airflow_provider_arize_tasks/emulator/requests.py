"""A request as handlers see it, which handler answers which request, and pages of lists."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from airflow_provider_arize_tasks.emulator.common import Refusal, is_id
from airflow_provider_arize_tasks.emulator.world import Record, World, find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from airflow_provider_arize_tasks.emulator.schemas import Shape

    #: An item as the API sends it.
    View = Callable[[World, Any], Any]

#: How deep a body may be nested.
DEEPEST = 64
CONTROL_PREFIX = "/_emulator"
LONGEST_NAME = 255
WORLD: web.AppKey[World] = web.AppKey("world", World)
R = TypeVar("R", bound=Record)
_HALF_A_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")
_TYPES = {"projects": ("APPLICATION", "HARNESS", "EXPERIMENT"), "integrations": ("LLM", "AGENT", "EVALUATOR")}
_CURSOR = re.compile(r"after:([0-9]{1,15})")


class Call:
    """A request: the state behind it, what its path, query and body say.

    :param request: the request.
    :param raw: its body.
    """

    def __init__(self, request: web.Request, raw: bytes) -> None:
        self.request = request
        self.world = request.app[WORLD]
        self._raw = raw

    @property
    def now(self) -> int:
        """Milliseconds since the epoch, by the server's clock."""
        return self.world.clock.now_ms()

    def path(self, name: str) -> str:
        """A variable part of the path."""
        return self.request.match_info[name]

    def find(self, table: dict[str, R], what: str) -> R:
        """The record whose id the path names.

        :param table: where to look.
        :param what: what it is called in the refusal; the path calls its id by the last word of that, and ``_id``.
        :raises Refusal: 400 for what doesn't have the form of an id, 404 where there is none.
        """
        return find(table, self.path(f"{what.rpartition(' ')[2]}_id"), what)

    def query(self, *allowed: str) -> dict[str, str]:
        """The query parameters.

        :param allowed: parameters the operation takes beside ``limit`` and ``cursor``.
        :raises Refusal: 400 for one that it doesn't take, and for a name longer than 255 characters.
        """
        query, operation = dict(self.request.query), operation_of(self.request)
        for name, value in self.request.query.items():
            is_known = name in allowed or name in ("limit", "cursor")
            if not is_known or not self.world.level.knows(f"query {operation} {name}"):
                raise Refusal(400, f"unknown query parameter {name!r}")
            if name in ("name", "space_name") and len(value) > LONGEST_NAME:
                raise Refusal(400, f"{name}: must have at most {LONGEST_NAME} characters")
            if name.endswith("_id") and not is_id(value):
                raise Refusal(400, f"{name}: {value!r} is not a valid identifier")
        return query

    def json(self, default: Any = None) -> Any:
        """The JSON body.

        :param default: what no body at all stands for; without it a body is required.
        :raises Refusal: 400 for what isn't JSON or isn't declared as JSON.
        """
        if not self._raw:
            if default is None:
                raise Refusal(400, "a JSON body is required")
            return default
        if self.request.content_type != "application/json":
            raise Refusal(400, f"Content-Type must be application/json, got {self.request.content_type}")
        # Tests stage replies that are no JSON, so the control path takes what Python takes.
        if not is_control(self.request):
            return read_json(self._raw)
        try:
            return json.loads(self._raw)
        except (ValueError, RecursionError):
            raise Refusal(400, "the body is not valid JSON, or nested too deeply") from None

    def body(self, shape: Shape, *, status: int = 422, default: Any = None) -> dict[str, Any]:
        """The JSON body, of a shape.

        :param shape: its fields.
        :param status: of the refusal of what has another shape.
        :param default: as in :meth:`json`.
        """
        return shape.read(self.json(default), self.world.level, status)

    def no_body(self) -> None:
        """Refuse a body where there must be none; an empty object passes."""
        if self._raw.strip() not in (b"", b"{}"):
            raise Refusal(400, "this operation takes no body")

    def page(
        self, key: str, items: Sequence[Any], query: Mapping[str, Any], view: View | None = None, most: int = 100
    ) -> dict[str, Any]:
        """One page of a list.

        :param key: the name of the array in the reply.
        :param items: all items that match, in order.
        :param query: ``limit`` (50 by default) and ``cursor``.
        :param view: an item as the API sends it; by default items are so already.
        :param most: the highest limit.
        :raises Refusal: 400 for a limit out of range or a cursor that isn't one.
        """
        start, limit = read_cursor(query.get("cursor")), read_limit(query.get("limit"), most)
        shown = items[start : start + limit]
        views = shown if view is None else [view(self.world, item) for item in shown]
        return self.page_of(key, views, write_cursor(start + limit) if start + limit < len(items) else None)

    def page_of(self, key: str, views: Sequence[Any], cursor: str | None) -> dict[str, Any]:
        """A page's reply from its items' views and the cursor to the next page, ``None`` after the last one."""
        pagination: dict[str, Any] = {"has_more": cursor is not None}
        if cursor is not None and self.world.level.knows(f"query {operation_of(self.request)} cursor"):
            pagination["next_cursor"] = cursor
        return {key: views, "pagination": pagination}

    def space_page(
        self, key: str, items: Iterable[Any], view: View, *more: str, by: str = "created_ms"
    ) -> dict[str, Any]:
        """A page of a list of records that live in a space, by space and name.

        :param key: the name of the array in the reply.
        :param items: all records.
        :param view: a record as the API sends it.
        :param more: query parameters it takes beside space and name.
        :param by: the time that its order follows, newest first.
        """
        query, level = self.query("space_id", "space_name", "name", *more), self.world.level
        for name in more:
            if name in query:
                known = [level.spell(value) for value in _TYPES[key]]
                if query[name] not in known:
                    raise Refusal(400, f"{name}: must be one of {', '.join(known)}, got {query[name]!r}")
                items = [item for item in items if getattr(item, name) == query[name].upper()]
        return self.page(key, newest_first(named(self.world, items, query), by), query, view)


class Routes(list[web.RouteDef]):
    """Which handler answers which request.

    :param nothing: the reply where a handler returns ``None``; 204 without a body by default.
    """

    def __init__(self, nothing: dict[str, Any] | None = None) -> None:
        super().__init__()
        self._nothing = nothing

    def on(self, *operations: str, status: int = 200) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
        """Make a function of a call the handler of operations; what it returns is sent as JSON.

        :param operations: each a method and a path template.
        :param status: HTTP status of the reply.
        """

        def register(handle: Callable[[Call], Any]) -> Callable[[Call], Any]:
            async def answer(request: web.Request) -> web.Response:
                raw = b"" if request.method in ("GET", "HEAD", "DELETE") else await request.read()
                reply = handle(Call(request, raw))
                reply = self._nothing if reply is None else reply
                return web.Response(status=204) if reply is None else web.json_response(reply, status=status)

            for operation in operations:
                method, path = operation.split(" ")
                self.append(web.route(method, path, answer))
            return handle

        return register

    def lists(self, path: str, table: str, view: View, *more: str, by: str = "created_ms") -> None:
        """Answer ``GET`` of a path with pages of a table of the world; the rest is as of :meth:`Call.space_page`."""
        key = path.rpartition("/")[2]
        self.on(f"GET {path}")(
            lambda call: call.space_page(key, getattr(call.world, table).values(), view, *more, by=by)
        )

    def gets(self, path: str, table: str, what: str, view: View) -> None:
        """Answer ``GET`` of a path with the record of a table that it names, which a refusal calls ``what``."""
        self.on(f"GET {path}")(lambda call: view(call.world, call.find(getattr(call.world, table), what)))


def is_control(request: web.Request) -> bool:
    """Whether a request is one of the control path."""
    return request.path.startswith(CONTROL_PREFIX)


def template_of(request: web.Request) -> str:
    """The path template of a request's route, such as ``/v2/tasks/{task_id}``; the path itself where there is none."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else request.path


def operation_of(request: web.Request) -> str:
    """Method and path template, the key of counters and of the level table."""
    return f"{request.method} {template_of(request)}"


def read_json(raw: bytes) -> Any:
    """A JSON text of a request.

    :raises Refusal: 400 for what isn't JSON (``NaN`` and half a character aren't), is nested too deeply, or holds a
        number that no client could read back.
    """
    try:
        value = json.loads(raw, parse_constant=_finite, parse_float=_finite)
        if _HALF_A_CHARACTER.search(raw):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise Refusal(400, "the body is nested too deeply") from None
    except ValueError:
        raise Refusal(400, "the body is not valid JSON") from None
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise Refusal(400, "the body is nested too deeply")
        level = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, (dict, list))]
        level = [inner for item in level for inner in item]
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not JSON, or out of range")
    return value


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


def named(world: World, items: Iterable[Any], query: Mapping[str, str]) -> list[Any]:
    """The records that a query names: by ``space_id`` or a part of ``space_name``, and a part of ``name`` in any case.

    :raises Refusal: 404 for an unknown space id, on levels that check it.
    """
    space_id, part, name = query.get("space_id"), query.get("space_name"), query.get("name")
    if space_id is not None:
        require_scope(world, world.spaces, space_id, "space")
        items = [item for item in items if item.space_id == space_id]
    if part is not None:
        spaces = {space.id for space in world.spaces.values() if part.lower() in space.name.lower()}
        items = [item for item in items if item.space_id in spaces]
    return [item for item in items if name is None or name.lower() in item.name.lower()]


def require_scope(world: World, table: Mapping[str, Any], scope_id: str, what: str) -> None:
    """Refuse a list whose scoping resource doesn't exist; older servers answer with an empty list."""
    if scope_id not in table and world.level.knows("missing scope is 404"):
        raise Refusal(404, f"{what} {scope_id} not found")


def newest_first(items: Iterable[R], by: str = "created_ms") -> list[R]:
    """Records in the order of lists.

    :param items: the records.
    :param by: the time that counts, ``created_ms`` or ``updated_ms``.
    """
    return sorted(items, key=lambda item: (getattr(item, by), item.number), reverse=True)
