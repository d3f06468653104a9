"""Every release of the SDK and our hook play the same scenarios against a server of the release's age.

The same call has the same outcome, gives the same object field by field, and sends the same requests; where it
doesn't, the difference has a name.
"""

from __future__ import annotations

import pytest

from tests.conformance.differences import DIFFERENCES
from tests.conformance.environments import RELEASES
from tests.conformance.playing import compare, play, seeded
from tests.conformance.scenarios import SCENARIOS, Call, Scenario

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(600)]


def pairs():
    """Every release with every scenario it knows."""
    for release in RELEASES:
        for scenario in SCENARIOS:
            if scenario.suits(release):
                yield pytest.param(release, scenario, id=f"{release}-{scenario.name}")


@pytest.mark.parametrize(("release", "scenario"), list(pairs()))
def test_sdk_and_hook_do_the_same(release: str, scenario: Scenario, sdk, hook):
    theirs, ours = play(sdk(release), scenario), play(hook(release), scenario)
    spaces = {"demo-space": seeded(hook(release).emulator)["space"]}
    calls = [step for step in scenario.steps if isinstance(step, Call)]
    assert len(theirs) == len(ours) == len(calls)
    for number, (step, one, other) in enumerate(zip(calls, theirs, ours, strict=True)):
        try:
            compare(step, one, other, release, spaces)
        except AssertionError as error:
            raise AssertionError(f"call {number} ({step.method} {step.args}): {error}") from error


def test_every_difference_is_looked_at():
    named = {step.differs for scenario in SCENARIOS for step in scenario.steps if isinstance(step, Call)}
    assert named - {None} == set(DIFFERENCES)
    for name, difference in DIFFERENCES.items():
        assert any(difference.holds(release) for release in RELEASES), f"{name} holds for no release"
