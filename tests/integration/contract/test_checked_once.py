"""An argument is read once while the DAG is parsed, and once each time that Airflow begins or resumes an attempt."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.testing.runner import run_task
from tests.integration.contract.cases import CLASSES, make
from tests.integration.contract.test_secrets import YESTERDAY, operator_for
from tests.integration.contract.test_secrets import world as world  # a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

every = pytest.mark.parametrize("name", sorted(CLASSES))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each argument was read."""
    counted: Counter[str] = Counter()

    def count(reader: Callable[..., Any]) -> Callable[..., Any]:
        def counting(self: Checker, name: str, *given: Any) -> Any:
            counted[name] += 1
            return reader(self, name, *given)

        return counting

    monkeypatch.setattr(Checker, "read", count(Checker.read))
    monkeypatch.setattr(Checker, "choice", count(Checker.choice))
    return counted


@every
def test_while_the_dag_is_parsed(name: str, read: Counter[str]) -> None:
    make(name)
    assert {argument: count for argument, count in read.items() if count > 1} == {}


@every
def test_in_an_attempt(name: str, world: dict[str, Any], read: Counter[str]) -> None:
    operator = operator_for(name, world)
    read.clear()
    result = run_task(operator, data_interval=YESTERDAY)
    assert read
    begun_and_resumed = 1 + len(result.deferrals)
    assert {argument: count for argument, count in read.items() if count > begun_and_resumed} == {}
