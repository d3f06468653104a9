"""Where the window of a run comes from: arguments, data interval, partition, lookback, or an error."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.windows.window import RunTimes, WindowError, resolve_window

UTC = timezone.utc
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)


def resolve(**given):
    facts = {field.name: given.pop(field.name) for field in fields(RunTimes) if field.name in given}
    arguments = {"data_start_time": None, "data_end_time": None, "lookback": None, "now": NOW}
    return resolve_window(RunTimes(**{"run_after": MIDNIGHT, "schedule": "@daily", **facts}), **{**arguments, **given})


def key(**given):
    return resolve(**given).window.key


YESTERDAY = "2026-11-22T00:00:00.000Z/2026-11-23T00:00:00.000Z"
INTERVAL = {"interval_start": MIDNIGHT - DAY, "interval_end": MIDNIGHT}
NO_WIDTH = {"interval_start": MIDNIGHT, "interval_end": MIDNIGHT}


class TestArguments:
    def test_both_ends_are_taken_whatever_the_interval(self):
        found = resolve(data_start_time="2026-11-20T00:00:00Z", data_end_time="2026-11-21T12:00:00+01:00", **INTERVAL)
        assert found.window.key == "2026-11-20T00:00:00.000Z/2026-11-21T11:00:00.000Z"
        assert (found.source, found.notes) == ("arguments", ())

    @pytest.mark.parametrize(
        "start",
        [
            "2026-11-22",
            date(2026, 11, 22),
            datetime(2026, 11, 22),  # noqa: DTZ001
            "2026-11-22T00:00",
            "20261122",
        ],
    )
    def test_what_has_no_zone_is_taken_in_the_dags_and_noted(self, start):
        found = resolve(data_start_time=start, data_end_time="2026-11-23T00:00:00Z", timezone="Europe/Berlin")
        assert found.window.key == "2026-11-21T23:00:00.000Z/2026-11-23T00:00:00.000Z"
        (note,) = found.notes
        assert "data_start_time" in note
        assert "Europe/Berlin" in note

    def test_pendulum_datetimes_keep_their_zone(self):
        start = pendulum.datetime(2026, 11, 21, 18, tz="America/New_York")
        assert resolve(data_start_time=start, data_end_time=start.add(hours=1)).window.key == (
            "2026-11-21T23:00:00.000Z/2026-11-22T00:00:00.000Z"
        )

    def test_milliseconds_are_kept_and_the_rest_is_cut(self):
        assert key(data_start_time="2026-11-22T00:00:00.123999Z", data_end_time="2026-11-22T00:00:00.125Z") == (
            "2026-11-22T00:00:00.123Z/2026-11-22T00:00:00.125Z"
        )

    @pytest.mark.parametrize(
        ("given", "missing"),
        [({"data_start_time": "2026-11-22"}, "data_end_time"), ({"data_end_time": "2026-11-22"}, "data_start_time")],
    )
    def test_one_end_alone_is_an_error_even_beside_an_interval(self, given, missing):
        with pytest.raises(WindowError, match=f"without {missing}.*lookback"):
            resolve(**given, **INTERVAL)

    def test_lookback_gives_the_missing_end(self):
        assert key(data_end_time="2026-11-23", lookback=DAY) == YESTERDAY
        assert key(data_start_time="2026-11-22", lookback=DAY) == YESTERDAY

    def test_lookback_beside_both_ends_is_noted(self):
        found = resolve(data_start_time="2026-11-22", data_end_time="2026-11-23", lookback=5 * DAY, timezone="UTC")
        assert found.window.key == YESTERDAY
        assert any("lookback is not used" in note for note in found.notes)

    @pytest.mark.parametrize("empty", ["", "   ", "None", "none"])
    @pytest.mark.parametrize("name", ["data_start_time", "data_end_time"])
    def test_an_empty_template_is_never_the_interval(self, name, empty):
        for others in ({}, {"data_start_time": "2026-11-22", "data_end_time": "2026-11-23"}):
            with pytest.raises(WindowError, match=f"{name} is .*a template came out empty"):
                resolve(**{**others, "lookback": DAY, name: empty, **INTERVAL})

    def test_inverted_and_empty_windows_are_errors(self):
        with pytest.raises(WindowError, match="ends before it begins"):
            resolve(data_start_time="2026-11-22", data_end_time="2026-11-21")
        with pytest.raises(WindowError, match="is empty"):
            resolve(data_start_time="2026-11-22", data_end_time="2026-11-22")

    def test_the_future_is_an_error_but_for_the_difference_of_two_clocks(self):
        start = "2026-11-22"
        assert resolve(data_start_time=start, data_end_time=NOW + timedelta(minutes=5))
        with pytest.raises(WindowError, match="ends in the future"):
            resolve(data_start_time=start, data_end_time=NOW + timedelta(minutes=5, seconds=1))

    def test_errors_are_of_configuration_and_not_retried(self):
        with pytest.raises(ArizeConfigError) as error:
            resolve(data_start_time="2026-11-22")
        assert error.value.retryable is False


class TestInterval:
    def test_is_taken_when_nothing_is_given(self):
        found = resolve(**INTERVAL)
        assert (found.window.key, found.source, found.notes) == (YESTERDAY, "data interval", ())

    def test_lookback_beside_it_is_ignored_and_noted(self):
        found = resolve(**INTERVAL, lookback=5 * DAY)
        assert found.window.key == YESTERDAY
        assert "lookback is not used" in found.notes[0]

    def test_of_no_width_fails_and_names_the_ways_out(self):
        with pytest.raises(WindowError) as error:
            resolve(**NO_WIDTH, schedule="0 6 * * *")
        for part in ("no width", "'0 6 * * *'", "lookback", "CronDataIntervalTimetable", "data_start_time"):
            assert part in str(error.value)

    def test_of_no_width_with_lookback_is_the_time_before(self):
        found = resolve(**NO_WIDTH, lookback=DAY)
        assert (found.window.key, found.source) == (YESTERDAY, "lookback")
        assert "without width" in found.notes[0]

    def test_below_a_millisecond_has_no_width(self):
        interval = {"interval_start": MIDNIGHT, "interval_end": MIDNIGHT + timedelta(microseconds=900)}
        assert key(**interval, lookback=DAY) == YESTERDAY

    def test_inverted_is_an_error(self):
        with pytest.raises(WindowError, match="ends before it begins"):
            resolve(interval_start=MIDNIGHT, interval_end=MIDNIGHT - DAY)

    def test_half_of_one_is_none(self):
        assert key(interval_start=MIDNIGHT, interval_end=None, lookback=DAY) == YESTERDAY


class TestNoInterval:
    def test_is_an_error_without_lookback(self):
        with pytest.raises(WindowError) as error:
            resolve(schedule=None)
        for part in ("no data interval", "manual or asset-triggered", "lookback", "CronDataIntervalTimetable"):
            assert part in str(error.value)

    def test_lookback_counts_from_run_after(self):
        found = resolve(run_after=datetime(2026, 11, 22, 7, 30, tzinfo=UTC), lookback=timedelta(hours=6))
        assert found.window.key == "2026-11-22T01:30:00.000Z/2026-11-22T07:30:00.000Z"

    def test_is_an_error_where_not_even_run_after_is_known(self):
        with pytest.raises(WindowError, match="neither a data interval nor a run_after"):
            resolve(run_after=None, lookback=DAY)

    @pytest.mark.parametrize("lookback", [timedelta(), -DAY, timedelta(microseconds=1)])
    def test_lookback_must_be_positive(self, lookback):
        with pytest.raises(WindowError, match="lookback must be positive"):
            resolve(lookback=lookback)


class TestPartition:
    @pytest.mark.parametrize(
        ("partition", "window"),
        [
            ("2026-11-20", "2026-11-20T00:00:00.000Z/2026-11-21T00:00:00.000Z"),
            ("2026-11-20T06", "2026-11-20T06:00:00.000Z/2026-11-20T07:00:00.000Z"),
            ("2026-11-20 06", "2026-11-20T06:00:00.000Z/2026-11-20T07:00:00.000Z"),
            ("2026-10", "2026-10-01T00:00:00.000Z/2026-11-01T00:00:00.000Z"),
            ("2026-02", "2026-02-01T00:00:00.000Z/2026-03-01T00:00:00.000Z"),
        ],
    )
    def test_a_key_of_a_period_is_that_period(self, partition, window):
        assert key(partition_key=partition) == window

    def test_is_the_local_day_of_the_schedules_zone(self):
        found = resolve(partition_key="2026-10-25", timezone="UTC", schedule_timezone="Europe/Berlin")
        assert found.window.width == timedelta(hours=25)
        assert resolve(partition_key="2026-03-29", timezone="Europe/Berlin").window.width == timedelta(hours=23)

    def test_the_date_says_where_it_begins(self):
        start = datetime(2026, 10, 24, 22, tzinfo=UTC)
        found = resolve(partition_key="2026-10-25", partition_date=start, timezone="Europe/Berlin")
        assert found.window.start == start
        assert found.window.width == timedelta(hours=25)

    def test_a_key_written_in_utc_has_days_of_utc_whatever_the_dags_zone(self):
        found = resolve(
            partition_key="2026-10-25", partition_date=datetime(2026, 10, 25, tzinfo=UTC), timezone="Europe/Berlin"
        )
        assert found.window.key == "2026-10-25T00:00:00.000Z/2026-10-26T00:00:00.000Z"

    def test_an_instant_has_no_width_so_lookback_gives_it(self):
        partition = {"partition_key": "2026-11-20T00:00:00", "partition_date": datetime(2026, 11, 20, tzinfo=UTC)}
        with pytest.raises(WindowError, match=r"does not say how long it is.*key_format='%Y-%m-%d'"):
            resolve(**partition)
        found = resolve(**partition, lookback=DAY)
        assert found.window.key == "2026-11-20T00:00:00.000Z/2026-11-21T00:00:00.000Z"
        assert found.source == "partition"

    def test_a_key_with_an_offset_is_that_instant(self):
        found = resolve(
            partition_key="2026-11-20T00:00:00+01:00", lookback=timedelta(hours=1), timezone="Europe/Berlin"
        )
        assert found.window.key == "2026-11-19T23:00:00.000Z/2026-11-20T00:00:00.000Z"

    @pytest.mark.parametrize("other", ["eu-west", "2026-13", "2026-02-30", "customer|2026-11-20"])
    def test_a_key_that_names_no_time_leaves_it_to_lookback(self, other):
        with pytest.raises(WindowError, match="does not say how long"):
            resolve(partition_key=other)
        found = resolve(partition_key=other, lookback=DAY)
        assert found.window.key == YESTERDAY
        assert "names no time" in found.notes[0]

    def test_a_date_without_a_key_needs_lookback(self):
        start = datetime(2026, 11, 20, tzinfo=UTC)
        assert key(partition_date=start, lookback=DAY) == "2026-11-20T00:00:00.000Z/2026-11-21T00:00:00.000Z"
        with pytest.raises(WindowError):
            resolve(partition_date=start)

    def test_one_that_is_not_over_names_run_offset(self):
        with pytest.raises(WindowError, match=r"ends in the future.*run_offset=-1"):
            resolve(partition_key="2026-11-23")

    def test_goes_before_an_interval_without_width_and_after_one_with_a_width(self):
        assert key(partition_key="2026-11-20", **NO_WIDTH).startswith("2026-11-20")
        assert key(partition_key="2026-11-20", **INTERVAL) == YESTERDAY


class TestDaysOnWhichTheClocksChange:
    @given(
        st.dates(date(2024, 1, 2), date(2026, 11, 22)),
        st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
        st.integers(1, 3),
    )
    def test_windows_of_a_nightly_schedule_join_without_a_gap(self, day, zone, days):
        """What ``lookback`` takes on one night begins where the night before ended."""
        local = ZoneInfo(zone)
        tonight = datetime(day.year, day.month, day.day, tzinfo=local)
        back = day - timedelta(days=days)
        before = datetime(back.year, back.month, back.day, tzinfo=local)
        found = resolve(interval_start=tonight, interval_end=tonight, lookback=days * DAY, schedule_timezone=zone)
        assert found.window.start == before.astimezone(UTC)
        assert found.window.end == tonight.astimezone(UTC)

    def test_hours_of_lookback_are_absolute(self):
        end = datetime(2026, 10, 26, tzinfo=BERLIN)
        found = resolve(interval_start=end, interval_end=end, lookback=timedelta(hours=25), schedule_timezone=BERLIN)
        assert found.window.width == timedelta(hours=25)

    def test_a_zone_may_be_pendulums(self):
        end = pendulum.datetime(2026, 10, 26, tz="Europe/Berlin")
        zone = pendulum.timezone("Europe/Berlin")
        found = resolve(interval_start=end, interval_end=end, lookback=DAY, schedule_timezone=zone)
        assert found.window.width == timedelta(hours=25)


class TestAttempts:
    @given(st.datetimes(datetime(2026, 11, 23, 2), datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    def test_the_clock_never_moves_the_window(self, now):
        for given_ in (INTERVAL, {**NO_WIDTH, "lookback": DAY}, {"lookback": DAY}, {"partition_key": "2026-11-20"}):
            assert key(**given_, now=now) == key(**given_)
