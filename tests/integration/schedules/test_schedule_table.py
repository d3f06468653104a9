"""Every kind of schedule has a stated window, or an error that names the ways out."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from airflow_provider_arize_tasks.windows.window import WindowError
from tests.integration.schedules.schedule_table import (
    CASES,
    DAY,
    ERROR,
    PAGE,
    ROWS,
    Case,
    outcome_of,
    page,
    resolved,
    window_of,
    written,
)

AIRFLOW = tuple(int(part) for part in version("apache-airflow").split(".")[:2])
pytestmark = pytest.mark.skipif(
    AIRFLOW < (3, 3), reason="the table is that of Airflow 3.3; test_every_airflow.py is for all"
)


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


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_holes_between_two_runs_are_known_and_can_be_closed(row):
    back, since = resolved(row, DAY), resolved(row, "since_previous")
    assert (written(back.gap_before) if back.gap_before else "") == row.hole
    assert since.gap_before is None
    if back.gap_before:
        assert since.window.start == back.gap_before.start
    assert since.window.end == back.window.end


def test_every_error_is_cured_by_lookback():
    assert [case for case in CASES if outcome_of(case, DAY) == ERROR] == []


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.integration.schedules.schedule_table"
