"""Staged qualities: errors of app and judge, labels nobody can parse, rows that vanish, clusters, moods, slides."""

from __future__ import annotations

import time
from statistics import fmean, stdev
from urllib.parse import quote

import pytest

from airflow_provider_arize_tasks.emulator.control import EmulatorError

TALKS, TURNS = 60, 5


@pytest.fixture
def nights(api):
    """A function that runs an experiment over a dataset of talks and has it judged, and its scoring task."""
    api.control.configure(run_seconds=0.02, pending_seconds=0.01)
    api.control.add("evaluator", "tone")
    made = [
        {"id": f"e{talk}-{turn}", "input": "?", "talk": f"talk {talk}"}
        for talk in range(TALKS)
        for turn in range(TURNS)
    ]
    dataset = api.control.add("dataset", "talks", examples=made)
    body = {"name": "run", "type": "RUN_EXPERIMENT", "dataset_id": dataset, "run_configuration": api.config()}
    task = api.post("tasks", body)["id"]
    first = api.ended(api.trigger(task, experiment_name="first"))
    evaluators = [{"evaluator_id": api.id("evaluators", name)} for name in ("tone",)]
    scoring = {"name": "score", "type": "TEMPLATE_EVALUATION", "dataset_id": dataset, "evaluators": evaluators}
    judge = api.post("tasks", {**scoring, "experiment_ids": [first["experiment_id"]]})["id"]

    def night(name):
        run = api.ended(api.trigger(task, experiment_name=name))
        judged = api.ended(api.trigger(judge, experiment_ids=[run["experiment_id"]]))
        rows = api.get(f"experiments/{quote(run['experiment_id'], safe='')}/runs", limit=500)["experiment_runs"]
        return run, judged, {row["example_id"]: row for row in rows}

    return night


def tones(rows):
    return {key: row["eval.tone.score"] for key, row in rows.items() if row.get("eval.tone.score") is not None}


def counts(run):
    return run["num_successes"], run["num_errors"], run["num_skipped"]


def test_the_app_fails_on_some_examples_and_others_vanish(api, nights):
    api.control.set_answers(app_errors=0.2, vanished=["e0-0", "e0-1"], experiment="bad")
    run, judged, rows = nights("bad")
    failed = [row for row in rows.values() if "error" in row]
    assert 40 < len(failed) < 80
    assert not any("output" in row or "eval.tone.score" in row for row in failed)
    assert len(rows) == TALKS * TURNS - 2
    assert counts(run) == (298 - len(failed), len(failed), 0)
    assert counts(judged) == (298 - len(failed), 0, len(failed))
    api.control.clear_answers()
    assert counts(nights("good")[0]) == (300, 0, 0)


def test_named_examples_fail(api, nights):
    api.control.set_answers(app_errors=["e3-1"])
    _, _, rows = nights("n")
    assert [key for key, row in rows.items() if "error" in row] == ["e3-1"]


def test_the_judge_fails_and_cannot_be_parsed(api, nights):
    api.control.set_quality("tone", judge_errors=0.1, not_parsable=0.2, missing=["e1-1"])
    _, judged, rows = nights("n")
    unparsable = [row for row in rows.values() if row.get("eval.tone.label") == "NOT_PARSABLE"]
    assert 40 < len(unparsable) < 80
    assert {row["eval.tone.score"] for row in unparsable} == {None}
    unjudged = [key for key, row in rows.items() if "eval.tone.label" not in row]
    assert "e1-1" in unjudged
    assert 15 < len(unjudged) < 50
    assert counts(judged) == (300 - len(unjudged), len(unjudged) - 1, 1)


def test_an_unparsable_label_may_come_with_a_score(api, nights):
    api.control.set_quality("tone", not_parsable=["e1-1"], not_parsable_score=0.0)
    row = nights("n")[2]["e1-1"]
    assert (row["eval.tone.label"], row["eval.tone.score"]) == ("NOT_PARSABLE", 0.0)


def test_errors_may_strike_the_worst_first(api, nights):
    api.control.set_quality("tone", mean=0.5, spread=0.1)
    before = tones(nights("n")[2])
    api.control.set_quality("tone", mean=0.5, spread=0.1, missing=0.2, hardest_first=True, experiment="m")
    after = tones(nights("m")[2])
    assert fmean(after.values()) > fmean(before.values()) + 0.02
    assert min(after.values()) > sorted(before.values())[40]
    api.control.set_answers(app_errors=0.2, hardest_for="tone", experiment="k")
    rows = nights("k")[2]
    failed = [before[key] for key, row in rows.items() if "error" in row]
    assert fmean(failed) < fmean(before.values()) - 0.05


def test_clusters_resemble_each_other_and_change_together(api, nights):
    def resemblance(values):
        """Intraclass correlation over the talks, by analysis of variance."""
        talks = [[values[f"e{talk}-{turn}"] for turn in range(TURNS)] for talk in range(TALKS)]
        between = TURNS * stdev(fmean(talk) for talk in talks) ** 2
        within = fmean(stdev(talk) ** 2 for talk in talks)
        return (between - within) / (between + (TURNS - 1) * within)

    def night_and_change(name, **rule):
        api.control.set_quality("tone", mean=0.5, spread=0.1, **rule)
        one, other = tones(nights(f"{name} 1")[2]), tones(nights(f"{name} 2")[2])
        return resemblance(one), resemblance({key: other[key] - one[key] for key in one})

    assert all(abs(found) < 0.12 for found in night_and_change("alone"))
    assert all(abs(found - 0.5) < 0.12 for found in night_and_change("talks", cluster_by="talk", icc=0.5))


def test_a_judge_has_moods(api, nights):
    api.control.set_quality("tone", mean=0.5, spread=0.05, mood=0.1)
    means = [fmean(tones(nights(f"n {number}")[2]).values()) for number in range(8)]
    assert 0.05 < stdev(means) < 0.18
    api.control.set_quality("tone", mean=0.5, spread=0.05)
    calm = [fmean(tones(nights(f"c {number}")[2]).values()) for number in range(8)]
    assert stdev(calm) < 0.01


def test_a_slow_slide_goes_down_night_by_night(api, nights):
    api.control.set_quality("tone", mean=0.8, spread=0.05, slide=0.02, experiment="nightly")
    nights("another")
    means = [fmean(tones(nights(f"nightly {number}")[2]).values()) for number in range(5)]
    assert means[0] == pytest.approx(0.8, abs=0.01)
    assert means == sorted(means, reverse=True)
    assert means[0] - means[4] == pytest.approx(0.08, abs=0.01)


def test_scores_are_late(api, nights):
    api.control.set_quality("tone", late_seconds=1.0)
    run, judged, rows = nights("n")
    assert (judged["status"], judged["num_successes"]) == ("COMPLETED", 300)
    assert tones(rows) == {}
    time.sleep(1.0)
    path = f"experiments/{quote(run['experiment_id'], safe='')}/runs"
    rows = api.get(path, limit=500)["experiment_runs"]
    assert sum("eval.tone.score" in row for row in rows) == 300


def test_all_of_it_follows_from_the_seed(api, nights):
    rule = {"cluster_by": "talk", "icc": 0.3, "mood": 0.05, "judge_errors": 0.1}
    api.control.set_quality("tone", **rule, seed=1)
    first = tones(nights("n")[2])
    judge = api.id("tasks", "score")
    experiment = api.id("experiments", "n")
    for seed, is_same in ((1, True), (2, False)):
        api.control.set_quality("tone", **rule, seed=seed)
        api.ended(api.trigger(judge, experiment_ids=[experiment], override_evaluations=True))
        rows = api.get(f"experiments/{quote(experiment, safe='')}/runs", limit=500)["experiment_runs"]
        assert (tones({row["example_id"]: row for row in rows}) == first) is is_same


@pytest.mark.parametrize(
    ("send", "rule", "named"),
    [
        ("set_quality", {"missing": 2}, "missing"),
        ("set_quality", {"experiment": "("}, "experiment.*regular expression"),
        ("set_quality", {"colour": 1}, "colour"),
        ("set_answers", {"vanished": "all"}, "vanished"),
        ("set_outcome", {"run_seconds": -1}, "run_seconds"),
        ("set_outcome", {"times": "often"}, "times"),
    ],
)
def test_what_makes_no_sense_is_refused(api, send, rule, named):
    with pytest.raises(EmulatorError, match=f"400.*{named}"):
        getattr(api.control, send)(**rule)
