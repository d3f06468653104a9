"""What an HTTP response means, or the lack of one: a reply, or one of this client's errors. Pure: no HTTP library.

The transports (``sync``, ``aio``) only move bytes and name what went wrong on the way.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

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
from airflow_provider_arize_tasks.client.incoming import Gate, NotJsonError, RefusedReplyError
from airflow_provider_arize_tasks.client.printable import masked, printable, without_userinfo

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.config import ClientConfig

T = TypeVar("T")

log = logging.getLogger(__name__)

_MAX_SHOWN = 300
_MAX_DETAIL = 2000
_MAX_REQUEST_ID = 100
#: What is added to a message about a request that may have taken effect.
_FATE_UNKNOWN = "; whether the request took effect is not known"
#: As much of a body as is looked at for a message.
_MAX_LOOKED_AT = 64 * 1024
#: No server means a longer pause; and a longer one would leave a run unwatched over its deadline.
MAX_RETRY_AFTER = 3600.0

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
#: Status codes that are given before a request is passed on, whoever gives them.
_NEVER_PASSED_ON = frozenset({407, 429})
_WAYS_OUT: Mapping[int, str] = {
    401: "the API key (the connection's password) is missing, wrong, expired or revoked",
    403: "the API key may not do this, or the plan does not include it",
    404: "it does not exist, or the API key may not read it (the server does not tell which)",
    407: "the proxy wants credentials: put them into the URLs of extra 'proxies'",
    429: "the server asks for fewer requests: lower extra 'max_requests_per_second' or poll less often",
}


@dataclass(frozen=True, kw_only=True)
class Response:
    """An HTTP response as the transports hand it over; ``headers`` has lower-case names, ``body`` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def interpret(config: ClientConfig, call: Call[T], response: Response, *, gate: Gate, attempt: int = 1) -> Reply[T]:
    """The reply a response holds.

    :param config: names the connection in messages.
    :param call: what was asked.
    :param response: what came back.
    :param gate: cleans what it holds.
    :param attempt: which attempt this answers; a DELETE that finds nothing on a later one has done its work before.
    :raises ArizeApiError: the server refused.
    :raises ArizeReplyError: the response is not one of the Arize API.
    """
    request_id = _request_id(config, response)
    level = logging.INFO if call.changes else logging.DEBUG
    log.log(
        level, "%s: %s %s -> %d, request id %s", call.what, call.method, call.path, response.status, request_id or "-"
    )
    if response.status < 200:
        raise _reply_error(config, call, request_id, f"only an interim response came ({response.status})")
    if call.method == "DELETE" and response.status == 404 and attempt > 1:
        log.info("%s: gone after an earlier attempt whose response was lost", call.what)
    elif not 200 <= response.status < 300:
        raise refusal(config, call, response, gate=gate)
    elif response.status != 204 and call.method != "DELETE":
        value = _read(config, call, response, gate)
        return Reply(value=value, server_time=http_date(response), request_id=request_id)
    try:
        value = call.read({})
    except ArizeReplyError as error:  # 204 where the API answers with an object
        message = f"the server answered nothing at all: {error}"
    else:
        return Reply(value=value, server_time=http_date(response), request_id=request_id)
    raise _reply_error(config, call, request_id, message)


def _read(config: ClientConfig, call: Call[T], response: Response, gate: Gate) -> T:
    # Errors are raised outside of the except clauses: what they replace may quote the body, secrets and all.
    try:
        return call.read(gate.read(response.body))
    except NotJsonError:
        message = f"the server answered {_shown_body(config, response)} instead of JSON; {_check_host(config)}"
    except RefusedReplyError as refused:
        message = f"the response can't be used: it {refused}"
    except ArizeReplyError as error:
        message = f"the response can't be used: {error}"
    raise _reply_error(config, call, _request_id(config, response), message)


def _reply_error(config: ClientConfig, call: Call[Any], request_id: str | None, message: str) -> ArizeReplyError:
    text = f"{config.label}: {call.what}: {_shown(config, message, 1000)}{_fate(call.changes)}{_tail(request_id)}"
    return ArizeReplyError(masked(text, config.secrets), outcome_unknown=call.changes)


def refused_body(config: ClientConfig, call: Call[Any], refused: RefusedReplyError) -> ArizeReplyError:
    """The error for a response whose body was not let in.

    :param config: names the connection.
    :param call: what was asked.
    :param refused: why not.
    """
    return _reply_error(config, call, None, f"the response can't be used: it {refused}")


def refusal(
    config: ClientConfig, call: Call[Any], response: Response, *, gate: Gate
) -> ArizeApiError | ArizeReplyError:
    """The error for a response that is no success.

    :param config: names the connection.
    :param call: what was asked.
    :param response: what came back, with whatever problem details (RFC 9457) it holds.
    :param gate: cleans what it holds.
    """
    if 300 <= response.status < 400:
        return _redirect(config, call, response)
    problem = _problem(response.body, gate)
    title, detail = _text(config, problem, "title"), _text(config, problem, "detail")
    request_id = _text(config, problem, "request_id", _MAX_REQUEST_ID) or _request_id(config, response)
    cause = ": ".join(part for part in (title, detail) if part) or _shown_body(config, response)
    is_page = problem is None and bool(response.body.strip())
    # A page is a gateway's answer, not the API's: what became of the request behind it is not known.
    is_open = response.status >= 500 or response.status in _GAVE_UP or is_page
    outcome_unknown = call.changes and is_open and response.status not in _NEVER_PASSED_ON
    way_out = _check_host(config) if is_page and response.status < 500 else _WAYS_OUT.get(response.status)
    text = (
        f"{config.label}: {call.what} was refused with {response.status} ({printable(cause, _MAX_SHOWN)})"
        + (f"; {way_out}" if way_out else "")
        + _plan(config, problem or {})
        + _fate(outcome_unknown)
        + _tail(request_id)
    )
    kind = _ERRORS.get(response.status) or (ArizeServerError if response.status >= 500 else ArizeApiError)
    return kind(
        masked(text, config.secrets),
        status=response.status,
        title=title,
        detail=detail,
        error_code=_text(config, problem, "error_code", _MAX_REQUEST_ID),
        request_id=request_id,
        retry_after=retry_after(response),
        outcome_unknown=outcome_unknown,
        is_page=is_page,
    )


def _redirect(config: ClientConfig, call: Call[Any], response: Response) -> ArizeReplyError:
    target = without_userinfo(response.headers.get("location", "nowhere")).split("?")[0].split("#")[0]
    text = (
        f"{config.label}: {call.what} was redirected ({response.status}) to {_shown(config, target, _MAX_SHOWN)};"
        " redirects are not followed with the API key. If that is where the API lives, put its host into the connection"
        f"{_tail(_request_id(config, response))}"
    )
    return ArizeReplyError(masked(text, config.secrets))


def retry_after(response: Response) -> float | None:
    """Seconds the server asks to wait (``Retry-After`` as seconds or as an HTTP date): from none to an hour.

    A date is told by the server's own ``Date``, so that clocks need not agree, else by ours.

    :param response: the response with its headers.
    """
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,9})?", text, re.ASCII):
        return min(float(text), MAX_RETRY_AFTER)
    until = _parse_http_date(text)
    if until is None:
        return None
    now = http_date(response) or datetime.now(timezone.utc)
    return min(max(0.0, (until - now).total_seconds()), MAX_RETRY_AFTER)


def http_date(response: Response) -> datetime | None:
    """The server's clock when it answered, in UTC, if it sent one."""
    return _parse_http_date(response.headers.get("date", ""))


@lru_cache(maxsize=64)  # it has whole seconds, and a triggerer gets many responses in each
def _parse_http_date(text: str) -> datetime | None:
    if len(text) > 60:
        return None
    try:
        moment = parsedate_to_datetime(text)
        # "-0000" parses as naive; HTTP dates are always GMT.
        return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _problem(body: bytes, gate: Gate) -> Mapping[str, Any] | None:
    """The JSON object in a body, empty for other JSON; ``None`` for what is no JSON."""
    try:
        data = gate.read(body)
    except RefusedReplyError:
        return None
    return data if isinstance(data, Mapping) else {}


def _text(config: ClientConfig, problem: Mapping[str, Any] | None, key: str, limit: int = _MAX_DETAIL) -> str | None:
    value = (problem or {}).get(key)
    return _shown(config, value, limit) or None if isinstance(value, str) else None


def _request_id(config: ClientConfig, response: Response) -> str | None:
    return _shown(config, response.headers.get("x-request-id", ""), _MAX_REQUEST_ID) or None


def _shown(config: ClientConfig, text: str, limit: int) -> str:
    """A server's text as it may be stored and shown: masked before it is cut."""
    return printable(masked(text, config.secrets), limit)


def _plan(config: ClientConfig, problem: Mapping[str, Any]) -> str:
    """What a 403 says of the plan's limits, on servers that say it."""
    keys = ("entitlement", "limit", "current_count", "required_plan")
    parts = [f"{key} {problem[key]}" for key in keys if key in problem]
    return f"; plan: {_shown(config, ', '.join(parts), _MAX_SHOWN)}" if parts else ""


def _shown_body(config: ClientConfig, response: Response) -> str:
    content_type = _shown(config, response.headers.get("content-type", "").split(";")[0], 80) or "no content type"
    if not response.body.strip():
        return f"an empty body, {content_type}"
    text = masked(response.body[:_MAX_LOOKED_AT].decode("utf-8", "replace"), config.secrets)[:4000]
    if "html" in content_type or text.lstrip()[:1] == "<":
        title = re.search(r"<title[^>]{0,200}>([^<]*)</title", text, re.IGNORECASE)
        text = title.group(1) if title else re.sub(r"<[^<>]*>", " ", text)
        return f"a web page, {printable(text, 120)!r}"
    return f"{content_type}, {printable(text, 120)!r}"


def _check_host(config: ClientConfig) -> str:
    return (
        f"check that {config.base_url} is the address of the Arize API (not of its UI)"
        " and no proxy or login page answers"
    )


def _fate(unknown: bool) -> str:
    return _FATE_UNKNOWN if unknown else ""


def _tail(request_id: str | None) -> str:
    return f" [request id {request_id}]" if request_id else ""


class Failure(Enum):
    """How a request can end without a response, and whether it surely never reached the server."""

    UNKNOWN_HOST = "unknown host"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect timeout"
    BROKE_OFF = "broke off while connecting"
    TLS = "tls"
    NO_TLS = "no tls"
    PROXY = "proxy"
    READ_TIMEOUT = "read timeout"
    TOTAL_TIMEOUT = "total timeout"
    DROPPED = "dropped"

    @property
    def surely_not_sent(self) -> bool:
        """Whether the request can't have had an effect."""
        return self not in (Failure.READ_TIMEOUT, Failure.TOTAL_TIMEOUT, Failure.DROPPED)


def no_response(config: ClientConfig, call: Call[Any], failure: Failure, reason: str = "") -> ArizeTransportError:
    """The error for a request that ended without a response.

    :param config: names the connection and its host.
    :param call: what was asked.
    :param failure: what went wrong.
    :param reason: more of it, in the words of the library below.
    """
    unknown = call.changes and not failure.surely_not_sent
    secrets = config.secrets
    reason = printable(masked(without_userinfo(reason), secrets), _MAX_SHOWN)
    text = f"{config.label}: {call.what}: {_explained(config, failure)}" + (f" ({reason})" if reason else "")
    kind = ArizeTlsError if failure in (Failure.TLS, Failure.NO_TLS) else ArizeTransportError
    return kind(masked(text + _fate(unknown), secrets), outcome_unknown=unknown)


def _explained(config: ClientConfig, failure: Failure) -> str:
    base = config.base_url
    texts = {
        Failure.UNKNOWN_HOST: (
            f"the host of {base} is not known; check the connection's host or extra 'region', and the network's DNS"
        ),
        Failure.REFUSED: (
            f"nothing accepts connections at {base}; check the connection's host and port, and that the server is up"
        ),
        Failure.CONNECT_TIMEOUT: (
            f"no connection to {base} within {config.connect_timeout:g} s;"
            " check host, port, firewall and extra 'proxies'"
        ),
        Failure.BROKE_OFF: (
            f"{base} broke the connection off before the request was sent; check that it speaks TLS on this port"
        ),
        Failure.TLS: (
            f"no trusted TLS connection to {base}; for a private certificate authority set extra 'verify' to the path"
            " of its CA bundle, for a server without TLS set the schema to 'http'"
        ),
        Failure.NO_TLS: (
            f"{base} does not speak TLS: something answers there in plain HTTP. If that is your server (the emulator,"
            f" a port-forward), write the host as {base.replace('https://', 'http://', 1)!r} or set the schema to"
            " 'http'; else correct host and port"
        ),
        Failure.PROXY: f"the proxy before {base} can't be used; check extra 'proxies' or HTTPS_PROXY and NO_PROXY",
        Failure.READ_TIMEOUT: (
            f"{base} sent nothing for {config.read_timeout:g} s;"
            " if it is only slow, raise extra 'timeout' of the connection"
        ),
        Failure.TOTAL_TIMEOUT: (
            f"{base} had not sent its whole response within {config.total_timeout:g} s, the most one request may take;"
            " if it is only slow, raise extra 'timeout' of the connection"
        ),
        Failure.DROPPED: f"{base} dropped the connection before its response was complete",
    }
    return texts[failure]
