"""The budget of a connection, on a fake clock."""

from __future__ import annotations

import pytest

from airflow_provider_arize_tasks.triggers.channel import BASE_RATE, Budget


def test_requests_are_spaced_evenly_and_never_come_in_bursts():
    budget = Budget(4)
    assert [budget.reserve(100.0) for _ in range(4)] == [100, 100.25, 100.5, 100.75]
    assert budget.reserve(500.0) == 500
    assert budget.reserve(500.0) == 500.25


def test_a_lonely_look_does_not_wait():
    budget = Budget(None)
    assert [budget.reserve(now) for now in (1.0, 2.0, 3.0)] == [1, 2, 3]


def test_without_a_limit_the_rate_follows_the_number_of_waits():
    budget = Budget(None)
    assert budget.rate(0) == BASE_RATE
    budget.demand = 5_000
    assert budget.rate(0) == pytest.approx(5_000 / 30 * 2)


def test_a_limit_is_never_exceeded_however_many_wait():
    budget = Budget(0.5)
    budget.demand = 1e6
    assert [budget.reserve(0.0) for _ in range(3)] == [0, 2, 4]


def test_a_429_stops_everything_for_as_long_as_asked_and_voids_what_was_handed_out():
    budget = Budget(10)
    budget.reserve(0.0)
    before = budget.generation
    assert budget.throttled(0.0, 7) == 7
    assert budget.generation != before
    assert budget.reserve(1.0) == 7


def test_several_429s_at_once_are_one():
    budget = Budget(10)
    for _ in range(8):
        budget.throttled(0.0, 5)
    assert budget.rate(5.0) == 5


def test_429s_without_retry_after_wait_longer_and_longer_until_an_answer():
    budget, now, waits = Budget(10), 0.0, []
    for _ in range(4):
        waits.append(budget.throttled(now, None))
        now += waits[-1]
    assert waits == [1, 2, 4, 8]
    budget.answered()
    assert budget.throttled(now, None) == 1


def test_the_rate_halves_with_each_429_and_recovers_within_minutes():
    budget = Budget(16)
    now = 0.0
    for _ in range(3):
        now += budget.throttled(now, 1)
    assert budget.rate(now) == pytest.approx(2, rel=0.1)
    assert budget.rate(now + 60) == pytest.approx(4, rel=0.1)
    assert budget.rate(now + 600) == 16
    for _ in range(100):
        now += budget.throttled(now, 1)
    assert budget.rate(now) >= 0.1


def test_what_could_not_wait_is_made_up_for_by_the_looks():
    budget = Budget(1)
    budget.reserve(100.0)
    budget.charge(100.2)
    budget.charge(100.2)
    assert budget.reserve(100.3) == pytest.approx(103)
