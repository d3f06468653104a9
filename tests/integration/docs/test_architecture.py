"""The page that leads through the house names only rooms and modules that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PACKAGE = REPOSITORY / "airflow_provider_arize_tasks"
PAGE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
MODULES = sorted(set(re.findall(r"`([a-z_/]+\.py)`", PAGE)))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_that_is_named_is_there(module):
    assert (PACKAGE / module).is_file() or (REPOSITORY / module).is_file()


def test_every_room_is_drawn():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    drawn = set(re.findall(r"[a-z]+", PAGE.split("```")[1]))
    assert rooms <= drawn
