"""What a failed attempt is followed by."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator

from airflow_provider_arize_tasks.client.errors import (
    ArizeAuthenticationError,
    ArizeConfigError,
    ArizeNameError,
    ArizeRateLimitError,
    ArizeServerError,
    ArizeTransportError,
)
from airflow_provider_arize_tasks.exceptions import ArizeRunFailedError
from airflow_provider_arize_tasks.retry_policy import MAX_DELAY, ArizeRetryPolicy, Next, advise, retry_arguments


def raised_from(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ArizeConfigError("no key"), Next.FAIL),
        (ArizeNameError("no such project"), Next.FAIL),
        (ArizeAuthenticationError("401", status=401), Next.FAIL),
        (ArizeTransportError("connection reset"), Next.DEFAULT),
        (ArizeServerError("503", status=503), Next.DEFAULT),
        (ArizeRunFailedError("the run failed"), Next.DEFAULT),
        (ArizeServerError("503", status=503, retry_after=7), Next.RETRY),
        (ArizeRateLimitError("429", status=429, retry_after=40), Next.RETRY),
        (ValueError("mine"), Next.DEFAULT),
        (raised_from(RuntimeError("wrapped"), ArizeConfigError("no key")), Next.FAIL),
    ],
)
def test_advice(error, expected):
    assert advise(error).next is expected


def test_the_servers_wait_becomes_the_delay():
    assert advise(ArizeRateLimitError("429", status=429, retry_after=40)).delay == timedelta(seconds=40)


def test_no_server_makes_a_task_wait_for_days():
    assert advise(ArizeRateLimitError("429", status=429, retry_after=10**6)).delay == MAX_DELAY


def test_a_cycle_of_causes_ends():
    one, two = RuntimeError("1"), RuntimeError("2")
    one.__cause__, two.__cause__ = two, one
    assert advise(one).next is Next.DEFAULT


def test_a_failure_says_why():
    assert "ArizeNameError" in advise(ArizeNameError("no project 'x'")).reason
    assert "no project 'x'" in advise(ArizeNameError("no project 'x'")).reason


def knows_policies() -> bool:
    return "retry_policy" in retry_arguments()


@pytest.mark.skipif(not knows_policies(), reason="retry policies exist from Airflow 3.3")
class TestInAirflow:
    def decide(self, error: BaseException):
        return ArizeRetryPolicy().evaluate(error, try_number=1, max_tries=4)

    def test_decisions_are_airflows(self):
        from airflow.sdk import RetryAction

        assert self.decide(ArizeConfigError("x")).action is RetryAction.FAIL
        assert self.decide(ArizeServerError("x", status=500)).action is RetryAction.DEFAULT
        waiting = self.decide(ArizeRateLimitError("x", status=429, retry_after=40))
        assert (waiting.action, waiting.retry_delay) == (RetryAction.RETRY, timedelta(seconds=40))

    def test_is_one_of_airflows_policies(self):
        from airflow.sdk import RetryPolicy

        assert isinstance(ArizeRetryPolicy(), RetryPolicy)


def test_arguments_suit_this_airflow():
    with DAG("d", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), default_args=retry_arguments()):
        task = BaseOperator(task_id="t")
    assert task.retries == 4
    assert task.max_retry_delay == timedelta(minutes=30)
    assert isinstance(getattr(task, "retry_policy", None), ArizeRetryPolicy) == knows_policies()
