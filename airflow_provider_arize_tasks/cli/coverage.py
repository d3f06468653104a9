"""``python -m airflow_provider_arize_tasks coverage``: which windows a task has evaluated, for a person or as JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.cli.calendar import Style, render_calendar, render_gaps
from airflow_provider_arize_tasks.cli.connection import config_for
from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.coverage.reading import TaskCoverage, range_of, read_task_coverage
from airflow_provider_arize_tasks.windows.grid import border_after
from airflow_provider_arize_tasks.windows.times import WindowError, delay_of, width_of, zone_of
from airflow_provider_arize_tasks.windows.window import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_arize_tasks.client.api import ArizeApi
    from airflow_provider_arize_tasks.coverage.calendar import Cell
    from airflow_provider_arize_tasks.coverage.gaps import Gaps

#: For how long a person is kept waiting by a server that fails or throttles, in seconds.
PATIENCE = 20.0
_EPILOG = """\
The connection: --conn-id names an Airflow connection. Without it the environment is used if ARIZE_API_KEY is set (with
ARIZE_API_HOST, ARIZE_REGION, ARIZE_SINGLE_HOST or ARIZE_BASE_DOMAIN, ARIZE_SPACE and the like), else the Airflow
connection arize_default.

Exit status: 0, or 1 with --fail-on-gaps if windows are left to evaluate; 2 for a mistake in the arguments or the
connection; 3 if the API could not be asked.
"""


def add_parser(commands: Any) -> None:
    """Add the command to a parser's commands.

    :param commands: what ``ArgumentParser.add_subparsers`` returned.
    """
    parser = commands.add_parser(
        "coverage",
        help="show which windows of a range an evaluation task has covered",
        description="Show which windows of a range an evaluation task has covered, as a calendar or as JSON.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--task", required=True, help="name or id of the task")
    add("--space", help="space of the task, if it is given by name (default: the connection's)")
    add("--start", help="first day or time, ISO 8601 (default: 30 days before --end)")
    add("--end", help="first day or time after the range (default: the end of today, or of this window if shorter)")
    add("--window", default="daily", help="daily, hourly, weekly, or a width such as 6h (default: daily)")
    add("--timezone", default="UTC", help="time zone of days and of times without one (default: UTC)")
    add("--max-spans", type=_at_least_one, help="the max_spans of the runs (default: the server's 10000)")
    add("--max-error-rate", type=_share, help="a run with a larger share of errors does not cover (default: any may)")
    add("--settle", type=_width, default=timedelta(), help="how late spans are seen, such as 2h (default: 0)")
    add("--conn-id", help="Airflow connection to use")
    add("--json", action="store_true", help="print JSON")
    add("--color", choices=("auto", "always", "never"), default="auto", help="default: auto (NO_COLOR is respected)")
    add("--ascii", action="store_true", help="use ASCII characters only (default: if the terminal can't show others)")
    add("--fail-on-gaps", action="store_true", help="exit with status 1 if windows are left to evaluate")
    parser.set_defaults(run=run)


def _width(text: str) -> timedelta:
    try:
        delay = timedelta() if text.strip() == "0" else delay_of(text)
        return width_of(text, name="the width") if delay is None else delay
    except WindowError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _at_least_one(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"must lie between 0 and 1, not {text!r}")
    return share


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    :param arguments: as parsed.
    :return: the exit status.
    """
    try:
        # Airflow 2 logs to standard output, where the calendar and --json go.
        with contextlib.redirect_stdout(sys.stderr):
            found = _read(arguments)
    except ArizeError as error:
        sys.stderr.write(f"coverage: {error}\n")
        return 3 if error.retryable else 2
    gaps = found.coverage.gaps(found.range.every, found.range.zone, now=found.now, settle=arguments.settle)
    cells = list(found.coverage.cells(found.range.every, found.range.zone, now=found.now))
    if arguments.json:
        sys.stdout.write(json.dumps(_as_json(found, cells, gaps), indent=2) + "\n")
    else:
        sys.stdout.write(_as_text(found, cells, gaps, _style(arguments)))
    return 1 if gaps.windows and arguments.fail_on_gaps else 0


def _read(arguments: argparse.Namespace) -> TaskCoverage:
    every = width_of(arguments.window, name="--window")
    wanted = range_of(
        timedelta(days=30) if arguments.start is None else arguments.start,
        arguments.end,
        window=every,
        timezone=arguments.timezone,
        reference=border_after(datetime.now(timezone.utc), every, zone_of(arguments.timezone)),
    )
    with _source(arguments.conn_id) as source:
        return read_task_coverage(
            source,
            arguments.task,
            wanted,
            space=arguments.space,
            max_spans=arguments.max_spans,
            max_error_rate=arguments.max_error_rate,
            settle=arguments.settle,
        )


@contextlib.contextmanager
def _source(conn_id: str | None) -> Iterator[ArizeApi]:
    from airflow_provider_arize_tasks.client.api import ArizeApi
    from airflow_provider_arize_tasks.client.retry import RetryPolicy
    from airflow_provider_arize_tasks.client.sync import ArizeClient

    with ArizeClient(config_for(conn_id), retry=RetryPolicy(total_seconds=PATIENCE)) as client:
        yield ArizeApi(client)


def _style(arguments: argparse.Namespace) -> Style:
    colour = arguments.color == "always"
    if arguments.color == "auto":
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    return Style(colour=colour, ascii=arguments.ascii or not encoding.startswith("utf"))


def _as_text(found: TaskCoverage, cells: list[Cell], gaps: Gaps, style: Style) -> str:
    zone, span = found.range.zone, found.range.span
    parts = [
        f"Task {found.task.name or found.task.id} ({found.task.id})",
        f"{span.start.astimezone(zone).isoformat()} to {span.end.astimezone(zone).isoformat()}, {zone}",
        "",
        render_calendar(cells, found.range.every, zone, style),
        "",
        render_gaps(gaps.windows, zone),
    ]
    return "\n".join(parts) + "\n"


def _as_json(found: TaskCoverage, cells: list[Cell], gaps: Gaps) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for cell in cells:
        counts[cell.state.value] = counts.get(cell.state.value, 0) + 1
    return {
        "task_id": found.task.id,
        "task_name": found.task.name,
        "start": iso(found.range.span.start),
        "end": iso(found.range.span.end),
        "timezone": str(found.range.zone),
        "window_seconds": found.range.every.total_seconds(),
        "now": iso(found.now),
        "counts": counts,
        "windows": [
            {**cell.window.to_dict(), "state": cell.state.value, "covered": round(cell.covered, 6)} for cell in cells
        ],
        "gaps": [window.to_dict() for window in gaps.windows],
    }
