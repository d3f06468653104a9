"""The gate on a real Airflow: what blocks, for how long, what it is compared with, and what a person decides."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator
from dev.local_airflow import LocalAirflow
from tests.e2e.arize import connection
from tests.e2e.nights import Nights

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2400)]

DAG_ID, BY_HAND = "arize_nightly_quality_gate", "arize_quality_gate_by_hand"
LABELS, TALKS = "check_labels", "check_talks"
EXAMPLES, CHECKS = Path(__file__).parents[2] / "example_dags", Path(__file__).with_name("quality_dags")
GOOD = [f"good-{number}" for number in range(1, 4)]
#: The same regression, for longer than the seven nights that are pooled.
BAD = [f"bad-{number}" for number in range(1, 9)]
GONE = ["vanished", "app-errors"]
#: Their true drop is exactly the 0.02 that the example allows.
SLIGHT = [f"slight-{number}" for number in range(1, 4)]
NIGHTS = (*GOOD, "smoke", *BAD, *GONE, *SLIGHT)


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmulatorProcess]:
    with running_emulator(run_seconds=1) as emulator:
        control = emulator.control
        control.set_quality(mean=0.45, experiment="nightly bad")
        control.set_quality(mean=0.83, experiment="nightly slight")
        control.set_answers(vanished=0.6, experiment="nightly vanished")
        control.set_answers(app_errors=0.6, experiment="nightly app-errors")
        yield emulator


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def airflow(
    emulator: EmulatorProcess, reports: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalAirflow]:
    dags = tmp_path_factory.mktemp("dags")
    # The example as it is, but for its schedule and pace, and for a smoke run over five examples.
    text = (EXAMPLES / f"{DAG_ID}.py").read_text(encoding="utf-8")
    named = 'experiment_name="nightly {{ run_id }}",'
    assert 'schedule="0 2 * * *"' in text
    assert named in text
    text = text.replace('schedule="0 2 * * *"', "schedule=None").replace("poll_interval=5", "poll_interval=1")
    text = text.replace(named, named + " max_examples=\"{{ 5 if run_id == 'smoke' else 500 }}\",")
    (dags / f"{DAG_ID}.py").write_text(text, encoding="utf-8")
    (dags / f"{BY_HAND}.py").write_text((EXAMPLES / f"{BY_HAND}.py").read_text(encoding="utf-8"), encoding="utf-8")
    (dags / "quality_checks.py").write_text((CHECKS / "quality_checks.py").read_text(encoding="utf-8"))
    environment = connection(emulator.url) | {
        "ARIZE_QUALITY_REPORTS": str(reports),
        "AIRFLOW__ARIZE__REPORT_FOLDERS": str(reports),
    }
    with LocalAirflow(dags, env=environment) as airflow:
        for dag_id in (DAG_ID, BY_HAND, LABELS, TALKS):
            airflow.api.unpause(dag_id)
        yield airflow


@pytest.fixture(scope="module")
def states(airflow: LocalAirflow) -> dict[str, dict[str, str]]:
    """Task states by night, after all nights in a row."""
    for run_id in NIGHTS:
        airflow.api.trigger(DAG_ID, run_id)
        airflow.api.wait_for_run(DAG_ID, run_id, limit=240)
    return {run_id: tasks(airflow, DAG_ID, run_id) for run_id in NIGHTS}


def tasks(airflow: LocalAirflow, dag_id: str, run_id: str) -> dict[str, str]:
    return {task["task_id"]: task["state"] for task in airflow.api.tasks(dag_id, run_id)}


def result(airflow: LocalAirflow, run_id: str, dag_id: str = DAG_ID) -> dict[str, Any]:
    found: dict[str, Any] = airflow.api.xcom(dag_id, run_id, "check_quality")
    return found


def names(check: dict[str, Any]) -> list[str]:
    return [night["name"] for night in check["baseline"]]


def test_good_nights_pass_and_are_promoted(airflow: LocalAirflow, states: dict[str, dict[str, str]]) -> None:
    for run_id in (*GOOD, *SLIGHT):
        assert set(states[run_id].values()) == {"success"}, run_id
    assert result(airflow, GOOD[0])["outcome"] == "nothing_to_compare"


@pytest.mark.parametrize("run_id", ["smoke", *BAD, *GONE])
def test_other_nights_fail_and_are_not_promoted(
    airflow: LocalAirflow, states: dict[str, dict[str, str]], run_id: str
) -> None:
    assert states[run_id]["check_quality"] == "failed"
    assert states[run_id]["promote"] == "upstream_failed"
    # Five retries are left; Airflow does not use them.
    assert airflow.api.task(DAG_ID, run_id, "check_quality")["try_number"] == 1
    # Whatever failed is not what the next night is compared with.
    assert names(result(airflow, run_id)) == [f"nightly {name}" for name in reversed(GOOD)]


def test_each_fails_for_its_own_reason(airflow: LocalAirflow, states: dict[str, dict[str, str]]) -> None:
    assert result(airflow, "bad-2")["evaluators"]["correctness"]["outcome"] == "score_dropped"
    found = {finding["outcome"] for finding in result(airflow, "smoke")["failures"]}
    assert "coverage_too_low" in found
    for run_id in GONE:  # sixty of a hundred examples
        check = result(airflow, run_id)
        found = {finding["outcome"] for finding in check["failures"]}
        assert {"coverage_too_low", "score_dropped"} <= found, run_id
        assert check["answered"]["score"] < 0.6, run_id


def test_a_drop_of_exactly_what_is_allowed_passes(airflow: LocalAirflow, states: dict[str, dict[str, str]]) -> None:
    for run_id in SLIGHT:
        assert states[run_id]["promote"] == "success", run_id


def test_each_night_ran_once_and_was_evaluated_by_both_evaluators(
    emulator: EmulatorProcess, states: dict[str, dict[str, str]]
) -> None:
    experiments = {one["name"]: one for one in emulator.control.experiments() if one["name"].startswith("nightly ")}
    assert sorted(experiments) == sorted(f"nightly {run_id}" for run_id in states)
    for experiment in experiments.values():
        answered = [row for row in experiment["rows"] if row["output"] is not None]
        assert answered
        for row in answered:
            assert all(len(runs) == 1 for runs in row["labelled_by"].values())
            assert len(row["labelled_by"]) == 2


def test_the_log_tells_the_person_on_call(airflow: LocalAirflow, states: dict[str, dict[str, str]]) -> None:
    log = airflow.api.log(DAG_ID, "bad-1", "check_quality")
    assert "FAILED: experiment nightly bad-1 against the mean of 3 experiments" in log
    assert "Experiment nightly bad-1 did not pass" in log
    assert "Not retried" in log


def test_the_report_is_there_and_the_button_leads_to_it(
    airflow: LocalAirflow, reports: Path, states: dict[str, dict[str, str]]
) -> None:
    path = next(reports.glob("nightly-bad-1-*.html"))
    assert "What about my" in path.read_text(encoding="utf-8")
    link = airflow.api.links(DAG_ID, "bad-1", "check_quality")["Quality report"]
    assert link is not None
    assert link.startswith("http")
    assert "/arize-tasks/report?" in link
    assert len(list(reports.glob("nightly-*.json"))) == len(states)
    assert {path.stat().st_mode & 0o777 for path in reports.glob("nightly-*")} == {0o600}


def test_a_cleared_night_is_blocked_again(airflow: LocalAirflow, states: dict[str, dict[str, str]]) -> None:
    airflow.api.clear(DAG_ID, "bad-1")
    airflow.api.wait_for_run(DAG_ID, "bad-1", limit=240)
    again = tasks(airflow, DAG_ID, "bad-1")
    assert (again["check_quality"], again["promote"]) == ("failed", "upstream_failed")
    assert names(result(airflow, "bad-1")) == [f"nightly {name}" for name in reversed([*GOOD, *SLIGHT])]


def checked(airflow: LocalAirflow, dag_id: str, **conf: str) -> tuple[str, dict[str, Any]]:
    """Runs one of the DAGs that only check; returns the state of the check and its result."""
    run_id = "-".join(filter(None, conf.values())).replace(" ", "-")
    airflow.api.trigger(dag_id, run_id, conf=conf)
    airflow.api.wait_for_run(dag_id, run_id, limit=240)
    return tasks(airflow, dag_id, run_id)["check_quality"], result(airflow, run_id, dag_id)


def test_a_typo_in_good_labels_is_no_pass(airflow: LocalAirflow, states: dict[str, dict[str, str]]) -> None:
    state, check = checked(airflow, LABELS, experiment="nightly good-3", good_label="corect")
    assert state == "failed"
    assert [finding["outcome"] for finding in check["failures"]] == ["unknown_label"]
    state, check = checked(airflow, LABELS, experiment="nightly good-3", good_label="correct")
    assert (state, check["passed"]) == ("success", True)


@pytest.fixture(scope="module")
def talks(emulator: EmulatorProcess) -> None:
    """Histories of three apps: one before a moody judge, one that slides, one whose examples are turns of talks."""
    nights, usual = Nights(emulator), {"mean": 0.8, "spread": 0.1}
    nights.run("moods", [f"mood-{number}" for number in range(1, 15)], **usual, mood=0.02)
    nights.run("moods", ["off"], mean=0.78, spread=0.1)
    nights.run("slide", [f"calm-{number}" for number in range(1, 15)], **usual)
    nights.run("slide", [f"slide-{number}" for number in range(1, 9)], **usual, slide=0.002)
    nights.run("turns", [f"turns-{number:02d}" for number in range(1, 18)], **usual, cluster_by="talk", icc=0.5)


def distance(change: dict[str, Any]) -> float:
    """A change in standard errors, as a method sees it that knows of no night but tonight."""
    return float(change["mean"]) / math.sqrt(change["within"])


def test_a_judge_that_is_off_for_a_night_fails_nothing(airflow: LocalAirflow, talks: None) -> None:
    state, check = checked(airflow, TALKS, experiment="off", task="moods")
    assert (state, check["outcome"]) == ("success", "passed")
    assert distance(check["evaluators"]["tone"]["change"]) < -1.96


def test_the_turns_of_a_conversation_are_not_independent(airflow: LocalAirflow, talks: None) -> None:
    _, alone = checked(airflow, TALKS, experiment="turns-17", task="turns")
    assert distance(alone["evaluators"]["tone"]["change"]) < -1.96
    state, check = checked(airflow, TALKS, experiment="turns-17", task="turns", cluster_by="talk")
    assert (state, check["outcome"]) == ("success", "passed")
    change = check["evaluators"]["tone"]["change"]
    assert change["clusters"] == 50
    assert -1.96 < distance(change) < 0


def test_a_slow_slide_is_noticed(airflow: LocalAirflow, talks: None) -> None:
    assert checked(airflow, TALKS, experiment="calm-14", task="slide")[0] == "success"
    state, check = checked(airflow, TALKS, experiment="slide-8", task="slide")
    assert state == "failed"
    # No comparison with the last seven sees it.
    assert [finding["outcome"] for finding in check["failures"]] == ["score_drifted"]


def test_a_person_accepts_the_new_normal(airflow: LocalAirflow, states: dict[str, dict[str, str]]) -> None:
    since = datetime.now(timezone.utc).isoformat()
    airflow.api.call("POST", "variables", {"key": "arize_quality_accept_since", "value": since})
    for run_id in ("bad-accepted-1", "bad-accepted-2"):
        airflow.api.trigger(DAG_ID, run_id)
        airflow.api.wait_for_run(DAG_ID, run_id, limit=240)
        assert set(tasks(airflow, DAG_ID, run_id).values()) == {"success"}, run_id
    assert names(result(airflow, "bad-accepted-2")) == ["nightly bad-accepted-1"]


def ask(airflow: LocalAirflow, run_id: str, answer: str) -> dict[str, str]:
    """Runs a night of the DAG that asks, answers as often as asked, and returns the states of its tasks."""
    place = f"dags/{BY_HAND}/dagRuns/{run_id}/taskInstances/ask_somebody/-1/hitlDetails"
    bodies = []

    def has_ended() -> bool:
        # An answer within the second in which the asking process still ends makes Airflow take the task for failed; it
        # tries again and asks anew.
        if tasks(airflow, BY_HAND, run_id).get("ask_somebody") in ("deferred", "awaiting_input"):
            asked = airflow.api.call("GET", place)
            if not asked["response_received"]:
                bodies.append(asked["body"])
                airflow.api.call("PATCH", place, {"chosen_options": [answer], "params_input": {}})
        return airflow.api.run(BY_HAND, run_id)["state"] in ("success", "failed")

    airflow.api.trigger(BY_HAND, run_id)
    airflow.api.wait_for(f"{run_id} to end", has_ended, limit=240)
    assert "The check could not tell" in bodies[0]
    assert "Report: " in bodies[0]
    return tasks(airflow, BY_HAND, run_id)


def test_a_person_decides_about_an_inconclusive_night(airflow: LocalAirflow, reports: Path) -> None:
    airflow.api.trigger(BY_HAND, "first")
    airflow.api.wait_for_run(BY_HAND, "first", limit=240)
    first = tasks(airflow, BY_HAND, "first")
    assert (first["promote"], first["ask_somebody"]) == ("success", "skipped")

    rejected = ask(airflow, "second", "Do not promote")
    assert result(airflow, "second", BY_HAND)["outcome"] == "inconclusive"
    assert (rejected["check_quality"], rejected["decided"], rejected["promote"]) == ("success", "skipped", "skipped")

    promoted = ask(airflow, "third", "Promote")
    assert (promoted["decided"], promoted["promote"]) == ("success", "success")
    decision = airflow.api.xcom(BY_HAND, "third", "decided")
    assert decision["promoted"] is True
    assert decision["decided_by"] not in ("", "nobody, in time")
    kept = json.loads(next(reports.glob("by-hand-third-*.decision.json")).read_text(encoding="utf-8"))
    assert kept["decided_by"] == decision["decided_by"]
    assert kept["verdict"] == "inconclusive"

    # What somebody promoted counts from then on (Airflow keeps it in the asset's store), what was rejected does not.
    ask(airflow, "fourth", "Do not promote")
    assert names(result(airflow, "fourth", BY_HAND)) == ["by hand third", "by hand first"]
