"""Which commands there are. One list, for both ways of calling them; a command is imported when it is called."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

_PACKAGE: Final = "airflow_provider_arize_tasks.cli"


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command.

    :param name: as it is typed.
    :param help: in the list of commands.
    :param module: which has ``add_parser(commands)``, and may have several commands.
    """

    name: str
    help: str
    module: str

    def add_to(self, commands: Any) -> None:
        """Add it to a parser.

        :param commands: what ``ArgumentParser.add_subparsers`` returned, or what takes its place.
        """
        import_module(f"{_PACKAGE}.{self.module}").add_parser(commands)


_ALL: Final = (
    Command(name="coverage", help="show which windows of a range a task has covered", module="coverage"),
    Command(name="verify", help="prove span by span that a window is labelled", module="verify"),
    Command(name="check", help="judge an experiment against earlier ones, as a gate in CI", module="check"),
    Command(name="certify", help="try a server with all that this release asks of it", module="certify"),
    Command(name="emulator", help="start a local Arize for tests and demonstrations", module="emulator"),
)
#: Those that this release has.
COMMANDS: Final = tuple(command for command in _ALL if find_spec(f"{_PACKAGE}.{command.module}") is not None)
