"""The demonstration's result, for a person: a table, the ledger's verdict, and whether every claim held."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dev.demo.show import Line, Show

HEAD = ("window", "run on Arize", "status", "evaluated", "run took", "task took", "worker held", "its CPU", "attempts")


class Verdict(Enum):
    """Whether everything the table is to show was so."""

    HELD = "held"
    BROKEN = "broken"


def _row(line: Line) -> tuple[str, ...]:
    done = sum(line.run.get(name) or 0 for name in ("num_successes", "num_errors", "num_skipped"))
    return (
        line.window,
        str(line.run.get("id", "-")),
        str(line.run.get("status", f"task {line.state}")),
        str(done),
        f"{line.run_seconds:.1f} s",
        f"{line.waited:.1f} s",
        f"{line.held:.2f} s",
        f"{line.cpu:.2f} s",
        str(line.attempts),
    )


def table(lines: list[Line]) -> str:
    """The table as aligned text."""
    rows = [HEAD, *(_row(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([texts[0], "-" * len(texts[0]), *texts[1:]])


def problems(lines: list[Line], ledger: dict[str, Any], runs_started: int, days: int) -> list[str]:
    """What did not hold, in words; empty when all did."""
    found = [f"{line.window}: the task ended {line.state}" for line in lines if line.state != "success"]
    found += [
        f"{line.window}: a worker was held for {line.held:.1f} s of {line.waited:.1f} s"
        for line in lines
        # Starting two processes takes longer on a busy machine; what must be so is that the wait itself held none.
        if line.state == "success" and line.waited - line.held < line.run_seconds / 2
    ]
    if len(lines) != days + 1:
        found.append(f"expected {days} windows and one experiment, found {len(lines)} tasks")
    if ledger["spans"] == 0 or ledger["once"] != ledger["spans"]:
        found.append("not every span was labelled exactly once")
    if runs_started != days:
        found.append(f"{runs_started} runs were started for {days} windows")
    return found


def print_report(show: Show) -> Verdict:
    """Print table, ledger and verdict.

    :return: whether every claim held.
    """
    lines, ledger, runs = show.lines(), show.ledger(), show.runs_started()
    print("\n" + table(lines))
    print(
        "\nworker held: the measured lives of the task's processes, from fork to end; the rest of the time the wait was"
        "\na few bytes in the triggerer. A second attempt is Airflow's own doing, and adopted the first one's run."
    )
    print(
        f"\nThe ledger of the week ({runs} runs): {ledger['spans']} spans in the windows, {ledger['once']} labelled"
        f" exactly once, {ledger['missed']} missed, {ledger['twice']} labelled twice."
    )
    print(f"\nThe quality gate, scores with their change against the nights before:\n\n{show.gate.table()}")
    broken = [*problems(lines, ledger, runs, show.days), *show.gate.problems()]
    for each in broken:
        print(f"NOT AS PROMISED: {each}")
    print("\nEverything held." if not broken else "")
    return Verdict.BROKEN if broken else Verdict.HELD
