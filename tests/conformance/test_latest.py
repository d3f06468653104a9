"""The newest SDK drives the emulator through the life of a task, one assertion after the other."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.conformance.environments import LATEST
from tests.conformance.playing import seeded

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_sdk_drives_the_emulator_through_the_life_of_a_task(sdk):
    side = sdk(LATEST)
    control = side.emulator.control
    control.reset()
    control.configure(run_seconds=0.5)
    control.add_spans(count=20, start="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z")
    ids = control.status()["ids"]

    def ask(method, **args):
        told = side.call(method, args)
        assert told.error is None, told.text
        return told.result

    assert ask("list", limit=1)["tasks"] == []
    body = {
        "name": "quality",
        "task_type": "TEMPLATE_EVALUATION",
        "evaluators": [{"evaluator_id": seeded(side.emulator)["correctness"]}],
        "project": "demo-project",
        "space": "demo-space",
    }
    task = ask("create_evaluation_task", **body)
    assert (task["project_id"], task["type"]) == (ids["project"], "TEMPLATE_EVALUATION")
    assert [item["id"] for item in ask("list", space="demo-space")["tasks"]] == [task["id"]]
    assert ask("get", task="quality", space="demo-space") == task
    assert ask("update", task=task["id"], name="renamed", sampling_rate=1.0)["name"] == "renamed"

    start = datetime(2026, 3, 1, tzinfo=timezone.utc)
    run = ask("trigger_run", task=task["id"], data_start_time=start, data_end_time=start + timedelta(days=1))
    assert run["status"] == "PENDING"
    assert [item["id"] for item in ask("list_runs", task=task["id"])["task_runs"]] == [run["id"]]
    assert ask("get_run", run_id=run["id"])["id"] == run["id"]
    ended = ask("wait_for_run", run_id=run["id"], poll_interval=0.1, timeout=30.0)
    assert (ended["status"], ended["num_successes"]) == ("COMPLETED", 20)

    control.configure(run_seconds=60)
    again = ask(
        "trigger_run",
        task=task["id"],
        data_start_time=start,
        data_end_time=start + timedelta(days=1),
        override_evaluations=True,
    )
    assert ask("cancel_run", run_id=again["id"])["status"] == "CANCELLED"
    ask("delete", task=task["id"])
    assert side.call("get", {"task": task["id"]}).error["status"] == 404
