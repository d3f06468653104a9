"""Follow one deferred window through the package: which modules it passes, and how many calls.

Usage: ``python dev/tools/walk.py``. Starts an emulator, runs ``ArizeTriggerEvaluationRunOperator`` from its
constructor to its result (execute, trigger, resume) in this process, and counts the calls of the package's functions,
those of the emulator and of the testing helpers aside.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp())
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

import airflow_provider_arize_tasks

PACKAGE = Path(airflow_provider_arize_tasks.__file__).parent
ASIDE = (PACKAGE / "emulator", PACKAGE / "testing")
calls: Counter[str] = Counter()


def count(frame: Any, event: str, _argument: Any) -> None:
    """Count a call where it belongs to the package."""
    if event != "call":
        return
    path = Path(frame.f_code.co_filename)
    if frame.f_code.co_name.startswith("<") or not path.is_relative_to(PACKAGE):
        return
    if not any(path.is_relative_to(folder) for folder in ASIDE):
        calls[str(path.relative_to(PACKAGE).with_suffix("")).replace("/", ".")] += 1


def main() -> None:
    """Run it and print the table."""
    from airflow_provider_arize_tasks.emulator.process import running_emulator
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
    from airflow_provider_arize_tasks.testing.runner import run_task

    with running_emulator(run_seconds=0.5) as emulator:
        connection = {"conn_type": "arize", "host": emulator.url, "password": "any", "extra": {"space": "demo-space"}}
        os.environ["AIRFLOW_CONN_ARIZE_DEFAULT"] = json.dumps(connection)
        with ArizeHook() as hook:
            task = hook.create_evaluation_task(
                name="walked",
                task_type="TEMPLATE_EVALUATION",
                project="demo-project",
                evaluators=[{"evaluator_id": hook.resolve_evaluator("correctness")}],
            )
        end = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
        sys.setprofile(count)
        operator = ArizeTriggerEvaluationRunOperator(
            task_id="walk",
            task=task.id,
            data_start_time=end - timedelta(days=1),
            data_end_time=end,
            poll_interval=1,
        )
        result = run_task(operator)
        sys.setprofile(None)
    if result.state != "success":
        raise SystemExit(f"the window was not evaluated: {result.error!r}")
    for module, number in sorted(calls.items(), key=lambda row: -row[1]):
        print(f"{number:6} {module}")
    print(f"{len(calls)} modules, {sum(calls.values())} calls")


if __name__ == "__main__":
    main()
