"""A message in lines that fit Airflow's log pane."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.printable import in_short_lines, lines_that_fit

LONG = (
    "window 2026-11-20T00:00:00.000Z/P1D: run UnVuOjE ended FAILED (0 succeeded; 3 errors): model gpt-4.0 is gone. "
    "The run is over on Arize; nothing of it goes on. The next attempt, if there is one, triggers a new run"
)


def test_a_line_a_sentence_but_not_within_brackets() -> None:
    assert in_short_lines(LONG) == [
        "window 2026-11-20T00:00:00.000Z/P1D: run UnVuOjE ended FAILED (0 succeeded; 3 errors): model gpt-4.0 is gone.",
        "The run is over on Arize;",
        "nothing of it goes on.",
        "The next attempt, if there is one, triggers a new run",
    ]


@pytest.mark.parametrize("text", ["", "short", "a" * 500])
def test_short_empty_and_unbroken(text: str) -> None:
    lines = in_short_lines(text)
    assert "".join(lines) == text
    assert all(len(line) <= 180 for line in lines)


@given(st.text(alphabet="aB .;()", max_size=600))
def test_nothing_is_lost_and_every_line_fits(text: str) -> None:
    lines = in_short_lines(text)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(0 < len(line) <= 180 for line in lines)


def test_what_fits_is_left_as_it_is() -> None:
    assert lines_that_fit("run a ended FAILED; model gone") == ["run a ended FAILED; model gone"]
    assert lines_that_fit(LONG) == in_short_lines(LONG)
