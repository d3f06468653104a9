"""The command ``verify``: ``coverage --verify`` under the name of what it is for."""

from __future__ import annotations

from typing import Any

from airflow_provider_arize_tasks.cli import coverage


def add_parser(commands: Any) -> None:
    """Add the command to a parser's commands.

    :param commands: what ``ArgumentParser.add_subparsers`` returned.
    """
    what = "prove span by span which labels the spans of a range carry"
    description = f"{what.capitalize()}: coverage --verify."
    coverage.add_command(commands, "verify", what, description).set_defaults(verify=True)
