"""What an editor tells the author of a DAG: mypy and pyright over a small corpus of DAG files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
HERE = Path(__file__).parent
ROOT = HERE.parents[2]
WRONG = HERE / "dags" / "wrong.py"
RIGHT = HERE / "dags" / "right.py"


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def with_mypy(page: Path) -> dict[int, str]:
    """Errors by line."""
    told = _run(sys.executable, "-m", "mypy", "--config-file=", "--output=json", "--no-warn-unused-ignores", str(page))
    rows = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    return {
        row["line"]: row["message"] for row in rows if row["severity"] == "error" and row["file"].endswith(page.name)
    }


def with_pyright(page: Path) -> dict[int, str]:
    """Errors by line."""
    told = json.loads(_run(sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(page)))
    errors = [row for row in told["generalDiagnostics"] if row["severity"] == "error"]
    return {row["range"]["start"]["line"] + 1: row["message"] for row in errors}


@pytest.mark.parametrize("check", [with_mypy, with_pyright])
def test_every_right_use_is_accepted(check):
    assert check(RIGHT) == {}


@pytest.mark.parametrize("check", [with_mypy, with_pyright])
def test_every_mistake_is_found_and_nothing_else(check):
    marked = {number for number, line in enumerate(WRONG.read_text().splitlines(), 1) if line.endswith("# wrong")}
    found = check(WRONG)
    assert dict.fromkeys(marked) == dict.fromkeys(found), found
