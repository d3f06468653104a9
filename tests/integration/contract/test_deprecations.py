"""The check that nothing of ours asks for anything deprecated (``tests/deprecations.py``) would notice if it did."""

from __future__ import annotations

import warnings

import pytest
from airflow.exceptions import AirflowProviderDeprecationWarning

from tests.deprecations import KINDS, PACKAGE, deprecated_calls


def run_as_ours(code: str, **names: object) -> list[str]:
    """What is noticed when a module of the package runs some code."""
    with warnings.catch_warnings(record=True), deprecated_calls() as found:
        warnings.simplefilter("always")
        exec(compile(code, f"{PACKAGE}/operators/made_up.py", "exec"), {"__name__": "made_up", **names})
    return found


def old(stacklevel: int, category: type[Warning]) -> None:
    """Stands for something old of Airflow's: this file is outside of the package."""
    warnings.warn("old", category, stacklevel=stacklevel)


@pytest.mark.parametrize("category", [*KINDS, AirflowProviderDeprecationWarning])
@pytest.mark.parametrize("stacklevel", [1, 2, 3])
def test_a_deprecated_call_of_ours_is_noticed_whomever_the_warning_names(stacklevel, category):
    assert len(run_as_ours("old(stacklevel, category)", old=old, stacklevel=stacklevel, category=category)) == 1


def test_it_is_noticed_under_a_wide_except():
    code = "try:\n    old(1, DeprecationWarning)\nexcept Exception:\n    pass"
    assert len(run_as_ours(code, old=old)) == 1


def test_a_moved_name_is_noticed_through_the_module_that_finds_it():
    def __getattr__(name: str) -> None:  # noqa: N807 - what a module with moved names has
        old(1, FutureWarning)

    assert run_as_ours("moved('name')", moved=__getattr__)


def test_what_airflow_does_by_itself_is_not_ours():
    def inner() -> None:
        old(2, DeprecationWarning)

    def outer() -> None:
        inner()

    assert run_as_ours("outer()", outer=outer) == []
    assert run_as_ours("old(1, UserWarning)", old=old) == []
