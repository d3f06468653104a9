"""Each message on the troubleshooting page is one that the package writes."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "airflow_provider_arize_tasks"
PAGE = (REPOSITORY / "docs" / "troubleshooting.md").read_text()
#: Messages of Airflow and pytest, which the page explains as well.
OF_OTHERS = (
    "XComArg result",
    "'data_interval_start'",
    "Operator Link class",
    "The host or port",
    "fixture 'arize_emulator'",
)


def titles() -> list[str]:
    found = [
        match for line in re.findall(r"^(`.*)\n: ", PAGE, re.MULTILINE) for match in re.findall(r"`([^`]+)`", line)
    ]
    return [title for title in found if not title.startswith(OF_OTHERS)]


@cache
def texts() -> str:
    """Every text in the package, with … where something is filled in."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
                found.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"%[sd]|%\.\d+f|%r", "…", node.value))
    return "\n".join(found)


@pytest.mark.parametrize("title", titles())
def test_message_is_in_the_package(title):
    for part in re.sub(r"\b40[134]\b", "…", title).split("…"):
        for piece in re.split(r"; |: (?=\w)", part.strip()):
            assert piece.strip(" :;") in texts(), piece


def test_the_page_has_messages():
    assert len(titles()) > 25
