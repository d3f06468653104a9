"""Student's t and the normal distribution, in plain Python to the last digits of a float."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

#: The standard normal distribution.
NORMAL = NormalDist()
#: Steps of the continued fraction; it converges in fewer than 100 for any degrees of freedom that occur.
_MAX_STEPS = 10_000
#: A normal score further out than this says nothing more.
_FARTHEST = 8.0


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


def normal_score(t: float, freedom: float) -> float:
    """The value of a standard normal variable that is as unlikely as ``t`` is for Student's t.

    :param t: the value.
    :param freedom: degrees of freedom, above zero.
    :return: the score, within plus and minus 8.
    """
    tail = t_upper_tail(abs(t), freedom)
    score = _FARTHEST if tail <= 1e-15 else min(_FARTHEST, -NORMAL.inv_cdf(min(tail, 0.5)))
    return math.copysign(score, t)


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
