"""Record what this release stores for a deferred task, once before a release.

``python -m tests.integration.upgrades.record``
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from airflow_provider_arize_tasks import __version__
from airflow_provider_arize_tasks.emulator.process import running_emulator
from airflow_provider_arize_tasks.testing.runner import run_task
from tests.integration.upgrades.stage import operators, set_up, with_ids

FOLDER = Path(__file__).parent / "recorded"


def record() -> Path:
    """Run every case to its end and keep each of its deferrals, ids replaced by names."""
    cases = {}
    with running_emulator(run_seconds=0.5) as emulator:
        connection = {"conn_type": "arize", "host": emulator.url, "password": "any", "extra": {"space": "demo-space"}}
        os.environ["AIRFLOW_CONN_ARIZE_DEFAULT"] = json.dumps(connection)
        for case in operators():
            emulator.control.reset()
            known = set_up(emulator.control)
            if case == "sensor":
                (run_id,) = emulator.control.start_runs(known["evaluation"], 1, run_seconds=2)
                operator, given = operators(run_id)[case]
            else:
                operator, given = operators()[case]
            result = run_task(operator, **given)
            if result.error is not None:
                raise result.error
            runs = emulator.control.runs()
            names = {value: f"<{key}>" for key, value in known.items()}
            names |= {run["id"]: f"<run {number}>" for number, run in enumerate(runs)}
            names |= {run["experiment_id"]: "<experiment>" for run in runs if run.get("experiment_id")}
            cases[case] = {"runs": with_ids(runs, names), "deferrals": with_ids(result.deferrals, names)}
    path = FOLDER / f"{__version__}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(cases, indent=1, sort_keys=True) + "\n")
    return path


if __name__ == "__main__":
    print(record())
