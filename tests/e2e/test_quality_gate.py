"""The example DAG of the quality gate on a real Airflow: seven good nights pass, a bad one stops the promotion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator
from dev.local_airflow import LocalAirflow
from tests.e2e.arize import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

DAG_ID = "arize_nightly_quality_gate"
EXAMPLE = Path(__file__).parents[2] / "example_dags" / f"{DAG_ID}.py"
GOOD = [f"good-{number}" for number in range(1, 8)]
TASKS = (
    "create_experiment_task",
    "create_correctness_task",
    "create_hallucination_task",
    "run_experiment",
)


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmulatorProcess]:
    with running_emulator(run_seconds=3) as emulator:
        emulator.control.set_quality(mean=0.45, experiment="nightly bad")
        yield emulator


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def airflow(
    emulator: EmulatorProcess, reports: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalAirflow]:
    dags = tmp_path_factory.mktemp("dags")
    # The example as it is, but for its schedule: only the nights of this test are to run.
    text = EXAMPLE.read_text(encoding="utf-8")
    assert 'schedule="0 2 * * *"' in text
    (dags / EXAMPLE.name).write_text(text.replace('schedule="0 2 * * *"', "schedule=None"), encoding="utf-8")
    environment = connection(emulator.url) | {"ARIZE_QUALITY_REPORTS": str(reports)}
    with LocalAirflow(dags, env=environment) as airflow:
        airflow.api.unpause(DAG_ID)
        yield airflow


@pytest.fixture(scope="module")
def states(airflow: LocalAirflow) -> dict[str, dict[str, str]]:
    """Task states by night, after eight nights in a row."""
    for run_id in (*GOOD, "bad"):
        airflow.api.trigger(DAG_ID, run_id)
        airflow.api.wait_for_run(DAG_ID, run_id, limit=240)
    return {
        run_id: {task["task_id"]: task["state"] for task in airflow.api.tasks(DAG_ID, run_id)}
        for run_id in (*GOOD, "bad")
    }


def result(airflow: LocalAirflow, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = airflow.api.xcom(DAG_ID, run_id, "check_quality")
    return found


def test_seven_good_nights_pass_and_are_promoted(states: dict[str, dict[str, str]]) -> None:
    for run_id in GOOD:
        assert set(states[run_id].values()) == {"success"}, run_id


def test_the_bad_night_fails_and_is_not_promoted(airflow: LocalAirflow, states: dict[str, dict[str, str]]) -> None:
    bad = states["bad"]
    assert {bad[task] for task in TASKS} == {"success"}
    assert bad["check_quality"] == "failed"
    assert bad["promote"] == "upstream_failed"
    # Five retries are left; Airflow does not use them.
    assert airflow.api.task(DAG_ID, "bad", "check_quality")["try_number"] == 1
    assert airflow.api.run(DAG_ID, "bad")["state"] == "failed"


def test_each_night_ran_once_and_was_evaluated_by_both_evaluators(
    emulator: EmulatorProcess, states: dict[str, dict[str, str]]
) -> None:
    experiments = {one["name"]: one for one in emulator.control.experiments() if one["name"] != "baseline"}
    assert sorted(experiments) == sorted(f"nightly {run_id}" for run_id in states)
    for experiment in experiments.values():
        for row in experiment["rows"]:
            assert all(len(runs) == 1 for runs in row["labelled_by"].values())
            assert len(row["labelled_by"]) == 2


def test_the_bad_night_was_compared_with_the_seven_before(
    airflow: LocalAirflow, states: dict[str, dict[str, str]]
) -> None:
    check = result(airflow, "bad")
    assert check["passed"] is False
    assert [night["name"] for night in check["baseline"]] == [f"nightly {run_id}" for run_id in reversed(GOOD)]
    assert check["evaluators"]["correctness"]["outcome"] == "score_dropped"
    assert check["evaluators"]["correctness"]["coverage"] == 1.0
    assert [remark["outcome"] for remark in result(airflow, GOOD[0])["remarks"]] == ["no_baseline"]


def test_the_log_tells_the_person_on_call(airflow: LocalAirflow, states: dict[str, dict[str, str]]) -> None:
    log = airflow.api.log(DAG_ID, "bad", "check_quality")
    assert "FAILED: experiment nightly bad against the mean of 7 experiments" in log
    assert "Experiment nightly bad did not pass" in log
    assert "Not retried" in log


def test_the_report_is_there_and_linked(
    airflow: LocalAirflow, reports: Path, states: dict[str, dict[str, str]]
) -> None:
    path = reports / "nightly-bad.html"
    page = path.read_text(encoding="utf-8")
    assert page.count('<g class="night">') == 2 * 8
    assert "What about my" in page
    assert airflow.api.links(DAG_ID, "bad", "check_quality")["Quality report"] == f"file://{path}"
    assert sorted(each.name for each in reports.iterdir()) == sorted(f"nightly-{run_id}.html" for run_id in states)
