"""``airflow arize ...``: the commands as Airflow 3.2 and later take them of providers.

Airflow builds the parsers of all commands whenever any command is called, so ours are built only for ``airflow arize``.
"""

from __future__ import annotations

import sys
from typing import Any

from airflow_provider_arize_tasks.cli.commands import COMMANDS, Command


class _Arguments:
    """Stands for all arguments of a command: Airflow adds each argument by itself, our commands add theirs at once."""

    flags = ("command",)

    def __init__(self, command: Command) -> None:
        self._command = command

    def add_to_parser(self, parser: Any) -> None:
        """Called by Airflow with the parser of the command."""
        if "arize" in sys.argv[1:3]:
            self._command.add_to(_There(parser))


class _There:
    """Takes the place of ``add_subparsers()``: the parser is there already."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser

    def add_parser(self, name: str, **given: Any) -> Any:
        for part in ("description", "epilog", "formatter_class"):
            if part in given:
                setattr(self._parser, part, given[part])
        return self._parser


def _run(arguments: Any) -> None:
    sys.exit(arguments.run(arguments))


def get_commands() -> list[Any]:
    """The group ``arize`` (named by the provider info).

    :return: Airflow's own kind of commands.
    """
    from airflow.cli.cli_config import ActionCommand, GroupCommand

    arguments: dict[str, Any] = {command.name: (_Arguments(command),) for command in COMMANDS}
    actions = [
        ActionCommand(name=command.name, help=command.help, func=_run, args=arguments[command.name])
        for command in COMMANDS
    ]
    return [GroupCommand(name="arize", help="Evaluation tasks and experiments of Arize AX", subcommands=actions)]
