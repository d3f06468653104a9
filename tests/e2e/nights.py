"""Experiments by the dozen for the gate to look at, run over Arize's own API; no Airflow has a part in them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.e2e.arize import Arize

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess

DATASET, EVALUATOR = "talks", "tone"
#: Conversations, and the turns of each: 500 examples.
TALKS, TURNS = 50, 10


class Nights:
    """An app that is tested by night on 500 turns of 50 conversations, judged by an evaluator with continuous scores.

    :param emulator: a running emulator.
    """

    def __init__(self, emulator: EmulatorProcess) -> None:
        self._control = emulator.control
        self._arize = Arize(emulator.url)
        self._control.add("evaluator", EVALUATOR)
        turns = [
            {"id": f"turn-{talk}-{turn}", "input": "?", "talk": f"talk {talk}"}
            for talk in range(TALKS)
            for turn in range(TURNS)
        ]
        self._dataset = self._control.add("dataset", DATASET, examples=turns)

    def run(self, task: str, names: list[str], **quality: Any) -> None:
        """Run an experiment of each name, one after the other, and have each judged.

        :param task: name of the RUN_EXPERIMENT task, which is made where there is none.
        :param quality: what the emulator stages for exactly these experiments.
        """
        self._control.set_quality(EVALUATOR, experiment=f"^({'|'.join(names)})$", **quality)
        experiment_task, judge = self._tasks(task)
        for name in names:
            done = self._ended(self._arize.call("POST", f"tasks/{experiment_task}/trigger", {"experiment_name": name}))
            experiments = {"experiment_ids": [done["experiment_id"]]}
            self._ended(self._arize.call("POST", f"tasks/{judge}/trigger", experiments))

    def _tasks(self, name: str) -> tuple[str, str]:
        known = {each["name"]: str(each["id"]) for each in self._arize.call("GET", "tasks", limit=100)["tasks"]}
        if name in known:
            return known[name], known[f"judge-{name}"]
        task = self._arize.experiment_task(name, dataset=DATASET)
        first = self._ended(self._arize.call("POST", f"tasks/{task}/trigger", {"experiment_name": f"{name} begins"}))
        body = {
            "name": f"judge-{name}",
            "type": "TEMPLATE_EVALUATION",
            "dataset_id": self._dataset,
            "evaluators": [{"evaluator_id": self._arize.id_of("evaluators", EVALUATOR)}],
            "experiment_ids": [first["experiment_id"]],
        }
        judge = str(self._arize.call("POST", "tasks", body)["id"])
        for made in (task, judge):
            self._control.set_outcome(task=made, run_seconds=0.02, times=None)
        return task, judge

    def _ended(self, run: dict[str, Any]) -> dict[str, Any]:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            run = self._arize.call("GET", f"task-runs/{quote(run['id'], safe='')}")
            if run["status"] not in ("PENDING", "RUNNING"):
                return run
            time.sleep(0.02)
        raise AssertionError(f"run did not end: {run}")
