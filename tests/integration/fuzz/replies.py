"""Replies of every kind of server, good, bad and hostile; and a server that sends them byte by byte as they are."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import zlib
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

KEY = "ak-secret-of-the-fuzzer"
RUN_ID = "VGFza1J1bjoxOmE="
TASK_ID = "VGFzazoxOmE="

#: What has harmed somebody somewhere: half an emoji, NUL, bidi overrides, forged log lines, terminal escapes, markup.
POISON = [
    "\ud83d",
    "half \ude00 emoji",
    "NUL\x00",
    "\u202egnp.exe",
    "fine\nERROR - forged line",
    "a\r\nSet-Cookie: b",
    "\x1b[2J\x1b]0;title\x07",
    "<script>alert(1)</script>",
    "{{ var.value.secret }}",
    "../../etc/passwd",
    f"Bearer {KEY}",
    "x" * 3000,
    "\u2028\u2029\x85",
    "' OR 1=1 --",
    "%s %d {} {0}",
]
TEXTS = st.sampled_from(POISON) | st.text(st.characters(codec=None), max_size=20)
NUMBERS = (
    st.integers()
    | st.sampled_from([2**63, -(2**63) - 1, 2**70, 10**400, 1e308, -1, 0])
    | st.floats(allow_nan=True, allow_infinity=True)
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=6,
)
TIMES = st.sampled_from(["2026-11-22T10:00:00Z", "2026-11-22T12:00:00.123456789+02:00", "2026", "9" * 30, "soon", ""])
STATUSES = st.sampled_from(["PENDING", "RUNNING", "completed", "COMPLETED", "FAILED", "CANCELLED", "PAUSED"])

_RUN_FIELDS = {
    "id": st.just(RUN_ID) | TEXTS,
    "task_id": st.just(TASK_ID) | TEXTS,
    "status": STATUSES | TEXTS,
    "experiment_id": TEXTS,
    "data_start_time": TIMES,
    "data_end_time": TIMES,
    "created_at": TIMES,
    "num_successes": st.integers(0, 9),
    "num_errors": NUMBERS,
    "num_skipped": st.integers(0, 9) | TEXTS,
    "failure_reason": TEXTS,
}
_TASK_FIELDS = {
    "id": st.just(TASK_ID) | TEXTS,
    "name": TEXTS,
    "type": st.sampled_from(["TEMPLATE_EVALUATION", "run_experiment", "NEW"]) | TEXTS,
    "evaluators": st.lists(st.dictionaries(st.sampled_from(["evaluator_id", "query_filter"]), VALUES), max_size=3),
    "run_configuration": VALUES,
    "project_id": TEXTS,
}
ROW_FIELDS = {
    "id": TEXTS,
    "example_id": TEXTS,
    "output": TEXTS,
    "error": TEXTS,
    "eval.correct.score": NUMBERS | TEXTS,
    "eval.correct.label": TEXTS,
    "eval.tone.v2": VALUES,
    "evaluations": VALUES,
}


def record(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """An object with some of these fields, some of them of another type than they should be, and others beside."""
    others = {name: value for name, value in fields.items() if name != "id"}
    some = st.fixed_dictionaries({"id": fields["id"]}, optional=others)
    strange = st.dictionaries(st.sampled_from(sorted(fields)) | TEXTS, VALUES, max_size=2)
    return st.builds(lambda one, other: {**one, **other}, some, strange) | some


def page(key: str, fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """A page of such objects."""
    pagination = st.fixed_dictionaries(
        {}, optional={"has_more": st.booleans() | VALUES, "next_cursor": st.none() | TEXTS | VALUES}
    )
    return st.fixed_dictionaries(
        {key: st.lists(record(fields), max_size=3)}, optional={"pagination": pagination | VALUES}
    )


PROBLEMS = st.fixed_dictionaries(
    {},
    optional={
        "title": TEXTS | VALUES,
        "detail": TEXTS | VALUES,
        "request_id": TEXTS,
        "error_code": TEXTS,
        "limit": VALUES,
        "entitlement": VALUES,
    },
)
DOCUMENTS = {
    "run": record(_RUN_FIELDS),
    "runs": page("task_runs", _RUN_FIELDS),
    "task": record(_TASK_FIELDS),
    "rows": page("experiment_runs", ROW_FIELDS),
}

HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "Date", "X-Request-Id", "Content-Type", "Location", "Set-Cookie", "Server"]),
    st.sampled_from(
        [
            b"",
            b"9" * 30,
            b"-1",
            b"Fri, 31 Dec 9999 23:59:59 GMT",
            b"Sun, 06 Nov 1994 08:49:37 -9999",
            b"application/problem+json",
            b"text/html; charset=evil",
            b"\xff\xfe\xed\xa0\xbd",
            b"http://user:word@evil.example/\x1b[31m",
            KEY.encode(),
            b"\x7f\x01 control",
        ]
    )
    | st.binary(max_size=12).map(lambda value: value.replace(b"\r", b"").replace(b"\n", b"")),
    max_size=3,
)
STATUS_LINES = st.sampled_from(
    [b"HTTP/1.1 200 OK"] * 12
    + [b"HTTP/1.1 %d Whatever" % code for code in (201, 204, 102, 301, 302, 400, 401, 403, 404, 407, 408, 409)]
    + [b"HTTP/1.1 %d Whatever" % code for code in (418, 422, 425, 429, 500, 502, 503, 504, 599, 600, 999)]
    + [b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/9.9 200 OK", b"HTTP/1.1 abc", b"ICY 200 OK", b""]
)


def json_of(value: Any, ascii_: bool, cut: int | None) -> bytes:
    """A value as JSON bytes.

    :param ascii_: escape what isn't ASCII; else half characters go out as bytes that are no UTF-8.
    :param cut: percent of it that are kept; all for ``None``.
    """
    try:
        body = json.dumps(value, ensure_ascii=ascii_).encode("utf-8", "surrogatepass")
    except ValueError:  # an integer with more digits than Python writes
        body = b'{"id": ' + b"7" * 5000 + b"}"
    return body if cut is None else body[: len(body) * cut // 100]


def _packed(body: bytes, how: str) -> tuple[bytes, bytes]:
    """A body and the lines of its header."""
    if how == "gzip":
        return gzip.compress(body, mtime=0), b"Content-Encoding: gzip\r\n"
    if how == "deflate":
        return zlib.compress(body), b"Content-Encoding: deflate\r\n"
    if how == "broken":
        return gzip.compress(body, mtime=0)[:-6], b"Content-Encoding: gzip\r\n"
    if how == "mislabelled":
        return body, b"Content-Encoding: gzip\r\n"
    return body, b"Content-Encoding: br\r\n" if how == "br" else b""


def _framed(body: bytes, how: str) -> tuple[bytes, bytes]:
    """A body as it goes over the wire, and the lines of its header."""
    if how == "exact":
        return body, b"Content-Length: %d\r\n" % len(body)
    if how == "too long":
        return body, b"Content-Length: %d\r\n" % (len(body) + 7)
    if how == "too short":
        return body, b"Content-Length: %d\r\n" % max(len(body) - 3, 0)
    if how == "no number":
        return body, b"Content-Length: many\r\n"
    if how == "chunked":
        return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), b"Transfer-Encoding: chunked\r\n"
    if how == "bad chunks":
        return b"zz\r\n" + body, b"Transfer-Encoding: chunked\r\n"
    return body, b""


_NO_JSON = st.sampled_from([b"<html><title>Sign \x1b[31m in</title>", b"", b"[" * 3000, b"null"]) | st.binary()
USUAL = ["exact"] * 8
RESPONSES_RAW = st.binary(max_size=80)


@st.composite
def responses(draw: st.DrawFn, kind: str) -> bytes:
    """A whole HTTP response as bytes.

    :param kind: which of :data:`DOCUMENTS` it most likely holds.
    """
    if draw(st.integers(0, 19)) == 0:
        return draw(RESPONSES_RAW)
    body = json_of(
        draw(DOCUMENTS[kind] | PROBLEMS | VALUES), draw(st.booleans()), draw(st.none() | st.none() | st.integers(0, 99))
    )
    if draw(st.integers(0, 9)) == 0:
        body = draw(
            st.sampled_from([b"<html><title>Sign \x1b[31m in</title>", b"", b"[" * 3000, b"null"]) | st.binary()
        )
    body, encoding = _packed(
        body, draw(st.sampled_from(["plain"] * 6 + ["gzip", "deflate", "broken", "mislabelled", "br"]))
    )
    body, framing = _framed(
        body, draw(st.sampled_from([*USUAL, "too long", "too short", "no number", "chunked", "bad chunks", "none"]))
    )
    headers = b"".join(b"%s: %s\r\n" % (name.encode(), value) for name, value in draw(HEADERS).items())
    return b"%s\r\n%s%s%s\r\n%s" % (draw(STATUS_LINES), headers, encoding, framing, body)


class ByteServer:
    """Sends the same bytes to whoever asks, and hangs up."""

    def __init__(self) -> None:
        self.response = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(5)
                self._read(connection)
                connection.sendall(self.response)
                connection.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _read(connection: socket.socket) -> None:
        got = b""
        while b"\r\n\r\n" not in got:
            part = connection.recv(65536)
            if not part:
                return
            got += part
        head, _, body = got.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                missing = int(line.split(b":")[1]) - len(body)
                while missing > 0:
                    missing -= len(connection.recv(65536)) or missing
