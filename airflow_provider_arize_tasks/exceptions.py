"""How a task of this provider fails in Airflow.

All of them are :class:`~airflow_provider_arize_tasks.client.errors.ArizeError`. Those that a retry can't cure are
``AirflowFailException`` as well, which Airflow fails without a retry.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_arize_tasks.client.errors import ArizeError, ArizeReplyError
from airflow_provider_arize_tasks.client.printable import in_short_lines
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

log = logging.getLogger(__name__)
_SAYS_WHAT_COMES = re.compile(r"next attempt|retr(?:y|ied)|clear", re.IGNORECASE)

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

    #: The error it stands for, where there was one. Apart from ``__cause__``, which a log would print a second time.
    origin: ArizeError | None = None


class ArizeGateError(ArizePermanentError):
    """A completed run did not pass a gate, or was truncated. A retry would find everything labelled and turn green."""


class ArizeQualityError(ArizeGateError):
    """An experiment did not pass its quality check. Judged again, it would not pass either."""


@contextmanager
def failing_for_good() -> Iterator[None]:
    """Turn errors that a retry can't cure into such that Airflow does not retry, and tell each in lines of the log.

    Airflow's log pane runs a long line off the edge, and prints an exception with all that it was raised from: the
    sentences that matter stand above it, a line each, and one exception goes up.

    :raises ArizePermanentError: in place of any :class:`ArizeError` whose ``retryable`` is false.
    """
    try:
        yield
    except ArizeError as error:
        for line in [*in_short_lines(str(error)), *_what_comes_next(error)]:
            log.error("%s", line)  # noqa: TRY400 - Airflow itself logs the exception, below these lines
        _cut_off(error)
        if error.retryable or isinstance(error, ArizePermanentError):
            raise
        permanent = ArizePermanentError(str(error))
        permanent.origin = error
        raise permanent from None


def _what_comes_next(error: ArizeError) -> Iterator[str]:
    """What the next attempt does, where the message itself does not say so."""
    if _SAYS_WHAT_COMES.search(str(error)):
        return
    if error.retryable:
        yield "The next attempt, if there is one, goes on from what is there on Arize: nothing is started twice"
    else:
        yield "Not retried: a retry would meet the same. Once it is mended, clear the task"


def _cut_off(error: ArizeError) -> None:
    """Leave what an error was raised from to the debug log: its own message says what matters of it.

    Only errors of ours are written there, without their traces: those of a library below may name a secret.
    """
    if isinstance(error.__cause__, ArizeError):
        log.debug("Raised from %s: %s", type(error.__cause__).__name__, error.__cause__)
    error.__cause__ = error.__context__ = None


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
