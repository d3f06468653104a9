"""Look into built distributions: what must be in them, and what must not. Usage: check_distribution.py FILE..."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from pathlib import Path

PACKAGE = "airflow_provider_arize_tasks"
WANTED_IN_WHEEL = (
    f"{PACKAGE}/py.typed",
    f"{PACKAGE}/get_provider_info.py",
    f"{PACKAGE}/emulator/__main__.py",
    f"{PACKAGE}/testing/plugin.py",
)
WANTED_IN_SDIST = (
    ".airflow-registry.yaml",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "docker-compose.yaml",
    "docs/index.md",
    "example_dags/howto_operators.py",
    "pyproject.toml",
    "tests/conftest.py",
)
#: Importable code that is not the package's: an installed top-level "tests" or "example_dags" shadows somebody else's.
ENTRY_POINTS = ("[apache_airflow_provider]", "[pytest11]")


def wheel_problems(path: Path) -> list[str]:
    """What is wrong with a wheel."""
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        tops = {name.split("/")[0] for name in names}
        problems = [f"{name} is missing" for name in WANTED_IN_WHEEL if name not in names]
        problems += [
            f"{top} must not be in it" for top in tops if not re.fullmatch(rf"{PACKAGE}(-.*\.dist-info)?", top)
        ]
        problems += [f"{name} is compiled" for name in names if name.endswith((".pyc", ".so"))]
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        text = wheel.read(entry_points).decode()
        problems += [f"entry point {name} is missing" for name in ENTRY_POINTS if name not in text]
    return problems


def sdist_problems(path: Path) -> list[str]:
    """What is wrong with a source distribution."""
    with tarfile.open(path) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    return [f"{name} is missing" for name in WANTED_IN_SDIST if name not in names]


def main(paths: list[str]) -> int:
    """Check each file, say what is wrong, and return the exit status."""
    failed = 0
    for path in map(Path, paths):
        problems = wheel_problems(path) if path.suffix == ".whl" else sdist_problems(path)
        size = path.stat().st_size
        print(f"{path.name}: {size / 1024:.0f} KiB, {'; '.join(problems) or 'as it should be'}")
        failed += bool(problems)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
