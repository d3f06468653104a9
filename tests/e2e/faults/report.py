"""The fault matrix as tables for a reader, and as JSON."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path

from tests.e2e.faults.matrix import Result

ROOT = Path(__file__).parents[3]
REPORTS = ROOT / ".cache" / "reports"
PAGE = ROOT / "docs" / "fault-matrix.md"
HEAD = (
    "| what happened | operator | task ended | attempts | kills | platform's own retries | remote runs"
    " | still going | labelled once | missed | twice | what the log said |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|\n"
)
SUMS = ("runs", "going", "spans", "once", "missed", "twice", "kills", "attempts", "platform")
INTRODUCTION = """# The fault matrix

What was done to a real Airflow (API server, scheduler with workers, triggerer, on PostgreSQL) and to the local Arize
while tasks were triggering, waiting or resuming, and what was left afterwards: runs started on Arize, runs still going
once the task had ended, spans labelled once, never or twice. "Platform's own retries" are attempts that Airflow itself
failed without any of this, which happens now and then when a task resumes; they took over the run like any other retry.

Written by `FAULTS_PAGE=1 make faults`, on {date}.

"""


def write_report(rows: list[Result], components: list[Result], loop: list[Result], *, seed: str) -> str:
    """Print the tables and keep them in ``.cache/reports``; with ``FAULTS_PAGE`` set, in the documentation too.

    :return: the tables as Markdown.
    """
    everything = [*rows, *components, *loop]
    text = f"## Single faults\n\n{HEAD}" + "".join(map(_line, rows))
    text += "\nMissed spans are right where somebody stopped the run; everywhere else there are none.\n"
    text += f"\n## Components, three waiting tasks each\n\n{HEAD}" + "".join(map(_line, _merged(components)))
    text += f"\n## Workers killed at random moments\n\n{_loop(loop, seed)}"
    text += (
        f"\nIn all {len(everything)} DAG runs, {sum(each.kills for each in everything)} worker processes killed,"
        f" {sum(each.platform for each in everything)} retries of the platform's own.\n"
    )
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / "faults.md").write_text(text)
    (REPORTS / "faults.json").write_text(json.dumps([asdict(each) for each in everything], indent=1))
    if os.environ.get("FAULTS_PAGE"):
        PAGE.write_text(INTRODUCTION.format(date=datetime.now(timezone.utc).date()) + text)
    print("\n" + text)
    return text


def _line(result: Result) -> str:
    row = result.expected
    expected = f" (expected {row.runs})" if row is not None and row.runs != result.runs else ""
    cells = (
        result.what, result.operator, result.state, result.attempts, result.kills, result.platform,
        f"{result.runs}{expected}", result.going, f"{result.once} of {result.spans}", result.missed, result.twice,
        _short(result),
    )  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


def _short(result: Result, limit: int = 160) -> str:
    said = " ".join((result.problem or result.said).replace("|", "\\|").split())
    return said if len(said) <= limit else said[:limit] + "…"


def _merged(components: list[Result]) -> list[Result]:
    """One line for the tasks that one fault hit."""
    merged = []
    for what, group in groupby(components, key=lambda each: each.what):
        hit = list(group)
        states = Counter(each.state for each in hit)
        merged.append(
            Result(
                name=hit[0].name,
                what=what,
                expected=None,
                state=", ".join(f"{state} {count}x" for state, count in states.items()),
                problem="; ".join(each.problem for each in hit if each.problem),
                **{name: sum(getattr(each, name) for each in hit) for name in SUMS},
            )
        )
    return merged


def _loop(loop: list[Result], seed: str) -> str:
    head = (
        "operator",
        "DAG runs",
        "kills",
        "most in one",
        "task ended",
        "remote runs",
        "still going",
        "missed",
        "twice",
    )
    text = "| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|\n"
    for operator, group in groupby(loop, key=lambda each: each.operator):
        hit = list(group)
        kills = [each.kills for each in hit]
        states = ", ".join(f"{state} {count}x" for state, count in Counter(each.state for each in hit).items())
        sums = [sum(getattr(each, name) for each in hit) for name in ("runs", "going", "missed", "twice")]
        cells = (operator, len(hit), sum(kills), max(kills), states, *sums)
        text += "| " + " | ".join(str(cell) for cell in cells) + " |\n"
    return f"{text}\nSeed {seed}. A task's processes are killed up to three times, executing, waiting or resuming.\n"
