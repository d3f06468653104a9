"""docker-compose.yaml, as far as it can be checked without a Docker engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())


def published_ports() -> list[str]:
    return [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]


def test_it_follows_the_compose_specification() -> None:
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*command, str(ROOT / "docker-compose.yaml")], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_published_port_listens_on_the_loopback_address_only() -> None:
    assert len(published_ports()) == 2
    assert all(port.startswith("127.0.0.1:") for port in published_ports())


def test_it_brings_up_every_component_of_airflow_and_the_emulator() -> None:
    assert set(COMPOSE["services"]) == {
        "postgres", "emulator", "init", "api-server", "scheduler", "triggerer", "dag-processor"
    }  # fmt: skip


def test_what_a_service_waits_for_exists_and_reports_what_is_waited_for() -> None:
    for name, service in COMPOSE["services"].items():
        for other, wish in (service.get("depends_on") or {}).items():
            assert other in COMPOSE["services"], f"{name} waits for {other}"
            if wish["condition"] == "service_healthy":
                assert "healthcheck" in COMPOSE["services"][other], f"{name} waits for {other} to be healthy"


def test_the_connection_points_at_the_emulator_service() -> None:
    environment = COMPOSE["services"]["scheduler"]["environment"]
    connection = json.loads(environment["AIRFLOW_CONN_ARIZE_DEFAULT"])
    port = COMPOSE["services"]["emulator"]["command"][COMPOSE["services"]["emulator"]["command"].index("--port") + 1]
    assert connection["conn_type"] == "arize"
    assert connection["host"] == f"http://emulator:{port}"
