"""Examples one by one: which got worse, which better, and in which part of the dataset."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.quality.result import ExampleChange, Slice
from airflow_provider_arize_tasks.quality.statistics import interval_of, mean_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_arize_tasks.quality.comparing import Numbers
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows, Measure, Row

#: How many of the examples that changed most a result keeps per evaluator, each way.
MOST_EXAMPLES = 10
#: A slice of fewer examples is an anecdote.
SMALLEST_SLICE = 5
#: A column with more values than this is no partition of the dataset.
MOST_SLICES = 12


def changed_examples(
    numbers: Numbers, measure: Measure, candidate: ExperimentRows, pool: Sequence[ExperimentRows]
) -> tuple[tuple[ExampleChange, ...], tuple[ExampleChange, ...]]:
    """The examples that lost most, and those that won most, with their rows.

    :param numbers: the evaluator's numbers.
    :param measure: how verdicts became numbers.
    :param candidate: the experiment in question.
    :param pool: the baseline's experiments, newest first.
    """
    sign = -1 if measure.lower_is_better else 1
    moved = sorted((sign * change, example) for example, change in numbers.differences.items() if change)
    lost = [example for change, example in moved[:MOST_EXAMPLES] if change < 0]
    won = [example for change, example in reversed(moved[-MOST_EXAMPLES:]) if change > 0]
    before = _latest_rows(pool, measure, {*lost, *won})

    def of(examples: list[str], sign: int) -> tuple[ExampleChange, ...]:
        rows = _extreme_rows(candidate.rows, measure, set(examples), sign)
        return tuple(
            ExampleChange(
                example=example,
                candidate=numbers.candidate[example],
                baseline=numbers.baseline[example],
                candidate_row=rows.get(example),
                baseline_row=before.get(example),
            )
            for example in examples
        )

    return of(lost, sign), of(won, -sign)


def slices_of(
    differences: Mapping[str, float], column: Mapping[str, str], *, confidence: float, lower_is_better: bool
) -> tuple[Slice, ...]:
    """The parts of a dataset by one of its columns, the worst first.

    :param differences: candidate minus baseline, by example id.
    :param column: the column's value, by example id.
    :param confidence: level of the intervals.
    :param lower_is_better: a rise is a loss.
    """
    parts: dict[str, dict[str, float]] = {}
    for example, change in differences.items():
        if example in column:
            parts.setdefault(column[example], {})[example] = change
    if not 2 <= len(parts) <= MOST_SLICES:
        return ()
    found = []
    for value, changes in parts.items():
        error = mean_error(changes)
        if error is not None and len(changes) >= SMALLEST_SLICE:
            found.append(Slice(value=value, change=interval_of(error, confidence=confidence)))
    sign = -1 if lower_is_better else 1
    return tuple(sorted(found, key=lambda each: (sign * each.change.mean, each.value)))


def _latest_rows(pool: Sequence[ExperimentRows], measure: Measure, examples: set[str]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for experiment in pool:
        for row in experiment.rows:
            if row.example is not None and row.example in examples and measure.value(row) is not None:
                found.setdefault(row.example, row)
    return found


def _extreme_rows(rows: Sequence[Row], measure: Measure, examples: set[str], sign: int) -> dict[str, Row]:
    """For each example the row with the lowest score (times ``sign``), where an example was run several times."""
    found: dict[str, tuple[float, Row]] = {}
    for row in rows:
        value = measure.value(row)
        if row.example is None or row.example not in examples or value is None or not math.isfinite(value):
            continue
        known = found.get(row.example)
        if known is None or sign * value < known[0]:
            found[row.example] = (sign * value, row)
    return {example: row for example, (_, row) in found.items()}
