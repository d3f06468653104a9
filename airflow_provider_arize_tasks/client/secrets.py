"""What must never be read by anybody in a text, and how it is taken out."""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies

if TYPE_CHECKING:
    from collections.abc import Iterable

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
