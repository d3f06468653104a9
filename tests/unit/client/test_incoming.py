"""What a server sends comes in clean, or not at all."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.incoming import (
    MAX_DEPTH,
    Body,
    Gate,
    NotJsonError,
    RefusedReplyError,
    clean_text,
)

GATE = Gate()
SECRET = "ak-0123456789-secret"


def nested(levels: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * levels + closing * levels).encode()


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (rb'"half \ud83d emoji"', "half \ufffd emoji"),
        (rb'"half \uDE00 emoji"', "half \ufffd emoji"),
        (rb'"whole \ud83d\ude00 emoji"', "whole \U0001f600 emoji"),
        (rb'"NUL \u0000 inside"', "NUL \ufffd inside"),
        (rb'{"ke\u0000y \ud83d": [{"a": "\udfff"}]}', {"ke\ufffdy \ufffd": [{"a": "\ufffd"}]}),
        (rb'"escaped \u0041"', "escaped A"),
        (b'"bytes \xff\xfe that are no UTF-8"', "bytes \ufffd\ufffd that are no UTF-8"),
        (b'"a surrogate \xed\xa0\xbd as UTF-8"', "a surrogate \ufffd\ufffd\ufffd as UTF-8"),
        (b"\xef\xbb\xbf[1]", [1]),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"9223372036854775808", "9223372036854775808"),
        (b"-9223372036854775809", "-9223372036854775809"),
        (b'{"n": 340282366920938463463374607431768211455}', {"n": "340282366920938463463374607431768211455"}),
        (b"1" * 5000, "1" * 97 + "..."),
        (b"1e308", 1e308),
        (b"1e-999", 0.0),
        (b"[1, 1.5, true, null]", [1, 1.5, True, None]),
    ],
)
def test_cleaned(sent: bytes, read: object) -> None:
    value = GATE.read(sent)
    assert value == read
    assert type(value) is type(read)
    json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "sent", [b"NaN", b"[Infinity]", b'{"score": -Infinity}', b"1e999", b"[-1e+400]", b"9" * 400 + b".5"]
)
def test_numbers_that_are_none_are_refused(sent: bytes) -> None:
    with pytest.raises(RefusedReplyError, match="is no number") as caught:
        GATE.read(sent)
    assert not isinstance(caught.value, NotJsonError)


@pytest.mark.parametrize(
    "sent", [b"", b" ", b"<html>", b"{", b"[1,]", b"{'a': 1}", b"\x00", b"\xff\xfe[\x00]\x00", b"nul"]
)
def test_no_json(sent: bytes) -> None:
    with pytest.raises(NotJsonError, match="is no JSON"):
        GATE.read(sent)


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 150, 250, 5_000, 200_000])
@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("poison", [b"", rb'"\ud83d"'])
def test_nesting_is_bounded(levels: int, pair: tuple[str, str], poison: bytes) -> None:
    sent = pair[0].encode() * levels + (poison or b"1") + pair[1].encode() * levels
    with pytest.raises(RefusedReplyError, match=f"nested deeper than {MAX_DEPTH} levels"):
        GATE.read(sent)


def test_nesting_within_the_bound() -> None:
    value = GATE.read(nested(MAX_DEPTH))
    for _ in range(MAX_DEPTH - 1):
        (value,) = value
    assert value == []


def test_width_is_not_depth() -> None:
    assert len(GATE.read(b"[" + b"[[]]," * 500 + b"1]")) == 501


def test_secrets_are_masked_however_they_are_escaped() -> None:
    gate = Gate(secrets=(SECRET,))
    escaped = "".join(f"\\u{ord(each):04x}" for each in SECRET)
    for text in (SECRET, escaped, f"Bearer {SECRET}!"):
        assert SECRET not in str(gate.read(f'{{"detail": "{text}", "{text}": ["{text}"]}}'.encode()))
    assert gate.read(f'"Bearer {SECRET}!"'.encode()) == "Bearer ***!"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def storable(value: Any) -> bool:
    if isinstance(value, str):
        return clean_text(value) == value
    if isinstance(value, dict):
        return all(storable(key) and storable(item) for key, item in value.items())
    if isinstance(value, list):
        return all(storable(item) for item in value)
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@given(value=JSON, ascii_=st.booleans())
def test_whatever_comes_in_can_be_stored(value: Any, ascii_: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_).encode("utf-8", "surrogatepass")
    assert storable(GATE.read(body))


@given(value=JSON)
def test_what_is_clean_already_stays_as_it_is(value: Any) -> None:
    if storable(value):
        assert GATE.read(json.dumps(value).encode()) == value


@given(body=st.binary(max_size=60) | st.from_regex(rb'[\[\]{}",:0-9eE.+\-\\utrfalsn ]{0,60}', fullmatch=True))
def test_any_bytes_are_clean_json_or_refused(body: bytes) -> None:
    with suppress(RefusedReplyError):
        assert storable(GATE.read(body))


# ------------------------------------------------------------ compression and size


def through(encoding: str | None, data: bytes, *, max_bytes: int = 1 << 20, step: int = 1000) -> bytes:
    body = Gate(max_bytes=max_bytes).body(encoding)
    for at in range(0, len(data), step):
        body.feed(data[at : at + step])
    return body.finish()


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


TEXT = b'{"id": "r", "failure_reason": "' + b"x" * 9_000 + b'"}'


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        (None, TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("X-GZIP", gzip.compress(TEXT, mtime=0)),
        ("gzip", gzip.compress(TEXT[:50], mtime=0) + gzip.compress(TEXT[50:], mtime=0)),
        ("gzip", gzip.compress(TEXT, mtime=0) + b"trailing rubbish"),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        # Mislabelled: unpacked by a gateway that left the header as it was.
        ("gzip", TEXT),
        ("deflate", TEXT),
        ("deflate", gzip.compress(TEXT, mtime=0)),
        ("gzip", b""),
        ("gzip", b"1"),
    ],
)
def test_bodies(encoding: str | None, data: bytes, step: int) -> None:
    expected = data if len(data) < 2 else TEXT
    assert through(encoding, data, step=step) == expected


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip, br", "compress"])
def test_encodings_that_were_not_asked_for(encoding: str) -> None:
    with pytest.raises(RefusedReplyError, match="which was not asked for"):
        through(encoding, TEXT)


@pytest.mark.parametrize(
    ("encoding", "data", "message"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)[:-20], "ended half-way"),
        ("gzip", gzip.compress(TEXT, mtime=0)[:30] + b"\xff" * 30, "compression is broken"),
        ("gzip", b"\x1f\x8bno gzip at all", "compression is broken"),
        ("deflate", zlib.compress(TEXT)[:10], "ended half-way"),
    ],
)
def test_broken_compression(encoding: str, data: bytes, message: str) -> None:
    with pytest.raises(RefusedReplyError, match=message):
        through(encoding, data)


def test_a_bomb_is_noticed_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"\0" * (200 << 20), 9)
    tracemalloc.start()
    try:
        with pytest.raises(RefusedReplyError, match="is longer than 1 MiB"):
            through("gzip", bomb, step=len(bomb))
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_size_is_bounded_as_it_comes_in(encoding: str | None) -> None:
    data = b"x" * 2_000
    sent = gzip.compress(data) if encoding else data
    assert through(encoding, sent, max_bytes=2_000) == data
    with pytest.raises(RefusedReplyError, match="is longer than 1999 bytes"):
        through(encoding, sent, max_bytes=1_999)


@given(encoding=st.sampled_from(["gzip", "deflate", "identity"]), parts=st.lists(st.binary(max_size=20), max_size=6))
def test_any_bytes_are_a_body_or_refused(encoding: str, parts: list[bytes]) -> None:
    body = Body(encoding, 1_000)
    with suppress(RefusedReplyError):
        for part in parts:
            body.feed(part)
        assert len(body.finish()) <= 1_000
