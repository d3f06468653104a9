"""A task that an older release deferred resumes under this one: recorded trigger arguments of every release."""

from __future__ import annotations

import inspect
import json
import time
from pathlib import Path
from typing import Any

import pytest

# Over the one of this test suite: the recorded tasks count on a default space.
from airflow_provider_arize_tasks.testing.plugin import arize_connection
from airflow_provider_arize_tasks.testing.runner import run_task
from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger
from tests.integration.upgrades.stage import operators, set_up, with_ids

__all__ = ["arize_connection"]

RECORDED = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "recorded").glob("*.json")}
DEFERRALS = [
    pytest.param(cases[case], case, number, id=f"{release}, {case}, deferral {number}")
    for release, cases in RECORDED.items()
    for case in cases
    for number in range(len(cases[case]["deferrals"]))
]


def in_time(recorded: Any) -> Any:
    """Deadlines have passed since the recording: an upgrade takes minutes, not months."""
    if isinstance(recorded, dict):
        return {
            key: time.time() + 60 if key == "deadline" and value else in_time(value) for key, value in recorded.items()
        }
    return [in_time(item) for item in recorded] if isinstance(recorded, list) else recorded


def runs_of(control, case: str, recorded: dict, deferral: dict, known: dict[str, str]) -> dict[str, str]:
    """Start the runs that the deferral speaks of; their ids, and that of the experiment."""
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

    ids: dict[str, str] = {}
    with ArizeHook() as hook:
        for run in recorded["runs"]:
            if run["id"] not in json.dumps(deferral):
                continue
            task = known[run["task_id"].strip("<>")]
            if case == "sensor":
                (ids[run["id"]],) = control.start_runs(task, 1, run_seconds=0.3)
            elif run["data_start_time"]:
                window = {name: run[name] for name in ("data_start_time", "data_end_time")}
                ids[run["id"]] = hook.trigger_run(task=task, **window).id
            elif run["task_id"] == "<experiments>":
                made = hook.trigger_run(task=task, experiment_name="recorded-1")
                ids[run["id"]] = made.id
                ids["<experiment>"] = hook.wait_for_run(made.id, poll_interval=0.1).experiment_id
            else:
                ids[run["id"]] = hook.trigger_run(task=task, experiment_ids=[ids["<experiment>"]]).id
    return ids


@pytest.mark.parametrize(("recorded", "case", "number"), DEFERRALS)
def test_resumes(recorded, case, number, arize_emulator, arize_connection):
    known = set_up(arize_emulator.control)
    deferral = recorded["deferrals"][number]
    ids = runs_of(arize_emulator.control, case, recorded, deferral, known)
    before = arize_emulator.control.counters()["runs_total"]
    stored = in_time(with_ids(deferral, {f"<{name}>": value for name, value in known.items()} | ids))
    operator, given = operators(ids.get("<run 0>", "unused"))[case]
    result = run_task(operator, resume_from=stored, **given)
    assert result.error is None
    assert result.value["status"] == "COMPLETED"
    following = recorded["deferrals"][number + 1 :]
    still_to_come = {run for later in following for run in later["kwargs"]["run_ids"]}
    assert arize_emulator.control.counters()["runs_total"] - before == len(still_to_come)


def test_every_release_has_a_recording():
    changelog = (Path(__file__).parents[3] / "CHANGELOG.md").read_text()
    released = [line.split("[")[1].split("]")[0] for line in changelog.splitlines() if line.startswith("## [0")]
    assert set(released) == set(RECORDED)


@pytest.mark.parametrize("release", sorted(RECORDED))
def test_no_argument_was_dropped_or_lost_its_default(release):
    parameters = inspect.signature(ArizeTaskRunTrigger).parameters
    for case in RECORDED[release].values():
        for deferral in case["deferrals"]:
            assert set(deferral["kwargs"]) <= set(parameters)
    required = {name for name, parameter in parameters.items() if parameter.default is parameter.empty}
    assert required <= {"run_ids", "later"}
