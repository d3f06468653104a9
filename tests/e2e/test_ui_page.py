"""The page of this provider in a real Airflow and a real browser: as an admin, as one who may read one DAG, as nobody.

Pictures are kept in ``.cache/reports/ui``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from airflow import __version__ as airflow_version

from airflow_provider_arize_tasks.links.page import has_page
from dev.local_airflow import LocalAirflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(400),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="playwright drives the browser"),
    pytest.mark.skipif(not has_page(airflow_version), reason="the page is for Airflow 3.1 and later"),
]

HERE = Path(__file__).parent / "ui"
ROOT = Path(__file__).parents[2]
PICTURES = ROOT / ".cache" / "reports" / "ui"
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
TOKEN = """
from airflow.api_fastapi.app import init_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
manager = init_auth_manager()
for name, role in (("admin", "ADMIN"), ("reader", "VIEWER"), ("nobody", "VIEWER")):
    print("token", name, manager.generate_jwt(SimpleAuthManagerUser(username=name, role=role)))
"""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    reports = tmp_path_factory.mktemp("reports")
    (reports / "night.html").write_text("<!doctype html><title>Report</title><h1>What got worse</h1>")
    env = {
        "AIRFLOW__CORE__AUTH_MANAGER": "one_dag_auth.OneDagAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__ARIZE__REPORT_FOLDERS": str(reports),
        "PYTHONPATH": os.pathsep.join([str(HERE / "auth"), str(ROOT)]),
    }
    airflow = LocalAirflow(HERE / "dags", env=env, start_scheduler=False)
    # Its own way of asking needs everybody to be an admin.
    airflow.api.is_up = lambda: _answers(f"{airflow.url}/api/v2/version")
    with airflow:
        in_airflow(airflow, str(HERE / "fill.py"), str(reports))
        yield airflow


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def in_airflow(airflow: LocalAirflow, *arguments: str) -> str:
    """Run Python with the configuration of an Airflow."""
    ended = subprocess.run(
        [airflow.python, *arguments],
        env=os.environ | airflow.env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def tokens(airflow: LocalAirflow) -> dict[str, str]:
    lines = [line.split() for line in in_airflow(airflow, "-c", TOKEN).splitlines()]
    return {line[1]: line[2] for line in lines if line[:1] == ["token"]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture
def open_as(browser: Any, airflow: LocalAirflow, tokens: dict[str, str]) -> Iterator[Callable[..., Any]]:
    """A tab of one who is logged in (or not), that remembers what went wrong in it."""
    contexts = []

    def open_as(name: str | None, width: int = 1400, scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 1000}, base_url=airflow.url, color_scheme=scheme
        )
        if name is not None:
            context.add_cookies([{"name": "_token", "value": tokens[name], "url": airflow.url}])
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.faults = []
        page.on("console", lambda line: page.faults.append(line.text) if line.type == "error" else None)
        page.on(
            "request",
            lambda asked: asked.url.startswith((airflow.url, f"blob:{airflow.url}")) or page.faults.append(asked.url),
        )
        contexts.append(context)
        return page

    yield open_as
    for context in contexts:
        context.close()


def keep_picture(page: Any, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(PICTURES / f"{name}-{'.'.join(airflow_version.split('.')[:2])}.png"), full_page=True)


def wider_than_the_window(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def yesterday(days: int) -> str:
    return str((datetime.now(timezone.utc) - timedelta(days=days)).date())


@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_load_nothing_from_elsewhere(open_as: Any, width: int, scheme: str) -> None:
    page = open_as("admin", width, scheme)
    task = "dag_id=support_daily&task_id=evaluate"
    for name, path in (
        ("overview", "/arize-tasks/"),
        ("task", f"/arize-tasks/task?{task}&day={yesterday(4)}#day"),
        ("quality", "/arize-tasks/quality?dag_id=support_nightly&task_id=check"),
    ):
        page.goto(path)
        keep_picture(page, f"page-{name}-{width}-{scheme}")
        assert not wider_than_the_window(page), path
    assert page.faults == []


def test_admin_finds_it_in_the_navigation_and_goes_on_to_the_task_instance(open_as: Any) -> None:
    page = open_as("admin")
    page.goto("/plugin/arize")
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name="answer quality").wait_for()
    keep_picture(page, "page-in-airflow")
    frame.get_by_role("link", name=f"{yesterday(4)}").first.click()
    frame.locator("#day h2").wait_for()
    keep_picture(page, "page-day-in-airflow")
    frame.get_by_role("link", name="support_daily.evaluate").first.click()
    page.wait_for_url("**/dags/support_daily/runs/**/tasks/evaluate**")
    assert page.faults == []


def test_keyboard_alone_opens_a_day(open_as: Any) -> None:
    page = open_as("admin")
    page.goto("/arize-tasks/task?dag_id=support_daily&task_id=evaluate")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    failed = page.get_by_role("link", name="failed")
    failed.focus()
    page.keyboard.press("Enter")
    page.get_by_text("gpt-4o-judge is gone").wait_for()
    assert page.evaluate("document.activeElement.id") == "day"


def test_report_opens(open_as: Any) -> None:
    page = open_as("admin")
    page.goto("/arize-tasks/quality?dag_id=support_nightly&task_id=check")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="report").first.click()
    assert opened.value.get_by_role("heading").inner_text() == "What got worse"


def test_reader_of_one_dag_sees_that_one(open_as: Any) -> None:
    page = open_as("reader")
    page.goto("/arize-tasks/")
    keep_picture(page, "page-reader")
    assert page.get_by_role("heading", name="answer quality").is_visible()
    told = page.content()
    assert "payslip" not in told
    assert "finance" not in told
    answer = page.goto("/arize-tasks/task?dag_id=finance_daily&task_id=evaluate")
    assert answer.status == 403
    assert "payslip" not in page.content()
    page.goto("/arize-tasks/task?dag_id=support_daily&task_id=evaluate")
    assert page.get_by_role("button", name="Look again").count() == 0


@pytest.mark.parametrize("name", ["nobody", None])
def test_others_see_nothing(open_as: Any, name: str | None) -> None:
    page = open_as(name)
    for path in ("", "dag?dag_id=support_daily", "quality?dag_id=support_nightly&task_id=check"):
        answer = page.goto(f"/arize-tasks/{path}")
        told = page.content()
        keep_picture(page, f"page-{name or 'not-logged-in'}")
        assert answer.status == (401 if name is None else 200 if not path else 403)
        for word in ("support", "finance", "quality of", "payslip"):
            assert word not in told
