"""What moves a whole experiment at once, such as the mood of a judge, and the interval of a change that allows for it.

The examples of one experiment tell nothing of it: it has to be seen from one experiment to the next. So the interval of
a change has two parts, the noise of the examples and the variance *between* earlier experiments:

``T = V + (1 + 1 / K) * B``, with K experiments in the baseline.

``B`` comes from the accepted experiments: the variance of their levels (each the mean over its examples, less what
these examples score on average), less what the noise of the examples explains of it, and never below zero. Three things
keep it honest:

* *Few experiments say little.* The degrees of freedom are Satterthwaite's, so that with five experiments the interval
  is that of Student's t with few degrees, and an assumption stands in for what is not known yet: a mood of
  ``ASSUMED_MOOD`` with the weight of ``ASSUMED_EXPERIMENTS`` experiments.
* *The experiments were selected.* Those with bad luck failed and are not among them. What is left is a normal
  distribution cut off at the level of the check: its variance is too small by a known factor, and its mean too high by
  a known part of its deviation. Both are put right (:func:`selection`).
* *Levels are compared on the same examples*, so a dataset that changed moves nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.quality.distributions import NORMAL, t_quantile, t_upper_tail
from airflow_provider_arize_tasks.quality.statistics import Estimate, MeanError, interval_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Standard deviation from one experiment to the next that is assumed until experience outweighs it; on a scale of 0 to
#: 1. On other scales it is as large a part of the range.
ASSUMED_MOOD = 0.02
#: How many experiments that assumption weighs as much as.
ASSUMED_EXPERIMENTS = 4
#: The latest accepted experiments that tell how much levels vary.
HISTORY = 30
#: Chance with which a drop of the size that is called detectable is found.
POWER = 0.8


@dataclass(frozen=True, kw_only=True)
class Level:
    """How far an experiment lies above or below the others.

    :param value: the level.
    :param variance: what the noise of its examples makes of it.
    """

    value: float
    variance: float


@dataclass(frozen=True, kw_only=True)
class Between:
    """The variance between experiments.

    :param variance: ``B``, put right for the selection and with the assumption in it.
    :param noise: what the noise of the examples makes of a level, on average.
    :param freedom: degrees of freedom of their sum.
    :param experiments: how many accepted experiments it rests on.
    """

    variance: float
    noise: float
    freedom: float
    experiments: int

    @property
    def deviation(self) -> float:
        """Standard deviation between experiments."""
        return math.sqrt(self.variance)


@dataclass(frozen=True, kw_only=True)
class Change(Estimate):
    """A change with the interval that allows for noise between experiments; a change of zero is no change.

    :param within: ``V``, the variance by the noise of the examples.
    :param between: the variance between experiments; ``None`` where it was left out.
    :param pooled: how many experiments are in the baseline.
    :param selection: by how much the baseline lies too high, since unlucky experiments are not in it. It is taken into
        account in the interval, not in the mean.
    :param detectable: the smallest true drop that would have been found with a chance of 80 %, beyond any tolerance.
    """

    within: float = 0.0
    between: Between | None = None
    pooled: int = 1
    selection: float = 0.0
    detectable: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The change as plain JSON."""
        between = self.between
        return {
            **Estimate.to_dict(self),
            "between": None if between is None else between.variance,
            "between_noise": None if between is None else between.noise,
            "between_freedom": None if between is None else between.freedom,
            "between_experiments": None if between is None else between.experiments,
        }


def selection(tail: float) -> tuple[float, float]:
    """What leaving out the lowest experiments does to those that are left.

    :param tail: chance with which an unchanged experiment fails, such as 0.025.
    :return: by how many of their standard deviations the mean lies too high, and the factor by which their variance is
        too small.
    """
    cut = -NORMAL.inv_cdf(tail)
    rise = NORMAL.pdf(cut) / (1 - tail)
    return rise, 1 - cut * rise - rise * rise


def levels(experiments: Sequence[Mapping[str, float]], clusters: Mapping[str, str] | None = None) -> list[Level]:
    """The level of each experiment, on the examples that at least two of them scored.

    :param experiments: scores by example id, of each experiment.
    :param clusters: by example id, which group it belongs to.
    """
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    for experiment in experiments:
        for example, value in experiment.items():
            sums[example] = sums.get(example, 0.0) + value
            counts[example] = counts.get(example, 0) + 1
    means = {example: total / counts[example] for example, total in sums.items() if counts[example] > 1}
    return [_level(experiment, means, len(experiments), clusters) for experiment in experiments]


def _level(
    experiment: Mapping[str, float], means: Mapping[str, float], count: int, clusters: Mapping[str, str] | None
) -> Level:
    left = {example: value - means[example] for example, value in experiment.items() if example in means}
    if not left:
        return Level(value=0.0, variance=0.0)
    value = math.fsum(left.values()) / len(left)
    groups: dict[str, float] = {}
    for example, residual in left.items():
        group = example if clusters is None else clusters.get(example, example)
        groups[group] = groups.get(group, 0.0) + residual - value
    if len(groups) < 2 or count < 2:
        return Level(value=value, variance=0.0)
    squares = math.fsum(total * total for total in groups.values()) / len(left) ** 2
    # An experiment is part of the mean it is compared with: its residuals are too small by (count - 1) / count.
    return Level(value=value, variance=squares * len(groups) / (len(groups) - 1) * count / (count - 1))


def between_experiments(found: Sequence[Level], *, scale: float, tail: float, are_selected: bool = True) -> Between:
    """The variance between experiments, from the levels of those that were accepted.

    :param found: their levels.
    :param scale: range of the scores; 1 for shares and scores between 0 and 1.
    :param tail: chance with which an unchanged experiment fails; what was left out by it is allowed for.
    :param are_selected: whether experiments that failed are missing among them.
    """
    assumed = (ASSUMED_MOOD * scale) ** 2
    count = len(found)
    if count < 2:
        noise = found[0].variance if found else 0.0
        return Between(variance=assumed, noise=noise, freedom=ASSUMED_EXPERIMENTS, experiments=count)
    mean = math.fsum(level.value for level in found) / count
    variance = math.fsum((level.value - mean) ** 2 for level in found) / (count - 1)
    if are_selected:
        variance /= selection(tail)[1]
    noise = math.fsum(level.variance for level in found) / count
    seen = max(0.0, variance - noise)
    freedom = ASSUMED_EXPERIMENTS + count - 1
    together = (ASSUMED_EXPERIMENTS * assumed + (count - 1) * seen) / freedom
    return Between(variance=together, noise=noise, freedom=freedom, experiments=count)


def change_of(
    error: MeanError, between: Between | None, *, pooled: int, confidence: float, are_selected: bool = True
) -> Change:
    """The interval of a change.

    :param error: the paired differences' mean and the error by the noise of the examples.
    :param between: the variance between experiments; ``None`` to leave it out.
    :param pooled: how many experiments the baseline consists of.
    :param confidence: level of the two-sided interval.
    :param are_selected: whether the baseline holds accepted experiments only.
    """
    if between is None:
        alone = interval_of(error, confidence=confidence)
        return Change(**vars(alone), within=error.variance, pooled=pooled, detectable=_detectable(alone))
    factor = 1 + 1 / pooled
    variance = error.variance + factor * between.variance
    freedom = _freedom(error, between, variance, factor)
    deviation = math.sqrt(variance)
    quantile = t_quantile(0.5 + confidence / 2, freedom)
    bias = selection((1 - confidence) / 2)[0] * math.sqrt(variance / factor) if are_selected and pooled > 1 else 0.0
    center = error.center + bias
    return Change(
        mean=error.mean,
        low=center - quantile * deviation,
        high=center + quantile * deviation,
        examples=error.examples,
        confidence=confidence,
        p_value=2 * t_upper_tail(abs(center) / deviation, freedom),
        error=deviation,
        freedom=freedom,
        clusters=error.clusters,
        within=error.variance,
        between=between,
        pooled=pooled,
        selection=bias,
        detectable=(quantile + NORMAL.inv_cdf(POWER)) * deviation,
    )


def _freedom(error: MeanError, between: Between, variance: float, factor: float) -> float:
    """Satterthwaite's degrees of freedom: at least those of the experiments, at most those of the examples."""
    of_levels = factor * (between.variance + between.noise)
    found = between.freedom * (variance / of_levels) ** 2 if of_levels > 0 else math.inf
    most = max(error.freedom, between.freedom)
    return min(max(found, between.freedom), most)


def _detectable(alone: Estimate) -> float | None:
    if not alone.error or not alone.freedom:
        return None
    return (t_quantile(0.5 + alone.confidence / 2, alone.freedom) + NORMAL.inv_cdf(POWER)) * alone.error
