"""README's table of the support matrix is that of the cells there are now, and all of them were green."""

from __future__ import annotations

import importlib.util
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

pytest.importorskip("nox", reason="only the development environment has nox")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def cells(monkeypatch) -> tuple:
    spec = importlib.util.spec_from_file_location("noxfile", ROOT / "noxfile.py")
    noxfile = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "noxfile", noxfile)
    spec.loader.exec_module(noxfile)
    return noxfile.CELLS


def rows() -> list[list[str]]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- support matrix: start -->\n(.*?)<!-- support matrix: end -->", text, re.DOTALL).group(1)
    return [[field.strip() for field in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_each_cell_has_its_row_and_was_green(cells):
    assert len(rows()) == len(cells), "run: make matrix"
    for cell, (airflow, python, compat, fast, deferral, note) in zip(cells, rows(), strict=True):
        assert fnmatch(airflow, cell.airflow), "run: make matrix"
        assert (python, note, bool(deferral)) == (cell.python, cell.note, cell.deferral), "run: make matrix"
        assert compat
        assert re.fullmatch(r"\d+ passed(, \d+ skipped)?", fast)
        assert re.fullmatch(r"(\d+ passed(, \d+ skipped)?)?", deferral)
