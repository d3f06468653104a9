"""Was the run good: every ending, every policy, and what the message tells the person on call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.models import RunStatus, TaskRun
from airflow_provider_arize_tasks.runs.verdict import (
    SERVER_MAX_SPANS,
    Counts,
    OnAlreadyEvaluated,
    OnTruncated,
    Outcome,
    RunPolicy,
    Truncation,
    is_already_evaluated,
    is_good,
    judge_counts,
    judge_run,
    truncation,
)

LABELLED = "All matching data has already been evaluated. Set override_evaluations to evaluate it again."


def run(status: str = "COMPLETED", counts: tuple[int | None, ...] = (10, 0, 0), reason: str | None = None) -> TaskRun:
    successes, errors, skipped = counts
    sent = {"id": "run-1", "status": status, "num_successes": successes, "num_errors": errors, "num_skipped": skipped}
    return TaskRun.read({**sent, "failure_reason": reason})


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "PAUSED_BY_A_NEWER_SERVER"])
def test_what_has_not_ended_is_waited_for_whatever_it_is_called(status: str) -> None:
    verdict = judge_run(run(status, (0, 0, 0)), RunPolicy())
    assert verdict.outcome is Outcome.WAIT
    assert status in verdict.reason


def test_a_failed_run_fails_with_its_counts_and_reason() -> None:
    verdict = judge_run(run("FAILED", (3, 4, 5), "no credit left"), RunPolicy())
    assert verdict.outcome is Outcome.FAIL
    for words in ("run-1", "FAILED", "3 succeeded", "4", "5", "no credit left"):
        assert words in verdict.reason


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((0, 0, 0), "missing or invalid AI integration"),
        ((None, None, None), "wrong import path"),
        ((1, 0, 0), "the server gave no reason"),
    ],
)
def test_a_cancelled_run_without_a_reason_names_the_known_causes_only_if_it_did_nothing(
    counts: tuple[int | None, ...], words: str
) -> None:
    verdict = judge_run(run("CANCELLED", counts), RunPolicy())
    assert verdict.outcome is Outcome.FAIL
    assert words in verdict.reason


@pytest.mark.parametrize(
    ("reason", "counts", "override", "already"),
    [
        (LABELLED, (0, 0, 0), False, True),
        (LABELLED, (None, None, None), False, True),
        ("All spans were already labelled", (0, 0, 0), False, True),
        ("retry with `override evaluations`", (0, 0, 0), False, True),
        ("ALREADY EVALUATED", (0, 0, 0), False, True),
        # It did some work, so somebody stopped it.
        (LABELLED, (1, 0, 0), False, False),
        (LABELLED, (0, 0, 1), False, False),
        # The trigger asked to label anew: nothing is "already" labelled then.
        (LABELLED, (0, 0, 0), True, False),
        ("cancelled by user", (0, 0, 0), False, False),
        (None, (0, 0, 0), False, False),
        ("", (0, 0, 0), False, False),
    ],
)
def test_the_two_kinds_of_cancelled_are_told_apart(
    reason: str | None, counts: tuple[int | None, ...], override: bool, already: bool
) -> None:
    cancelled = run("CANCELLED", counts, reason)
    assert is_already_evaluated(cancelled, override_evaluations=override) is already
    outcome = judge_run(cancelled, RunPolicy(override_evaluations=override)).outcome
    assert outcome is (Outcome.SUCCEED if already else Outcome.FAIL)


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "RUNNING"])
def test_only_a_cancelled_run_is_already_evaluated(status: str) -> None:
    assert not is_already_evaluated(run(status, (0, 0, 0), LABELLED))


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [("succeed", Outcome.SUCCEED), ("skip", Outcome.SKIP), ("fail", Outcome.FAIL_FOR_GOOD)],
)
def test_on_already_evaluated(policy: str, outcome: Outcome) -> None:
    verdict = judge_run(
        run("CANCELLED", (0, 0, 0), LABELLED), RunPolicy(on_already_evaluated=OnAlreadyEvaluated(policy))
    )
    assert verdict.outcome is outcome
    assert "labelled already" in verdict.reason


@pytest.mark.parametrize(
    ("status", "reason", "good"),
    [
        ("COMPLETED", None, True),
        ("PENDING", None, True),
        ("RUNNING", None, True),
        ("SOMETHING_NEW", None, True),
        ("FAILED", LABELLED, False),
        ("CANCELLED", "by a user", False),
        ("CANCELLED", LABELLED, True),
    ],
)
def test_what_is_good_is_not_triggered_again(status: str, reason: str | None, good: bool) -> None:
    assert is_good(run(status, (0, 0, 0), reason)) is good


def test_a_run_that_did_nothing_succeeds_with_a_warning() -> None:
    verdict = judge_run(run(counts=(0, 0, 0)), RunPolicy())
    assert verdict.outcome is Outcome.SUCCEED
    assert "min_successes" in verdict.warnings[0]
    assert judge_run(run(counts=(None, None, None)), RunPolicy()).warnings


@pytest.mark.parametrize(
    ("total", "max_spans", "evaluators", "expected"),
    [
        (99, 100, 1, Truncation.NO),
        (100, 100, 1, Truncation.YES),
        (101, 100, 1, Truncation.YES),
        (0, 100, 1, Truncation.NO),
        # Counts may be per evaluator: the sum divided by the task's evaluators is what counts.
        (199, 100, 2, Truncation.MAYBE),
        (200, 100, 2, Truncation.YES),
        (99, 100, 2, Truncation.NO),
        (100, 100, 0, Truncation.YES),
        (SERVER_MAX_SPANS - 1, None, 1, Truncation.NO),
        (SERVER_MAX_SPANS, None, 1, Truncation.YES),
        (SERVER_MAX_SPANS, None, 3, Truncation.MAYBE),
    ],
)
def test_truncation(total: int, max_spans: int | None, evaluators: int, expected: Truncation) -> None:
    assert truncation(run(counts=(total, 0, 0)), max_spans=max_spans, evaluators=evaluators) is expected


@pytest.mark.parametrize(
    ("on_truncated", "max_spans", "outcome", "warned"),
    [
        (None, None, Outcome.FAIL_FOR_GOOD, False),
        (None, 10, Outcome.SUCCEED, True),
        ("fail", 10, Outcome.FAIL_FOR_GOOD, False),
        ("warn", None, Outcome.SUCCEED, True),
        ("split", 10, Outcome.SPLIT, False),
        ("split", None, Outcome.SPLIT, False),
    ],
)
def test_on_truncated(on_truncated: str | None, max_spans: int | None, outcome: Outcome, warned: bool) -> None:
    policy = RunPolicy(on_truncated=OnTruncated(on_truncated) if on_truncated else None, max_spans=max_spans)
    verdict = judge_run(run(counts=(max_spans or SERVER_MAX_SPANS, 0, 0)), policy)
    assert verdict.outcome is outcome
    assert bool(verdict.warnings) is warned
    text = verdict.reason + "".join(verdict.warnings)
    assert "the rest of its window was not evaluated" in text
    assert ("server's own limit" in text) is (max_spans is None)


@pytest.mark.parametrize("on_truncated", ["fail", "split", None])
def test_a_truncation_that_may_be_none_only_warns(on_truncated: str | None) -> None:
    policy = RunPolicy(on_truncated=OnTruncated(on_truncated) if on_truncated else None, max_spans=10, evaluators=2)
    verdict = judge_run(run(counts=(15, 0, 0)), policy)
    assert verdict.outcome is Outcome.SUCCEED
    assert "per evaluator" in verdict.warnings[0]


def test_what_has_no_span_limit_is_never_truncated() -> None:
    verdict = judge_run(run(counts=(20_000, 0, 0)), RunPolicy(limited_by_max_spans=False))
    assert (verdict.outcome, verdict.warnings) == (Outcome.SUCCEED, ())


@pytest.mark.parametrize(
    ("counts", "gates", "words"),
    [
        ((90, 10, 0), {"max_error_rate": 0.1}, None),
        ((89, 11, 0), {"max_error_rate": 0.1}, "11.0%"),
        # Skipped ones are neither successes nor errors.
        ((90, 10, 900), {"max_error_rate": 0.1}, None),
        ((0, 1, 0), {"max_error_rate": 0.0}, "100.0%"),
        ((1, 0, 0), {"max_error_rate": 0.0}, None),
        ((0, 0, 7), {"max_error_rate": 0.0}, "every row was skipped"),
        ((0, 0, 7), {"min_successes": 0}, None),
        ((0, 3, 7), {"min_successes": 0}, "every evaluation ended in an error"),
        ((0, 3, 7), {"max_error_rate": 1.0}, None),
        ((1, 3, 7), {}, None),
        ((0, 0, 0), {}, None),
        ((9, 0, 0), {"min_successes": 10}, "min_successes asks for 10"),
        ((10, 0, 0), {"min_successes": 10}, None),
        ((0, 0, 0), {"min_successes": 1}, "min_successes asks for 1"),
        ((5, 5, 0), {"max_error_rate": 0.1, "min_successes": 10}, "50.0%"),
        ((0, 100, 0), {}, "every evaluation ended in an error"),
    ],
)
def test_gates(counts: tuple[int, int, int], gates: dict[str, Any], words: str | None) -> None:
    verdict = judge_counts(Counts(successes=counts[0], errors=counts[1], skipped=counts[2]), RunPolicy(**gates))
    assert verdict.outcome is (Outcome.SUCCEED if words is None else Outcome.FAIL_FOR_GOOD)
    assert words is None or words in verdict.reason


counts_or_none = st.one_of(st.none(), st.integers(0, 30_000))


@given(
    status=st.sampled_from([*RunStatus.__members__, "NEWER"]),
    counts=st.tuples(counts_or_none, counts_or_none, counts_or_none),
    reason=st.sampled_from([None, "", LABELLED, "boom"]),
    on_truncated=st.sampled_from([None, *OnTruncated]),
    on_already=st.sampled_from(OnAlreadyEvaluated),
    max_spans=st.one_of(st.none(), st.integers(1, 20_000)),
    evaluators=st.integers(0, 5),
)
def test_only_a_completed_or_labelled_run_ever_succeeds(
    status: str,
    counts: tuple[int | None, ...],
    reason: str | None,
    on_truncated: OnTruncated | None,
    on_already: OnAlreadyEvaluated,
    max_spans: int | None,
    evaluators: int,
) -> None:
    judged = run(status, counts, reason)
    policy = RunPolicy(
        on_truncated=on_truncated, on_already_evaluated=on_already, max_spans=max_spans, evaluators=evaluators
    )
    verdict = judge_run(judged, policy)
    assert verdict.reason
    assert (verdict.outcome is Outcome.WAIT) is not judged.status.is_terminal
    if verdict.outcome in (Outcome.SUCCEED, Outcome.SKIP, Outcome.SPLIT):
        assert status == "COMPLETED" or is_already_evaluated(judged)
    if verdict.outcome is Outcome.FAIL:
        # Exactly the runs that the next attempt triggers anew.
        assert not is_good(judged)
