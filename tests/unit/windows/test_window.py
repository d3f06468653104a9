"""Cutting, splitting and halving of windows: the arithmetic, on every day of the year."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.fields import length_of_time, point_in_time
from airflow_provider_arize_tasks.windows import cut_windows
from airflow_provider_arize_tasks.windows.grid import border_after, cut_on_grid, floor_to
from airflow_provider_arize_tasks.windows.times import in_words, shift
from airflow_provider_arize_tasks.windows.window import (
    MAX_WINDOW,
    Window,
    WindowError,
    cut,
    halve,
    iso,
    split_window,
)

UTC = timezone.utc
MS = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut")]

zones = st.sampled_from(ZONES)
instants = st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def windows(draw, max_width=timedelta(days=120)):
    start = draw(instants)
    return Window(start, Window(start, start).start + MS * draw(st.integers(1, max_width // MS)))


def assert_exact(pieces, window):
    """The pieces are consecutive and disjoint and cover the window exactly."""
    assert pieces[0].start == window.start
    assert pieces[-1].end == window.end
    assert all(piece.start < piece.end for piece in pieces)
    assert all(before.end == after.start for before, after in pairwise(pieces))


class TestSplit:
    @given(windows(), st.timedeltas(min_value=timedelta(hours=7), max_value=timedelta(days=60)))
    def test_pieces_are_consecutive_cover_exactly_and_respect_the_limit(self, window, limit):
        pieces = split_window(window, max_width=limit)
        assert_exact(pieces, window)
        assert all(piece.width <= min(limit, MAX_WINDOW) for piece in pieces)
        assert len(pieces) == -(-window.width // (min(limit, MAX_WINDOW) // MS * MS))

    def test_what_fits_stays_whole(self):
        window = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
        assert split_window(window) == (window,)

    def test_a_quarter_needs_four_runs_of_at_most_thirty_days(self):
        window = Window(datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
        assert [piece.width.days for piece in split_window(window)] == [30, 30, 30, 2]

    def test_the_limit_is_never_more_than_the_api_takes(self):
        window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
        assert len(split_window(window, max_width=timedelta(days=365))) == 2

    def test_a_limit_below_a_millisecond_is_an_error(self):
        window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
        with pytest.raises(WindowError, match="max_window"):
            split_window(window, max_width=timedelta(microseconds=999))


class TestHalve:
    @given(windows())
    def test_halves_cover_exactly_and_differ_by_a_millisecond_at_most(self, window):
        halves = halve(window)
        if window.width == MS:
            assert halves is None
        else:
            assert_exact(halves, window)
            assert abs(halves[0].width - halves[1].width) <= MS

    def test_halving_ends_at_one_millisecond(self):
        window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
        steps = 0
        while (halves := halve(window)) is not None:
            window, steps = halves[1], steps + 1
        assert window.width == MS
        assert steps < 40


class TestCut:
    @given(windows(timedelta(days=40)), st.sampled_from([timedelta(days=1), HOUR, 5 * HOUR]), zones)
    def test_pieces_are_consecutive_and_cover_exactly(self, window, every, zone):
        pieces = list(cut(window, every, zone))
        assert_exact(pieces, window)
        longest = every + (timedelta(hours=1) if every >= timedelta(days=1) else timedelta())
        assert all(piece.width <= longest for piece in pieces)

    @given(st.dates(date(2024, 1, 1), date(2027, 12, 1)), st.integers(1, 40), zones)
    def test_days_begin_and_end_at_local_midnight(self, first, days, zone):
        end = first + timedelta(days=days)
        pieces = cut_windows(first, end, "day", zone)
        assert len(pieces) == days
        for offset, piece in enumerate(pieces):
            midnight = datetime.combine(first + timedelta(days=offset), datetime.min.time(), tzinfo=zone)
            assert piece["data_start_time"] == iso(midnight)

    @pytest.mark.parametrize(
        ("zone", "day", "hours"),
        [
            ("Europe/Berlin", "2026-10-25", 25),
            ("Europe/Berlin", "2026-03-29", 23),
            ("America/New_York", "2026-11-01", 25),
            ("America/New_York", "2026-03-08", 23),
            ("Australia/Lord_Howe", "2026-04-05", 24.5),
            ("Australia/Lord_Howe", "2026-10-04", 23.5),
            ("UTC", "2026-10-25", 24),
        ],
    )
    def test_days_on_which_the_clocks_change_are_longer_or_shorter(self, zone, day, hours):
        following = date.fromisoformat(day) + timedelta(days=1)
        (piece,) = cut_windows(day, following, timezone=zone)
        width = datetime.fromisoformat(piece["data_end_time"].replace("Z", "+00:00")) - datetime.fromisoformat(
            piece["data_start_time"].replace("Z", "+00:00")
        )
        assert width == timedelta(hours=hours)

    def test_hours_are_absolute_so_a_long_day_has_25(self):
        assert len(cut_windows("2026-10-25", "2026-10-26", "hour", "Europe/Berlin")) == 25

    def test_a_day_that_a_zone_skipped_is_no_window(self):
        pieces = cut_windows("2011-12-29", "2012-01-01", timezone="Pacific/Apia")
        starts = [piece["data_start_time"] for piece in pieces]
        assert starts == ["2011-12-29T10:00:00.000Z", "2011-12-30T10:00:00.000Z"]

    def test_a_day_without_midnight_begins_when_the_clocks_have_changed(self):
        assert cut_windows("2026-03-29", "2026-03-30", timezone="Asia/Beirut") == [
            {"data_start_time": "2026-03-28T22:00:00.000Z", "data_end_time": "2026-03-29T21:00:00.000Z"}
        ]

    def test_the_last_window_is_shorter_where_the_range_ends_early(self):
        pieces = cut_windows("2026-11-01", "2026-11-02T06:00", "day")
        assert [piece["data_end_time"] for piece in pieces] == ["2026-11-02T00:00:00.000Z", "2026-11-02T06:00:00.000Z"]

    def test_windows_are_ready_for_mapping(self):
        assert cut_windows("2026-11-01", "2026-11-02", timedelta(hours=12)) == [
            {"data_start_time": "2026-11-01T00:00:00.000Z", "data_end_time": "2026-11-01T12:00:00.000Z"},
            {"data_start_time": "2026-11-01T12:00:00.000Z", "data_end_time": "2026-11-02T00:00:00.000Z"},
        ]

    def test_takes_pendulum_datetimes_and_their_own_zone(self):
        start = pendulum.datetime(2026, 11, 1, tz="America/New_York")
        assert cut_windows(start, start.add(days=1))[0]["data_start_time"] == "2026-11-01T04:00:00.000Z"

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("2026-11-02", "2026-11-02"), "the end is not part of the range"),
            (("2026-11-03", "2026-11-02"), "not earlier than"),
            (("2026-11-01", "2026-11-02", "fortnight"), "every must be a length of time"),
            (("2026-11-01", "2026-11-02", timedelta()), "at least 0.001 seconds"),
            (("2026-11-01", "2026-11-02", "day", "Europe/Bärlin"), "unknown time zone"),
            (("tomorrow", "2026-11-02"), "start is 'tomorrow', which is not an ISO 8601"),
            (("2026-11-01", "None"), "end is 'None': a template came out empty"),
        ],
    )
    def test_mistakes_are_named(self, arguments, says):
        with pytest.raises(WindowError, match=says):
            cut_windows(*arguments)


class TestInstants:
    @pytest.mark.parametrize(
        ("text", "utc", "local"),
        [
            ("2026-11-22", "2026-11-21T23:00:00.000Z", True),
            ("20261122", "2026-11-21T23:00:00.000Z", True),
            ("2026-11-22T06:00", "2026-11-22T05:00:00.000Z", True),
            ("2026-11-22T06:00:00Z", "2026-11-22T06:00:00.000Z", False),
            ("2026-11-22 06:00:00.250999+01:00", "2026-11-22T05:00:00.250Z", False),
            ("20261122T060000+0100", "2026-11-22T05:00:00.000Z", False),
            ("20261122T060000", "2026-11-22T05:00:00.000Z", True),
            ("2026-11-22T06:00:00.123456789-05", "2026-11-22T11:00:00.123Z", False),
            ("2026-11-22T06", "2026-11-22T05:00:00.000Z", True),
            (" 2026-11-22T06:00:00+00:00 ", "2026-11-22T06:00:00.000Z", False),
        ],
    )
    def test_reads_what_templates_render(self, text, utc, local):
        instant, was_local = point_in_time(text, name="x", zone=ZoneInfo("Europe/Berlin"))
        assert (iso(instant), was_local) == (utc, local)

    @given(instants, zones)
    def test_reads_back_what_python_and_pendulum_print(self, instant, zone):
        moment = instant.astimezone(zone)
        for printed in (str(moment), moment.isoformat(), str(pendulum.instance(moment)), iso(moment)):
            read, local = point_in_time(printed, name="x", zone=UTC)
            assert iso(read) == iso(instant)
            assert not local

    @pytest.mark.parametrize("text", ["2026-13-01", "2026-02-30", "22.11.2026", "2026", "1764547200", "2026-11", "now"])
    def test_refuses_the_rest(self, text):
        with pytest.raises(WindowError, match="x is"):
            point_in_time(text, name="x", zone=UTC)

    @pytest.mark.parametrize("text", ["", "  ", "None", "none", "null"])
    def test_an_empty_template_is_an_error(self, text):
        with pytest.raises(WindowError, match="a template came out empty"):
            point_in_time(text, name="x", zone=UTC)

    def test_a_number_is_no_point_in_time(self):
        with pytest.raises(WindowError, match="got int"):
            point_in_time(1764547200, name="x", zone=UTC)  # type: ignore[arg-type]

    def test_a_time_shown_twice_is_the_first_and_one_skipped_is_read_with_the_old_offset(self):
        berlin = ZoneInfo("Europe/Berlin")
        assert iso(point_in_time("2026-10-25T02:30", name="x", zone=berlin)[0]) == "2026-10-25T00:30:00.000Z"
        assert iso(point_in_time("2026-03-29T02:30", name="x", zone=berlin)[0]) == "2026-03-29T01:30:00.000Z"

    @given(instants, st.integers(-30, 30), zones)
    def test_a_shift_by_days_keeps_the_wall_clock_unless_the_clocks_skip_it(self, instant, days, zone):
        wanted = instant.astimezone(zone).replace(tzinfo=None, fold=0) + timedelta(days=days)
        moved = shift(instant, timedelta(days=days), zone).astimezone(zone).replace(tzinfo=None, fold=0)
        exists = wanted.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) == wanted
        assert moved == wanted or not exists

    @given(instants, st.timedeltas(-3 * DAY, 3 * DAY).filter(lambda delta: delta % DAY))
    def test_any_other_shift_is_absolute(self, instant, by):
        assert shift(instant, by, ZoneInfo("Europe/Berlin")) == instant + by

    @pytest.mark.parametrize("by", [timedelta(days=9_999_999), timedelta(days=-999_999), timedelta(hours=-99_999_999)])
    def test_a_shift_out_of_the_calendar_is_an_error_of_ours(self, by):
        with pytest.raises(WindowError, match="reaches beyond the years 1 to 9999"):
            shift(datetime(2026, 11, 23, tzinfo=UTC), by, ZoneInfo("Europe/Berlin"))

    @pytest.mark.parametrize(
        ("text", "width"),
        [("daily", timedelta(days=1)), ("6h", timedelta(hours=6)), ("30 min", HOUR / 2), ("Week", 7 * DAY)],
    )
    def test_widths_as_text(self, text, width):
        assert length_of_time(text, name="every") == width


class TestWindow:
    @given(instants, st.timedeltas(min_value=MS, max_value=timedelta(days=40)), zones)
    def test_is_kept_in_utc_at_millisecond_precision(self, instant, width, zone):
        window = Window(instant.astimezone(zone), (instant + width).astimezone(zone))
        assert window.start.tzinfo is UTC
        assert window.start.microsecond % 1000 == 0
        assert timedelta() <= instant - window.start < MS
        assert window == Window(instant, instant + width)

    def test_needs_a_time_zone(self):
        with pytest.raises(ValueError, match="needs a time zone"):
            Window(datetime(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (timedelta(days=1), "1 day"),
        (timedelta(days=30, hours=6), "30 days 6 hours"),
        (timedelta(minutes=90), "1 hour 30 minutes"),
        (timedelta(milliseconds=500), "0.5 seconds"),
        (timedelta(), "0 seconds"),
    ],
)
def test_widths_in_words(width, words):
    assert in_words(width) == words


class TestGrid:
    """Borders that depend on the width and the zone alone."""

    widths = st.sampled_from([HOUR, 6 * HOUR, 7 * HOUR, 36 * HOUR, DAY, 2 * DAY, 7 * DAY, 10 * DAY])

    @given(instants, widths, zones)
    def test_an_instant_lies_between_its_borders(self, instant, width, zone):
        floor, after = floor_to(instant, width, zone), border_after(instant, width, zone)
        assert floor <= instant < after
        assert after - floor <= width + 25 * HOUR
        if not width % DAY:
            assert floor.astimezone(zone).hour <= 1  # midnight, or the first instant after one that is skipped

    @given(instants, instants, widths, zones)
    def test_a_window_has_one_key_wherever_the_range_begins(self, one, other, width, zone):
        """The borders of a range that moves every night are those of the night before."""
        first, last = sorted((one, other))
        last = min(last, first + 40 * DAY)
        whole = list(cut_on_grid(Window(first, last + 5 * DAY), width, zone))
        later = list(cut_on_grid(Window(min(first + 3 * DAY, last), last + 5 * DAY), width, zone))
        assert set(later[1:]) <= set(whole)

    def test_weeks_begin_on_monday_and_two_days_keep_their_borders(self):
        berlin = ZoneInfo("Europe/Berlin")
        border = floor_to(datetime(2026, 11, 26, 13, tzinfo=UTC), 7 * DAY, berlin)
        assert border.astimezone(berlin).isoformat() == "2026-11-23T00:00:00+01:00"
        nights = {floor_to(datetime(2026, 11, day, 3, tzinfo=UTC), 2 * DAY, UTC) for day in range(10, 20)}
        assert len(nights) in (5, 6)
        assert {(later - earlier) % (2 * DAY) for earlier in nights for later in nights} == {timedelta()}

    def test_six_hours_are_counted_in_absolute_time(self):
        berlin = ZoneInfo("Europe/Berlin")
        winter = floor_to(datetime(2026, 11, 23, 22, tzinfo=berlin), 6 * HOUR, berlin)
        summer = floor_to(datetime(2026, 7, 23, 22, tzinfo=berlin), 6 * HOUR, berlin)
        assert (winter.astimezone(berlin).hour, summer.astimezone(berlin).hour) == (18, 19)

    @pytest.mark.parametrize(
        ("now", "border"),
        [
            ("2026-10-25T00:30+02:00", "2026-10-26T00:00+01:00"),  # 25 hours: a day later it is still that day
            ("2026-03-28T23:30+01:00", "2026-03-29T00:00+01:00"),  # 23 hours: a day later it is the day after next
            ("2026-11-23T00:00+01:00", "2026-11-24T00:00+01:00"),
        ],
    )
    def test_the_midnight_after_an_instant(self, now, border):
        assert border_after(datetime.fromisoformat(now), DAY, ZoneInfo("Europe/Berlin")) == datetime.fromisoformat(
            border
        )

    def test_a_day_that_a_zone_skipped_is_no_window(self):
        apia = ZoneInfo("Pacific/Apia")
        span = Window(datetime(2011, 12, 29, tzinfo=apia), datetime(2012, 1, 1, tzinfo=apia))
        days = [each.start.astimezone(apia).day for each in cut_on_grid(span, DAY, apia)]
        assert days == [29, 31]
