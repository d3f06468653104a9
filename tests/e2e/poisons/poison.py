"""What has stopped a triggerer somewhere, or would: replies to a look at a run, and how a task that meets one ends."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FAILED, COMPLETED = {"status": "FAILED"}, {"status": "COMPLETED"}
MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Poison:
    """One reply to a look at a run.

    :param body: makes the reply's bytes of the run as it is.
    :param status: of the reply.
    :param headers: of the reply, beside its type.
    :param ends: state of the task in the end.
    :param says: words of the message in its log; all of them.
    """

    body: Callable[[dict[str, Any]], bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    ends: str = "failed"
    says: tuple[str, ...] = ()


def fields(**changed: Any) -> Callable[[dict[str, Any]], bytes]:
    """The run with some fields changed, escaped where it isn't ASCII."""
    return lambda run: json.dumps({**run, **changed}).encode()


def written(marker: str, instead: bytes, **changed: Any) -> Callable[[dict[str, Any]], bytes]:
    """The run with bytes that no library would write in the place of a text."""
    return lambda run: fields(**changed)(run).replace(json.dumps(marker).encode(), instead)


@cache
def bomb() -> bytes:
    """64 MiB in 64 kB."""
    return gzip.compress(b'{"status": "FAILED", "failure_reason": "%s"}' % (b"x" * 64 * MIB), mtime=0)


def problem(status: int, **changed: Any) -> Poison:
    """A refusal in Arize's words, and in a few that are nobody's."""
    texts = {"title": "Forbidden \ud83d", "detail": "no\x00 rights\nERROR - forged \x1b[2J\udfff line", **changed}
    return Poison(
        status=status,
        body=lambda _: json.dumps({"status": status, **texts}).encode(),
        headers={"Content-Type": "application/problem+json"},
        says=(str(status), "rights ERROR - forged", "refused 3 looks"),
    )


POISONS = {
    "surrogate": Poison(
        body=fields(**FAILED, failure_reason="half \ud83d emoji"), says=("half \ufffd emoji", "FAILED")
    ),
    "surrogate-as-bytes": Poison(
        body=written("here", b'"half \xed\xa0\xbd emoji"', **FAILED, failure_reason="here"), says=("half \ufffd",)
    ),
    "surrogate-everywhere": Poison(
        body=fields(**COMPLETED, experiment_id="\ud83d", created_by_user_id="\udc00", more={"\ud83d": ["\udfff"]}),
        ends="success",
    ),
    "status": Poison(body=fields(status="PAU\ud83d\x00\x1b[31mSED"), says=("unknown to this release", "PAU\ufffd")),
    "nul": Poison(body=fields(**FAILED, failure_reason="cut\x00 off"), says=("cut\ufffd off", "FAILED")),
    "nan": Poison(body=fields(**COMPLETED, num_errors=float("nan")), says=("NaN, which is no number",)),
    "infinity": Poison(body=written("here", b"1e999", **COMPLETED, num_errors="here"), says=("out of range",)),
    "bigint": Poison(body=fields(**COMPLETED, num_successes=2**70, num_errors=-(2**64)), ends="success"),
    "digits": Poison(body=written("here", b"9" * 100_000, **COMPLETED, num_skipped="here"), ends="success"),
    "depth": Poison(
        body=written("here", b"[" * 200_000 + b"]" * 200_000, **COMPLETED, more="here"), says=("nested deeper",)
    ),
    "bomb": Poison(body=lambda _: bomb(), headers={"Content-Encoding": "gzip"}, says=("longer than 4 MiB",)),
    "megabytes": Poison(body=fields(**FAILED, failure_reason="far too long " * 250_000), says=("far too long",)),
    "too-many-megabytes": Poison(body=fields(**FAILED, failure_reason="x" * 5 * MIB), says=("longer than 4 MiB",)),
    "forged": Poison(
        body=fields(**FAILED, failure_reason="bad\n[2026-11-24] ERROR - all is lost\x1b[2J\u202e"),
        says=("bad [2026-11-24] ERROR - all is lost",),
    ),
    "problem": problem(403),
    "problem-in-numbers": problem(403, limit=2**70, entitlement={"n": 10**300, "\ud83d": None}),
}
