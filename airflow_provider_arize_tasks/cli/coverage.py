"""``python -m airflow_provider_arize_tasks coverage``: which windows a task has evaluated, for a person or as JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.cli.arguments import count, length, share
from airflow_provider_arize_tasks.cli.calendar import draw_calendar, draw_gaps, draw_reasons
from airflow_provider_arize_tasks.cli.connection import config_for
from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.client.fields import length_of_time
from airflow_provider_arize_tasks.client.printable import printable
from airflow_provider_arize_tasks.coverage.calendar import Cell, cells_of
from airflow_provider_arize_tasks.coverage.cost import Cost, cost_of
from airflow_provider_arize_tasks.coverage.gaps import Gaps, OnStale, gaps_of
from airflow_provider_arize_tasks.coverage.intervals import clip
from airflow_provider_arize_tasks.coverage.reading import TaskCoverage, range_of, read_task_coverage
from airflow_provider_arize_tasks.coverage.verify import verify_window
from airflow_provider_arize_tasks.terminal import drawn, standard_output
from airflow_provider_arize_tasks.windows.grid import border_after
from airflow_provider_arize_tasks.windows.times import MILLISECOND, zone_of
from airflow_provider_arize_tasks.windows.window import Window, iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

    from airflow_provider_arize_tasks.client.api import ArizeApi
    from airflow_provider_arize_tasks.coverage.proof import Verification
    from airflow_provider_arize_tasks.coverage.states import Stretch

#: For how long a person is kept waiting by a server that fails or throttles, in seconds.
PATIENCE = 20.0
_EPILOG = """\
The connection: --conn-id names an Airflow connection. Without it the environment is used if ARIZE_API_KEY is set (with
ARIZE_API_HOST, ARIZE_REGION, ARIZE_SINGLE_HOST or ARIZE_BASE_DOMAIN, ARIZE_SPACE and the like), else the Airflow
connection arize_default.

Exit status: 0, or 1 with --fail-on-gaps if windows are left to evaluate or --verify finds spans without a label; 2 for
a mistake in the arguments or the connection; 3 if the API could not be asked.
"""


def add_parser(commands: Any) -> None:
    """Add the command to a parser's commands.

    :param commands: what ``ArgumentParser.add_subparsers`` returned.
    """
    what = "show which windows of a range an evaluation task has covered"
    add_command(commands, "coverage", what, f"{what.capitalize()}, as a calendar or as JSON.")


def add_command(commands: Any, name: str, what: str, description: str) -> argparse.ArgumentParser:
    """Add the command under a name to a parser's commands.

    :param commands: as above.
    :param name: of the command.
    :param what: it does, in the list of commands.
    :param description: the same on its own page.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=description, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--task", required=True, help="name or id of the task")
    add("--space", help="space of the task, if it is given by name (default: the connection's)")
    add("--start", help="first day or time, ISO 8601, or how far before --end, such as 30d (the default)")
    add(
        "--end",
        help="first day or time after the range, or how far back, such as 7d (default: the end of today)",
    )
    add("--window", default="daily", help="daily, hourly, weekly, or a width such as 6h (default: daily)")
    add("--timezone", default="UTC", help="time zone of days and of times without one (default: UTC)")
    add("--max-spans", type=count, help="the max_spans of the runs (default: the server's 10000)")
    add("--max-error-rate", type=share, help="a run with a larger share of errors does not cover (default: any may)")
    add("--settle", type=length, default=timedelta(), help="how late spans are seen, such as 2h (default: 0)")
    add("--give-up-after", type=length, help="let windows go that show no data for longer than this, such as 3d")
    add(
        "--stale",
        choices=[each.value for each in OnStale],
        default=OnStale.REPORT.value,
        help="windows labelled by an older judge: report what evaluating them again takes (default), count them as "
        "left to evaluate, or ignore them",
    )
    add("--verify", action="store_true", help="read the spans of the range and prove which carry their labels")
    add("--sample", type=count, help="with --verify: look at so many spans only")
    add("--conn-id", help="Airflow connection to use")
    add("--json", action="store_true", help="print JSON")
    add("--color", choices=("auto", "always", "never"), default="auto", help="default: auto (NO_COLOR is respected)")
    add("--ascii", action="store_true", help="use ASCII characters only (default: if the terminal can't show others)")
    add("--fail-on-gaps", action="store_true", help="exit with status 1 if windows are left to evaluate")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    :param arguments: as parsed.
    :return: the exit status.
    """
    try:
        # Airflow 2 logs to standard output, where the calendar and --json go.
        with contextlib.redirect_stdout(sys.stderr), _progress() as progress:
            seen = _look(arguments, progress)
    except ArizeError as error:
        sys.stderr.write(f"coverage: {printable(str(error))}\n")
        return 3 if error.retryable else 2
    if arguments.json:
        sys.stdout.write(json.dumps(_as_json(seen), indent=2) + "\n")
    else:
        sys.stdout.write(_as_text(seen, arguments))
    is_short = bool(seen.left) or (seen.proof is not None and not seen.proof.complete)
    return 1 if is_short and arguments.fail_on_gaps else 0


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What was read.

    :param left: windows left to evaluate.
    :param cost: what evaluating the stale ones again takes.
    :param proof: what the spans say.
    """

    found: TaskCoverage
    cells: list[Cell]
    gaps: Gaps
    left: tuple[Window, ...]
    cost: Cost | None = None
    proof: Verification | None = None


def _look(arguments: argparse.Namespace, progress: Callable[[str], None]) -> _Seen:
    with _source(arguments.conn_id) as source:
        found = _read(arguments, source, progress)
        every, zone = found.range.every, found.range.zone
        gaps = gaps_of(
            found.coverage,
            every,
            zone,
            now=found.now,
            settle=arguments.settle,
            give_up_after=arguments.give_up_after,
        )
        stale = tuple(sorted((*gaps.stale, *gaps.unseen)))
        cost = cost_of(source.call, found, stale) if stale and arguments.stale == OnStale.REPORT.value else None
        return _Seen(
            found=found,
            cells=list(cells_of(found.coverage, every, zone, now=found.now, let_go=gaps.let_go)),
            gaps=gaps,
            left=(*gaps.windows, *stale) if arguments.stale == OnStale.REEVALUATE.value else gaps.windows,
            cost=cost,
            proof=_verify(arguments, source, found, progress) if arguments.verify else None,
        )


def _verify(
    arguments: argparse.Namespace, source: ArizeApi, found: TaskCoverage, progress: Callable[[str], None]
) -> Verification | None:
    span = found.range.span
    over = clip(span, Window(span.start, max(span.start, min(span.end, found.now))))
    if over is None:
        return None
    return verify_window(
        source,
        found.task.id,
        over,
        sample=arguments.sample,
        progress=lambda count: progress(f"{count} spans read"),
    )


def _read(arguments: argparse.Namespace, source: ArizeApi, progress: Callable[[str], None]) -> TaskCoverage:
    every = length_of_time(arguments.window, name="--window", least=MILLISECOND)
    wanted = range_of(
        timedelta(days=30) if arguments.start is None else arguments.start,
        arguments.end,
        window=every,
        timezone=arguments.timezone,
        reference=border_after(datetime.now(timezone.utc), every, zone_of(arguments.timezone)),
    )
    return read_task_coverage(
        source,
        arguments.task,
        wanted,
        space=arguments.space,
        max_spans=arguments.max_spans,
        max_error_rate=arguments.max_error_rate,
        settle=arguments.settle,
        progress=progress,
    )


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Where to say what is being read: on a terminal's standard error, and nowhere else."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("asking Arize") as status:
        yield lambda said: status.update(said)


@contextlib.contextmanager
def _source(conn_id: str | None) -> Iterator[ArizeApi]:
    from airflow_provider_arize_tasks.client.api import ArizeApi
    from airflow_provider_arize_tasks.client.sync import ArizeClient
    from airflow_provider_arize_tasks.client.transport import RetryPolicy

    with ArizeClient(config_for(conn_id), retry=RetryPolicy(total_seconds=PATIENCE)) as client:
        yield ArizeApi(client)


def _as_text(seen: _Seen, arguments: argparse.Namespace) -> str:
    found = seen.found
    zone, span = found.range.zone, found.range.span
    console = standard_output(arguments.color)
    parts: list[RenderableType] = [
        f"Task {printable(found.task.name or found.task.id)} ({printable(found.task.id)})",
        f"{span.start.astimezone(zone).isoformat()} to {span.end.astimezone(zone).isoformat()}, {zone}",
        *(f"{printable(note)}." for note in found.notes),
        "",
        draw_calendar(seen.cells, found.range.every, zone, plain=arguments.ascii or console.options.ascii_only),
        "",
        *draw_gaps(seen.left, zone),
        *draw_reasons(seen.cells, zone),
    ]
    if seen.cost is not None:
        parts += ["", f"{seen.cost.windows} windows are stale; evaluating them again would take {seen.cost}."]
    if seen.proof is not None:
        verdict = "complete" if seen.proof.complete else "not complete"
        parts += ["", f"Verified, {verdict}:", *(f"  {printable(line)}" for line in str(seen.proof).split("; "))]
    return drawn(console, *parts) + "\n"


def _as_json(seen: _Seen) -> dict[str, Any]:
    found, gaps = seen.found, seen.gaps
    return {
        "task_id": found.task.id,
        "task_name": found.task.name,
        "start": iso(found.range.span.start),
        "end": iso(found.range.span.end),
        "timezone": str(found.range.zone),
        "window_seconds": found.range.every.total_seconds(),
        "now": iso(found.now),
        "counts": Counter(cell.state.value for cell in seen.cells),
        "windows": [
            {
                **cell.window.to_dict(),
                "state": cell.state.value,
                "covered": round(cell.covered, 6),
                "reason": cell.reason,
                "next_step": cell.next_step,
            }
            for cell in seen.cells
        ],
        "gaps": [window.to_dict() for window in seen.left],
        "running": [window.to_dict() for window in gaps.running],
        "let_go": [window.to_dict() for window in gaps.let_go],
        "not_over": [window.to_dict() for window in gaps.not_over],
        "stale": [window.to_dict() for window in (*gaps.stale, *gaps.unseen)],
        "stale_cost": None if seen.cost is None else seen.cost.to_dict(),
        "evaluators": {
            name: [_as_dict(each) for each in stretches] for name, stretches in found.coverage.by_evaluator.items()
        },
        "verification": None if seen.proof is None else seen.proof.to_dict(),
        "notes": list(found.notes),
    }


def _as_dict(stretch: Stretch) -> dict[str, Any]:
    return {
        **stretch.window.to_dict(),
        "state": stretch.state.value,
        "reason": stretch.reason,
        "next_step": stretch.next_step,
        "run_id": stretch.run_id,
    }
