"""The schedules that every supported Airflow has: which window a run gets, and days on which the clocks change."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.base import TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable, DeltaDataIntervalTimetable
from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_arize_tasks.operators.window_times import read_run_times
from airflow_provider_arize_tasks.windows.window import Window, WindowError, resolve_window

AIRFLOW_2 = version("apache-airflow").startswith("2.")
DAY = timedelta(days=1)
FIRST = datetime(2026, 11, 10, tzinfo=timezone.utc)
NEXT_DAY = Window(FIRST, FIRST + DAY)
DAY_BEFORE = Window(FIRST - DAY, FIRST)


def scheduled_run(schedule: Any, not_before: datetime, zone: tzinfo = timezone.utc) -> tuple[Any, Any]:
    """A DAG, and the first run that Airflow's scheduler would make of it."""
    with DAG("dag", schedule=schedule, start_date=datetime(2026, 1, 1, tzinfo=zone), catchup=True) as dag:
        pass
    timetable = _as_the_scheduler_has_it(dag)
    restriction = TimeRestriction(earliest=pendulum.instance(not_before), latest=None, catchup=True)
    if hasattr(timetable, "next_dagrun_info_v2"):
        info = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)
    else:
        info = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    interval = info.data_interval
    return dag, SimpleNamespace(
        data_interval_start=interval.start, data_interval_end=interval.end, run_after=info.run_after
    )


def _as_the_scheduler_has_it(dag: Any) -> Any:
    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serialization
    except ImportError:  # before 3.2
        from airflow.serialization.serialized_objects import (  # type: ignore[attr-defined,assignment]
            SerializedDAG as Serialization,
        )
    return Serialization.from_dict(Serialization.to_dict(dag)).timetable


def window_of(dag: Any, dag_run: Any, lookback: timedelta | None) -> Window:
    times = read_run_times({"dag": dag, "dag_run": dag_run})
    now = datetime(2027, 1, 1, tzinfo=timezone.utc)
    return resolve_window(times, data_start_time=None, data_end_time=None, lookback=lookback, now=now).window


@pytest.mark.parametrize(
    ("schedule", "window"),
    [
        (CronDataIntervalTimetable("0 0 * * *", timezone="UTC"), NEXT_DAY),
        (DeltaDataIntervalTimetable(DAY), NEXT_DAY),
        (CronTriggerTimetable("0 0 * * *", timezone="UTC", interval=DAY), DAY_BEFORE),
    ],
    ids=["cron interval", "delta interval", "cron trigger with an interval"],
)
@pytest.mark.parametrize("lookback", [None, DAY])
def test_a_schedule_with_an_interval_evaluates_it(schedule, window, lookback):
    assert window_of(*scheduled_run(schedule, FIRST), lookback) == window


@pytest.mark.parametrize("schedule", ["@daily", "0 0 * * *", DAY], ids=str)
def test_a_plain_schedule_evaluates_the_period_on_airflow_2_and_has_none_from_3_on(schedule):
    run = scheduled_run(schedule, FIRST)
    if AIRFLOW_2:
        assert window_of(*run, None) == window_of(*run, DAY) == NEXT_DAY
        return
    with pytest.raises(WindowError, match="lookback"):
        window_of(*run, None)
    assert window_of(*run, DAY) == DAY_BEFORE


def test_a_cron_trigger_without_an_interval_has_no_window_anywhere():
    run = scheduled_run(CronTriggerTimetable("0 0 * * *", timezone="UTC"), FIRST)
    with pytest.raises(WindowError, match="CronDataIntervalTimetable"):
        window_of(*run, None)
    assert window_of(*run, DAY) == DAY_BEFORE


@pytest.mark.parametrize(
    ("zone", "midnight_after", "hours"),
    [
        ("Europe/Berlin", (2026, 10, 26), 25),
        ("Europe/Berlin", (2026, 3, 30), 23),
        ("America/New_York", (2026, 11, 2), 25),
        ("America/New_York", (2026, 3, 9), 23),
        ("Australia/Lord_Howe", (2026, 4, 6), 24.5),
        ("Australia/Lord_Howe", (2026, 10, 5), 23.5),
    ],
)
class TestDaysOnWhichTheClocksChange:
    def test_the_interval_is_the_local_day(self, zone, midnight_after, hours):
        end = datetime(*midnight_after).replace(tzinfo=ZoneInfo(zone))  # noqa: DTZ001
        # The local midnight before: arithmetic within one zone goes by the clock on the wall.
        run = scheduled_run(CronDataIntervalTimetable("0 0 * * *", timezone=zone), end - DAY)
        window = window_of(*run, None)
        assert window.end == end
        assert window.width == timedelta(hours=hours)

    def test_a_day_of_lookback_is_the_local_day(self, zone, midnight_after, hours):
        end = datetime(*midnight_after).replace(tzinfo=ZoneInfo(zone))  # noqa: DTZ001
        run = scheduled_run(CronTriggerTimetable("0 0 * * *", timezone=zone), end)
        window = window_of(*run, DAY)
        assert window.end == end
        assert window.width == timedelta(hours=hours)

    def test_a_plain_cron_goes_by_the_zone_of_the_dag(self, zone, midnight_after, hours):
        end = datetime(*midnight_after).replace(tzinfo=ZoneInfo(zone))  # noqa: DTZ001
        run = scheduled_run("0 0 * * *", end - DAY if AIRFLOW_2 else end, pendulum.timezone(zone))
        window = window_of(*run, DAY)
        assert window.end == end
        assert window.width == timedelta(hours=hours)
