"""A hole punched into what a task has evaluated: its runs are gone, and the labels they gave."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import requests

DAY = timedelta(days=1)
TODAY = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)


def call(url, method, path, body=None):
    reply = requests.request(method, f"{url}/v2/{path}", json=body, headers={"Authorization": "Bearer k"}, timeout=10)
    reply.raise_for_status()
    return reply.json()


def test_forgets_the_runs_over_a_range_with_their_labels(emulator):
    control, url = emulator.control, emulator.url
    control.reset(spans=False)
    control.configure(run_seconds=0.05)
    control.add_spans(count=40, start=TODAY - 4 * DAY, end=TODAY)
    evaluator = next(
        each["id"] for each in call(url, "GET", "evaluators")["evaluators"] if each["name"] == "correctness"
    )
    project = call(url, "GET", "projects")["projects"][0]["id"]
    body = {
        "name": "Answer quality",
        "type": "TEMPLATE_EVALUATION",
        "project_id": project,
        "evaluators": [{"evaluator_id": evaluator}],
    }
    task = call(url, "POST", "tasks", body)["id"]
    for back in (4, 3, 2, 1):
        window = {
            "data_start_time": (TODAY - back * DAY).isoformat(),
            "data_end_time": (TODAY - (back - 1) * DAY).isoformat(),
        }
        call(url, "POST", f"tasks/{task}/trigger", window)
    time.sleep(0.2)
    assert control.ledger(task=task)["once"] == 40

    gone = control.forget_runs("Answer quality", TODAY - 3 * DAY, TODAY - 2 * DAY + timedelta(milliseconds=1))
    assert len(gone) == 2
    ledger = control.ledger(task=task)
    assert (ledger["once"], ledger["missed"], ledger["twice"]) == (20, 20, 0)
    assert len(call(url, "GET", f"tasks/{task}/runs")["task_runs"]) == 2
