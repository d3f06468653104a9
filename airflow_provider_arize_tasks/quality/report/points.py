"""The scores of many experiments as a chart needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.printable import printable
from airflow_provider_arize_tasks.quality.changed import changed_setup
from airflow_provider_arize_tasks.quality.plain import Plain
from airflow_provider_arize_tasks.quality.rows import pooled
from airflow_provider_arize_tasks.quality.statistics import are_shares, estimate_score, mean_error, paired_differences
from airflow_provider_arize_tasks.quality.variation import change_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_arize_tasks.quality.result import EvaluatorCheck
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows
    from airflow_provider_arize_tasks.quality.scores import ScoreBook


@dataclass(frozen=True, kw_only=True)
class Point(Plain):
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
    :param in_baseline: whether the baseline contains this experiment.
    :param verdict: what the check came to, if it was judged.
    :param is_accepted: whether it counts for later ones; ``None`` where that was not asked.
    :param changed: what changed with this experiment: ``judge``, ``prompt`` or ``dataset``.
    """

    experiment: str
    experiment_id: str
    created_at: str | None = None
    score: float | None
    low: float | None = None
    high: float | None = None
    scored: int = 0
    is_paired: bool = False
    in_baseline: bool = False
    verdict: str | None = None
    is_accepted: bool | None = None
    changed: tuple[str, ...] = ()


def points_of(
    experiments: Sequence[ExperimentRows],
    check: EvaluatorCheck,
    *,
    book: ScoreBook,
    baseline_ids: Sequence[str] = (),
    confidence: float = 0.95,
    verdicts: Mapping[str, tuple[str | None, bool]] | None = None,
) -> tuple[Point, ...]:
    """One point per experiment, with an interval that agrees with the verdict.

    The interval of a mean is wide, because examples differ; two such intervals overlap long after the paired comparison
    has become certain. So the interval drawn is that of the experiment's change against the baseline (without the
    experiment itself): it lies off the baseline's line where the change is larger than the noise. Only without a
    baseline it is that of the mean.

    :param experiments: oldest first, the candidate last.
    :param check: the result about the evaluator.
    :param book: the numbers.
    :param baseline_ids: ids of the experiments the candidate was compared with.
    :param confidence: level of the intervals.
    :param verdicts: by experiment id, what it came to and whether it counts.
    """
    values = {one.id: book.values(one, check.evaluator) for one in experiments}
    between = None if check.change is None else check.change.between
    shares = are_shares(list(values.values()))
    clusters = book.dataset.clusters
    found = []
    for index, one in enumerate(experiments):
        own = values[one.id]
        others = [values[name] for name in baseline_ids if name in values and name != one.id]
        error = mean_error(paired_differences(own, pooled(others)), clusters=clusters, are_shares=shares)
        mean = estimate_score(own, confidence=confidence, clusters=clusters)
        interval = mean
        if error is not None and error.freedom > 0:
            interval = change_of(error, between, pooled=max(1, len(others)), confidence=confidence, are_selected=False)
        is_paired = interval is not mean
        verdict, accepted = (verdicts or {}).get(one.id, (None, None))
        low, high = _around(None if mean is None else mean.mean, interval, is_paired=is_paired)
        found.append(
            Point(
                experiment=printable(one.label, 300),
                experiment_id=one.id,
                created_at=one.created_at,
                score=None if mean is None else mean.mean,
                low=low,
                high=high,
                scored=len(own),
                is_paired=is_paired,
                in_baseline=one.id in baseline_ids,
                verdict=verdict,
                is_accepted=accepted,
                changed=_changes(experiments[index - 1], one, check.evaluator) if index else (),
            )
        )
    return tuple(found)


def _around(score: float | None, interval: Any, *, is_paired: bool) -> tuple[float | None, float | None]:
    if score is None or interval is None or interval.low is None or interval.high is None:
        return None, None
    if not is_paired:
        return interval.low, interval.high
    return score + interval.low - interval.mean, score + interval.high - interval.mean


def _changes(before: ExperimentRows, now: ExperimentRows, evaluator: str) -> tuple[str, ...]:
    found = []
    if before.judges.get(evaluator) != now.judges.get(evaluator):
        found.append("judge")
    if setup := changed_setup(before.setup, now.setup):
        found.append(setup)
    if before.dataset_version_id != now.dataset_version_id:
        found.append("dataset")
    return tuple(found)
