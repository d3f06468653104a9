"""How far a task instance has come: stages, and what is handed on, as JSON through the trigger."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.models import TaskRun
from airflow_provider_arize_tasks.runs.progress import (
    ActiveRun,
    FinishedRun,
    Progress,
    RequestState,
    combined_result,
    counts_of,
    run_result,
)
from airflow_provider_arize_tasks.runs.requests import RunRequest
from airflow_provider_arize_tasks.windows.window import Window

START = datetime(2026, 11, 23, tzinfo=timezone.utc)


def request(number: int, stage: str | None = None) -> RunRequest:
    window = Window(START + timedelta(days=number), START + timedelta(days=number + 1))
    return RunRequest(task_id="task", window=window, stage=window.key if stage is None else stage)


def run_json(name: str, successes: int | None = 1, **fields: Any) -> dict[str, Any]:
    return {"id": name, "num_successes": successes, "num_errors": 2, "num_skipped": None, **fields}


def test_windows_run_one_after_the_other_and_evaluations_side_by_side() -> None:
    windows = Progress(todo=(request(0), request(1), request(2)))
    assert windows.next_stage() == (request(0),)
    judges = (request(1, "evaluations"), request(2, "evaluations"))
    assert Progress(todo=(request(0), *judges)).next_stage() == (request(0),)
    assert Progress(todo=(*judges, request(3))).next_stage() == judges
    assert Progress().next_stage() == ()


def test_a_stage_goes_from_todo_over_going_to_done() -> None:
    judges = (request(1, "evaluations"), request(2, "evaluations"))
    before = Progress(todo=(*judges, request(3)), execution_deadline=9.0)
    active = ActiveRun(request=judges[0], run_id="r", deadline=5.0)
    started = before.started([active], [judges[1]])
    assert (started.todo, started.active, started.execution_deadline) == ((request(3),), (active,), 9.0)
    assert started.finished == (FinishedRun(request=judges[1], state=RequestState.NO_DATA),)
    finished = FinishedRun(request=judges[0], state=RequestState.SPLIT, run=run_json("r"))
    after = started.judged([finished], follow=(request(8), request(9)))
    assert after.todo == (request(8), request(9), request(3))
    assert (after.active, after.finished) == ((), (*started.finished, finished))


plain = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=4)
requests = st.builds(request, st.integers(0, 500), st.none() | st.text(max_size=4))
progresses = st.builds(
    Progress,
    todo=st.lists(requests, max_size=3).map(tuple),
    active=st.lists(
        st.builds(
            ActiveRun, request=requests, run_id=st.text(max_size=5), deadline=st.floats(0, 1e10), owned=st.booleans()
        ),
        max_size=3,
    ).map(tuple),
    finished=st.lists(
        st.builds(FinishedRun, request=requests, state=st.sampled_from(RequestState), run=st.none() | plain), max_size=3
    ).map(tuple),
    execution_deadline=st.none() | st.floats(0, 1e10),
    scope=st.none() | st.tuples(st.none() | st.text(max_size=5), st.none() | st.text(max_size=5)),
)


@given(progress=progresses)
def test_it_survives_the_triggers_arguments(progress: Progress) -> None:
    assert Progress.from_dict(json.loads(json.dumps(progress.to_dict()))) == progress


def test_a_task_deferred_by_an_older_release_resumes() -> None:
    stored = {"going": [{"slot": {"task_id": "t"}, "run_id": "r", "deadline": "7"}]}
    (active,) = Progress.from_dict(stored).active
    assert (active.run_id, active.deadline, active.owned) == ("r", 7.0, True)
    assert Progress.from_dict({}) == Progress()


def test_one_run_is_handed_on_as_it_is() -> None:
    whole = {**run_json("r"), "status": "completed", "num_errors": "7", "secret_of_a_newer_server": 1}
    result = run_result(TaskRun.read(whole))
    # Its status is spelled as newer servers do, and its counts can be summed.
    assert (result["id"], result["status"], result["num_errors"]) == ("r", "COMPLETED", 7)
    assert run_result(TaskRun.read({"id": "r", "status": "PAUSED"}))["status"] == "PAUSED"
    assert "secret_of_a_newer_server" not in result
    assert combined_result([FinishedRun(request=request(0), state=RequestState.SUCCEEDED, run=result)]) == result


def test_several_runs_are_summed_over_the_whole_window() -> None:
    finished = [
        FinishedRun(request=request(2), state=RequestState.SPLIT, run=run_json("a", 5)),
        FinishedRun(request=request(0), state=RequestState.NO_DATA),
        FinishedRun(request=request(1), state=RequestState.SUCCEEDED, run=run_json("b", None, status="COMPLETED")),
    ]
    result = combined_result(finished)
    assert result is not None
    assert (result["id"], result["status"]) == ("b", "COMPLETED")
    assert (result["num_successes"], result["num_errors"], result["num_skipped"]) == (5, 4, 0)
    assert (result["data_start_time"], result["data_end_time"]) == (
        "2026-11-23T00:00:00.000Z",
        "2026-11-26T00:00:00.000Z",
    )
    assert [run["id"] for run in result["runs"]] == ["a", "b"]
    counts = counts_of(finished)
    assert (counts.successes, counts.errors, counts.skipped) == (5, 4, 0)


def test_one_run_beside_a_window_without_data_still_tells_the_whole_window() -> None:
    finished = [
        FinishedRun(request=request(0), state=RequestState.NO_DATA),
        FinishedRun(request=request(1), state=RequestState.SUCCEEDED, run=run_json("a")),
    ]
    result = combined_result(finished)
    assert result is not None
    assert result["data_start_time"] == "2026-11-23T00:00:00.000Z"
    assert len(result["runs"]) == 1


def test_no_run_no_result() -> None:
    assert combined_result([]) is None
    assert combined_result([FinishedRun(request=request(0), state=RequestState.NO_DATA)]) is None
