"""Every command that the pages tell people to type is run, or has a named reason why it is not run here.

``make docs`` runs this. Commands are taken from the pages' ``console`` and ``bash`` blocks and run in their order, in a
home folder and an Airflow of their own. Only the emulator's port is another, so that nothing meets on 8899.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dev.local_airflow.settings import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[3]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(str(page.relative_to(REPOSITORY)) for page in REPOSITORY.glob("docs/**/*.md")),
)
#: What is not run here, by how it begins, and where it is run instead or why it can't be.
ELSEWHERE = {
    "make ": "test_readme.py looks for the targets; each is what the continuous integration calls",
    ".ci/run": "runs this test among others",
    "pip install": "dev/tools/check_distribution.py installs wheel and sdist in fresh environments",
    "python3 -m venv": "the environment of this test stands for it",
    "source ": "likewise",
    "airflow standalone": "does not end; tests/e2e run all components",
    "python -m airflow_provider_arize_tasks certify": "asks whoever types it; tests/conformance run it",
    "python -m airflow_provider_arize_tasks coverage": "tests/integration/cli/test_coverage_command.py",
    "python -m airflow_provider_arize_tasks verify": "tests/integration/cli",
    "python -m airflow_provider_arize_tasks check": "tests/integration/cli",
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def commands(page: str) -> list[str]:
    """The commands of a page in their order; lines that go on are joined, comments and output are left out."""
    found: list[str] = []
    blocks = re.findall(r"^```(console|bash)\n(.*?)^```", (REPOSITORY / page).read_text(), re.MULTILINE | re.DOTALL)
    for kind, block in blocks:
        lines = iter(block.splitlines())
        for line in lines:
            if kind == "console" and not line.startswith("$ "):
                continue
            command = re.sub(r"\s{2,}#.*$", "", line.removeprefix("$ "))
            while command.endswith("\\") or command.count("'") % 2:
                command = f"{command}\n{next(lines)}"
            found.append(command.strip())
    return [command for command in found if command]


def is_elsewhere(command: str) -> bool:
    return command.startswith(tuple(ELSEWHERE))


class Shell:
    """A newcomer's terminals: one shell for what ends, and the emulator beside it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.background: list[subprocess.Popen[str]] = []
        self.exported: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        dropped = ("AIRFLOW_", "AIRFLOW__", "ARIZE_", "PYTEST_", "PYTHONPATH")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        return kept | {"HOME": str(self.home), "PATH": path, "ARIZE_API_KEY": "ak-typed-in"}

    def type(self, command: str) -> None:
        """Run a command to its end, or until it is ready if it has none."""
        command = command.replace("8899", str(self.port))
        if command.startswith("export "):
            self.exported.append(command)
            return
        if " emulator" in command or ".emulator" in command:
            self._start(command)
            return
        script = "\n".join([*self.exported, command])
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"

    def _start(self, command: str) -> None:
        started = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.home,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.background.append(started)
        assert started.stdout is not None
        assert "ready" in started.stdout.readline(), command

    def close(self) -> None:
        for started in self.background:
            started.send_signal(signal.SIGINT)
        for started in self.background:
            started.wait(timeout=20)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.close()


def test_all_pages_have_their_commands_found() -> None:
    found = {page: commands(page) for page in PAGES}
    assert len(found["docs/first-steps.md"]) >= 9
    assert len(found["README.md"]) >= 8
    everything = [each for page in found.values() for each in page]
    # The commands of this package come and go with their pages; the rest must be about something.
    others = [start for start in ELSEWHERE if "airflow_provider_arize_tasks" not in start]
    assert [start for start in others if not any(each.startswith(start) for each in everything)] == []


def test_first_steps(shell: Shell) -> None:
    page = "docs/first-steps.md"
    dags = shell.home / "airflow" / "dags"
    dags.mkdir(parents=True)
    shutil.copy(REPOSITORY / "example_dags" / "howto_first_steps.py", dags / "daily_quality.py")
    for command in commands(page):
        if not is_elsewhere(command):
            shell.type(command)


def test_readme(shell: Shell) -> None:
    (example,) = re.findall(
        r"^## An example\n\n```python\n(.*?)^```$", (REPOSITORY / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    dags = shell.home / "airflow" / "dags"
    dags.mkdir(parents=True)
    (dags / "evaluate_yesterday.py").write_text(example)
    shell.type("airflow db migrate")
    for command in commands("README.md"):
        if not is_elsewhere(command):
            shell.type(command)


def test_all_other_pages(shell: Shell) -> None:
    own = ("README.md", "docs/first-steps.md")
    rest = [(page, each) for page in PAGES if page not in own for each in commands(page)]
    shell.type("airflow db migrate")
    shell.exported = [f"export AIRFLOW__CORE__DAGS_FOLDER={REPOSITORY / 'example_dags'}"]
    shell.type("airflow dags reserialize")
    for page, command in rest:
        if is_elsewhere(command):
            continue
        if page == "docs/connection.md" and command.startswith("airflow connections add"):
            shell.type("airflow connections delete arize_default || true")
        shell.type(command)
