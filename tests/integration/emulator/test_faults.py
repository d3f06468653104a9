"""Injected faults: what the caller sees, and whether the request took effect."""

from __future__ import annotations

import time

import pytest
import requests

from airflow_provider_arize_tasks.emulator.control import EmulatorError


@pytest.mark.parametrize(
    ("kind", "effect"), [("drop_before", 0), ("drop_after", 1), ("silent", 0), ("silent_after", 1)]
)
def test_a_connection_that_closes_without_an_answer(api, kind, effect):
    task = api.task()
    api.control.inject(kind, method="POST", path="/trigger", seconds=0.1)
    with pytest.raises(requests.ConnectionError):
        api.send("POST", f"tasks/{task}/trigger", json=api.day(1))
    assert len(api.control.runs()) == effect
    assert api.control.counters()["faults"] == {kind: 1}
    api.window(task)


@pytest.mark.parametrize(("kind", "effect"), [("status", 0), ("status_after", 1)])
def test_a_status_before_or_after_the_effect(api, kind, effect):
    task = api.task()
    api.control.inject(kind, path="/trigger", status=504, detail="upstream took too long")
    assert api.refused("POST", f"tasks/{task}/trigger", 504, api.day(1)) == "upstream took too long"
    assert len(api.control.runs()) == effect


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "2"}])
def test_too_many_requests_with_and_without_retry_after(api, headers):
    api.control.inject("status", status=429, headers=headers, times=2)
    for _ in range(2):
        reply = api.send("GET", "tasks")
        assert reply.status_code == 429
        assert reply.headers.get("Retry-After") == headers.get("Retry-After")
        assert reply.json()["type"].endswith("#rate-limit-exceeded")
    assert api.send("GET", "tasks").status_code == 200


@pytest.mark.parametrize(("kind", "effect"), [("html", 0), ("html_after", 1)])
def test_a_page_from_a_gateway(api, kind, effect):
    task = api.task()
    api.control.inject(kind, method="POST", status=502)
    reply = api.send("POST", f"tasks/{task}/trigger", json=api.day(1))
    assert (reply.status_code, reply.headers["Content-Type"].split(";")[0]) == (502, "text/html")
    assert "<html>" in reply.text
    assert len(api.control.runs()) == effect


@pytest.mark.parametrize("kind", ["slow", "slow_after"])
def test_a_slow_answer_is_right_in_the_end(api, kind):
    api.control.inject(kind, seconds=0.3)
    before = time.monotonic()
    assert api.get("tasks")["tasks"] == []
    assert time.monotonic() - before >= 0.3


def test_a_reply_can_be_edited(api):
    run = api.window(api.task())
    api.control.inject("edit", path="/task-runs/", set={"status": "PAUSED", "new": 1}, remove=["num_errors"])
    seen = api.run(run["id"])
    assert (seen["status"], seen["new"]) == ("PAUSED", 1)
    assert "num_errors" not in seen
    assert api.run(run["id"])["num_errors"] == 0


def test_a_body_of_ones_own_for_an_error(api):
    api.control.inject("status", status=403, body={"title": "plan", "required_plan": "PRO"})
    assert api.send("GET", "tasks").json() == {"title": "plan", "required_plan": "PRO"}


def test_a_fault_strikes_where_and_as_often_as_told(api):
    api.control.inject("status", method="GET", path=r"/v2/spaces", skip=1, times=1)
    statuses = [api.send("GET", path).status_code for path in ("spaces", "tasks", "spaces", "spaces")]
    assert statuses == [200, 200, 500, 200]


def test_a_share_of_requests_fails_the_same_way_each_time(api):
    def failures():
        api.control.clear_faults()
        api.control.inject("status", times=None, probability=0.3, seed=7)
        return [api.send("GET", "spaces").status_code for _ in range(40)]

    first = failures()
    assert 4 <= first.count(500) <= 20


def test_clearing_ends_faults(api):
    api.control.inject("status", times=None)
    assert api.send("GET", "tasks").status_code == 500
    api.control.clear_faults()
    assert api.send("GET", "tasks").status_code == 200


def test_an_outage_drops_every_connection_and_then_ends_with_the_state_kept(api):
    task = api.task()
    api.control.outage(30)
    with pytest.raises(requests.ConnectionError):
        api.send("GET", "tasks")
    api.control.clear_faults()
    assert api.get(f"tasks/{task}")["name"] == "a task"


def test_an_outage_by_status(api):
    api.control.outage(30, mode="status", status=503)
    assert api.refused("GET", "tasks", 503) == "The service is not available"


def test_an_outage_with_nobody_listening_keeps_the_state(api):
    task = api.task()
    api.control.outage(0.5, mode="refuse")
    refused = 0
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            if api.send("GET", f"tasks/{task}").status_code == 200 and refused:
                break
        except requests.ConnectionError:
            refused += 1
        time.sleep(0.05)
    assert refused
    assert api.get(f"tasks/{task}")["name"] == "a task"


def test_an_unknown_kind_or_field_is_refused(api):
    with pytest.raises(EmulatorError, match="kind"):
        api.control.inject("explosion")
    with pytest.raises(EmulatorError, match="colour"):
        api.control.inject("status", colour="red")
