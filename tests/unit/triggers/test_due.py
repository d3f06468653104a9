"""The bookkeeping of waits: when a run is due for a look."""

from __future__ import annotations

import pytest

from airflow_provider_arize_tasks.triggers.wait import Wait, Watched

NOW = 1_000.0


def first_due(*, deadline: float | None, spread: float = 0.5) -> float:
    """Seconds to the first look of a wait that begins now."""
    seen = Watched("run")
    wait = Wait(["run"], poll_interval=30.0, began=NOW, deadline=deadline)
    seen.join(wait, NOW, spread)
    return seen.due - NOW


@pytest.mark.parametrize("deadline", [None, NOW + 3600])
def test_a_wait_with_time_left_begins_to_look_after_ten_seconds(deadline: float | None) -> None:
    assert first_due(deadline=deadline) >= 10


@pytest.mark.parametrize("deadline", [NOW - 3600, NOW])
def test_a_wait_whose_deadline_has_passed_looks_within_a_second(deadline: float) -> None:
    assert first_due(deadline=deadline) < 1


def test_a_thousand_of_them_do_not_look_at_one_moment() -> None:
    assert first_due(deadline=NOW - 1, spread=0.1) != first_due(deadline=NOW - 1, spread=0.9)


def test_the_first_look_is_made_by_the_deadline() -> None:
    assert first_due(deadline=NOW + 3) == 3
