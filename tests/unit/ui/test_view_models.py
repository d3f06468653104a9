"""What a record comes to: state, reason, next step; days and calendars; looks at Arize."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.coverage.states import State
from airflow_provider_arize_tasks.ui.entries import CHECK, EVALUATE, EXPERIMENT, TaskRecord, entry_of, is_web_address
from airflow_provider_arize_tasks.ui.look import KEPT, MOST_A_MINUTE, Looks
from airflow_provider_arize_tasks.ui.overview import ArizeTask, arize_tasks, days_of, entries_on, window_text
from airflow_provider_arize_tasks.ui.quality import verdict_of
from airflow_provider_arize_tasks.ui.states import worst

UTC = timezone.utc
DAY = timedelta(days=1)
NIGHT = datetime(2026, 11, 23, tzinfo=UTC)
WINDOW = {"data_start_time": "2026-11-22T00:00:00.000Z", "data_end_time": "2026-11-23T00:00:00.000Z"}


def record(
    state: str | None = "success", *, operator: str = EVALUATE, at: datetime = NIGHT, **values: Any
) -> TaskRecord:
    return TaskRecord(
        dag_id="dag",
        task_id="task",
        run_id=f"run {at.isoformat()}",
        operator=operator,
        state=state,
        run_after=at,
        values=values,
    )


def result(successes: int = 10, status: str = "COMPLETED", **more: Any) -> dict[str, Any]:
    return {"id": "r1", "task_id": "t1", "status": status, "num_successes": successes, **WINDOW, **more}


def run(**more: Any) -> dict[str, Any]:
    return {"task_id": "t1", "task_name": "quality", "run_id": "r1", "evaluators": 1, **WINDOW, **more}


def evaluated(night: datetime, state: str = "success", width: timedelta = DAY, **more: Any) -> TaskRecord:
    window: dict[str, Any] = {"data_start_time": (night - width).isoformat(), "data_end_time": night.isoformat()}
    values: dict[str, Any] = {"arize_run": run(**window)}
    if state == "success":
        values["return_value"] = result(**window, **more)
    return record(state, at=night, **values)


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (record(return_value=result()), State.COVERED),
        (record(return_value=result(10_000)), State.TRUNCATED),
        (record(return_value=result(500), arize_run=run(max_spans="500")), State.TRUNCATED),
        (record(return_value=result(600), arize_run=run(max_spans=500, evaluators=2)), State.DOUBTFUL),
        (record(return_value=result(20_000, runs=[result(9_000)] * 3)), State.COVERED),
        (record(return_value=result(0, "CANCELLED")), State.COVERED),
        (record(return_value=result(0, "RUNNING")), State.RUNNING),
        (record(return_value=None), State.EMPTY),
        (record("skipped"), State.EMPTY),
        (record("skipped", arize_run=run()), State.COVERED),
        (record("failed", arize_reason="Arize said no"), State.FAILED),
        (record("failed", arize_reason="it reached max_spans"), State.TRUNCATED),
        (record("upstream_failed"), State.FAILED),
        (record("deferred", arize_run=run()), State.RUNNING),
        (record("up_for_retry"), State.RUNNING),
        (record(None), State.RUNNING),
        (record(operator=EXPERIMENT, return_value={"status": "COMPLETED", "id": "r"}), State.COVERED),
    ],
)
def test_state(found: TaskRecord, state: State) -> None:
    assert entry_of(found).state is state


def test_what_went_wrong_has_a_next_step() -> None:
    for found in (record("failed"), record(return_value=result(10_000))):
        assert entry_of(found).step is not None
    assert entry_of(record(return_value=result())).step is None


def test_day_is_that_of_the_window_and_without_one_that_of_the_dag_run() -> None:
    assert entry_of(record(return_value=result())).day == date(2026, 11, 22)
    assert entry_of(record("failed")).day == date(2026, 11, 23)


def test_a_window_touches_all_its_days() -> None:
    week = entry_of(evaluated(NIGHT, width=7 * DAY))
    assert list(week.touched()) == [date(2026, 11, 16) + number * DAY for number in range(7)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        [
            "id",
            "status",
            "runs",
            "data_start_time",
            "data_end_time",
            "num_successes",
            "task_id",
            "experiment",
            "max_spans",
        ]
    ),
    JSON,
)


@given(st.sampled_from([EVALUATE, EXPERIMENT, CHECK]), JSON | FIELDS, JSON | FIELDS, JSON)
def test_xcoms_may_hold_anything(operator: str, value: Any, known: Any, reason: Any) -> None:
    found = record(operator=operator, return_value=value, arize_run=known, arize_reason=reason, arize_run_link=value)
    assert entry_of(found).state in State
    [task] = arize_tasks([entry_of(found)])
    assert len(days_of(task, date(2026, 11, 1), date(2026, 11, 30), today=date(2026, 11, 24))) == 30


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("https://app.arize.com/x", True),
        ("http://arize.example", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil", False),
        ("https:///x", False),
        ("http://[", False),
    ],
)
def test_links_lead_to_web_pages_only(address: str, may: bool) -> None:
    assert is_web_address(address) is may


def task_of(*records: TaskRecord) -> ArizeTask:
    [task] = arize_tasks(entry_of(each) for each in records)
    return task


def states(task: ArizeTask, first: date, last: date) -> list[State | None]:
    return [day.state for day in days_of(task, first, last, today=date(2026, 11, 24))]


def test_a_hole_between_windows_is_missing_and_days_around_are_nothing() -> None:
    task = task_of(evaluated(NIGHT - 2 * DAY), evaluated(NIGHT))
    assert states(task, date(2026, 11, 19), date(2026, 11, 23)) == [
        None,
        State.COVERED,
        State.MISSING,
        State.COVERED,
        None,
    ]


def test_a_later_run_over_the_same_window_replaces_a_failure() -> None:
    task = task_of(evaluated(NIGHT, "failed"), evaluated(NIGHT))
    assert states(task, date(2026, 11, 22), date(2026, 11, 22)) == [State.COVERED]
    assert task.trouble is None


def test_a_failure_of_another_window_stands() -> None:
    task = task_of(evaluated(NIGHT, "failed"), evaluated(NIGHT + DAY))
    assert task.trouble is not None


def test_worst_window_of_a_day_is_shown() -> None:
    hours = [evaluated(NIGHT - number * timedelta(hours=1), width=timedelta(hours=1)) for number in range(5)]
    broken = evaluated(NIGHT - timedelta(hours=6), "failed", timedelta(hours=1))
    assert states(task_of(*hours, broken), date(2026, 11, 22), date(2026, 11, 22)) == [State.FAILED]
    assert worst([]) is None


@pytest.mark.parametrize(("year", "length"), [(2024, 366), (2026, 365)])
def test_year_has_all_its_days_in_their_order(year: int, length: int) -> None:
    days = days_of(task_of(evaluated(NIGHT)), date(year, 1, 1), date(year, 12, 31), today=date(2026, 11, 24))
    assert len({day.date for day in days}) == length
    assert [day.date for day in days] == sorted(day.date for day in days)


def test_a_cell_opens_what_touched_its_day() -> None:
    task = task_of(evaluated(NIGHT), evaluated(NIGHT - DAY))
    assert [entry.record.run_after for entry in entries_on(task, date(2026, 11, 22))] == [NIGHT]


def test_a_check_belongs_to_the_task_whose_experiment_it_judged() -> None:
    night = record(operator=EXPERIMENT, return_value={"id": "r", "task_id": "t", "experiment_id": "e1"})
    judged = record(operator=CHECK, return_value={"passed": True, "experiment": {"id": "e1"}})
    task = task_of(night, judged)
    assert (task.is_experiment, len(task.entries), len(task.checks)) == (True, 1, 1)


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        (NIGHT - DAY, NIGHT, "2026-11-22"),
        (NIGHT - 7 * DAY, NIGHT, "2026-11-16 to 2026-11-22"),
        (NIGHT, NIGHT + timedelta(hours=1), "2026-11-23 00:00 to 01:00"),
    ],
)
def test_windows_read_short(start: datetime, end: datetime, text: str) -> None:
    assert window_text(start, end) == text


@pytest.mark.parametrize(
    ("given_result", "words"),
    [
        ({"passed": True}, "passed"),
        ({"passed": False}, "did not pass"),
        ({"passed": False, "outcome": "inconclusive"}, "inconclusive"),
        ({"outcome": "something_new"}, "something new"),
    ],
)
def test_verdicts_in_words(given_result: dict[str, Any], words: str) -> None:
    assert verdict_of(given_result) == words


class TestLooks:
    def test_kept_for_a_while_then_asked_again(self) -> None:
        asked, now = [], [0.0]
        looks = Looks(lambda *what: asked.append(what) or (), lambda: now[0])  # type: ignore[func-returns-value]
        first = looks.again("c", "t", 2026)
        assert looks.again("c", "t", 2026) is first is looks.last("c", "t", 2026)
        now[0] = KEPT
        assert looks.last("c", "t", 2026) is None
        looks.again("c", "t", 2026)
        assert asked == [("c", "t", 2026)] * 2

    def test_only_so_many_a_minute(self) -> None:
        asked: list[Any] = []
        looks = Looks(lambda *what: asked.append(what) or (), lambda: 0.0)  # type: ignore[func-returns-value]
        told = [looks.again("c", f"t{number}", 2026) for number in range(MOST_A_MINUTE + 2)]
        assert len(asked) == MOST_A_MINUTE
        assert [look.error is None for look in told] == [True] * MOST_A_MINUTE + [False] * 2

    def test_a_refusal_is_told(self) -> None:
        def refuse(*_: Any) -> Any:
            raise ArizeError("the key is wrong")

        assert "the key is wrong" in (Looks(refuse).again("c", "t", 2026).error or "")
