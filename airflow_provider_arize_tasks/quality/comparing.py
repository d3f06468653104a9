"""One evaluator's numbers: tonight's against the baseline's and the reference's, and the series they stand in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.quality import drift as slow
from airflow_provider_arize_tasks.quality.conditions import ANSWERED, Conditions, limit_of
from airflow_provider_arize_tasks.quality.rows import ExperimentRows, pooled
from airflow_provider_arize_tasks.quality.scores import Expected, Past, ScoreBook, range_of
from airflow_provider_arize_tasks.quality.statistics import are_shares, mean_error, paired_differences
from airflow_provider_arize_tasks.quality.variation import (
    HISTORY,
    Between,
    Change,
    between_experiments,
    change_of,
    levels,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_arize_tasks.quality.drift import Drift
    from airflow_provider_arize_tasks.quality.variation import Level

Scores = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Scores by example id, of everything that one evaluator's verdict rests on.

    :param candidate: of the experiment in question.
    :param baseline: of the baseline, pooled.
    :param reference: of the reference, pooled.
    :param differences: candidate minus baseline.
    :param series: of the candidate and the experiments before it, the candidate first.
    :param comparable: how many experiments of the baseline the same version of the evaluator judged.
    :param comparable_reference: how many of the reference.
    :param left_out: how many of the baseline another version judged.
    :param alike: how many experiments right before the candidate had its judge, its setup and its dataset.
    """

    candidate: Scores
    baseline: Scores
    reference: Scores
    differences: Scores
    series: tuple[Scores, ...] = field(repr=False)
    comparable: int
    comparable_reference: int
    left_out: int
    alike: int


class Comparison:
    """Compares one candidate with its past, evaluator by evaluator.

    :param candidate: the experiment in question.
    :param past: what it is compared with.
    :param expected: the examples it should have scored.
    :param book: the numbers.
    """

    def __init__(self, candidate: ExperimentRows, past: Past, expected: Expected, book: ScoreBook) -> None:
        self.candidate = candidate
        self.past = past
        self.expected = expected
        self.book = book
        #: What the candidate must fulfil.
        self.conditions: Conditions = book.conditions

    def numbers(self, evaluator: str) -> Numbers:
        """The numbers of one evaluator; experiments that another version of it judged are left out."""
        values = self.book.values
        candidate = (
            self.book.answered(self.candidate, self.expected)
            if evaluator == ANSWERED
            else values(self.candidate, evaluator)
        )

        def of_same_judge(experiments: Sequence[ExperimentRows]) -> list[ExperimentRows]:
            own = self.candidate.judges.get(evaluator)
            return [each for each in experiments if own is None or each.judges.get(evaluator, own) == own]

        history = of_same_judge(self.past.history[: slow.HISTORY])
        pool, reference, series = (
            [values(experiment, evaluator) for experiment in experiments]
            for experiments in (of_same_judge(self.past.pool), of_same_judge(self.past.reference), history)
        )
        baseline = pooled(pool)
        return Numbers(
            candidate=candidate,
            baseline=baseline,
            reference=pooled(reference),
            differences=paired_differences(candidate, baseline),
            series=(candidate, *series),
            comparable=sum(map(bool, pool)),
            comparable_reference=sum(map(bool, reference)),
            left_out=len(self.past.pool) - len(pool),
            alike=self._alike(history),
        )

    def is_comparable(self, evaluator: str, numbers: Numbers) -> bool:
        """Whether a drop against the baseline can be told: that is one more chance of a false alarm."""
        return len(numbers.differences) >= self.conditions.min_examples and self.max_drop(evaluator) is not None

    def is_comparable_with_reference(self, evaluator: str, numbers: Numbers) -> bool:
        """The same for the reference."""
        shared = numbers.candidate.keys() & numbers.reference.keys()
        return len(shared) >= self.conditions.min_examples and self.max_drop(evaluator) is not None

    def max_drop(self, evaluator: str) -> float | None:
        """The drop that is allowed; of answered examples none, unless a condition names them."""
        limits = self.conditions.max_drop
        if evaluator == ANSWERED and limits and evaluator not in limits:
            return 0.0
        return limit_of(limits, evaluator)

    def changes(self, numbers: Numbers, *, confidence: float) -> tuple[Change | None, Change | None, list[Level]]:
        """The change against the baseline, that against the reference, and the levels of the series."""
        series = numbers.series
        found = levels(series, self.book.dataset.clusters)
        tail = (1 - confidence) / 2
        between = between_experiments(
            found[1 : HISTORY + 1], scale=range_of(series), tail=tail, are_selected=self.past.are_accepted
        )
        shares = are_shares(series)
        change = self._change(numbers.differences, shares, between, numbers.comparable, confidence)
        against = paired_differences(numbers.candidate, numbers.reference)
        reference = self._change(against, shares, between, numbers.comparable_reference, confidence, is_reference=True)
        return change, reference, found

    def drift(self, evaluator: str, numbers: Numbers, found: Sequence[Level], *, tests: int) -> Drift | None:
        """The slow test, over the experiments since judge, setup or dataset changed."""
        if not self.past.are_accepted or not numbers.candidate or self.max_drop(evaluator) is None:
            return None
        sign = -1 if evaluator in self.conditions.lower_is_better else 1
        # Levels of experiments without a score would be zeros, not levels.
        scored = [level for level, scores in zip(found, numbers.series, strict=True) if scores][: numbers.alike + 1]
        return slow.find_drift(
            [sign * level.value for level in reversed(scored)],
            false_alarms_per_year=self.conditions.false_alarms_per_year,
            tests=tests,
        )

    def _change(
        self,
        differences: Mapping[str, float],
        shares: bool,
        between: Between,
        pooled_experiments: int,
        confidence: float,
        *,
        is_reference: bool = False,
    ) -> Change | None:
        error = mean_error(differences, clusters=self.book.dataset.clusters, are_shares=shares)
        if error is None:
            return None
        return change_of(
            error,
            between,
            pooled=max(1, pooled_experiments),
            confidence=confidence,
            are_selected=self.past.is_pool_accepted and not is_reference,
        )

    def _alike(self, history: Sequence[ExperimentRows]) -> int:
        """How many of the latest experiments differ in nothing that the slow test would take for a slide."""
        for index, experiment in enumerate(history):
            same_setup = experiment.setup == self.candidate.setup
            versions = (experiment.dataset_version_id, self.candidate.dataset_version_id)
            if not same_setup or (all(versions) and versions[0] != versions[1]):
                return index
        return len(history)
