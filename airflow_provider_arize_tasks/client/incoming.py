"""The one gate through which everything that a server sends comes in: bytes in, clean JSON out. Pure, no I/O.

What passes it can be stored, logged and sent on by whoever gets it: no lone surrogate, no NUL, no number that is none
or that no database can hold, no nesting that crashes a copy, no more of it than was bargained for, no secret of ours.
A reply that can't be made so is refused as a whole.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from typing import Any

from airflow_provider_arize_tasks.client.printable import SHORTEST_IN_DATA, masked

MIB = 1024 * 1024
#: Most bytes of a reply after decompression: in a worker, and in a triggerer that many share.
MAX_BYTES = 128 * MIB
MAX_BYTES_IN_TRIGGERER = 4 * MIB
#: A reply longer than this is read in a thread of its own rather than on an event loop.
MAX_BYTES_ON_LOOP = 256 * 1024
#: Levels of lists and objects inside each other.
MAX_DEPTH = 100
#: Digits of an integer beyond 64 bits that are kept, as text.
MAX_DIGITS = 100
#: What is asked for, and so what may come.
ACCEPT_ENCODING = "gzip, deflate"

_INT64 = range(-(2**63), 2**63)
#: Escapes of surrogates, NUL and plain ASCII.
_ESCAPE = re.compile(rb"\\u(?:[dD][89a-fA-F]|00[0-7])")
#: Every digit a zero, so that what looks like a number beyond 64 bits is found by a plain search: a regular expression
#: for it takes several times as long as reading the JSON does.
_SHAPE = bytes.maketrans(b"123456789E", b"000000000e")
_SURROGATE_OR_NUL = re.compile("[\ud800-\udfff\x00]")


class RefusedReplyError(ValueError):
    """A reply that does not come in; the text says why, and quotes none of it."""


class NotJsonError(RefusedReplyError):
    """A reply that is no JSON at all: most likely not the API's."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """How much comes in, and what is masked in it.

    :param secrets: texts that must not come back in what a server sends.
    :param max_bytes: most bytes of a reply, after decompression.
    """

    secrets: tuple[str, ...] = ()
    max_bytes: int = MAX_BYTES

    def body(self, content_encoding: str | None) -> Body:
        """A body that is about to come in.

        :param content_encoding: the header, if any.
        :raises RefusedReplyError: an encoding that was not asked for.
        """
        return Body(content_encoding or "", self.max_bytes)

    def read(self, body: bytes) -> Any:
        """The JSON in a body, clean.

        :param body: all of it, decompressed.
        :raises RefusedReplyError: no JSON, or such that can't be made clean.
        """
        if not (_needs_a_closer_look(body) or any(secret.encode() in body for secret in self.secrets)):
            return _parsed(body)
        return _clean(_parsed_slowly(body), self.secrets)


def _needs_a_closer_look(body: bytes) -> bool:
    """Whether JSON may hold a surrogate, a NUL, escaped plain ASCII (a secret's, too) or a number beyond 64 bits."""
    if b"\x00" in body or (b"\\u" in body and _ESCAPE.search(body)):
        return True
    shape = body.translate(_SHAPE, b"+")
    return b"0" * 19 in shape or b"0e000" in shape


class Body:
    """The bytes of a reply as they come in, decompressed and counted on the way.

    A body that says it is compressed and isn't is taken as it is: some gateways unpack it and leave the header.

    :param content_encoding: the header's value.
    :param max_bytes: most bytes after decompression.
    """

    def __init__(self, content_encoding: str, max_bytes: int) -> None:
        kinds = [kind.strip().lower() for kind in content_encoding.split(",")]
        self._kinds = [kind for kind in kinds if kind not in ("", "identity")]
        if len(self._kinds) > 1 or not set(self._kinds) <= {"gzip", "x-gzip", "deflate"}:
            raise RefusedReplyError(f"is encoded as {content_encoding[:60]!r}, which was not asked for")
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._size = 0
        self._start = b""
        self._inflater: Any = None
        self._is_plain = not self._kinds

    def feed(self, part: bytes) -> None:
        """More of it.

        :raises RefusedReplyError: it is too long, or its compression is broken.
        """
        if self._is_plain:
            self._keep(part)
        elif self._inflater is None:
            self._start += part
            if len(self._start) >= 2:
                self._begin()
        elif self._inflater.eof:
            self._start += part
            if len(self._start) >= 2:
                self._begin_another()
        else:
            self._inflate(part)

    def finish(self) -> bytes:
        """All of it.

        :raises RefusedReplyError: its compression ended half-way.
        """
        if self._inflater is None and self._start:
            self._is_plain = True
            self._keep(self._start)
        if self._inflater is not None and not self._inflater.eof:
            raise RefusedReplyError("is compressed, and ended half-way")
        return b"".join(self._parts)

    def _begin(self) -> None:
        start, self._start = self._start, b""
        if start[:2] == b"\x1f\x8b":
            self._inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
        elif self._kinds == ["deflate"] and start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0:
            self._inflater = zlib.decompressobj()
        elif self._kinds == ["deflate"] and start[:1] not in b'{["ntf-0123456789 \t\r\n':
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        else:
            self._is_plain = True
            self._keep(start)
            return
        self._inflate(start)

    def _begin_another(self) -> None:
        """Another member of a gzip file, or what some servers append, which is passed over."""
        start, self._start = self._start, b""
        if start[:2] == b"\x1f\x8b":
            self._inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
            self._inflate(start)
        else:
            self._start = start[:1]

    def _inflate(self, part: bytes) -> None:
        while part and not self._inflater.eof:
            try:
                self._keep(self._inflater.decompress(part, self._max_bytes - self._size + 1))
            except zlib.error:
                raise RefusedReplyError("is compressed, and the compression is broken") from None
            part = self._inflater.unconsumed_tail
        if self._inflater.unused_data:
            self.feed(self._inflater.unused_data)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._max_bytes:
            limit = f"{self._max_bytes / MIB:g} MiB" if self._max_bytes >= MIB else f"{self._max_bytes} bytes"
            raise RefusedReplyError(f"is longer than {limit}")
        self._parts.append(part)


def _parsed(body: bytes) -> Any:
    """The usual way: no number too large, no escape to look after. pydantic's parser is the quickest there is."""
    from pydantic_core import from_json

    try:
        value = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        return _clean(_parsed_slowly(body))  # says what is wrong, and takes what the quick one doesn't
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    return value


def _parsed_slowly(body: bytes) -> Any:
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        return json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_refuse_constant)
    except RecursionError:
        raise RefusedReplyError(f"is nested deeper than {MAX_DEPTH} levels") from None
    except RefusedReplyError:
        raise
    except ValueError:
        raise NotJsonError("is no JSON") from None


def _integer(digits: str) -> int | str:
    """An integer; as text where 64 bits can't hold it, since databases, brokers and other languages can't either."""
    if len(digits) <= 20:
        value = int(digits)
        return value if value in _INT64 else digits
    return digits if len(digits) <= MAX_DIGITS else digits[: MAX_DIGITS - 3] + "..."


def _float(digits: str) -> float:
    value = float(digits)
    return value if abs(value) != float("inf") else _refuse_constant("a number out of range")


def _refuse_constant(word: str) -> Any:
    raise RefusedReplyError(f"holds {word}, which is no number")


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [each for each in level if isinstance(each, (dict, list))]:
        depth += 1
        if depth > MAX_DEPTH:
            raise RefusedReplyError(f"is nested deeper than {MAX_DEPTH} levels")
        level = [item for each in level for item in (each.values() if isinstance(each, dict) else each)]


def _clean(value: Any, secrets: tuple[str, ...] = ()) -> Any:
    """Parsed JSON with clean texts, keys included, and secrets masked; bounded in depth, so that recursion is safe."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, str):
            return masked(clean_text(value), secrets, shortest=SHORTEST_IN_DATA)
        if isinstance(value, dict):
            return {cleaned(key): cleaned(item) for key, item in value.items()}
        return [cleaned(item) for item in value] if isinstance(value, list) else value

    _check_depth(value)
    return cleaned(value)


def clean_text(text: str) -> str:
    """The text with ``U+FFFD`` in place of lone surrogates and NUL, neither of which can be stored or sent.

    :param text: any text, such as a header's value or what was parsed from JSON.
    """
    return _SURROGATE_OR_NUL.sub("\ufffd", text)
