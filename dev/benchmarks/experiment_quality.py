"""How often the experiment check rings without a reason, and how often it finds a real drop.

Simulates nights of a dataset with the product's own code (:func:`judge_experiment`), fixed seeds and the standard
library's random numbers, and writes the tables of ``docs/experiment-quality.md``::

    python dev/benchmarks/experiment_quality.py           # print the tables
    python dev/benchmarks/experiment_quality.py --write   # put them into the page

Every night scores the same examples anew. An example keeps its own difficulty from night to night; what differs is the
noise of answering and judging. 1,000 consecutive nights, each compared with the night before and with the mean of the
seven nights before. A drop is staged by one more experiment per night whose true mean is lower by that much.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from airflow_provider_arize_tasks.quality.conditions import Conditions, Outcome, read_conditions
from airflow_provider_arize_tasks.quality.judge import judge_experiment
from airflow_provider_arize_tasks.quality.rows import Evaluation, ExperimentRows, Row

PAGE = Path(__file__).parents[2] / "docs" / "experiment-quality.md"
NIGHTS = 1_000
BASELINE = 7
DROPS = (0.02, 0.05, 0.10)
EXAMPLES = (25, 100, 400)
BEGIN, END = "<!-- {}: written by dev/benchmarks/experiment_quality.py -->", "<!-- end of {} -->"

#: One score of one example: its own place in the distribution, the drop, the night's random numbers.
Scorer = Callable[[float, float, Random], float]


@dataclass(frozen=True)
class Kind:
    """A kind of evaluator: how hard examples are, and how one is scored."""

    name: str
    difficulty: Callable[[Random], float]
    score: Scorer


def _pass_or_fail(share: float) -> Kind:
    # U-shaped: most examples nearly always pass or nearly always fail, some are a toss-up.
    def score(chance: float, drop: float, random: Random) -> float:
        return float(random.random() < chance * (1 - drop / share))

    return Kind(
        f"pass/fail, {share:.0%} pass", lambda random: random.betavariate(share * 0.6, (1 - share) * 0.6), score
    )


def _grades(place: float, drop: float, random: Random) -> float:
    return min(4, max(0, round(4 * (place - drop + random.gauss(0, 0.15))))) / 4


def _continuous(place: float, drop: float, random: Random) -> float:
    return place - drop + random.gauss(0, 0.1)


KINDS = (
    _pass_or_fail(0.9),
    _pass_or_fail(0.5),
    Kind("grades 1 to 5", lambda random: 0.25 + 0.5 * random.betavariate(2, 2), _grades),
    Kind("continuous", lambda random: 0.25 + 0.7 * random.betavariate(4, 2), _continuous),
)


@dataclass(frozen=True)
class Line:
    """One line of the first table; shares of nights."""

    kind: str
    examples: int
    alarms_previous: float
    alarms_pooled: float
    coverage: float
    power: tuple[float, ...]


def simulate(
    kind: Kind, examples: int, *, nights: int = NIGHTS, evaluators: int = 1, drops: Sequence[float] = DROPS
) -> Line:
    """Simulate consecutive nights of one dataset.

    :param kind: the kind of its evaluators.
    :param examples: size of the dataset.
    :param nights: how many nights to judge.
    :param evaluators: how many evaluators of this kind, independent of each other.
    :param drops: true drops to stage.
    """
    random = Random(f"{kind.name}/{examples}/{evaluators}")
    places = [[kind.difficulty(random) for _ in range(examples)] for _ in range(evaluators)]
    past = [_night(kind, places, 0.0, random) for _ in range(BASELINE)]
    conditions = read_conditions(max_drop=0)
    alarms_previous = alarms_pooled = covered = 0
    found = [0] * len(drops)
    for _ in range(nights):
        tonight = _night(kind, places, 0.0, random)
        alarms_previous += _rings(tonight, past[:1], conditions)
        alarms_pooled += _rings(tonight, past, conditions)
        covered += _covers_zero(tonight, past, conditions)
        for index, drop in enumerate(drops):
            found[index] += _rings(_night(kind, places, drop, random), past, conditions)
        past = [tonight, *past[:-1]]
    return Line(
        kind=kind.name,
        examples=examples,
        alarms_previous=alarms_previous / nights,
        alarms_pooled=alarms_pooled / nights,
        coverage=covered / nights,
        power=tuple(count / nights for count in found),
    )


def _night(kind: Kind, places: Sequence[Sequence[float]], drop: float, random: Random) -> ExperimentRows:
    rows = tuple(
        Row(
            example=str(example),
            evaluations={
                f"evaluator {index}": Evaluation(score=kind.score(own[example], drop, random))
                for index, own in enumerate(places)
            },
        )
        for example in range(len(places[0]))
    )
    return ExperimentRows(id=str(random.random()), rows=rows)


def _rings(tonight: ExperimentRows, past: Sequence[ExperimentRows], conditions: Conditions) -> bool:
    check = judge_experiment(tonight, past, conditions)
    return any(finding.outcome is Outcome.SCORE_DROPPED for finding in check.failures)


def _covers_zero(tonight: ExperimentRows, past: Sequence[ExperimentRows], conditions: Conditions) -> bool:
    changes = [check.change for check in judge_experiment(tonight, past, conditions).evaluators]
    return all(
        change is not None and change.low is not None and change.high is not None and change.low <= 0 <= change.high
        for change in changes
    )


def quality_table(rows: Sequence[Line]) -> str:
    """The first table: false alarms, coverage of the interval, power."""
    heads = ["scores", "examples", "false alarms, against the night before", "false alarms, against seven nights"]
    heads += ["interval holds the true change", *(f"finds a drop of {drop:.2f}" for drop in DROPS)]
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 1)]
    lines += [format_row(row) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def format_row(row: Line) -> list[str]:
    """One line of the first table."""
    shares = [row.alarms_previous, row.alarms_pooled, row.coverage]
    return [
        row.kind,
        str(row.examples),
        *(f"{share:.1%}" for share in shares),
        *(f"{share:.0%}" for share in row.power),
    ]


def evaluators_table(rows: Sequence[tuple[int, Line]]) -> str:
    """The second table: false alarms by the number of evaluators."""
    lines = [["evaluators", "nights that ring without a change"], ["--:", "--:"]]
    lines += [[str(count), f"{row.alarms_pooled:.1%}"] for count, row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def replaced(page: str, name: str, table: str) -> str:
    """A page with the table of that name replaced."""
    begin, end = BEGIN.format(name), END.format(name)
    head, rest = page.split(begin)
    return f"{head}{begin}\n\n{table}\n\n{end}{rest.split(end)[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    write = parser.parse_args().write
    first = quality_table([simulate(kind, examples) for kind in KINDS for examples in EXAMPLES])
    second = evaluators_table([(count, simulate(KINDS[0], 100, evaluators=count, drops=())) for count in (1, 2, 5)])
    print(f"{first}\n\n{second}")
    if write:
        page = PAGE.read_text(encoding="utf-8")
        page = replaced(replaced(page, "false alarms and power", first), "several evaluators", second)
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
