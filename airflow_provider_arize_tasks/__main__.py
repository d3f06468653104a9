"""``python -m airflow_provider_arize_tasks``: commands for people."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks import __version__
from airflow_provider_arize_tasks.cli.commands import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Sequence

_DESCRIPTION = (
    "Coverage and proof of evaluation tasks, the gate of experiments and a local Arize, without a DAG. Results go to "
    "standard output, everything else to standard error."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    :param arguments: of the command line; those of the process if not given.
    :return: the exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_arize_tasks", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    given = sys.argv[1:] if arguments is None else list(arguments)
    for command in COMMANDS:
        if given[:1] == [command.name]:
            command.add_to(commands)
        else:
            commands.add_parser(command.name, help=command.help)
    parsed = parser.parse_args(given)
    status: int = parsed.run(parsed)
    return status


if __name__ == "__main__":
    sys.exit(main())
