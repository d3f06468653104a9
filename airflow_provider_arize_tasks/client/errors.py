"""The errors of the Arize client.

One small tree. Every class answers two questions for its caller: can the same call succeed later without anybody
changing anything (``retryable``), and may the request have taken effect on the server although no good answer came
back (``outcome_unknown``; only ever true for requests that change something).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def _rebuild(kind: type[ArizeError], message: str, state: Mapping[str, Any]) -> ArizeError:
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(state)
    return error


class ArizeError(Exception):
    """Root of every error this provider raises about Arize.

    :param message: what happened, for the person on call.
    :param outcome_unknown: the request may have reached the server and taken effect all the same.
    """

    #: Whether the same call may succeed later without a change of configuration.
    retryable: ClassVar[bool] = False

    def __init__(self, message: str = "", *, outcome_unknown: bool = False) -> None:
        super().__init__(message)
        self.outcome_unknown = outcome_unknown

    def __reduce__(self) -> tuple[Callable[..., ArizeError], tuple[Any, ...]]:
        """Errors cross process borders with all they carry."""
        return _rebuild, (type(self), str(self), dict(self.__dict__))


class ArizeConfigError(ArizeError):
    """The connection or an argument is wrong; a retry can't cure it."""


class ArizeValidationError(ArizeConfigError, ValueError):
    """Arguments that the server would refuse, found before the request was sent.

    :param problems: every problem found, each naming its argument.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class ArizeNameError(ArizeConfigError):
    """A name matches nothing, or several things. The message lists the near ones."""


class ArizeTransportError(ArizeError):
    """No usable answer came back."""

    retryable = True


class ArizeTlsError(ArizeTransportError):
    """No trusted TLS connection. The request was not sent; a retry meets the same certificate."""

    retryable = False


class ArizeReplyError(ArizeError):
    """The server answered with something that is not the Arize API (HTML, no JSON, no object): here, shortened."""


class ArizeApiError(ArizeError):
    """The server refused a request (RFC 9457 problem details, as far as it sent them).

    :param message: what was refused and why, for the person on call.
    :param status: HTTP status code.
    :param title: stable title of the error class, if any.
    :param detail: the specific cause, if any.
    :param error_code: machine-readable subtype, if any.
    :param request_id: the server's id of the request, from the body or the ``x-request-id`` header, if any.
    :param retry_after: seconds the server asked to wait, if it did.
    :param outcome_unknown: the request may have taken effect all the same (a 5xx after a POST).
    :param is_page: the answer was not the API's own but, most likely, a gateway's page.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        title: str | None = None,
        detail: str | None = None,
        error_code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        outcome_unknown: bool = False,
        is_page: bool = False,
    ) -> None:
        super().__init__(message, outcome_unknown=outcome_unknown)
        self.is_page = is_page
        self.status = status
        self.title = title
        self.detail = detail
        self.error_code = error_code
        self.request_id = request_id
        self.retry_after = retry_after


class ArizeInvalidRequestError(ArizeApiError):
    """400 or 422: the server found the request malformed or refused its content."""


class ArizeAuthenticationError(ArizeApiError):
    """401: the API key is missing, wrong, expired or revoked."""


class ArizePermissionError(ArizeApiError):
    """403: the key may read but not do this, or the plan doesn't include it."""


class ArizeNotFoundError(ArizeApiError):
    """404: missing, or not readable with this key (the server deliberately doesn't tell which)."""


class ArizeConflictError(ArizeApiError):
    """409: the name is taken, or the resource is in another state."""


class ArizeRateLimitError(ArizeApiError):
    """429: too many requests. A refused request has taken no effect."""

    retryable = True


class ArizeServerError(ArizeApiError):
    """5xx, 408, 425: the server or a gateway before it failed, or gave up on the request."""

    retryable = True
