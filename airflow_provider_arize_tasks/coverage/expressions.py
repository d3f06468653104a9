"""How the filters of a trace or session task are combined: ``(A AND B) OR NOT C``."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORD = re.compile(r"\(|\)|[A-Za-z0-9_]+|\S")
_OPERATORS = frozenset({"AND", "OR", "NOT", "(", ")"})


def matches_expression(expression: str, letters: Mapping[str, bool]) -> bool:
    """Whether a combination of filters holds.

    :param expression: names of filters with ``AND``, ``OR``, ``NOT`` and parentheses.
    :param letters: by name of a filter, whether it holds.
    :raises ValueError: it is no such expression.
    """
    words = _WORD.findall(expression)
    try:
        # In Python's own words, of which no other than these can be in it.
        python = (word.lower() if word.upper() in _OPERATORS else str(letters[word]) for word in words)
        return _holds(ast.parse(" ".join(python), mode="eval").body)
    except (KeyError, SyntaxError, TypeError) as error:
        raise ValueError(f"no combination of the filters {', '.join(letters)}: {expression!r}") from error


def _holds(part: ast.expr) -> bool:
    if isinstance(part, ast.BoolOp):
        found = [_holds(each) for each in part.values]
        return all(found) if isinstance(part.op, ast.And) else any(found)
    if isinstance(part, ast.UnaryOp):
        return not _holds(part.operand)
    if isinstance(part, ast.Constant):
        return bool(part.value)
    raise TypeError("a call or an empty tuple")
