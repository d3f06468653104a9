"""The command ``emulator``: the same as ``python -m airflow_provider_arize_tasks.emulator``, arguments and all."""

from __future__ import annotations

import argparse
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to a parser's commands.

    :param commands: what ``ArgumentParser.add_subparsers`` returned.
    """
    parser = commands.add_parser("emulator", help="start a local Arize for tests and demonstrations", add_help=False)

    def hand_over(arguments: list[str] | None = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:
        parsed = namespace or argparse.Namespace()
        for name, value in parser._defaults.items():  # noqa: SLF001 - what set_defaults() keeps, Airflow's too
            setattr(parsed, name, value)
        parsed.arguments = list(arguments or ())
        return parsed, []

    # The emulator has its own parser, --help included.
    parser.parse_known_args = hand_over
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Start the emulator and serve until interrupted.

    :param arguments: as handed over.
    :return: the exit status.
    """
    from airflow_provider_arize_tasks.emulator.__main__ import main

    main(arguments.arguments)
    return 0
