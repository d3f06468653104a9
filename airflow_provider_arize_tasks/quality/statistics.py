"""Is a change larger than the noise? Paired differences, intervals by cluster, shares near 0 and 1.

Every example of a dataset is scored in each experiment, so the question is asked of the *differences*: what makes an
example hard cancels out, and what is left is the change, and the noise of answering and judging.

* The interval of a mean is Student's t over the differences. Examples that belong together (the turns of one
  conversation) are not independent: then the error is the cluster-robust one (Liang and Zeger 1986, with the
  ``G / (G - 1)`` of few clusters) and has as many degrees of freedom as there are clusters, less one.
* A share of 0s and 1s near its end has next to no spread, and a t interval of next to no width. The interval of a share
  is Wilson's (1927); that of a paired difference of shares is Bonett and Price's (2012): one imagined example that
  improved and one that worsened are added.
* What moves a whole night at once is no business of this module, see
  :mod:`~airflow_provider_arize_tasks.quality.variation`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.quality.distributions import NORMAL, t_quantile, t_upper_tail
from airflow_provider_arize_tasks.quality.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Differences closer together than this, relative to the largest, are equal: what is left is rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Estimate(Plain):
    """A mean and the interval around it.

    :param mean: the mean.
    :param low: lower end of the interval; ``None`` where the values don't say how noisy they are.
    :param high: upper end of the interval; ``None`` likewise.
    :param examples: how many examples it rests on.
    :param confidence: level of the interval, two-sided, such as 0.95.
    :param p_value: chance of a mean at least this far from zero if there were none (two-sided); ``None`` as above.
    :param error: standard error of the mean; ``None`` as above.
    :param freedom: degrees of freedom of the error; ``None`` as above.
    :param clusters: how many groups of examples the error rests on; ``None`` where each stands for itself.
    """

    mean: float
    low: float | None
    high: float | None
    examples: int
    confidence: float
    p_value: float | None = None
    error: float | None = None
    freedom: float | None = None
    clusters: int | None = None

    @property
    def is_below_zero(self) -> bool:
        """Whether the whole interval lies below zero: a fall that noise does not explain."""
        return self.high is not None and self.high < 0

    @property
    def is_above_zero(self) -> bool:
        """Whether the whole interval lies above zero: a rise that noise does not explain."""
        return self.low is not None and self.low > 0


@dataclass(frozen=True, kw_only=True)
class MeanError:
    """A mean with the variance of its error.

    :param mean: the mean of the values.
    :param center: middle of its interval: the mean, or for shares one that is drawn towards zero.
    :param variance: of the error.
    :param freedom: degrees of freedom of that variance.
    :param examples: how many values.
    :param clusters: how many groups; ``None`` where each value stands for itself.
    """

    mean: float
    center: float
    variance: float
    freedom: float
    examples: int
    clusters: int | None = None


def paired_differences(candidate: Mapping[str, float], baseline: Mapping[str, float]) -> dict[str, float]:
    """Candidate minus baseline for every example that both have, by example id.

    Scores that differ by rounding alone (a baseline may be a mean of equal scores) do not differ.

    :param candidate: score by example id.
    :param baseline: score by example id.
    """
    pairs = {example: (score, baseline[example]) for example, score in candidate.items() if example in baseline}
    return {
        example: 0.0 if math.isclose(now, before, rel_tol=_ROUNDING) else now - before
        for example, (now, before) in pairs.items()
    }


def mean_error(
    values: Mapping[str, float], *, clusters: Mapping[str, str] | None = None, are_shares: bool = False
) -> MeanError | None:
    """Mean of some values and the variance of its error; ``None`` without any value.

    :param values: differences by example id.
    :param clusters: which group an example belongs to; an example without one stands for itself. Default: each does.
    :param are_shares: the values are differences of shares (of 0s and 1s), see the module.
    """
    if not values:
        return None
    mean = math.fsum(values.values()) / len(values)
    groups = _groups(values, clusters)
    if are_shares:
        groups = [*groups, [1.0], [-1.0]]
    count = sum(map(len, groups))
    center = math.fsum(math.fsum(group) for group in groups) / count
    freedom = len(groups) - 1 - (2 if are_shares and len(groups) > 3 else 0)
    if freedom < 1:
        return MeanError(mean=mean, center=center, variance=0.0, freedom=0, examples=len(values))
    squares = math.fsum(math.fsum(value - center for value in group) ** 2 for group in groups)
    variance = squares / count**2 * len(groups) / (len(groups) - 1)
    return MeanError(
        mean=mean,
        center=center,
        variance=variance,
        freedom=freedom,
        examples=len(values),
        clusters=None if clusters is None else len(groups) - (2 if are_shares else 0),
    )


def _groups(values: Mapping[str, float], clusters: Mapping[str, str] | None) -> list[list[float]]:
    if clusters is None:
        return [[value] for value in values.values()]
    found: dict[tuple[bool, str], list[float]] = {}
    for example, value in values.items():
        group = clusters.get(example)
        found.setdefault((group is None, example if group is None else group), []).append(value)
    return list(found.values())


def interval_of(error: MeanError, *, confidence: float) -> Estimate:
    """The interval of a mean, from its error alone.

    Values that are all alike carry no measure of their noise. All zero means no change, and the interval is zero
    itself. All alike but not zero count as certain only where that many signs in a row would be rarer than the level
    allows (six at 0.95); below that there is no interval.

    :param error: the mean with its error.
    :param confidence: level of the two-sided interval, between 0 and 1.
    """
    if math.sqrt(error.variance) <= _ROUNDING * abs(error.mean) or error.freedom < 1:
        return _estimate_of_equals(error, confidence)
    deviation = math.sqrt(error.variance)
    half = t_quantile(0.5 + confidence / 2, error.freedom) * deviation
    return Estimate(
        mean=error.mean,
        low=error.center - half,
        high=error.center + half,
        examples=error.examples,
        confidence=confidence,
        p_value=2 * t_upper_tail(abs(error.center) / deviation, error.freedom),
        error=deviation,
        freedom=error.freedom,
        clusters=error.clusters,
    )


def estimate_mean(
    values: Mapping[str, float] | Iterable[float],
    *,
    confidence: float = 0.95,
    clusters: Mapping[str, str] | None = None,
) -> Estimate | None:
    """Mean of some values with its Student's t interval.

    :param values: scores, also by example id.
    :param confidence: level of the two-sided interval, between 0 and 1.
    :param clusters: by example id, which group it belongs to.
    :return: the estimate; ``None`` without any value.
    """
    items = dict(values) if isinstance(values, Mapping) else {str(index): item for index, item in enumerate(values)}
    error = mean_error(items, clusters=clusters)
    return None if error is None else interval_of(error, confidence=confidence)


def estimate_score(
    values: Mapping[str, float], *, confidence: float = 0.95, clusters: Mapping[str, str] | None = None
) -> Estimate | None:
    """Mean of some scores with its interval: Wilson's where all of them are 0 or 1, else Student's t.

    :param values: scores by example id.
    :param confidence: level of the two-sided interval.
    :param clusters: by example id, which group it belongs to.
    :return: the estimate; ``None`` without any score.
    """
    if values and clusters is None and are_shares([values]):
        return wilson(math.fsum(values.values()), len(values), confidence=confidence)
    return estimate_mean(values, confidence=confidence, clusters=clusters)


def wilson(successes: float, count: int, *, confidence: float = 0.95) -> Estimate:
    """A share with Wilson's score interval (JASA 22, 1927), which has a width at 0 and at 1 as well.

    :param successes: how many of them.
    :param count: how many in all, above zero.
    :param confidence: level of the two-sided interval.
    """
    z = NORMAL.inv_cdf(0.5 + confidence / 2)
    share = successes / count
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    center = (share + z * z / (2 * count)) / scale
    low = 0.0 if successes == 0 else max(0.0, center - spread / scale)
    high = 1.0 if successes == count else min(1.0, center + spread / scale)
    return Estimate(mean=share, low=low, high=high, examples=count, confidence=confidence)


def are_shares(experiments: Sequence[Mapping[str, float]]) -> bool:
    """Whether all scores are 0 or 1, so that their means are shares.

    :param experiments: scores by example id, of one experiment or several.
    """
    return all(value in (0.0, 1.0) for experiment in experiments for value in experiment.values())


def _estimate_of_equals(error: MeanError, confidence: float) -> Estimate:
    count, mean = error.examples if error.clusters is None else error.clusters, error.mean
    p_value = 1.0 if mean == 0 else min(1.0, 2 * 0.5**count)
    end = mean if mean == 0 or p_value <= 1 - confidence else None
    return Estimate(
        mean=mean,
        low=end,
        high=end,
        examples=error.examples,
        confidence=confidence,
        p_value=p_value,
        error=None if end is None else 0.0,
        freedom=error.freedom or None,
        clusters=error.clusters,
    )
