"""What our imports bring along, and warn of: a DAG file is parsed again and again, so importing us must stay cheap.

Importing Airflow takes seconds. So one fresh interpreter with it and one without make all the imports in turn, and say
after each what has been imported since the first.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.deprecations import KINDS, PACKAGE

#: Talks to a server, or takes long to import for another reason.
HEAVY = {"aiohttp", "certifi", "pandas", "pendulum", "pydantic", "requests", "tenacity", "urllib3", "yarl"}
PROGRAM = """
import importlib, json, pkgutil, sys, warnings
{before}
import airflow_provider_arize_tasks as package
there, told = set(sys.modules), {{}}
for stage, code in json.load(sys.stdin).items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(code)
    told[stage] = {{
        "modules": sorted(set(sys.modules) - there),
        "warnings": [
            [[kind.__name__ for kind in each.category.__mro__], f"{{each.filename}}: {{str(each.message)[:200]}}"]
            for each in caught
        ],
    }}
print(json.dumps(told))
"""
#: Imported before ours: what these import, and what they warn of, is not ours.
AIRFLOW = """
import airflow.triggers.base
from airflow.providers.common.compat.sdk import (
    BaseHook, BaseOperatorLink, BaseSensorOperator, BranchMixIn, Connection, XCom
)
from airflow import __version__
if __version__.startswith(("3.0.", "3.1.")):  # its assets and its web application import these, which warn of others
    import airflow.providers.standard.operators.python
    import starlette.testclient
"""
OPERATORS = """
from airflow_provider_arize_tasks.get_provider_info import get_provider_info
for kind in ("operators", "sensors"):
    for entry in get_provider_info()[kind]:
        for module in entry["python-modules"]:
            importlib.import_module(module)
"""
EVERYTHING = """
from airflow_provider_arize_tasks.ui.plugin import airflow_version, has_page
#: Built on Airflow's own web application, which is imported with it from Airflow 3.1 on.
absent = () if has_page(airflow_version) else ("ui.app",)
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith(("__main__", *absent)):
        importlib.import_module(module.name)
"""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One piece of code, in the order they were run.

    :ivar modules: all that has been imported since the first began.
    :ivar deprecated: the deprecation warnings of this one.
    """

    modules: frozenset[str]
    deprecated: tuple[str, ...]

    @property
    def packages(self) -> set[str]:
        return {module.partition(".")[0] for module in self.modules}


def go_through(stages: dict[str, str], before: str = "") -> dict[str, Stage]:
    """Run pieces of code in one fresh interpreter, one after the other."""
    command = [sys.executable, "-c", PROGRAM.format(before=before)]
    run = subprocess.run(command, input=json.dumps(stages), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    kinds = {kind.__name__ for kind in KINDS}
    return {
        name: Stage(
            modules=frozenset(told["modules"]),
            deprecated=tuple(message for names, message in told["warnings"] if kinds & set(names)),
        )
        for name, told in json.loads(run.stdout.strip().splitlines()[-1]).items()
    }


@cache
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


@pytest.fixture(scope="module")
def alone() -> dict[str, Stage]:
    """Imports that need no Airflow."""
    client = ", ".join(f"airflow_provider_arize_tasks.client.{name}" for name in ("aio", "sync", "validation"))
    info = "from airflow_provider_arize_tasks.get_provider_info import get_provider_info; get_provider_info()"
    stages = {
        "provider info": info,
        "client": f"import {client}",
        "lineage": "import airflow_provider_arize_tasks.lineage",
    }
    return go_through(stages)


@pytest.fixture(scope="module")
def beside_airflow() -> dict[str, Stage]:
    """Imports in the order in which they bring more and more."""
    # What this Airflow does not have, the function goes without.
    inside = "\n".join(f"try: {each}\nexcept ImportError: pass" for each in imports_inside_functions())
    stages = {
        "trigger": "import airflow_provider_arize_tasks.triggers.task_run",
        "hook": "import airflow_provider_arize_tasks.hooks.arize",
        "operators": OPERATORS,
        "everything": EVERYTHING,
        "inside functions": inside,
    }
    return go_through(stages, AIRFLOW)


@pytest.mark.parametrize("stage", ["provider info", "client"])
def test_works_without_airflow_and_imports_no_library(alone: dict[str, Stage], stage: str) -> None:
    assert alone[stage].packages & {"airflow", *HEAVY} == set()


def test_lineage_imports_no_openlineage(alone: dict[str, Stage]) -> None:
    assert not [module for module in alone["lineage"].modules if "openlineage" in module]


@pytest.mark.parametrize("stage", ["trigger", "hook", "operators"])
def test_what_only_a_running_task_needs_is_imported_when_it_runs(beside_airflow: dict[str, Stage], stage: str) -> None:
    assert beside_airflow[stage].packages & HEAVY == set()


def test_the_trigger_needs_few_modules(beside_airflow: dict[str, Stage]) -> None:
    assert len(beside_airflow["trigger"].modules) < 10


def test_a_dag_file_loads_the_operators_that_it_names() -> None:
    """Each process of a task parses its DAG file."""
    name = "from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator"
    modules = go_through({"one": name}, AIRFLOW)["one"].modules
    found = {module.rpartition(".")[2] for module in modules if ".operators." in module}
    assert "evaluation_run" in found
    assert not {"experiment_run", "gaps", "verify_window", "cancel_run"} & found


def test_importing_everything_warns_of_nothing_deprecated(beside_airflow: dict[str, Stage]) -> None:
    """On no Airflow, not even where the warning would carry the name of a module of Airflow's."""
    assert [message for stage in beside_airflow.values() for message in stage.deprecated] == []


def test_imports_inside_functions_are_among_them() -> None:
    assert len(imports_inside_functions()) > 5
