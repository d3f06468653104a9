"""``.airflow-registry.yaml`` lists what the package has."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from airflow_provider_arize_tasks.get_provider_info import get_provider_info
from tests.integration.contract.cases import CLASSES

yaml = pytest.importorskip("yaml")
REGISTRY = yaml.safe_load((Path(__file__).parents[3] / ".airflow-registry.yaml").read_text())
ENTRIES = [entry for kind in ("hooks", "operators", "sensors", "triggers") for entry in REGISTRY[kind]]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_entry_exists(entry):
    assert hasattr(importlib.import_module(entry["module"]), entry["name"])
    assert entry["description"].endswith(".")


def test_every_operator_and_sensor_is_listed():
    assert {entry["name"] for kind in ("operators", "sensors") for entry in REGISTRY[kind]} == set(CLASSES)


def test_names_agree_with_the_provider_info():
    info = get_provider_info()
    assert REGISTRY["package-name"] == info["package-name"]
    assert REGISTRY["display-name"] == info["name"]
    assert [c["type"] for c in REGISTRY["connection-types"]] == [c["connection-type"] for c in info["connection-types"]]
