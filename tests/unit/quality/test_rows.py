"""Reading scores off the rows of an experiment."""

from __future__ import annotations

import pytest

from airflow_provider_arize_tasks.quality.rows import (
    Evaluation,
    ExperimentRows,
    Measure,
    Row,
    label_shares,
    pooled,
    read_evaluations,
    read_row,
    values_by_example,
)

SCORE = Measure(evaluator="correctness")


def test_flat_columns() -> None:
    row = read_row(
        {
            "id": "run-1",
            "example_id": "ex-1",
            "output": "42",
            "eval.correctness.score": 0.25,
            "eval.correctness.label": "partly",
            "eval.correctness.explanation": "One of four facts.",
        }
    )
    assert (row.example, row.output, row.error) == ("ex-1", "42", None)
    assert row.evaluations == {"correctness": Evaluation(score=0.25, label="partly", explanation="One of four facts.")}


@pytest.mark.parametrize(
    "raw",
    [
        {"eval": {"correctness": {"score": 1, "label": "yes"}}},
        {"evals": {"correctness": {"score": "1", "label": "yes"}}},
        {"evaluations": [{"name": "correctness", "score": 1.0, "label": "yes"}]},
        {"eval.correctness": {"score": True, "label": "yes"}},
        {"eval": {"correctness": {"score": 1}}, "eval.correctness.label": "yes"},
    ],
)
def test_nested_forms_mean_the_same(raw: dict) -> None:
    assert read_evaluations(raw) == {"correctness": Evaluation(score=1.0, label="yes")}


def test_an_evaluators_name_may_hold_dots() -> None:
    assert read_evaluations({"eval.answer.v2.score": 0.5}) == {"answer.v2": Evaluation(score=0.5)}


@pytest.mark.parametrize("missing", [None, "", "n/a", float("nan"), float("inf"), "NaN", [], {}])
def test_a_missing_score_is_not_zero(missing: object) -> None:
    assert read_evaluations({"eval.correctness.score": missing})["correctness"].score is None


@pytest.mark.parametrize("zero", [0, 0.0, "0", "0.0", False])
def test_zero_is_a_score(zero: object) -> None:
    assert read_evaluations({"eval.correctness.score": zero})["correctness"].score == 0.0


@pytest.mark.parametrize(
    "raw", [{}, {"eval": None}, {"eval": "x"}, {"evals": [1, {"score": 1}]}, {"eval.": 1}, {"evaluate": 1}]
)
def test_what_is_no_evaluation_is_passed_over(raw: dict) -> None:
    assert read_evaluations(raw) == {}


def test_an_output_that_is_no_text_is_kept_as_text() -> None:
    assert read_row({"output": {"answer": 1}}).output == "{'answer': 1}"


def _row(example: str | None, score: float | None, label: str | None = None) -> Row:
    return Row(example=example, evaluations={"correctness": Evaluation(score=score, label=label)})


def test_an_example_that_ran_twice_counts_once_with_its_mean() -> None:
    rows = [_row("a", 1.0), _row("a", 0.0), _row("b", 0.25), _row("c", None), _row(None, 1.0)]
    assert values_by_example(rows, SCORE) == {"a": 0.5, "b": 0.25}


def test_share_of_good_labels_leaves_rows_without_a_label_out() -> None:
    measure = Measure(evaluator="correctness", good_labels=("yes", "mostly"))
    rows = [_row("a", None, "yes"), _row("b", None, "mostly"), _row("c", None, "no"), _row("d", 0.9, None)]
    assert values_by_example(rows, measure) == {"a": 1.0, "b": 1.0, "c": 0.0}


def test_pooled_nights_are_a_mean_over_the_nights_that_scored_an_example() -> None:
    assert pooled([{"a": 1.0, "b": 0.0}, {"a": 0.0}, {"a": 0.5, "c": 1.0}]) == {"a": 0.5, "b": 0.0, "c": 1.0}


def test_label_shares_are_of_the_labelled_rows_most_frequent_first() -> None:
    rows = [_row("a", None, "no"), _row("b", None, "yes"), _row("c", None, "yes"), _row("d", 1.0, None)]
    assert list(label_shares(rows, "correctness").items()) == [("yes", 2 / 3), ("no", 1 / 3)]


def test_an_evaluator_that_said_nothing_usable_is_not_listed() -> None:
    rows = (
        Row(evaluations={"silent": Evaluation(explanation="?"), "scored": Evaluation(score=0.0)}),
        Row(evaluations={"labelled": Evaluation(label="x")}, error="boom"),
    )
    experiment = ExperimentRows(id="e", rows=rows)
    assert experiment.evaluators() == ("labelled", "scored")
    assert experiment.errors == 1
