"""Addresses of the Arize UI."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from airflow_provider_arize_tasks.client.config import DEFAULT_APP_URL, config_from_fields
from airflow_provider_arize_tasks.links.arize import Place
from airflow_provider_arize_tasks.windows.window import Window

ORG, SPACE = "T3JnOjE=", "U3BhY2U6MTox"
PLACE = Place(organization_id=ORG, space_id=SPACE, app_url=DEFAULT_APP_URL)
PREFIX = f"https://app.arize.com/organizations/{ORG}/spaces/{SPACE}"
DAY = Window(datetime(2026, 11, 22, tzinfo=timezone.utc), datetime(2026, 11, 23, tzinfo=timezone.utc))


def test_spans_of_a_window():
    assert PLACE.of_task(project_id="TW9kZWw6MQ==", window=DAY) == (
        f"{PREFIX}/projects/TW9kZWw6MQ==?selectedTab=llmTracing&queryFilterA=&timeZoneA=UTC"
        "&startA=1795305600000&endA=1795392000000&envA=tracing&modelType=generative_llm"
    )


def test_project_without_a_window_leaves_the_range_to_the_ui():
    url = PLACE.of_task(project_id="TW9kZWw6MQ==")
    assert "startA" not in url
    assert url.startswith(f"{PREFIX}/projects/TW9kZWw6MQ==?selectedTab=llmTracing&")


def test_dataset_task_links_to_its_experiments():
    assert PLACE.of_task(dataset_id="RGF0YXNldDox") == f"{PREFIX}/datasets/RGF0YXNldDox?selectedTab=experiments"


def test_experiment_run_links_to_its_experiment():
    expected = f"{PREFIX}/datasets/RGF0YXNldDox/experiments/compare?queryFilterA=&experimentId=RXhwOjE%3D"
    assert PLACE.of_experiment(dataset_id="RGF0YXNldDox", experiment_id="RXhwOjE=") == expected


def test_experiment_not_provisioned_yet_links_to_the_datasets_experiments():
    assert (
        PLACE.of_experiment(dataset_id="RGF0YXNldDox", experiment_id=None)
        == f"{PREFIX}/datasets/RGF0YXNldDox?selectedTab=experiments"
    )


def test_standalone_experiment_links_to_the_space():
    assert PLACE.of_experiment(dataset_id=None, experiment_id="RXhwOjE=") == PREFIX


@pytest.mark.parametrize("missing", ["organization_id", "space_id"])
def test_unknown_place_gives_the_start_page(missing):
    unknown = replace(PLACE, **{missing: None})
    assert unknown.of_task(project_id="p", window=DAY) == "https://app.arize.com"
    assert unknown.of_experiment(dataset_id="d", experiment_id="e") == "https://app.arize.com"


@pytest.mark.parametrize("app_url", ["https://arize.example.com", "https://arize.example.com/"])
def test_self_hosted_ui(app_url):
    url = replace(PLACE, app_url=app_url).of_task(dataset_id="RGF0YXNldDox")
    assert (
        url
        == f"https://arize.example.com/organizations/{ORG}/spaces/{SPACE}/datasets/RGF0YXNldDox?selectedTab=experiments"
    )


def test_ids_cannot_change_the_path():
    url = PLACE.of_task(dataset_id="../../a?b#c")
    assert url == f"{PREFIX}/datasets/..%2F..%2Fa%3Fb%23c?selectedTab=experiments"


@pytest.mark.parametrize(
    ("host", "ui"),
    [
        (None, "https://app.arize.com"),
        ("api.eu-west-1a.arize.com", "https://app.arize.com"),
        ("api.arize.example.com", "https://app.arize.example.com"),
        ("https://arize.example.com:8443/gateway", "https://arize.example.com:8443"),
        ("http://127.0.0.1:8899", "http://127.0.0.1:8899"),
    ],
)
def test_ui_of_a_server_is_never_somebody_elses(host, ui):
    config = config_from_fields(conn_id="c", password="k", host=host, port=None, schema=None, extra={})
    assert config.app_url == ui


def test_app_url_of_the_connection_goes_first():
    extra = {"app_url": "https://ui.example.com/"}
    config = config_from_fields(conn_id="c", password="k", host="api.example.com", port=None, schema=None, extra=extra)
    assert config.app_url == "https://ui.example.com"
