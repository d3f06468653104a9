"""How often the experiment check rings without a reason, and how soon it finds a real drop or a slide.

Simulates histories of a nightly experiment (``experiment_worlds``): the gate decides each night whether it counts, and
what it accepted is what the next night is compared with. Fixed seeds::

    python -m dev.benchmarks.experiment_quality                  # print the tables; some ten minutes of one core
    python -m dev.benchmarks.experiment_quality --write          # put them into docs/experiment-quality.md
    python -m dev.benchmarks.experiment_quality --histories 10   # fewer, to look at
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from airflow_provider_arize_tasks.quality import drift as slow
from airflow_provider_arize_tasks.quality import variation
from dev.benchmarks.experiment_worlds import World, difficulty_of, history, judge, scores_of, t_quantile, t_upper_tail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE = Path(__file__).parents[2] / "docs" / "experiment-quality.md"
#: From so many accepted nights on, the stated level is to hold.
SETTLED = 14
BEGIN, END = "<!-- {}: written by dev/benchmarks/experiment_quality.py -->", "<!-- end of {} -->"

Array = np.ndarray[Any, np.dtype[np.float64]]


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
