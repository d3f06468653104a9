"""One request of the Arize API as data, and what its reply tells: no I/O, nothing of a particular endpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.client.spelling import has_enums, spell_body, spell_query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from airflow_provider_arize_tasks.client.config import EnumCase

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

    @property
    def has_enums(self) -> bool:
        """Whether the request sends enums, so that their spelling matters."""
        return has_enums(self.query, self.body)

    def spelled(self, case: EnumCase) -> Call[T]:
        """The same request with its enums in the given case."""
        body = None if self.body is None else spell_body(self.body, case)
        return replace(self, query=spell_query(self.query, case), body=body)


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
