"""Every kind of schedule has a stated window, or an error that names the ways out."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_arize_tasks.decisions.windows import WindowError, resolve_window
from airflow_provider_arize_tasks.operators.run_times import read_run_times
from tests.schedules.schedule_table import CASES, DAY, ERROR, PAGE, Case, outcome_of, page, window_of

AIRFLOW = tuple(int(part) for part in version("apache-airflow").split(".")[:2])
pytestmark = pytest.mark.skipif(AIRFLOW < (3, 3), reason="the table is that of Airflow 3.3")


def named(case: Case) -> str:
    return f"{case.schedule} {case.kind} {case.key or ''}"


@pytest.mark.parametrize("case", CASES, ids=named)
def test_outcome(case):
    assert (outcome_of(case, None), outcome_of(case, DAY)) == case.expected


@pytest.mark.parametrize("case", [case for case in CASES if case.plain == ERROR], ids=named)
def test_errors_name_the_ways_out(case):
    with pytest.raises(WindowError) as error:
        window_of(case, None)
    for way in ("lookback", "CronDataIntervalTimetable", "data_start_time and data_end_time"):
        assert way in str(error.value)
    if case.schedule.startswith("'"):
        assert case.schedule in str(error.value)


def test_every_error_is_cured_by_lookback():
    assert [case for case in CASES if outcome_of(case, DAY) == ERROR] == []


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.schedules.schedule_table"


class TestDaysOnWhichTheClocksChange:
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
    @pytest.mark.parametrize("lookback", [None, DAY])
    def test_a_day_is_the_local_day_however_it_is_got(self, zone, midnight_after, hours, lookback):
        """With a real interval and with ``lookback``, by Airflow's own cron."""
        import pendulum
        from airflow.sdk import DAG, CronDataIntervalTimetable
        from airflow.serialization.serialized_objects import DagSerialization
        from airflow.timetables.base import TimeRestriction

        start = datetime(*midnight_after, tzinfo=ZoneInfo(zone))
        schedule = "0 0 * * *" if lookback else CronDataIntervalTimetable("0 0 * * *", timezone=zone)
        with DAG("dag", schedule=schedule, start_date=pendulum.datetime(2026, 1, 1, tz=zone)) as dag:
            pass
        timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
        earliest = pendulum.instance(start if lookback else start - timedelta(hours=25))
        info = timetable.next_dagrun_info_v2(
            last_dagrun_info=None, restriction=TimeRestriction(earliest=earliest, latest=None, catchup=True)
        )
        if info.run_after < start:
            info = timetable.next_dagrun_info_v2(
                last_dagrun_info=info, restriction=TimeRestriction(earliest=earliest, latest=None, catchup=True)
            )
        dag_run = SimpleNamespace(
            data_interval_start=info.data_interval.start,
            data_interval_end=info.data_interval.end,
            run_after=info.run_after,
        )
        found = resolve_window(
            data_start_time=None,
            data_end_time=None,
            lookback=lookback,
            now=datetime(2027, 1, 1, tzinfo=timezone.utc),
            **read_run_times({"dag": dag, "dag_run": dag_run}).to_dict(),
        )
        assert found.window.end == start
        assert found.window.width == timedelta(hours=hours)

    def test_the_schedules_own_time_zone_counts_for_lookback(self):
        from airflow.sdk import DAG, CronTriggerTimetable

        with DAG("dag", schedule=CronTriggerTimetable("0 0 * * *", timezone="Europe/Berlin")) as dag:
            pass
        end = datetime(2026, 10, 26, tzinfo=ZoneInfo("Europe/Berlin"))
        dag_run = SimpleNamespace(data_interval_start=end, data_interval_end=end, run_after=end)
        found = resolve_window(
            data_start_time=None,
            data_end_time=None,
            lookback=DAY,
            now=datetime(2027, 1, 1, tzinfo=timezone.utc),
            **read_run_times({"dag": dag, "dag_run": dag_run}).to_dict(),
        )
        assert found.window.width == timedelta(hours=25)
