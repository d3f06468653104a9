"""Licences and known vulnerabilities of everything this package needs, Airflow aside: that is the user's choice.

Usage: audit.py [--strict]. Runs in an environment that has the package, pip-licenses and pip-audit.

A bad licence and a known vulnerability fail it. Where the vulnerability data can't be had (no internet, a mirror of the
package index without it), the licences are checked all the same, and the last line says that vulnerabilities were NOT
checked; with ``--strict`` that fails too.
"""

from __future__ import annotations

import importlib.metadata as metadata
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

OURS = "airflow-provider-arize-tasks"
ALLOWED = re.compile(
    r"apache|\bbsd\b|\bmit\b|\bisc\b|python software foundation|\bpsf|mozilla public license 2|mpl-2|unlicense|cc0",
    re.IGNORECASE,
)


def needed() -> set[str]:
    """Names of the distributions that installing the package brings, without Airflow and what Airflow brings."""
    found: set[str] = set()
    waiting = [OURS]
    while waiting:
        name = waiting.pop()
        for requirement in metadata.requires(name) or ():
            if "extra ==" in requirement:
                continue
            other = re.sub(r"[-_.]+", "-", re.split(r"[ ;<>=!~\[(]", requirement, maxsplit=1)[0]).lower()
            if other in found or other.startswith("apache-airflow"):
                continue
            try:
                metadata.version(other)
            except metadata.PackageNotFoundError:  # for another platform or Python
                continue
            found.add(other)
            waiting.append(other)
    return found


def licence_problems(names: set[str]) -> list[str]:
    """Distributions whose licence is not on the list."""
    shown = subprocess.run(
        [sys.executable, "-m", "piplicenses", "--from=mixed", "--format=json", "--packages", *sorted(names)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = json.loads(shown)
    for row in rows:
        print(f"  {row['Name']} {row['Version']}: {row['License'].splitlines()[0]}")
    return [f"{row['Name']}: licence {row['License']!r}" for row in rows if not ALLOWED.search(row["License"])]


def vulnerability_answers(names: set[str]) -> tuple[list[dict[str, Any]], str]:
    """What the package index knows of each distribution, by ``pip-audit``; and why there is nothing, if so."""
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text("".join(f"{name}=={metadata.version(name)}\n" for name in sorted(names)))
        run = subprocess.run(
            [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--format=json", "-r", str(pinned)],
            capture_output=True,
            text=True,
            check=False,
        )
    if run.stdout.strip():
        return json.loads(run.stdout)["dependencies"], ""
    return [], (run.stderr.strip().splitlines() or [f"pip-audit ended with {run.returncode}"])[-1]


def main(arguments: list[str]) -> int:
    """Print what was found; the exit status says whether all is well."""
    names = needed()
    print(f"{len(names)} distributions beside Airflow")
    problems = licence_problems(names)
    answers, why = vulnerability_answers(names)
    known = [each for each in answers if "skip_reason" not in each]
    problems += [
        f"{each['name']} {each['version']}: {', '.join(found['id'] for found in each['vulns'])}"
        for each in known
        if each.get("vulns")
    ]
    print("\n".join(f"PROBLEM: {problem}" for problem in problems) or "licences: all allowed")
    unchecked = len(names) - len(known)
    if unchecked:
        why = why or next((each["skip_reason"] for each in answers if "skip_reason" in each), "no answer")
        print(f"WARNING: vulnerabilities of {unchecked} of {len(names)} distributions were NOT CHECKED: {why}")
    else:
        print(f"vulnerabilities: {len(known)} distributions looked up")
    return int(bool(problems) or (bool(unchecked) and "--strict" in arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
