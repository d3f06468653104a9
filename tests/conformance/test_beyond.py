"""What single calls in a row don't show: a hook that isn't told the server's age, and the SDK's look-ups by name."""

from __future__ import annotations

import pytest

from tests.conformance.environments import RELEASES
from tests.conformance.playing import play, seeded
from tests.conformance.scenarios import FROZEN, RUNS, TASKS, Call
from tests.conformance.sides import HookSide

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("scenario", [TASKS[0], RUNS[0], RUNS[6]], ids=lambda scenario: scenario.name)
def test_a_hook_that_is_not_told_finds_the_servers_spelling_out(release, scenario, sdk, server):
    theirs, ours = play(sdk(release), scenario), play(HookSide(server(release), None), scenario)
    assert [told.error for told in ours] == [told.error for told in theirs]
    assert [told.result for told in ours] == [told.result for told in theirs]


@pytest.mark.parametrize("release", RELEASES)
def test_a_space_whose_name_contains_anothers_is_not_mistaken_for_it(release, sdk, hook):
    found = {}
    for name, side in (("sdk", sdk(release)), ("hook", hook(release))):
        control = side.emulator.control
        control.reset(frozen_at=FROZEN)
        control.add("space", "demo-space-eu")
        control.add("project", "demo-project", space="demo-space-eu")
        told = side.call("list", {"project": "demo-project", "space": "demo-space", "limit": 50})
        found[name] = dict(told.requests[-1][2])["project_id"]
    assert (found["sdk"] == found["hook"]) is (release not in ("8.28.0", "8.36.0", "8.45.0", "8.50.0"))


@pytest.mark.parametrize("release", RELEASES)
def test_two_spaces_of_one_name_are_an_error(release, sdk, hook):
    step = Call("get", {"task": "quality", "space": "twin"})
    for side in (sdk(release), hook(release)):
        side.emulator.control.reset(frozen_at=FROZEN)
        for _ in range(2):
            side.emulator.control.add("space", "twin")
        told = side.call(step.method, step.args)
        assert told.error == {"kind": "name"}
        assert told.changes == []


@pytest.mark.parametrize("release", RELEASES)
def test_sdk_and_hook_wait_for_a_run_that_goes_on(release, sdk, hook):
    ended = []
    for side in (sdk(release), hook(release)):
        control = side.emulator.control
        control.reset()
        control.configure(run_seconds=0.6, pending_seconds=0.2)
        made = side.call(
            "create_run_experiment_task",
            {
                "name": "nightly",
                "dataset": "demo-dataset",
                "space": "demo-space",
                "run_configuration": {
                    "experiment_type": "TEMPLATE_EVALUATION",
                    "ai_integration_id": seeded(side.emulator)["llm"],
                    "template": "{{input}}",
                    "provide_explanation": False,
                },
            },
        )
        run = side.call("trigger_run", {"task": made.result["id"], "experiment_name": "n"})
        told = side.call("wait_for_run", {"run_id": run.result["id"], "poll_interval": 0.1, "timeout": 30.0})
        assert len(told.requests) > 1
        ended.append([told.result[name] for name in ("id", "task_id", "status", "experiment_id", "num_successes")])
    assert ended[0] == ended[1]
    assert ended[0][2].upper() == "COMPLETED"
