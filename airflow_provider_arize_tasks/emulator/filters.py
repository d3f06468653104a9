"""Query filters: the part of Arize's filter language that the emulator understands.

``attributes.llm.model_name = 'gpt-4o' AND (latency_ms > 200 OR NOT status_code = 'OK')``: comparisons of a column with
a text, number, ``true``, ``false`` or ``null``; ``IN (...)``, ``IS NULL``, ``IS NOT NULL``, ``LIKE 'a%'``,
``CONTAINS``; ``AND``, ``OR``, ``NOT`` and parentheses. A column that an item lacks is null, and a comparison
with null is false.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from airflow_provider_arize_tasks.emulator.common import Refusal

Predicate = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.|'')*')|(?P<quoted>\"[^\"]*\"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))"
    r"|(?P<op><=|>=|!=|<>|==|=|<|>|\(|\)|,)|(?P<word>[A-Za-z_$][\w.$\-]*(?:\[[^\]]*\][\w.]*)*))"
)
_Compare = Callable[[Any, Any], bool]
_EQUAL: Mapping[str, _Compare] = {"=": eq, "==": eq, "!=": ne, "<>": ne}
_COMPARE: Mapping[str, _Compare] = {**_EQUAL, "<": lt, "<=": le, ">": gt, ">=": ge}
_DEEPEST, _LONGEST_PATTERN, _LONGEST_NUMBER = 50, 1000, 40
#: Characters of a ``LIKE`` pattern -> what ``fnmatch`` calls them; its patterns go through a text once.
_GLOB = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
_CONSTANTS = {"true": True, "false": False, "null": None}


def always(item: Mapping[str, Any]) -> bool:
    """The filter that lets everything pass."""
    return True


def parse_filter(text: str | None, where: str = "query_filter") -> Predicate:
    """A filter as a function of an item's columns.

    :param text: the filter; ``None`` or blank lets everything pass (:func:`check_filter` refuses a blank one).
    :param where: field name for the refusal.
    :raises Refusal: 400 for what can't be parsed.
    """
    if text is None or not text.strip():
        return always
    return _Parser(text, where).whole()


def check_filter(text: str | None, where: str) -> Predicate:
    """A filter of a request as a function of an item's columns.

    :raises Refusal: 400 for a blank one, and for what can't be parsed.
    """
    if text is not None and not text.strip():
        raise Refusal(400, f"{where}: must not be empty or whitespace-only; omit it to apply no filter")
    return parse_filter(text, where)


def parse_expression(text: str, letters: Mapping[str, bool], where: str = "query_filters.expression") -> bool:
    """The value of a boolean expression over filter letters, such as ``A AND (B OR NOT C)``.

    :param text: the expression.
    :param letters: value of each declared letter.
    :raises Refusal: 400 for what can't be parsed or for a letter that isn't declared.
    """
    return _Parser(text, where, letters=letters).whole()(letters)


def lookup(item: Mapping[str, Any], column: str) -> Any:
    """An item's value of a column, with or without the ``attributes.`` before its name."""
    if column in item:
        return item[column]
    if column.startswith("attributes."):
        return item.get(column[len("attributes.") :])
    return item.get(f"attributes.{column}")


class _Parser:
    """A recursive descent over the tokens; one method per level of precedence."""

    def __init__(self, text: str, where: str, letters: Mapping[str, bool] | None = None) -> None:
        self.where = where
        self.letters = letters
        self.tokens = self._split(text)
        self.position = 0
        self.depth = 0

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._refuse(f"unexpected {text[at : at + 20]!r}")
            kind = str(match.lastgroup)
            tokens.append((kind, match.group(kind)))
            at = match.end()
        return tokens

    def _refuse(self, why: str) -> Refusal:
        return Refusal(400, f"{self.where} could not be parsed: {why}")

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self.position += 1
        return token

    def _take(self, *words: str) -> bool:
        kind, value = self._peek()
        if kind in ("word", "op") and value.upper() in words:
            self.position += 1
            return True
        return False

    def whole(self) -> Predicate:
        predicate = self._alternatives()
        if self._peek()[0] != "end":
            raise self._refuse(f"unexpected {self._peek()[1]!r}")
        return predicate

    def _alternatives(self) -> Predicate:
        return self._joined("OR", self._conjunction, any)

    def _conjunction(self) -> Predicate:
        return self._joined("AND", self._negation, all)

    def _joined(self, word: str, parse: Callable[[], Predicate], over: Callable[[Iterable[bool]], bool]) -> Predicate:
        parts = [parse()]
        while self._take(word):
            parts.append(parse())
        return parts[0] if len(parts) == 1 else lambda item: over(part(item) for part in parts)

    def _negation(self) -> Predicate:
        if self._take("NOT"):
            inner = self._nested(self._negation)
            return lambda item: not inner(item)
        if self._take("("):
            inner = self._nested(self._alternatives)
            if not self._take(")"):
                raise self._refuse("a closing parenthesis is missing")
            return inner
        return self._comparison() if self.letters is None else self._letter()

    def _nested(self, parse: Callable[[], Predicate]) -> Predicate:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._refuse(f"it is nested more than {_DEEPEST} deep")
        inner = parse()
        self.depth -= 1
        return inner

    def _letter(self) -> Predicate:
        kind, value = self._next()
        if kind != "word" or self.letters is None or value not in self.letters:
            raise self._refuse(f"{value or 'the end'!r} is not a declared filter")
        return lambda item: bool(item[value])

    def _comparison(self) -> Predicate:
        kind, value = self._next()
        if kind not in ("word", "quoted"):
            raise self._refuse(f"expected a column, found {value or 'the end'!r}")
        column = value.strip('"`') if kind == "quoted" else value
        negated = self._take("NOT")
        predicate = self._condition(column)
        return (lambda item: not predicate(item)) if negated else predicate

    def _condition(self, column: str) -> Predicate:
        if self._take("IS"):
            wanted = not self._take("NOT")
            if not self._take("NULL"):
                raise self._refuse("expected NULL after IS")
            return lambda item: (lookup(item, column) is None) is wanted
        if self._take("IN"):
            values = self._values()
            return lambda item: lookup(item, column) in values
        if self._take("LIKE"):
            pattern = str(self._value())
            if len(pattern) > _LONGEST_PATTERN:
                raise self._refuse(f"a pattern of LIKE has at most {_LONGEST_PATTERN} characters")
            return _like_of(column, _like(pattern))
        if self._take("CONTAINS"):
            part = str(self._value())
            return lambda item: part in str(lookup(item, column) or "")
        kind, operator = self._next()
        if kind != "op" or operator not in _COMPARE:
            raise self._refuse(f"expected an operator after {column!r}, found {operator or 'the end'!r}")
        return _compare(column, operator, self._value())

    def _values(self) -> list[Any]:
        if not self._take("("):
            raise self._refuse("expected a list in parentheses after IN")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        if not self._take(")"):
            raise self._refuse("a closing parenthesis is missing")
        return values

    def _value(self) -> Any:
        kind, value = self._next()
        if kind == "text":
            return re.sub(r"\\(.)", r"\1", value[1:-1].replace("''", "'"))
        if kind == "quoted" and value.startswith('"'):
            return value[1:-1]
        if kind == "number":
            if len(value) > _LONGEST_NUMBER:
                raise self._refuse("a number is too long")
            return float(value) if "." in value else int(value)
        if kind == "word" and value.lower() in _CONSTANTS:
            return _CONSTANTS[value.lower()]
        raise self._refuse(f"expected a value, found {value or 'the end'!r}")


def _like_of(column: str, is_like: Callable[[str], object]) -> Predicate:
    """``LIKE`` on a column; on the name of a span it matches nothing, as users of Arize report."""

    def predicate(item: Mapping[str, Any]) -> bool:
        if column == "name" and "context.span_id" in item:
            return False
        return is_like(str(lookup(item, column) or "")) is not None

    return predicate


def _like(pattern: str) -> Callable[[str], object]:
    """A ``LIKE`` pattern as a function: ``%`` stands for any text, ``_`` for any character, all else for itself."""
    glob = "".join(_GLOB.get(character, character) for character in pattern)
    return re.compile(fnmatch.translate(glob)).match


def _compare(column: str, operator: str, wanted: Any) -> Predicate:
    compare = _COMPARE[operator]

    def predicate(item: Mapping[str, Any]) -> bool:
        value = lookup(item, column)
        if value is None or wanted is None:
            return False
        is_number = isinstance(value, (int, float)) and isinstance(wanted, (int, float))
        if not is_number and type(value) is not type(wanted):
            return operator in _EQUAL and compare(str(value), str(wanted))
        return compare(value, wanted)

    return predicate
