"""``python -m airflow_provider_arize_tasks``: commands for people."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks import __version__
from airflow_provider_arize_tasks.cli import coverage

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    :param arguments: of the command line; those of the process if not given.
    :return: the exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_arize_tasks", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    coverage.add_parser(parser.add_subparsers(title="commands", required=True, metavar="COMMAND"))
    parsed = parser.parse_args(arguments)
    status: int = parsed.run(parsed)
    return status


if __name__ == "__main__":
    sys.exit(main())
