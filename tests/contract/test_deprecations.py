"""Nothing of ours asks for anything deprecated, and the check that says so (``tests/deprecations.py``) would notice."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from airflow.exceptions import AirflowProviderDeprecationWarning

from tests.deprecations import KINDS, PACKAGE, deprecated_calls

#: What compat and the base classes raise by themselves when first imported is not ours.
ALREADY_IMPORTED = (
    "from airflow.providers.common.compat.sdk import BaseHook, BaseOperatorLink, BaseSensorOperator, XCom"
)


def imported(code: str) -> list[str]:
    """The deprecation warnings, whomever they name, while a fresh interpreter runs some code."""
    program = f"""
import importlib, json, pkgutil, warnings
{ALREADY_IMPORTED}
import airflow.triggers.base, airflow_provider_arize_tasks as package
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
{code}
kinds = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
print(json.dumps([f"{{w.filename}}: {{str(w.message)[:200]}}" for w in caught if issubclass(w.category, kinds)]))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(run.stdout.strip().splitlines()[-1])


def imports_inside_functions() -> list[str]:
    """Statements that ask Airflow for a name only when a function of ours runs."""
    statements = set()
    for path in Path(PACKAGE).rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                statements |= {
                    ast.unparse(node)
                    for node in ast.walk(function)
                    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("airflow.")
                }
    return sorted(statements)


def test_importing_everything_warns_of_nothing_deprecated():
    """On no Airflow, not even where the warning would carry the name of a module of Airflow's."""
    code = """
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""
    assert imported(code) == []


def test_imports_inside_functions_warn_of_nothing_deprecated():
    statements = imports_inside_functions()
    assert len(statements) > 5
    code = "\n".join(
        # What this Airflow does not have, the function goes without.
        f"    try:\n        {statement}\n    except ImportError:\n        pass"
        for statement in statements
    )
    assert imported(code) == []


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
