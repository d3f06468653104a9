"""The table of bad inputs on the security page names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROWS = re.findall(
    r"^\| (?P<input>[^|]+) \| [^|]+ \| [^|]+ \| `(?P<path>[^`:]+)::(?P<test>\w+)` \|$",
    (ROOT / "docs" / "security.md").read_text(),
    re.MULTILINE,
)


def test_the_table_has_all_of_its_rows() -> None:
    lines = [line for line in (ROOT / "docs" / "security.md").read_text().splitlines() if line.startswith("| ")]
    assert len(ROWS) == len(lines) - 1  # but the heading
    assert len({bad for bad, _, _ in ROWS}) >= 40


@pytest.mark.parametrize(("path", "test"), sorted({(path, test) for _, path, test in ROWS}))
def test_each_test_that_it_names_exists(path: str, test: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert test in {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
