"""What a check found, as frozen objects with ``to_dict``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.printable import printable
from airflow_provider_arize_tasks.quality.changed import what_changed
from airflow_provider_arize_tasks.quality.conditions import ANSWERED, OnInconclusive, Outcome, Verdict
from airflow_provider_arize_tasks.quality.plain import Plain, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.quality.conditions import Conditions
    from airflow_provider_arize_tasks.quality.drift import Drift
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows, Measure, Row
    from airflow_provider_arize_tasks.quality.scores import Expected, Past
    from airflow_provider_arize_tasks.quality.statistics import Estimate
    from airflow_provider_arize_tasks.quality.variation import Change


@dataclass(frozen=True, kw_only=True)
class Finding(Plain):
    """One thing a check found.

    :param outcome: what it is.
    :param message: the same in words, with the numbers.
    :param failed: whether it fails the check.
    :param evaluator: the evaluator it is about; ``None`` for the experiment as a whole.
    """

    outcome: Outcome
    message: str
    failed: bool
    evaluator: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExampleChange(Plain):
    """An example whose score changed. The rows hold its texts; ``to_dict`` leaves them out."""

    example: str
    candidate: float
    baseline: float
    candidate_row: Row | None = field(default=None, repr=False)
    baseline_row: Row | None = field(default=None, repr=False)

    @property
    def change(self) -> float:
        """Candidate minus baseline."""
        return self.candidate - self.baseline

    def to_dict(self) -> dict[str, Any]:
        """Example id and scores as plain JSON."""
        return {
            "example_id": self.example,
            "candidate": self.candidate,
            "baseline": self.baseline,
            "change": self.change,
        }


@dataclass(frozen=True, kw_only=True)
class Slice(Plain):
    """A part of the dataset: the examples that have one value in a column.

    :param value: the value.
    :param change: candidate minus baseline, on these examples; its interval knows nothing of other slices.
    """

    value: str
    change: Estimate

    def to_dict(self) -> dict[str, Any]:
        """The slice as plain JSON."""
        return {"value": self.value, **self.change.to_dict()}


@dataclass(frozen=True, kw_only=True)
class EvaluatorCheck(Plain):
    """What the check found about one evaluator.

    :param evaluator: its name; ``answered`` for the share of examples that the app answered without an error.
    :param measure: how its verdicts became numbers.
    :param expected: how many examples it should have scored.
    :param scored: how many of them it scored.
    :param errors: on how many the app or the evaluator failed.
    :param unparsable: on how many the judge's answer could not be read; they are among the missing.
    :param score: mean over the candidate's examples with the interval of that mean; ``None`` without a score.
    :param baseline_score: the baseline's mean over the examples both have (over all of its own where none is shared).
    :param change: candidate minus baseline, paired by example; ``None`` where there is nothing to compare.
    :param reference_change: the same against the reference.
    :param drift: what the slow test found; ``None`` where it had too little to read.
    :param better: examples that improved against the baseline.
    :param worse: examples that got worse.
    :param equal: examples that did not change.
    :param left_out: earlier experiments that another version of the evaluator judged, and that are not compared with.
    :param labels: share of each label in the candidate.
    :param regressions: the examples that lost most, worst first.
    :param improvements: the examples that won most, best first.
    :param slices: parts of the dataset, the worst first.
    :param findings: what it comes to.
    """

    evaluator: str
    measure: Measure
    expected: int
    scored: int
    errors: int
    unparsable: int = 0
    score: Estimate | None = None
    baseline_score: float | None = None
    change: Change | None = None
    reference_change: Change | None = None
    drift: Drift | None = None
    better: int = 0
    worse: int = 0
    equal: int = 0
    left_out: int = 0
    labels: Mapping[str, float] = field(default_factory=dict)
    regressions: tuple[ExampleChange, ...] = ()
    improvements: tuple[ExampleChange, ...] = ()
    slices: tuple[Slice, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def coverage(self) -> float:
        """Share of the expected examples that this evaluator scored."""
        return self.scored / self.expected if self.expected else 0.0

    @property
    def error_rate(self) -> float:
        """Share of the expected examples that the app or this evaluator failed on."""
        return self.errors / self.expected if self.expected else 0.0

    @property
    def passed(self) -> bool:
        """Whether no finding about this evaluator fails the check."""
        return not any(finding.failed for finding in self.findings)

    @property
    def is_inconclusive(self) -> bool:
        """Whether a drop of the size that was to be ruled out can't be."""
        return any(finding.outcome is Outcome.NOT_RULED_OUT for finding in self.findings)

    @property
    def outcome(self) -> Outcome:
        """The finding that matters most: one that fails the check, an inconclusive one, any, else how it changed."""
        order = sorted(self.findings, key=lambda each: (not each.failed, each.outcome is not Outcome.NOT_RULED_OUT))
        for finding in order:
            return finding.outcome
        if self.change is None:
            return Outcome.NOTHING_TO_COMPARE
        rose = self.change.is_below_zero if self.measure.lower_is_better else self.change.is_above_zero
        return Outcome.IMPROVED if rose else Outcome.PASSED

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON, without any text of the experiment."""
        told_otherwise = ("evaluator", "regressions", "improvements", "findings")
        return {
            **{name: plain(value) for name, value in vars(self).items() if name not in told_otherwise},
            "outcome": self.outcome.value,
            "passed": self.passed,
            "measure": describe_measure(self.measure),
            "lower_is_better": self.measure.lower_is_better,
            "score": None if self.score is None else self.score.mean,
            "score_interval": None if self.score is None else [self.score.low, self.score.high],
            "detectable_drop": None if self.change is None else self.change.detectable,
            "rows": self.expected,
            "coverage": self.coverage,
            "error_rate": self.error_rate,
            "worst": plain(self.regressions),
            "best": plain(self.improvements),
        }


@dataclass(frozen=True, kw_only=True)
class ExperimentCheck:
    """The result of a check.

    :param candidate: the experiment in question.
    :param past: what it was compared with.
    :param expected: the examples it should have scored.
    :param evaluators: one result per evaluator, in alphabetical order.
    :param answered: the share of examples answered without an error, judged like an evaluator.
    :param findings: what was found about the experiment as a whole.
    :param conditions: what was asked of it.
    :param comparisons: over how many comparisons the level was divided (Bonferroni).
    """

    candidate: ExperimentRows
    past: Past
    expected: Expected
    evaluators: tuple[EvaluatorCheck, ...]
    answered: EvaluatorCheck
    findings: tuple[Finding, ...]
    conditions: Conditions
    comparisons: int

    @property
    def level(self) -> float:
        """Confidence of each single comparison."""
        return 1 - (1 - self.conditions.confidence) / self.comparisons

    @property
    def measures(self) -> tuple[EvaluatorCheck, ...]:
        """The evaluators, those that failed first, and the share of answered examples."""
        order = sorted(self.evaluators, key=lambda each: (each.passed, not each.is_inconclusive, each.evaluator))
        return (self.answered, *order) if not self.answered.passed else (*order, self.answered)

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Findings about the experiment, then those about its evaluators."""
        return self.findings + tuple(finding for check in self.measures for finding in check.findings)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that fail the check."""
        return tuple(finding for finding in self.all_findings if finding.failed)

    @property
    def doubts(self) -> tuple[Finding, ...]:
        """The findings that make it inconclusive."""
        return tuple(finding for finding in self.all_findings if finding.outcome is Outcome.NOT_RULED_OUT)

    @property
    def remarks(self) -> tuple[Finding, ...]:
        """All others."""
        return tuple(finding for finding in self.all_findings if finding not in (*self.failures, *self.doubts))

    @property
    def verdict(self) -> Verdict:
        """What it comes to."""
        if self.failures:
            return Verdict.FAILED
        if self.doubts:
            return Verdict.INCONCLUSIVE
        if self.past.is_wanted and not self.past.pool and not self.past.reference:
            return Verdict.NOTHING_TO_COMPARE
        return Verdict.PASSED

    @property
    def passed(self) -> bool:
        """Whether the experiment is let pass."""
        if self.verdict is Verdict.INCONCLUSIVE:
            return self.conditions.on_inconclusive is OnInconclusive.PASS
        return self.verdict is not Verdict.FAILED

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON: ids, numbers and sentences, no inputs, outputs or explanations."""
        return {
            "passed": self.passed,
            "outcome": self.verdict.value,
            "experiment": describe(self.candidate),
            "baseline": [describe(experiment) for experiment in self.past.pool],
            "reference": [describe(experiment) for experiment in self.past.reference],
            "expected": {"examples": self.expected.count, "source": self.expected.source},
            "changes": what_changed(self.candidate, self.past),
            "confidence": self.conditions.confidence,
            "correction": {"method": "bonferroni", "comparisons": self.comparisons, "level": self.level},
            "evaluators": {check.evaluator: check.to_dict() for check in self.evaluators},
            "answered": self.answered.to_dict(),
            "failures": plain(self.failures),
            "inconclusive": plain(self.doubts),
            "remarks": plain(self.remarks),
        }


def describe_measure(measure: Measure) -> str:
    """What the numbers of this evaluator are: its mean score, or the share of its good labels."""
    if measure.evaluator == ANSWERED and not measure.good_labels:
        return "share of examples"
    return f"share of {' or '.join(measure.good_labels)}" if measure.good_labels else "mean score"


def describe(experiment: ExperimentRows) -> dict[str, Any]:
    """An experiment as plain JSON, without its rows.

    :param experiment: the experiment.
    """
    return {
        "id": experiment.id,
        "name": None if experiment.name is None else printable(experiment.name, 300),
        "dataset_id": experiment.dataset_id,
        "dataset_version_id": experiment.dataset_version_id,
        "created_at": experiment.created_at,
        "rows": len(experiment.rows),
        "examples": len(experiment.example_ids),
        "errors": experiment.errors,
        "judges": dict(experiment.judges),
        "setup": experiment.setup,
    }
