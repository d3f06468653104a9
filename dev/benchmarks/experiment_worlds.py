"""Simulated histories of a nightly experiment: how its scores come about, and what the gate makes of each night.

Intervals and the variance between nights are the product's own code; sums over examples, the slow test's scores and
quantiles are done with numpy and SciPy, since the product's plain code would take hours, and a test holds them against
the product's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from airflow_provider_arize_tasks.quality import drift as slow
from airflow_provider_arize_tasks.quality import variation
from airflow_provider_arize_tasks.quality.statistics import MeanError
from airflow_provider_arize_tasks.quality.variation import HISTORY, Level, between_experiments, change_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

POOLED = 7
CONFIDENCE = 0.95
BUDGET = 1.0

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class World:
    """How scores come about.

    :param kind: ``continuous`` (noise of 0.1), ``pass/fail`` (90 % pass) or ``grades`` (five of them).
    :param examples: how many.
    :param mood: standard deviation of what moves a whole night.
    :param cluster: how many examples belong together.
    :param icc: how alike the noise within a cluster is.
    :param clustered: whether the check is told of the clusters.
    :param evaluators: how many, independent of each other.
    :param max_drop: tolerance of the check.
    :param rule_out: the drop that a pass must rule out; ``None`` for none.
    :param drop: how much lower the true mean is, by night.
    """

    kind: str = "continuous"
    examples: int = 100
    mood: float = 0.0
    cluster: int = 1
    icc: float = 0.0
    clustered: bool = True
    evaluators: int = 1
    max_drop: float = 0.0
    rule_out: float | None = None
    drop: Callable[[int], float] = field(default=lambda night: 0.0)

    @property
    def label(self) -> str:
        """In words."""
        parts = [self.kind]
        if self.cluster > 1:
            parts.append(f"clusters of {self.cluster}, ICC {self.icc:g}{'' if self.clustered else ', not told'}")
        if self.evaluators > 1:
            parts.append(f"{self.evaluators} evaluators")
        return ", ".join(parts)


@dataclass
class Night:
    """What became of a night, of the first evaluator where there are several."""

    accepted_before: int
    dropped: bool
    drifted: bool
    covered: bool
    open: bool
    detectable: float
    change: float

    @property
    def is_blocked(self) -> bool:
        """Whether one of the tests rang."""
        return self.dropped or self.drifted


def scores_of(world: World, difficulty: Array, night: int, random: np.random.Generator) -> Array:
    """The scores of a night, all evaluators below each other."""
    shape = difficulty.shape
    noise = random.standard_normal(shape)
    if world.cluster > 1:
        groups = random.standard_normal((shape[0], math.ceil(shape[1] / world.cluster)))
        shared = np.repeat(groups, world.cluster, axis=1)[:, : shape[1]]
        noise = math.sqrt(world.icc) * shared + math.sqrt(1 - world.icc) * noise
    off = world.mood * random.standard_normal((shape[0], 1)) - world.drop(night)
    if world.kind == "pass/fail":
        # A bad mood turns some passes into fails, a good one some fails into passes, so that the mean moves by as much.
        mean = difficulty.mean(axis=1, keepdims=True)
        worse = difficulty * (1 + np.minimum(off, 0) / mean)
        chance = worse + (1 - worse) * np.maximum(off, 0) / (1 - mean)
        uniform = _normal_cdf(noise)
        return (uniform < chance).astype(float)
    if world.kind == "grades":
        return np.clip(np.rint(4 * (difficulty + off + 0.15 * noise)), 0, 4) / 4
    return difficulty + off + 0.1 * noise


def difficulty_of(world: World, random: np.random.Generator) -> Array:
    """How hard each example is, which stays from night to night."""
    shape = (world.evaluators, world.examples)
    if world.kind == "pass/fail":
        return random.beta(0.54, 0.06, shape)
    if world.kind == "grades":
        return 0.25 + 0.5 * random.beta(2, 2, shape)
    return 0.25 + 0.7 * random.beta(4, 2, shape)


def history(world: World, nights: int, random: np.random.Generator) -> Iterator[Night]:
    """Nights in a row, each judged against those accepted before it."""
    difficulty = difficulty_of(world, random)
    accepted: list[Array] = []
    for number in range(nights):
        scores = scores_of(world, difficulty, number, random)
        if not accepted:
            accepted.append(scores)
            continue
        before = list(reversed(accepted[-slow.HISTORY :]))
        found = [judge(world, [night[each] for night in (scores, *before)]) for each in range(world.evaluators)]
        truth = world.drop(number)
        night = Night(
            accepted_before=len(accepted),
            dropped=any(one["dropped"] for one in found),
            drifted=any(one["drifted"] for one in found),
            covered=all(one["low"] <= -truth <= one["high"] for one in found),
            open=world.rule_out is not None and any(one["low"] <= -world.rule_out for one in found),
            detectable=found[0]["detectable"],
            change=found[0]["mean"],
        )
        yield night
        if not night.is_blocked and not night.open:
            accepted.append(scores)


def judge(world: World, series: Sequence[Array]) -> dict[str, Any]:
    """The verdict about one evaluator, the candidate first, then the accepted nights, newest first."""
    level = 1 - (1 - CONFIDENCE) / world.evaluators
    size = world.cluster if world.clustered else 1
    shares = world.kind == "pass/fail"
    pool = series[1 : POOLED + 1]
    error = mean_error(series[0] - np.mean(pool, axis=0), size, are_shares=shares)
    found = levels(np.array(series), size)
    between = between_experiments(found[1 : HISTORY + 1], scale=1.0, tail=(1 - level) / 2)
    change = change_of(error, between, pooled=len(pool), confidence=level)
    values = np.array([each.value for each in reversed(found)])
    assert change.low is not None
    assert change.high is not None
    return {
        "dropped": change.high < -world.max_drop,
        "drifted": drift_of(values) > slow.limit_for(slow.YEAR * world.evaluators / BUDGET),
        "low": change.low,
        "high": change.high,
        "mean": change.mean,
        "detectable": change.detectable or math.nan,
    }


def mean_error(differences: Array, cluster: int, *, are_shares: bool) -> MeanError:
    """As the product's function of this name."""
    count = len(differences)
    groups = np.add.reduceat(differences, range(0, count, cluster)) if cluster > 1 else differences
    sizes = np.full(len(groups), float(cluster))
    sizes[-1] = count - cluster * (len(groups) - 1)
    if are_shares:
        groups, sizes = np.append(groups, [1.0, -1.0]), np.append(sizes, [1.0, 1.0])
    center = groups.sum() / sizes.sum()
    squares = ((groups - sizes * center) ** 2).sum()
    variance = squares / sizes.sum() ** 2 * len(groups) / (len(groups) - 1)
    freedom = len(groups) - 1 - (2 if are_shares else 0)
    return MeanError(
        mean=float(differences.mean()), center=float(center), variance=float(variance), freedom=freedom, examples=count
    )


def levels(series: Array, cluster: int) -> list[Level]:
    """As the product's function of this name, where every night scored every example."""
    count, examples = series.shape
    left = series - series.mean(axis=0)
    values = left.mean(axis=1)
    residuals = left - values[:, None]
    groups = np.add.reduceat(residuals, range(0, examples, cluster), axis=1) if cluster > 1 else residuals
    number = groups.shape[1]
    variances = (groups**2).sum(axis=1) / examples**2 * number / (number - 1) * count / max(count - 1, 1)
    if count < 2:
        return [Level(value=0.0, variance=0.0)]
    return [
        Level(value=float(value), variance=float(variance)) for value, variance in zip(values, variances, strict=True)
    ]


def drift_of(values: Array) -> float:
    """The sum of the product's slow test, its scores worked out all at once.

    :param values: levels, oldest first.
    """
    if len(values) <= slow.FEWEST:
        return 0.0
    values = values - values.mean()
    index = np.arange(slow.FEWEST, len(values))
    mean = np.cumsum(values)[index - 1] / index
    squares = np.cumsum(values**2)[index - 1] - index * mean**2
    variance = squares / (index - 1) / variation.selection(0.025)[1] * (1 + 1 / index)
    moves = values[index] - mean
    varies = variance > 1e-20
    distance = moves / np.sqrt(np.where(varies, variance, 1.0))
    scores = np.copysign(special.ndtri(special.stdtr(index - 1, -np.abs(distance))), distance)
    # As the product does where nothing varied before.
    scores = np.where(varies, scores, np.where(np.abs(moves) < 1e-9, 0.0, np.copysign(3.0, moves)))
    total = 0.0
    for score in np.clip(scores, -8, 8).tolist():
        total = max(0.0, total - score - slow.ALLOWANCE)
    return total


def t_quantile(probability: float, freedom: float) -> float:
    """As the product's function of this name."""
    return float(special.stdtrit(freedom, probability)) if math.isfinite(freedom) else float(special.ndtri(probability))


def t_upper_tail(t: float, freedom: float) -> float:
    """As the product's function of this name."""
    return float(special.stdtr(freedom, -t))


def _normal_cdf(values: Array) -> Array:
    found: Array = special.ndtr(values)
    return found
