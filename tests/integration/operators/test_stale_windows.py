"""Windows labelled by an older judge, and the record that the gap operator keeps from night to night."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.operators.gaps import RECORD_KEY, UNDATED_KEY
from airflow_provider_arize_tasks.operators.runs import (
    ArizeFindWindowGapsOperator,
    ArizeTriggerEvaluationRunOperator,
)
from airflow_provider_arize_tasks.testing.runner import run_task
from tests.integration.operators.test_verify_window import DAY, START, TRACES, Stage

UTC = timezone.utc


class Airflow:
    """XComs of one task over many DAG runs, found as Airflow on PostgreSQL finds them: a missing date comes first."""

    map_index = -1

    def __init__(self):
        self._rows = []
        self.date = None

    def xcom_push(self, key, value, **_ignored):
        self._rows.append((self.date, key, value))

    def xcom_pull(self, *, key, **_ignored):
        rows = [(date, value) for date, name, value in self._rows if name == key]
        undated = [value for date, value in rows if date is None]
        if undated:
            return undated[-1]
        return max(rows, key=lambda row: row[0])[1] if rows else None


@pytest.fixture
def stage(emulator, arize_connection):
    return Stage(emulator)


def gaps(stage, *, airflow=None, logical_date=None, **arguments):
    arguments = {"start": START, "end": START + 3 * DAY, "settle": 0, **arguments}
    run_with = {name: arguments.pop(name) for name in ("run_after",) if name in arguments}
    operator = ArizeFindWindowGapsOperator(task_id="gaps", task=stage.id, **arguments)
    context = {"logical_date": logical_date}
    if airflow is not None:
        airflow.date = logical_date
        context["ti"] = airflow
    result = run_task(operator, context=context, **run_with)
    assert result.state == "success", result.error
    return result


def evaluate(stage, window):
    operator = ArizeTriggerEvaluationRunOperator(
        task_id="evaluate", task=stage.id, on_truncated="split", poll_interval=0.1, **window
    )
    result = run_task(operator)
    assert result.state in ("success", "skipped"), result.error
    return result


def labels(stage, **more):
    found = stage.control.ledger(task="Proof", start=START, end=START + 3 * DAY, **more)
    return found["once"], found["missed"], found["twice"]


@pytest.fixture
def labelled(stage):
    """Three days, labelled; and a new version of the judge since."""
    stage.spans(60, end=START + 3 * DAY)
    stage.task()
    for window in gaps(stage).value:
        evaluate(stage, window)
    stage.control.advance_clock(60)
    stage.control.add_evaluator_version("correctness")
    stage.control.advance_clock(60)
    return stage


class TestANewVersion:
    def test_is_reported_with_what_it_would_cost(self, labelled, capsys):
        result = gaps(labelled)
        assert result.value == []
        cost = {"windows": 3, "spans": 60, "judge_calls": 60, "repeated": 0, "counted": True}
        assert result.xcoms["arize_stale"] == cost
        assert "would take 60 judge calls over 60 spans" in capsys.readouterr().out

    def test_tells_what_is_only_repeated_and_that_is_what_it_takes(self, stage, capsys):
        """A run can't be restricted to some of its task's evaluators, so the others judge once more; said before."""
        stage.spans(60, end=START + 3 * DAY)
        stage.task("correctness", "hallucination")
        for window in gaps(stage).value:
            evaluate(stage, window)
        stage.control.advance_clock(60)
        stage.control.add_evaluator_version("correctness")
        stage.control.advance_clock(60)
        cost = gaps(stage).xcoms["arize_stale"]
        assert (cost["judge_calls"], cost["repeated"]) == (120, 60)
        assert "60 of them by evaluators that are up to date" in capsys.readouterr().out
        for window in gaps(stage, stale="reevaluate").value:
            evaluate(stage, window)
        assert labels(stage, evaluators=["correctness"], current=True) == (60, 0, 0)
        assert labels(stage, evaluators=["hallucination"], current=True) == (0, 0, cost["repeated"])

    def test_is_written_down_for_the_page(self, labelled):
        seen = gaps(labelled).xcoms["arize_coverage"]
        assert [state for _, state in seen["states"]] == ["stale"]
        assert seen["states"][0][0] == "2026-03-01T00:00:00.000Z/2026-03-04T00:00:00.000Z"
        assert (seen["task_id"], seen["arize_conn_id"]) == (labelled.id, "arize_default")

    def test_is_ignored_when_told(self, labelled):
        result = gaps(labelled, stale="ignore")
        assert (result.value, "arize_stale" in result.xcoms) == ([], False)

    def test_is_evaluated_once_by_the_current_version_newest_first(self, labelled):
        airflow = Airflow()
        windows = gaps(labelled, stale="reevaluate", airflow=airflow).value
        assert [each["data_start_time"][:10] for each in windows] == ["2026-03-03", "2026-03-02", "2026-03-01"]
        assert all(each["override_evaluations"] is True for each in windows)
        for window in windows:
            evaluate(labelled, window)
        assert labels(labelled, current=True) == (60, 0, 0)
        assert gaps(labelled, stale="reevaluate", airflow=airflow).value == []
        assert gaps(labelled, stale="reevaluate").value == []  # told by the counts alone, without a record

    def test_the_calendar_shows_it(self, labelled):
        with ArizeHook() as hook:
            found = hook.read_coverage(labelled.id, START, START + 3 * DAY)
        (cell, *_) = found.coverage.cells(DAY, UTC, now=found.now)
        assert cell.state.value == "stale"
        assert "before version" in cell.reason
        assert "reevaluate" in cell.next_step

    def test_what_was_labelled_already_stays_stale(self, labelled):
        """A run without an override finds everything labelled, by the older version."""
        labelled.run(end=START + 3 * DAY)
        assert len(gaps(labelled, stale="reevaluate").value) == 3


class TestAnAddedEvaluator:
    def test_leaves_old_windows_stale_and_needs_no_override(self, stage):
        stage.spans(60, end=START + 3 * DAY)
        stage.task()
        airflow = Airflow()
        for window in gaps(stage, airflow=airflow).value:
            evaluate(stage, window)
        assert gaps(stage, airflow=airflow).value == []
        known = {each["name"]: each["id"] for each in stage._send("GET", "evaluators")["evaluators"]}
        both = [{"evaluator_id": known[name]} for name in ("correctness", "hallucination")]
        stage._send("PATCH", f"tasks/{stage.id}", {"evaluators": both})
        stage.control.advance_clock(60)
        later = datetime.now(UTC) + timedelta(seconds=30)
        windows = gaps(stage, airflow=airflow, stale="reevaluate", run_after=later).value
        assert len(windows) == 3
        assert not any("override_evaluations" in each for each in windows)
        for window in windows:
            evaluate(stage, window)
        for name in ("correctness", "hallucination"):
            found = stage.control.ledger(task="Proof", evaluators=[name], start=START, end=START + 3 * DAY)
            assert (found["once"], found["twice"]) == (60, 0)
        stage.control.advance_clock(60)
        assert gaps(stage, airflow=airflow, stale="reevaluate", run_after=later + timedelta(minutes=1)).value == []

    def test_that_did_not_exist_yet_is_known_without_a_record(self, stage):
        stage.spans(60, end=START + 3 * DAY)
        stage.task()
        stage.run(end=START + 3 * DAY)
        stage.control.advance_clock(60)
        stage.control.add("evaluator", "brand-new")
        known = {each["name"]: each["id"] for each in stage._send("GET", "evaluators")["evaluators"]}
        both = [{"evaluator_id": known[name]} for name in ("correctness", "brand-new")]
        stage._send("PATCH", f"tasks/{stage.id}", {"evaluators": both})
        assert len(gaps(stage, stale="reevaluate").value) == 3


class TestDoubt:
    def test_two_evaluators_cut_short_are_found(self, stage):
        """Once 150 of 250 spans were missed and no gap was found."""
        stage.spans(250)
        stage.task("correctness", "hallucination").run(max_spans=100)
        window = {"end": START + DAY, "max_spans": 100}
        assert len(gaps(stage, **window).value) == 1
        stage.control.configure(spans_status=403)
        assert len(gaps(stage, **window).value) == 1

    def test_traces_cut_short_are_found(self, stage):
        stage.spans(900)
        stage.task(TRACES).run(max_spans=300)
        assert len(gaps(stage, end=START + DAY, max_spans=300).value) == 1
        assert gaps(stage, end=START + DAY, max_spans=1000).value == []
        stage.control.configure(spans_status=404)
        result = gaps(stage, end=START + DAY, max_spans=1000)
        assert len(result.value) == 1  # doubtful is never covered

    @pytest.mark.parametrize("staged", [{"errors": 100}, {"skipped": 100}])
    def test_a_run_that_judged_nothing_covers_nothing(self, stage, staged):
        stage.spans(100)
        stage.task()
        stage.control.set_outcome(**staged)
        stage.run()
        assert len(gaps(stage, end=START + DAY).value) == 1


class TestLateData:
    def test_a_run_right_at_the_end_covers_only_what_had_settled(self, stage):
        """Once 8 of 240 spans were missed at an hour's lag, green and covered."""
        end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        start = end - timedelta(hours=30)
        lag = datetime.now(UTC) - end + timedelta(hours=1)
        stage.control.configure(index_lag_seconds=lag.total_seconds())
        stage.spans(240, start=start, end=end)
        stage.task()
        stage.run(start=start, end=end)
        assert stage.control.ledger(task="Proof", start=start, end=end)["missed"] in (7, 8, 9)
        with ArizeHook() as hook:
            found = hook.read_coverage(stage.id, start, end, window="hour", settle=lag)
        (covered,) = found.coverage.covered
        assert end - lag - timedelta(minutes=1) < covered.end < end

        stage.control.advance_clock(lag.total_seconds() + 60)
        arguments = {"start": start, "end": end, "window": "hour", "settle": lag, "timezone": "UTC"}
        windows = gaps(stage, run_after=datetime.now(UTC) + 2 * lag, **arguments).value
        assert windows[-1]["data_end_time"] == f"{end:%Y-%m-%dT%H:%M:%S.000Z}"
        for window in windows:
            evaluate(stage, window)
        healed = stage.control.ledger(task="Proof", start=start, end=end)
        assert (healed["once"], healed["missed"], healed["twice"]) == (240, 0, 0)


class TestRecord:
    def test_a_manual_run_does_not_freeze_it(self, stage):
        """PostgreSQL sorts the date that a manual run lacks before all others."""
        stage.spans(1)
        stage.task()
        airflow, asked = Airflow(), []
        window = {"start": START + DAY, "end": START + 2 * DAY, "give_up_after": "3d"}
        first = datetime.now(UTC) + DAY
        gaps(stage, airflow=airflow, run_after=first, start=START + 2 * DAY, give_up_after="3d")  # by hand
        for night in range(6):
            at = first + night * DAY
            asked.append(len(gaps(stage, airflow=airflow, logical_date=at, run_after=at, **window).value))
        assert asked == [1, 1, 1, 0, 0, 0]

    def test_manual_runs_keep_one_too(self, stage):
        stage.spans(1)
        stage.task()
        airflow, asked = Airflow(), []
        window = {"start": START + DAY, "end": START + 2 * DAY, "give_up_after": "3d"}
        for night in range(5):
            at = datetime.now(UTC) + (night + 1) * DAY
            asked.append(len(gaps(stage, airflow=airflow, run_after=at, **window).value))
        assert asked == [1, 1, 1, 0, 0]
        assert airflow.xcom_pull(key=RECORD_KEY) is None
        assert airflow.xcom_pull(key=UNDATED_KEY)["task_id"] == stage.id

    @pytest.mark.parametrize("width", ["week", "2d", "6h"])
    def test_windows_keep_their_borders_so_that_they_can_be_let_go(self, stage, width):
        """Once the windows of a week or of two days moved every night, and nothing was ever let go."""
        stage.spans(1)
        stage.task()
        airflow = Airflow()
        left = []
        for night in range(8):
            at = datetime(2027, 3, 3, 4, tzinfo=UTC) + night * DAY
            arguments = {"start": "20d", "end": None, "window": width, "give_up_after": "3d"}
            left.append(gaps(stage, airflow=airflow, logical_date=at, run_after=at, **arguments).value)
        assert left[0]
        assert not {each["data_start_time"] for each in left[0]} & {each["data_start_time"] for each in left[-1]}

    @pytest.mark.parametrize("wrong", ["nonsense", {"task_id": "other"}, {"task_id": None, "judges": 3}, [1]])
    def test_what_can_not_be_read_is_passed_over(self, stage, wrong):
        stage.spans(1)
        stage.task()
        airflow = Airflow()
        airflow.xcom_push(UNDATED_KEY, wrong)
        assert len(gaps(stage, airflow=airflow, give_up_after="3d").value) == 3
