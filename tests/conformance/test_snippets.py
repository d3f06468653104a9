"""Every snippet of the SDK's page about tasks runs as printed with ``client = ArizeHook()``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from airflow_provider_arize_tasks.emulator.process import running_emulator
from tests.conformance.environments import python_of
from tests.conformance.snippets import RELEASES, SNIPPETS

_ROOT = Path(__file__).resolve().parents[2]


@cache
def results(release: str) -> dict[str, str | None]:
    """What came of each snippet, with a server of the release's age."""
    packages = "" if release == "none" else str(next(python_of(release).parents[1].glob("lib/python3*/site-packages")))
    level = "8.61" if release == "none" else release.rsplit(".", 1)[0]
    with running_emulator(seed_spans=0, run_seconds=0.3, api_level=level) as emulator:
        emulator.control.add_spans(
            count=5, start="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z",
            attributes={"status_code": "OK", "latency_ms": 5},
        )  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "tests.conformance.snippet_driver", release, packages, emulator.url],
            cwd=_ROOT, env=os.environ.copy(), capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


@pytest.mark.parametrize("name", [each.name for each in SNIPPETS])
@pytest.mark.timeout(300)
def test_with_plain_dicts(name: str) -> None:
    assert results("none")[name] is None


@pytest.mark.sdk
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", [each.name for each in SNIPPETS])
def test_with_the_objects_of_a_release(name: str, release: str) -> None:
    snippet = next(each for each in SNIPPETS if each.name == name)
    if snippet.since > tuple(int(part) for part in release.split(".")[:2]):
        assert name not in results(release)
        return
    assert results(release)[name] is None
