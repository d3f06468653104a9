"""What a check found, as frozen objects with ``to_dict``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.quality.conditions import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.quality.rows import ExperimentRows, Measure, Row
    from airflow_provider_arize_tasks.quality.statistics import Estimate


@dataclass(frozen=True, kw_only=True)
class Finding:
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

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain JSON."""
        return {
            "outcome": self.outcome.value,
            "message": self.message,
            "failed": self.failed,
            "evaluator": self.evaluator,
        }


@dataclass(frozen=True, kw_only=True)
class Regression:
    """An example that scored worse than in the baseline. The rows hold its texts; ``to_dict`` leaves them out."""

    example: str
    candidate: float
    baseline: float
    candidate_row: Row = field(repr=False)
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
class EvaluatorCheck:
    """What the check found about one evaluator.

    :param evaluator: its name.
    :param measure: how its verdicts became numbers.
    :param rows: rows of the candidate.
    :param scored: how many of them this evaluator scored.
    :param errors: how many of them the app or the evaluator failed on.
    :param score: mean over the candidate's examples with the interval of that mean; ``None`` without a score.
    :param baseline_score: the baseline's mean over the examples both have (over all of its own where none is shared).
    :param change: candidate minus baseline, paired by example; ``None`` where there is nothing to compare.
    :param labels: share of each label in the candidate.
    :param regressions: the examples that lost most, worst first.
    :param findings: what it comes to.
    """

    evaluator: str
    measure: Measure
    rows: int
    scored: int
    errors: int
    score: Estimate | None = None
    baseline_score: float | None = None
    change: Estimate | None = None
    labels: Mapping[str, float] = field(default_factory=dict)
    regressions: tuple[Regression, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def coverage(self) -> float:
        """Share of the candidate's rows that this evaluator scored."""
        return self.scored / self.rows if self.rows else 0.0

    @property
    def error_rate(self) -> float:
        """Share of the candidate's rows that the app or this evaluator failed on."""
        return self.errors / self.rows if self.rows else 0.0

    @property
    def passed(self) -> bool:
        """Whether no finding about this evaluator fails the check."""
        return not any(finding.failed for finding in self.findings)

    @property
    def outcome(self) -> Outcome:
        """The finding that matters most: one that fails the check, else any, else whether it rose beyond the noise."""
        for finding in sorted(self.findings, key=lambda finding: not finding.failed):
            return finding.outcome
        if self.change is None:
            return Outcome.PASSED
        rose = self.change.is_below_zero if self.measure.lower_is_better else self.change.is_above_zero
        return Outcome.IMPROVED if rose else Outcome.PASSED

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON, without any text of the experiment."""
        return {
            "outcome": self.outcome.value,
            "passed": self.passed,
            "measure": describe_measure(self.measure),
            "score": None if self.score is None else self.score.mean,
            "score_interval": None if self.score is None else [self.score.low, self.score.high],
            "baseline_score": self.baseline_score,
            "change": None if self.change is None else self.change.to_dict(),
            "scored": self.scored,
            "rows": self.rows,
            "coverage": self.coverage,
            "error_rate": self.error_rate,
            "labels": dict(self.labels),
            "worst": [regression.to_dict() for regression in self.regressions],
        }


@dataclass(frozen=True, kw_only=True)
class ExperimentCheck:
    """The result of a check.

    :param candidate: the experiment in question.
    :param baseline: what it was compared with, newest first; empty where there was nothing.
    :param evaluators: one result per evaluator, in alphabetical order.
    :param findings: what was found about the experiment as a whole.
    :param confidence: that of the check as a whole.
    """

    candidate: ExperimentRows
    baseline: tuple[ExperimentRows, ...]
    evaluators: tuple[EvaluatorCheck, ...]
    findings: tuple[Finding, ...]
    confidence: float

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Findings about the experiment, then those about its evaluators."""
        return self.findings + tuple(finding for check in self.evaluators for finding in check.findings)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that fail the check."""
        return tuple(finding for finding in self.all_findings if finding.failed)

    @property
    def remarks(self) -> tuple[Finding, ...]:
        """The findings that don't."""
        return tuple(finding for finding in self.all_findings if not finding.failed)

    @property
    def passed(self) -> bool:
        """Whether nothing fails the check."""
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON: ids, numbers and sentences, no inputs, outputs or explanations."""
        return {
            "passed": self.passed,
            "experiment": _describe(self.candidate),
            "baseline": [_describe(night) for night in self.baseline],
            "confidence": self.confidence,
            "evaluators": {check.evaluator: check.to_dict() for check in self.evaluators},
            "failures": [finding.to_dict() for finding in self.failures],
            "remarks": [finding.to_dict() for finding in self.remarks],
        }


def describe_measure(measure: Measure) -> str:
    """What the numbers of this evaluator are: its mean score, or the share of its good labels."""
    return f"share of {' or '.join(measure.good_labels)}" if measure.good_labels else "mean score"


def _describe(experiment: ExperimentRows) -> dict[str, Any]:
    return {
        "id": experiment.id,
        "name": experiment.name,
        "dataset_id": experiment.dataset_id,
        "dataset_version_id": experiment.dataset_version_id,
        "created_at": experiment.created_at,
        "rows": len(experiment.rows),
        "errors": experiment.errors,
    }
