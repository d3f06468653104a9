"""What a person sees in Airflow's UI, in a real browser: the connection form, the links of a waiting task.

Pictures of each page are kept in ``.cache/reports/ui``.
"""

from __future__ import annotations

import json
import shutil
import time
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator
from airflow_provider_arize_tasks.get_provider_info import CONNECTION_FIELDS, UI_FIELD_BEHAVIOUR
from dev.local_airflow import LocalAirflow
from tests.e2e.arize import Arize, connection

if TYPE_CHECKING:
    from collections.abc import Iterator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(400),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="playwright drives the browser"),
]

HERE = Path(__file__).parent / "ui"
PICTURES = Path(__file__).parents[2] / ".cache" / "reports" / "ui"
KEY = "ak-typed-by-hand"
#: Nothing of the browser's own may look for the internet.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def arize() -> Iterator[EmulatorProcess]:
    with running_emulator(run_seconds=60) as emulator:
        Arize(emulator.url).evaluation_task("ui")
        Arize(emulator.url).experiment_task("ui answers")
        yield emulator


@pytest.fixture(scope="module")
def airflow(arize: EmulatorProcess) -> Iterator[LocalAirflow]:
    env = connection(arize.url) | {"AIRFLOW__CORE__TEST_CONNECTION": "Enabled"}
    with LocalAirflow(HERE / "dags", parallelism=2, env=env) as airflow:
        yield airflow


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # Not at the top: every run of any test would import the browser's driver when it collects this one.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, airflow: LocalAirflow) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1400, "height": 1400}, base_url=airflow.url)
    page.set_default_timeout(30_000)
    yield page
    page.close()


def keep_picture(page: Any, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(PICTURES / f"{name}.png"), full_page=True)


@pytest.fixture
def form(page: Any) -> Any:
    """The dialog "Add Connection" with our connection type chosen."""
    page.goto("/connections")
    page.get_by_role("button", name="Add Connection").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").first.click()
    page.keyboard.type("Arize")
    page.get_by_role("option", name="Arize AX").click()
    dialog.get_by_text("Extra Fields", exact=True).wait_for()
    return dialog


def test_standard_fields(page: Any, form: Any) -> None:
    password, host = form.locator("input[name=password]"), form.locator("input[name=host]")
    keep_picture(page, "form-standard-fields")
    assert password.get_attribute("type") == "password"
    assert password.get_attribute("placeholder") == UI_FIELD_BEHAVIOUR["placeholders"]["password"]
    assert host.get_attribute("placeholder") == UI_FIELD_BEHAVIOUR["placeholders"]["host"]
    assert form.get_by_text("API key", exact=True).is_visible()
    for hidden in UI_FIELD_BEHAVIOUR["hidden-fields"]:
        assert form.locator(f"input[name={hidden}]").count() == 0


def test_fields_of_our_own(page: Any, form: Any) -> None:
    form.get_by_text("Extra Fields", exact=True).click()
    form.get_by_text(CONNECTION_FIELDS["enum_case"]["description"]).wait_for(state="visible")
    keep_picture(page, "form-extra-fields")
    for name, field in CONNECTION_FIELDS.items():
        assert form.get_by_text(field["label"], exact=True).is_visible(), name
        assert form.get_by_text(field["description"]).is_visible(), name


def test_what_is_typed_is_stored_and_works(page: Any, form: Any, airflow: LocalAirflow, arize: EmulatorProcess) -> None:
    form.locator("input[name=connection_id]").fill("arize_by_hand")
    form.locator("input[name=host]").fill(arize.url)
    form.locator("input[name=password]").fill(KEY)
    form.get_by_text("Extra Fields", exact=True).click()
    form.locator("[name=element_space]").fill("demo-space")
    form.locator("[name=element_timeout]").fill("30")
    form.get_by_role("button", name="Save").click()
    page.get_by_role("cell", name="arize_by_hand").wait_for()
    keep_picture(page, "connections")
    stored = airflow.api.call("GET", "connections/arize_by_hand")
    assert (stored["conn_type"], stored["host"], stored["password"]) == ("arize", arize.url, "***")
    filled = {name: value for name, value in json.loads(stored["extra"]).items() if value is not None}
    assert filled == {"space": "demo-space", "timeout": 30}
    # What the button "Test Connection" sends, but for a port: Airflow 3.3.2's sends 0, and refuses that itself.
    tested = airflow.api.call("POST", "connections/test", {**stored, "port": None})
    assert tested["status"] is True
    assert tested["message"].startswith(f"Connected to {arize.url}; space 'demo-space' is ")


def test_the_test_button(page: Any, arize: EmulatorProcess) -> None:
    page.goto("/connections")
    row = page.get_by_role("row").filter(has_text="arize_by_hand")
    with page.expect_response("**/connections/test") as told:
        row.get_by_role("button", name="Test Connection").click()
    keep_picture(page, "test-button")
    answer = told.value.json()
    # Airflow 3.3.2 sends port 0 for a connection without one, and then refuses that; the troubleshooting page says so.
    if told.value.status == 400:
        assert "The host or port to test differs" in answer["detail"]
    else:
        assert (answer["status"], answer["message"].partition(";")[0]) == (True, f"Connected to {arize.url}")


def links_shown(page: Any, run_id: str, task_id: str, picture: str) -> dict[str, str]:
    page.goto(f"/dags/ui/runs/{run_id}/tasks/{task_id}/details")
    buttons = page.locator("a", has_text="Arize")
    until = time.monotonic() + 30
    while True:
        # At one glance: the page draws itself anew whenever it hears something of the task.
        found = buttons.evaluate_all("all => all.map(each => [each.innerText.trim(), each.getAttribute('href')])")
        if {"Arize run", "Arize task"} <= {name for name, _ in found} or time.monotonic() > until:
            break
        page.wait_for_timeout(200)
    keep_picture(page, picture)
    # "Arize" alone leads to the page of this provider in Airflow, from the navigation and from a tab.
    return {name: address for name, address in found if name != "Arize"}


@pytest.fixture(scope="module")
def looked_at(airflow: LocalAirflow) -> str:
    """The DAG run that is looked at, waiting in the triggerer."""
    run_id = airflow.api.trigger("ui", "looked-at")
    for task_id in ("evaluate", "experiment"):
        airflow.api.wait_for_task("ui", run_id, task_id, {"deferred"})
    return run_id


def test_links_work_while_the_task_waits_and_after_it_failed(
    page: Any, airflow: LocalAirflow, arize: EmulatorProcess, looked_at: str
) -> None:
    waiting = links_shown(page, looked_at, "evaluate", "evaluation-deferred")
    [run] = arize.control.runs("ui")
    arize.control.end_run(run["id"], "FAILED", reason="the judge model is gone")
    airflow.api.wait_for_task("ui", looked_at, "evaluate", {"failed"})
    failed = links_shown(page, looked_at, "evaluate", "evaluation-failed")
    assert set(waiting) == {"Arize task", "Arize run"}
    assert failed == waiting
    start = datetime.fromisoformat(run["data_start_time"].replace("Z", "+00:00")).timestamp()
    assert waiting["Arize run"].startswith(f"{arize.url}/organizations/")
    assert f"startA={round(start * 1000)}&" in waiting["Arize run"]


def test_links_of_an_experiment_lead_to_it_once_there_is_one(
    page: Any, airflow: LocalAirflow, arize: EmulatorProcess, looked_at: str
) -> None:
    waiting = links_shown(page, looked_at, "experiment", "experiment-deferred")
    [run] = arize.control.runs("ui answers")
    arize.control.end_run(run["id"], "COMPLETED", successes=50)
    airflow.api.wait_for_task("ui", looked_at, "experiment", {"success"})
    ended = links_shown(page, looked_at, "experiment", "experiment-succeeded")
    assert {"Arize task", "Arize run"} <= set(waiting)
    [run] = arize.control.runs("ui answers")
    assert f"experimentId={quote(run['experiment_id'], safe='')}" in ended["Arize experiment"]


def test_asset_event_tells_of_the_run(page: Any, airflow: LocalAirflow, arize: EmulatorProcess, looked_at: str) -> None:
    page.goto(f"/dags/ui/runs/{looked_at}/tasks/experiment/asset_events")
    page.get_by_text("x-arize://experiments/ui").first.wait_for()
    keep_picture(page, "asset-event")
    [run] = arize.control.runs("ui answers")
    [event] = airflow.api.call("GET", "assets/events", source_dag_id="ui")["asset_events"]
    told = event["extra"]["arize"]
    assert (told["id"], told["status"], told["experiment_id"]) == (run["id"], "COMPLETED", run["experiment_id"])
    assert told["num_successes"] == 50


def test_grid_and_log_are_there_to_look_at(page: Any, looked_at: str) -> None:
    page.goto(f"/dags/ui/runs/{looked_at}/tasks/evaluate")
    page.get_by_text("ArizeRunFailedError").first.wait_for()
    keep_picture(page, "log-of-a-failure")
    assert page.get_by_text("the judge model is gone").count() > 0
    assert page.get_by_text(KEY).count() == 0
    page.goto("/dags/ui")
    page.get_by_text("evaluate").first.wait_for()
    keep_picture(page, "grid")
