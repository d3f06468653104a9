"""The examples of the documentation's operator pages, run one after the other against the emulator."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerExperimentRunOperator
from airflow_provider_arize_tasks.testing.plugin import arize_connection
from airflow_provider_arize_tasks.testing.runner import run_task
from example_dags import howto_operators
from tests.integration.contract.cases import CLASSES

__all__ = ["arize_connection"]

REPOSITORY = Path(__file__).parents[3]
NOW = datetime.now(timezone.utc).replace(microsecond=0)
DAY = (NOW - timedelta(days=2), NOW - timedelta(days=1))


def done(result):
    assert result.state == "success", result.error
    return result.value


def test_evaluation_of_spans(arize_emulator, arize_connection):
    created = done(run_task(howto_operators.create_evaluation_task))
    changed = done(run_task(howto_operators.update_task, xcoms={"create_evaluation_task": created}))
    assert changed["sampling_rate"] == 0.5
    run = done(run_task(howto_operators.evaluate, data_interval=DAY))
    assert (run["task_id"], run["status"]) == (created["id"], "COMPLETED")


def test_gaps(arize_emulator, arize_connection):
    done(run_task(howto_operators.create_evaluation_task))
    windows = done(run_task(howto_operators.find_gaps, run_after=NOW))
    assert len(windows) == 28
    assert set(windows[0]) == {"data_start_time", "data_end_time"}


def test_experiment(arize_emulator, arize_connection, monkeypatch):
    task = done(run_task(howto_operators.create_experiment_task))
    assert task["run_configuration"]["messages"][1]["content"] == "{{input}}"
    run = done(run_task(howto_operators.run_experiment, xcoms={"create_experiment_task": task}, run_id="a"))
    assert run["experiment_name"] == "support-a"
    # Nothing scores the experiment here, which the check reports as what is wrong.
    monkeypatch.setattr(howto_operators.check, "wait_for_scores", 0)
    check = run_task(howto_operators.check, xcoms={"run_experiment": run})
    assert check.state == "failed"
    assert "no evaluator has scored" in str(check.error)


def test_the_other_kinds_of_experiment(arize_emulator, arize_connection):
    for operator, name in ((howto_operators.ask_a_judge, "judged"), (howto_operators.call_an_agent, "called")):
        task = done(run_task(operator))
        trigger = ArizeTriggerExperimentRunOperator(task_id="run", task=task, experiment_name=name, poll_interval=0.2)
        assert done(run_task(trigger))["status"] == "COMPLETED"


def test_whatever_carries_the_label_runs_at_night(arize_emulator, arize_connection):
    from example_dags import arize_nightly_production_prompt as example

    control = arize_emulator.control
    content = [{"role": "USER", "content": "Answer: {{input}}"}]
    control.add_prompt(example.PROMPT, content, space=example.SPACE, model="gpt-4o-mini")
    control.move_prompt_label(example.PROMPT, "production")
    first = done(run_task(example.create, run_id="monday"))
    night = run_task(example.run, xcoms={"create_task": first}, run_id="monday", data_interval=DAY)
    assert done(night)["experiment_name"] == "production monday"

    better = control.add_prompt_version(example.PROMPT, messages=[{"role": "USER", "content": "Kindly: {{input}}"}])
    unmoved = done(run_task(example.create, run_id="tuesday"))
    assert unmoved["prompt"] == first["prompt"]
    control.move_prompt_label(example.PROMPT, "production", better)
    moved = done(run_task(example.create, run_id="wednesday"))
    assert (moved["id"], moved["prompt"]["version_id"]) == (first["id"], better)
    assert moved["run_configuration"]["messages"][0]["content"] == "Kindly: {{input}}"
    night = run_task(example.run, xcoms={"create_task": moved}, run_id="wednesday", data_interval=DAY)
    assert done(night)["experiment_name"] == "production wednesday"
    assert night.value["prompt"]["version_id"] == better


def test_runs_of_others(arize_emulator, arize_connection):
    created = done(run_task(howto_operators.create_evaluation_task))
    (run_id,) = arize_emulator.control.start_runs(created["id"], 1, run_seconds=0.2)
    params = {"params": {"run_id": run_id}}
    assert done(run_task(howto_operators.wait, context=params))["id"] == run_id
    assert done(run_task(howto_operators.cancel, context=params))["status"] == "COMPLETED"
    run_task(howto_operators.delete)


def test_every_operator_has_an_example_and_every_example_its_markers():
    text = (REPOSITORY / "example_dags" / "howto_operators.py").read_text()
    assert {name for name in CLASSES if re.search(rf"\b{name}(\.partial)?\(", text)} == set(CLASSES)
    assert sorted(re.findall(r"\[START (\w+)\]", text)) == sorted(re.findall(r"\[END (\w+)\]", text))


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_operator_has_a_page(name):
    pages = "\n".join(path.read_text() for path in (REPOSITORY / "docs" / "operators").glob("*.md"))
    assert f".{name}\n" in pages
