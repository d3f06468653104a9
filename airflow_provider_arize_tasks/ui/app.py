"""The web application: routes, permissions, headers. Imported by the first request, in Airflow's API server only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from airflow.api_fastapi.core_api.security import GetUserDep  # noqa: TC002 - FastAPI reads it from annotations
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from airflow_provider_arize_tasks.ui.access import Access
from airflow_provider_arize_tasks.ui.look import Looks
from airflow_provider_arize_tasks.ui.pages import Pages, UnseenError, render
from airflow_provider_arize_tasks.ui.records import AirflowRecords, RecordsError
from airflow_provider_arize_tasks.ui.reports import ReportError, read_report, report_folders

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_STATIC = Path(__file__).with_name("static")
_TYPES = {"style.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
#: A report shows what models wrote: its own styles and pictures, nothing that runs or loads.
_REPORT_POLICY = (
    "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_NOT_LOGGED_IN = "You are not logged in to Airflow, or no longer. Log in, then load this page again."
_UNSEEN = "There is no such Arize task, or you may not read its DAG with its task instances and XComs."


def build_app(records: AirflowRecords | None = None, looks: Looks | None = None) -> FastAPI:
    """Build the application.

    :param records: where Airflow's records are read; Airflow's own database by default.
    :param looks: of the button "Look again".
    """
    app = FastAPI(title="Arize tasks", docs_url=None, redoc_url=None, openapi_url=None)
    pages = Pages(records or AirflowRecords(), looks or Looks())
    app.middleware("http")(_with_headers)
    for kind in (HTTPException, RecordsError, UnseenError, ReportError):
        app.add_exception_handler(kind, _problem)
    _add_pages(app, pages)
    _add_actions(app, pages)
    app.get("/static/{name}")(_static)
    return app


def _add_pages(app: FastAPI, pages: Pages) -> None:
    @app.get("/")
    def overview(user: GetUserDep) -> Response:
        return _html(pages.overview(Access(user)))

    @app.get("/dag")
    def dag(user: GetUserDep, dag_id: str) -> Response:
        return _html(pages.dag(Access(user), dag_id))

    @app.get("/task")
    def task(user: GetUserDep, dag_id: str, task_id: str, year: int | None = None, day: str | None = None) -> Response:
        return _html(pages.task(Access(user), (dag_id, task_id), year=year, day=day))

    @app.get("/task-instance")
    def task_instance(user: GetUserDep, dag_id: str, task_id: str, run_id: str) -> Response:
        # Airflow 3.1 does not encode the "+" of a run id; no run id holds a space.
        return _html(pages.task_instance(Access(user), (dag_id, task_id), run_id.replace(" ", "+")))

    @app.get("/quality")
    def quality(user: GetUserDep, dag_id: str, task_id: str) -> Response:
        return _html(pages.quality(Access(user), (dag_id, task_id)))


def _add_actions(app: FastAPI, pages: Pages) -> None:
    @app.get("/report")
    def report(user: GetUserDep, dag_id: str, task_id: str, run_id: str, map_index: int = -1) -> Response:
        path = pages.report_path(Access(user), (dag_id, task_id, run_id.replace(" ", "+"), map_index))
        return Response(
            read_report(path, report_folders()),
            media_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": _REPORT_POLICY},
        )

    @app.post("/look")
    def look(request: Request, user: GetUserDep, dag_id: str, task_id: str, year: int) -> Response:
        if not _is_same_origin(request):
            raise HTTPException(403, "The request came from another site.")
        pages.look_again(Access(user), (dag_id, task_id), year)
        query = urlencode({"dag_id": dag_id, "task_id": task_id, "year": year})
        return RedirectResponse(f"task?{query}#look", status_code=303)


def _is_same_origin(request: Request) -> bool:
    """Whether a page of this host sent the form; browsers that say nothing of either kind are refused."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


def _html(page: str, status: int = 200) -> Response:
    return Response(page, status_code=status, media_type="text/html; charset=utf-8")


async def _with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _problem(request: Request, error: Exception) -> Response:
    """What is shown instead of a page."""
    status, text = 404, str(error)
    if isinstance(error, HTTPException):
        status = error.status_code
        text = {401: _NOT_LOGGED_IN, 403: _UNSEEN}.get(status, "That can't be shown.")
    elif isinstance(error, RecordsError):
        status = 503
        text = f"Nothing is shown, for {error}. Tasks run as ever; a newer release may know these tables."
    elif isinstance(error, UnseenError):
        status, text = 403, _UNSEEN
    return _html(render("problem.html", text=text), status)


def _static(name: str) -> Response:
    kind = _TYPES.get(name)
    if kind is None:
        raise HTTPException(404)
    return Response(_STATIC.joinpath(name).read_bytes(), media_type=kind, headers={"Cache-Control": "max-age=300"})
