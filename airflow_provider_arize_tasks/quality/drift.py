"""Does quality slide, too slowly for any one comparison to see? A CUSUM over the accepted experiments.

A comparison with the last few experiments can't see a slide of 0.002 a night: the baseline slides along. So the levels
of all accepted experiments since the last change of judge, prompt or dataset are read in order. Each is set against
those before it (the self-starting CUSUM of Hawkins, Journal of Quality Technology 19, 1987: nothing need be known
beforehand), made a standard normal score, and what lies low is summed up:

``S = max(0, S - score - ALLOWANCE)``

The alarm rings when S passes a limit. The limit is set by a budget of false alarms a year for the whole check, by
Siegmund's formula for the average run length of a CUSUM (Sequential Analysis, 1985).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.quality.distributions import normal_score
from airflow_provider_arize_tasks.quality.plain import Plain
from airflow_provider_arize_tasks.quality.variation import selection

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What a score may lie low without being summed up, in standard deviations.
ALLOWANCE = 0.25
#: From this many experiments on, the next one is set against them.
FEWEST = 5
#: How many experiments a year has at most; the budget is for a year.
YEAR = 366
#: How many of the latest accepted experiments are read.
HISTORY = 60
#: Accepted experiments vary less than all do, since those with bad luck are not among them.
_NARROWED = selection(0.025)[1]
#: Siegmund's correction for the overshoot.
_OVERSHOOT = 1.166


@dataclass(frozen=True, kw_only=True)
class Drift(Plain):
    """What the slow test found about one evaluator.

    :param sum: the sum after the candidate.
    :param limit: above this the alarm rings.
    :param experiments: how many experiments it has seen, the candidate included.
    :param fallen: how much lower the mean of the latest experiments (those since the sum began to rise) lies than that
        of the ones before.
    :param since: how many experiments ago the sum began to rise.
    """

    sum: float
    limit: float
    experiments: int
    fallen: float
    since: int

    @property
    def rings(self) -> bool:
        """Whether the sum is above its limit."""
        return self.sum > self.limit


def find_drift(values: Sequence[float], *, false_alarms_per_year: float, tests: int) -> Drift | None:
    """Read the levels of a series of experiments.

    :param values: levels, oldest first, the candidate last; a fall is a loss of quality.
    :param false_alarms_per_year: budget for all tests together; 0 turns the test off.
    :param tests: how many evaluators are tested.
    :return: what it found; ``None`` with fewer than six experiments, or when it is off.
    """
    if false_alarms_per_year <= 0 or len(values) <= FEWEST:
        return None
    limit = limit_for(YEAR * max(1, tests) / false_alarms_per_year)
    total, since = 0.0, 0
    for index in range(FEWEST, len(values)):
        total = max(0.0, total - _score(values[:index], values[index]) - ALLOWANCE)
        since = since + 1 if total > 0 else 0
    before, after = values[: len(values) - since], values[len(values) - since :]
    fallen = fmean(before) - fmean(after) if before and after else 0.0
    return Drift(sum=total, limit=limit, experiments=len(values), fallen=fallen, since=since)


@lru_cache(maxsize=64)
def limit_for(run_length: float) -> float:
    """The limit at which an unchanged series rings once in so many experiments, on average.

    :param run_length: how many.
    """
    low, high = 0.0, 200.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if average_run_length(middle) < run_length else (low, middle)
    return high


def average_run_length(limit: float) -> float:
    """After how many experiments an unchanged series rings, on average.

    :param limit: the limit of the sum.
    """
    reach = 2 * ALLOWANCE * (limit + _OVERSHOOT)
    return (math.exp(reach) - reach - 1) / (2 * ALLOWANCE**2)


def _score(before: Sequence[float], value: float) -> float:
    """How far a value lies from those before it, as a standard normal score."""
    count = len(before)
    mean = fmean(before)
    variance = math.fsum((each - mean) ** 2 for each in before) / (count - 1) / _NARROWED
    if variance <= 0:
        return 0.0 if math.isclose(value, mean, abs_tol=1e-12) else math.copysign(3.0, value - mean)
    return normal_score((value - mean) / math.sqrt(variance * (1 + 1 / count)), count - 1)
