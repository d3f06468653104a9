"""Names of experiments: unique in a dataset, and so the identity of the run that makes one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.windows.window import to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from airflow_provider_arize_tasks.runs.requests import Attempt, RunRecord

#: The longest experiment name the API takes, less room for the number of a later attempt.
MAX_EXPERIMENT_NAME = 255
_ROOM_FOR_NUMBER = 5


class NameOwner(str, Enum):
    """Whose experiment it is that carries the name an attempt asked for."""

    #: Made by this generation of attempts: its run is adopted.
    OWN = "ours"
    #: From before a clear, which asks for a new one, or not to be adopted: the next name of the series is used.
    USED_UP = "spent"
    #: Older than this DAG run: somebody else's, and a mistake in the DAG.
    FOREIGN = "foreign"


def experiment_names(base: str) -> Iterator[str]:
    """The fixed series of names an experiment may get: ``nightly``, ``nightly-r2``, ``nightly-r3``, ...

    Not ``nightly-2``: of ``run-2026-1`` that would be ``run-2026-1-2``, another night's name.
    """
    yield base
    number = 2
    while True:
        yield f"{base}-r{number}"
        number += 1


def next_experiment_name(base: str, used: Iterable[str]) -> str:
    """The first name of the series that is not used up."""
    taken = set(used)
    return next(name for name in experiment_names(base) if name not in taken)


def names_up_to(base: str | None, name: str | None) -> list[str]:
    """The names of the series that are used up once ``name`` was sent; none if nothing was sent yet.

    The name that release 0.1.0 sent as its second, ``nightly-2``, stands for the second here as well.
    """
    if base is None or name is None:
        return []
    number = _number_in_series(name, base) or _number_in_series(name.replace(f"{base}-", f"{base}-r", 1), base)
    return [] if number is None else list(islice(experiment_names(base), number))


@dataclass
class Names:
    """The names that one attempt has for the run of a request.

    :param base: the name asked for; ``None`` where runs have no name.
    :param used: names of its series that are used up.
    :param lost: names sent in a POST whose answer was lost, and the server's time just before.
    """

    base: str | None
    used: list[str] = field(default_factory=list)
    lost: dict[str | None, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, base: str | None, record: RunRecord | None, *, repeat: bool) -> Names:
        """What a record leaves.

        :param base: the name asked for.
        :param record: what was written down about the request.
        :param repeat: the record's POST was never answered and no run of it was found: its name is sent once more. If
            that POST got through after all, the server refuses the second (409) and so tells; under another name there
            would be a second experiment.
        """
        used = names_up_to(base, record.name if record else None)
        if not (used and repeat and record):
            return cls(base, used)
        return cls(base, used[:-1], {used[-1]: record.look_from})

    def next(self) -> str | None:
        """The name to send."""
        return next_experiment_name(self.base, self.used) if self.base is not None else None


def is_in_series(name: str | None, base: str) -> bool:
    """Whether a name belongs to the series of ``base``."""
    return name is not None and _number_in_series(name, base) is not None


def _number_in_series(name: str, base: str) -> int | None:
    if name == base:
        return 1
    number = name.removeprefix(f"{base}-r")
    is_number = number != name and number.isdecimal() and number.isascii() and not number.startswith("0")
    return int(number) if is_number and int(number) >= 2 else None


def owner_of_name(
    *,
    created_at: datetime | None,
    attempt: Attempt,
    run_start: datetime,
    lost_at: datetime | None = None,
    never_reuse: bool = False,
) -> NameOwner:
    """Who made the experiment whose name a POST was refused (409) for.

    :param created_at: when that experiment was created; ``None`` if it is not listed.
    :param attempt: where this attempt stands.
    :param run_start: start of the DAG run, on the server's clock.
    :param lost_at: server time of the first POST with that name, in this generation of attempts, whose answer was lost.
    :param never_reuse: no run is adopted but one whose answer was lost (``reuse_run="never"``).
    """

    def is_since(instant: datetime) -> bool:
        return created_at is None or to_milliseconds(created_at) >= to_milliseconds(instant)

    if lost_at is not None and is_since(lost_at):
        return NameOwner.OWN
    if attempt.was_cleared and not attempt.is_retry:
        return NameOwner.USED_UP
    if is_since(run_start):
        return NameOwner.USED_UP if never_reuse else NameOwner.OWN
    return NameOwner.USED_UP if attempt.was_cleared else NameOwner.FOREIGN


def experiment_name_problem(name: str) -> str | None:
    """Why a name can't be an experiment's, in words; ``None`` if it can."""
    if not name.strip():
        return "experiment_name is empty"
    if any(sign in name for sign in '"\\'):
        return f"experiment_name {name!r} holds a double quote or a backslash, which the API refuses"
    if len(name) > MAX_EXPERIMENT_NAME - _ROOM_FOR_NUMBER:
        limit = MAX_EXPERIMENT_NAME - _ROOM_FOR_NUMBER
        return f"experiment_name is {len(name)} characters long; {limit} leave room for the number of a later attempt"
    return None
