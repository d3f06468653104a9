"""Plays a scenario on one side, and compares what came of it on both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from tests.conformance.differences import (
    DIFFERENCES,
    NULL_IN_CONFIGURATION_UNTIL,
    SPACE_BY_PART_UNTIL,
    exact_space,
    without_nulls,
)
from tests.conformance.scenarios import FROZEN, Call, Scenario, Stage
from tests.conformance.sides import KEY, Side, Told

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess


def seeded(emulator: EmulatorProcess) -> dict[str, Any]:
    """Ids of what the emulator holds from the beginning, by the names that scenarios use."""

    def items(plural: str, path: str = "", key: str | None = None) -> list[dict[str, Any]]:
        url = f"{emulator.url}/v2/{plural}{path}"
        reply = requests.get(url, headers={"Authorization": f"Bearer {KEY}"}, params={"limit": 100}, timeout=30)
        return list(reply.json()[key or plural.replace("-", "_")]) if reply.ok else []

    ids = {item["name"]: item["id"] for item in [*items("evaluators"), *items("experiments")]}
    ids["space"], ids["project"] = items("spaces")[0]["id"], items("projects")[0]["id"]
    ids["dataset"] = items("datasets")[0]["id"]
    ids["llm"] = items("ai-integrations")[0]["id"]
    ids["agent"] = next((item["id"] for item in items("integrations") if item["name"] == "demo-agent"), None)
    ids["example"] = items("datasets", f"/{ids['dataset']}/examples", "examples")[0]["id"]
    ids["dataset_version"] = items("datasets", f"/{ids['dataset']}", "versions")[0]["id"]
    ids["version"] = items("evaluators", f"/{ids['correctness']}/versions", "evaluator_versions")[0]["id"]
    return ids


def play(side: Side, scenario: Scenario) -> list[Told]:
    """Play a scenario from the emulator's beginning, its clock standing still.

    :return: what came of each call, in order.
    """
    control = side.emulator.control
    control.reset(frozen_at=FROZEN)
    known: dict[str, Any] = seeded(side.emulator)
    told = []
    for step in scenario.steps:
        if isinstance(step, Stage):
            getattr(control, step.method)(*step.args, **step.options)
            continue
        came = side.call(step.method, fill(step.args, known), plain=step.plain)
        if step.save is not None:
            assert came.error is None or step.differs, f"{step.method} {step.args}: {came.error} {came.text}"
            known[step.save] = came.result
        told.append(came)
    return told


def fill(value: Any, known: dict[str, Any]) -> Any:
    """Arguments with ``$name.field`` replaced by what it stands for."""
    if isinstance(value, dict):
        return {name: fill(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [fill(item, known) for item in value]
    if not isinstance(value, str) or not value.startswith("$"):
        return value
    first, *fields = value[1:].split(".")
    found = known[first]
    for name in fields:
        found = found[name]
    return found


def compare(step: Call, sdk: Told, ours: Told, release: str, spaces: dict[str, str]) -> None:
    """Assert that a call did the same on both sides, or differs as it is known to.

    :param step: the call.
    :param sdk: what came of it from the SDK.
    :param ours: what came of it from the hook.
    :param release: the SDK's release.
    :param spaces: ids of spaces by name.
    """
    difference = DIFFERENCES[step.differs] if step.differs else None
    if difference is not None and difference.holds(release):
        difference.check(sdk, ours)
        return
    assert _kind(sdk) == (step.fails or "result"), sdk.error
    assert _kind(ours) == _kind(sdk), ours.error
    if step.fails in ("ValueError", "name"):
        assert sdk.changes == ours.changes == []
        return
    assert ours.error == sdk.error
    assert ours.result == sdk.result
    sent = sdk.requests
    number = tuple(int(part) for part in release.split("."))
    if number < SPACE_BY_PART_UNTIL:
        sent = exact_space(sent, spaces)
    if number < NULL_IN_CONFIGURATION_UNTIL:
        sent = without_nulls(sent)
    assert ours.requests == sent


def _kind(told: Told) -> str:
    if told.error is None:
        return "result"
    return f"status {told.error['status']}" if told.error["kind"] == "status" else str(told.error["kind"])
