"""The audit fails for a bad licence or a vulnerability, and never keeps quiet about what it could not look up."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[3] / "dev" / "tools" / "audit.py"
GOOD = {"Name": "aiohttp", "Version": "1", "License": "Apache-2.0"}
BAD = {"Name": "pendulum", "Version": "1", "License": "GPL-3.0"}
KNOWN = {"name": "aiohttp", "version": "1", "vulns": []}
VULNERABLE = {**KNOWN, "vulns": [{"id": "PYSEC-1"}]}
NOT_KNOWN = {"name": "aiohttp", "skip_reason": "Dependency not found"}


@pytest.fixture
def audit(monkeypatch):
    """Run the script on what pip-licenses and pip-audit are made to answer; exit status."""

    def audit(*arguments: str, licences: list, answers: list | None) -> int:
        script = runpy.run_path(str(SCRIPT))
        names = {row["Name"] for row in licences}

        def run(command, **_):
            if "piplicenses" in command:
                return SimpleNamespace(stdout=json.dumps(licences), stderr="", returncode=0)
            text = "" if answers is None else json.dumps({"dependencies": answers})
            return SimpleNamespace(stdout=text, stderr="ConnectionError: no route", returncode=1)

        functions = script["main"].__globals__
        monkeypatch.setitem(functions, "needed", lambda: names)
        monkeypatch.setitem(functions, "subprocess", SimpleNamespace(run=run))
        monkeypatch.setitem(functions, "metadata", SimpleNamespace(version=lambda name: "1"))
        return script["main"](list(arguments))

    return audit


def test_all_is_well(audit, capsys):
    assert audit("--strict", licences=[GOOD], answers=[KNOWN]) == 0
    assert "vulnerabilities: 1 distributions looked up" in capsys.readouterr().out


def test_a_licence_that_is_not_on_the_list_fails(audit, capsys):
    assert audit(licences=[GOOD, BAD], answers=[KNOWN, {**KNOWN, "name": "pendulum"}]) == 1
    assert "PROBLEM: pendulum: licence 'GPL-3.0'" in capsys.readouterr().out


def test_a_known_vulnerability_fails(audit, capsys):
    assert audit(licences=[GOOD], answers=[VULNERABLE]) == 1
    assert "PROBLEM: aiohttp 1: PYSEC-1" in capsys.readouterr().out


@pytest.mark.parametrize(("answers", "why"), [(None, "no route"), ([NOT_KNOWN], "Dependency not found")])
def test_what_could_not_be_looked_up_is_said_aloud(audit, capsys, answers, why):
    assert audit(licences=[GOOD], answers=answers) == 0
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.startswith("WARNING: vulnerabilities of 1 of 1 distributions were NOT CHECKED: ")
    assert why in last
    assert audit("--strict", licences=[GOOD], answers=answers) == 1


def test_licences_are_checked_where_vulnerabilities_can_not_be(audit):
    assert audit(licences=[BAD], answers=None) == 1


def test_what_is_needed_is_read_from_the_package():
    names = runpy.run_path(str(SCRIPT))["needed"]()
    assert {"aiohttp", "requests", "pydantic", "tenacity", "pendulum", "certifi"} <= names
    assert not [name for name in names if name.startswith("apache-airflow")]
    assert len(names) == len({name.replace("_", "-") for name in names})
