"""How the filters of a trace or session task are combined: ``(A AND B) OR NOT C``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORD = re.compile(r"\(|\)|[A-Za-z0-9_]+|\S")


def matches_expression(expression: str, letters: Mapping[str, bool]) -> bool:
    """Whether a combination of filters holds.

    :param expression: names of filters with ``AND``, ``OR``, ``NOT`` and parentheses.
    :param letters: by name of a filter, whether it holds.
    :raises ValueError: it is no such expression.
    """
    reader = _Reader(expression, letters)
    found = reader.either()
    if reader.words:
        raise reader.error
    return found


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, expression: str, letters: Mapping[str, bool]) -> None:
        self.words = _WORD.findall(expression)
        self.error = ValueError(f"no combination of the filters {', '.join(letters)}: {expression!r}")
        self._letters = letters

    def either(self) -> bool:
        """Terms joined by ``OR``."""
        found = [self._both()]
        while self._take("OR"):
            found.append(self._both())
        return any(found)

    def _both(self) -> bool:
        found = [self._one()]
        while self._take("AND"):
            found.append(self._one())
        return all(found)

    def _one(self) -> bool:
        if self._take("NOT"):
            return not self._one()
        if self._take("("):
            found = self.either()
            if not self._take(")"):
                raise self.error
            return found
        if not self.words or self.words[0] not in self._letters:
            raise self.error
        return self._letters[self.words.pop(0)]

    def _take(self, word: str) -> bool:
        if self.words and self.words[0].upper() == word:
            self.words.pop(0)
            return True
        return False
