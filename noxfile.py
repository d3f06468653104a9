"""Everything that needs environments of its own: the support matrix, the package checks, the audit.

``nox -l`` lists the sessions. ``nox -t matrix`` runs the fast tests on every supported Airflow and Python, a true
deferral on some, and writes the table in README.md. One cell by itself: ``nox -s "cells(airflow 3.0.6, python 3.11)"``.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

nox.options.default_venv_backend = "uv"
nox.options.sessions = ["package", "audit"]
# A cell without its Python is no green cell.
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
RESULTS = ROOT / ".cache" / "reports" / "matrix"
#: Cells at a time, each in one test process: one more than there are cores, since tests wait for runs.
LANES = int(os.environ.get("MATRIX_LANES", "3"))
TEST_TOOLS = (
    "check-jsonschema",
    "httpx",
    "hypothesis",
    "jsonschema",
    "pytest>=8.2",
    "pytest-asyncio",
    "pytest-timeout",
    "scipy",
    "statsd",
)
#: What Arize's reference leaves open, answered the other way round than the emulator does by itself.
OTHER_ANSWERS = {
    "counts": "per_evaluator",
    "evaluation_metadata": False,
    "evaluator_filters": False,
    "free_experiment_names": False,
    "group_labels": "first",
    "limit_applies": "before_labels",
    "limit_counts": "units",
    "oldest_first": True,
}
E2E_TOOLS = ("asyncpg", "psycopg2-binary")


#: Tests whose outcome no Airflow has a part in: run with the oldest and the newest dependencies, not six times between.
WITHOUT_AIRFLOW = (
    "tests/integration/certificate",
    "tests/integration/emulator",
    "tests/integration/fuzz",
    "tests/unit/client",
    "tests/unit/coverage",
    "tests/unit/packaging",
    "tests/unit/quality",
    "tests/unit/runs",
    "tests/unit/windows",
)


@dataclass(frozen=True)
class Cell:
    """One row of the support matrix.

    :param airflow: what is asked for.
    :param python: minor version of Python.
    :param beside: further requirements.
    :param resolution: uv's; ``lowest-direct`` is the oldest release of everything this package depends on.
    :param deferral: whether a true deferral through a real Airflow is run as well.
    :param whole: whether tests that meet neither Airflow nor a dependency of its are run here too.
    :param answers: whether the emulator answers what Arize's reference leaves open the other way round.
    :param note: for the table.
    """

    airflow: str
    python: str
    beside: tuple[str, ...] = ()
    resolution: str = "highest"
    deferral: bool = False
    whole: bool = False
    answers: bool = False
    note: str = ""


#: Newer releases of these break Airflow 3.0.6 itself: its execution API refuses every task.
_AIRFLOW_3_0 = ("fastapi<0.118", "starlette<1", "cadwyn<6")
#: Airflow 3.0 shows the connection forms of providers only where this one is installed.
_FORMS = "apache-airflow-providers-fab"
#: Breaks ObjectStoragePath of Airflows that do not know of it yet; later ones exclude it by themselves.
_NO_NEW_PATHLIB = "universal-pathlib<0.3"
CELLS = (
    Cell(
        "2.11.0",
        "3.10",
        # Airflow asks for this one, and a new one would ask for newer releases of what we depend on.
        beside=(_NO_NEW_PATHLIB, "apache-airflow-providers-http>=5.3"),
        resolution="lowest-direct",
        whole=True,
        note="lowest dependencies",
    ),
    Cell("2.11.2", "3.12", deferral=True),
    Cell(
        "3.0.6",
        "3.11",
        beside=(*_AIRFLOW_3_0, _NO_NEW_PATHLIB, _FORMS),
        deferral=True,
        note="with `fastapi<0.118`, `starlette<1`, `cadwyn<6`, `universal-pathlib<0.3`",
    ),
    Cell("3.1.8", "3.12"),
    Cell("3.2.2", "3.11", answers=True, note="before an emulator that answers open questions the other way"),
    Cell("3.3.2", "3.10"),
    Cell(
        "3.3.*",
        "3.13",
        beside=("apache-airflow-providers-openlineage",),
        deferral=True,
        whole=True,
        note="newest dependencies, with the OpenLineage provider",
    ),
    Cell("3.4.0b2", "3.12", note="beta"),
)


def _python(minor: str) -> str:
    """An interpreter of this machine, else the bare version, which uv then looks for or fetches."""
    candidates = [shutil.which(f"python{minor}"), *sorted(Path.home().glob(f".pyenv/versions/{minor}.*/bin/python"))]
    for path in candidates:
        # A shim of pyenv may be there and not work.
        if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return str(path)
    return minor


def _id(cell: Cell) -> str:
    return f"airflow {cell.airflow}, python {cell.python}"


def _slug(cell: Cell) -> str:
    return f"airflow-{cell.airflow.replace('*', 'newest')}-python-{cell.python}"


def _result_file(cell: Cell) -> Path:
    return RESULTS / f"{_slug(cell)}.json"


def _read_result(cell: Cell) -> dict | None:
    path = _result_file(cell)
    return json.loads(path.read_text()) if path.exists() else None


@nox.session(tags=["matrix"], venv_backend="none")
def matrix(session: nox.Session) -> None:
    """All cells, some at a time, and the table of them in README.md."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    # Those with a deferral take longest; begun last, one of them would run on alone.
    order = sorted(CELLS, key=lambda cell: not cell.deferral)
    with ThreadPoolExecutor(LANES) as lanes:
        green = dict(zip(order, lanes.map(_run_cell, order), strict=True))
    print()
    for cell in CELLS:
        print(_summary(cell))
    _write_table()
    if not all(green.values()):
        session.error(", ".join(_id(cell) for cell in CELLS if not green[cell]))


def _run_cell(cell: Cell) -> bool:
    """Run a cell's session in a process of its own, its output kept in a file and shown when it failed."""
    log = RESULTS / f"{_slug(cell)}.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "nox", "-f", __file__, "-s", f"cells({_id(cell)})"]
        code = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        print("\n".join(["", f"{_id(cell)} failed:", *log.read_text(errors="replace").splitlines()[-200:]]), flush=True)
    print(f"-- {_id(cell)} {'failed' if code else 'passed'}, log in {log.relative_to(ROOT)}", flush=True)
    return code == 0 and _result_file(cell).exists()


@nox.session
@nox.parametrize("python, cell", [nox.param(_python(cell.python), cell, id=_id(cell)) for cell in CELLS])
def cells(session: nox.Session, cell: Cell) -> None:
    """The fast tests on one Airflow and Python."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    airflow = (f"apache-airflow=={cell.airflow}", *cell.beside)
    session.install("--resolution", cell.resolution, "-e", ".", *airflow, silent=True)
    # Apart from the rest, because the oldest test tools are nobody's concern; Airflow is named to keep it as it is.
    session.install(*TEST_TOOLS, *(E2E_TOOLS if cell.deferral else ()), *airflow, silent=True)
    installed = time.monotonic()
    left_out = () if cell.whole else WITHOUT_AIRFLOW
    ignored = [f"--ignore={folder}" for folder in ("tests/e2e", *left_out)]
    answers = {"ARIZE_EMULATOR_SETTINGS": json.dumps(OTHER_ANSWERS)} if cell.answers else {}
    # What Arize's own SDK reads is compared with what the emulator says by itself.
    marks = "not slow and not e2e and not sdk" if cell.answers else "not slow and not e2e"
    fast = _pytest(session, "-m", marks, *ignored, "--durations=10", env=answers)
    seconds = {"install": round(installed - begun), "fast": round(time.monotonic() - installed)}
    deferral = None
    if cell.deferral:
        with _no_other_deferral():
            begun = time.monotonic()
            deferral = _pytest(session, "-m", "e2e", "tests/e2e/test_deferral.py")
            seconds["deferral"] = round(time.monotonic() - begun)
    result = {
        "versions": _versions(session),
        "fast": fast,
        "deferral": deferral,
        "seconds": seconds,
    }
    _result_file(cell).write_text(json.dumps(result, indent=1))
    if fast["failed"] or (deferral and deferral["failed"]):
        session.error(f"{_id(cell)}: tests failed")


@contextmanager
def _no_other_deferral() -> Iterator[None]:
    """One real Airflow at a time: three of them starting at once keep each other from it."""
    with (RESULTS / "deferral.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pytest(session: nox.Session, *arguments: str, env: Mapping[str, str] | None = None) -> dict[str, int]:
    report = Path(tempfile.mkdtemp()) / "report.xml"
    # The environment is passed on as it is, but for settings of an Airflow of the developer's. And compiled modules are
    # kept in any case: the tests start dozens of processes, and Airflow takes seconds to compile.
    own = {name: None for name in os.environ if name.startswith("AIRFLOW_")} | {"PYTHONDONTWRITEBYTECODE": None}
    # 1: tests failed, which the report says as well; anything else is no test run, and ends the session.
    command = ("python", "-m", "pytest", "-q", f"--junitxml={report}", *arguments)
    session.run(*command, env={**own, **(env or {})}, success_codes=[0, 1])
    suites = list(ET.parse(report).getroot().iter("testsuite"))
    total, failed, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    failed += errors
    return {"passed": total - failed - skipped, "failed": failed, "skipped": skipped}


def _versions(session: nox.Session) -> dict[str, str]:
    code = (
        "import importlib.metadata as m, json, platform;"
        "names = ('apache-airflow', 'apache-airflow-providers-common-compat', 'aiohttp', 'pydantic', 'requests');"
        "print(json.dumps({'python': platform.python_version(), **{n: m.version(n) for n in names}}))"
    )
    return json.loads(session.run("python", "-c", code, silent=True))


def _summary(cell: Cell) -> str:
    """One line, in the form of pytest's own last one: .ci/run adds the counts of all parts up."""
    result = _read_result(cell)
    if result is None:
        return f"===== {_id(cell)}: 1 failed in 0 s (no result: see its log) ====="
    total = {key: result["fast"][key] + (result["deferral"] or {}).get(key, 0) for key in result["fast"]}
    seconds = result["seconds"]
    spent = ", ".join(f"{name} {number}" for name, number in seconds.items())
    counts = ", ".join(f"{total[key]} {key}" for key in ("passed", "failed", "skipped"))
    return f"===== {_id(cell)}: {counts} in {sum(seconds.values())} s ({spent}) ====="


def _write_table() -> None:
    """Put the table of all cells between its marks in README.md. No times in it: it changes when the matrix does."""
    lines = ["| Airflow | Python | common-compat | fast tests | deferral | |", "|---|---|---|---|---|---|"]
    lines += [_row(cell, _read_result(cell)) for cell in CELLS]
    readme = ROOT / "README.md"
    start, end = "<!-- support matrix: start -->\n", "<!-- support matrix: end -->"
    text = readme.read_text()
    pattern = re.escape(start) + ".*?" + re.escape(end)
    readme.write_text(re.sub(pattern, lambda _: start + "\n".join(lines) + "\n" + end, text, flags=re.DOTALL))


def _row(cell: Cell, result: dict | None) -> str:
    if result is None:
        return f"| {cell.airflow} | {cell.python} | | **not run** | | {cell.note} |"
    versions, fast, deferral = result["versions"], result["fast"], result["deferral"]
    compat = versions["apache-airflow-providers-common-compat"]
    python = ".".join(versions["python"].split(".")[:2])
    return (
        f"| {versions['apache-airflow']} | {python} | {compat} | {_counted(fast)} | "
        f"{_counted(deferral) if deferral else ''} | {cell.note} |"
    )


def _counted(result: dict[str, int]) -> str:
    text = f"{result['passed']} passed"
    if result["failed"]:
        text += f", **{result['failed']} failed**"
    return text + (f", {result['skipped']} skipped" if result["skipped"] else "")


@nox.session
def package(session: nox.Session) -> None:
    """Build wheel and sdist, check both, and install the wheel alone."""
    session.install("build", "twine", "check-wheel-contents", silent=True)
    folder = Path(session.create_tmp()) / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(folder), str(ROOT), silent=True)
    files = [str(path) for path in folder.iterdir()]
    session.run("twine", "check", "--strict", *files)
    (wheel,) = (path for path in files if path.endswith(".whl"))
    session.run("check-wheel-contents", wheel)
    session.run("python", "dev/tools/check_distribution.py", *files)


@nox.session
def audit(session: nox.Session) -> None:
    """Known vulnerabilities and licences of what an install brings beyond Airflow itself."""
    session.install("-e", ".", silent=True)
    session.install("pip-audit", "pip-licenses", silent=True)
    session.run("python", "dev/tools/audit.py", *session.posargs)


@nox.session
def answers(session: nox.Session) -> None:
    """The integration tests before an emulator that answers what Arize's reference leaves open the other way round."""
    session.install("-e", ".", *TEST_TOOLS, silent=True)
    env = {"ARIZE_EMULATOR_SETTINGS": json.dumps(OTHER_ANSWERS)}
    paths = session.posargs or ["tests/integration"]
    session.run("python", "-m", "pytest", "-q", "-m", "not slow and not e2e and not sdk", *paths, env=env)


#: Airflows whose page is looked at in a browser. Newer releases of what stands beside 3.1 and 3.2 break their server.
BROWSER_CELLS = (
    Cell("3.1.8", "3.12", beside=("fastapi<0.118", "starlette<1", "cadwyn<6")),
    Cell("3.2.2", "3.11", beside=("fastapi<0.137", "cadwyn<8")),
    Cell("3.3.2", "3.11"),
)


@nox.session
@nox.parametrize("python, cell", [nox.param(_python(cell.python), cell, id=_id(cell)) for cell in BROWSER_CELLS])
def browser(session: nox.Session, cell: Cell) -> None:
    """The page in a real Airflow and a real browser; needs Chromium. Pictures go to ``.cache/reports/ui``."""
    session.install("-e", ".", f"apache-airflow=={cell.airflow}", *cell.beside, "playwright", *TEST_TOOLS, silent=True)
    session.run("python", "-m", "pytest", "-q", "-m", "e2e", "tests/e2e/test_ui_page.py", *session.posargs)


@nox.session
def lineage(session: nox.Session) -> None:
    """The lineage tests, with the OpenLineage provider."""
    session.install("-e", ".", "apache-airflow-providers-openlineage", *TEST_TOOLS, silent=True)
    session.run("python", "-m", "pytest", "-q", "tests/integration/lineage")
