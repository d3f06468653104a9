"""Plain HTTP to the emulator: nothing of the package's client, so that each side is checked on its own."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MESSAGES = [{"role": "USER", "content": "Answer: {input}"}]


class Api:
    """Calls of the API, and the seeded things by name."""

    def __init__(self, emulator: EmulatorProcess, key: str = "a-key") -> None:
        self.emulator = emulator
        self.control = emulator.control
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {key}"
        self._ids: dict[tuple[str, str], str] = {}

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, f"{self.emulator.url}/v2/{path}", timeout=20, **options)

    def get(self, path: str, **query: Any) -> Any:
        reply = self.send("GET", path, params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def post(self, path: str, body: Any = None, status: int = 201) -> Any:
        reply = self.send("POST", path, json=body) if body is not None else self.send("POST", path)
        assert reply.status_code == status, reply.text
        return reply.json()

    def refused(self, method: str, path: str, status: int, body: Any = None, **query: Any) -> str:
        """The detail of a refusal."""
        reply = self.send(method, path, json=body, params=query)
        assert reply.status_code == status, f"{reply.status_code} {reply.text}"
        assert reply.headers["Content-Type"].startswith("application/problem+json")
        return str(reply.json()["detail"])

    def id(self, plural: str, name: str) -> str:
        key = (plural, name)
        if key not in self._ids:
            items = self.get(plural, name=name)[plural.replace("-", "_")]
            self._ids[key] = next(item["id"] for item in items if item["name"] == name)
        return self._ids[key]

    @property
    def project(self) -> str:
        return self.id("projects", "demo-project")

    @property
    def dataset(self) -> str:
        return self.id("datasets", "demo-dataset")

    def body(self, name: str = "a task", evaluators: Any = ("correctness",), **fields: Any) -> dict[str, Any]:
        """The body of an evaluation task of the project; a field of ``None`` is left out."""
        items = [{"evaluator_id": self.id("evaluators", e)} if isinstance(e, str) else e for e in evaluators]
        body = {"name": name, "type": "TEMPLATE_EVALUATION", "project_id": self.project, "evaluators": items, **fields}
        return {key: value for key, value in body.items() if value is not None}

    def task(self, name: str = "a task", evaluators: Any = ("correctness",), **fields: Any) -> str:
        return str(self.post("tasks", self.body(name, evaluators, **fields))["id"])

    def dataset_task(self, name: str = "scores", evaluators: Any = ("correctness",)) -> str:
        baseline = self.id("experiments", "baseline")
        fields = {"project_id": None, "dataset_id": self.dataset, "experiment_ids": [baseline]}
        return self.task(name, evaluators, **fields)

    def config(self, **fields: Any) -> dict[str, Any]:
        config = {
            "experiment_type": "LLM_GENERATION",
            "ai_integration_id": self.id("ai-integrations", "demo-openai"),
            "messages": MESSAGES,
            "input_variable_format": "F_STRING",
            **fields,
        }
        return {key: value for key, value in config.items() if value is not None}

    def experiment_task(self, name: str = "an experiment task", **config: Any) -> str:
        body = {"name": name, "type": "RUN_EXPERIMENT", "dataset_id": self.dataset}
        return str(self.post("tasks", {**body, "run_configuration": self.config(**config)})["id"])

    def trigger(self, task: str, **body: Any) -> dict[str, Any]:
        return dict(self.post(f"tasks/{task}/trigger", body))

    def window(self, task: str, day: int = 1, **body: Any) -> dict[str, Any]:
        """Trigger a task over one of the days that the ``api`` fixture fills."""
        return self.trigger(task, **{**self.day(day), **body})

    @staticmethod
    def day(day: int) -> dict[str, str]:
        """A day of March 2026 as the window of a trigger."""
        start, end = f"2026-03-{day:02d}T00:00:00Z", f"2026-03-{day + 1:02d}T00:00:00Z"
        return {"data_start_time": start, "data_end_time": end}

    def run(self, run_id: str) -> dict[str, Any]:
        return dict(self.get(f"task-runs/{quote(run_id, safe='')}"))

    def ended(self, run: dict[str, Any]) -> dict[str, Any]:
        """A run once it has ended."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            run = self.run(run["id"])
            if run["status"] not in ("PENDING", "RUNNING"):
                return run
            time.sleep(0.02)
        raise AssertionError(f"run did not end: {run}")


@pytest.fixture(scope="session")
def emulator_process() -> Iterator[EmulatorProcess]:
    """One emulator for the tests of this folder, with few spans of its own."""
    with running_emulator(seed_spans=100, settings="{}") as running:
        yield running


@pytest.fixture
def emulator(emulator_process: EmulatorProcess) -> EmulatorProcess:
    """That emulator, as freshly started."""
    emulator_process.control.reset()
    return emulator_process


@pytest.fixture
def api(emulator: EmulatorProcess) -> Api:
    """The API of an emulator with twenty spans on 1 March 2026 and ten on the 2nd, and quick runs."""
    emulator.control.configure(run_seconds=0.06, pending_seconds=0.02)
    emulator.control.add_spans(count=20, start="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z")
    emulator.control.add_spans(count=10, start="2026-03-02T00:00:00Z", end="2026-03-03T00:00:00Z")
    return Api(emulator)


@pytest.fixture
def connect() -> type[Api]:
    """The class of ``api``, for tests that start an emulator of their own."""
    return Api


@pytest.fixture(scope="session")
def at_level() -> Iterator[Callable[[str], Api]]:
    """A function that gives the API of an emulator at a level; each level's process is started once."""
    with contextlib.ExitStack() as stack:
        started: dict[str, EmulatorProcess] = {}

        def start(level: str) -> Api:
            if level not in started:
                started[level] = stack.enter_context(
                    running_emulator(api_level=level, run_seconds=0.05, seed_spans=100, settings="{}")
                )
            started[level].control.reset()
            return Api(started[level])

        yield start
