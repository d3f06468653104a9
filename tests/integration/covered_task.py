"""A task of the emulator with runs over past days, for the tests of coverage and gaps."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess

DAY = timedelta(days=1)
TODAY = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)


class CoveredTask:
    """An evaluation task over the seeded spans; its runs are told by days counted back from today's midnight."""

    def __init__(
        self,
        emulator: EmulatorProcess,
        *,
        name: str = "Answer quality",
        evaluators: Sequence[str] = ("correctness",),
    ) -> None:
        self.url = emulator.url
        self.control = emulator.control
        known = {each["name"]: each["id"] for each in self.call("GET", "evaluators")["evaluators"]}
        body = {
            "name": name,
            "type": "TEMPLATE_EVALUATION",
            "project_id": self.call("GET", "projects")["projects"][0]["id"],
            "evaluators": [{"evaluator_id": known[each]} for each in evaluators],
        }
        self.id = self.call("POST", "tasks", body)["id"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": "Bearer k"}
        reply = requests.request(method, f"{self.url}/v2/{path}", json=body, headers=headers, timeout=10)
        reply.raise_for_status()
        return reply.json()

    def run(self, back: int, days: int = 1, **ending: Any) -> dict[str, Any]:
        """A run over ``days`` days that begins ``back`` days before today, ended as told."""
        start = TODAY - back * DAY
        window = {"data_start_time": start.isoformat(), "data_end_time": (start + days * DAY).isoformat()}
        run = dict(self.call("POST", f"tasks/{self.id}/trigger", window))
        if ending.get("status") != "RUNNING":
            self.control.end_run(run["id"], **{"successes": 5, **ending})
        return run
