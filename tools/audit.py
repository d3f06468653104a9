"""Licences and known vulnerabilities of everything this package needs, Airflow aside: that is the user's choice.

Usage: audit.py [--licences-only] [--strict]. Runs in an environment that has the package, pip-licenses and pip-audit.
"""

from __future__ import annotations

import importlib.metadata as metadata
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

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
            other = re.split(r"[ ;<>=!~\[(]", requirement, maxsplit=1)[0].lower()
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


def vulnerability_problems(names: set[str], *, strict: bool) -> list[str]:
    """Known vulnerabilities, as the package index lists them; with ``strict`` also what it tells nothing about."""
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text("".join(f"{name}=={metadata.version(name)}\n" for name in sorted(names)))
        run = subprocess.run(
            [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--format=json", "-r", str(pinned)],
            capture_output=True,
            text=True,
            check=False,
        )
    if not run.stdout.strip():
        return [f"pip-audit could not be run: {run.stderr.strip().splitlines()[-1:]}"]
    answers = json.loads(run.stdout)["dependencies"]
    unknown = [each["name"] for each in answers if "skip_reason" in each]
    if unknown:
        # A mirror of the index may not have the vulnerability data. Nothing was found out then; that is no pass.
        print(f"vulnerabilities: the index tells nothing about {len(unknown)} of {len(answers)}: {', '.join(unknown)}")
    if unknown and strict:
        return ["vulnerabilities of some distributions could not be looked up (--strict)"]
    return [
        f"{each['name']} {each['version']}: {', '.join(found['id'] for found in each['vulns'])}"
        for each in answers
        if each.get("vulns")
    ]


def main(arguments: list[str]) -> int:
    """Print what was found; the exit status says whether all is well."""
    names = needed()
    print(f"{len(names)} distributions beside Airflow")
    problems = licence_problems(names)
    if "--licences-only" not in arguments:
        problems += vulnerability_problems(names, strict="--strict" in arguments)
    print("\n".join(problems) or "no problem found in what could be looked up")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
