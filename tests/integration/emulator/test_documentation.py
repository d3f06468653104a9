"""The page about the emulator leaves nothing out, and its example runs."""

from __future__ import annotations

import inspect
import re
import time
from pathlib import Path

import pytest
import requests

from airflow_provider_arize_tasks.emulator.__main__ import _parser
from airflow_provider_arize_tasks.emulator.control import EmulatorControl
from airflow_provider_arize_tasks.emulator.control_routes import ROUTES
from airflow_provider_arize_tasks.emulator.faults import AFTER, BEFORE, LATE
from airflow_provider_arize_tasks.emulator.rules import AnswerRule, OutcomeRule, QualityRule
from airflow_provider_arize_tasks.emulator.weather import Weather, settings_of
from airflow_provider_arize_tasks.emulator.world import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "emulator.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_control_request_is_listed(route):
    path = route.path.removeprefix("/_emulator/").replace("{run_id}", "ID")
    assert f"`{route.method} {path}`" in PAGE


@pytest.mark.parametrize("name", [name for name, _ in inspect.getmembers(EmulatorControl, inspect.isfunction)])
def test_every_method_of_the_client_is_listed(name):
    assert name.startswith("_") or f"`{name}(" in PAGE


@pytest.mark.parametrize(
    "name",
    [
        *sorted(BEFORE | AFTER | LATE),
        *settings_of(Weather()),
        *Settings.__slots__,
        *(name for name in OutcomeRule.__slots__),
        *(name for name in AnswerRule.__slots__),
        *(name for name in QualityRule.__slots__ if name != "evaluator"),
    ],
)
def test_every_fault_setting_and_rule_is_named(name):
    assert f"`{name}`" in PAGE


def test_every_option_is_listed():
    options = re.findall(r"--[a-z-]+", _parser().format_help())
    assert all(f"`{option}`" in PAGE for option in set(options) - {"--help"})


def test_the_example_runs():
    (example,) = re.findall(r"```python\n(from .*?)```", PAGE, re.DOTALL)
    program = example.replace("...  # run", "trigger(emulator)  # run")
    exec(compile(program, "docs/emulator.md", "exec"), {"trigger": _trigger})


def _trigger(emulator):
    session = requests.Session()
    session.headers["Authorization"] = "Bearer any-key"
    url = f"{emulator.url}/v2"
    ids = emulator.control.status()["ids"]
    evaluator = session.get(f"{url}/evaluators", params={"name": "correctness"}).json()["evaluators"][0]["id"]
    body = {"name": "t", "type": "TEMPLATE_EVALUATION", "project_id": ids["project"]}
    task = session.post(f"{url}/tasks", json={**body, "evaluators": [{"evaluator_id": evaluator}]}).json()["id"]
    window = {"data_start_time": "2026-03-01T00:00:00Z", "data_end_time": "2026-03-02T00:00:00Z"}
    with pytest.raises(requests.ConnectionError):
        session.post(f"{url}/tasks/{task}/trigger", json=window)
    (run,) = emulator.control.runs()
    while run["status"] in ("PENDING", "RUNNING"):
        time.sleep(0.02)
        run = session.get(f"{url}/task-runs/{run['id']}").json()
