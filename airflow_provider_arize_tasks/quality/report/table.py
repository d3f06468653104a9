"""A check of an experiment as a plain text table, for the task log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.quality.result import describe_measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_arize_tasks.quality.result import EvaluatorCheck, ExperimentCheck
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows

_HEADINGS = ("evaluator", "measure", "score", "baseline", "change", "interval of the change", "scored", "outcome")


def summary_table(check: ExperimentCheck) -> str:
    """The verdict, a line per evaluator, and every finding.

    :param check: the result of a check.
    """
    verdict = "PASSED" if check.passed else "FAILED"
    lines = [f"{verdict}: experiment {check.candidate.label} {describe_baseline(check.baseline)}"]
    if check.evaluators:
        lines += ["", *_aligned([_HEADINGS, *(_cells(evaluator) for evaluator in check.evaluators)]), ""]
    lines += [f"failed  {finding.message}" for finding in check.failures]
    lines += [f"note    {finding.message}" for finding in check.remarks]
    return "\n".join(lines).rstrip()


def describe_baseline(baseline: Sequence[ExperimentRows]) -> str:
    """What a check compares with, in words.

    :param baseline: the experiments of the baseline, newest first.
    """
    if not baseline:
        return "without a baseline"
    if len(baseline) == 1:
        return f"against {baseline[0].label}"
    return f"against the mean of {len(baseline)} experiments, {baseline[-1].label} to {baseline[0].label}"


def describe_outcome(check: EvaluatorCheck) -> str:
    """An evaluator's outcome in words, such as ``score dropped``.

    :param check: the result about one evaluator.
    """
    return check.outcome.value.replace("_", " ")


def _cells(check: EvaluatorCheck) -> tuple[str, ...]:
    change = check.change
    interval = "-" if change is None or change.low is None else f"{change.low:+.3f} to {change.high:+.3f}"
    return (
        check.evaluator,
        describe_measure(check.measure),
        "-" if check.score is None else f"{check.score.mean:.3f}",
        "-" if check.baseline_score is None else f"{check.baseline_score:.3f}",
        "-" if change is None else f"{change.mean:+.3f}",
        interval,
        f"{check.scored}/{check.rows}",
        describe_outcome(check),
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
