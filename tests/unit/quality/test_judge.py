"""Every outcome of a check, and what must hold for any pair of experiments."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.quality.conditions import OPTIONAL_FAILURES, Outcome, read_conditions
from airflow_provider_arize_tasks.quality.judge import judge_experiment
from airflow_provider_arize_tasks.quality.report.points import Point, points_of
from airflow_provider_arize_tasks.quality.rows import Evaluation, ExperimentRows, Row
from airflow_provider_arize_tasks.quality.scores import Dataset, ScoreBook

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.quality.statistics import Estimate


def experiment(
    scores: list[float | None],
    *,
    name: str = "tonight",
    evaluator: str = "correctness",
    version: str = "v1",
    errors: int = 0,
    labels: list[str] | None = None,
) -> ExperimentRows:
    """One row per score; ``None`` leaves the evaluation out; the last ``errors`` rows failed."""
    rows = []
    for index, score in enumerate(scores):
        label = labels[index] if labels else None
        said = {} if score is None and label is None else {evaluator: Evaluation(score=score, label=label)}
        failed = index >= len(scores) - errors
        rows.append(Row(example=f"ex-{index}", output="x", error="boom" if failed else None, evaluations=said))
    return ExperimentRows(id=name, name=name, dataset_id="d", dataset_version_id=version, rows=tuple(rows))


def noisy(count: int, mean: float, seed: int = 1, spread: float = 0.05) -> list[float | None]:
    random = Random(seed)
    return [mean + random.gauss(0, spread) for _ in range(count)]


def outcomes(check: object) -> dict[str, bool]:
    return {finding.outcome.value: finding.failed for finding in check.all_findings}  # type: ignore[attr-defined]


def half_width(estimate: Estimate) -> float:
    return (estimate.high - estimate.low) / 2


class TestDrop:
    @pytest.mark.parametrize("score", [0.1, 0.7])
    def test_what_is_rounding_is_no_change(self, score: float) -> None:
        """The mean of three nights that all scored 0.1 is not 0.1 to the last digit of a float."""
        nights = [experiment([score] * 20, name=f"n{index}") for index in range(3)]
        found = judge_experiment(experiment([score] * 20), nights, read_conditions()).evaluators[0]
        assert found.outcome is Outcome.PASSED
        assert found.regressions == ()
        assert found.change is not None
        assert found.change.mean == 0
        assert found.change.low is not None
        assert found.change.low < 0

    def test_a_drop_beyond_the_noise_fails(self) -> None:
        check = judge_experiment(experiment(noisy(60, 0.6)), [experiment(noisy(60, 0.8, 2))], read_conditions())
        assert not check.passed
        assert check.evaluators[0].outcome is Outcome.SCORE_DROPPED
        message = check.failures[0].message
        assert message.startswith("correctness: mean score fell by 0.175, from 0.780 to 0.605")
        assert "60 shared examples" in message
        assert "95.0% interval" in message

    def test_a_drop_that_max_drop_allows_passes(self) -> None:
        check = judge_experiment(
            experiment(noisy(60, 0.7)), [experiment(noisy(60, 0.8, 2))], read_conditions(max_drop=0.2)
        )
        assert check.passed

    def test_a_drop_within_the_noise_is_a_remark_unless_asked_for(self) -> None:
        tonight, before = experiment([0.0, 1.0] * 6 + [0.0]), experiment([1.0, 0.0] * 6 + [1.0])
        lenient = judge_experiment(tonight, [before], read_conditions(max_drop=0.01))
        assert lenient.passed
        assert outcomes(lenient) == {"drop_within_noise": False}
        strict = judge_experiment(tonight, [before], read_conditions(max_drop=0.01, fail_on=["drop_within_noise"]))
        assert not strict.passed

    def test_a_rise_beyond_the_noise_is_an_improvement(self) -> None:
        check = judge_experiment(experiment(noisy(60, 0.99)), [experiment(noisy(60, 0.8, 2))], read_conditions())
        assert check.passed
        assert check.evaluators[0].outcome is Outcome.IMPROVED

    def test_where_lower_is_better_a_rise_is_the_drop(self) -> None:
        conditions = read_conditions(lower_is_better=["correctness"])
        risen, fallen = experiment(noisy(60, 0.4)), experiment(noisy(60, 0.2, 2))
        assert judge_experiment(risen, [fallen], conditions).evaluators[0].outcome is Outcome.SCORE_DROPPED
        assert judge_experiment(fallen, [risen], conditions).evaluators[0].outcome is Outcome.IMPROVED

    def test_exactly_the_allowed_drop_passes(self) -> None:
        check = judge_experiment(experiment([0.7] * 20), [experiment([0.8] * 20)], read_conditions(max_drop=0.1))
        assert check.passed

    def test_several_nights_are_pooled_per_example(self) -> None:
        nights = [experiment(noisy(40, 0.8, seed), name=f"n{seed}") for seed in range(2, 9)]
        check = judge_experiment(experiment(noisy(40, 0.8, 1)), nights, read_conditions())
        pooled = check.evaluators[0].change
        single = judge_experiment(experiment(noisy(40, 0.8, 1)), nights[:1], read_conditions()).evaluators[0].change
        assert pooled is not None
        assert single is not None
        assert half_width(pooled) < half_width(single)

    def test_only_examples_that_both_have_are_compared(self) -> None:
        tonight, before = experiment(noisy(30, 0.8)), experiment(noisy(80, 0.8, 2))
        check = judge_experiment(tonight, [before], read_conditions())
        change = check.evaluators[0].change
        assert change is not None
        assert change.examples == 30

    def test_several_evaluators_share_the_level(self) -> None:
        def both(seed: int) -> ExperimentRows:
            one, other = experiment(noisy(30, 0.8, seed)), experiment(noisy(30, 0.8, seed + 50), evaluator="tone")
            rows = tuple(
                Row(example=a.example, evaluations={**a.evaluations, **b.evaluations})
                for a, b in zip(one.rows, other.rows, strict=True)
            )
            return ExperimentRows(id=str(seed), rows=rows)

        check = judge_experiment(both(1), [both(2)], read_conditions(confidence=0.9))
        levels = {evaluator.change.confidence for evaluator in check.evaluators if evaluator.change}
        assert levels == {0.95}


class TestBounds:
    def test_a_mean_below_min_score_fails_without_any_baseline(self) -> None:
        check = judge_experiment(experiment([0.5] * 4), None, read_conditions(min_score={"correctness": 0.6}))
        assert outcomes(check) == {"score_out_of_bounds": True}
        assert "0.500 is below min_score 0.6" in check.failures[0].message

    def test_max_score_is_for_what_should_be_low(self) -> None:
        conditions = read_conditions(lower_is_better=["correctness"], max_score=0.4)
        assert not judge_experiment(experiment([0.5] * 4), None, conditions).passed
        assert judge_experiment(experiment([0.3] * 4), None, conditions).passed

    def test_the_mean_is_over_scored_examples_and_a_zero_counts(self) -> None:
        check = judge_experiment(experiment([1.0, 0.0, None, None]), None, read_conditions(min_coverage=None))
        score = check.evaluators[0].score
        assert score is not None
        assert score.mean == 0.5
        assert check.evaluators[0].coverage == 0.5

    def test_min_coverage(self) -> None:
        tonight = experiment([1.0, 1.0, 0.0, None])
        assert judge_experiment(tonight, None, read_conditions(min_coverage=0.75)).passed
        check = judge_experiment(tonight, None, read_conditions(min_coverage=0.8))
        assert outcomes(check) == {"coverage_too_low": True}
        assert "scored 3 of 4 expected examples (75.0%)" in check.failures[0].message

    def test_max_error_rate_counts_rows_and_evaluator_errors(self) -> None:
        tonight = experiment([1.0, 1.0, 1.0, None], errors=1)
        assert judge_experiment(tonight, None, read_conditions(max_error_rate=0.25, min_coverage=0.7)).passed
        assert not judge_experiment(tonight, None, read_conditions(max_error_rate=0.2)).passed
        judged = ExperimentRows(
            id="e",
            rows=(
                Row(example="a", evaluations={"correctness": Evaluation(score=1.0)}),
                Row(example="b", evaluations={"correctness": Evaluation(error="the judge timed out")}),
            ),
        )
        check = judge_experiment(judged, None, read_conditions(max_error_rate={"correctness": 0.4}, min_coverage=None))
        assert outcomes(check) == {"too_many_errors": True}


class TestStatedOutcomes:
    """None of these is an exception; each has a name, a sentence, and fails only where it must or is asked to."""

    def test_no_baseline_yet(self) -> None:
        check = judge_experiment(experiment(noisy(30, 0.8)), [], read_conditions())
        assert outcomes(check) == {"no_baseline": False}
        assert check.evaluators[0].change is None

    def test_no_baseline_wanted(self) -> None:
        assert outcomes(judge_experiment(experiment(noisy(30, 0.8)), None, read_conditions())) == {}

    def test_few_examples(self) -> None:
        check = judge_experiment(experiment([0.0] * 9), [experiment([1.0] * 9)], read_conditions())
        assert outcomes(check) == {"too_few_examples": False}
        assert "shares 9 scored examples" in check.remarks[0].message
        assert not judge_experiment(
            experiment([0.0] * 9), [experiment([1.0] * 9)], read_conditions(min_examples=9)
        ).passed

    def test_three_examples_that_all_changed_alike(self) -> None:
        tonight, before = experiment([0.0] * 3), experiment([1.0] * 3)
        check = judge_experiment(tonight, [before], read_conditions(min_examples=2))
        assert check.passed
        assert check.evaluators[0].change is not None
        assert (check.evaluators[0].change.detectable or 0) > 1  # and the result says what it could not have seen

    def test_another_dataset(self) -> None:
        other = ExperimentRows(
            id="o",
            rows=tuple(Row(example=f"z{i}", evaluations={"correctness": Evaluation(score=1)}) for i in range(20)),
        )
        check = judge_experiment(experiment(noisy(30, 0.8)), [other], read_conditions())
        assert outcomes(check) == {"too_few_examples": False}
        assert "shares no scored example" in check.remarks[0].message

    def test_another_version_of_the_dataset(self) -> None:
        check = judge_experiment(
            experiment(noisy(30, 0.8), version="v2"), [experiment(noisy(20, 0.8, 2))], read_conditions()
        )
        assert outcomes(check) == {"dataset_changed": False}
        assert "the 20 examples that both have, of 30" in check.remarks[0].message

    def test_a_new_evaluator(self) -> None:
        check = judge_experiment(
            experiment(noisy(30, 0.8), evaluator="tone"), [experiment([None] * 30)], read_conditions()
        )
        assert outcomes(check) == {"new_evaluator": False}

    def test_an_evaluator_that_is_gone_fails_by_default(self) -> None:
        tonight, before = experiment(noisy(30, 0.8), evaluator="tone"), experiment(noisy(30, 0.8))
        check = judge_experiment(tonight, [before], read_conditions())
        assert outcomes(check) == {"evaluator_missing": True, "new_evaluator": False}
        assert (
            "correctness: the experiment has no score of it, although the baseline has them"
            in check.failures[0].message
        )
        assert judge_experiment(tonight, [before], read_conditions(fail_on=())).passed

    def test_an_evaluator_that_only_a_condition_names(self) -> None:
        check = judge_experiment(experiment(noisy(30, 0.8)), None, read_conditions(min_score={"tone": 0.5}))
        assert "tone: the experiment has no score of it, although a condition names it" in check.failures[0].message

    def test_an_evaluator_of_labels_that_is_gone_was_in_the_baseline(self) -> None:
        before = experiment([None] * 4, evaluator="tone", labels=["good"] * 4)
        check = judge_experiment(experiment(noisy(30, 0.8)), [before], read_conditions())
        assert "tone: the experiment has no score of it, although the baseline has" in check.failures[0].message

    def test_an_evaluator_left_out_is_not_judged(self) -> None:
        tonight, before = experiment(noisy(30, 0.8), evaluator="tone"), experiment(noisy(30, 0.8))
        check = judge_experiment(tonight, [before], read_conditions(evaluators=["tone"]))
        assert [evaluator.evaluator for evaluator in check.evaluators] == ["tone"]
        assert check.passed

    def test_labels_without_scores(self) -> None:
        labels = ["good"] * 3 + ["bad"]
        tonight = experiment([None] * 4, labels=labels)
        unread = judge_experiment(tonight, None, read_conditions(min_coverage=None))
        assert outcomes(unread) == {"no_scores": True, "labels_only": False}
        read = judge_experiment(tonight, None, read_conditions(good_labels={"correctness": "good"}, min_score=0.7))
        assert read.passed
        assert read.evaluators[0].score is not None
        assert read.evaluators[0].score.mean == 0.75
        assert read.evaluators[0].to_dict()["measure"] == "share of good"

    def test_no_rows(self) -> None:
        assert outcomes(judge_experiment(experiment([]), None, read_conditions()))["no_rows"]

    def test_no_scores_at_all_never_pass(self) -> None:
        check = judge_experiment(experiment([None] * 12), None, read_conditions(fail_on=()))
        assert outcomes(check) == {"no_scores": True}
        assert "wait_for_evaluations" in check.failures[0].message

    def test_an_app_that_failed_on_every_row(self) -> None:
        check = judge_experiment(experiment([None] * 4, errors=4), None, read_conditions())
        assert outcomes(check) == {"no_scores": True, "too_many_errors": True}

    @pytest.mark.parametrize("outcome", OPTIONAL_FAILURES)
    def test_each_of_them_fails_the_check_when_asked_to(self, outcome: Outcome) -> None:
        fewer = experiment([0.0, 1.0] * 6, version="v2", evaluator="tone")
        cases = {
            Outcome.EVALUATOR_MISSING: (fewer, [experiment(noisy(30, 0.8))]),
            Outcome.NEW_EVALUATOR: (fewer, [experiment(noisy(30, 0.8))]),
            Outcome.LABELS_ONLY: (experiment([None] * 4, labels=["a"] * 4), None),
            Outcome.TOO_FEW_EXAMPLES: (experiment([1.0] * 4), [experiment([1.0, 0.9, 1.0, 1.0])]),
            Outcome.DROP_WITHIN_NOISE: (experiment([0.0, 1.0] * 6 + [0.0]), [experiment([1.0, 0.0] * 6 + [1.0])]),
            Outcome.NO_BASELINE: (fewer, []),
            Outcome.DATASET_CHANGED: (fewer, [experiment(noisy(12, 0.8), evaluator="tone")]),
            Outcome.JUDGE_CHANGED: (
                replace(fewer, judges={"tone": "v2"}),
                [replace(experiment(noisy(12, 0.8), evaluator="tone"), judges={"tone": "v1"})],
            ),
            Outcome.SETUP_CHANGED: (
                replace(fewer, setup="model b"),
                [replace(experiment(noisy(12, 0.8), evaluator="tone"), setup="model a")],
            ),
        }
        tonight, before = cases[outcome]
        check = judge_experiment(tonight, before, read_conditions(max_drop=0.01, fail_on=[outcome.value]))
        assert outcomes(check)[outcome.value] is True
        lenient = judge_experiment(tonight, before, read_conditions(max_drop=0.01, fail_on=()))
        assert outcomes(lenient)[outcome.value] is False


class TestRegressions:
    def test_worst_first_with_the_rows_that_hold_their_texts(self) -> None:
        tonight, before = experiment([0.1, 0.9, 0.4] + [0.8] * 9), experiment([0.9, 0.8, 0.8] + [0.8] * 9)
        worst = judge_experiment(tonight, [before], read_conditions()).evaluators[0].regressions
        assert [(regression.example, round(regression.change, 3)) for regression in worst] == [
            ("ex-0", -0.8),
            ("ex-2", -0.4),
        ]
        assert worst[0].candidate_row is tonight.rows[0]
        assert worst[0].baseline_row is before.rows[0]

    def test_at_most_ten(self) -> None:
        check = judge_experiment(experiment([0.1] * 30), [experiment([0.9] * 30)], read_conditions())
        assert len(check.evaluators[0].regressions) == 10


values = st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=40)


@given(values)
def test_identical_experiments_never_fail_for_a_drop(scores: list[float | None]) -> None:
    check = judge_experiment(
        experiment(scores), [experiment(scores, name="before")], read_conditions(min_examples=2, max_drop=0)
    )
    assert not {"score_dropped", "drop_within_noise"} & set(outcomes(check))
    assert all(evaluator.change is None or evaluator.change.mean == 0 for evaluator in check.evaluators)


@given(values, values)
def test_swapping_candidate_and_baseline_flips_the_sign(one: list[float | None], other: list[float | None]) -> None:
    conditions = read_conditions(min_examples=2)
    there = {
        check.evaluator: check
        for check in judge_experiment(experiment(one), [experiment(other)], conditions).evaluators
    }
    back = {
        check.evaluator: check
        for check in judge_experiment(experiment(other), [experiment(one)], conditions).evaluators
    }
    for name, check in there.items():
        if check.change is not None and name in back:
            assert back[name].change is not None
            assert back[name].change.mean == -check.change.mean
            assert {check.outcome, back[name].outcome} != {Outcome.SCORE_DROPPED}


@given(values, st.one_of(st.none(), st.lists(values, max_size=3)))
def test_any_data_gives_a_result_that_is_plain_json(scores: list[float | None], nights: list[list] | None) -> None:
    before = None if nights is None else [experiment(night, name=str(index)) for index, night in enumerate(nights)]
    check = judge_experiment(
        experiment(scores), before, read_conditions(min_examples=2, min_score=0.5, min_coverage=0.5)
    )
    assert json.loads(json.dumps(check.to_dict(), allow_nan=False)) == check.to_dict()
    assert check.passed is not bool(check.failures)


def points(nights: list[ExperimentRows], before: list[ExperimentRows], confidence: float = 0.95) -> tuple[Point, ...]:
    check = judge_experiment(nights[-1], before, read_conditions())
    book = ScoreBook(read_conditions(), Dataset())
    evaluator = check.evaluators[0]
    return points_of(nights, evaluator, book=book, baseline_ids=[one.id for one in before], confidence=confidence)


class TestPoints:
    def test_the_interval_drawn_agrees_with_the_verdict(self) -> None:
        nights = [experiment(noisy(60, 0.8, seed), name=f"n{seed}") for seed in range(2, 9)]
        bad = experiment(noisy(60, 0.7, 1))
        check = judge_experiment(bad, nights, read_conditions())
        evaluator = check.evaluators[0]
        assert evaluator.outcome is Outcome.SCORE_DROPPED
        last = points([*nights, bad], nights)[-1]
        assert evaluator.baseline_score is not None
        assert last.high is not None
        assert last.high < evaluator.baseline_score
        assert evaluator.change is not None
        assert last.high - (last.score or 0) == pytest.approx(half_width(evaluator.change))

    def test_one_night_has_the_interval_of_its_mean(self) -> None:
        (point,) = points([experiment(noisy(30, 0.8))], [])
        assert not point.is_paired
        assert point.low is not None
        assert point.low < (point.score or 0) < (point.high or 0)

    def test_a_night_of_the_baseline_is_compared_with_the_others_only(self) -> None:
        nights = [experiment([0.5] * 12, name="a"), experiment([0.5] * 6 + [0.7] * 6, name="b")]
        first, second = points(nights, nights)
        assert first.in_baseline
        assert second.is_paired
        assert (first.high or 0) - (first.low or 0) == pytest.approx((second.high or 0) - (second.low or 0))

    def test_a_night_without_scores_has_no_point(self) -> None:
        found = points([experiment([None] * 5), experiment([1.0] * 5, name="b")], [])
        assert [point.score for point in found] == [None, 1.0]


def test_a_change_of_nothing_is_no_fall() -> None:
    nights = [experiment([0.4, 0.6] * 10, name=f"n{index}") for index in range(3)]
    check = judge_experiment(experiment([0.4, 0.6] * 10), nights, read_conditions(rule_out=0.001))
    (doubt,) = [finding.message for finding in check.doubts if finding.message.startswith("correctness")]
    assert "mean score did not change over 20 shared examples" in doubt
    assert "fell" not in doubt
