"""False alarms and power: the tables of the docs are what the code does today."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    script = ROOT / "dev" / "benchmarks" / "experiment_quality.py"
    spec = importlib.util.spec_from_file_location("experiment_quality", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table() -> list[list[str]]:
    """Cells of the first table of the page, a line per kind of score and number of examples."""
    page = (ROOT / "docs" / "experiment-quality.md").read_text(encoding="utf-8")
    _, _, rest = page.partition("<!-- false alarms and power")
    lines = [line for line in rest.partition("<!-- end of")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("kind", [0, *(pytest.param(kind, marks=pytest.mark.slow) for kind in (1, 2, 3))])
def test_a_line_of_the_table_is_what_the_code_gives_today(
    simulation: ModuleType, table: list[list[str]], kind: int
) -> None:
    """1,000 nights of 25 examples, for each kind of score; the seeds are fixed."""
    line = simulation.simulate(simulation.KINDS[kind], 25)
    assert simulation.format_row(line) in table


def test_false_alarms_stay_near_the_stated_level(table: list[list[str]]) -> None:
    """Stated are 2.5 %; of 1,000 nights 2.5 % plus three standard errors of that share are 4 %."""
    alarms = [float(cell.rstrip("%")) for line in table for cell in line[2:4]]
    assert len(alarms) == 24
    assert max(alarms) <= 4.0
    assert 1.0 <= sum(alarms) / len(alarms) <= 2.75


def test_the_interval_holds_the_true_change_as_often_as_it_says(table: list[list[str]]) -> None:
    held = [float(line[4].rstrip("%")) for line in table]
    assert min(held) >= 93.0


def test_more_examples_and_larger_drops_are_found_more_often(table: list[list[str]]) -> None:
    power = {(line[0], int(line[1])): [float(cell.rstrip("%")) for cell in line[5:]] for line in table}
    for (kind, examples), found in power.items():
        assert found == sorted(found)
        if examples < 400:
            more = power[kind, 400]
            assert all(few <= many for few, many in zip(found, more, strict=True))
    assert all(power[kind, 400][-1] >= 99 for kind, _ in power)
