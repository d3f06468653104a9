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
from tests.e2e.faults.support.fault_rows import ADOPTS, BAD, FRESH, KIND, MEANT, Row

ROOT = Path(__file__).parents[3]
REPORTS = ROOT / ".cache" / "reports"
PAGE = ROOT / "docs" / "fault-matrix.md"
SUMMARY_PAGE = ROOT / "docs" / "exactly-once.md"
#: The summary stands between these in its page.
BEGIN, END = "<!-- from the fault matrix -->\n", "<!-- end -->\n"
#: What an attempt's log says, in the summary's words.
THEN = {FRESH: "the next attempt triggers", MEANT: "the next attempt looks for its run", ADOPTS: "the run is adopted"}
HEAD = (
    "| what happened | operator | task ended | attempts | kills | platform's own retries | remote runs"
    " | twins cancelled | still going | labelled once | missed | twice | what the log said |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
)
SUMS = ("runs", "twins", "going", "spans", "once", "missed", "twice", "kills", "attempts", "platform")
INTRODUCTION = """# The fault matrix

What was done to a real Airflow (API server, scheduler with workers, triggerer, on PostgreSQL) and to the local Arize
while tasks were triggering, waiting or resuming, and what was left afterwards: runs started on Arize, twins among them
that were cancelled, runs still going once the task had ended, spans labelled once, never or twice. Every fault happens
in kind weather and again in [bad weather](emulator.md#bad-weather), the workers killed at random in bad weather only.
"Platform's own retries" are attempts that Airflow itself failed without any of this, now and then when a task resumes,
more often on a busy machine; they adopted the run like any other retry. A row whose kill was forestalled that way is
run again. Each run beside the one that counts must be explained, by the task's result or in its log: a twin (cancelled,
or ended and named), one that failed or was cancelled, one that a kill, a clear or an older rival ended. The matrix
fails on any other.

Written by `FAULTS_PAGE=1 make faults`, on {date}.

"""


def write_report(rows: list[Result], components: list[Result], loop: list[Result], *, seed: str) -> str:
    """Print the tables and keep them in ``.cache/reports``; with ``FAULTS_PAGE`` set, in the documentation too.

    :return: the tables as Markdown.
    """
    everything = [*rows, *components, *loop]
    text = ""
    for weather, title in ((KIND, "Single faults"), (BAD, "The same in bad weather")):
        chosen = [row for row in rows if (row.weather == BAD) is (weather == BAD)]
        text += f"## {title}\n\n{HEAD}" + "".join(map(_line, chosen)) + "\n"
    text += "Missed spans are right where somebody stopped the run; everywhere else there are none.\n"
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
        before, begin, rest = SUMMARY_PAGE.read_text().partition(BEGIN)
        SUMMARY_PAGE.write_text(before + begin + summary([*rows, *components]) + END + rest.partition(END)[2])
    print("\n" + text)
    return text


def summary(results: list[Result]) -> str:
    """What happened, what then: a line for each fault, over all operators."""
    text = "| what happened | what then | in kind weather | in bad weather |\n|---|---|---|---|\n"
    for what in dict.fromkeys(each.what for each in results):
        hit = [each for each in results if each.what == what]
        told = any(each.expected and each.expected.says in THEN for each in hit)
        # A row in bad weather has no words of its own, where the same row in kind weather has some.
        rows = [each.expected for each in hit if not (told and each.weather == BAD)]
        then = dict.fromkeys(map(_then, rows))
        kind = {_outcome(each): 1 for each in hit if each.weather != BAD}
        bad = {_outcome(each): 1 for each in hit if each.weather == BAD}
        text += f"| {what} | {'; '.join(then)} | {'; '.join(kind)} | {'; '.join(bad)} |\n"
    return text


def _then(row: Row | None) -> str:
    """What becomes of the run, in a word."""
    if row is None:
        return "waiting goes on"
    if row.says in THEN:
        return THEN[row.says]
    if row.twins:
        return "a second run is triggered; the twin is cancelled"
    if row.action == "rival":
        return "the older run stays; a second one is cancelled by the DAG run that triggered it"
    if row.runs > 1:
        return "a new run is triggered"
    if row.labelled:
        return "the same attempt goes on"
    return "the run goes on" if row.going else "the run is cancelled"


def _outcome(result: Result) -> str:
    parts = [f"{result.runs} run{'s' * (result.runs != 1)}"]
    parts += [f"{result.twins} cancelled as twins"] if result.twins else []
    parts += [f"{result.going} going on"] if result.going else []
    return f"{result.state}: {', '.join(parts)}"


def _line(result: Result) -> str:
    row = result.expected
    is_other = row is not None and row.runs != result.runs and not row.is_loose
    expected = f" (expected {row.runs})" if row is not None and is_other else ""
    cells = (
        result.what, result.operator, result.state, result.attempts, result.kills, result.platform,
        f"{result.runs}{expected}", result.twins, result.going, f"{result.once} of {result.spans}",
        result.missed, result.twice, _short(result),
    )  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


def _short(result: Result, limit: int = 160) -> str:
    said = " ".join((result.problem or result.said).replace("|", "\\|").split())
    return said if len(said) <= limit else said[:limit] + "…"


def _merged(components: list[Result]) -> list[Result]:
    """One line for the tasks that one fault hit."""
    merged = []
    for (what, weather), group in groupby(components, key=lambda each: (each.what, each.weather)):
        hit = list(group)
        states = Counter(each.state for each in hit)
        merged.append(
            Result(
                name=hit[0].name,
                what=what,
                expected=None,
                operator=f"evaluation, {weather} weather",
                state=_times(states),
                problem="; ".join(each.problem for each in hit if each.problem),
                **{name: sum(getattr(each, name) for each in hit) for name in SUMS},
            )
        )
    return merged


def _times(counted: Counter[str]) -> str:
    return ", ".join(f"{what} {count}x" for what, count in counted.items())


def _loop(loop: list[Result], seed: str) -> str:
    head = (
        "operator",
        "DAG runs",
        "kills",
        "most in one",
        "task ended",
        "remote runs",
        "twins cancelled",
        "still going",
        "missed",
        "twice",
        "why more runs than DAG runs",
    )
    text = "| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|\n"
    for operator, group in groupby(loop, key=lambda each: each.operator):
        hit = list(group)
        kills = [each.kills for each in hit]
        states = _times(Counter(each.state for each in hit))
        sums = [sum(getattr(each, name) for each in hit) for name in ("runs", "twins", "going", "missed", "twice")]
        why = Counter(reason for each in hit for reason in each.second_runs)
        cells = (operator, len(hit), sum(kills), max(kills), states, *sums, _times(why))
        text += "| " + " | ".join(str(cell) for cell in cells) + " |\n"
    return f"{text}\nSeed {seed}. A task's processes are killed up to three times, executing, waiting or resuming.\n"
