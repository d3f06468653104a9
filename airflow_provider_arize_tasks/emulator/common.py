"""What every part of the emulator needs: the clock, ids, times as text, and refusals."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FIRST_MS, _LAST_MS = -2_208_988_800_000, 9_214_646_400_000


class Refusal(Exception):  # noqa: N818 -- an answer of the API, not an error of the emulator
    """The API refuses a request.

    :param status: HTTP status code.
    :param detail: the specific cause, sent as ``detail`` of the problem document.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass
class Clock:
    """The server's own clock, in milliseconds since the epoch.

    :ivar offset_ms: how far it runs ahead of the machine's clock; for tests of clients that must not trust theirs.
    :ivar skew_ms: how far it is off besides, as the weather says.
    :ivar frozen_ms: where it stands still, ``offset_ms`` not counted; ``None`` lets it run. A frozen clock makes every
        reply the same from one test run to the next.
    """

    offset_ms: int = 0
    skew_ms: int = 0
    frozen_ms: int | None = None

    def now_ms(self) -> int:
        """Now, in milliseconds since the epoch."""
        return self.unskewed_ms() + self.skew_ms

    def unskewed_ms(self) -> int:
        """Now by a clock that the weather does not put wrong."""
        running = int(time.time() * 1000) if self.frozen_ms is None else self.frozen_ms
        return running + self.offset_ms


def make_id(kind: str, number: int) -> str:
    """An id as Arize makes them: base64 of ``Kind:number:salt``.

    :param kind: resource kind, such as ``TaskRun``.
    :param number: number of the resource among its kind.
    """
    salt = base64.b64encode(hashlib.sha256(f"{kind}:{number}".encode()).digest()[:3], altchars=b"xz").decode()
    return base64.b64encode(f"{kind}:{number}:{salt}".encode()).decode()


def is_id(value: str) -> bool:
    """Whether a text has the form of an id: strict base64 of a text with a colon."""
    try:
        return ":" in base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return False


def iso(ms: int | None) -> str | None:
    """Milliseconds since the epoch as the API writes times: RFC 3339 in UTC, with milliseconds and ``Z``."""
    if ms is None:
        return None
    moment = _EPOCH + timedelta(milliseconds=ms)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def parse_time(value: Any, where: str) -> int:
    """A time of a request in milliseconds since the epoch; without an offset it is read as UTC.

    :param value: an RFC 3339 text.
    :param where: field name for the refusal.
    """
    if not isinstance(value, str) or len(value) < len("2026-01-01T00:00"):
        raise Refusal(400, f"{where} must be an RFC 3339 date-time")
    text = f"{value[:-1]}+00:00" if value.endswith(("Z", "z")) else value
    try:
        # Python 3.10 reads a fraction of a second where it has six digits.
        moment = datetime.fromisoformat(re.sub(r"\.([0-9]*)", lambda digits: f".{digits[1][:6]:0<6}", text, count=1))
    except ValueError:
        raise Refusal(400, f"{where} must be an RFC 3339 date-time, got {value!r}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return in_range((moment - _EPOCH) // timedelta(milliseconds=1), where)


def in_range(ms: int, where: str) -> int:
    """A time that can be written, in milliseconds since the epoch.

    :raises Refusal: 400 for one before 1900 or after 2261.
    """
    if not _FIRST_MS <= ms <= _LAST_MS:
        raise Refusal(400, f"{where} must be between the years 1900 and 2261")
    return ms


def parse_strict_time(value: Any, where: str) -> int:
    """A time of an API request: like :func:`parse_time`, but one without an offset is refused.

    :param value: an RFC 3339 text.
    :param where: field name for the refusal.
    :raises Refusal: 400 for what is no time, 422 for a time without an offset.
    """
    ms = parse_time(value, where)
    clock = value[len("2026-01-01") :]
    if not (clock.endswith(("Z", "z")) or "+" in clock or "-" in clock):
        # Assumes "naive-time-is-422", which a certificate asks about.
        raise Refusal(422, f"Invalid ISO datetime: {where} has no offset from UTC: {value!r}")
    return ms


def unit_hash(*parts: object) -> float:
    """A number in the open interval (0, 1) that depends on the parts alone; the emulator's only source of chance."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**64
