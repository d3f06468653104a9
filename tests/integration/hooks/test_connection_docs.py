"""Every way to write a connection that the documentation shows gives the configuration it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from airflow.models.connection import Connection

from airflow_provider_arize_tasks.client.config import EXTRA_KEYS, ClientConfig
from airflow_provider_arize_tasks.get_provider_info import CONNECTION_FIELDS
from airflow_provider_arize_tasks.hooks.arize import ArizeHook

DOCS = (Path(__file__).parents[3] / "docs" / "connection.md").read_text()
WRITTEN = re.findall(r"export AIRFLOW_CONN_ARIZE_DEFAULT='(.*?)'\n", DOCS, re.DOTALL)


def configs(monkeypatch: pytest.MonkeyPatch) -> list[ClientConfig]:
    found = []
    for text in WRITTEN:
        monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", text)
        found.append(ArizeHook().config)
    return found


def test_the_connections_shown(monkeypatch):
    plain, regional, local, full = configs(monkeypatch)
    assert {config.api_key for config in (plain, regional, local, full)} == {"ak-your-api-key"}
    assert plain.base_url == "https://api.arize.com"
    assert (regional.base_url, regional.space) == ("https://api.eu-west-1a.arize.com", "production")
    assert local.base_url == "http://127.0.0.1:8899"
    assert full.base_url == "https://arize.example.com:8443"
    assert (full.connect_timeout, full.read_timeout, full.max_requests_per_second) == (5, 60, 5)
    assert full.headers == {"X-Team": "llm-evals"}
    assert full.app_url == "https://arize.example.com"


def test_every_key_is_documented():
    assert [key for key in EXTRA_KEYS if f"| `{key}` |" not in DOCS] == []
    assert set(CONNECTION_FIELDS) <= set(EXTRA_KEYS)


@pytest.mark.parametrize(
    ("uri", "base_url"),
    [
        ("arize://:k-1234567@/", "https://api.arize.com"),
        ("arize://:k-1234567@arize.example.com", "https://arize.example.com"),
        ("arize://:k-1234567@arize.example.com:8443", "https://arize.example.com:8443"),
        ("arize://:k-1234567@localhost:8899/http", "http://localhost:8899"),
        ("arize://http://:k-1234567@127.0.0.1:8899", "http://127.0.0.1:8899"),
        ("arize://:k-1234567@http%3A%2F%2F127.0.0.1%3A8899", "http://127.0.0.1:8899"),
    ],
)
def test_uris(uri, base_url):
    config = ArizeHook.config_from_connection(Connection(conn_id="c", uri=uri))
    assert (config.base_url, config.api_key, config.conn_id) == (base_url, "k-1234567", "c")


def test_every_variable_of_the_sdk_is_documented():
    import inspect

    from airflow_provider_arize_tasks.hooks import environment

    read = set(re.findall(r"ARIZE_[A-Z_]+[A-Z]", inspect.getsource(environment)))
    section = DOCS.partition("### From the variables of Arize's SDK")[2].partition("\n### ")[0]
    assert read == set(re.findall(r"\b(?<!__)ARIZE_[A-Z_]+[A-Z]", section))
