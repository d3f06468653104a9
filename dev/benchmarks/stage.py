"""An emulator with tasks to wait for."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

EVALUATOR, PROJECT, SPACE = "correctness", "demo-project", "demo-space"


def call(url: str, method: str, path: str, body: Any = None) -> Any:
    """One request to the emulator's API, by the standard library."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": "Bearer benchmark-key", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}{path}", data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def create_tasks(url: str, count: int) -> list[str]:
    """Create evaluation tasks; returns their ids."""
    evaluators = call(url, "GET", f"/v2/evaluators?limit=100&name={EVALUATOR}")["evaluators"]
    evaluator = next(item["id"] for item in evaluators if item["name"] == EVALUATOR)
    project = next(item["id"] for item in call(url, "GET", "/v2/projects")["projects"] if item["name"] == PROJECT)
    body = {"type": "TEMPLATE_EVALUATION", "project_id": project, "evaluators": [{"evaluator_id": evaluator}]}
    return [call(url, "POST", "/v2/tasks", {**body, "name": f"benchmark {n}"})["id"] for n in range(count)]


@contextlib.contextmanager
def emulator_with_tasks(count: int, **options: Any) -> Iterator[tuple[EmulatorProcess, list[str]]]:
    """A fresh emulator that records no requests, and so many tasks in it."""
    with running_emulator(**options) as emulator:
        emulator.control.configure(record_requests=False)
        yield emulator, create_tasks(emulator.url, count)
