"""Is a change larger than the noise? Student's paired t interval, in plain Python.

Every example of a dataset is scored twice, once in each experiment, so the question is asked of the *differences*:
what makes an example hard cancels out, and what is left is the change and the noise of answering and judging. The
interval is ``mean ± t(n - 1) · s / √n`` over the differences.

Why this one: it was measured against a bootstrap-t and a t interval with pseudo-counts, on continuous scores,
five-grade scores and pass/fail labels from 5 to 400 examples. Its false alarms stayed near or below the stated level;
the bootstrap rang up to four times too often on pass/fail labels, which is what most evaluators return. It is also the
test that reviewers know, and it needs no random numbers: the same rows always give the same verdict.

What it takes for granted: examples are independent of each other. A judge that is in another mood for a whole night
looks like a change, because it is one as far as the scores can tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Differences closer together than this, relative to the largest, are equal: what is left is rounding.
_ROUNDING = 1e-12
#: Steps of the continued fraction; it converges in fewer than 100 for any degrees of freedom that occur.
_MAX_STEPS = 10_000


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean and the interval around it.

    :param mean: the mean.
    :param low: lower end of the interval; ``None`` where the values don't say how noisy they are.
    :param high: upper end of the interval; ``None`` likewise.
    :param examples: how many examples it rests on.
    :param confidence: level of the interval, two-sided, such as 0.95.
    :param p_value: chance of a mean at least this far from zero if there were none (two-sided); ``None`` as above.
    """

    mean: float
    low: float | None
    high: float | None
    examples: int
    confidence: float
    p_value: float | None = None

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval, or ``None`` where there is no interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def is_below_zero(self) -> bool:
        """Whether the whole interval lies below zero: a fall that noise does not explain."""
        return self.high is not None and self.high < 0

    @property
    def is_above_zero(self) -> bool:
        """Whether the whole interval lies above zero: a rise that noise does not explain."""
        return self.low is not None and self.low > 0

    def to_dict(self) -> dict[str, Any]:
        """The estimate as plain JSON."""
        return {
            "mean": self.mean,
            "low": self.low,
            "high": self.high,
            "examples": self.examples,
            "confidence": self.confidence,
            "p_value": self.p_value,
        }


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


def estimate_mean(values: Iterable[float], *, confidence: float = 0.95) -> Estimate | None:
    """Mean of some values with its Student's t interval; ``None`` without any value.

    Values that are all alike carry no measure of their noise. All zero means no change, and the interval is zero
    itself. All alike but not zero count as certain only where that many signs in a row would be rarer than the level
    allows (six at 0.95); below that there is no interval.

    :param values: scores, or paired differences.
    :param confidence: level of the two-sided interval, between 0 and 1.
    """
    items = list(values)
    if not items:
        return None
    count = len(items)
    mean = math.fsum(items) / count
    largest = max(abs(item) for item in items)
    if largest == 0:
        return Estimate(mean=0.0, low=0.0, high=0.0, examples=count, confidence=confidence, p_value=1.0)
    spread = math.sqrt(math.fsum((item - mean) ** 2 for item in items) / (count - 1)) if count > 1 else 0.0
    if spread <= _ROUNDING * largest:
        return _estimate_of_equals(mean, count, confidence)
    error = spread / math.sqrt(count)
    half = t_quantile(0.5 + confidence / 2, count - 1) * error
    p_value = 2 * t_upper_tail(abs(mean) / error, count - 1)
    return Estimate(
        mean=mean, low=mean - half, high=mean + half, examples=count, confidence=confidence, p_value=p_value
    )


def _estimate_of_equals(mean: float, count: int, confidence: float) -> Estimate:
    p_value = min(1.0, 2 * 0.5**count)
    known = p_value <= 1 - confidence
    end = mean if known else None
    return Estimate(mean=mean, low=end, high=end, examples=count, confidence=confidence, p_value=p_value)


def t_upper_tail(t: float, freedom: float) -> float:
    """Chance that Student's t with ``freedom`` degrees of freedom exceeds ``t``.

    :param t: the value, zero or above.
    :param freedom: degrees of freedom, above zero.
    """
    return 0.5 * _incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5)


@lru_cache(maxsize=4096)
def t_quantile(probability: float, freedom: float) -> float:
    """The value that Student's t with ``freedom`` degrees of freedom stays below with this probability.

    Found by bisection on :func:`t_upper_tail`, to the last digit a float holds.

    :param probability: between 0.5 and 1, both excluded from above.
    :param freedom: degrees of freedom, above zero.
    :raises ValueError: for a probability outside [0.5, 1).
    """
    if not 0.5 <= probability < 1:
        raise ValueError(f"probability must be at least 0.5 and below 1, not {probability}")
    tail = 1 - probability
    low, high = 0.0, 1.0
    while t_upper_tail(high, freedom) > tail:
        low, high = high, high * 2
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        if t_upper_tail(middle, freedom) > tail:
            low = middle
        else:
            high = middle


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side
        return 1 - _incomplete_beta(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    return front / a * _beta_fraction(x, a, b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Lentz's evaluation of the continued fraction of the incomplete beta function."""
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    value = d
    for m in range(1, _MAX_STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + term * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + term / c
            c = c if abs(c) > tiny else tiny
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value
