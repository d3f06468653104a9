"""The fault matrix as tables for a reader, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.faults.matrix import Result

REPORTS = Path(__file__).parents[3] / ".cache" / "reports"
HEAD = (
    "| what happened | operator | task ended | attempts | kills | platform's own retries | remote runs"
    " | still going | labelled once | missed | twice | what the log said |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|\n"
)


def _line(result: Result) -> str:
    row = result.expected
    kind = "evaluation" if row is None else row.kind + ("" if row.deferrable else ", in the worker")
    expected = f" (expected {row.runs})" if row is not None and row.runs != result.runs else ""
    said = (result.problem or result.said).replace("|", "\\|")
    cells = (
        result.what, kind, result.state, result.attempts, result.kills, result.platform, f"{result.runs}{expected}",
        result.going, f"{result.once} of {result.spans}", result.missed, result.twice, said[:220],
    )  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


def write_report(rows: list[Result], components: list[Result], loop: list[Result], *, seed: str) -> str:
    """Print the tables and keep them in ``.cache/reports``.

    :return: the tables as Markdown.
    """
    text = f"### Single faults\n\n{HEAD}" + "".join(map(_line, rows))
    text += f"\n### Components\n\n{HEAD}" + "".join(map(_line, components))
    kills = sum(each.kills for each in loop)
    text += f"\n### Killed at random moments (seed {seed}: {len(loop)} DAG runs, {kills} kills)\n\n{HEAD}"
    text += "".join(map(_line, loop))
    everything = [*rows, *components, *loop]
    text += (
        f"\n{len(everything)} DAG runs, {sum(each.kills for each in everything)} worker processes killed,"
        f" {sum(each.platform for each in everything)} retries of the platform's own.\n"
    )
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / "faults.md").write_text(text)
    (REPORTS / "faults.json").write_text(json.dumps([asdict(each) for each in everything], indent=1))
    print("\n" + text)
    return text
