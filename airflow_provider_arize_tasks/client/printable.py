"""Text of a server as a person may see it: in a log, a message, a terminal, a page."""

from __future__ import annotations

import re
import unicodedata

#: How long a piece of a server's text may be in a message.
DEFAULT_LIMIT = 500

#: Sequences that a terminal obeys: colours, cursor, titles, links. Told apart so that their letters go with them.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, clearing
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c|$)"  # OSC: titles, links
    r"|\x1b[ -/]*[0-~]"  # the rest, two or three characters long
)
#: Controls, formats (bidi overrides, zero-width characters, tags), surrogates, private use, line separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
#: Format characters that writing systems and emoji need; alone they neither hide nor reorder anything.
_NEEDED = frozenset({"\u200c", "\u200d"})
_PLAIN = re.compile(r"[ -~]*")
_BLANKS = re.compile(r"\s+")


def printable(text: object, limit: int = DEFAULT_LIMIT) -> str:
    """One line of text that shows as what it is: no control characters, line breaks, escapes or bidi overrides.

    So a server's text can't forge a log line, clear a terminal, or look like something else. Blanks of any kind, line
    breaks included, become one space; what can't be shown is left out, a lone surrogate becomes ``U+FFFD``.

    :param text: the text, or any object, whose ``str`` is taken.
    :param limit: most characters of the outcome; a longer text is cut and ends in ``...``. Default 500.
    :return: the line; it may be empty.
    """
    raw = text if isinstance(text, str) else str(text)
    # Nothing beyond this can show, and a text of megabytes need not be gone through.
    raw = raw[: 8 * limit + 8192]
    if not _PLAIN.fullmatch(raw):
        raw = "".join(map(_shown, _ESCAPES.sub("", raw)))
    line = _BLANKS.sub(" ", raw).strip()
    if len(line) <= limit:
        return line
    return line[: max(limit - 3, 0)].rstrip() + "..."[: max(limit, 0)]


def _shown(char: str) -> str:
    if char in " \t\n\r\v\f\x85\u2028\u2029\x1c\x1d\x1e\x1f":
        return " "
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    return "" if char not in _NEEDED and unicodedata.category(char) in _HIDDEN else char
