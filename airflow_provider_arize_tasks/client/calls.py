"""One request of the Arize API as data: how its enums are spelled, how it goes out, what its reply tells. No I/O.

Servers up to the API of SDK 8.39 write and expect ``template_evaluation``; since 8.40 (July 2026) every enum is
``TEMPLATE_EVALUATION``. Both are read; which one is sent depends on the connection (``enum_case``), on what the server
has shown through the type of a fetched task (:class:`Dialect`), and else is upper case.
"""

from __future__ import annotations

import json
import logging
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from airflow_provider_arize_tasks import __version__
from airflow_provider_arize_tasks.client.errors import ArizeConfigError, ArizeInvalidRequestError
from airflow_provider_arize_tasks.client.incoming import ACCEPT_ENCODING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from airflow_provider_arize_tasks.client.config import ClientConfig, EnumCase

#: Keys whose text value is an enum, wherever they stand in a body (free-form parts are never entered).
ENUM_KEYS = frozenset({"type", "experiment_type", "role", "input_variable_format"})
#: Keys that lead to further enums; everything else (templates, mappings, tools) belongs to the author.
NESTED_KEYS = frozenset({"run_configuration", "messages", "tool_calls", "invocation_parameters", "response_format"})
QUERY_KEYS = frozenset({"type", "status"})

_SPELL: Mapping[EnumCase, Callable[[str], str]] = {"upper": str.upper, "lower": str.lower}


def case_of(text: object) -> EnumCase | None:
    """The case a text of the server shows, or ``None`` when it shows none."""
    shown = [case for case, spell in _SPELL.items() if isinstance(text, str) and text == spell(text)]
    return shown[0] if len(shown) == 1 else None


def _respelled(body: Any, spell: Callable[[str], str]) -> Any:
    """A copy of a body with its enums in another spelling; what the author wrote freely is left alone."""
    if isinstance(body, (list, tuple)):
        return [_respelled(item, spell) for item in body]
    if not isinstance(body, Mapping):
        return body
    spelled = dict(body)
    for key, value in body.items():
        if key in ENUM_KEYS and isinstance(value, str):
            spelled[key] = spell(value)
        elif key in NESTED_KEYS:
            spelled[key] = _respelled(value, spell)
    return spelled


T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """One request, ready to be sent, and how to read its reply.

    :param method: HTTP method.
    :param path: path from ``/v2`` on, ids percent-encoded.
    :param query: query parameters in order.
    :param body: JSON body; ``None`` sends none.
    :param read: turns parsed JSON into the reply; raises ``ArizeReplyError`` only.
    :param what: the request in words, for messages.
    :param repeatable: sending it twice does what sending it once does, although it is a POST.
    :param is_search: a POST that only asks, and changes nothing.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    read: Callable[[Any], T]
    what: str
    repeatable: bool = False
    is_search: bool = False

    @property
    def idempotent(self) -> bool:
        """Whether the request may be sent again after a failure that leaves its fate open."""
        return self.method != "POST" or self.repeatable or self.is_search

    @property
    def changes(self) -> bool:
        """Whether the request changes something on the server."""
        return self.method != "GET" and not self.is_search

    @cached_property
    def enums(self) -> frozenset[str]:
        """The enum values that are sent, in lower case. Triggering, polling, cancelling and deleting send none."""
        found = set()

        def note(value: str) -> str:
            found.add(value.lower())
            return value

        self._respelled(note)
        return frozenset(found)

    def spelled(self, case: EnumCase) -> Call[T]:
        """The same request with its enums in the given case."""
        return self._respelled(_SPELL[case])

    def _respelled(self, spell: Callable[[str], str]) -> Call[T]:
        query = tuple((key, spell(value) if key in QUERY_KEYS else value) for key, value in self.query)
        return replace(self, query=query, body=_respelled(self.body, spell))


@dataclass(frozen=True, kw_only=True)
class Reply(Generic[T]):
    """A reply with what its headers told.

    :param value: the reply as a typed object.
    :param server_time: the server's own clock (``Date`` header), UTC, whole seconds.
    :param request_id: the server's id of the request.
    """

    value: T
    server_time: datetime | None = None
    request_id: str | None = None


def path_of(*parts: str) -> str:
    """A path below ``/v2``; every part is percent-encoded with nothing left as it is, so that no id escapes its place.

    :raises ArizeConfigError: a part is empty or of dots only, which URL parsers would resolve to another path.
    """
    for part in parts:
        if part.strip() in ("", ".", ".."):
            raise ArizeConfigError(f"{part!r} is no id")
    return "/v2/" + "/".join(quote(part, safe="") for part in parts)


def query_of(**values: str | int | bool | None) -> tuple[tuple[str, str], ...]:
    """Query parameters; what is ``None`` is left out, truth values are lower-case."""
    return tuple(
        (key, str(value).lower() if isinstance(value, bool) else str(value))
        for key, value in values.items()
        if value is not None
    )


def url_of(config: ClientConfig, call: Call[Any]) -> str:
    """The whole URL; spaces in the query are ``%20``, as the vendor's own client writes them."""
    query = _encoded(call.query)
    return config.base_url + call.path + (f"?{query}" if query else "")


@lru_cache(maxsize=256)
def _encoded(query: tuple[tuple[str, str], ...]) -> str:
    return urlencode(query, quote_via=quote, safe="", errors="replace")


def headers_of(config: ClientConfig, call: Call[Any]) -> dict[str, str]:
    """All headers of a request. Those of the connection come first, so that they can't replace the client's own."""
    headers = dict(config.headers)
    if not any(name.lower() == "user-agent" for name in headers):
        headers["User-Agent"] = f"airflow-provider-arize-tasks/{__version__} python/{platform.python_version()}"
    headers["Authorization"] = f"Bearer {config.api_key}"
    headers["Accept"] = "application/json"
    headers["Accept-Encoding"] = ACCEPT_ENCODING
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def body_of(call: Call[Any]) -> bytes | None:
    """The JSON body as bytes, or ``None`` for none at all."""
    return None if call.body is None else json.dumps(call.body, allow_nan=False).encode()


log = logging.getLogger(__name__)


_FIELD = r"\b(?:type|status|role|experiment_type|input_variable_format)\b"
_FIELDS = re.compile(_FIELD)
#: How servers complain of a word that they don't know ...
_UNKNOWN_WORD = re.compile(
    r"\bone of\b|\boneof\b|discriminator|input should be|(?:allowed|permitted|valid) (?:values|choices|options)"
    r"|(?:unknown|invalid|unsupported|unexpected|unrecogni[sz]ed|bad) (?:value|type|status|role)|not a valid\b"
)
#: ... or of a field that holds one.
_BAD_FIELD = re.compile(
    _FIELD + r"\s*(?::|is|must|should)?\s*(?:be |a |an )*(?:invalid|not valid|unknown|unsupported)\b"
)


def refuses_enum(error: ArizeInvalidRequestError, sent: Iterable[str] = ()) -> bool:
    """Whether a refusal may be about the spelling of an enum. A refusal without a reason may be.

    Sent in the other case, whatever else was wrong would be refused again: so only what may be about it is sent twice.

    :param error: the refusal.
    :param sent: the enum values that were sent, in lower case.
    """
    if error.outcome_unknown:
        return False
    if not error.detail:
        return True
    words = _words(error)
    if re.search(r"\benum\b", words) or _BAD_FIELD.search(words):
        return True
    return bool(_UNKNOWN_WORD.search(words)) and (bool(_FIELDS.search(words)) or any(word in words for word in sent))


def _words(error: ArizeInvalidRequestError) -> str:
    return f"{error.title or ''} {error.detail or ''}".lower().replace("'", " ").replace('"', " ")


class Dialect:
    """What is known of one server's spelling; learns while a hook lives.

    :param case: the spelling the connection asks for, if it does.
    """

    def __init__(self, case: EnumCase | None = None) -> None:
        self._case = case

    @property
    def case(self) -> EnumCase:
        """The spelling to send."""
        return self._case or "upper"

    def learn(self, value: object) -> None:
        """Take over the spelling of a task or run the server sent (or of the first of a page)."""
        items = getattr(value, "items", ())
        if isinstance(items, tuple) and items:
            value = items[0]
        text = getattr(value, "type_text", None) or getattr(value, "status_text", None)
        self._case = case_of(text) or self._case

    def send(self, send: Callable[[Call[T]], T], call: Call[T]) -> T:
        """Send a call in the server's spelling, and once more in the other one when that was refused.

        A refused request has created nothing, so asking twice is safe.

        :param send: sends a call and returns its reply.
        :param call: the call with its enums in any case.
        :raises ArizeInvalidRequestError: refused in both; the one that is not about the spelling, if one isn't.
        """
        if not call.enums:
            value = send(call)
            self.learn(value)
            return value
        case = self.case
        try:
            value = send(call.spelled(case))
        except ArizeInvalidRequestError as refused:
            if not refuses_enum(refused, call.enums):
                raise
            log.debug("%s was refused with enums in %s case, trying the other: %s", call.what, case, refused)
            value = self._send_other(send, call, refused)
            log.info("The server wants enums in %s case; they are sent so from now on", self.case)
        self.learn(value)
        return value

    def _send_other(self, send: Callable[[Call[T]], T], call: Call[T], refused: ArizeInvalidRequestError) -> T:
        other: EnumCase = "lower" if self.case == "upper" else "upper"
        try:
            value = send(call.spelled(other))
        except ArizeInvalidRequestError as again:
            names_enum = [any(enum in _words(error) for enum in call.enums) for error in (refused, again)]
            if names_enum == [True, False]:
                self._case = other
                raise
            raise refused from None
        self._case = other
        return value
