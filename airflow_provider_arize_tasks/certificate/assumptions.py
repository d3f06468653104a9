"""What an assumption about the server is, and what may come of asking."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_arize_tasks.certificate.session import Session


Question: TypeAlias = "Callable[[Session], str | tuple[str, str | None]]"


class Verdict(str, Enum):
    """What a server said to an assumption."""

    HOLDS = "holds"
    DIFFERS = "differs"
    NOT_ASKED = "could not be asked"


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """Something that the API's reference leaves open.

    :param name: by which the code refers to it.
    :param says: what is assumed, in a sentence.
    :param answer: the answer that bears it out.
    :param ask: asks a server, and returns its answer, also with what a refusal said.
    """

    name: str
    says: str
    answer: str
    ask: Question


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What came of asking.

    :param name: the assumption.
    :param verdict: whether it holds.
    :param found: the server's answer, or why it could not be asked.
    :param text: what a refusal said, redacted.
    """

    name: str
    verdict: Verdict
    found: str
    text: str | None = None
