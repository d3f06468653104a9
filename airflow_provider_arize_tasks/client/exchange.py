"""What both transports share: the request as it goes out, and what its answer, or the lack of one, means.

Pure: no I/O, no HTTP library. The transports (``sync``, ``aio``) only move bytes and name what went wrong.
"""

from __future__ import annotations

import json
import logging
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from airflow_provider_arize_tasks import __version__
from airflow_provider_arize_tasks.client.calls import Call, Reply
from airflow_provider_arize_tasks.client.errors import (
    ArizeApiError,
    ArizeAuthenticationError,
    ArizeConflictError,
    ArizeInvalidRequestError,
    ArizeNotFoundError,
    ArizePermissionError,
    ArizeRateLimitError,
    ArizeReplyError,
    ArizeServerError,
    ArizeTlsError,
    ArizeTransportError,
)

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.config import ClientConfig

T = TypeVar("T")

log = logging.getLogger(__name__)

#: A body longer than this is not read: no page of the API comes near it.
MAX_BODY_BYTES = 128 * 1024 * 1024
_MAX_SHOWN = 300
#: User and password in a URL.
_CREDENTIALS = re.compile(r"(?<=://)\S*@")

_ERRORS: Mapping[int, type[ArizeApiError]] = {
    400: ArizeInvalidRequestError,
    401: ArizeAuthenticationError,
    403: ArizePermissionError,
    404: ArizeNotFoundError,
    # A gateway's own: it gave up on the server, or would not pass the request on just now.
    408: ArizeServerError,
    425: ArizeServerError,
    409: ArizeConflictError,
    422: ArizeInvalidRequestError,
    429: ArizeRateLimitError,
}
#: Status codes below 500 by which a gateway says no more than that it gave up on the request.
_GAVE_UP = frozenset({408, 425})
_WAYS_OUT: Mapping[int, str] = {
    401: "the API key (the connection's password) is missing, wrong, expired or revoked",
    403: "the API key may not do this, or the plan does not include it",
    404: "it does not exist, or the API key may not read it (the server does not tell which)",
    407: "the proxy wants credentials: put them into the URLs of extra 'proxies'",
    429: "the server asks for fewer requests: lower extra 'max_requests_per_second' or poll less often",
}


class Failure(Enum):
    """How a request can end without an answer, and whether it surely never reached the server."""

    UNKNOWN_HOST = "unknown host"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect timeout"
    BROKE_OFF = "broke off while connecting"
    TLS = "tls"
    PROXY = "proxy"
    READ_TIMEOUT = "read timeout"
    DROPPED = "dropped"

    @property
    def surely_not_sent(self) -> bool:
        """Whether the request can't have had an effect."""
        return self not in (Failure.READ_TIMEOUT, Failure.DROPPED)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer as the transports hand it over; ``headers`` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def url_of(config: ClientConfig, call: Call[Any]) -> str:
    """The whole URL; spaces in the query are ``%20``, as the vendor's own client writes them."""
    query = _encoded(call.query)
    return config.base_url + call.path + (f"?{query}" if query else "")


@lru_cache(maxsize=256)
def _encoded(query: tuple[tuple[str, str], ...]) -> str:
    return urlencode(query, quote_via=quote, safe="")


def headers_of(config: ClientConfig, call: Call[Any]) -> dict[str, str]:
    """All headers of a request. Those of the connection come first, so that they can't replace the client's own."""
    headers = dict(config.headers)
    if not any(name.lower() == "user-agent" for name in headers):
        headers["User-Agent"] = f"airflow-provider-arize-tasks/{__version__} python/{platform.python_version()}"
    headers["Authorization"] = f"Bearer {config.api_key}"
    headers["Accept"] = "application/json"
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def body_of(call: Call[Any]) -> bytes | None:
    """The JSON body as bytes, or ``None`` for none at all."""
    return None if call.body is None else json.dumps(call.body, allow_nan=False).encode()


def interpret(config: ClientConfig, call: Call[T], answer: Answer, *, attempt: int = 1) -> Reply[T]:
    """The reply an answer holds.

    :param config: names the connection in messages.
    :param call: what was asked.
    :param answer: what came back.
    :param attempt: which attempt this answers; a DELETE that finds nothing on a later one has done its work before.
    :raises ArizeApiError: the server refused.
    :raises ArizeReplyError: the answer is not one of the Arize API.
    """
    request_id = answer.headers.get("x-request-id") or None
    level = logging.INFO if call.changes else logging.DEBUG
    log.log(
        level, "%s: %s %s -> %d, request id %s", call.what, call.method, call.path, answer.status, request_id or "-"
    )
    if call.method == "DELETE" and answer.status == 404 and attempt > 1:
        log.info("%s: gone after an earlier attempt whose answer was lost", call.what)
    elif not 200 <= answer.status < 300:
        raise refusal(config, call, answer)
    elif answer.status == 204 or call.method == "DELETE":
        pass
    else:
        return Reply(value=_read(config, call, answer), server_time=http_date(answer), request_id=request_id)
    try:
        value = call.read({})
    except ArizeReplyError as error:  # 204 where the API answers with an object
        raise _reply_error(config, call, answer, f"the server answered nothing at all: {error}") from error
    return Reply(value=value, server_time=http_date(answer), request_id=request_id)


def _read(config: ClientConfig, call: Call[T], answer: Answer) -> T:
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        message = f"the server answered {_shown_body(answer)} instead of JSON; {_check_host(config)}"
        raise _reply_error(config, call, answer, message) from error
    try:
        return call.read(data)
    except ArizeReplyError as error:
        raise _reply_error(config, call, answer, f"the answer can't be used: {error}") from error


def _reply_error(config: ClientConfig, call: Call[Any], answer: Answer, message: str) -> ArizeReplyError:
    request_id = answer.headers.get("x-request-id")
    text = f"{config.label}: {call.what}: {message}{_fate(call.changes)}{_tail(request_id)}"
    return ArizeReplyError(_without_secrets(config, text), outcome_unknown=call.changes)


def refusal(config: ClientConfig, call: Call[Any], answer: Answer) -> ArizeApiError | ArizeReplyError:
    """The error for an answer that is no success.

    :param config: names the connection.
    :param call: what was asked.
    :param answer: what came back, with whatever problem details (RFC 9457) it holds.
    """
    if 300 <= answer.status < 400:
        return _redirect(config, call, answer)
    problem = _problem(answer.body)
    title, detail = _text(problem, "title"), _text(problem, "detail")
    request_id = _text(problem, "request_id") or answer.headers.get("x-request-id") or None
    cause = ": ".join(part for part in (title, detail) if part) or _shown_body(answer)
    is_page = not problem and "html" in answer.headers.get("content-type", "")
    # A page is a gateway's answer, not the API's: what became of the request behind it is not known.
    outcome_unknown = call.changes and (answer.status >= 500 or answer.status in _GAVE_UP or is_page)
    way_out = _WAYS_OUT.get(answer.status)
    if is_page and answer.status < 500:
        way_out = _check_host(config)
    text = (
        f"{config.label}: {call.what} was refused with {answer.status} ({_shortened(cause)})"
        + (f"; {way_out}" if way_out else "")
        + _plan(problem)
        + _fate(outcome_unknown)
        + _tail(request_id)
    )
    kind = _ERRORS.get(answer.status) or (ArizeServerError if answer.status >= 500 else ArizeApiError)
    return kind(
        _without_secrets(config, text),
        status=answer.status,
        title=title,
        detail=detail,
        error_code=_text(problem, "error_code"),
        request_id=request_id,
        retry_after=retry_after(answer),
        outcome_unknown=outcome_unknown,
    )


def _redirect(config: ClientConfig, call: Call[Any], answer: Answer) -> ArizeReplyError:
    target = answer.headers.get("location", "nowhere").split("?")[0][:_MAX_SHOWN]
    text = (
        f"{config.label}: {call.what} was redirected ({answer.status}) to {target}; redirects are not followed with the"
        " API key. If that is where the API lives, put its host into the connection"
        f"{_tail(answer.headers.get('x-request-id'))}"
    )
    return ArizeReplyError(_without_secrets(config, text))


def no_answer(config: ClientConfig, call: Call[Any], failure: Failure, reason: str = "") -> ArizeTransportError:
    """The error for a request that ended without an answer.

    :param config: names the connection and its host.
    :param call: what was asked.
    :param failure: what went wrong.
    :param reason: more of it, in the words of the library below.
    """
    unknown = call.changes and not failure.surely_not_sent
    text = f"{config.label}: {call.what}: {_explained(config, failure)}"
    if reason:
        # A proxy of the environment is none of the connection's secrets, and may be quoted with its password.
        text += f" ({_shortened(_CREDENTIALS.sub('***@', reason))})"
    text = _without_secrets(config, text + _fate(unknown))
    kind = ArizeTlsError if failure is Failure.TLS else ArizeTransportError
    return kind(text, outcome_unknown=unknown)


def _explained(config: ClientConfig, failure: Failure) -> str:
    base = config.base_url
    if failure is Failure.UNKNOWN_HOST:
        return f"the host of {base} is not known; check the connection's host or extra 'region', and the network's DNS"
    if failure is Failure.REFUSED:
        return f"nothing accepts connections at {base}; check the connection's host and port, and that the server is up"
    if failure is Failure.CONNECT_TIMEOUT:
        return (
            f"no connection to {base} within {config.connect_timeout:g} s;"
            " check host, port, firewall and extra 'proxies'"
        )
    if failure is Failure.BROKE_OFF:
        return f"{base} broke the connection off before the request was sent; check that it speaks TLS on this port"
    if failure is Failure.TLS:
        return (
            f"no trusted TLS connection to {base}; for a private certificate authority set extra 'verify' to the path"
            " of its CA bundle, for a server without TLS set the schema to 'http'"
        )
    if failure is Failure.PROXY:
        return f"the proxy before {base} can't be used; check extra 'proxies' or HTTPS_PROXY and NO_PROXY"
    if failure is Failure.READ_TIMEOUT:
        return (
            f"{base} sent nothing for {config.read_timeout:g} s;"
            " if it is only slow, raise extra 'timeout' of the connection"
        )
    return f"{base} dropped the connection before its answer was complete"


def retry_after(answer: Answer, now: datetime | None = None) -> float | None:
    """Seconds the server asks to wait (``Retry-After`` as seconds or as an HTTP date), never negative.

    :param answer: the answer with its headers.
    :param now: the time now; by default the server's own ``Date``, so that clocks need not agree, else ours.
    """
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return float(text)
    until = _parse_http_date(text)
    if until is None:
        return None
    now = now or http_date(answer) or datetime.now(timezone.utc)
    return max(0.0, (until - now).total_seconds())


def http_date(answer: Answer) -> datetime | None:
    """The server's clock when it answered, in UTC, if it sent one."""
    return _parse_http_date(answer.headers.get("date", ""))


@lru_cache(maxsize=64)  # it has whole seconds, and a triggerer gets many answers in each
def _parse_http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        # "-0000" parses as naive; HTTP dates are always GMT.
        return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _problem(body: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, Mapping) else {}


def _text(problem: Mapping[str, Any], key: str) -> str | None:
    value = problem.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _plan(problem: Mapping[str, Any]) -> str:
    """What a 403 says of the plan's limits, on servers that say it."""
    parts = [
        f"{key} {problem[key]}" for key in ("entitlement", "limit", "current_count", "required_plan") if key in problem
    ]
    return f"; plan: {', '.join(parts)[:_MAX_SHOWN]}" if parts else ""


def _shown_body(answer: Answer) -> str:
    content_type = answer.headers.get("content-type", "").split(";")[0].strip() or "no content type"
    if not answer.body.strip():
        return f"an empty body, {content_type}"
    text = answer.body[:4000].decode("utf-8", "replace")
    if "html" in content_type or text.lstrip()[:1] == "<":
        title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
        text = title.group(1) if title else re.sub(r"<[^>]*>", " ", text)
        return f"a web page, {_shortened(text, 120)!r}"
    return f"{content_type}, {_shortened(text, 120)!r}"


def _shortened(text: str, limit: int = _MAX_SHOWN) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _check_host(config: ClientConfig) -> str:
    return (
        f"check that {config.base_url} is the address of the Arize API (not of its UI)"
        " and no proxy or login page answers"
    )


def _fate(unknown: bool) -> str:
    return "; whether the request took effect is not known" if unknown else ""


def _tail(request_id: str | None) -> str:
    return f" [request id {request_id[:100]}]" if request_id else ""


def _without_secrets(config: ClientConfig, text: str) -> str:
    for secret in config.secrets:
        if len(secret) >= 4:  # masking a shorter text would blank out parts of ordinary words
            text = text.replace(secret, "***")
    return text
