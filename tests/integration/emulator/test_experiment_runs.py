"""Experiments: their rows, their names, the evaluations chained to them, and how good they are."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest


def examples(api):
    return api.get(f"datasets/{api.dataset}/examples", limit=500)["examples"]


def rows(api, run):
    return api.get(f"experiments/{quote(run['experiment_id'], safe='')}/runs", limit=500)["experiment_runs"]


def scores(api, name, evaluator="correctness"):
    experiment = next(e for e in api.control.experiments() if e["name"] == name)
    return {row["example_id"]: row["scores"].get(evaluator, {}).get("score") for row in experiment["rows"]}


def night(api, task, name, *evaluations):
    run = api.ended(api.trigger(task, experiment_name=name, evaluation_task_ids=list(evaluations)))
    for evaluation in evaluations:
        api.ended(api.get(f"tasks/{evaluation}/runs")["task_runs"][0])
    return run


def test_a_run_makes_an_experiment_with_a_row_per_example(api):
    api.control.configure(run_seconds=0.4, pending_seconds=0.2)
    run = api.trigger(api.experiment_task(), experiment_name="first")
    assert (run["status"], run["experiment_id"], run["data_start_time"]) == ("PENDING", None, None)
    assert api.get("experiments", dataset_id=api.dataset, name="first")["experiments"] == []
    run = api.ended(run)
    assert (run["status"], run["num_successes"]) == ("COMPLETED", 50)
    experiment = api.get(f"experiments/{run['experiment_id']}")
    assert (experiment["name"], experiment["dataset_id"]) == ("first", api.dataset)
    made = rows(api, run)
    assert [row["example_id"] for row in made] == [example["id"] for example in examples(api)]
    assert made[0]["output"] == f"Answer to: Answer: {examples(api)[0]['input']}"


def test_a_name_is_taken_from_the_moment_of_the_trigger(api):
    api.control.configure(run_seconds=60, pending_seconds=30)
    task = api.experiment_task()
    run = api.trigger(task, experiment_name="night")
    detail = api.refused("POST", f"tasks/{task}/trigger", 409, {"experiment_name": "night"})
    assert "'night' already exists in this dataset" in detail
    api.post(f"task-runs/{run['id']}/cancel", status=200)
    api.trigger(task, experiment_name="night")


def test_a_name_is_free_in_another_dataset(api):
    api.trigger(api.experiment_task(), experiment_name="night")
    other = api.control.add("dataset", "other", examples=[{"input": "x"}])
    body = {"name": "y", "type": "RUN_EXPERIMENT", "dataset_id": other, "run_configuration": api.config()}
    api.trigger(api.post("tasks", body)["id"], experiment_name="night")


def test_examples_are_chosen_by_id_number_filter_and_version(api):
    task = api.experiment_task()
    known = [example["id"] for example in examples(api)]

    def chosen(name, **body):
        return [row["example_id"] for row in rows(api, api.ended(api.trigger(task, experiment_name=name, **body)))]

    assert chosen("ids", example_ids=[known[7], known[3]]) == [known[3], known[7]]
    assert chosen("number", max_examples=4) == known[:4]
    refunds = [example["id"] for example in examples(api) if example["topic"] == "refund"]
    assert chosen("filter", query_filter="topic = 'refund'") == refunds
    assert chosen("filter and number", query_filter="topic = 'refund'", max_examples=2) == refunds[:2]
    old = api.get(f"datasets/{api.dataset}")["versions"][0]["id"]
    api.control.add("dataset_version", "", dataset="demo-dataset", examples=[{"input": "only one"}])
    assert len(chosen("latest")) == 1
    assert chosen("old", dataset_version_id=old) == known
    detail = api.refused("POST", f"tasks/{task}/trigger", 422, {"experiment_name": "n", "example_ids": known[:1]})
    assert known[0] in detail


def test_an_unknown_version_or_evaluation_task_is_refused_before_anything_exists(api):
    task = api.experiment_task()
    nowhere = "T25saW5lVGFzazo5OTpBQUFB"
    for body, status in (
        ({"dataset_version_id": nowhere}, 404),
        ({"evaluation_task_ids": [nowhere]}, 404),
        ({"evaluation_task_ids": [task]}, 422),
    ):
        api.refused("POST", f"tasks/{task}/trigger", status, {"experiment_name": "n", **body})
    assert [e["name"] for e in api.control.experiments()] == ["baseline"]


def test_an_agent_gets_values_of_the_declared_types(api):
    template = {"question": "Please: {{dataset.input}}", "difficulty": "{{difficulty}}", "note": "{{nothing}}"}
    config = {
        "experiment_type": "AGENT_CALL",
        "integration_id": api.id("integrations", "demo-agent"),
        "input_template": template,
    }
    dataset = api.control.add(
        "dataset", "agents", examples=[{"input": "a", "difficulty": "3"}, {"input": "b", "difficulty": "hard"}]
    )
    body = {"name": "agent", "type": "RUN_EXPERIMENT", "dataset_id": dataset, "run_configuration": config}
    run = api.ended(api.trigger(api.post("tasks", body)["id"], experiment_name="n"))
    good, bad = rows(api, run)
    assert json.loads(good["output"]) == {"question": "Please: a", "difficulty": 3, "note": None}
    assert "difficulty" in bad["error"]
    assert "output" not in bad
    assert (run["num_successes"], run["num_errors"]) == (1, 1)
    assert api.get(f"experiments/{run['experiment_id']}")["integration_id"] == config["integration_id"]


def test_chained_evaluations_run_after_the_experiment(api):
    one, two = api.dataset_task("one"), api.dataset_task("two", ["hallucination"])
    run = night(api, api.experiment_task(), "n", one, two)
    chained = api.get(f"tasks/{one}/runs")["task_runs"]
    assert len(chained) == 1
    assert chained[0]["created_at"] == run["run_finished_at"]
    assert (chained[0]["status"], chained[0]["num_successes"], chained[0]["experiment_id"]) == ("COMPLETED", 50, None)
    row = rows(api, run)[0]
    for name in ("correctness", "hallucination"):
        assert row[f"eval.{name}.score"] in (0, 1)
        assert row[f"eval.{name}.label"] in ("correct", "incorrect", "factual", "hallucinated")
        assert name in row[f"eval.{name}.explanation"]


def test_a_failed_experiment_chains_nothing(api):
    api.control.set_outcome("FAILED", reason="the model is gone", experiment="^n$")
    scoring = api.dataset_task()
    run = api.ended(api.trigger(api.experiment_task(), experiment_name="n", evaluation_task_ids=[scoring]))
    assert (run["status"], run["failure_reason"]) == ("FAILED", "the model is gone")
    assert api.get(f"tasks/{scoring}/runs")["task_runs"] == []


def test_scoring_again_ends_cancelled_unless_overridden(api):
    task, baseline = api.dataset_task(), api.id("experiments", "baseline")
    assert api.ended(api.trigger(task))["num_successes"] == 50
    again = api.ended(api.trigger(task, experiment_ids=[baseline]))
    assert (again["status"], again["num_successes"]) == ("CANCELLED", 0)
    assert api.ended(api.trigger(task, override_evaluations=True))["num_successes"] == 50
    first = api.control.experiments()[0]["rows"][0]
    assert [len(runs) for runs in first["labelled_by"].values()] == [2]


def test_experiments_of_other_datasets_and_unknown_ones_are_refused(api):
    task = api.dataset_task()
    other = api.control.add("dataset", "other", examples=[{"input": "x"}])
    body = {"name": "y", "type": "RUN_EXPERIMENT", "dataset_id": other, "run_configuration": api.config()}
    run = api.ended(api.trigger(api.post("tasks", body)["id"], experiment_name="n"))
    api.refused("POST", f"tasks/{task}/trigger", 422, {"experiment_ids": [run["experiment_id"]]})
    api.refused("POST", f"tasks/{task}/trigger", 404, {"experiment_ids": ["RXhwZXJpbWVudDo5OTpBQUFB"]})


def test_rows_without_output_are_skipped_by_evaluators(api):
    api.control.set_outcome(errors=5, experiment="^n$")
    scoring = api.dataset_task()
    run = night(api, api.experiment_task(), "n", scoring)
    assert (run["num_successes"], run["num_errors"]) == (45, 5)
    assert sum("error" in row for row in rows(api, run)) == 5
    scored = api.get(f"tasks/{scoring}/runs")["task_runs"][0]
    assert (scored["num_successes"], scored["num_skipped"]) == (45, 5)


def test_counts_that_are_staged_are_sent_as_they_stand(api):
    api.control.set_outcome(successes=7, errors=2, skipped=1, times=None)
    scoring = api.dataset_task()
    run = night(api, api.experiment_task(), "n", scoring)
    scored = api.get(f"tasks/{scoring}/runs")["task_runs"][0]
    for one in (run, scored):
        assert (one["num_successes"], one["num_errors"], one["num_skipped"]) == (7, 2, 1)


def test_quality_is_set_by_night_and_pairs_by_example(api):
    api.control.set_quality("correctness", mean=0.1)
    api.control.clear_quality()
    api.control.set_quality("correctness", mean=0.3, experiment="bad")
    task, scoring = api.experiment_task(), api.dataset_task()
    for name in ("good 1", "good 2", "bad"):
        night(api, task, name, scoring)
    good, other, bad = (scores(api, name) for name in ("good 1", "good 2", "bad"))
    means = [sum(values.values()) / len(values) for values in (good, other, bad)]
    assert means[0] > 0.75
    assert means[1] > 0.75
    assert means[2] < 0.5
    assert good != other
    assert sum(good[key] == other[key] for key in good) > 35
    assert sum(bad[key] > good[key] for key in good) <= 3


def test_continuous_scores_and_missing_ones(api):
    api.control.add("evaluator", "tone")
    api.control.set_quality("tone", mean=0.5, spread=0.1, missing=0.2)
    scoring = api.dataset_task("tones", ["tone"])
    run = night(api, api.experiment_task(), "n", scoring)
    values = [value for value in scores(api, "n", "tone").values() if value is not None]
    assert 25 < len(values) < 50
    assert len(set(values)) == len(values)
    assert 0.4 < sum(values) / len(values) < 0.6
    missing = sum("eval.tone.score" not in row for row in rows(api, run))
    assert missing == 50 - len(values)


def test_rows_can_be_searched(api):
    night(api, api.experiment_task(), "n", api.dataset_task())
    experiment = api.id("experiments", "n")
    body = {"filter": "eval.correctness.label = 'correct'", "limit": 500}
    found = api.post(f"experiments/{experiment}/runs/search", body, status=200)["experiment_runs"]
    expected = [key for key, score in scores(api, "n").items() if score == 1]
    assert [row["example_id"] for row in found] == expected
    page = api.post(f"experiments/{experiment}/runs/search", {"limit": 10}, status=200)
    assert len(page["experiment_runs"]) == 10
    assert page["pagination"]["has_more"] is True


@pytest.mark.parametrize("query", [{"limit": 501}, {"dataset_version_id": "x"}])
def test_bad_queries_for_examples_are_refused(api, query):
    api.refused("GET", f"datasets/{api.dataset}/examples", 400, **query)


def test_experiments_are_listed_by_dataset_or_space_but_not_both(api):
    space = api.id("spaces", "demo-space")
    assert [e["name"] for e in api.get("experiments", space_id=space)["experiments"]] == ["baseline"]
    api.refused("GET", "experiments", 400, space_id=space, dataset_id=api.dataset)


def test_a_task_over_spans_can_be_chained_too(api):
    scoring = api.task("over spans")
    run = night(api, api.experiment_task(), "n", scoring)
    assert api.get(f"tasks/{scoring}/runs")["task_runs"][0]["num_successes"] == 50
    assert "eval.correctness.score" in rows(api, run)[0]
