"""Many daily windows with everything that goes wrong; in the end every span is labelled once by the current judges.

The operators run in this process; ``tests/e2e/test_ledger.py`` backfills ninety days on a real Airflow.
Workers are "killed" by letting an attempt's run fail half-way and running the next attempt.
"""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.operators.runs import (
    ArizeFindWindowGapsOperator,
    ArizeTriggerEvaluationRunOperator,
)
from airflow_provider_arize_tasks.testing.runner import run_task
from tests.integration.operators.test_stale_windows import Airflow
from tests.integration.operators.test_verify_window import DAY, START, TRACES, Stage

UTC = timezone.utc
DAYS = 24
END = START + DAYS * DAY
MAX_SPANS = 40


def is_empty(day):
    return day % 11 == 5


@pytest.fixture(params=["after_labels", "before_labels"])
def stage(request, emulator, arize_connection):
    emulator.control.configure(limit_applies=request.param)
    stage = Stage(emulator)
    for day in range(DAYS):
        begin = START + day * DAY
        if is_empty(day):
            continue
        stage.spans(130 if day % 7 == 3 else 12, start=begin, end=begin + DAY)
    return stage


class Nights:
    """The self-healing DAG, night after night."""

    def __init__(self, stage):
        self.stage = stage
        self.airflow = Airflow()

    def run(self):
        """One night: find what is left and evaluate it; a task instance that fails is tried again."""
        operator = ArizeFindWindowGapsOperator(
            task_id="gaps",
            task=self.stage.id,
            start=START,
            end=END,
            max_spans=MAX_SPANS,
            settle=0,
            stale="reevaluate",
        )
        found = run_task(operator, context={"ti": self.airflow})
        assert found.state == "success", found.error
        for window in found.value:
            self.evaluate(window)
        return found.value

    def evaluate(self, window):
        operator = ArizeTriggerEvaluationRunOperator(
            task_id="evaluate",
            task=self.stage.id,
            max_spans=MAX_SPANS,
            on_truncated="split",
            poll_interval=0.1,
            retries=4,
            **window,
        )
        result = run_task(operator)
        while result.state == "up_for_retry":
            result = run_task(operator, retry_of=result)
        return result.state


def states(stage):
    with ArizeHook() as hook:
        found = hook.read_coverage(stage.id, START, END, max_spans=MAX_SPANS)
    return [cell.state.value for cell in found.coverage.cells(DAY, UTC, now=found.now)]


def assert_calendar_agrees_with_the_ledger(stage, evaluators):
    for day, state in enumerate(states(stage)):
        begin = START + day * DAY
        if is_empty(day):
            assert state in ("missing", "empty")
            continue
        ledger = stage.control.ledger(task="Proof", evaluators=evaluators, start=begin, end=begin + DAY, current=True)
        assert (state == "covered") == (ledger["missed"] == 0), (day, state, ledger)


@pytest.mark.parametrize(
    ("attached", "names"),
    [(("correctness",), ["correctness"]), (("correctness", "hallucination"), ["correctness", "hallucination"])],
)
@pytest.mark.timeout(280)
def test_every_span_is_labelled_once_by_the_current_judges(stage, attached, names):
    stage.task(*attached)
    nights = Nights(stage)
    stage.control.set_outcome("FAILED", reason="out of memory", times=3, labelled_fraction=0.5)
    stage.control.set_outcome(errors=12, times=1)  # an expired judge key
    nights.run()
    assert_calendar_agrees_with_the_ledger(stage, names)
    nights.run()
    assert set(states(stage)) <= {"covered", "missing", "empty"}

    # A new version half-way: what was labelled is stale, and is labelled anew, once.
    stage.control.advance_clock(60)
    stage.control.add_evaluator_version("correctness")
    stage.control.advance_clock(60)
    assert "stale" in states(stage)
    nights.run()
    assert_calendar_agrees_with_the_ledger(stage, names)
    found = stage.control.ledger(task="Proof", evaluators=["correctness"], start=START, end=END, current=True)
    assert (found["missed"], found["twice"]) == (0, 0)
    assert all("override_evaluations" not in window for window in nights.run())

    # Spans that arrive after all that are what verification finds.
    with ArizeHook() as hook:
        assert hook.verify_window(stage.id, START, END)["complete"]
        late = stage.spans(3, start=START, end=START + DAY, arrives_after=timedelta(hours=10).total_seconds())
        proof = hook.verify_window(stage.id, START, START + DAY)
    assert set(proof["missing_examples"]["correctness"]) == set(late)


@pytest.mark.timeout(200)
def test_traces_too(stage):
    stage.task(TRACES)
    Nights(stage).run()
    with ArizeHook() as hook:
        assert hook.verify_window(stage.id, START, END)["complete"]
    assert set(states(stage)) <= {"covered", "missing", "empty"}
