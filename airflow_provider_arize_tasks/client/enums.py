"""The enums of the API.

Apart from the objects that hold them: DAG files need these when they are imported, and defining the classes of all
replies takes longer than the rest of such an import.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class Word(str, Enum):
    """An enum of the API, whose case depends on the server's age: made from, and equal to, its word in any case."""

    @classmethod
    def _missing_(cls, value: object) -> Word | None:
        return cls._value2member_map_.get(value.strip().upper()) if isinstance(value, str) else None  # type: ignore[return-value]

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, str) and str.__eq__(self, str.upper(other)))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, spec: str) -> str:
        return str.__format__(str.__str__(self), spec)


class TaskType(Word):
    """Type of a task. ``UNKNOWN`` stands for what a newer server may add; the text is in ``to_dict()``."""

    TEMPLATE_EVALUATION = "TEMPLATE_EVALUATION"
    CODE_EVALUATION = "CODE_EVALUATION"
    RUN_EXPERIMENT = "RUN_EXPERIMENT"
    UNKNOWN = "UNKNOWN"


class RunStatus(Word):
    """Status of a task run. ``UNKNOWN`` is neither success nor failure: keep looking."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended."""
        # By identity: a triggerer asks this often, and comparing by value is done in any case of letters.
        return self is RunStatus.COMPLETED or self is RunStatus.FAILED or self is RunStatus.CANCELLED


class Unset(Enum):
    """Stands for an argument that was left out, where ``None`` has a meaning of its own (it clears a filter)."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return self.value


UNSET: Final = Unset.UNSET
