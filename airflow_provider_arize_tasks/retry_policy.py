"""A retry policy for Airflow 3.3 and later that knows Arize's errors.

What a retry can't cure fails at once on every Airflow, the operators see to that. The policy adds two things: the
server's ``Retry-After`` becomes the delay before the next attempt, and the same judgement holds for your own
``@task`` functions that use :class:`~airflow_provider_arize_tasks.hooks.arize.ArizeHook`.

This module imports on every Airflow; :func:`retry_arguments` leaves the policy out where Airflow knows none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import ArizeApiError, ArizeError

if TYPE_CHECKING:
    from airflow.sdk import RetryDecision, RetryPolicy
else:
    try:
        from airflow.sdk import RetryDecision, RetryPolicy
    except ImportError:  # Airflow before 3.3
        RetryDecision, RetryPolicy = None, object

#: No server may make a task wait longer than this between two attempts.
MAX_DELAY = timedelta(minutes=30)


class Next(str, Enum):
    """What should become of a failed attempt."""

    FAIL = "fail"
    RETRY = "retry"
    #: Not an error of Arize's, or one without a delay of its own: what the task's ``retries`` and ``retry_delay`` say.
    DEFAULT = "default"


@dataclass(frozen=True, kw_only=True)
class RetryAdvice:
    """What to do after an error, and why.

    :param next: fail, retry, or leave it to the task's own settings.
    :param delay: wait this long before the retry; ``None``: the task's own ``retry_delay``.
    :param reason: for the log and the task instance.
    """

    next: Next
    delay: timedelta | None = None
    reason: str | None = None


def advise(error: BaseException, *, max_delay: timedelta = MAX_DELAY) -> RetryAdvice:
    """Judge an error. Needs no Airflow.

    :param error: what the attempt failed with; the errors it was raised ``from`` are looked at as well.
    :param max_delay: longest delay to take from a server's ``Retry-After``. Default: 30 minutes.
    :return: the advice; :attr:`Next.DEFAULT` for anything that isn't Arize's.
    """
    found = _arize_error(error)
    if found is None:
        return RetryAdvice(next=Next.DEFAULT)
    if not found.retryable:
        return RetryAdvice(next=Next.FAIL, reason=f"{type(found).__name__}: a retry would meet the same. {found}")
    seconds = found.retry_after if isinstance(found, ArizeApiError) else None
    if seconds is None:
        return RetryAdvice(next=Next.DEFAULT)
    delay = min(timedelta(seconds=seconds), max_delay)
    return RetryAdvice(next=Next.RETRY, delay=delay, reason=f"Arize asked to wait {seconds:g} s before the next try")


class ArizeRetryPolicy(RetryPolicy):
    """Fail at once what a retry can't cure, and wait as long as the server asked for.

    Give it to a task, or to all of them through ``default_args``; :func:`retry_arguments` does so on every Airflow.
    The number of attempts stays the task's ``retries``.

    :param max_delay: longest delay to take from a server's ``Retry-After``. Default: 30 minutes.
    """

    def __init__(self, *, max_delay: timedelta = MAX_DELAY) -> None:
        self.max_delay = max_delay

    def __repr__(self) -> str:
        return f"{type(self).__name__}(max_delay={self.max_delay!r})"

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any | None = None
    ) -> RetryDecision:
        """Decide about a failed attempt; Airflow calls it in the worker.

        :param exception: what the attempt failed with.
        :param try_number: number of the attempt; the task's ``retries`` bound it, not this policy.
        :param max_tries: most attempts.
        :param context: the task's context; not needed.
        :return: Airflow's decision object.
        """
        advice = advise(exception, max_delay=self.max_delay)
        if advice.next is Next.FAIL:
            return RetryDecision.fail(reason=advice.reason)
        if advice.next is Next.RETRY:
            return RetryDecision.retry(delay=advice.delay, reason=advice.reason)
        return RetryDecision.default()


def retry_arguments(
    *, retries: int = 4, retry_delay: timedelta = timedelta(minutes=1), max_delay: timedelta = MAX_DELAY
) -> dict[str, Any]:
    """Arguments for a task or for ``default_args`` that suit Arize, on any Airflow.

    :param retries: attempts after the first. A retry adopts the run of the attempt before, so it is cheap.
    :param retry_delay: wait between attempts, doubled each time, unless the server asked for another.
    :param max_delay: longest wait. Default: 30 minutes.
    :return: ``retries``, ``retry_delay``, ``retry_exponential_backoff``, ``max_retry_delay``, and on Airflow 3.3 and
        later ``retry_policy``.
    """
    arguments: dict[str, Any] = {
        "retries": retries,
        "retry_delay": retry_delay,
        "retry_exponential_backoff": True,
        "max_retry_delay": max_delay,
    }
    if RetryDecision is not None:
        arguments["retry_policy"] = ArizeRetryPolicy(max_delay=max_delay)
    return arguments


def _arize_error(error: BaseException | None) -> ArizeError | None:
    """The error itself or the nearest one it was raised from that is Arize's."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ArizeError):
            return error
        seen.add(id(error))
        error = error.__cause__
    return None
