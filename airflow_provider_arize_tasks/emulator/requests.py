"""What handlers read from a request."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.world import World

CONTROL_PREFIX = "/_emulator"
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
    try:
        # Tests stage replies that are no JSON, so the control path takes what Python takes.
        return json.loads(raw, parse_constant=None if is_control(request) else _no_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not valid JSON, or too deep") from None


def _no_constant(name: str) -> float:
    """NaN and Infinity are no JSON, although Python reads them."""
    raise ValueError(name)


async def no_body(request: web.Request) -> None:
    """Refuse a body where there must be none; an empty object passes."""
    raw = await request.read()
    if raw.strip() not in (b"", b"{}"):
        raise Refusal(400, "this operation takes no body")
