"""A real Airflow, a real deferral: one process triggers the run, another one waits for it, a third one takes over."""

from __future__ import annotations

import itertools
import re
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator
from dev.local_airflow import LocalAirflow
from tests.e2e.arize import Arize, connection

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

HERE = Path(__file__).parent / "deferral"
#: Airflow 2 runs here on PostgreSQL, which its LocalExecutor wants, and without a web server to ask.
AIRFLOW_2 = version("apache-airflow").startswith("2.")
RUN_SECONDS = 20.0
#: A deprecated call of ours, as Python prints it and as Airflow's structured logs have it.
DEPRECATED = re.compile(r"(?=.*(Deprecat|Removed|Future)\w*Warning).*airflow_provider_arize_tasks/.*")


@pytest.fixture(scope="module")
def arize() -> Iterator[EmulatorProcess]:
    with running_emulator(run_seconds=RUN_SECONDS) as emulator:
        Arize(emulator.url).evaluation_task("deferral")
        yield emulator


@pytest.fixture(scope="module")
def airflow(arize: EmulatorProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    pids = tmp_path_factory.mktemp("deferral") / "waiting"
    env = connection(arize.url) | {"PYTHONPATH": str(HERE / "support"), "WAITING_PIDS": str(pids)}
    env["PYTHONWARNINGS"] = "always::DeprecationWarning,always::PendingDeprecationWarning,always::FutureWarning"
    with LocalAirflow(HERE / "dags", postgres=AIRFLOW_2, parallelism=2, env=env) as airflow:
        yield airflow


def _alive_soon(airflow: LocalAirflow) -> list[Any]:
    """Processes of tasks that live on; one that has just deferred gets a moment to end."""
    until = time.monotonic() + RUN_SECONDS / 4
    while (alive := [each for each in airflow.processes() if each.ended is None]) and time.monotonic() < until:
        time.sleep(0.1)
    return alive


@pytest.fixture(scope="module")
def run(airflow: LocalAirflow) -> dict[str, Any]:
    """The one DAG run all tests here look at."""
    run_id = airflow.api.trigger("deferral", "one")
    airflow.api.wait_for_task("deferral", run_id, "evaluate", {"deferred"})
    while_waiting: dict[str, Any] = {"alive": _alive_soon(airflow)}
    if not AIRFLOW_2:
        while_waiting["run"] = airflow.api.xcom("deferral", run_id, "evaluate", "arize_run_id")
        while_waiting["links"] = airflow.api.links("deferral", run_id, "evaluate")
    state = airflow.api.wait_for_run("deferral", run_id)
    return {"id": run_id, "state": state, **while_waiting}


def test_the_task_succeeds_with_the_run_as_its_result(
    airflow: LocalAirflow, arize: EmulatorProcess, run: dict[str, Any]
) -> None:
    [remote] = arize.control.runs("deferral")
    assert run["state"] == "success"
    assert remote["status"] == "COMPLETED"
    if AIRFLOW_2:
        return
    result = airflow.api.xcom("deferral", run["id"], "evaluate")
    assert (result["id"], result["status"]) == (remote["id"], "COMPLETED")
    assert result["num_successes"] > 0


def test_three_processes_take_part(airflow: LocalAirflow, run: dict[str, Any]) -> None:
    mine = [each.pid for each in airflow.processes() if each.run_id == run["id"]]
    executed, resumed = mine[0], mine[-1]
    waited = {int(line) for line in Path(airflow.env["WAITING_PIDS"]).read_text().split()}
    triggerer = airflow.ps()["triggerer"]
    assert run["state"] == "success"
    assert executed != resumed
    assert not waited & set(mine)
    assert waited <= {triggerer["pid"], *triggerer["children"]}


def test_no_worker_is_held_while_it_waits(airflow: LocalAirflow, run: dict[str, Any]) -> None:
    mine = [each for each in airflow.processes() if each.run_id == run["id"]]
    longest_gap = max(
        (later.born - earlier.ended for earlier, later in itertools.pairwise(mine) if earlier.ended), default=0.0
    )
    assert run["alive"] == []
    # A good part of the run went by with no process of the task alive, on a busy machine as well.
    assert longest_gap > RUN_SECONDS / 4


@pytest.mark.skipif(AIRFLOW_2, reason="asks Airflow's REST API")
def test_run_id_and_link_are_there_while_it_waits(run: dict[str, Any], arize: EmulatorProcess) -> None:
    [remote] = arize.control.runs("deferral")
    assert run["run"] == remote["id"]
    assert run["links"]["Arize run"]


def test_the_ledger_is_complete(arize: EmulatorProcess, run: dict[str, Any]) -> None:
    [remote] = arize.control.runs("deferral")
    ledger = arize.control.ledger(task="deferral", start=remote["data_start_time"], end=remote["data_end_time"])
    assert run["state"] == "success"
    assert ledger["spans"] > 600
    assert (ledger["missed"], ledger["twice"]) == (0, 0)


def test_no_process_of_airflow_logs_a_deprecated_call_of_ours(airflow: LocalAirflow, run: dict[str, Any]) -> None:
    logs = [path for path in airflow.home.rglob("*.log") if path.is_file()]
    lines = [line for path in logs for line in path.read_text(errors="replace").splitlines()]
    assert any("evaluate" in str(path) for path in logs)
    assert [line for line in lines if DEPRECATED.match(line)] == []


@pytest.mark.skipif(AIRFLOW_2, reason="asks Airflow's REST API")
def test_a_nightly_dag_runs_whatever_carries_the_label(airflow: LocalAirflow, arize: EmulatorProcess) -> None:
    control = arize.control
    control.configure(run_seconds=1)
    message = {"role": "USER", "content": "One: {{question}}"}
    control.add_prompt("support", [message], model="gpt-4o-mini", input_variable_format="MUSTACHE")
    control.move_prompt_label("support", "production")
    second = control.add_prompt_version("support", messages=[{**message, "content": "Two: {{question}}"}])
    nights = []
    for night in ("first", "second"):
        airflow.api.trigger("follows_label", night)
        assert airflow.api.wait_for_run("follows_label", night) == "success"
        nights.append({task: airflow.api.xcom("follows_label", night, task) for task in ("create", "run")})
        control.move_prompt_label("support", "production", second)
    before, after = nights
    texts = [night["create"]["run_configuration"]["messages"][0]["content"] for night in nights]
    assert texts == ["One: {{question}}", "Two: {{question}}"]
    assert before["create"]["id"] == after["create"]["id"]
    versions = [night["run"]["prompt"]["version_id"] for night in nights]
    assert versions[0] != versions[1] == second
    assert len({night["run"]["experiment_id"] for night in nights}) == 2
    assert [run["status"] for run in control.runs("nightly")] == ["COMPLETED"] * 2
