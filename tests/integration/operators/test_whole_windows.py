"""A trigger operator's window is evaluated as a whole, once, and no sooner than it has settled."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_arize_tasks.client.errors import ArizeValidationError
from airflow_provider_arize_tasks.exceptions import ArizeGateError
from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.testing.runner import run_task
from tests.integration.operators.test_verify_window import SESSIONS, START, TRACES, Stage

UTC = timezone.utc
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
WINDOW = {"data_start_time": START, "data_end_time": START + DAY}


@pytest.fixture(params=["after_labels", "before_labels"])
def stage(request, emulator, arize_connection):
    """Whether the server leaves labelled spans out before or after it counts up to ``max_spans`` is not documented."""
    emulator.control.configure(limit_applies=request.param)
    return Stage(emulator)


def evaluate(stage, **arguments):
    arguments = {**WINDOW, "poll_interval": 0.1, **arguments}
    given = {name: value for name, value in arguments.items() if name not in ("data_interval", "run_after", "context")}
    run_with = {name: value for name, value in arguments.items() if name in ("data_interval", "run_after", "context")}
    operator = ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=stage.id, **given)
    return run_task(operator, **run_with)


def ledger(stage):
    found = stage.control.ledger(task="Proof", start=START, end=START + DAY)
    return found["once"], found["missed"], found["twice"]


class TestSplit:
    def test_with_two_evaluators_nothing_is_missed(self, stage):
        """Once 150 of 250 spans were, and no gap was found."""
        stage.spans(250)
        stage.task("correctness", "hallucination")
        assert evaluate(stage, max_spans=100, on_truncated="split").state == "success"
        assert ledger(stage) == (250, 0, 0)

    @pytest.mark.parametrize("evaluator", [TRACES, SESSIONS])
    def test_with_groups_nothing_is_missed(self, stage, evaluator):
        """Once 600 of 900 spans were, without a warning."""
        stage.spans(900)
        stage.task(evaluator)
        result = evaluate(stage, max_spans=300, on_truncated="split")
        assert result.state == "success"
        assert ledger(stage)[1] == 0

    def test_with_an_override_nothing_is_paid_for_twice(self, stage):
        """Once 5,100 labels were bought for 2,000 spans."""
        stage.spans(2000)
        stage.task()
        result = evaluate(stage, max_spans=300, on_truncated="split", override_evaluations=True)
        assert result.state == "success"
        assert result.value["num_successes"] == 2000
        assert ledger(stage) == (2000, 0, 0)

    def test_where_spans_can_not_be_counted_two_evaluators_are_halved(self, stage):
        """On a server that counts labelled spans towards the limit, halves can't tell: it takes counting there."""
        stage.control.configure(spans_status=404, limit_applies="after_labels")
        stage.spans(250)
        stage.task("correctness", "hallucination")
        assert evaluate(stage, max_spans=100, on_truncated="split").state == "success"
        assert ledger(stage) == (250, 0, 0)

    def test_where_spans_can_not_be_counted_halves_are_not_believed(self, stage, capsys):
        """On a server that counts labelled spans towards the limit, halves leave spans out and say that all is done."""
        stage.control.configure(spans_status=404)
        stage.spans(250)
        stage.task()
        result = evaluate(stage, max_spans=100, on_truncated="split")
        assert result.state == "success"
        assert result.value["doubtful"]
        assert "stays doubtful until the key may list spans" in capsys.readouterr().out
        with ArizeHook() as hook:
            found = hook.read_coverage(stage.id, START, START + DAY, max_spans=100)
        (cell,) = found.coverage.cells(DAY, UTC, now=found.now)
        assert cell.state.value == "doubtful"
        # Once they can be counted, it is known that a half holds more than a run takes; pieces that fit heal it.
        stage.control.configure(spans_status=None)
        with ArizeHook() as hook:
            found = hook.read_coverage(stage.id, START, START + DAY, max_spans=100)
        (cell,) = found.coverage.cells(DAY, UTC, now=found.now)
        assert cell.state.value != "covered"
        assert "doubtful" not in evaluate(stage, max_spans=100, on_truncated="split").value
        assert ledger(stage) == (250, 0, 0)
        with ArizeHook() as hook:
            found = hook.read_coverage(stage.id, START, START + DAY, max_spans=100)
        assert found.coverage.covered == (found.coverage.span,)

    def test_where_spans_can_not_be_counted_an_override_is_not_paid_for_twice(self, stage):
        stage.control.configure(spans_status=404)
        stage.spans(250)
        stage.task()
        result = evaluate(stage, max_spans=100, on_truncated="split", override_evaluations=True, retries=2)
        assert result.state == "failed"
        assert "would be paid for again" in str(result.error)
        assert ledger(stage)[2] == 0

    @pytest.mark.parametrize("held", [100, 101])
    def test_what_counts_can_not_tell_is_counted(self, stage, held, capsys):
        stage.control.configure(counts="items")
        stage.spans(held)
        stage.task("correctness", "hallucination")
        failing = evaluate(stage, max_spans=100, on_truncated="fail")
        assert failing.state == ("success" if held == 100 else "failed")
        if held == 101:
            assert isinstance(failing.error, ArizeGateError)
            assert "more than 100 spans" in str(failing.error)
            warned = evaluate(stage, max_spans=100, override_evaluations=True)
            assert warned.state == "success"
            assert "may have been cut short at max_spans 100" in capsys.readouterr().out

    def test_counts_for_each_evaluator_tell_by_themselves(self, stage):
        stage.control.configure(counts="per_evaluator")
        stage.spans(101)
        stage.task("correctness", "hallucination")
        failing = evaluate(stage, max_spans=100, on_truncated="fail")
        assert failing.state == "failed"
        assert "reached the max_spans it was given of 100 spans" in str(failing.error)


class TestSettle:
    @pytest.fixture
    def stage(self, emulator, arize_connection):
        return Stage(emulator)

    def test_waits_deferred_until_the_window_has_settled(self, stage):
        end = datetime.now(UTC) - timedelta(seconds=2)
        stage.spans(10, start=end - HOUR, end=end)
        stage.task()
        result = evaluate(stage, data_start_time=end - HOUR, data_end_time=end, settle=timedelta(seconds=4))
        assert result.state == "success", result.error
        first, *_ = result.deferrals
        assert first["method"] == "execute_settled"
        created = datetime.fromisoformat(result.value["created_at"].replace("Z", "+00:00"))
        assert created >= end + timedelta(seconds=3)

    def test_waits_in_the_worker_too(self, stage):
        end = datetime.now(UTC) - timedelta(seconds=1)
        stage.spans(10, start=end - HOUR, end=end)
        stage.task()
        times = {"data_start_time": end - HOUR, "data_end_time": end}
        result = evaluate(stage, **times, settle="3s", deferrable=False)
        assert (result.state, result.deferrals) == ("success", [])
        created = datetime.fromisoformat(result.value["created_at"].replace("Z", "+00:00"))
        assert created >= end + timedelta(seconds=2)

    def test_does_not_wait_for_what_has_settled_nor_unless_told(self, stage, monkeypatch):
        stage.spans(10)
        stage.task()
        assert [each["method"] for each in evaluate(stage, settle="2h").deferrals] in ([], ["execute_complete"])
        monkeypatch.setenv("AIRFLOW__ARIZE__SETTLE", "one day")
        assert "[arize] settle" in str(evaluate(stage).error)

    def test_a_mistake_is_found_while_the_dag_is_parsed(self):
        with pytest.raises(ArizeValidationError, match="settle"):
            ArizeTriggerEvaluationRunOperator(task_id="e", task="x", settle="soon")


class TestHoles:
    @pytest.fixture
    def stage(self, emulator, arize_connection):
        stage = Stage(emulator)
        stage.spans(100)
        return stage.task()

    def interval(self, **more):
        nothing = {"data_start_time": None, "data_end_time": None}
        return {**nothing, "data_interval": (START + DAY, START + DAY), **more}

    def test_a_window_that_begins_later_than_the_last_ended_is_said_aloud(self, stage, capsys):
        friday = {"prev_data_interval_end_success": START - DAY}
        result = evaluate(stage, **self.interval(lookback="1d", context=friday))
        assert result.state == "success"
        hole = {"data_start_time": "2026-02-28T00:00:00.000Z", "data_end_time": "2026-03-01T00:00:00.000Z"}
        assert result.xcoms["arize_window_hole"] == hole
        assert "Nothing evaluates 2026-02-28" in capsys.readouterr().out

    def test_no_hole_where_windows_touch_or_overlap(self, stage):
        for before in (START, START + HOUR):
            context = {"prev_data_interval_end_success": before}
            result = evaluate(stage, **self.interval(lookback="1d", context=context))
            assert "arize_window_hole" not in result.xcoms

    def test_since_previous_closes_it(self, stage):
        friday = {"prev_data_interval_end_success": START - 2 * DAY}
        result = evaluate(stage, **self.interval(lookback="since_previous", context=friday))
        assert result.value["data_start_time"] == "2026-02-27T00:00:00.000Z"
        assert result.value["data_end_time"] == "2026-03-02T00:00:00.000Z"
        assert "arize_window_hole" not in result.xcoms

    def test_since_previous_takes_a_day_the_first_time(self, stage):
        result = evaluate(stage, **self.interval(lookback="since_previous"))
        assert result.value["data_start_time"] == "2026-03-01T00:00:00.000Z"


class TestMessages:
    @pytest.fixture
    def stage(self, emulator, arize_connection):
        return Stage(emulator)

    def test_no_width_by_a_template_names_the_ways_out(self, stage):
        stage.spans(1)
        stage.task()
        result = evaluate(
            stage,
            data_start_time="{{ data_interval_start }}",
            data_end_time="{{ data_interval_end }}",
            data_interval=(START, START),
        )
        assert result.state == "failed"
        assert "lookback=timedelta(days=1)" in str(result.error)
        assert "CronDataIntervalTimetable" in str(result.error)

    def test_no_data_names_the_filter_and_what_it_leaves_out(self, stage):
        stage.spans(12, attributes={"kept": "no"})
        stage.task(query_filter="kept = 'yes'")
        stage.control.inject(
            "status",
            status=400,
            path="/v2/tasks/.*/trigger",
            method="POST",
            body={"title": "Bad Request", "status": 400, "detail": "No data found between the start and the end"},
        )
        result = evaluate(stage, on_no_data="fail")
        assert "The task's filter is \"kept = 'yes'\"; without it the window holds 12 spans" in str(result.error)
