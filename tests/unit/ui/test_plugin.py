"""The plugin: there from Airflow 3.1 on, absent before, and next to nothing to import."""

from __future__ import annotations

import subprocess
import sys

import pytest
from airflow import __version__

from airflow_provider_arize_tasks.links.page import has_page
from airflow_provider_arize_tasks.ui.plugin import ArizeTasksPlugin

PROGRAM = """
import sys
import airflow.plugins_manager
before = set(sys.modules)
import airflow_provider_arize_tasks.ui.plugin
print(" ".join(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


@pytest.mark.parametrize(
    ("version", "there"),
    [("2.11.2", False), ("3.0.6", False), ("3.1.0", True), ("3.3.2", True), ("3.4.0b2", True), ("4.0.0", True)],
)
def test_which_airflow_has_pages(version: str, there: bool) -> None:
    assert has_page(version) is there


def test_registered_here_or_absent() -> None:
    there = has_page(__version__)
    assert bool(getattr(ArizeTasksPlugin, "external_views", [])) is there
    assert bool(getattr(ArizeTasksPlugin, "fastapi_apps", [])) is there


@pytest.mark.skipif(not has_page(__version__), reason="absent before Airflow 3.1")
def test_in_the_navigation_and_as_a_tab_of_dag_and_task_instance() -> None:
    views = {view["destination"]: view["href"] for view in ArizeTasksPlugin.external_views}
    assert set(views) == {"nav", "dag", "task_instance"}
    assert "{DAG_ID}" in views["dag"]
    assert all(name in views["task_instance"] for name in ("{DAG_ID}", "{TASK_ID}", "{RUN_ID}"))


@pytest.mark.skipif(not has_page(__version__), reason="Airflow 2's own base class of plugins brings Flask along")
def test_importing_it_brings_nothing_along() -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=100)
    brought = set(told.stdout.splitlines()[-1].split())
    assert "airflow_provider_arize_tasks" in brought
    assert not brought & {"fastapi", "jinja2", "sqlalchemy", "requests", "aiohttp", "pydantic", "pendulum"}
