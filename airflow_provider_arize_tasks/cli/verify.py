"""The command ``verify``: ``coverage --verify`` under the name of what it is for."""

from __future__ import annotations

from typing import Any

from airflow_provider_arize_tasks.cli import coverage


class _Renamed:
    """Takes the place of the commands, for one that has another name there."""

    def __init__(self, commands: Any) -> None:
        self._commands = commands
        self.parser: Any = None

    def add_parser(self, _: str, **given: Any) -> Any:
        what = "prove span by span which labels the spans of a range carry"
        given |= {"help": what, "description": f"{what[0].upper()}{what[1:]}: coverage --verify."}
        self.parser = self._commands.add_parser("verify", **given)
        return self.parser


def add_parser(commands: Any) -> None:
    """Add the command to a parser's commands.

    :param commands: what ``ArgumentParser.add_subparsers`` returned.
    """
    renamed = _Renamed(commands)
    coverage.add_parser(renamed)
    renamed.parser.set_defaults(verify=True)
