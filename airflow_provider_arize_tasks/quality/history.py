"""Which nights came before, and their scores as a chart needs them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.quality.rows import ExperimentRows, Measure, values_by_example
from airflow_provider_arize_tasks.quality.statistics import Estimate, estimate_mean, paired_differences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow_provider_arize_tasks.client.models import TaskRun


@dataclass(frozen=True, kw_only=True)
class Night:
    """One experiment's score by one evaluator.

    :param experiment: the experiment's name, or its id.
    :param experiment_id: its id.
    :param created_at: when it was made, ISO 8601, if known.
    :param score: its mean; ``None`` where the evaluator gave none.
    :param low: lower end of the interval; ``None`` where there is none.
    :param high: upper end of the interval.
    :param scored: how many examples have a score.
    :param is_paired: whether the interval is that of the change against the baseline, laid around the mean, and not
        that of the mean itself.
    :param in_baseline: whether the baseline contains this night.
    """

    experiment: str
    experiment_id: str
    created_at: str | None
    score: float | None
    low: float | None
    high: float | None
    scored: int
    is_paired: bool
    in_baseline: bool


def earlier_experiments(
    runs: Sequence[TaskRun], experiment_id: str, created_at: datetime | None = None
) -> tuple[str, ...]:
    """Ids of the experiments that a task completed before one of its own, the latest first.

    An old night that is judged again is compared with the nights before it, not with those that followed.

    :param runs: the task's runs, in any order.
    :param experiment_id: the experiment in question.
    :param created_at: when it was made; used where none of the runs is its own.
    """
    mine = [run.created_at for run in runs if run.experiment_id == experiment_id and run.created_at is not None]
    before = min(mine) if mine else created_at
    found: dict[str, datetime] = {}
    for run in runs:
        if run.status is not RunStatus.COMPLETED or run.experiment_id in (None, experiment_id):
            continue
        if run.created_at is not None and (before is None or run.created_at < before):
            found[str(run.experiment_id)] = run.created_at
    return tuple(sorted(found, key=lambda name: found[name], reverse=True))


def nightly_scores(
    nights: Sequence[ExperimentRows],
    measure: Measure,
    *,
    baseline_ids: Sequence[str] = (),
    confidence: float = 0.95,
) -> tuple[Night, ...]:
    """One point per experiment, with an interval that agrees with the verdict.

    The interval of a mean is wide, because examples differ; two such intervals overlap long after the paired comparison
    has become certain. So the interval drawn is that of the night's change against the baseline (without the night
    itself): it lies off the baseline's line where the change is larger than the noise. Only without a baseline it is
    that of the mean.

    :param nights: experiments, oldest first.
    :param measure: how the evaluator's verdicts become numbers.
    :param baseline_ids: ids of the experiments the candidate was compared with.
    :param confidence: level of the intervals.
    """
    values = {night.id: values_by_example(night.rows, measure) for night in nights}
    pool = _Pool([values[night.id] for night in nights if night.id in baseline_ids])
    points = []
    for night in nights:
        own, member = values[night.id], night.id in baseline_ids
        baseline = pool.without(own) if member else pool.mean()
        differences = paired_differences(own, baseline)
        change = estimate_mean(differences.values(), confidence=confidence)
        mean = estimate_mean(own.values(), confidence=confidence)
        points.append(_point(night, mean, change, in_baseline=member))
    return tuple(points)


def _point(night: ExperimentRows, mean: Estimate | None, change: Estimate | None, *, in_baseline: bool) -> Night:
    paired = change is not None and change.half_width is not None and change.examples > 1
    shown = change if paired else mean
    half = None if shown is None else shown.half_width
    score = None if mean is None else mean.mean
    known = half is not None and score is not None
    return Night(
        experiment=night.label,
        experiment_id=night.id,
        created_at=night.created_at,
        score=score,
        low=score - half if known and score is not None and half is not None else None,
        high=score + half if known and score is not None and half is not None else None,
        scored=0 if mean is None else mean.examples,
        is_paired=paired,
        in_baseline=in_baseline,
    )


class _Pool:
    """Per example the mean over several nights, also without one of them."""

    def __init__(self, nights: Sequence[Mapping[str, float]]) -> None:
        found: dict[str, list[float]] = {}
        for night in nights:
            for example, value in night.items():
                found.setdefault(example, []).append(value)
        self._sums = {example: math.fsum(values) for example, values in found.items()}
        self._counts = {example: len(values) for example, values in found.items()}

    def mean(self) -> dict[str, float]:
        return {example: total / self._counts[example] for example, total in self._sums.items()}

    def without(self, night: Mapping[str, float]) -> dict[str, float]:
        left = {}
        for example, total in self._sums.items():
            count = self._counts[example] - (example in night)
            if count:
                left[example] = (total - night.get(example, 0.0)) / count
        return left
