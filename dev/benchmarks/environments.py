"""Python environments for benchmarks that install something: made with ``uv``, or ``venv`` and ``pip`` without it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

AIRFLOW = "apache-airflow==3.3.2"
OFFICIAL = "arize-ax-airflow-provider"


class Environment:
    """A virtual environment.

    :param folder: where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = str(folder / "bin" / "python")
        self._uv = shutil.which("uv")
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        made = [self._uv, "venv", "-q", "-p", version] if self._uv else [sys.executable, "-m", "venv"]
        subprocess.run([*made, str(folder)], check=True)

    def install(self, *requirements: str) -> None:
        """Install packages, as a user would: the newest that fit."""
        command = [self._uv, "pip", "install", "-q", "-p", self.python]
        if not self._uv:
            command = [self.python, "-m", "pip", "install", "-q"]
        subprocess.run([*command, *requirements], check=True)

    def packages(self) -> dict[str, str]:
        """Names and versions of what is installed."""
        code = (
            "import importlib.metadata as m, json;"
            "print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions()}))"
        )
        import json

        found: dict[str, str] = json.loads(self.run("-c", code).splitlines()[-1])
        return {name: version for name, version in found.items() if name not in ("pip", "setuptools", "wheel")}

    def megabytes(self) -> float:
        """Size of everything installed, compiled files left out: they depend on what was imported."""
        files = (path for path in (self.folder / "lib").rglob("*") if path.is_file() and not path.is_symlink())
        return sum(path.stat().st_size for path in files if path.suffix != ".pyc") / 2**20

    def run(self, *arguments: str, **env: str) -> str:
        """Run its interpreter, with nothing of our environment but the way to a shell."""
        home = str(self.folder / "home")
        variables = {"PATH": "/usr/bin:/bin", "HOME": home, "AIRFLOW_HOME": home} | env
        done = subprocess.run(
            [self.python, *arguments], capture_output=True, text=True, check=False, env=variables, cwd=self.folder
        )
        if done.returncode:
            raise RuntimeError(f"{arguments} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout


@contextlib.contextmanager
def environment(*requirements: str) -> Iterator[Environment]:
    """A temporary environment with these packages."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        made = Environment(Path(folder) / "venv")
        made.install(*requirements)
        yield made
