"""What a browser gets that follows a link into Arize's own pages: the emulator has none, and says what it would be."""

from __future__ import annotations

from datetime import datetime, timezone
from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from airflow_provider_arize_tasks.emulator.requests import WORLD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_arize_tasks.emulator.world import Record, World

_NOT_PAGES = ("/v2", "/_emulator")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Arize emulator</title>
<style>body {{ font: 1rem/1.5 sans-serif; margin: 3rem auto; max-width: 40rem }}</style>
</head><body><h1>This is the Arize emulator</h1>
<p>{what}</p>
<ul>{details}</ul>
<p>The emulator serves the API below <code>/v2</code> and its own control path below <code>/_emulator</code>; it has no
pages. With a connection to Arize itself, the link that led here opens the page there.</p>
</body></html>
"""


def is_first_click(request: web.Request) -> bool:
    """Whether somebody in a browser asks for a page, and not a client for the API."""
    wants_page = "text/html" in request.headers.get("Accept", "")
    is_api = any(request.path == prefix or request.path.startswith(f"{prefix}/") for prefix in _NOT_PAGES)
    return wants_page and not is_api and request.method in ("GET", "HEAD")


def explain(request: web.Request) -> web.Response:
    """A page that says what a path would be on Arize; whatever the path holds is escaped."""
    world = request.app[WORLD]
    parts = [part for part in request.path.split("/") if part]
    ids = dict(zip(parts[::2], parts[1::2], strict=False))
    what = _what(ids, parts)
    details = "".join(f"<li>{escape(line)}</li>" for line in _details(world, ids, request.query))
    headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Cache-Control": "no-store"}
    page = _PAGE.format(what=escape(what), details=details)
    return web.Response(text=page, content_type="text/html", charset="utf-8", headers=headers)


#: The kinds of records that Arize's own pages are about -> what they are called, and what their page shows.
_KINDS = {
    "projects": ("Project", "the spans of a project, in the window of an evaluation"),
    "datasets": ("Dataset", "a dataset with its examples and experiments"),
    "evaluators": ("Evaluator", "an evaluator"),
    "spaces": ("Space", "a space"),
}


def _what(ids: Mapping[str, str], parts: list[str]) -> str:
    if not parts:
        return "On Arize, this address would be its start page."
    if "organizations" not in ids or "spaces" not in ids:
        return "On Arize, this address may be a page; none that this provider links to looks like it."
    if "experiments" in parts:
        return "On Arize, this link would open an experiment of a dataset."
    return f"On Arize, this link would open {next(page for kind, (_, page) in _KINDS.items() if kind in parts)}."


def _details(world: World, ids: Mapping[str, str], query: Mapping[str, str]) -> Iterator[str]:
    for kind in ("spaces", "projects", "datasets", "evaluators"):
        if kind in ids:
            yield _named(_KINDS[kind][0], ids[kind], getattr(world, kind))
    if "experimentId" in query:
        yield _named("Experiment", query["experimentId"], world.experiments)
    if "startA" in query and "endA" in query:
        yield f"From {_moment(query['startA'])} to {_moment(query['endA'])}"


def _named(label: str, record_id: str, table: Mapping[str, Record]) -> str:
    record = table.get(record_id)
    return f"{label}: {record.name} ({record_id})" if record else f"{label}: {record_id}, which is not in the emulator"


def _moment(text: str) -> str:
    """Milliseconds since the epoch for people; anything else as it stands."""
    try:
        moment = datetime.fromtimestamp(int(text[:20]) / 1000, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return text
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
