"""No secret of the connection shows up anywhere, whatever becomes of a task: every operator, run for real."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_arize_tasks.client.transport import RetryPolicy
from airflow_provider_arize_tasks.testing.runner import run_task
from tests.integration.contract.cases import ARGUMENTS, CLASSES, make

KEY = "ak-SECRETKEY-5b1f"
HEADER = "SECRETHEADER-77aa"
PROXY_PASSWORD = "SECRETPROXY-c0de"
SECRETS = (KEY, HEADER, PROXY_PASSWORD)
NOW = datetime.now(timezone.utc).replace(microsecond=0)
YESTERDAY = (NOW - timedelta(days=2), NOW - timedelta(days=1))


def define_connection(monkeypatch, emulator, **extra) -> None:
    connection = {
        "conn_type": "arize",
        "host": emulator.url,
        "password": KEY,
        "extra": {"space": "demo-space", "headers": {"X-Team": HEADER}, **extra},
    }
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(connection))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """Requests are tried again for a moment only."""
    monkeypatch.setitem(RetryPolicy.__init__.__kwdefaults__, "total_seconds", 0.1)


@pytest.fixture
def world(arize_emulator, monkeypatch):
    """A connection with secrets, tasks and runs for the operators to work on."""
    define_connection(monkeypatch, arize_emulator)
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

    with ArizeHook() as hook:
        evaluation = hook.create_evaluation_task(
            name="quality",
            task_type="template_evaluation",
            project="demo-project",
            evaluators=[{"evaluator_id": "correctness", "column_mappings": {"output": "output.value"}}],
        )
        (integration,) = hook.list_ai_integrations(space="demo-space", limit=1).items
        configuration = {**ARGUMENTS["ArizeCreateRunExperimentTaskOperator"]["run_configuration"]}
        configuration["ai_integration_id"] = integration.id
        experiments = hook.create_run_experiment_task(
            name="experiments", dataset="demo-dataset", run_configuration=configuration
        )
        # Of the day before the operators' own, which has no labels then however soon this run ends.
        run = hook.trigger_run(
            task=evaluation.id,
            data_start_time=YESTERDAY[0] - timedelta(days=1),
            data_end_time=YESTERDAY[0],
            max_spans=5000,
        )
    return {"task": evaluation.id, "experiments": experiments.id, "run": run.id, "configuration": configuration}


class OutletEvents:
    """Airflow's accessor; every asset has the same event here."""

    def __init__(self) -> None:
        self.event = SimpleNamespace(extra={})

    def __getitem__(self, _asset):
        return self.event


@pytest.fixture
def told(monkeypatch) -> SimpleNamespace:
    """What Airflow is told beside the log: events of assets, and metrics."""
    import airflow.providers.common.compat.sdk as sdk

    told = SimpleNamespace(events=OutletEvents(), metrics=[])

    class Recorder:
        @staticmethod
        def incr(*given, **named):
            told.metrics.append((given, named))

        timing = incr

    monkeypatch.setitem(sdk.__dict__, "Stats", Recorder)
    return told


def operator_for(name: str, world: dict) -> Any:
    """The operator with arguments that find something in the emulator."""
    more: dict = {"retries": 0, "outlets": [Asset("x-arize://projects/demo/labels")]}
    if "run_id" in CLASSES[name].template_fields:
        more["run_id"] = world["run"]
    elif name == "ArizeTriggerExperimentRunOperator":
        more["task"] = world["experiments"]
    elif name == "ArizeCreateRunExperimentTaskOperator":
        more["run_configuration"] = world["configuration"]
    elif name == "ArizeCheckExperimentOperator":
        more |= {"experiment": "baseline", "baseline": None, "wait_for_scores": 0}
    elif "task" in CLASSES[name].template_fields:
        more["task"] = world["task"]
    if name == "ArizeTaskRunSensor":
        more["timeout"] = 1.5  # it survives outages of minutes otherwise
    return make(name, **more)


def everything_about(result, operator, caplog) -> str:
    """All that Airflow, a log reader or a debugger would see."""
    return "\n".join(
        [
            caplog.text,
            *(record.getMessage() for record in caplog.records),
            repr(result),
            str(result.error),
            repr(result.error),
            repr(getattr(result.error, "__cause__", None)),
            json.dumps(result.xcoms, default=str),
            json.dumps(result.rendered, default=str),
            json.dumps(result.deferrals),
            json.dumps(result.task_state),
            repr(operator),
            repr(vars(operator)),
        ]
    )


def assert_silent(text: str) -> None:
    assert [secret for secret in SECRETS if secret in text] == []


every = pytest.mark.parametrize("name", sorted(CLASSES))


@every
def test_when_all_goes_well(name, world, told, caplog):
    operator = operator_for(name, world)
    with caplog.at_level(logging.DEBUG):
        result = run_task(operator, data_interval=YESTERDAY, context={"outlet_events": told.events})
    # The seeded experiment has no scores and the window no labels, which two of them refuse: a verdict like any other.
    refuses = name in {"ArizeCheckExperimentOperator", "ArizeVerifyWindowOperator"}
    assert result.state == ("failed" if refuses else "success"), result.error
    assert caplog.records
    if "Trigger" in name:
        assert told.events.event.extra
        assert told.metrics
    assert_silent(everything_about(result, operator, caplog) + repr(told))


@every
@pytest.mark.parametrize("status", [401, 403, 500])
def test_when_the_server_refuses(name, status, world, arize_emulator, caplog):
    """The server even repeats the key in its answer, as a debugging gateway might."""
    operator = operator_for(name, world)
    body = {"title": "refused", "detail": f"Bearer {KEY} with X-Team {HEADER} is not welcome", "status": status}
    arize_emulator.control.inject("status", status=status, times=None, body=body, path="^/v2/")
    with caplog.at_level(logging.DEBUG):
        result = run_task(operator, data_interval=YESTERDAY)
    assert result.error is not None
    assert_silent(everything_about(result, operator, caplog))


@every
def test_when_the_proxy_is_down(name, world, arize_emulator, monkeypatch, caplog):
    proxy = f"http://user:{PROXY_PASSWORD}@127.0.0.1:9"
    define_connection(monkeypatch, arize_emulator, proxies={"http": proxy, "https": proxy})
    operator = operator_for(name, world)
    with caplog.at_level(logging.DEBUG):
        result = run_task(operator, data_interval=YESTERDAY)
    assert result.error is not None
    assert_silent(everything_about(result, operator, caplog))


def test_reports_of_a_model_that_repeats_them(world, arize_emulator, monkeypatch, tmp_path, caplog):
    """An app that echoes its headers has written them into outputs and explanations, which reports show."""
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

    echo = f"Authorization: Bearer {KEY}, X-Team: {HEADER}, proxy http://user:{PROXY_PASSWORD}@127.0.0.1:9"
    for name, score in (("before", 0.9), ("echo", 0.1)):
        with ArizeHook() as hook:
            run = hook.trigger_run(task=world["experiments"], experiment_name=name)
            experiment_id = str(hook.wait_for_run(run.id, poll_interval=0.1).experiment_id)
        judged = {"eval.tone.score": score, "eval.tone.label": "fine", "eval.tone.explanation": echo}
        rows = [{"id": f"row-{n}", "example_id": f"{n}", "output": echo, **judged} for n in range(12)]
        body = {"experiment_runs": rows, "pagination": {"has_more": False}}
        path = f"^/v2/experiments/{quote(experiment_id)}/runs"
        arize_emulator.control.inject("status", status=200, method="GET", path=path, body=body, times=None)
    monkeypatch.setenv("HTTP_PROXY", f"http://user:{PROXY_PASSWORD}@127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    operator = make("ArizeCheckExperimentOperator", experiment="echo", baseline=["before"], report_path=str(tmp_path))
    with caplog.at_level(logging.DEBUG):
        result = run_task(operator, data_interval=YESTERDAY)
    reports = [file.read_text() for file in tmp_path.iterdir()]
    assert len(reports) == 3
    assert any("X-Team: ***" in report for report in reports)
    assert_silent(everything_about(result, operator, caplog) + "".join(reports))


def test_repr_of_hook_client_and_configuration(world):
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

    with ArizeHook() as hook:
        assert_silent(f"{hook!r} {hook.config!r} {hook.client!r} {hook.config}")
        assert KEY in hook.config.secrets  # the test looks for what is there


def test_the_search_would_find_them(caplog):
    logging.getLogger("probe").warning("key %s", KEY)
    with pytest.raises(AssertionError):
        assert_silent(caplog.text)
