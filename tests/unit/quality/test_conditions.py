"""Conditions as an author writes them."""

from __future__ import annotations

import pytest

from airflow_provider_arize_tasks.client.errors import ArizeValidationError
from airflow_provider_arize_tasks.quality.conditions import Outcome, limit_of, read_conditions


def test_a_number_holds_for_every_evaluator() -> None:
    conditions = read_conditions(min_score=0.8)
    assert limit_of(conditions.min_score, "anything") == 0.8


def test_a_mapping_holds_for_those_it_names_and_a_star_for_the_others() -> None:
    conditions = read_conditions(max_drop={"correctness": 0.02, "*": 0.05})
    assert limit_of(conditions.max_drop, "correctness") == 0.02
    assert limit_of(conditions.max_drop, "relevance") == 0.05
    assert limit_of(read_conditions(max_drop={"correctness": 0.02}).max_drop, "relevance") is None


def test_numbers_may_be_texts_as_a_template_leaves_them() -> None:
    conditions = read_conditions(max_drop={"correctness": "0.02"}, min_examples="30", confidence="0.9")
    assert limit_of(conditions.max_drop, "correctness") == 0.02
    assert (conditions.min_examples, conditions.confidence) == (30, 0.9)


def test_none_takes_a_condition_away() -> None:
    assert read_conditions(max_drop=None).max_drop == {}
    assert read_conditions(max_drop={"correctness": None}).max_drop == {}


def test_fail_on_takes_names_and_outcomes() -> None:
    conditions = read_conditions(fail_on=["drop_within_noise", Outcome.NO_BASELINE])
    assert conditions.fail_on == {Outcome.DROP_WITHIN_NOISE, Outcome.NO_BASELINE}
    assert read_conditions(fail_on=()).fail_on == frozenset()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"max_drop": "much"}, "max_drop must be a number"),
        ({"max_drop": -0.1}, "max_drop must be at least 0, got -0.1"),
        ({"max_drop": {"a": True}}, r"max_drop\['a'\] must be a number"),
        ({"min_score": float("nan")}, "min_score must be a finite number"),
        ({"min_coverage": 95}, "min_coverage must lie between 0 and 1, got 95"),
        ({"max_error_rate": -1}, "max_error_rate must lie between 0 and 1"),
        ({"confidence": 95}, "confidence must lie between 0.5"),
        ({"min_examples": 1}, "min_examples must be at least 2"),
        ({"good_labels": ["yes"]}, "good_labels must map"),
        ({"good_labels": {"a": []}}, "names no label"),
        ({"fail_on": ["noise"]}, "fail_on does not know noise; it knows evaluator_missing"),
        ({"fail_on": ["score_dropped"]}, "fail_on does not know score_dropped"),
        ({"evaluators": [1]}, "evaluators must hold names"),
        ({"evaluators": ["a"], "max_drop": {"b": 0.1}}, "a condition names b, which evaluators leaves out"),
        ({"lower_is_better": ["a"], "min_score": {"a": 0.1}}, "min_score names a, for which lower is better"),
        ({"max_score": 0.1}, "max_score is for evaluators named in lower_is_better"),
        ({"lower_is_better": ["a"], "max_score": {"b": 0.1}}, "max_score names b, which lower_is_better does not"),
        ({"lower_is_better": ["a"], "good_labels": {"a": ["x"]}}, "both name a"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(arguments: dict, problem: str) -> None:
    with pytest.raises(ArizeValidationError, match=problem):
        read_conditions(**arguments)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ArizeValidationError) as caught:
        read_conditions(max_drop="x", min_coverage=2)
    assert len(caught.value.problems) == 2
