"""Runs, windows and judges for the tests of coverage."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import count

from airflow_provider_arize_tasks.client.models import RunStatus, TaskRun
from airflow_provider_arize_tasks.coverage.judges import Judge, Unit
from airflow_provider_arize_tasks.coverage.states import read_coverage
from airflow_provider_arize_tasks.windows.window import Window

UTC = timezone.utc
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
NOW = FIRST + 30 * DAY
MADE = NOW - 5 * DAY
LABELLED = "All matching data was already evaluated; set override_evaluations to evaluate again"
_numbers = count(1)


def day(number, days=1):
    return Window(FIRST + (number - 1) * DAY, FIRST + (number - 1 + days) * DAY)


def hours(begin, end):
    return Window(FIRST + begin * HOUR, FIRST + end * HOUR)


def run(window, status=RunStatus.COMPLETED, *, successes=5, errors=0, skipped=0, reason=None, created=MADE, id=None):  # noqa: A002
    return TaskRun(
        id=id or f"run-{next(_numbers)}",
        status=status,
        data_start_time=window.start,
        data_end_time=window.end,
        num_successes=successes,
        num_errors=errors,
        num_skipped=skipped,
        failure_reason=reason,
        created_at=created,
    )


def labelled(window, **more):
    """A run CANCELLED because everything was labelled already."""
    return run(window, RunStatus.CANCELLED, successes=0, reason=LABELLED, **more)


def judge(name="correctness", *, since=None, attached=None, unit=Unit.SPAN):
    return Judge(
        name=name, evaluator_id=f"id-{name}", version_id=f"v-{name}", since=since, attached=attached, unit=unit
    )


def states(runs, span=None, *, rules=None, now=NOW):
    coverage = read_coverage(span or day(1, 3), runs, rules, now=now)
    return [cell.state.value for cell in coverage.cells(DAY, UTC, now=now)]


def gaps(runs, span=None, *, rules=None, **options):
    options = {"now": NOW, **options}
    return read_coverage(span or day(1, 3), runs, rules, now=options["now"]).gaps(DAY, UTC, **options)
