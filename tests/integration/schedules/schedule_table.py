"""What every kind of schedule gives for a window: the cases, Airflow's own answers, and the page made of them.

``python -m tests.integration.schedules.schedule_table`` writes ``docs/schedules.md``; the tests check that page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from airflow_provider_arize_tasks.operators.window_times import read_run_times
from airflow_provider_arize_tasks.windows.window import ResolvedWindow, Window, WindowError, resolve_window

PAGE = Path(__file__).parents[3] / "docs" / "schedules.md"
UTC = timezone.utc
DAY = timedelta(days=1)
#: When things are triggered by hand, or by an asset.
NOW = datetime(2026, 11, 23, 0, 49, tzinfo=UTC)
LOGICAL = datetime(2026, 11, 5, 7, 30, tzinfo=UTC)
FIRST = datetime(2026, 11, 10, tzinfo=UTC)
ERROR = "error"
ZONES = ("Europe/Berlin", "America/New_York")

BY_HAND = "manual, without a logical date (the default of REST and CLI)"
BY_HAND_DATED = "manual, logical date 5 Nov 07:30 (UI, REST)"
BY_COMMAND = "manual, `airflow dags trigger --logical-date` and `dag.test()`"
WITH_INTERVAL = "manual, with an explicit data interval (REST)"
BY_ASSET = "asset-triggered"
SCHEDULED = "scheduled"
BACKFILL = "backfill"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A run of a DAG with a schedule, and what is expected of it.

    :param schedule: as an author writes it; evaluated.
    :param kind: what started the run.
    :param plain: the window without ``lookback``: ``"start / end"`` in November 2026, or ``ERROR``.
    :param back: the window with ``lookback=timedelta(days=1)``; the same if not given.
    :param key: partition key of a run that gets it from an asset or by hand.
    """

    schedule: str
    kind: str = SCHEDULED
    plain: str
    back: str = ""
    key: str | None = None

    @property
    def expected(self) -> tuple[str, str]:
        return self.plain, self.back or self.plain


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What Airflow says about a run."""

    interval: tuple[datetime, datetime] | None
    run_after: datetime
    partition_date: datetime | None = None
    partition_key: str | None = None


_D1 = "09 00:00 / 10 00:00"
_NEXT = "10 00:00 / 11 00:00"
_LAST_DAY = "22 00:49 / 23 00:49"
_DATED = "04 07:30 / 05 07:30"
_CRON = "CronTriggerTimetable('0 0 * * *', timezone='UTC'"
_TWICE = "MultipleCronTriggerTimetable('0 0 * * *', '0 12 * * *', timezone='UTC'"
_PARTITION = "CronPartitionTimetable('0 0 * * *', timezone='UTC'"

SCHEDULED_CASES = [
    Case(schedule="'@daily'", plain=ERROR, back=_D1),
    Case(schedule="'0 6 * * *'", plain=ERROR, back="09 06:00 / 10 06:00"),
    Case(schedule="timedelta(days=1)", plain=ERROR, back=_D1),
    Case(schedule=f"{_CRON})", plain=ERROR, back=_D1),
    Case(schedule=f"{_CRON}, interval=timedelta(days=1))", plain=_D1),
    Case(
        schedule=f"{_TWICE})",
        plain=ERROR,
        back=_D1,
    ),
    Case(
        schedule=f"{_TWICE}, interval=timedelta(hours=12))",
        plain="09 12:00 / 10 00:00",
    ),
    Case(schedule="CronDataIntervalTimetable('0 0 * * *', timezone='UTC')", plain=_NEXT),
    Case(schedule="DeltaTriggerTimetable(timedelta(days=1))", plain=ERROR, back=_D1),
    Case(schedule="DeltaTriggerTimetable(timedelta(days=1), interval=timedelta(days=1))", plain=_D1),
    Case(schedule="DeltaDataIntervalTimetable(timedelta(days=1))", plain=_NEXT),
    Case(
        schedule="EventsTimetable(event_dates=[datetime(2026, 11, 10, 9, tzinfo=UTC)])",
        plain=ERROR,
        back="09 09:00 / 10 09:00",
    ),
    Case(schedule=f"AssetOrTimeSchedule(timetable={_CRON}, interval=timedelta(days=1)), assets=[asset])", plain=_D1),
    Case(schedule="'@once'", plain=ERROR, back=_D1),
    Case(schedule="'@continuous'", plain="10 00:00 / 23 00:49"),
    Case(schedule=f"{_PARTITION}, key_format='%Y-%m-%d', run_offset=-1)", plain=_D1),
    Case(schedule=f"{_PARTITION}, run_offset=-1)", plain=ERROR, back=_D1),
    Case(
        schedule="CronPartitionTimetable('0 * * * *', timezone='UTC', key_format='%Y-%m-%dT%H', run_offset=-1)",
        plain="09 23:00 / 10 00:00",
    ),
    Case(
        schedule="CronPartitionTimetable('0 0 1 * *', timezone='UTC', key_format='%Y-%m', run_offset=-1)",
        plain="01 00:00 / 01 00:00 next month",
    ),
    Case(schedule=f"{_PARTITION}, key_format='%Y-%m-%d', run_offset=-1)", kind=BACKFILL, plain=_NEXT),
    Case(schedule="[asset]", kind=BY_ASSET, plain=ERROR, back=_LAST_DAY),
    Case(schedule="PartitionedAssetTimetable(assets=asset)", kind=BY_ASSET, key="2026-11-10", plain=_NEXT),
    Case(schedule="PartitionedAssetTimetable(assets=asset)", kind=BY_ASSET, key="eu-west", plain=ERROR, back=_LAST_DAY),
    Case(schedule="PartitionedAtRuntime()", kind=BY_HAND, key="2026-11-10T06", plain="10 06:00 / 10 07:00"),
]

_NO_WIDTH = ("'@daily'", "timedelta(days=1)", "None", "[asset]", "'@once'", f"{_CRON})", f"{_PARTITION})")
MANUAL_CASES = [
    *(Case(schedule=each, kind=BY_HAND, plain=ERROR, back=_LAST_DAY) for each in ("'@daily'", "None", "[asset]")),
    Case(schedule="CronDataIntervalTimetable('0 0 * * *', timezone='UTC')", kind=BY_HAND, plain=ERROR, back=_LAST_DAY),
    *(Case(schedule=each, kind=BY_HAND_DATED, plain=ERROR, back=_DATED) for each in _NO_WIDTH),
    *(
        Case(schedule=each, kind=BY_HAND_DATED, plain=_DATED)
        for each in (
            f"{_CRON}, interval=timedelta(days=1))",
            "DeltaTriggerTimetable(timedelta(days=1), interval=timedelta(days=1))",
            "DeltaDataIntervalTimetable(timedelta(days=1))",
        )
    ),
    Case(
        schedule=f"{_TWICE}, interval=timedelta(hours=12))",
        kind=BY_HAND_DATED,
        plain="04 19:30 / 05 07:30",
    ),
    Case(
        schedule="CronDataIntervalTimetable('0 0 * * *', timezone='UTC')",
        kind=BY_HAND_DATED,
        plain="04 00:00 / 05 00:00",
    ),
    Case(schedule="'@daily'", kind=BY_COMMAND, plain=ERROR, back=_LAST_DAY),
    Case(
        schedule="CronDataIntervalTimetable('0 0 * * *', timezone='UTC')",
        kind=BY_COMMAND,
        plain="22 00:00 / 23 00:00",
    ),
    *(Case(schedule=each, kind=WITH_INTERVAL, plain="01 00:00 / 04 00:00") for each in ("'@daily'", "None", "[asset]")),
]
CASES = [*SCHEDULED_CASES, *MANUAL_CASES]


@dataclass(frozen=True, kw_only=True)
class Row:
    """Scheduled runs in a row, and what ``lookback=timedelta(days=1)`` leaves out between two of them.

    :param schedule: as an author writes it; evaluated.
    :param first: the first run is the one after this.
    :param title: what is special about it.
    :param hole: the stretch that nothing evaluates, ``"start / end"``, or nothing.
    :param then: the schedule from the second run on, where it was changed.
    """

    schedule: str
    first: datetime
    title: str
    hole: str = ""
    then: str = ""


_BERLIN, _NEW_YORK = (f"CronTriggerTimetable('0 6 * * *', timezone='{zone}')" for zone in ZONES)
ROWS = [
    Row(
        title="weekdays: Friday and Monday",
        schedule="'0 0 * * 1-5'",
        first=datetime(2026, 11, 12, 12, tzinfo=UTC),
        hole="13 00:00 / 15 00:00",
    ),
    Row(
        title="the clocks go back in Berlin, a day of 25 hours",
        schedule=_BERLIN,
        first=datetime(2026, 10, 23, 12, tzinfo=UTC),
    ),
    Row(
        title="the clocks go forward in Berlin, a day of 23 hours",
        schedule=_BERLIN,
        first=datetime(2026, 3, 27, 12, tzinfo=UTC),
    ),
    Row(
        title="the clocks go back in New York",
        schedule=_NEW_YORK,
        first=datetime(2026, 10, 30, 12, tzinfo=UTC),
    ),
    Row(
        title="the schedule is changed from 00:00 to 06:00",
        schedule="'0 0 * * *'",
        then="'0 6 * * *'",
        first=datetime(2026, 11, 12, 12, tzinfo=UTC),
    ),
    Row(
        title="the clocks go back in Berlin, an interval of 24 hours",
        schedule="CronTriggerTimetable('0 0 * * *', timezone='Europe/Berlin', interval=timedelta(days=1))",
        first=datetime(2026, 10, 24, 12, tzinfo=UTC),
        hole="24 22:00 / 24 23:00",
    ),
    Row(
        title="the schedule is changed from daily to weekly",
        schedule="'0 0 * * *'",
        then="'0 0 * * 1'",
        first=datetime(2026, 11, 12, 12, tzinfo=UTC),
        hole="13 00:00 / 15 00:00",
    ),
]


def two_runs(row: Row) -> tuple[Facts, Facts]:
    """What Airflow's timetables say about the first run of a row, and about the next."""
    from airflow.timetables.base import DataInterval, TimeRestriction

    def following(schedule: str, after: datetime) -> Facts:
        restriction = TimeRestriction(earliest=_pendulum(after), latest=None, catchup=True)
        return _facts(
            dags(schedule)[1].next_dagrun_info(
                last_automated_data_interval=DataInterval.exact(_pendulum(after)), restriction=restriction
            )
        )

    first = following(row.schedule, row.first)
    return first, following(row.then or row.schedule, first.run_after)


def resolved(row: Row, lookback: Any) -> ResolvedWindow:
    """The window of the second run of a row, by the provider, with the hole before it."""
    before, after = two_runs(row)
    start, end = after.interval or (None, None)
    dag_run = SimpleNamespace(data_interval_start=start, data_interval_end=end, run_after=after.run_after)
    times = read_run_times({"dag": dags(row.then or row.schedule)[0], "dag_run": dag_run})
    return resolve_window(
        times,
        data_start_time=None,
        data_end_time=None,
        lookback=lookback,
        previous_end=(before.interval or (None, None))[1],
        now=NOW + DAY * 30,
    )


def _row_in_a_row(row: Row) -> str:
    back, since = resolved(row, DAY), resolved(row, "since_previous")
    schedule = f"`{row.schedule}`" + (f", then `{row.then}`" if row.then else "")
    hole = f"**{written(back.gap_before)}**" if back.gap_before else "none"
    return f"| {schedule} | {row.title} | {written(back.window)} | {hole} | {written(since.window)} |"


@cache
def dags(schedule: str) -> tuple[Any, Any]:
    """A DAG with the schedule as a task sees it, and its timetable as the scheduler sees it."""
    from airflow import sdk
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.events import EventsTimetable

    class Names(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            return getattr(sdk, name)

    names = Names(asset=sdk.Asset("spans"), timedelta=timedelta, datetime=datetime, UTC=UTC)
    names["EventsTimetable"] = EventsTimetable
    value = eval(schedule, {}, names)  # our own text, so that the page shows what is tested
    with sdk.DAG("dag", schedule=value, start_date=FIRST, catchup=True, max_active_runs=1) as dag:
        pass
    return dag, DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable


def facts_of(case: Case) -> Facts:
    """What Airflow's own timetable says about the run."""
    timetable = dags(case.schedule)[1]
    if case.kind == SCHEDULED:
        return _scheduled(timetable)
    if case.kind == BACKFILL:
        info = next(
            iter(timetable.iter_partition_dagrun_infos(earliest=_pendulum(FIRST), latest=_pendulum(FIRST + DAY)))
        )
        return _facts(info)
    if case.kind in (BY_HAND, BY_ASSET):
        return Facts(interval=None, run_after=NOW, partition_key=case.key)
    if case.kind == WITH_INTERVAL:
        return Facts(interval=(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 4, tzinfo=UTC)), run_after=NOW)
    inferred = timetable.infer_manual_data_interval(run_after=_pendulum(LOGICAL if case.kind == BY_HAND_DATED else NOW))
    return Facts(interval=(inferred.start, inferred.end), run_after=NOW)


def _scheduled(timetable: Any) -> Facts:
    from airflow.timetables.base import TimeRestriction

    restriction = TimeRestriction(earliest=_pendulum(FIRST), latest=None, catchup=True)
    with mock.patch("airflow.timetables.simple.timezone.utcnow", return_value=_pendulum(NOW)):
        return _facts(timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction))


def _facts(info: Any) -> Facts:
    interval = info.data_interval
    return Facts(
        interval=(interval.start, interval.end) if interval else None,
        run_after=info.run_after,
        partition_date=info.partition_date,
        partition_key=info.partition_key,
    )


def _pendulum(instant: datetime) -> Any:
    import pendulum

    return pendulum.instance(instant)


def window_of(case: Case, lookback: timedelta | None) -> Window:
    """The window of the run, by the provider: the context as Airflow's task runner fills it, then the decision.

    :raises WindowError: none can be told.
    """
    facts = facts_of(case)
    start, end = facts.interval or (None, None)
    dag_run = SimpleNamespace(data_interval_start=start, data_interval_end=end, run_after=facts.run_after)
    context = {
        "dag": dags(case.schedule)[0],
        "dag_run": dag_run,
        "partition_key": facts.partition_key,
        "partition_date": facts.partition_date,
    }
    if facts.interval:  # without one, these keys are missing from the context
        context |= {"data_interval_start": start, "data_interval_end": end}
    times = read_run_times(context)
    return resolve_window(times, data_start_time=None, data_end_time=None, lookback=lookback, now=NOW + DAY * 30).window


def outcome_of(case: Case, lookback: timedelta | None) -> str:
    """The window as the cases write it, or ``ERROR``."""
    try:
        return written(window_of(case, lookback))
    except WindowError:
        return ERROR


def written(window: Window) -> str:
    """``09 00:00 / 10 00:00``, in November 2026 unless said otherwise."""
    end = f"{window.end:%d %H:%M}"
    if window.end.month != window.start.month:
        end += " next month"
    return f"{window.start:%d %H:%M} / {end}"


def _interval(case: Case) -> str:
    facts = facts_of(case)
    if facts.partition_key is not None:
        return f"partition `{facts.partition_key}`"
    if facts.interval is None:
        return "none"
    start, end = facts.interval
    return f"no width, at {start:%d %H:%M}" if start == end else written(Window(start, end))


def _row(case: Case, *, kind: bool) -> str:
    plain, back = (outcome_of(case, lookback) for lookback in (None, DAY))
    shown = [f"**{each}**" if each == ERROR else each for each in (plain, "the same" if back == plain else back)]
    first = f"`{case.schedule}`".replace("`None`", "`schedule=None`")
    if kind:
        first = f"{first}, {case.kind}" if case.kind != SCHEDULED else first
    return f"| {first} | {_interval(case)} | {shown[0]} | {shown[1]} |"


def _table(cases: list[Case], *, kind: bool = False) -> list[str]:
    head = [
        "| schedule | data interval of the run | window | window with `lookback=timedelta(days=1)` |",
        "|---|---|---|---|",
    ]
    return [*head, *(_row(case, kind=kind) for case in cases)]


def page() -> str:
    """The page, from what Airflow and the provider say now."""
    lines = [
        "# Which window a run evaluates, schedule by schedule",
        "",
        "Generated by `python -m tests.integration.schedules.schedule_table` from Airflow's own timetables (3.3); the",
        "tests fail when it is out of date. All times are in November 2026 and UTC, written as `day hour:minute`.",
        "**error** means that the task fails at once, without a retry, with a message that names the ways out.",
        "",
        "How a window is found, and what to do about an error: [data-windows.md](data-windows.md).",
        "",
        "## Scheduled, backfilled and asset-triggered runs",
        "",
        "The first run from 10 November 00:00 on; asset-triggered ones happen on 23 November at 00:49.",
        "",
        *_table(SCHEDULED_CASES, kind=True),
        "",
        "`airflow backfill create` gives the intervals of scheduled runs (except for partitions, see above). It",
        "refuses schedules that have no period: " + ", ".join(f"`{each}`" for each in _not_periodic()) + ".",
        "",
        "## Between two runs",
        "",
        'What `lookback=timedelta(days=1)` leaves out between two scheduled runs, and what `lookback="since_previous"`',
        "makes of it. Whole days are calendar days of the schedule's time zone, so the clocks leave no hole.",
        "",
        "| schedule | the second run | window with a day | evaluated by nothing | window with `since_previous` |",
        "|---|---|---|---|---|",
        *map(_row_in_a_row, ROWS),
        "",
        "## Manual runs",
        "",
        "Triggered on 23 November at 00:49. The trigger form of Airflow 3's UI fills in the present as logical date: a",
        "run from there has it unless the field is emptied; `airflow dags trigger` and REST give none by themselves.",
        "Whatever the schedule, `lookback` makes all of them work.",
    ]
    for kind in (BY_HAND, BY_HAND_DATED, BY_COMMAND, WITH_INTERVAL):
        lines += ["", f"### {kind[0].upper()}{kind[1:]}", "", *_table([c for c in MANUAL_CASES if c.kind == kind])]
    lines += [
        "",
        "## Before Airflow 3",
        "",
        "Airflow 2.11 gives cron and `timedelta` schedules the intervals of `CronDataIntervalTimetable` and",
        "`DeltaDataIntervalTimetable`, for scheduled and for manual runs. Airflow 3 does so as well if",
        "`[scheduler] create_cron_data_intervals` and `create_delta_data_intervals` are set. Manual runs of a DAG with",
        "`schedule=None` have an interval without width on Airflow 2.11.",
        "",
    ]
    return "\n".join(lines)


def _not_periodic() -> list[str]:
    seen = dict.fromkeys(case.schedule for case in CASES)
    return [schedule.replace("None", "schedule=None") for schedule in seen if not dags(schedule)[1].periodic]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
