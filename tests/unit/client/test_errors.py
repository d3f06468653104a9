from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from airflow_provider_arize_tasks.client import errors
from airflow_provider_arize_tasks.client.errors import (
    ArizeApiError,
    ArizeError,
    ArizeTransportError,
    ArizeValidationError,
)

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ArizeError)]


def make(kind: type[ArizeError]) -> ArizeError:
    if issubclass(kind, ArizeApiError):
        return kind("why", status=409, detail="d", request_id="r", retry_after=3.0, outcome_unknown=True)
    if issubclass(kind, ArizeValidationError):
        return kind(["a is missing", "b is wrong"])
    if issubclass(kind, (ArizeTransportError, errors.ArizeReplyError)):
        return kind("why", outcome_unknown=True)
    return kind("why")


@pytest.mark.parametrize("kind", KINDS)
def test_errors_cross_process_borders_whole(kind):
    error = make(kind)
    for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(copied) is kind
        assert str(copied) == str(error)
        assert copied.__dict__ == error.__dict__


def test_which_can_succeed_later():
    assert {kind.__name__ for kind in KINDS if kind.retryable} == {
        "ArizeTransportError",
        "ArizeRateLimitError",
        "ArizeServerError",
    }


def test_a_validation_error_is_a_value_error():
    with pytest.raises(ValueError, match="a is missing; b is wrong"):
        raise make(ArizeValidationError)
