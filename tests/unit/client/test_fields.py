"""Points and lengths of time, as replies and arguments write them."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.client.fields import ArizeTimeError, length_of_time, parse_time


@settings(max_examples=50, deadline=None)
@given(
    moment=st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_points_round_trip(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_time(aware.isoformat()) == aware
    assert parse_time(moment.isoformat()) == moment.replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T10:00:00.123456789Z", "2026-11-22T10:00:00.123456+00:00"),
        ("2026-11-22t10:00:00z", "2026-11-22T10:00:00+00:00"),
        ("2026-11-22 10:00:00+0530", "2026-11-22T04:30:00+00:00"),
        ("2026-11-22T10:00-03", "2026-11-22T13:00:00+00:00"),
        (" 2026-11-22T10:00:00,5 ", "2026-11-22T10:00:00.500000+00:00"),
        ("2026-11-22", None),
        ("2026", None),
        ("1795600000", None),
        ("P1D", None),
        ("", None),
        ("None", None),
        ("yesterday", None),
        ("2026-13-22T10:00:00Z", None),
        ("2026-02-30T10:00:00Z", None),
        ("2026-11-22T25:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("\uff12026-11-22T10:00:00Z", None),
    ],
)
def test_points(text: str, expected: str | None) -> None:
    read = parse_time(text)
    assert (read.isoformat() if read else None) == expected


def test_a_point_is_a_plain_datetime() -> None:
    read = parse_time("2026-11-22T10:00:00+02:00")
    assert read is not None
    assert type(read) is datetime
    assert read.tzinfo is timezone.utc


@settings(max_examples=50, deadline=None)
@given(text=st.text() | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,12})?)?(Z|[+-]\d\d:?\d\d)?"))
def test_any_text_is_a_point_or_none(text: str) -> None:
    read = parse_time(text)
    assert read is None or read.utcoffset() == timedelta()


@pytest.mark.parametrize(
    ("given_", "length"),
    [
        (timedelta(minutes=5), timedelta(minutes=5)),
        (90, timedelta(seconds=90)),
        (0.5, timedelta(seconds=0.5)),
        (0, timedelta()),
        ("300", timedelta(minutes=5)),
        ("0", timedelta()),
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("5min", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        (" 2 H ", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("28d", timedelta(days=28)),
        ("2w", timedelta(weeks=2)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("day", timedelta(days=1)),
        ("hourly", timedelta(hours=1)),
        ("weekly", timedelta(weeks=1)),
        ("P1D", timedelta(days=1)),
        ("P1W", timedelta(weeks=1)),
        ("pt90m", timedelta(minutes=90)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
    ],
)
def test_lengths(given_: timedelta | float | str, length: timedelta) -> None:
    assert length_of_time(given_, name="lookback") == length


@pytest.mark.parametrize("empty", ["", "  ", "None", "null", "undefined"])
def test_a_template_that_came_out_empty(empty: str) -> None:
    with pytest.raises(ArizeTimeError, match=r"^lookback is .*a template came out empty, which never stands for the"):
        length_of_time(empty, name="lookback")


@pytest.mark.parametrize(
    "wrong",
    [
        "P1Y",
        "P1M",
        "P",
        "PT",
        "P1",
        "1e5",
        "-1d",
        "1y",
        "d",
        "yesterday",
        "2026-11-22",
        "1d ago",
        True,
        None,
        [],
        b"1d",
    ],
)
def test_what_is_no_length(wrong: object) -> None:
    with pytest.raises(ArizeConfigError, match="lookback must be a length of time") as caught:
        length_of_time(wrong, name="lookback")  # type: ignore[arg-type]
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("wrong", [-1, -0.5, timedelta(days=-1)])
def test_a_length_is_never_negative(wrong: timedelta | float) -> None:
    with pytest.raises(ArizeTimeError, match="settle must not be negative"):
        length_of_time(wrong, name="settle")


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 1e300, "999999999999999d", "9" * 15])
def test_a_length_is_bounded(wrong: float | str) -> None:
    with pytest.raises(ArizeTimeError):
        length_of_time(wrong, name="settle")


@given(st.text(max_size=30) | st.from_regex(r"P?[0-9.WDTHMS,]{1,12}") | st.floats() | st.integers())
def test_anything_is_a_length_or_this_error(value: float | str) -> None:
    with contextlib.suppress(ArizeTimeError):
        assert length_of_time(value, name="x") >= timedelta()
