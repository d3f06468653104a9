"""The quality gate in the demonstration: good nights, a regression that is blocked twice, and a person who accepts it.

The DAG reads ``ARIZE_QUALITY_REPORTS``; put :func:`environment` into the environment of Airflow.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_arize_tasks.emulator.control import EmulatorControl
    from dev.local_airflow import LocalAirflow

DAG_ID = "arize_nightly_quality_gate"
CHECK, PROMOTION = "check_quality", "promote"
FINAL = {"success", "failed"}
#: The Airflow Variable by which a person says "this is the new normal".
ACCEPT = "arize_quality_accept_since"
#: How long runs of this DAG last on the emulator; two stages a night.
RUN_SECONDS = 2.0
#: How often answers of the bad night are correct; of the good ones it is 0.85.
BAD = 0.45
_TASKS = ("nightly-support-answers", "judge-correctness", "judge-hallucination")


def environment(reports: Path) -> dict[str, str]:
    """What Airflow needs in its environment.

    :param reports: folder for the reports.
    """
    return {"ARIZE_QUALITY_REPORTS": str(reports)}


@dataclass(frozen=True, kw_only=True)
class Night:
    """What became of one DAG run.

    :param check: state of the check.
    :param promotion: state of the promotion.
    :param result: what the check returned; empty where it has not.
    """

    run_id: str
    check: str
    promotion: str
    result: dict[str, Any]

    @property
    def is_good(self) -> bool:
        """Whether it was staged as a good one."""
        return self.run_id.startswith("good")

    @property
    def should_pass(self) -> bool:
        """Whether the gate should let it pass: a good one, and a bad one that a person accepted."""
        return self.is_good or self.run_id == "bad-accepted"


class QualityGate:
    """Runs the nights and tells how they came out.

    :param airflow: a running Airflow, its scheduler started or not.
    :param control: of the emulator.
    :param good: how many good nights.
    :param say: where to tell what is going on.
    """

    def __init__(
        self, airflow: LocalAirflow, control: EmulatorControl, *, good: int = 5, say: Callable[[str], None] = print
    ) -> None:
        self._api = airflow.api
        self._say = say
        self.run_ids = (*(f"good-{number}" for number in range(1, good + 1)), "bad-1", "bad-2", "bad-accepted")
        self._told: set[str] = set()
        self._has_accepted = False
        control.set_quality(mean=BAD, experiment="nightly bad")
        for task in _TASKS:
            control.set_outcome(task=task, run_seconds=RUN_SECONDS, times=None)

    def begin(self) -> None:
        """Trigger all nights but the last. The DAG allows one at a time, so they run in this order."""
        self._api.unpause(DAG_ID)
        for run_id in self.run_ids[:-1]:
            self._api.trigger(DAG_ID, run_id)
        self._say(f"airflow dags trigger {DAG_ID}, {len(self.run_ids) - 1} nights, the last two of them bad ones")

    def _accept(self) -> None:
        """What a person does who finds the regression fine: says from when on it is the new normal."""
        self._has_accepted = True
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._api.call("POST", "variables", {"key": ACCEPT, "value": now})
        self._say(f"a person accepts the new normal: airflow variables set {ACCEPT} {now}")
        self._api.trigger(DAG_ID, self.run_ids[-1])

    def look(self) -> bool:
        """Tell what has ended since the last look; returns whether all nights have."""
        states = {run["dag_run_id"]: run["state"] for run in self._api.runs(DAG_ID)}
        for run_id in self.run_ids:
            if states.get(run_id) in FINAL and run_id not in self._told:
                self._told.add(run_id)
                self._say(f"quality gate, night {run_id}: {states[run_id]}")
        if not self._has_accepted and self._told.issuperset(self.run_ids[:-1]):
            self._accept()
        return len(self._told) == len(self.run_ids)

    def wait(self, limit: float = 600) -> bool:
        """Wait for the last night.

        :param limit: seconds.
        :return: whether all have ended.
        """
        until = time.monotonic() + limit
        while not self.look():
            if time.monotonic() > until:
                return False
            time.sleep(1)
        return True

    def nights(self) -> list[Night]:
        """What became of each, in order."""
        return [self._night(run_id) for run_id in self.run_ids]

    def _night(self, run_id: str) -> Night:
        states = {task["task_id"]: str(task["state"]) for task in self._api.tasks(DAG_ID, run_id)}
        result = self._api.xcom(DAG_ID, run_id, CHECK) or {}
        return Night(run_id=run_id, check=states.get(CHECK, "-"), promotion=states.get(PROMOTION, "-"), result=result)

    def table(self) -> str:
        """The nights as aligned text, and where the report of a bad one is."""
        nights = self.nights()
        evaluators = sorted({name for night in nights for name in night.result.get("evaluators", {})})
        rows = [("night", *evaluators, "compared with", "check", "promotion")]
        rows += [_row(night, evaluators) for night in nights]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines.insert(1, "-" * len(lines[0]))
        bad = next(night.result for night in nights if not night.should_pass)
        lines += ["", *(f"caught: {failure['message']}" for failure in bad.get("failures", ()))]
        lines.append(f"report of the bad night, open it in a browser: {bad.get('report') or '(none)'}")
        return "\n".join(lines)

    def problems(self) -> list[str]:
        """What did not hold, in words; empty when all did."""
        found = []
        for night in self.nights():
            wanted = ("success", "success") if night.should_pass else ("failed", "upstream_failed")
            if (night.check, night.promotion) != wanted:
                found.append(f"night {night.run_id}: check {night.check}, promotion {night.promotion}")
            elif not night.should_pass and not night.result.get("report"):
                found.append(f"night {night.run_id} has no report")
        return found


def _row(night: Night, evaluators: list[str]) -> tuple[str, ...]:
    checks = night.result.get("evaluators", {})
    scores = tuple(_score(checks.get(name)) for name in evaluators)
    count = len(night.result.get("baseline", ()))
    compared = f"{count} night{'' if count == 1 else 's'}" if count else "nothing yet"
    return (night.run_id, *scores, compared, night.check, night.promotion)


def _score(check: dict[str, Any] | None) -> str:
    if check is None or check["score"] is None:
        return "-"
    change = check["change"]
    if change is None or change["low"] is None:
        return f"{check['score']:.2f}"
    return f"{check['score']:.2f} ({change['mean']:+.2f}, {change['low']:+.2f} to {change['high']:+.2f})"
