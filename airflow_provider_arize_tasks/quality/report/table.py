"""A check of an experiment as text, for the task log and for terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.printable import printable
from airflow_provider_arize_tasks.quality.conditions import Outcome, Verdict
from airflow_provider_arize_tasks.quality.result import describe_measure
from airflow_provider_arize_tasks.terminal import UNLIMITED, drawn, log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from airflow_provider_arize_tasks.quality.result import EvaluatorCheck, ExperimentCheck
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows

_HEADINGS = (
    "evaluator", "measure", "score", "baseline", "change", "interval of the change", "smallest drop seen", "scored",
    "outcome",
)  # fmt: skip
_VERDICTS = {
    Verdict.PASSED: "PASSED",
    Verdict.FAILED: "FAILED",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE",
    Verdict.NOTHING_TO_COMPARE: "NOTHING TO COMPARE WITH",
}
_COLOURS = {Verdict.PASSED: "green", Verdict.FAILED: "red", Verdict.INCONCLUSIVE: "yellow"}


def summary_table(check: ExperimentCheck, console: Console | None = None) -> str:
    """The verdict, a line per evaluator, and every finding.

    :param check: the result of a check.
    :param console: where it is shown; default a log.
    """
    from rich.table import Table
    from rich.text import Text

    console = console or log()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for heading in _HEADINGS:
        table.add_column(heading, no_wrap=console.width >= UNLIMITED)
    for evaluator in check.measures:
        name, measure = printable(evaluator.evaluator, 80), printable(describe_measure(evaluator.measure), 80)
        scored = f"{evaluator.scored}/{evaluator.expected}"
        cells = (name, measure, *numbers_of(evaluator).values(), scored, describe_outcome(evaluator))
        table.add_row(*map(Text, cells))
    verdict = Text(_VERDICTS[check.verdict], _COLOURS.get(check.verdict, ""))
    about = f": experiment {printable(check.candidate.label, 200)} {describe_baseline(check.past.pool)}"
    findings = [
        f"{word}  {finding.message}"
        for word, found in (("failed", check.failures), ("doubt ", check.doubts), ("note  ", check.remarks))
        for finding in found
    ]
    return drawn(console, Text.assemble(verdict, about), "", table, "", *findings)


def describe_baseline(baseline: Sequence[ExperimentRows]) -> str:
    """What a check compares with, in words.

    :param baseline: the experiments of the baseline, newest first.
    """
    if not baseline:
        return "without a baseline"
    names = [printable(one.label, 120) for one in (baseline[-1], baseline[0])]
    if len(baseline) == 1:
        return f"against {names[0]}"
    return f"against the mean of {len(baseline)} experiments, {names[0]} to {names[1]}"


def describe_outcome(check: EvaluatorCheck) -> str:
    """An evaluator's outcome in words, such as ``score dropped``.

    :param check: the result about one evaluator.
    """
    if check.measure.lower_is_better:
        if check.outcome is Outcome.SCORE_DROPPED:
            return "rose, which is worse"
        if check.outcome is Outcome.IMPROVED:
            return "fell, which is better"
    return check.outcome.value.replace("_", " ")


def numbers_of(check: EvaluatorCheck) -> dict[str, str]:
    """The numbers of an evaluator as every kind of report shows them; a dash where there is none.

    :param check: the result about one evaluator.
    """
    change = check.change
    return {
        "score": number(None if check.score is None else check.score.mean),
        "baseline": number(check.baseline_score),
        "change": number(None if change is None else change.mean, sign="+"),
        "interval": "-" if change is None else span(change.low, change.high, sign="+"),
        "detectable": number(None if change is None else change.detectable),
    }


def number(value: float | None, *, sign: str = "") -> str:
    """A number to three places, or a dash; with ``sign="+"`` also a plus."""
    return "-" if value is None else f"{value:{sign}.3f}"


def span(low: float | None, high: float | None, *, sign: str = "") -> str:
    """An interval likewise."""
    return "-" if low is None or high is None else f"{number(low, sign=sign)} to {number(high, sign=sign)}"
