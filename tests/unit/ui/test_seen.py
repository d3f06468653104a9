"""What gap and verify operators saw, and what of it a day shows."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_arize_tasks.coverage.calendar import Cell
from airflow_provider_arize_tasks.coverage.states import State
from airflow_provider_arize_tasks.coverage.summary import MOST_STRETCHES, Summary, merged
from airflow_provider_arize_tasks.ui.entries import EVALUATE, GAPS, VERIFY, TaskRecord, entry_of
from airflow_provider_arize_tasks.ui.overview import arize_tasks, days_of
from airflow_provider_arize_tasks.windows.window import Window

UTC = timezone.utc
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 11, 1, tzinfo=UTC)


def window(first: float, last: float) -> Window:
    return Window(START + first * DAY, START + last * DAY)


def looked(at: datetime, *states: tuple[Window, State]) -> TaskRecord:
    value = Summary(task_id="t1", at=at, stretches=states).to_dict()
    return TaskRecord(
        dag_id="dag",
        task_id="gaps",
        run_id=str(at),
        operator=GAPS,
        state="success",
        run_after=at,
        values={"arize_coverage": value},
    )


def evaluated(
    of: Window, ended: datetime, state: str = "success", successes: int = 10, status: str = "COMPLETED"
) -> TaskRecord:
    times: dict[str, Any] = dict(of.to_dict())
    values: dict[str, Any] = {"arize_run": {"task_id": "t1", "run_id": "r1", **times}}
    if state == "success":
        values["return_value"] = {"id": "r1", "task_id": "t1", "status": status, "num_successes": successes, **times}
    return TaskRecord(
        dag_id="dag",
        task_id="evaluate",
        run_id=f"{of.key} {ended}",
        operator=EVALUATE,
        state=state,
        run_after=of.end,
        ended=ended,
        values=values,
    )


def shown(*records: TaskRecord, days: int = 1) -> list[State | None]:
    [task] = arize_tasks(entry_of(each) for each in records)
    last = START.date() + timedelta(days=days - 1)
    return [day.state for day in days_of(task, START.date(), last, today=date(2026, 12, 1))]


FIRST = window(0, 1)
NIGHT, MORNING, EVENING = START + DAY, START + DAY + 6 * HOUR, START + DAY + 18 * HOUR


@pytest.mark.parametrize("seen", [State.STALE, State.EARLY, State.FAILED, State.TRUNCATED, State.DOUBTFUL])
def test_what_was_seen_after_a_run_is_shown(seen: State) -> None:
    assert shown(evaluated(FIRST, NIGHT), looked(MORNING, (FIRST, seen))) == [seen]


@pytest.mark.parametrize("seen", [State.STALE, State.MISSING, State.LET_GO])
def test_what_ended_after_the_look_counts_as_it_ended(seen: State) -> None:
    assert shown(looked(MORNING, (FIRST, seen)), evaluated(FIRST, EVENING)) == [State.COVERED]


@pytest.mark.parametrize(
    ("record", "seen", "state"),
    [
        (evaluated(FIRST, NIGHT, "failed"), State.MISSING, State.FAILED),
        (evaluated(FIRST, NIGHT, "failed"), State.COVERED, State.COVERED),
        (evaluated(FIRST, NIGHT, "skipped", 0), State.MISSING, State.COVERED),
        (evaluated(FIRST, NIGHT, "deferred"), State.STALE, State.RUNNING),
        (evaluated(FIRST, NIGHT), State.MISSING, State.COVERED),
    ],
)
def test_trouble_stays_unless_the_window_was_seen_covered(record: TaskRecord, seen: State, state: State) -> None:
    assert shown(record, looked(MORNING, (FIRST, seen))) == [state]


def test_days_without_a_task_instance_are_as_seen() -> None:
    states = ((window(0, 1), State.COVERED), (window(1, 2), State.LET_GO), (window(2, 3), State.EARLY))
    assert shown(looked(MORNING, *states), days=4) == [State.COVERED, State.LET_GO, State.EARLY, None]


def test_the_latest_look_counts_and_the_earlier_one_where_it_did_not_look() -> None:
    earlier = looked(MORNING, (window(0, 3), State.STALE))
    later = looked(EVENING, (window(1, 2), State.COVERED))
    assert shown(later, earlier, days=3) == [State.STALE, State.COVERED, State.STALE]


def test_hours_that_nothing_evaluated_are_missing_beside_one_that_was() -> None:
    hour = Window(START, START + HOUR)
    assert shown(
        evaluated(hour, NIGHT), looked(MORNING, (hour, State.COVERED), (Window(hour.end, FIRST.end), State.MISSING))
    ) == [State.MISSING]


@pytest.mark.parametrize(
    ("complete", "spans", "state"), [(True, 5, State.COVERED), (False, 5, State.FAILED), (True, 0, State.EMPTY)]
)
def test_a_proof_counts(complete: bool, spans: int, state: State) -> None:
    value = {
        "complete": complete,
        "spans": spans,
        **FIRST.to_dict(),
        "audit": {"task_id": "t1", "task_name": "quality", "looked_at": MORNING.isoformat()},
    }
    proof = TaskRecord(
        dag_id="dag",
        task_id="verify",
        run_id="r",
        operator=VERIFY,
        run_after=MORNING,
        values={"arize_verification": value},
    )
    empty = evaluated(FIRST, NIGHT)
    empty = TaskRecord(**{**vars(empty), "values": {**empty.values, "return_value": None}})
    assert shown(empty, proof) == [state]


def test_a_summary_stays_small_keeps_the_newest_and_reads_back() -> None:
    cells = (Cell(window(number, number + 1), (State.STALE, State.COVERED)[number % 2], 0.0) for number in range(400))
    summary = Summary(task_id="t1", task_name="quality", arize_conn_id="arize_eu", at=MORNING, stretches=merged(cells))
    stored = summary.to_dict()
    read = Summary.read(stored)
    assert read is not None
    assert len(str(stored)) < 4_500
    assert read.stretches == summary.stretches[-MOST_STRETCHES:]
    assert (read.task_name, read.arize_conn_id, read.at) == ("quality", "arize_eu", MORNING)


def test_neighbours_of_the_same_state_are_one_stretch() -> None:
    days = [0, 1, 2, 4, 5]
    cells = [Cell(window(day, day + 1), State.STALE if day < 5 else State.EARLY, 0.0) for day in days]
    assert merged(cells) == (
        (window(0, 3), State.STALE),
        (window(4, 5), State.STALE),
        (window(5, 6), State.EARLY),
    )


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "text",
        [],
        {},
        {"task_id": 3, "at": "2026-11-02T00:00:00Z", "states": []},
        {"task_id": "t1", "at": "then", "states": []},
        {"task_id": "t1", "at": "2026-11-02T00:00:00Z", "states": {}},
        {"audit": {"task_id": "t1"}},
        {"audit": {"task_id": "t1", "looked_at": "2026-11-02T00:00:00Z"}, "spans": 3, "data_start_time": 4},
    ],
)
def test_what_is_no_summary_is_none(stored: Any) -> None:
    assert Summary.read(stored) is None


@pytest.mark.parametrize(
    "stretch",
    [None, "ab", ["a"], ["x/y", "stale"], [FIRST.key, "sublime"], [FIRST.key, 3], [f"{FIRST.key[25:]}/", "stale"]],
)
def test_stretches_of_another_form_are_left_out(stretch: Any) -> None:
    stored = {"task_id": "t1", "at": "2026-11-02T00:00:00Z", "states": [stretch, [FIRST.key, "stale"]]}
    read = Summary.read(stored)
    assert read is not None
    assert read.stretches == ((FIRST, State.STALE),)


def test_a_window_of_centuries_costs_no_more_than_a_year() -> None:
    hostile = Window(datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
    assert shown(looked(MORNING, (hostile, State.STALE))) == [None]
