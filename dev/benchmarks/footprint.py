"""Benchmark 4: what installing this provider adds to a plain Airflow, and what importing it takes."""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dev.benchmarks.common import ROOT, save, table
from dev.benchmarks.environments import AIRFLOW, OFFICIAL, environment

if TYPE_CHECKING:
    from dev.benchmarks.environments import Environment

OURS = "airflow_provider_arize_tasks"
MODULES = [
    f"{OURS}.{name}"
    for name in (
        "operators.runs",
        "operators.tasks",
        "operators.experiments",
        "sensors.task_run",
        "triggers.task_run",
        "links.arize",
        "hooks.arize",
        "get_provider_info",
    )
]
OFFICIAL_MODULES = [
    f"airflow.providers.arize_ax.{name}"
    for name in ("operators.tasks", "sensors.arize_ax", "hooks.arize_ax", "get_provider_info")
]
CLOCK = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import airflow.sdk
from airflow.sdk import BaseHook, BaseOperator, BaseSensorOperator, BaseOperatorLink
before, begin = set(sys.modules), time.perf_counter()
try:
    __import__(sys.argv[1])
except ImportError as error:
    print(json.dumps({"error": str(error)}))
else:
    print(json.dumps({"seconds": time.perf_counter() - begin, "modules": len(set(sys.modules) - before)}))
"""


def import_time(made: Environment, module: str, repeats: int) -> dict[str, Any]:
    """Median time to import a module once ``airflow.sdk`` is there, each time in a process of its own."""
    script = made.folder / "clock.py"
    script.write_text(CLOCK)
    found = [json.loads(made.run(str(script), module).splitlines()[-1]) for _ in range(repeats + 1)][1:]
    if "error" in found[0]:
        return {"module": module, "error": found[0]["error"]}
    seconds = statistics.median(each["seconds"] for each in found)
    return {"module": module, "ms": seconds * 1e3, "modules": found[0]["modules"]}


def compare(what: str, requirement: str, modules: list[str], repeats: int) -> dict[str, Any]:
    """Install something on top of a plain Airflow and look at the difference."""
    with environment(AIRFLOW) as made:
        before, size = made.packages(), made.megabytes()
        made.install(requirement)
        after = made.packages()
        times = [import_time(made, module, repeats) for module in modules]
        return {
            "what": what,
            "added": {name: version for name, version in sorted(after.items()) if name not in before},
            "changed": {name: [before[name], after.get(name)] for name in before if after.get(name) != before[name]},
            "megabytes": made.megabytes() - size,
            "imports": times,
        }


def main(*, quick: bool = False) -> None:
    """Measure, print, save."""
    repeats = 2 if quick else 5
    with tempfile.TemporaryDirectory() as folder, environment("build") as builder:
        builder.run("-m", "build", "--wheel", "--outdir", folder, str(ROOT))
        wheel = str(next(Path(folder).glob("*.whl")))
        found = [compare("ours", wheel, MODULES, repeats)]
    found.append(compare("official", OFFICIAL, OFFICIAL_MODULES, repeats))
    table(
        f"Installed on top of {AIRFLOW}",
        ["who", "packages added", "MB added", "changed to another version"],
        [
            [
                each["what"],
                len(each["added"]),
                each["megabytes"],
                ", ".join(f"{n} {a} -> {b}" for n, (a, b) in each["changed"].items()) or "nothing",
            ]
            for each in found
        ],
    )
    for each in found:
        print(f"added by {each['what']}: " + ", ".join(f"{n} {v}" for n, v in each["added"].items()))
    table(
        "Import, over airflow.sdk",
        ["module", "ms", "modules loaded"],
        [
            [row["module"], row.get("ms"), row.get("modules", row.get("error"))]
            for each in found
            for row in each["imports"]
        ],
    )
    save("footprint", found)
