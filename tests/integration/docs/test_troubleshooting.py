"""Each message on the troubleshooting page is one that the package writes."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PACKAGE = REPOSITORY / "airflow_provider_arize_tasks"
PAGE = (REPOSITORY / "docs" / "troubleshooting.md").read_text()
#: Messages of Airflow and pytest, which the page explains as well.
OF_OTHERS = (
    "XComArg result",
    "'data_interval_start'",
    "Operator Link class",
    "The host or port",
    "fixture 'arize_emulator'",
    "The conn_id",
    "Test Connection Failed",
    "Bad Request",
)
#: What the pages write out although the package fills it in.
FILLED_IN = r"\b40[134]\b|\bFAILED\b|\bARIZE_API_KEY\b"


def titles() -> list[str]:
    found = [
        match for line in re.findall(r"^(`.*)\n: ", PAGE, re.MULTILINE) for match in re.findall(r"`([^`]+)`", line)
    ]
    return [title for title in found if not title.startswith(OF_OTHERS)]


@cache
def texts() -> str:
    """Every text that the package may show, with … where something is filled in."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if id(node) in documentation:
                continue
            if isinstance(node, ast.JoinedStr):
                parts = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values]
                found.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"%[sd]|%\.\d+f|%r", "…", node.value))
    return "\n".join(found)


@pytest.mark.parametrize("title", titles())
def test_message_is_in_the_package(title):
    for part in re.sub(FILLED_IN, "…", title).split("…"):
        for piece in re.split(r"; |: (?=\w)", part.strip()):
            assert piece.strip(" :;") in texts(), piece


def test_the_page_has_messages():
    assert len(titles()) > 40


def test_an_invented_message_is_not_in_the_package():
    assert "the run has gone on holiday" not in texts()


def of_the_connection() -> list[str]:
    """Messages in the table "Test it" of the page on the connection."""
    page = (REPOSITORY / "docs" / "connection.md").read_text()
    table = page.partition("| message | way out |")[2].partition("\n\n")[0]
    return [line.split("|")[1].strip() for line in table.splitlines()[2:]]


@pytest.mark.parametrize("message", of_the_connection())
def test_message_of_the_connection_test_is_in_the_package(message):
    for part in re.split(rf"{FILLED_IN}|\.\.\.|\(302\)|10 s|a web page|\bspace\b", message):
        assert part.strip(" :()") in texts(), part
