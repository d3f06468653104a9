"""How a wait for a run, or the search for one, goes wrong: those of the errors that know no Airflow."""

from __future__ import annotations

from airflow_provider_arize_tasks.client.errors import ArizeError


class ArizeRunError(ArizeError):
    """A remote run did not end well, or its end was not seen; a retry triggers anew or adopts it."""

    retryable = True


class ArizeRunFailedError(ArizeRunError):
    """The remote run ended FAILED. The next attempt triggers a new one."""


class ArizeRunCancelledError(ArizeRunError):
    """The remote run ended CANCELLED, by somebody or by the server. The next attempt triggers a new one."""


class ArizeRunTimeoutError(ArizeRunError):
    """The deadline passed before the remote run ended."""


class ArizeWaitError(ArizeRunError):
    """The wait for a run broke off: the server could not be asked. The next attempt adopts the run."""


class ArizeRecordError(ArizeRunError):
    """What an earlier attempt wrote down about a run can't be read. Nothing is guessed, nothing was triggered."""


class ArizeAmbiguousRunError(ArizeRunError):
    """Several runs match where one was started; none is guessed."""

    retryable = False
