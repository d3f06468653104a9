"""The recipes hand over what they promise: the alert counts and link, the event its window, the partition its day."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_arize_tasks.testing.plugin import arize_connection
from airflow_provider_arize_tasks.testing.runner import run_task
from example_dags import arize_alert, arize_downstream, arize_partitions

__all__ = ["arize_connection"]

DAY = timedelta(days=1)
TODAY = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)


def evaluate(module, **given):
    """Run the example's evaluation, with the task on Arize that it makes."""
    task = run_task(module.create)
    assert task.state == "success", task.error
    operator = module.create.dag.task_dict["evaluate"]
    return run_task(operator, xcoms={"create_task": task.value}, **given)


class Events:
    """The events of a task's outlets, which it fills. No dict: an asset of Airflow 3.0 can't be its key."""

    def __init__(self):
        self.items = []

    def __getitem__(self, asset):
        for each, event in self.items:
            if each == asset:
                return event
        event = SimpleNamespace(extra={})
        self.items.append((asset, event))
        return event


@pytest.fixture
def events():
    return Events()


@pytest.mark.usefixtures("arize_emulator", "arize_connection")
class TestRecipes:
    @pytest.mark.parametrize("way", ["callback", "notifier"])
    def test_an_alert_tells_window_counts_reason_and_link(self, caplog, way):
        failed = evaluate(arize_alert, data_interval=(TODAY - DAY, TODAY))
        assert failed.state == "failed"
        ti = SimpleNamespace(task_id="evaluate", xcom_pull=lambda *, task_ids, key: failed.xcoms.get(key))
        callbacks: Any = arize_alert.create.dag.task_dict["evaluate"].on_failure_callback
        callback, notifier = callbacks
        (callback if way == "callback" else notifier.notify)({"ti": ti, "exception": failed.error})
        told = caplog.messages[-1]
        assert f"alert-correctness, {TODAY - DAY:%Y-%m-%d}T00:00:00.000Z to {TODAY:%Y-%m-%d}T00:00:00.000Z" in told
        assert re.search(r"\d+ succeeded, 0 errors, 0 skipped", told)
        assert "min_successes asks for 1000000" in told
        assert re.search(r"https?://\S+/organizations/\S+", told)

    def test_a_dag_that_follows_takes_the_window_from_the_event(self, events):
        done = evaluate(arize_downstream, data_interval=(TODAY - DAY, TODAY), context={"outlet_events": events})
        assert done.state == "success", done.error
        [(asset, event)] = events.items
        assert asset == arize_downstream.EVALUATED
        told = arize_downstream.use_the_labels.function(triggering_asset_events={asset.uri: [event]})
        window = f"{TODAY - DAY:%Y-%m-%d}T00:00:00.000Z to {TODAY:%Y-%m-%d}T00:00:00.000Z"
        assert told == [f"{window}: {done.value['num_successes']} labelled"]

    @pytest.mark.skipif(not hasattr(arize_partitions, "EVALUATED"), reason="partitions are of Airflow 3.2 and later")
    def test_a_partition_is_the_day_that_is_evaluated(self, events):
        key = f"{TODAY - 5 * DAY:%Y-%m-%d}"
        context = {"outlet_events": events, "partition_key": key, "partition_date": None}
        done = evaluate(arize_partitions, run_after=TODAY, context=context)
        assert done.state == "success", done.error
        [(asset, event)] = events.items
        assert asset == arize_partitions.EVALUATED
        window = (event.extra["arize"]["data_start_time"], event.extra["arize"]["data_end_time"])
        assert window == (f"{key}T00:00:00.000Z", f"{TODAY - 4 * DAY:%Y-%m-%d}T00:00:00.000Z")
        assert arize_partitions.use_the_day.function(partition_key=key) == key
