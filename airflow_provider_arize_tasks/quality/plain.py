"""Results as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Any


class Plain:
    """A dataclass that is told as plain JSON, field by field."""

    def to_dict(self) -> dict[str, Any]:
        """Its fields as plain JSON."""
        return {name: plain(value) for name, value in vars(self).items()}


def plain(value: Any) -> Any:
    """A value as plain JSON: enums by their value, sets in order.

    :param value: of a field.
    """
    if isinstance(value, Plain):
        return value.to_dict()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, (tuple, AbstractSet)):
        found = [plain(each) for each in value]
        return sorted(found) if isinstance(value, AbstractSet) else found
    return value
