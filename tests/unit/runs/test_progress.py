"""How far a task instance has come: stages, and what is handed on, as JSON through the trigger."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.readers import read_task_run
from airflow_provider_arize_tasks.runs.progress import (
    Done,
    Ending,
    Going,
    Progress,
    combined_result,
    counts_of,
    run_result,
)
from airflow_provider_arize_tasks.runs.requests import Slot
from airflow_provider_arize_tasks.windows.window import Window

START = datetime(2026, 11, 23, tzinfo=timezone.utc)


def slot(number: int, stage: str | None = None) -> Slot:
    window = Window(START + timedelta(days=number), START + timedelta(days=number + 1))
    return Slot(task_id="task", window=window, stage=window.key if stage is None else stage)


def run_json(name: str, successes: int | None = 1, **fields: Any) -> dict[str, Any]:
    return {"id": name, "num_successes": successes, "num_errors": 2, "num_skipped": None, **fields}


def test_windows_run_one_after_the_other_and_evaluations_side_by_side() -> None:
    windows = Progress(todo=(slot(0), slot(1), slot(2)))
    assert windows.next_stage() == (slot(0),)
    judges = (slot(1, "evaluations"), slot(2, "evaluations"))
    assert Progress(todo=(slot(0), *judges)).next_stage() == (slot(0),)
    assert Progress(todo=(*judges, slot(3))).next_stage() == judges
    assert Progress().next_stage() == ()


def test_a_stage_goes_from_todo_over_going_to_done() -> None:
    judges = (slot(1, "evaluations"), slot(2, "evaluations"))
    before = Progress(todo=(*judges, slot(3)), execution_deadline=9.0)
    going = Going(slot=judges[0], run_id="r", deadline=5.0)
    started = before.started([going], [judges[1]])
    assert (started.todo, started.going, started.execution_deadline) == ((slot(3),), (going,), 9.0)
    assert started.done == (Done(slot=judges[1], ending=Ending.NO_DATA),)
    done = Done(slot=judges[0], ending=Ending.SPLIT, run=run_json("r"))
    after = started.judged([done], follow=(slot(8), slot(9)))
    assert after.todo == (slot(8), slot(9), slot(3))
    assert (after.going, after.done) == ((), (*started.done, done))


plain = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=4)
slots = st.builds(slot, st.integers(0, 500), st.none() | st.text(max_size=4))
progresses = st.builds(
    Progress,
    todo=st.lists(slots, max_size=3).map(tuple),
    going=st.lists(
        st.builds(Going, slot=slots, run_id=st.text(max_size=5), deadline=st.floats(0, 1e10), ours=st.booleans()),
        max_size=3,
    ).map(tuple),
    done=st.lists(st.builds(Done, slot=slots, ending=st.sampled_from(Ending), run=st.none() | plain), max_size=3).map(
        tuple
    ),
    execution_deadline=st.none() | st.floats(0, 1e10),
    scope=st.none() | st.tuples(st.none() | st.text(max_size=5), st.none() | st.text(max_size=5)),
)


@given(progress=progresses)
def test_it_survives_the_triggers_arguments(progress: Progress) -> None:
    assert Progress.from_dict(json.loads(json.dumps(progress.to_dict()))) == progress


def test_a_task_deferred_by_an_older_release_resumes() -> None:
    stored = {"going": [{"slot": {"task_id": "t"}, "run_id": "r", "deadline": "7"}]}
    (going,) = Progress.from_dict(stored).going
    assert (going.run_id, going.deadline, going.ours) == ("r", 7.0, True)
    assert Progress.from_dict({}) == Progress()


def test_one_run_is_handed_on_as_it_is() -> None:
    whole = {**run_json("r"), "status": "completed", "num_errors": "7", "secret_of_a_newer_server": 1}
    result = run_result(read_task_run(whole))
    # Its status is spelled as newer servers do, and its counts can be summed.
    assert (result["id"], result["status"], result["num_errors"]) == ("r", "COMPLETED", 7)
    assert run_result(read_task_run({"id": "r", "status": "PAUSED"}))["status"] == "PAUSED"
    assert "secret_of_a_newer_server" not in result
    assert combined_result([Done(slot=slot(0), ending=Ending.SUCCEEDED, run=result)]) == result


def test_several_runs_are_summed_over_the_whole_window() -> None:
    done = [
        Done(slot=slot(2), ending=Ending.SPLIT, run=run_json("a", 5)),
        Done(slot=slot(0), ending=Ending.NO_DATA),
        Done(slot=slot(1), ending=Ending.SUCCEEDED, run=run_json("b", None, status="COMPLETED")),
    ]
    result = combined_result(done)
    assert result is not None
    assert (result["id"], result["status"]) == ("b", "COMPLETED")
    assert (result["num_successes"], result["num_errors"], result["num_skipped"]) == (5, 4, 0)
    assert (result["data_start_time"], result["data_end_time"]) == (
        "2026-11-23T00:00:00.000Z",
        "2026-11-26T00:00:00.000Z",
    )
    assert [run["id"] for run in result["runs"]] == ["a", "b"]
    counts = counts_of(done)
    assert (counts.successes, counts.errors, counts.skipped) == (5, 4, 0)


def test_one_run_beside_a_window_without_data_still_tells_the_whole_window() -> None:
    done = [Done(slot=slot(0), ending=Ending.NO_DATA), Done(slot=slot(1), ending=Ending.SUCCEEDED, run=run_json("a"))]
    result = combined_result(done)
    assert result is not None
    assert result["data_start_time"] == "2026-11-23T00:00:00.000Z"
    assert len(result["runs"]) == 1


def test_no_run_no_result() -> None:
    assert combined_result([]) is None
    assert combined_result([Done(slot=slot(0), ending=Ending.NO_DATA)]) is None
