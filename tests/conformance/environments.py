"""One environment for each release of Arize's own SDK, so that its dependencies never touch the provider's.

``python tests/conformance/environments.py`` builds them all into ``.cache/sdk-envs`` (``ARIZE_SDK_ENVS`` names another
folder) and prints where they are; the tests build what is missing. Only the standard library is needed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The releases the provider is checked against: lower-case enums, then upper case, then each change of the fields.
RELEASES = ("8.28.0", "8.36.0", "8.45.0", "8.50.0", "8.56.0", "8.61.0")
LATEST = RELEASES[-1]

_ROOT = Path(__file__).resolve().parents[2]


def folder() -> Path:
    """Where the environments are kept."""
    return Path(os.environ.get("ARIZE_SDK_ENVS") or _ROOT / ".cache" / "sdk-envs")


def python_of(release: str) -> Path:
    """The interpreter of a release's environment, which is built first if it isn't there.

    :param release: such as ``8.61.0``.
    :raises subprocess.CalledProcessError: the environment could not be built.
    """
    home = folder() / release
    python = home / "bin" / "python"
    ready = home / ".ready"
    if ready.is_file():
        return python
    home.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(home.parent / f"{release}.lock"):
        if not ready.is_file():
            shutil.rmtree(home, ignore_errors=True)
            _build(home, python, release)
            ready.touch()
    return python


def _build(home: Path, python: Path, release: str) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is not None:
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(home))
        _run(uv, "pip", "install", "--quiet", "--python", str(python), f"arize=={release}")
        return
    _run(sys.executable, "-m", "venv", str(home))
    _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"arize=={release}")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


@contextlib.contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Keep test processes that run side by side from building the same environment."""
    import fcntl

    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Build all environments."""
    for release in RELEASES:
        started = time.monotonic()
        python = python_of(release)
        print(f"arize {release}: {python} ({time.monotonic() - started:.1f} s)")


if __name__ == "__main__":
    main()
