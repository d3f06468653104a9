"""The vendor's variables stand in for the default connection where the deployment asks for it, and only there."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.testing.runner import run_task
from airflow_provider_arize_tasks.triggers.channel import read_config

KEY = "ak-of-the-environment"


@pytest.fixture(autouse=True)
def _no_connection_and_a_key(monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_ARIZE_DEFAULT", raising=False)
    monkeypatch.setenv("ARIZE_API_KEY", KEY)
    monkeypatch.setenv("ARIZE_REGION", "eu-west-1a")


@pytest.fixture
def asked_for(monkeypatch):
    monkeypatch.setenv("AIRFLOW__ARIZE__USE_ENVIRONMENT", "True")


def test_a_key_in_the_environment_is_not_used_unasked():
    with pytest.raises(AirflowNotFoundException):
        _ = ArizeHook().config


async def test_nor_by_the_triggerer():
    with pytest.raises(ArizeConfigError, match="'arize_default' does not exist"):
        await read_config("arize_default")


@pytest.mark.usefixtures("asked_for")
def test_is_used_where_it_is_asked_for():
    config = ArizeHook().config
    assert (config.api_key, config.base_url) == (KEY, "https://api.eu-west-1a.arize.com")
    assert config.label == "connection 'arize_default (from ARIZE_* variables)'"


@pytest.mark.usefixtures("asked_for")
async def test_worker_and_triggerer_agree():
    assert await read_config("arize_default") == ArizeHook().config


@pytest.mark.usefixtures("asked_for")
def test_a_misspelt_id_stays_an_error():
    with pytest.raises(AirflowNotFoundException):
        _ = ArizeHook("arize_defualt").config


@pytest.mark.usefixtures("asked_for")
def test_a_connection_that_exists_goes_first(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps({"conn_type": "arize", "password": "ak-stored"}))
    config = ArizeHook().config
    assert (config.api_key, config.base_url) == ("ak-stored", "https://api.arize.com")


@pytest.mark.usefixtures("asked_for")
def test_no_key_is_an_error_that_names_the_variable(monkeypatch):
    monkeypatch.delenv("ARIZE_API_KEY")
    with pytest.raises(ArizeConfigError, match="ARIZE_API_KEY is not set"):
        _ = ArizeHook().config


@pytest.mark.usefixtures("asked_for")
def test_a_task_runs_and_waits_with_it(arize_emulator, monkeypatch, caplog):
    monkeypatch.delenv("ARIZE_REGION")
    monkeypatch.setenv("ARIZE_API_HOST", arize_emulator.url)
    monkeypatch.setenv("ARIZE_SPACE", "demo-space")
    with ArizeHook() as hook:
        task = hook.create_evaluation_task(
            name="quality",
            task_type="template_evaluation",
            project="demo-project",
            evaluators=[{"evaluator_id": "correctness"}],
        )
    now = datetime.now(timezone.utc)
    operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=task.id)
    result = run_task(operator, data_interval=(now - timedelta(days=2), now - timedelta(days=1)))
    assert (result.state, result.value["status"]) == ("success", "COMPLETED")
    assert len(result.deferrals) == 1
    assert KEY not in caplog.text + json.dumps(result.deferrals)


def test_airflow_lists_the_setting():
    from airflow_provider_arize_tasks.get_provider_info import get_provider_info

    option = get_provider_info()["config"]["arize"]["options"]["use_environment"]
    assert (option["type"], option["default"]) == ("boolean", "False")
