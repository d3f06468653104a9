"""When to look again, and what ends a wait: decided on a fake clock."""

from __future__ import annotations

import random

import pytest

from airflow_provider_arize_tasks.client.errors import (
    ArizeApiError,
    ArizeAuthenticationError,
    ArizeConfigError,
    ArizeNotFoundError,
    ArizePermissionError,
    ArizeRateLimitError,
    ArizeReplyError,
    ArizeServerError,
    ArizeTransportError,
)
from airflow_provider_arize_tasks.runs.timing import (
    Failures,
    first_look,
    next_look,
    throttle_wait,
)

DOWN = ArizeTransportError("connection refused")


def looks(poll_interval: float, until: float, rng: random.Random) -> list[float]:
    """The times of all looks of a wait of that length."""
    times = [first_look(poll_interval, rng.random())]
    while times[-1] < until:
        times.append(times[-1] + next_look(times[-1], poll_interval, rng.random()))
    return times


@pytest.mark.parametrize("poll_interval", [0.2, 1, 5, 30, 300])
@pytest.mark.parametrize("seed", range(5))
def test_an_end_is_seen_within_poll_interval_and_short_runs_soon_where_it_is_short(poll_interval, seed):
    times = looks(poll_interval, 2_000, random.Random(seed))
    gaps = [b - a for a, b in zip([0.0, *times], times, strict=False)]
    assert all(gap <= poll_interval for gap in gaps)
    if poll_interval > 10:
        assert 10 <= times[0] <= 10.5
    else:
        assert all(gap < 1.7 for start, gap in zip([0.0, *times], gaps, strict=False) if start < 10)


def test_a_ten_minute_run_costs_a_few_dozen_looks_and_settles_at_poll_interval():
    times = looks(30, 600, random.Random(1))
    assert len(times) < 45
    assert next_look(600, 30) == 30
    assert next_look(100_000, 30) == 30


def test_waits_never_shrink_as_time_goes_by():
    waits = [next_look(t / 4, 30) for t in range(2_000)]
    assert waits == sorted(waits)


def test_two_waits_that_begin_together_do_not_look_in_step():
    a, b = (looks(30, 600, random.Random(seed)) for seed in (1, 2))
    assert len({round(t, 1) for t in a} & {round(t, 1) for t in b}) < len(a) / 2


@pytest.mark.parametrize("poll_interval", [0.1, 2, 30, 600])
def test_an_outage_of_five_minutes_is_survived_whatever_poll_interval_is(poll_interval):
    failures, now, ended = Failures(), 0.0, None
    while ended is None:
        failures = failures.after(DOWN)
        if failures.end_the_wait:
            ended = now
        now += failures.wait(next_look(now, poll_interval), poll_interval)
    assert failures.failed == 10
    assert ended > 300


def test_after_an_outage_of_a_minute_the_next_look_is_not_long_in_coming():
    failures, now = Failures(), 0.0
    while now < 60:
        failures = failures.after(DOWN)
        now += failures.wait(next_look(600, 2), 2)
    assert not failures.end_the_wait
    assert now < 60 + 64


def test_waits_between_failed_looks_grow_and_are_never_shorter_than_the_schedule():
    failures, waits = Failures(), []
    for _ in range(9):
        failures = failures.after(ArizeServerError("boom", status=503))
        waits.append(failures.wait(5, 5))
    assert waits == [5, 5, 8, 16, 32, 64, 64, 64, 64]


@pytest.mark.parametrize("kind", [ArizeAuthenticationError, ArizePermissionError, ArizeNotFoundError])
def test_the_third_refusal_ends_a_wait_soon(kind):
    status = {"ArizeAuthenticationError": 401, "ArizePermissionError": 403, "ArizeNotFoundError": 404}[kind.__name__]
    failures, waited = Failures(), 0.0
    for expected in (False, False, True):
        failures = failures.after(kind("no", status=status))
        assert failures.end_the_wait is expected
        waited += 0 if expected else failures.wait(30, 30)
    assert waited == 15
    assert (failures.kind, failures.status, failures.retryable) == ("refused", status, False)


def test_refusals_count_across_other_faults_until_a_look_is_good():
    failures = Failures()
    for error in (ArizeNotFoundError("no", status=404), DOWN, ArizeNotFoundError("no", status=404), DOWN):
        failures = failures.after(error)
        assert not failures.end_the_wait
    assert failures.after(ArizeNotFoundError("no", status=404)).end_the_wait


def test_a_connection_that_cannot_be_used_is_a_refusal():
    failures = Failures()
    for _ in range(3):
        failures = failures.after(ArizeConfigError("connection x has no password"))
    assert failures.end_the_wait
    assert (failures.kind, failures.status, failures.retryable) == ("refused", None, False)


def test_429_never_ends_a_wait_and_keeps_the_count_of_the_others():
    failures = Failures()
    for _ in range(9):
        failures = failures.after(DOWN)
    for _ in range(100):
        failures = failures.after(ArizeRateLimitError("slow down", status=429))
        assert not failures.end_the_wait
    assert failures.failed == 9
    assert failures.after(DOWN).end_the_wait


def test_429_waits_as_long_as_asked_and_longer_and_longer_when_nothing_was_asked():
    asked = Failures().after(ArizeRateLimitError("slow down", status=429, retry_after=17))
    assert asked.wait(1, 30) == 17
    assert throttle_wait(1, 17, 0.99) >= 17
    assert throttle_wait(1, 86_400) == 300
    assert [throttle_wait(n, None) for n in (1, 2, 3, 9, 99)] == [1, 2, 4, 60, 60]


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (DOWN, "unreachable", True),
        (ArizeServerError("boom", status=502), "unreachable", True),
        (ArizeReplyError("<html>"), "unreachable", True),
        (ArizeApiError("gone", status=410), "refused", False),
    ],
)
def test_ten_failures_are_named_after_the_last_one(error, kind, retryable):
    failures = Failures()
    for n in range(10):
        assert failures.end_the_wait is (n >= 10)
        failures = failures.after(error)
    assert failures.end_the_wait
    assert (failures.kind, failures.retryable) == (kind, retryable)
    assert "10 looks in a row failed" in failures.describe()
