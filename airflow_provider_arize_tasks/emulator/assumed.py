"""Turning round what the API's reference leaves open and this emulator decides in one way.

Some of these decisions have a setting or a weather of their own; the others are turned round here, on the way in and
out, by ``configure(turned=[NAME])``. Each name is an assumption that a real server can be asked about.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from airflow_provider_arize_tasks.emulator.common import Refusal, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.emulator.world import World

#: The requests whose refusal gets another status: assumption -> method, path, status, words of the refusal, new status.
_REFUSALS: Final[Mapping[str, tuple[str, str, int, str, int]]] = {
    "name-clash-is-409": ("POST", r"/v2/tasks", 409, "", 422),
    "no-data-is-400": ("POST", r"/v2/tasks/.+/trigger", 400, "No data found", 404),
    "naive-time-is-422": ("POST", r"/v2/tasks/.+/trigger", 422, "Invalid ISO datetime", 400),
    "cancel-of-ended-run-is-400": ("POST", r"/v2/task-runs/.+/cancel", 400, "cannot cancel", 409),
    "experiment-name-clash-is-409": ("POST", r"/v2/tasks/.+/trigger", 409, "experiment", 400),
}
TURNABLE: Final = frozenset(
    {
        *_REFUSALS,
        "created-at-milliseconds",
        "second-trigger-runs-again",
        "labelled-run-is-cancelled",
        "enums-upper-case",
        "no-rate-limit-headers",
        "scores-readable-at-end",
    }
)
_TRIGGER = re.compile(r"/v2/tasks/([^/]+)/trigger")


def known(names: list[str]) -> list[str]:
    """Names of assumptions, checked.

    :raises ValueError: one is unknown.
    """
    unknown = sorted(set(names) - TURNABLE)
    if unknown:
        raise ValueError(f"can't be turned round: {', '.join(unknown)}")
    return names


async def turn_request(request: web.Request, world: World) -> None:
    """Refuse what a server might refuse.

    :raises Refusal: 409 for a second trigger over a window, where that is turned round.
    """
    found = _TRIGGER.fullmatch(request.path) if "second-trigger-runs-again" in world.settings.turned else None
    task = world.tasks.get(found[1]) if found else None
    if task is None or request.method != "POST":
        return
    body = json.loads(await request.text() or "{}")
    asked = (_ms(body.get("data_start_time")), _ms(body.get("data_end_time")))
    if any(run.window == asked for run in task.runs):
        raise Refusal(409, "a run over this window exists already")


def _ms(value: Any) -> int | None:
    try:
        return parse_time(value, "time")
    except Refusal:
        return None


def turn_response(request: web.Request, response: web.StreamResponse | None, world: World) -> None:
    """Change what a server might answer otherwise."""
    turned = world.settings.turned
    if not turned or not isinstance(response, web.Response):
        return
    if "no-rate-limit-headers" in turned:
        response.headers["X-RateLimit-Remaining"] = "42"
    text = response.text if response.content_type.endswith("json") else None
    if not text:
        return
    for name, (method, path, status, words, other) in _REFUSALS.items():
        is_it = name in turned and request.method == method and response.status == status and words in text
        if is_it and re.fullmatch(path, request.path):
            response.set_status(other)
            response.text = text.replace(f'"status": {status}', f'"status": {other}')
            return
    response.text = json.dumps(_turned(json.loads(text), turned))


def _turned(value: Any, turned: list[str]) -> Any:
    if isinstance(value, list):
        return [_turned(each, turned) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _turned(each, turned) for key, each in value.items()}
    if "scores-readable-at-end" in turned:
        changed = {key: each for key, each in changed.items() if not key.startswith("eval.")}
    created = changed.get("created_at")
    if "created-at-milliseconds" in turned and isinstance(created, str):
        changed["created_at"] = re.sub(r"\.\d+Z$", "Z", created)
    kind = changed.get("type")
    if "enums-upper-case" in turned and isinstance(kind, str) and kind.isupper():
        changed["type"] = kind.lower()
    if "labelled-run-is-cancelled" in turned and "override_evaluations" in str(changed.get("failure_reason")):
        changed |= {"status": "COMPLETED", "failure_reason": None}
    return changed
