"""What the end-to-end tests say to the emulator over Arize's own API: plain HTTP, nothing of the package under test."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import requests

SPACE, PROJECT, DATASET = "demo-space", "demo-project", "demo-dataset"


def connection(url: str, **extra: Any) -> dict[str, str]:
    """The environment that gives an Airflow the connection ``arize_default`` to an emulator."""
    fields = {"conn_type": "arize", "host": url, "password": "an-api-key", "extra": {"space": SPACE, **extra}}
    return {"AIRFLOW_CONN_ARIZE_DEFAULT": json.dumps(fields)}


class Arize:
    """A few calls of the API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        reply = requests.request(
            method, f"{self.url}/v2/{path}", json=body, params=query, headers={"authorization": "Bearer k"}, timeout=30
        )
        assert reply.ok, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else None

    def id_of(self, plural: str, name: str) -> str:
        """Id of a space, project, dataset, evaluator or integration by its exact name."""
        found = self.call("GET", plural, name=name)[plural.replace("-", "_")]
        return next(str(each["id"]) for each in found if each["name"] == name)

    def evaluation_task(self, name: str, *, project: str = PROJECT, evaluator: str = "correctness") -> str:
        body = {
            "name": name,
            "type": "TEMPLATE_EVALUATION",
            "project_id": self.id_of("projects", project),
            "evaluators": [{"evaluator_id": self.id_of("evaluators", evaluator)}],
        }
        return str(self.call("POST", "tasks", body)["id"])

    def experiment_task(self, name: str, *, dataset: str = DATASET) -> str:
        configuration = {
            "experiment_type": "LLM_GENERATION",
            "ai_integration_id": self.id_of("ai-integrations", "demo-openai"),
            "model_name": "gpt-4o",
            "input_variable_format": "MUSTACHE",
            "messages": [{"role": "USER", "content": "{{input}}"}],
        }
        body = {"name": name, "type": "RUN_EXPERIMENT", "dataset_id": self.id_of("datasets", dataset)}
        return str(self.call("POST", "tasks", {**body, "run_configuration": configuration})["id"])

    def cancel(self, run_id: str) -> None:
        self.call("POST", f"task-runs/{quote(run_id, safe='')}/cancel")
