"""The control path: what it stages, what it reports, and the process around it."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import datetime, timezone

import pytest

from airflow_provider_arize_tasks.emulator.control import EmulatorControl, EmulatorError
from airflow_provider_arize_tasks.emulator.process import running_emulator


def test_an_outcome_holds_for_the_next_run_and_then_is_used_up(api):
    task = api.task()
    api.control.set_outcome("FAILED", reason="missing rails and classification choices")
    failed = api.ended(api.window(task))
    assert (failed["status"], failed["num_successes"]) == ("FAILED", 0)
    assert failed["failure_reason"] == "missing rails and classification choices"
    assert api.ended(api.window(task))["num_successes"] == 20


def test_a_run_that_fails_midway_leaves_its_part_labelled(api):
    task = api.task()
    api.control.set_outcome("FAILED", labelled_fraction=0.5)
    assert api.ended(api.window(task))["num_successes"] == 10
    assert api.ended(api.window(task))["num_successes"] == 10
    assert api.control.ledger(task="a task", start="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z")["once"] == 20


def test_outcomes_by_task_and_for_all_that_follow(api):
    one, two = api.task("one"), api.task("two", ["hallucination"])
    api.control.set_outcome("CANCELLED", task="two", times=None)
    assert api.ended(api.window(one))["status"] == "COMPLETED"
    for _ in range(2):
        run = api.ended(api.window(two))
        assert (run["status"], run["failure_reason"]) == ("CANCELLED", "The run was cancelled by a user")
    api.control.clear_outcomes()
    assert api.ended(api.window(two))["status"] == "COMPLETED"


def test_errors_and_skips_stay_without_a_label(api):
    task = api.task()
    api.control.set_outcome(errors=3, skipped=2)
    run = api.ended(api.window(task))
    assert (run["num_successes"], run["num_errors"], run["num_skipped"]) == (15, 3, 2)
    assert api.ended(api.window(task))["num_successes"] == 5


def test_counts_can_be_sent_as_they_stand(api):
    api.control.set_outcome(successes=10_000, errors=1)
    run = api.ended(api.window(api.task()))
    assert (run["num_successes"], run["num_errors"]) == (10_000, 1)


def test_a_status_nobody_knows(api):
    api.control.set_outcome("PAUSED", run_seconds=0)
    assert api.run(api.window(api.task())["id"])["status"] == "PAUSED"


def test_durations_of_one_run(api):
    task = api.task()
    api.control.set_outcome(run_seconds=600, pending_seconds=0)
    assert api.window(task)["status"] == "RUNNING"


def test_a_hidden_run_is_in_no_list_but_can_be_read(api):
    task = api.task()
    api.control.set_outcome(hidden_seconds=600)
    run = api.window(task)
    assert api.get(f"tasks/{task}/runs")["task_runs"] == []
    assert api.run(run["id"])["id"] == run["id"]
    assert [seen["id"] for seen in api.control.runs("a task")] == [run["id"]]
    api.control.configure(clock_offset_seconds=700)
    assert len(api.get(f"tasks/{task}/runs")["task_runs"]) == 1


def test_a_run_ended_by_somebody_else(api):
    api.control.configure(run_seconds=600)
    task = api.task()
    first, second = api.window(task), api.window(task)
    api.control.end_run(first["id"], "CANCELLED", reason="by hand")
    api.control.end_run(second["id"], successes=4, errors=1)
    assert api.run(first["id"])["failure_reason"] == "by hand"
    seen = api.run(second["id"])
    assert (seen["status"], seen["num_successes"], seen["num_errors"]) == ("COMPLETED", 4, 1)


def test_many_runs_for_a_load_test(api):
    api.task("load")
    started = api.control.start_runs("load", 250, run_seconds=600)
    assert len(set(started)) == 250
    counters = api.control.counters()
    assert counters["runs_started_by_name"] == {"load": 250}
    assert counters["runs_total"] == 250


def test_requests_are_recorded_without_credentials(api):
    api.control.forget_requests()
    run = api.window(api.task())
    api.run(run["id"])
    recorded = api.control.requests()
    last = recorded[-1]
    assert last["method"] == "GET"
    assert last["path"] == f"/v2/task-runs/{run['id'].replace('=', '%3D')}"
    assert last["template"] == "/v2/task-runs/{run_id}"
    trigger = recorded[-2]
    assert (trigger["body"], trigger["status"]) == (api.day(1), 201)
    assert "a-key" not in str(recorded)
    assert api.control.requests(after=last["number"]) == []
    assert api.control.counters()["requests"]["GET /v2/task-runs/{run_id}"] == 1


def test_nothing_is_recorded_when_switched_off(api):
    api.control.configure(record_requests=False)
    api.control.forget_requests()
    api.get("tasks")
    assert api.control.requests() == []
    assert api.control.counters()["requests"] == {"GET /v2/tasks": 1}


def test_ledger_of_named_evaluators(api):
    api.ended(api.window(api.task("one", ["correctness"])))
    day = {"start": datetime(2026, 3, 1, tzinfo=timezone.utc), "end": datetime(2026, 3, 2, tzinfo=timezone.utc)}
    assert api.control.ledger(evaluators=["correctness"], **day)["once"] == 20
    assert api.control.ledger(evaluators=["hallucination"], **day)["missed"] == 20
    both = api.control.ledger(evaluators=["correctness", "hallucination"], **day)
    assert (both["once"], both["missed"], both["twice"]) == (0, 20, 0)
    assert len(both["by_evaluator"]) == 2
    run = api.control.ledger(task="one", details=True, **day)["labels"][0]["labels"][0]["run_id"]
    assert run == api.control.runs()[0]["id"]


def test_a_time_without_a_zone_is_an_error(api):
    with pytest.raises(ValueError, match="time zone"):
        api.control.ledger(start=datetime(2026, 3, 1))  # noqa: DTZ001 -- the point of the test


def test_reset_goes_back_to_the_start(api):
    api.task()
    api.control.configure(clock_offset_seconds=100, max_spans=3)
    before = api.control.status()["ids"]
    api.control.reset()
    status = api.control.status()
    assert status["ids"] == before
    assert (status["spans"], status["settings"]["max_spans"]) == ({"demo-project": 100}, 10_000)
    assert api.get("tasks")["tasks"] == []
    assert api.control.counters()["total_requests"] == 1
    api.control.reset(spans=False)
    assert api.control.status()["spans"] == {"demo-project": 0}


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda control: control.configure(colour=1), "colour"),
        (lambda control: control.set_outcome(colour=1), "colour"),
        (lambda control: control.add("planet", "x"), "kind"),
        (lambda control: control.add("project", "x", space="nowhere"), "nowhere"),
        (lambda control: control.end_run("x"), "no such run"),
        (lambda control: control.ledger(project="nowhere"), "nowhere"),
    ],
)
def test_a_wrong_control_call_says_so(api, call, word):
    with pytest.raises(EmulatorError, match=word):
        call(api.control)


def test_no_emulator_is_an_error_of_its_own():
    with pytest.raises(EmulatorError, match="no emulator"):
        EmulatorControl("http://127.0.0.1:9").status()


def test_a_killed_emulator_comes_back_on_its_port(connect):
    with running_emulator(seed_spans=0) as emulator:
        url = emulator.url
        connect(emulator).task()
        emulator.kill()
        assert emulator.pid is None
        with pytest.raises(EmulatorError):
            EmulatorControl(url).status()
        emulator.restart()
        assert emulator.url == url
        assert connect(emulator).get("tasks")["tasks"] == []


def test_a_taken_port_is_reported(emulator):
    with pytest.raises(EmulatorError, match="did not start"), running_emulator(port=emulator.port):
        pass


def test_a_frozen_clock_makes_replies_repeat(api):
    seen = []
    for _ in range(2):
        api.control.reset(frozen_at="2026-03-05T00:00:00Z")
        task = api.task()
        run = api.trigger(task, data_start_time="2026-03-01T00:00:00Z", data_end_time="2026-03-02T00:00:00Z")
        assert run["status"] == "PENDING"
        api.control.advance_clock(3600)
        seen.append((api.get(f"tasks/{task}"), run, api.run(run["id"])))
    assert seen[0] == seen[1]
    assert seen[0][2]["status"] == "COMPLETED"
    assert seen[0][1]["created_at"] == "2026-03-05T00:00:00.000Z"


def test_an_emulator_does_not_outlive_the_process_that_started_it():
    program = (
        "import os, sys\n"
        "from airflow_provider_arize_tasks.emulator.process import EmulatorProcess\n"
        "emulator = EmulatorProcess(seed_spans=0)\n"
        "emulator.start()\n"
        "print(emulator.url, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    control = EmulatorControl(done.stdout.strip())
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            control.status()
        except EmulatorError:
            return
        time.sleep(0.05)
    pytest.fail("the emulator is still there")
