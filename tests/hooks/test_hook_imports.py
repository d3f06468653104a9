"""Importing the hook must stay cheap: every DAG file that uses it is parsed again and again."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
{before}
loaded = set(sys.modules)
import {module}
heavy = {{"requests", "aiohttp", "tenacity", "pendulum", "pydantic", "certifi", "pandas"}}
print(sorted(heavy & (set(sys.modules) - loaded)))
print("airflow" in sys.modules)
"""


def imported(module: str, before: str = "") -> list[str]:
    code = CODE.format(module=module, before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()[-2:]


def test_the_hook_imports_no_http_library():
    # Airflow 2 imports requests by itself, as soon as a connection is of interest.
    before = "from airflow.providers.common.compat.sdk import BaseHook, Connection"
    assert imported("airflow_provider_arize_tasks.hooks.arize", before)[0] == "[]"


def test_the_client_imports_neither_airflow_nor_a_library():
    modules = "aio, airflow_provider_arize_tasks.client.sync, airflow_provider_arize_tasks.client.validation"
    assert imported(f"airflow_provider_arize_tasks.client.{modules}") == ["[]", "False"]
