"""What a resume costs: no request, and no HTTP library in a process that needs none."""

from __future__ import annotations

import subprocess
import sys

RESUME = """
import sys, time
from airflow.providers.common.compat.sdk import BaseOperator
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.testing.runner import _execution_allowed

BaseOperator(task_id="a")  # some Airflows import their models for any operator
before = set(sys.modules)
window = {"data_start_time": "2026-11-01T00:00:00.000Z", "data_end_time": "2026-11-02T00:00:00.000Z"}
active = {"slot": {"task_id": "T", "window": window}, "run_id": "r", "deadline": time.time() + 60, "ours": True}
event = {
    "status": "done",
    "run_ids": ["r"],
    "runs": {"r": {"id": "r", "status": "COMPLETED", "num_successes": 3, **window}},
    "message": "",
    "error": None,
    "state": {"todo": [], "going": [active], "done": []},
}
with _execution_allowed():
    operator = ArizeTriggerEvaluationRunOperator(task_id="t", task="x", **window)
    assert operator.execute_complete({}, event)["num_successes"] == 3
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before}), sep=" ")
"""


def test_a_resume_by_the_event_s_own_runs_needs_no_http_library_and_no_connection() -> None:
    done = subprocess.run([sys.executable, "-c", RESUME], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not {"requests", "urllib3", "aiohttp", "httpx", "tenacity"} & set(done.stdout.split())
