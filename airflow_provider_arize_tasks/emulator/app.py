"""The web application: authentication, faults, recording and counting around the endpoints."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import web

from airflow_provider_arize_tasks.emulator import (
    api_evaluators,
    api_lists,
    api_prompts,
    api_spans,
    api_tasks,
    control_routes,
    runs,
)
from airflow_provider_arize_tasks.emulator.assumed import turn_request, turn_response
from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.faults import BEFORE, LATE, Fault
from airflow_provider_arize_tasks.emulator.guard import Guard
from airflow_provider_arize_tasks.emulator.pages import explain, is_first_click
from airflow_provider_arize_tasks.emulator.requests import WORLD, is_control, operation_of
from airflow_provider_arize_tasks.emulator.traffic import TRAFFIC, Traffic

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from airflow_provider_arize_tasks.emulator.world import World

_PROBLEM = "application/problem+json"
_ERRORS_PAGE = "https://arize.com/docs/ax/rest-reference/errors"
_TITLES = {
    400: "Invalid request",
    401: "Authentication required",
    403: "Access forbidden",
    404: "Resource not found",
    405: "Method not allowed",
    409: "Resource conflict",
    422: "Unprocessable entity",
    429: "Rate limit exceeded",
    503: "Service unavailable",
}
_LOG = logging.getLogger(__name__)
_LONGEST_DETAIL = 2000
_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><p>gateway</p></body></html>"
_MOST_BYTES = 16 * 1024 * 1024

API_KEY: web.AppKey[str] = web.AppKey("api_key", str)
GUARD: web.AppKey[Guard] = web.AppKey("guard", Guard)


def make_app(world: World, api_key: str | None = None, guard: Guard | None = None) -> web.Application:
    """The application.

    :param world: its state.
    :param api_key: the only bearer token to accept; any non-empty one by default.
    :param guard: which host names it answers to; those of the loopback interface by default.
    """
    app = web.Application(middlewares=[_outer, _authenticate], client_max_size=_MOST_BYTES)
    app[WORLD] = world
    app[TRAFFIC] = Traffic()
    app[API_KEY] = api_key or ""
    app[GUARD] = guard or Guard()
    for module in (api_tasks, api_evaluators, api_lists, api_prompts, api_spans, control_routes):
        app.add_routes(module.ROUTES)
    return app


@web.middleware
async def _outer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Everything that surrounds a request: the clock's due runs, faults, the record, the Date header."""
    world, traffic = request.app[WORLD], request.app[TRAFFIC]
    try:
        request.app[GUARD].check(request)
    except Refusal as refusal:
        return _problem_response(request, refusal.status, refusal.detail)
    runs.settle(world, world.clock.now_ms())
    if is_control(request):
        return await _control(request, handler)
    traffic.total += 1
    traffic.open_now += 1
    traffic.open_most = max(traffic.open_most, traffic.open_now)
    try:
        try:
            await turn_request(request, world)
            response, fault = await _with_faults(request, handler, traffic)
        except Refusal as refusal:
            response, fault = _problem_response(request, refusal.status, refusal.detail), None
        turn_response(request, response, world)
    finally:
        traffic.open_now -= 1
    await traffic.note(request, response, fault)
    if response is None:
        if request.transport is not None:
            request.transport.abort()
        raise web.HTTPInternalServerError  # never sent: the connection is closed
    # Assumes "created-at-is-the-date-clock", which a certificate asks about.
    # Assumes "no-rate-limit-headers", which a certificate asks about.
    gateway_ms = world.clock.unskewed_ms() + int(world.weather.gateway_skew_seconds * 1000)
    response.headers["Date"] = formatdate(gateway_ms // 1000, usegmt=True)
    return response


async def _with_faults(
    request: web.Request, handler: Handler, traffic: Traffic
) -> tuple[web.StreamResponse | None, Fault | None]:
    """The reply to a request, ``None`` for a connection that closes without one, and the fault that hit it."""
    if time.monotonic() < traffic.outage_until:
        if traffic.outage_status is None:
            return None, None
        return _problem_response(request, traffic.outage_status, "The service is not available"), None
    weather = request.app[WORLD].weather
    if weather.latency_seconds:
        await asyncio.sleep(weather.latency())
    fault = traffic.faults.strike(request.method, request.path_qs) or weather.fault_for(operation_of(request))
    if fault is None:
        return await _answer(request, handler), None
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
        return await _answer(request, handler), fault
    if fault.kind in LATE:
        return await _given_up(request, handler, fault, traffic), fault
    if fault.kind in BEFORE:
        return await _faulty(request, fault, None), fault
    return await _faulty(request, fault, await _answer(request, handler)), fault


async def _given_up(
    request: web.Request, handler: Handler, fault: Fault, traffic: Traffic
) -> web.StreamResponse | None:
    """The reply to a request that takes effect when its client has left."""
    await request.read()
    if fault.kind == "silent_late":
        until = time.monotonic() + fault.seconds
        while time.monotonic() < until and request.transport is not None:  # noqa: ASYNC110 -- no event says that a client left
            await asyncio.sleep(0.05)
    effect = asyncio.get_running_loop().create_task(_take_effect(request, handler, fault.late_seconds))
    traffic.late.add(effect)
    effect.add_done_callback(traffic.late.discard)
    return None if fault.kind == "silent_late" else await _faulty(request, fault, None)


async def _take_effect(request: web.Request, handler: Handler, seconds: float) -> None:
    await asyncio.sleep(seconds)
    world = request.app[WORLD]
    runs.settle(world, world.clock.now_ms())
    await _answer(request, handler)


async def _faulty(request: web.Request, fault: Fault, real: web.Response | None) -> web.StreamResponse | None:
    """What a fault makes of a reply (``None`` where the request took no effect)."""
    kind = fault.kind.removesuffix("_after").removesuffix("_before").removesuffix("_late")
    if kind in ("slow", "silent"):
        await asyncio.sleep(fault.seconds)
        return real if kind == "slow" else None
    if kind == "drop":
        return None
    if kind == "html":
        page = _PAGE.format(f"{fault.status} from a gateway")
        return web.Response(status=fault.status, text=page, content_type="text/html", headers=fault.headers)
    if kind == "edit" and real is not None:
        return _edited(real, fault)
    if fault.body is not None:
        return web.json_response(fault.body, status=fault.status, headers=fault.headers)
    return _problem_response(request, fault.status, fault.detail, fault.headers)


def _edited(real: web.Response, fault: Fault) -> web.Response:
    reply = json.loads(real.text or "{}")
    if isinstance(reply, dict):
        reply = {name: value for name, value in {**reply, **fault.set}.items() if name not in fault.remove}
    return web.json_response(reply, status=real.status)


async def _control(request: web.Request, handler: Handler) -> web.Response:
    """The answer to a control request."""
    if request.method == "POST" and request.content_type != "application/json":
        return _problem_response(request, 400, f"Content-Type must be application/json, got {request.content_type}")
    try:
        return await _answer(request, handler)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # Tests and scripts write these bodies by hand: what no handler can make sense of is theirs to mend.
        return _problem_response(request, 400, f"this request makes no sense: {type(error).__name__}: {error}"[:500])


async def _answer(request: web.Request, handler: Handler) -> web.Response:
    """The handler's reply; refusals become problem documents."""
    try:
        _check_level(request)
        response = await handler(request)
    except Refusal as refusal:
        return _problem_response(request, refusal.status, refusal.detail)
    except web.HTTPMethodNotAllowed as error:
        return _problem_response(
            request, 405, f"{request.method} is not allowed here", {"Allow": error.headers["Allow"]}
        )
    except web.HTTPNotFound:
        return _problem_response(request, 404, f"no such endpoint: {request.path}")
    except web.HTTPException as error:  # such as a body that is too large
        return _problem_response(request, error.status, error.reason)
    except Exception:  # a client gets a problem document from a broken server too
        if is_control(request):
            raise
        _LOG.exception("The emulator failed at %s %s", request.method, request.path)
        return _problem_response(request, 500, "the emulator itself failed; its standard error says where")
    if not isinstance(response, web.Response):
        raise TypeError(f"a handler returned {type(response).__name__}")
    return response


def _check_level(request: web.Request) -> None:
    """Refuse an operation that the level doesn't know yet: 404 for an unknown path, 405 for an unknown method."""
    level = request.app[WORLD].level
    if level.knows(f"operation {operation_of(request)}"):
        return
    if request.method in ("PATCH", "DELETE"):
        raise Refusal(405, f"{request.method} is not allowed here")
    raise Refusal(404, f"no such endpoint: {request.path}")


def _problem_response(
    request: web.Request, status: int, detail: str, headers: dict[str, str] | None = None
) -> web.Response:
    """The RFC 9457 document for a refusal; ``detail`` is its specific cause."""
    request_id, title = secrets.token_hex(8), _TITLES.get(status, "Internal server error")
    document = {
        "status": status,
        "title": title,
        "type": f"{_ERRORS_PAGE}#{title.lower().replace(' ', '-')}",
        "detail": detail[:_LONGEST_DETAIL],
        "instance": request.path[:_LONGEST_DETAIL],
        "request_id": request_id,
    }
    all_headers = {"x-request-id": request_id, **(headers or {})}
    return web.json_response(document, status=status, content_type=_PROBLEM, headers=all_headers)


@web.middleware
async def _authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Bearer authentication of the API; the control path takes none."""
    if not is_control(request):
        if is_first_click(request):
            return explain(request)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        wanted = request.app[API_KEY]
        if scheme.lower() != "bearer" or not token.strip():
            raise Refusal(401, "an API key is required: Authorization: Bearer <key>")
        if wanted and not secrets.compare_digest(_as_sent(token.strip()), _as_sent(wanted)):
            raise Refusal(401, "the API key is not valid, expired or revoked")
    return await handler(request)


def _as_sent(text: str) -> bytes:
    """The bytes of a header or option, whatever they are."""
    return text.encode("utf-8", "surrogateescape")
