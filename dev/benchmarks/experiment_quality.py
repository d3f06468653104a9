"""How often the experiment check rings without a reason, and how soon it finds a real drop or a slide.

Simulates histories of a nightly experiment: the gate decides each night whether it counts, and what it accepted is
what the next night is compared with. Intervals and the variance between nights are the product's own code; sums over
examples, the slow test's scores and quantiles are done with numpy and SciPy, since the product's plain code would take
hours, and a test holds them against the product's. Fixed seeds::

    python dev/benchmarks/experiment_quality.py                  # print the tables; some ten minutes of one core
    python dev/benchmarks/experiment_quality.py --write          # put them into docs/experiment-quality.md
    python dev/benchmarks/experiment_quality.py --histories 10   # fewer, to look at
"""

from __future__ import annotations

import argparse
import math
import statistics
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from airflow_provider_arize_tasks.quality import drift as slow
from airflow_provider_arize_tasks.quality import variation
from airflow_provider_arize_tasks.quality.statistics import MeanError
from airflow_provider_arize_tasks.quality.variation import HISTORY, Level, between_experiments, change_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PAGE = Path(__file__).parents[2] / "docs" / "experiment-quality.md"
POOLED = 7
CONFIDENCE = 0.95
BUDGET = 1.0
#: From so many accepted nights on, the stated level is to hold.
SETTLED = 14
BEGIN, END = "<!-- {}: written by dev/benchmarks/experiment_quality.py -->", "<!-- end of {} -->"

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


# -- tables --------------------------------------------------------------------------------------------------------


def worlds_without_change() -> list[World]:
    """The staged worlds in which nothing changes."""
    found = [World(examples=examples, mood=mood) for examples in (20, 100, 500) for mood in (0, 0.01, 0.02)]
    found += [World("pass/fail", examples, mood) for examples in (20, 100, 500) for mood in (0, 0.02)]
    found += [World("grades", 100, mood) for mood in (0, 0.02)]
    for cluster, icc in ((5, 0.3), (10, 0.5)):
        found += [World(examples=100, mood=mood, cluster=cluster, icc=icc) for mood in (0, 0.02)]
        found.append(World(examples=100, cluster=cluster, icc=icc, clustered=False))
    found += [World(examples=100, mood=mood, evaluators=5) for mood in (0, 0.02)]
    found.append(World("pass/fail", 100, 0.01, evaluators=5))
    return found


def _seed(*parts: object) -> np.random.Generator:
    return np.random.default_rng([ord(char) for char in repr(parts)])


def false_alarms(histories: int, nights: int = 104) -> list[list[str]]:
    """Nights of unchanged quality that ring all the same; stated are 2.5 % of nights and one drift alarm a year."""
    rows = []
    for world in worlds_without_change():
        early: list[bool] = []
        late: list[bool] = []
        covered: list[bool] = []
        drifted = quarters = looked = 0
        count = histories if world.evaluators == 1 else max(4, histories // 3)
        for number in range(count):
            found = list(history(world, nights, _seed("alarms", world.label, world.examples, world.mood, number)))
            settled = [night for night in found if night.accepted_before >= SETTLED]
            early += [night.dropped for night in found if night.accepted_before < SETTLED]
            late += [night.dropped for night in settled]
            covered += [night.covered for night in settled]
            # A drift that rings rings again until it is accepted: its first night is the alarm.
            first = next((index for index, night in enumerate(found) if night.drifted), None)
            looked += len(found) if first is None else first + 1
            drifted += first is not None
            quarter = settled[:90]
            quarters += any(night.is_blocked for night in quarter)
        rows.append(
            [
                world.label,
                str(world.examples),
                f"{world.mood:g}",
                f"{np.mean(early):.1%}",
                f"{np.mean(late):.1%}",
                f"{np.mean(covered):.1%}",
                f"{quarters / count:.0%}",
                f"{drifted * slow.YEAR / looked:.1f}",
            ]
        )
    return rows


def power(histories: int, drops: Sequence[float] = (0.02, 0.05, 0.10, 0.30)) -> list[list[str]]:
    """One night that is worse, after thirty that were not."""
    rows = []
    worlds = [World(kind, examples, mood) for kind in ("continuous", "pass/fail") for examples in (20, 100, 500)
              for mood in (0, 0.02)]  # fmt: skip
    for world in worlds:
        shares, detectable = [], []
        for drop in drops:
            bad = replace(world, drop=lambda night, size=drop: size if night == 30 else 0.0)
            last = [
                list(history(bad, 31, _seed("power", world.label, world.examples, world.mood, drop, number)))[-1]
                for number in range(histories)
            ]
            shares.append(float(np.mean([night.is_blocked for night in last])))
            detectable += [night.detectable for night in last]
        cells = [f"{share:.0%}" for share in shares]
        rows.append(
            [world.kind, str(world.examples), f"{world.mood:g}", *cells, f"{statistics.median(detectable):.3f}"]
        )
    return rows


def slides(histories: int, before: int = 30, after: int = 60) -> list[list[str]]:
    """A slide that begins after thirty unchanged nights and goes on for sixty."""
    rows = []
    for examples, mood, step in (
        (500, 0, 0.002), (500, 0.01, 0.002), (500, 0.02, 0.002), (500, 0, 0.001), (500, 0.02, 0.001), (100, 0, 0.002),
    ):  # fmt: skip
        world = World(examples=examples, mood=mood, drop=lambda night, size=step: size * max(0, night - before + 1))
        delays, by_drift, in_vain = [], 0, 0
        for number in range(histories):
            found = list(history(world, before + after, _seed("slides", examples, mood, step, number)))
            in_vain += any(night.drifted for night in found[: before - 1])
            sliding = found[before - 1 :]
            first = next((index + 1 for index, night in enumerate(sliding) if night.is_blocked), after + 1)
            seen = next((index + 1 for index, night in enumerate(sliding) if night.drifted), after + 1)
            delays.append(seen)
            by_drift += first <= 30
        rows.append(
            [
                str(examples),
                f"{mood:g}",
                f"{step:g}",
                f"{np.mean([delay <= 30 for delay in delays]):.0%}",
                f"{statistics.median(delays):.0f}",
                f"{by_drift / histories:.0%}",
                f"{in_vain / histories:.0%}",
            ]
        )
    return rows


def steps(histories: int) -> list[list[str]]:
    """A regression that nobody mends for thirty nights, after fourteen good ones: how many of them are blocked.

    The same once more where a pass must rule out half of it, and an inconclusive night waits for a person.
    """
    rows = []
    for kind, examples, mood, drop in (
        ("continuous", 100, 0.02, 0.30), ("pass/fail", 100, 0.02, 0.30), ("pass/fail", 20, 0, 0.30),
        ("continuous", 100, 0, 0.05), ("pass/fail", 500, 0.02, 0.10),
    ):  # fmt: skip
        world = World(kind, examples, mood, drop=lambda night, size=drop: size if night >= SETTLED else 0.0)
        careful = replace(world, rule_out=drop / 2)
        blocked, whole, kept, waits = [], 0, [], []
        for number in range(histories):
            seed = ("steps", kind, examples, mood, drop, number)
            caught = [night.is_blocked for night in list(history(world, SETTLED + 30, _seed(*seed)))[-30:]]
            blocked += caught
            whole += all(caught)
            nights = list(history(careful, SETTLED + 30, _seed(*seed)))
            kept += [night.is_blocked or night.open for night in nights[-30:]]
            waits += [night.open and not night.is_blocked for night in nights[:-30]]
        shares = [np.mean(blocked), whole / histories, np.mean(kept), np.mean(waits)]
        texts = [f"{share:.1%}" if index in (0, 2) else f"{share:.0%}" for index, share in enumerate(shares)]
        rows.append([kind, str(examples), f"{mood:g}", f"{drop:.2f}", *texts])
    return rows


def tolerance(histories: int) -> list[list[str]]:
    """A night that is worse by exactly what ``max_drop`` allows, after thirty that were not."""
    rows = []
    for kind, examples, mood in (
        ("continuous", 100, 0), ("continuous", 500, 0.02), ("pass/fail", 100, 0), ("pass/fail", 500, 0),
    ):  # fmt: skip
        world = World(kind, examples, mood, max_drop=0.02, drop=lambda night: 0.02 if night == 30 else 0.0)
        failed = [
            list(history(world, 31, _seed("tolerance", kind, examples, mood, number)))[-1].dropped
            for number in range(histories * 4)
        ]
        rows.append([kind, str(examples), f"{mood:g}", f"{np.mean(failed):.1%}"])
    return rows


def unanswered(histories: int) -> list[list[str]]:
    """The app fails on the hardest examples of a night: what the evaluator sees of it, and what the gate does."""
    rows = []
    for examples, share in ((100, 0.04), (100, 0.08), (500, 0.04), (500, 0.08)):
        blocked = []
        world = World(examples=examples)
        raw = []
        for number in range(histories):
            random = _seed("unanswered", examples, share, number)
            difficulty = difficulty_of(world, random)
            nights = [scores_of(world, difficulty, each, random)[0] for each in range(31)]
            hardest = np.argsort(difficulty[0])[: round(examples * share)]
            raw.append(float(np.delete(nights[0], hardest).mean() - nights[0].mean()))
            answered = np.ones(examples)
            answered[hardest] = 0
            seen = judge(World("pass/fail", examples, evaluators=2), [answered, *([np.ones(examples)] * 30)])
            blocked.append(seen["dropped"])
        rows.append([str(examples), f"{share:.0%}", f"{np.mean(raw):+.3f}", f"{np.mean(blocked):.0%}"])
    return rows


TABLES: dict[str, tuple[Callable[[int], list[list[str]]], list[str]]] = {
    "false alarms": (
        false_alarms,
        ["scores", "examples", "mood", "false alarms, nights 2 to 14", "false alarms, later nights",
         "interval holds the true change", "quarters with an alarm", "drift alarms a year"],
    ),
    "power": (
        power,
        ["scores", "examples", "mood", "finds 0.02", "finds 0.05", "finds 0.10", "finds 0.30", "smallest drop seen"],
    ),
    "regressions that stay": (
        steps, ["scores", "examples", "mood", "drop", "nights blocked", "histories blocked on all 30",
                "with `rule_out` of half the drop: nights not promoted", "and good nights that ask a person"],
    ),
    "slides": (
        slides,
        ["examples", "mood", "slide a night", "found by the slow test in 30 nights", "median night it is found",
         "found by either test in 30 nights", "false alarms of the slow test in the 30 nights before"],
    ),
    "tolerance": (tolerance, ["scores", "examples", "mood", "nights that fail"]),
    "unanswered": (
        unanswered, ["examples", "hardest that fail", "the mean of the rest rises by", "nights blocked"],
    ),
}  # fmt: skip


def table_of(name: str, histories: int) -> str:
    """One table as Markdown."""
    make, heads = TABLES[name]
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 1), *make(histories)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def replaced(page: str, name: str, table: str) -> str:
    """A page with the table of that name replaced."""
    begin, end = BEGIN.format(name), END.format(name)
    head, rest = page.split(begin)
    return f"{head}{begin}\n\n{table}\n\n{end}{rest.split(end)[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    parser.add_argument("--histories", type=int, default=200, help="how many of each kind (default: 200)")
    parser.add_argument("--table", choices=sorted(TABLES), action="append", help="only this one (default: all)")
    options = parser.parse_args()
    vars(variation).update(t_quantile=t_quantile, t_upper_tail=t_upper_tail)
    for name in options.table or TABLES:
        table = table_of(name, options.histories)
        print(f"{name}\n\n{table}\n", flush=True)
        if options.write:
            page = PAGE.read_text(encoding="utf-8")
            PAGE.write_text(replaced(page, name, table), encoding="utf-8")


if __name__ == "__main__":
    main()
