"""Did quality drop? Judges a candidate experiment against a baseline.

Everything a check can come to is an :class:`~airflow_provider_arize_tasks.quality.conditions.Outcome` with a sentence
for the person on call; nothing about the data raises an error. A drop fails the check only when it is larger than
``max_drop`` allows *and* its whole interval lies below zero.

With several evaluators the chance that one of them drops by luck grows. So ``confidence`` is that of the check as a
whole: each of k evaluators is compared at ``1 - (1 - confidence) / k`` (Bonferroni). At 0.95 one night in forty without
any change rings, however many evaluators there are (measured in ``docs/experiment-quality.md``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.quality.conditions import OPTIONAL_FAILURES, Conditions, Outcome, limit_of
from airflow_provider_arize_tasks.quality.result import (
    EvaluatorCheck,
    ExperimentCheck,
    Finding,
    Regression,
    describe_measure,
)
from airflow_provider_arize_tasks.quality.rows import (
    ExperimentRows,
    Measure,
    Row,
    label_shares,
    pool_nights,
    values_by_example,
)
from airflow_provider_arize_tasks.quality.statistics import estimate_mean, paired_differences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: A limit counts as kept when it is missed by less than this: sums of floats are not exact.
_SLACK = 1e-9
#: How many of the worst examples a result keeps per evaluator.
WORST_EXAMPLES = 10


def judge_experiment(
    candidate: ExperimentRows, baseline: Sequence[ExperimentRows] | None, conditions: Conditions
) -> ExperimentCheck:
    """Compare an experiment with its baseline and with its conditions.

    :param candidate: the experiment in question.
    :param baseline: one experiment, or several that are pooled (per example, the mean over those that scored it);
        empty where none was found; ``None`` where none is wanted.
    :param conditions: what it must fulfil.
    """
    nights = tuple(baseline or ())
    judge = _Judge(candidate, nights, conditions)
    names = sorted(_evaluators_to_judge(candidate, nights, conditions))
    compared = {name: judge.compare(name) for name in names}
    several = max(1, sum(1 for name in names if judge.is_comparable(name, compared[name])))
    confidence = 1 - (1 - conditions.confidence) / several
    checks = tuple(judge.evaluator(name, compared[name], confidence) for name in names)
    return ExperimentCheck(
        candidate=candidate,
        baseline=nights,
        evaluators=checks,
        findings=tuple(_experiment_findings(candidate, baseline, conditions, checks)),
        confidence=conditions.confidence,
    )


def measure_of(evaluator: str, conditions: Conditions) -> Measure:
    """How this evaluator's verdicts become numbers.

    :param evaluator: its name.
    :param conditions: the conditions of the check.
    """
    return Measure(
        evaluator=evaluator,
        good_labels=conditions.good_labels.get(evaluator, ()),
        lower_is_better=evaluator in conditions.lower_is_better,
    )


@dataclass(frozen=True)
class _Comparison:
    """One evaluator's numbers, by example."""

    candidate: Mapping[str, float]
    baseline: Mapping[str, float]
    differences: Mapping[str, float]


@dataclass(frozen=True)
class _Judge:
    rows: ExperimentRows
    nights: tuple[ExperimentRows, ...]
    conditions: Conditions

    def compare(self, evaluator: str) -> _Comparison:
        measure = measure_of(evaluator, self.conditions)
        candidate = values_by_example(self.rows.rows, measure)
        baseline = pool_nights(values_by_example(night.rows, measure) for night in self.nights)
        return _Comparison(candidate, baseline, paired_differences(candidate, baseline))

    def is_comparable(self, evaluator: str, numbers: _Comparison) -> bool:
        """Whether a drop of this evaluator can be told: that is one more chance of a false alarm."""
        enough = len(numbers.differences) >= self.conditions.min_examples
        return enough and limit_of(self.conditions.max_drop, evaluator) is not None

    def evaluator(self, name: str, numbers: _Comparison, confidence: float) -> EvaluatorCheck:
        measure = measure_of(name, self.conditions)
        values = [value for row in self.rows.rows if (value := measure.value(row)) is not None]
        shared = [numbers.baseline[example] for example in numbers.differences]
        check = EvaluatorCheck(
            evaluator=name,
            measure=measure,
            rows=len(self.rows.rows),
            scored=len(values),
            errors=sum(1 for row in self.rows.rows if _failed(row, name)),
            score=estimate_mean(values, confidence=self.conditions.confidence),
            baseline_score=_mean(shared or list(numbers.baseline.values())),
            change=estimate_mean(numbers.differences.values(), confidence=confidence),
            labels=label_shares(self.rows.rows, name),
            regressions=self._worst(measure, numbers),
        )
        return replace(check, findings=tuple(self._findings(check, numbers)))

    def _findings(self, check: EvaluatorCheck, numbers: _Comparison) -> list[Finding]:
        missing = self._missing(check)
        found = [missing] if missing else [self._bounds(check), self._drop(check, numbers)]
        return [finding for finding in (*found, self._coverage(check), self._errors(check)) if finding]

    def _missing(self, check: EvaluatorCheck) -> Finding | None:
        if check.score is not None:
            return None
        if check.labels and not check.measure.good_labels:
            return self._finding(
                Outcome.LABELS_ONLY,
                check,
                "gives labels but no score; name the good ones in good_labels to have their share judged",
            )
        expected = any(check.evaluator in night.evaluators() for night in self.nights)
        where = "although the baseline has them" if expected else "although a condition names it"
        what = "none of its labels" if check.measure.good_labels else "no score of it"
        return self._finding(Outcome.EVALUATOR_MISSING, check, f"the experiment has {what}, {where}")

    def _bounds(self, check: EvaluatorCheck) -> Finding | None:
        if check.score is None:
            return None
        mean, lower = check.score.mean, check.measure.lower_is_better
        limit = limit_of(self.conditions.max_score if lower else self.conditions.min_score, check.evaluator)
        if limit is None or (mean <= limit + _SLACK if lower else mean >= limit - _SLACK):
            return None
        side, name = ("above", "max_score") if lower else ("below", "min_score")
        message = f"{describe_measure(check.measure)} {_digits(mean)} is {side} {name} {limit:g}"
        return self._finding(Outcome.SCORE_OUT_OF_BOUNDS, check, message)

    def _drop(self, check: EvaluatorCheck, numbers: _Comparison) -> Finding | None:
        limit = limit_of(self.conditions.max_drop, check.evaluator)
        if limit is None or not self.nights:
            return None
        if not numbers.baseline:
            return self._finding(
                Outcome.NEW_EVALUATOR, check, "the baseline has no score of it, so a drop can't be told yet"
            )
        change = check.change
        if change is None or change.examples < self.conditions.min_examples or change.low is None:
            return self._finding(Outcome.TOO_FEW_EXAMPLES, check, _too_few(check, self.conditions.min_examples))
        lower = check.measure.lower_is_better
        drop = change.mean if lower else -change.mean
        if drop <= limit + _SLACK:
            return None
        certain = change.is_above_zero if lower else change.is_below_zero
        if certain:
            message = f"{_sentence(check)}, more than max_drop {limit:g} allows"
            return self._finding(Outcome.SCORE_DROPPED, check, message)
        if limit == 0 and Outcome.DROP_WITHIN_NOISE not in self.conditions.fail_on:
            return None  # half of all nights without a change lie below their baseline; saying so each time is noise
        message = f"{_sentence(check)}; more than max_drop {limit:g} allows, but noise alone could do that"
        return self._finding(Outcome.DROP_WITHIN_NOISE, check, message)

    def _coverage(self, check: EvaluatorCheck) -> Finding | None:
        limit = limit_of(self.conditions.min_coverage, check.evaluator)
        if limit is None or not check.rows or check.coverage >= limit - _SLACK:
            return None
        message = (
            f"scored {check.scored} of {check.rows} examples ({check.coverage:.1%}), below min_coverage {limit:.1%}"
        )
        return self._finding(Outcome.COVERAGE_TOO_LOW, check, message)

    def _errors(self, check: EvaluatorCheck) -> Finding | None:
        limit = limit_of(self.conditions.max_error_rate, check.evaluator)
        if limit is None or check.error_rate <= limit + _SLACK:
            return None
        message = (
            f"the app or the evaluator failed on {check.errors} of {check.rows} examples ({check.error_rate:.1%}), "
            f"above max_error_rate {limit:.1%}"
        )
        return self._finding(Outcome.TOO_MANY_ERRORS, check, message)

    def _finding(self, outcome: Outcome, check: EvaluatorCheck, message: str) -> Finding:
        return _make_finding(outcome, f"{check.evaluator}: {message}", self.conditions, check.evaluator)

    def _worst(self, measure: Measure, numbers: _Comparison) -> tuple[Regression, ...]:
        sign = -1 if measure.lower_is_better else 1
        lost = sorted((sign * change, example) for example, change in numbers.differences.items() if sign * change < 0)
        examples = [example for _, example in lost[:WORST_EXAMPLES]]
        rows = _worst_rows(self.rows.rows, measure, set(examples), sign)
        before: dict[str, Row] = {}
        for night in self.nights:
            for row in night.rows:
                if row.example in examples and row.example is not None and measure.value(row) is not None:
                    before.setdefault(row.example, row)
        return tuple(
            Regression(
                example=example,
                candidate=numbers.candidate[example],
                baseline=numbers.baseline[example],
                candidate_row=rows[example],
                baseline_row=before.get(example),
            )
            for example in examples
        )


def _worst_rows(rows: Sequence[Row], measure: Measure, examples: set[str], sign: int) -> dict[str, Row]:
    """For each example the row that scored worst, where an example was run several times."""
    found: dict[str, tuple[float, Row]] = {}
    for row in rows:
        value = measure.value(row)
        if row.example is None or row.example not in examples or value is None:
            continue
        known = found.get(row.example)
        if known is None or sign * value < known[0]:
            found[row.example] = (sign * value, row)
    return {example: row for example, (_, row) in found.items()}


def _evaluators_to_judge(
    candidate: ExperimentRows, nights: Sequence[ExperimentRows], conditions: Conditions
) -> set[str]:
    if conditions.evaluators:
        return set(conditions.evaluators)
    found = set(candidate.evaluators()) | conditions.named_evaluators()
    # Of a pool only the newest night says which evaluators are expected: one that was retired long ago isn't.
    return found | set(nights[0].evaluators()) if nights else found


def _experiment_findings(
    candidate: ExperimentRows,
    baseline: Sequence[ExperimentRows] | None,
    conditions: Conditions,
    checks: Sequence[EvaluatorCheck],
) -> list[Finding]:
    found: list[tuple[Outcome, str]] = []
    if not candidate.rows:
        found.append((Outcome.NO_ROWS, f"experiment {candidate.label} has no rows"))
    elif all(check.score is None for check in checks):
        found.append((Outcome.NO_SCORES, _no_scores(candidate)))
        found += _row_errors(candidate, conditions)
    if baseline is not None and not baseline:
        message = "there is no earlier experiment to compare with, so a drop can't be told yet"
        found.append((Outcome.NO_BASELINE, message))
    found += _dataset_changes(candidate, baseline or ())
    return [_make_finding(outcome, message, conditions) for outcome, message in found]


def _no_scores(candidate: ExperimentRows) -> str:
    if candidate.evaluators():
        return f"nothing in experiment {candidate.label} can be judged: its evaluators gave no score and no good label"
    return (
        f"no evaluator has scored experiment {candidate.label}: let the task before wait for its evaluations "
        "(evaluation_task_ids, wait_for_evaluations=True)"
    )


def _row_errors(candidate: ExperimentRows, conditions: Conditions) -> list[tuple[Outcome, str]]:
    limit = limit_of(conditions.max_error_rate, "")
    rate = candidate.errors / len(candidate.rows)
    if limit is None or rate <= limit + _SLACK:
        return []
    message = f"the app failed on {candidate.errors} of {len(candidate.rows)} examples ({rate:.1%})"
    return [(Outcome.TOO_MANY_ERRORS, f"{message}, above max_error_rate {limit:.1%}")]


def _dataset_changes(candidate: ExperimentRows, nights: Sequence[ExperimentRows]) -> list[tuple[Outcome, str]]:
    changed = [night for night in nights if _version(night) != _version(candidate) and all(_version(night))]
    if not changed or not all(_version(candidate)):
        return []
    ours = {row.example for row in candidate.rows}
    theirs = {row.example for night in nights for row in night.rows}
    message = (
        f"{len(changed)} of {len(nights)} baseline experiments ran on another version of the dataset (or another "
        f"dataset); compared are the {len(ours & theirs)} examples that both have, of {len(ours)}"
    )
    return [(Outcome.DATASET_CHANGED, message)]


def _version(experiment: ExperimentRows) -> tuple[str | None, str | None]:
    return experiment.dataset_id, experiment.dataset_version_id


def _make_finding(outcome: Outcome, message: str, conditions: Conditions, evaluator: str | None = None) -> Finding:
    failed = outcome not in OPTIONAL_FAILURES or outcome in conditions.fail_on
    return Finding(outcome=outcome, message=message, failed=failed, evaluator=evaluator)


def _failed(row: Row, evaluator: str) -> bool:
    said = row.evaluations.get(evaluator)
    return row.error is not None or (said is not None and said.error is not None)


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _too_few(check: EvaluatorCheck, min_examples: int) -> str:
    shared = 0 if check.change is None else check.change.examples
    if shared == 0:
        return "shares no scored example with the baseline, so a drop can't be told (was it another dataset?)"
    if shared >= min_examples:
        return f"all {shared} shared examples changed alike, which is too few to tell a drop from chance"
    return f"shares {shared} scored examples with the baseline; a drop is told from {min_examples} on (min_examples)"


def _sentence(check: EvaluatorCheck) -> str:
    change = check.change
    if change is None or check.baseline_score is None:
        return ""
    before, now = check.baseline_score, check.baseline_score + change.mean
    verb = "rose" if change.mean > 0 else "fell"
    return (
        f"{describe_measure(check.measure)} {verb} by {_digits(abs(change.mean))}, from {_digits(before)} to "
        f"{_digits(now)} over {change.examples} shared examples "
        f"({change.confidence:.1%} interval of the change: {_digits(change.low)} to {_digits(change.high)})"
    )


def _digits(value: float | None) -> str:
    if value is None:
        return "?"
    return f"{value:.3f}" if abs(value) >= 0.1 else f"{value:.2g}"
