"""Tables, result files, and what every benchmark says about where it ran."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parents[2]


def machine() -> dict[str, Any]:
    """Where and when: what a reader needs to compare numbers."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "cpus": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
        "airflow": _version("apache-airflow"),
        "aiohttp": _version("aiohttp"),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table."""
    texts = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(column), *(len(row[i]) for row in texts), 1) for i, column in enumerate(columns)]
    print(f"\n{title}")
    print("  ".join(column.ljust(width) for column, width in zip(columns, widths, strict=True)).rstrip())
    print("  ".join("-" * width for width in widths))
    for row in texts:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    sys.stdout.flush()


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def save(name: str, results: Any) -> Path:
    """Write the results of a benchmark as JSON."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"benchmark": name, "machine": machine(), "results": results}, indent=2) + "\n")
    print(f"\nwritten: {path.relative_to(ROOT)}")
    return path


def measured(module: str, *arguments: str, python: str | None = None, env: dict[str, str] | None = None) -> Any:
    """Run a module in a process of its own, so that nobody's memory and CPU get mixed up, and return its last line.

    :raises RuntimeError: it failed; the message holds the end of what it said.
    """
    command = [python or sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})}
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
