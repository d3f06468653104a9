"""Upper or lower case: the one place that knows how servers spell enums.

Servers up to the API of SDK 8.39 write and expect ``template_evaluation``; since 8.40 (July 2026) every enum is
``TEMPLATE_EVALUATION``. Both are read; which one is sent depends on the connection (``enum_case``), on what the server
has shown through the type of a fetched task, and else is upper case.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_arize_tasks.client.errors import ArizeInvalidRequestError
from airflow_provider_arize_tasks.client.spelling import ENUM_KEYS, NESTED_KEYS, QUERY_KEYS, case_of, other_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_arize_tasks.client.calls import Call
    from airflow_provider_arize_tasks.client.config import EnumCase

log = logging.getLogger(__name__)

T = TypeVar("T")

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


def _enums(body: Any) -> set[str]:
    """The enum values in a body, in lower case."""
    if isinstance(body, (list, tuple)):
        return {text for item in body for text in _enums(item)}
    if not isinstance(body, Mapping):
        return set()
    own = {value.lower() for key, value in body.items() if key in ENUM_KEYS and isinstance(value, str)}
    return own.union(*(_enums(value) for key, value in body.items() if key in NESTED_KEYS))


def _sent(call: Call[Any]) -> set[str]:
    """The enum values of a request, in lower case."""
    return _enums(call.body) | {value.lower() for key, value in call.query if key in QUERY_KEYS}


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
        if not call.has_enums:
            value = send(call)
            self.learn(value)
            return value
        case = self.case
        try:
            value = send(call.spelled(case))
        except ArizeInvalidRequestError as refused:
            if not refuses_enum(refused, _sent(call)):
                raise
            log.debug("%s was refused with enums in %s case, trying the other: %s", call.what, case, refused)
            value = self._send_other(send, call, refused)
            log.info("The server wants enums in %s case; they are sent so from now on", self.case)
        self.learn(value)
        return value

    def _send_other(self, send: Callable[[Call[T]], T], call: Call[T], refused: ArizeInvalidRequestError) -> T:
        other = other_case(self.case)
        try:
            value = send(call.spelled(other))
        except ArizeInvalidRequestError as again:
            names_enum = [any(enum in _words(error) for enum in _sent(call)) for error in (refused, again)]
            if names_enum == [True, False]:
                self._case = other
                raise
            raise refused from None
        self._case = other
        return value
