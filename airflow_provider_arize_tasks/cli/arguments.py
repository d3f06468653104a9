"""How the commands read their options: as the operators read arguments of the same name."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.fields import as_length

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def option(reader: Callable[[Any], T]) -> Callable[[str], T]:
    """A reader of arguments as argparse takes one: what it refuses is a mistake in the command line.

    :param reader: raises a ``ValueError`` that wants the argument's name before it.
    """

    def read(text: str) -> T:
        try:
            return reader(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{error}, not {text!r}") from error

    return read


#: A length of time that may be zero, one that may not, a whole number of at least 1, a share between 0 and 1.
length, seconds, count, share = option(as_length), option(args.seconds), option(args.count), option(args.rate)
