"""The tests of single tasks of the page "Testing your DAGs", run as they stand there."""

# [START one_task]
from datetime import datetime, timezone

from dags.daily_quality import dag

DAY = datetime(2026, 11, 22, tzinfo=timezone.utc), datetime(2026, 11, 23, tzinfo=timezone.utc)


def test_evaluates_the_day(arize_emulator, arize_run_task):
    arize_emulator.control.add_spans(project="demo-project", count=40, start=DAY[0], end=DAY[1])
    task = arize_run_task(dag.get_task("task"))
    result = arize_run_task(dag.get_task("evaluate"), data_interval=DAY, xcoms={"task": task.value})
    assert result.state == "success"
    assert result.value["data_start_time"] == "2026-11-22T00:00:00.000Z"
    assert "api" not in str(result.deferrals).lower()  # no key in what Airflow stores


# [END one_task]


# [START retry]
def test_a_retry_does_not_evaluate_twice(arize_emulator, arize_run_task):
    task = arize_run_task(dag.get_task("task"))
    given = {"data_interval": DAY, "xcoms": {"task": task.value}}
    arize_emulator.control.set_outcome("FAILED", reason="the judge model is gone")
    first = arize_run_task(dag.get_task("evaluate"), **given)
    assert (first.state, "judge model" in str(first.error)) == ("up_for_retry", True)
    second = arize_run_task(dag.get_task("evaluate"), retry_of=first, **given)
    assert second.state == "success"
    assert arize_emulator.control.ledger(start=DAY[0], end=DAY[1])["twice"] == 0


# [END retry]
