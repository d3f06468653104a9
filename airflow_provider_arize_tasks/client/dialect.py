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
    from collections.abc import Callable

    from airflow_provider_arize_tasks.client.calls import Call
    from airflow_provider_arize_tasks.client.config import EnumCase

log = logging.getLogger(__name__)

T = TypeVar("T")

_ENUM_WORDS = re.compile(
    r"\b(enum|one of|discriminator|oneof|type|status|role|experiment_type|input_variable_format)\b"
)


def refuses_enum(error: ArizeInvalidRequestError) -> bool:
    """Whether a refusal may be about the spelling of an enum. A refusal without a reason may be."""
    return not error.detail or bool(_ENUM_WORDS.search(_words(error)))


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
            if not refuses_enum(refused):
                raise
            log.info("%s was refused with enums in %s case, trying the other: %s", call.what, case, refused)
            value = self._send_other(send, call, refused)
        self.learn(value)
        return value

    def _send_other(self, send: Callable[[Call[T]], T], call: Call[T], refused: ArizeInvalidRequestError) -> T:
        other = other_case(self.case)
        try:
            value = send(call.spelled(other))
        except ArizeInvalidRequestError as again:
            enums = _enums(call.body) | {value.lower() for key, value in call.query if key in QUERY_KEYS}
            names_enum = [any(enum in _words(error) for enum in enums) for error in (refused, again)]
            if names_enum == [True, False]:
                self._case = other
                raise
            raise refused from None
        self._case = other
        return value
