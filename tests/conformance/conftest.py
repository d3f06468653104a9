"""Each release of the SDK beside a server of its own age. Sessions start what the tests ask for, and end it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator

pytest.register_assert_rewrite("tests.conformance.playing", "tests.conformance.differences")

from tests.conformance.sides import KEY, HookSide, SdkSide  # noqa: E402 -- after what is to be rewritten is named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def level_of(release: str) -> str:
    """The API level of a release, such as ``8.61`` for ``8.61.0``."""
    return release.rsplit(".", 1)[0]


@pytest.fixture(scope="session")
def server() -> Iterator[Callable[[str], EmulatorProcess]]:
    """A function that gives the emulator at a release's level."""
    with contextlib.ExitStack() as stack:
        started: dict[str, EmulatorProcess] = {}

        def start(release: str) -> EmulatorProcess:
            if release not in started:
                options: dict[str, Any] = {"api_level": level_of(release), "api_key": KEY, "seed_spans": "600"}
                started[release] = stack.enter_context(running_emulator(**options))
            return started[release]

        yield start


@pytest.fixture(scope="session")
def sdk(server: Callable[[str], EmulatorProcess]) -> Iterator[Callable[[str], SdkSide]]:
    """A function that gives a release's SDK, in a process of its environment."""
    started: dict[str, SdkSide] = {}

    def start(release: str) -> SdkSide:
        if release not in started:
            started[release] = SdkSide(server(release), release)
        return started[release]

    yield start
    for side in started.values():
        side.close()


@pytest.fixture
def hook(server: Callable[[str], EmulatorProcess]) -> Callable[[str], HookSide]:
    """A function that gives our hook before a release's server, told about its enums."""

    def make(release: str) -> HookSide:
        is_upper = tuple(map(int, release.split("."))) >= (8, 40)
        return HookSide(server(release), "upper" if is_upper else "lower")

    return make
