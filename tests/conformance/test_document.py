"""The page about the SDK is what the suite would write, and leaves no argument unexplained."""

from __future__ import annotations

import pytest

from tests.conformance.document import PAGE, render, rows, stored
from tests.conformance.environments import RELEASES
from tests.conformance.sides import METHODS


def test_the_page_is_current():
    written = PAGE.read_text(encoding="utf-8")
    assert written == render(stored()), "run: python -m tests.conformance.document"


def test_every_method_of_every_release_has_its_counterpart():
    assert set(stored()) == set(RELEASES)
    assert {name for methods in stored().values() for name in methods} == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_no_argument_is_left_unexplained(method):
    table = rows(stored(), method)
    assert table
    for row in table:
        assert all(row), row


@pytest.mark.sdk
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("release", RELEASES)
def test_the_recorded_signatures_are_the_sdks(release, sdk):
    assert sdk(release).ask({"method": "signatures"})["result"] == stored()[release]
