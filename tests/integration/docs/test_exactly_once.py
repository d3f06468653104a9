"""The page about exactly one run per window says what the code does: every reason in the log is on it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from airflow_provider_arize_tasks.runs.identity import CLOCK_SLACK, ReuseRun, Situation, first_step
from airflow_provider_arize_tasks.runs.requests import Attempt, RunRecord
from airflow_provider_arize_tasks.runs.timing import Patience
from airflow_provider_arize_tasks.windows.window import iso

PAGE = (Path(__file__).parents[3] / "docs" / "exactly-once.md").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)
ATTEMPTS = [Attempt(number=n, first=first, generation=first) for n, first in ((1, 1), (2, 1), (3, 3), (4, 3))]
RECORDS = [
    None,
    *(
        RunRecord(generation=generation, intent_at=NOW, run_id=run_id, owned=owned)
        for generation in (1, 3)
        for run_id in (None, "RUN")
        for owned in (True, False)
    ),
]


def reasons() -> list[str]:
    found = {
        first_step(
            Situation(
                attempt=one,
                record=record,
                has_store=has_store,
                reuse=reuse,
                server_now=NOW,
                run_start=NOW - timedelta(minutes=1),
                run_after=NOW - timedelta(minutes=2),
                patience=Patience(),
            )
        ).reason
        for one in ATTEMPTS
        for record in RECORDS
        for has_store in (True, False)
        for reuse in ReuseRun
    }
    return sorted(found)


@pytest.mark.parametrize("reason", reasons())
def test_every_first_step_is_on_the_page(reason: str) -> None:
    times = "|".join(re.escape(iso(NOW - timedelta(minutes=minutes))) for minutes in (0, 1))
    parts = [part.strip(" :") for part in re.split(rf"\bRUN\b|{times}", reason)]
    parts = ['reuse_run="never"'] if "never" in parts[0] else parts
    assert [part for part in parts if part not in PAGE] == []


def test_the_page_gives_the_numbers_of_the_code() -> None:
    text, patience = " ".join(PAGE.split()), Patience()
    assert f"for {patience.listing:.0f} seconds from the moment the connection was given up" in text
    assert f"no sooner than {patience.twin:.0f} seconds after" in text
    assert f"within {patience.kill} seconds" in text
    assert (patience.identity, CLOCK_SLACK) == (120, timedelta(minutes=1))
    assert "up to two minutes" in text
    assert "up to a minute before the trigger" in text
