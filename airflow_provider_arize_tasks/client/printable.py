"""Text as anybody may see it, in a log, a message, a terminal, a page: without secrets, and showing as what it is."""

from __future__ import annotations

import base64
import json
import re
import textwrap
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies

if TYPE_CHECKING:
    from collections.abc import Iterable

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
#: Where a message may go on in the next line: after a full stop before a capital, and after a semicolon.
_SENTENCE_END = re.compile(r"(?<=[.]) (?=[A-Z])|(?<=;) ")
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


#: Characters that a log pane shows of a line.
_LINE = 180


def lines_that_fit(text: str) -> list[str]:
    """A message as it is where it fits into a line of a log pane, else :func:`in_short_lines`."""
    return [text] if len(text) <= _LINE else in_short_lines(text)


def in_short_lines(text: str) -> list[str]:
    """A message in lines that fit a log pane: a line a sentence or half-sentence, cut between words if need be.

    :param text: the message, in one line.
    :return: the lines; together they say all of the message.
    """
    lines: list[str] = []
    for part in _SENTENCE_END.split(text):
        if lines and lines[-1].count("(") > lines[-1].count(")"):  # the end was within brackets
            lines[-1] = f"{lines[-1]} {part}"
        else:
            lines.append(part)
    return [piece for line in lines for piece in textwrap.wrap(line, _LINE) if line]


def _shown(char: str) -> str:
    if char in " \t\n\r\v\f\x85\u2028\u2029\x1c\x1d\x1e\x1f":
        return " "
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    return "" if char not in _NEEDED and unicodedata.category(char) in _HIDDEN else char


MASK = "***"
#: A shorter secret is not masked: it would blank out parts of ordinary words.
SHORTEST = 4
#: In what a server sends as data, only a text that no author writes by chance is masked: a proxy's user name may be an
#: ordinary word of somebody's data set.
SHORTEST_IN_DATA = 12
#: User and password in a URL, whosever they are.
_USERINFO = re.compile(r"(?<=://)[^\s/?#@]*(?:@[^\s/?#@]*)*@")


def credentials_of(urls: Iterable[str]) -> set[str]:
    """User names and passwords in URLs, as they are written there, decoded, and as a ``Basic`` header sends them.

    Very short ones are left out: whoever masks them would blank out parts of ordinary words.

    :param urls: URLs, well-formed or not.
    """
    found: set[str] = set()
    for url in urls:
        try:
            parts = urlsplit(url if "://" in url else f"//{url}")
            user, password = parts.username or "", parts.password or ""
        except ValueError:  # a malformed one is quoted in messages all the same
            user, _, password = url.rpartition("@")[0].rpartition("//")[2].partition(":")
        found |= {user, unquote(user), password, unquote(password)}
        if user or password:
            pair = f"{unquote(user)}:{unquote(password)}".encode()
            found.add(base64.b64encode(pair).decode())
    return {text for text in found if len(text) >= SHORTEST}


def environment_credentials() -> set[str]:
    """User names and passwords of the proxies that the environment names."""
    return credentials_of(url for scheme, url in getproxies().items() if scheme != "no")


@lru_cache(maxsize=64)
def _pattern(secrets: tuple[str, ...], shortest: int) -> re.Pattern[str] | None:
    forms: set[str] = set()
    for secret in secrets:
        if len(secret) >= shortest:
            forms |= {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], secret.replace("/", "\\/")}
    if not forms:
        return None
    return re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))


def masked(text: str, secrets: tuple[str, ...], *, shortest: int = SHORTEST) -> str:
    """The text with ``***`` in place of each secret, also where it is percent-encoded or escaped as in JSON.

    :param text: whole, not yet cut: of a secret that was cut nothing could be found.
    :param secrets: what to look for.
    :param shortest: shorter secrets are left alone.
    """
    pattern = _pattern(secrets, shortest)
    return text if pattern is None else pattern.sub(MASK, text)


def without_userinfo(text: str) -> str:
    """The text with ``***`` in place of user and password of any URL in it."""
    return _USERINFO.sub(f"{MASK}@", text)
