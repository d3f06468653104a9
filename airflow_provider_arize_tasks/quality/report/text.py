"""Text that a model or a user wrote, as a page may show it: visible characters only, of bounded length, by the word."""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Texts of examples are cut after this many characters.
MAX_TEXT = 4_000
#: Texts of more words than this are not compared.
MAX_WORDS = 600
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_KEPT = frozenset("\n\t\u200c\u200d")
_PLAIN = re.compile(r"[ -~\n\t]*")
_WORDS = re.compile(r"\s+|[^\W_]+|.", re.DOTALL)
_HIDDEN_COLUMNS = ("id", "created_at", "updated_at", "annotations")


def visible(text: object, limit: int = MAX_TEXT) -> str:
    """Text with its line breaks, without anything that hides, reorders or controls; cut where it is long.

    :param text: the text, or any object, whose ``str`` is taken.
    :param limit: most characters shown. Default 4,000.
    """
    raw = text if isinstance(text, str) else str(text)
    cut, more = raw[:limit], len(raw) - limit
    cut = cut.replace("\r\n", "\n").replace("\r", "\n")
    if not _PLAIN.fullmatch(cut):
        cut = "".join(char if char in _KEPT else _shown(char) for char in cut)
    return f"{cut}\n... {more} more characters" if more > 0 else cut


def _shown(char: str) -> str:
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    return "" if unicodedata.category(char) in _HIDDEN else char


def word_changes(before: str, after: str) -> list[tuple[str, str]]:
    """What became of a text, by the word.

    :param before: the text before.
    :param after: the text now.
    :return: pieces in order, each with ``same``, ``gone`` or ``new``; empty where the texts are too long or have little
        in common, so that a comparison would only confuse.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if not old or not new or max(len(old), len(new)) > MAX_WORDS:
        return []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < 0.3:
        return []
    pieces: list[tuple[str, str]] = []
    for kind, start, end, begin, stop in matcher.get_opcodes():
        if kind == "equal":
            pieces.append(("same", "".join(old[start:end])))
            continue
        if end > start:
            pieces.append(("gone", "".join(old[start:end])))
        if stop > begin:
            pieces.append(("new", "".join(new[begin:stop])))
    return pieces


def input_of(columns: Mapping[str, Any]) -> str:
    """An example's own columns as one text.

    :param columns: all of its columns.
    """
    own = {name: value for name, value in columns.items() if name not in _HIDDEN_COLUMNS and value not in (None, "")}
    texts = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        for name, value in own.items()
    }
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "\n".join(f"{name}: {text[:MAX_TEXT]}" for name, text in texts.items())


def for_markdown(text: object, limit: int = 200) -> str:
    """Text of others within Markdown: one line that is nothing but text.

    :param text: the text.
    :param limit: most characters.
    """
    line = " ".join(visible(text, limit).split())
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~@:-])", r"\\\1", line)
