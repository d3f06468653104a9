"""Metrics and asset events."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_arize_tasks import telemetry

RUN = {
    "id": "run-1",
    "task_id": "task-1",
    "status": "COMPLETED",
    "created_at": "2026-11-23T00:00:00.000Z",
    "run_finished_at": "2026-11-23T00:01:30.500Z",
    "data_start_time": "2026-11-22T00:00:00.000Z",
    "data_end_time": "2026-11-23T00:00:00.000Z",
    "num_successes": 90,
    "num_errors": 10,
    "num_skipped": 0,
    "experiment_id": None,
    "failure_reason": None,
}
# Airflow 3.2's task runner switches the metrics on in each process, Airflow 3.4's with another call; others need none.
INITIALIZE = """
try:
    from airflow.sdk.observability import stats
    from airflow.sdk.observability.metrics import stats_utils
except ImportError:
    pass
else:
    if hasattr(stats, "initialize"):
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
    elif hasattr(stats.Stats, "initialize"):
        stats.Stats.initialize(factory=stats_utils.get_stats_factory(stats.Stats))
"""
CONTEXT = {"ti": SimpleNamespace(dag_id="nightly", task_id="evaluate")}


@pytest.fixture
def sent(monkeypatch) -> list[tuple]:
    """Metrics that reached Airflow's Stats."""
    seen: list[tuple] = []

    class Recorder:
        @staticmethod
        def incr(name, count=1, rate=1, *, tags=None):
            seen.append((name, count, tags))

        @staticmethod
        def timing(name, value, *, tags=None):
            seen.append((name, value, tags))

    import airflow.providers.common.compat.sdk as sdk

    monkeypatch.setitem(sdk.__dict__, "Stats", Recorder)
    return seen


def test_end_of_a_run(sent):
    telemetry.record_run(RUN, context=CONTEXT)
    tags = {"dag_id": "nightly", "task_id": "evaluate", "kind": "evaluation"}
    assert sent == [
        ("arize.runs.completed", 1, tags),
        ("arize.runs.duration", timedelta(seconds=90.5), tags),
        ("arize.spans.successes", 90, tags),
        ("arize.spans.errors", 10, tags),
    ]


def test_run_without_times_has_no_duration(sent):
    telemetry.record_run({"id": "r", "status": "failed"}, kind="experiment")
    assert sent == [("arize.runs.failed", 1, {"kind": "experiment"})]


def test_counting_what_happened(sent):
    telemetry.count_run("adopted", context=CONTEXT)
    assert sent[0][:2] == ("arize.runs.adopted", 1)


def test_a_broken_backend_does_not_fail_the_task(monkeypatch):
    import airflow.providers.common.compat.sdk as sdk

    class Broken:
        @staticmethod
        def incr(*args, **kwargs):
            raise RuntimeError("no socket")

    monkeypatch.setitem(sdk.__dict__, "Stats", Broken)
    telemetry.count_run("triggered")


def test_airflows_own_stats_accepts_the_calls():
    """In a process of its own, with a StatsD server that listens: what arrives on the wire."""
    pytest.importorskip("statsd")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        port = server.getsockname()[1]
        code = f"{INITIALIZE}\nfrom airflow_provider_arize_tasks import telemetry; telemetry.count_run('triggered')"
        environment = {
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(port),
        }
        subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, check=True)
        # Airflow sends metrics of its own as well; a timeout of the socket ends the search.
        while b"airflow.arize.runs.triggered" not in server.recv(65536):
            pass


def test_extra_of_an_asset_event():
    assert telemetry.asset_event_extra(RUN) == {
        "arize": {
            "id": "run-1",
            "task_id": "task-1",
            "status": "COMPLETED",
            "data_start_time": "2026-11-22T00:00:00.000Z",
            "data_end_time": "2026-11-23T00:00:00.000Z",
            "num_successes": 90,
            "num_errors": 10,
            "num_skipped": 0,
            "run_ids": ["run-1"],
        }
    }


def test_extra_lists_all_runs_of_a_split_window():
    extra = telemetry.asset_event_extra({**RUN, "runs": [{"id": "run-0"}, {"id": "run-1"}]})
    assert extra["arize"]["run_ids"] == ["run-0", "run-1"]


def test_every_asset_outlet_gets_the_extra():
    asset = Asset("x-arize://projects/checkout/labels")
    event = SimpleNamespace(extra={"mine": 1})

    class Events:
        """Airflow's accessor takes the asset itself, which isn't hashable on every Airflow."""

        def __getitem__(self, key):
            assert key == asset
            return event

    context = {"task": SimpleNamespace(outlets=[asset, "no asset"]), "outlet_events": Events()}
    assert telemetry.add_to_asset_events(context, telemetry.asset_event_extra(RUN)) == 1
    assert event.extra["mine"] == 1
    assert event.extra["arize"]["id"] == "run-1"


@pytest.mark.parametrize("context", [{}, {"task": SimpleNamespace(outlets=[]), "outlet_events": {}}])
def test_a_task_without_outlets_has_no_event(context):
    assert telemetry.add_to_asset_events(context, telemetry.asset_event_extra(RUN)) == 0


def test_times_may_be_objects(sent):
    start = datetime(2026, 11, 23, tzinfo=timezone.utc)
    telemetry.record_run({"status": "COMPLETED", "created_at": start, "run_finished_at": start + timedelta(seconds=3)})
    assert sent[1][:2] == ("arize.runs.duration", timedelta(seconds=3))
