"""A thousand pieces in one task instance: nothing Airflow keeps of it on the way is more than MySQL's ``TEXT`` holds.

The trigger's arguments are what stands in a ``TEXT`` column, encrypted. State store, XComs, events and ``next_kwargs``
are held to the same size, though MySQL gives them more. The result lists each run by contract, so it alone grows.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.serialization.serialized_objects import BaseSerialization
from cryptography.fernet import Fernet

from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import PROJECT, runs_of

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.windows.window import Window

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

TEXT = 65_535
PIECES = 1_000
FERNET = Fernet(Fernet.generate_key())


def stored(value: Any) -> str:
    """As Airflow's wordiest serialization writes it."""
    return json.dumps(BaseSerialization.serialize(value))


class Watched(ArizeTriggerEvaluationRunOperator):
    """Notes how long each event is that it resumes with."""

    events: list[int]

    def execute_complete(self, context: Any, event: Any = None) -> Any:
        self.events.append(len(stored({"event": event})))
        return super().execute_complete(context, event)


def evaluate(task: str, window: Window, *, has_state_store: bool, retry_of: TaskResult | None = None) -> TaskResult:
    Watched.events = []
    operator = Watched(
        task_id="evaluate",
        task=task,
        poll_interval=0.02,
        deferrable=True,
        retries=3,
        max_window=timedelta(days=1) / PIECES,
        **window.to_dict(),
    )
    result = run_task(operator, has_state_store=has_state_store, retry_of=retry_of)
    assert result.state == "success", result.error
    assert len(result.value["runs"]) == PIECES
    return result


def assert_fits(result: TaskResult) -> None:
    kwargs = [len(FERNET.encrypt(stored(each["kwargs"]).encode())) for each in result.deferrals]
    method = [len(stored(each["method_kwargs"])) for each in result.deferrals]
    xcoms = [len(stored(value)) for key, value in result.xcoms.items() if key != "return_value"]
    state = [len(stored(value)) for value in result.task_state.values()]
    sizes = {"kwargs": kwargs, "method_kwargs": method, "events": Watched.events, "xcoms": xcoms, "state": state}
    print({name: (len(each), max(each, default=0)) for name, each in sizes.items()})
    assert {name: max(each) for name, each in sizes.items() if each and max(each) > TEXT} == {}


@pytest.mark.parametrize("has_state_store", [True, False])
def test_every_stored_value_fits(
    evaluation_task: str, window: Window, emulator: EmulatorProcess, has_state_store: bool
) -> None:
    emulator.control.configure(run_seconds=0.01)
    emulator.control.add_spans(project=PROJECT, count=2 * PIECES, start=window.start, end=window.end)
    first = evaluate(evaluation_task, window, has_state_store=has_state_store)
    assert len(first.deferrals) > PIECES / 2  # else nothing was put aside on the way
    assert len(runs_of(emulator, evaluation_task)) == PIECES
    assert_fits(first)
    if not has_state_store:
        return
    # A plain retry, as after a kill just before the result was reported: all are adopted, none was forgotten.
    second = evaluate(evaluation_task, window, has_state_store=True, retry_of=first)
    assert [run["id"] for run in second.value["runs"]] == [run["id"] for run in first.value["runs"]]
    assert len(runs_of(emulator, evaluation_task)) == PIECES
    assert_fits(second)
