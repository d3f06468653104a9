"""How a task of this provider fails in Airflow.

All of them are :class:`~airflow_provider_arize_tasks.client.errors.ArizeError`. Those that a retry can't cure are
``AirflowFailException`` as well, which Airflow fails without a retry.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_arize_tasks.client.errors import ArizeError, ArizeReplyError
from airflow_provider_arize_tasks.runs.errors import (
    ArizeAmbiguousRunError,
    ArizeRecordError,
    ArizeRunCancelledError,
    ArizeRunError,
    ArizeRunFailedError,
    ArizeRunTimeoutError,
    ArizeWaitError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ArizeAmbiguousRunError",
    "ArizeGateError",
    "ArizePermanentError",
    "ArizeQualityError",
    "ArizeRecordError",
    "ArizeRunCancelledError",
    "ArizeRunError",
    "ArizeRunFailedError",
    "ArizeRunTimeoutError",
    "ArizeWaitError",
    "failing_for_good",
    "over_a_proven_connection",
]


class ArizePermanentError(ArizeError, AirflowFailException):
    """Fails the task without a retry: a wrong connection, wrong arguments, a refusal that will be repeated."""


class ArizeGateError(ArizePermanentError):
    """A completed run did not pass a gate, or was truncated. A retry would find everything labelled and turn green."""


class ArizeQualityError(ArizeGateError):
    """An experiment did not pass its quality check. Judged again, it would not pass either."""


@contextmanager
def failing_for_good() -> Iterator[None]:
    """Turn errors that a retry can't cure into such that Airflow does not retry.

    :raises ArizePermanentError: in place of any :class:`ArizeError` whose ``retryable`` is false.
    """
    try:
        yield
    except ArizePermanentError:
        raise
    except ArizeError as error:
        if error.retryable:
            raise
        raise ArizePermanentError(str(error)) from error


@contextmanager
def over_a_proven_connection() -> Iterator[None]:
    """Leave an answer that is none of the API's to a retry: the host is right, so a gateway's page is a passing fault.

    For what is done once the connection has led to the API. What such a page stands for is neither success nor absence.

    :raises ArizeWaitError: in place of any :class:`~airflow_provider_arize_tasks.client.errors.ArizeReplyError`.
    """
    try:
        yield
    except ArizeReplyError as error:
        message = f"{error}. The API answered at that address before, so this may pass; the next attempt looks again"
        raise ArizeWaitError(message) from error
