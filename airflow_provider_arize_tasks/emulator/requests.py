"""What handlers read from a request."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

#: How deep a body may be nested.
DEEPEST = 64
CONTROL_PREFIX = "/_emulator"
_HALF_A_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")
WORLD: web.AppKey[World] = web.AppKey("world", World)


def world_of(request: web.Request) -> World:
    """The state behind a request."""
    return request.app[WORLD]


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


async def body_of(request: web.Request, *, default: Any = None) -> Any:
    """The JSON body of a request.

    :param request: the request.
    :param default: what no body at all stands for; without it a body is required.
    :raises Refusal: 400 for what isn't JSON or isn't declared as JSON.
    """
    raw = await request.read()
    if not raw:
        if default is None:
            raise Refusal(400, "a JSON body is required")
        return default
    if request.content_type != "application/json":
        raise Refusal(400, f"Content-Type must be application/json, got {request.content_type}")
    # Tests stage replies that are no JSON, so the control path takes what Python takes.
    return _read_control(raw) if is_control(request) else read_json(raw)


def _read_control(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not valid JSON, or nested too deeply") from None


def read_json(raw: bytes) -> Any:
    """A JSON text of a request.

    :raises Refusal: 400 for what isn't JSON (``NaN`` and half a character aren't), is nested too deeply, or holds a
        number that no client could read back.
    """
    try:
        value = json.loads(raw, parse_constant=_no_number, parse_float=_finite)
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
        level = [inner for item in level if isinstance(item, (dict, list)) for inner in _inner(item)]
    return value


def _inner(item: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return item.values() if isinstance(item, dict) else item


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is out of range")
    return value


async def no_body(request: web.Request) -> None:
    """Refuse a body where there must be none; an empty object passes."""
    raw = await request.read()
    if raw.strip() not in (b"", b"{}"):
        raise Refusal(400, "this operation takes no body")
