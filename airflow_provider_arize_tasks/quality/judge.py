"""Did quality drop? Judges a candidate experiment against its past.

Everything a check can come to is an :class:`~airflow_provider_arize_tasks.quality.conditions.Outcome` with a sentence
for the person on call; nothing about the data raises an error. A drop fails the check only when the whole interval of
the change lies beyond ``max_drop``; with ``rule_out`` a pass must show that the interval does not reach that far.

With several evaluators the chance that one of them drops by luck grows. So ``confidence`` is that of the check as a
whole: each of k comparisons (evaluators, the share of answered examples, and each of them once more against a
reference) is made at ``1 - (1 - confidence) / k`` (Bonferroni). At 0.95 one experiment in forty without any change
rings, however many evaluators there are (measured in ``docs/experiment-quality.md``).
"""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.quality.comparing import Comparison, Numbers
from airflow_provider_arize_tasks.quality.conditions import ANSWERED, Conditions
from airflow_provider_arize_tasks.quality.examples import changed_examples, slices_of
from airflow_provider_arize_tasks.quality.findings import (
    answered_findings,
    evaluator_findings,
    experiment_findings,
    labels_ever_given,
)
from airflow_provider_arize_tasks.quality.result import EvaluatorCheck, ExperimentCheck
from airflow_provider_arize_tasks.quality.rows import ExperimentRows, Measure, Row, label_shares
from airflow_provider_arize_tasks.quality.scores import Dataset, Past, ScoreBook
from airflow_provider_arize_tasks.quality.statistics import Estimate, estimate_mean, estimate_score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def judge_experiment(
    candidate: ExperimentRows,
    past: Past | Sequence[ExperimentRows] | None,
    conditions: Conditions,
    *,
    slices: Mapping[str, str] | None = None,
    known_labels: Mapping[str, frozenset[str]] | None = None,
    book: ScoreBook | None = None,
    with_examples: bool = True,
) -> ExperimentCheck:
    """Compare an experiment with its past and with its conditions.

    :param candidate: the experiment in question.
    :param past: what to compare it with; a plain sequence is a baseline, newest first, that also tells how much levels
        vary; empty where none was found; ``None`` where none is wanted.
    :param conditions: what it must fulfil.
    :param slices: a column of the dataset, by example id.
    :param known_labels: by evaluator, labels it is known to give, beside those seen.
    :param book: what is known of the dataset, and numbers worked out before; default nothing.
    :param with_examples: whether to pick out the examples that changed most.
    """
    past = _past_of(past)
    book = book or ScoreBook(conditions, Dataset())
    book.know((candidate, *past.history, *past.pool))
    expected = book.expected(candidate, past.pool)
    comparison = Comparison(candidate, past, expected, book)
    names = [*sorted(_evaluators_to_judge(candidate, past, conditions)), ANSWERED]
    found = {name: comparison.numbers(name) for name in names}
    comparisons = max(1, sum(_comparisons(comparison, name, found[name]) for name in names))
    level = 1 - (1 - conditions.confidence) / comparisons
    ever = labels_ever_given((candidate, *past.history, *past.pool, *past.reference), conditions, known_labels or {})
    checks = {}
    for name in names:
        check = _measured(name, found[name], comparison, level, len(names))
        if name == ANSWERED:
            findings = answered_findings(check, comparison, found[name])
        else:
            if with_examples:
                check = _with_examples(check, found[name], comparison, slices or {})
            findings = evaluator_findings(check, comparison, found[name], ever.get(name))
        checks[name] = replace(check, findings=tuple(findings))
    answered = checks.pop(ANSWERED)
    return ExperimentCheck(
        candidate=candidate,
        past=past,
        expected=expected,
        evaluators=tuple(checks.values()),
        answered=answered,
        findings=tuple(experiment_findings(comparison, tuple(checks.values()))),
        conditions=conditions,
        comparisons=comparisons,
    )


def _past_of(past: Past | Sequence[ExperimentRows] | None) -> Past:
    if isinstance(past, Past):
        return past
    experiments = tuple(past or ())
    return Past(pool=experiments, history=experiments, is_wanted=past is not None)


def _comparisons(comparison: Comparison, name: str, numbers: Numbers) -> int:
    """How many chances of a false alarm there are: none where every example was answered, which can be no drop."""
    if name == ANSWERED and all(share >= 1 for share in numbers.candidate.values()):
        return 0
    return comparison.is_comparable(name, numbers) + comparison.is_comparable_with_reference(name, numbers)


def _evaluators_to_judge(candidate: ExperimentRows, past: Past, conditions: Conditions) -> set[str]:
    if conditions.evaluators:
        return set(conditions.evaluators)
    found = set(candidate.evaluators()) | conditions.named_evaluators()
    # Of a pool only the newest experiment says which evaluators are expected: one that was retired long ago isn't.
    return found | set(past.pool[0].evaluators()) if past.pool else found


def _measured(name: str, numbers: Numbers, comparison: Comparison, level: float, tests: int) -> EvaluatorCheck:
    candidate, book = comparison.candidate, comparison.book
    measure = book.measure(name)
    change, reference, series = comparison.changes(numbers, confidence=level)
    sign = -1 if measure.lower_is_better else 1
    moves = [sign * move for move in numbers.differences.values()]
    before = [numbers.baseline[example] for example in numbers.differences] or list(numbers.baseline.values())
    return EvaluatorCheck(
        evaluator=name,
        measure=measure,
        expected=comparison.expected.count,
        scored=len(candidate.example_ids) if name == ANSWERED else _scored(candidate.rows, measure),
        errors=len({row.example or f"row {index}" for index, row in enumerate(candidate.rows) if _failed(row, name)}),
        unparsable=sum(1 for row in candidate.rows if (said := row.evaluations.get(name)) and said.is_unparsable),
        score=_score_of(numbers.candidate, candidate.rows, measure, book),
        baseline_score=fmean(before) if before else None,
        change=change,
        reference_change=reference if numbers.comparable_reference else None,
        drift=comparison.drift(name, numbers, series, tests=tests),
        better=sum(move > 0 for move in moves),
        worse=sum(move < 0 for move in moves),
        equal=sum(move == 0 for move in moves),
        left_out=numbers.left_out,
        labels=label_shares(candidate.rows, name),
    )


def _scored(rows: Sequence[Row], measure: Measure) -> int:
    return len({row.example or f"row {index}" for index, row in enumerate(rows) if measure.value(row) is not None})


def _score_of(values: Mapping[str, float], rows: Sequence[Row], measure: Measure, book: ScoreBook) -> Estimate | None:
    """The mean over examples; over rows where the server left out which examples they are."""
    confidence = book.conditions.confidence
    if values:
        return estimate_score(values, confidence=confidence, clusters=book.dataset.clusters)
    return estimate_mean((v for row in rows if (v := measure.value(row)) is not None), confidence=confidence)


def _with_examples(
    check: EvaluatorCheck, numbers: Numbers, comparison: Comparison, slices: Mapping[str, str]
) -> EvaluatorCheck:
    worse, better = changed_examples(numbers, check.measure, comparison.candidate, comparison.past.pool)
    parts = slices_of(
        numbers.differences,
        slices,
        confidence=0.95 if check.change is None else check.change.confidence,
        lower_is_better=check.measure.lower_is_better,
    )
    return replace(check, regressions=worse, improvements=better, slices=parts)


def _failed(row: Row, evaluator: str) -> bool:
    said = row.evaluations.get(evaluator)
    return row.error is not None or (said is not None and said.error is not None)
