"""What the client needs to know of the server, read from the fields of an Airflow connection.

Nothing here needs Airflow: plain values go in, a frozen :class:`ClientConfig` comes out.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.client.fields import (
    FieldError,
    as_bool,
    as_mapping,
    as_number,
    as_text,
    is_blank,
    nearest,
)
from airflow_provider_arize_tasks.client.printable import credentials_of, environment_credentials

T = TypeVar("T")
EnumCase = Literal["upper", "lower"]

log = logging.getLogger(__name__)

DEFAULT_BASE_URL = "https://api.arize.com"
DEFAULT_APP_URL = "https://app.arize.com"
DEFAULT_CONNECT_TIMEOUT = 10.0
DEFAULT_READ_TIMEOUT = 60.0

#: Headers the client sets itself; a connection may not replace them.
RESERVED_HEADERS = frozenset({"authorization", "content-type", "accept", "host", "content-length", "transfer-encoding"})

_REGION = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._\-]*[A-Za-z0-9.])?")


@dataclass(frozen=True, kw_only=True)
class ClientConfig:
    """How to reach one Arize server.

    :param base_url: scheme, host, port and path prefix before ``/v2/...``, without a slash at the end.
    :param api_key: sent as a bearer token; never part of a repr or a message.
    :param space: default space (name or id) where names are looked up.
    :param organization: id of the organization, for links into the Arize UI.
    :param app_url: address of the Arize UI; from the host, for servers that aren't Arize's own, where it isn't given.
    :param connect_timeout: seconds to wait for a connection.
    :param read_timeout: seconds to wait for the server's next bytes.
    :param verify: whether TLS certificates are checked, or the path of a CA bundle to check them with.
    :param proxies: proxy URL per scheme; ``None`` takes them from the environment (``HTTPS_PROXY``, ``NO_PROXY``).
    :param headers: additional headers of every request.
    :param enum_case: spelling of enums in requests; ``None`` is upper case until the server shows otherwise.
    :param max_requests_per_second: limit that this client keeps by itself; ``None`` is no limit.
    :param conn_id: id of the Airflow connection, for messages.
    """

    base_url: str
    api_key: str = field(repr=False)
    space: str | None = None
    organization: str | None = None
    app_url: str = DEFAULT_APP_URL
    connect_timeout: float = DEFAULT_CONNECT_TIMEOUT
    read_timeout: float = DEFAULT_READ_TIMEOUT
    verify: bool | str = True
    proxies: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    enum_case: EnumCase | None = None
    max_requests_per_second: float | None = None
    conn_id: str | None = None

    @property
    def label(self) -> str:
        """The connection as messages name it."""
        return f"connection {self.conn_id!r}" if self.conn_id else "the connection"

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that a request may carry, longest first.

        The key, values of extra headers, user names and passwords of proxies; of the environment's proxies, too, unless
        the connection has its own. Worked out once, like the proxy: going through the environment takes longer than the
        rest of a request, and each reply is searched for these.
        """
        found = {self.api_key, *self.headers.values()}
        found |= environment_credentials() if self.proxies is None else credentials_of(self.proxies.values())
        return tuple(sorted((text for text in found if text), key=len, reverse=True))

    @property
    def total_timeout(self) -> float:
        """Seconds that one request may take from the first byte sent to the last one read, headers included."""
        return self.connect_timeout + 5 * self.read_timeout

    @property
    def risks(self) -> tuple[str, ...]:
        """What whoever reads the log should know: settings under which others could read the API key."""
        risks = []
        if self.verify is False:
            risks.append(f"{self.label}: extra 'verify' is false, so anyone in between can read the API key")
        parts = urlsplit(self.base_url)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            risks.append(f"{self.label}: {self.base_url} is not encrypted, so anyone in between can read the API key")
        return tuple(risks)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself. ``127.evil.example`` is a name like any other.

    :param host: a name or an address, without port.
    """
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _is_arizes(host: str) -> bool:
    """Whether a host belongs to Arize's own cloud."""
    name = host.lower().rstrip(".")
    return name == "arize.com" or name.endswith(".arize.com")


class _Fields:
    """Reads one field after the other and remembers what is wrong with each."""

    def __init__(self, conn_id: str | None, extra: Mapping[str, Any]) -> None:
        self.label = f"connection {conn_id!r}" if conn_id else "the connection"
        self.extra = extra
        self.problems: list[str] = []

    def wrong(self, name: str, why: str) -> None:
        self.problems.append(f"{name} {why}")

    def read(self, name: str, convert: Callable[[Any], T]) -> T | None:
        value = self.extra.get(name)
        if is_blank(value):
            return None
        try:
            return convert(value)
        except FieldError as error:
            self.wrong(f"extra {name!r}", str(error))
            return None

    def finish(self) -> None:
        if self.problems:
            raise ArizeConfigError(f"{self.label}: " + "; ".join(self.problems))


def config_from_fields(
    *,
    conn_id: str | None,
    password: str | None,
    host: str | None,
    port: int | str | None,
    schema: str | None,
    extra: Mapping[str, Any],
) -> ClientConfig:
    """Build the configuration from the fields of a connection.

    :param conn_id: id of the connection, for messages.
    :param password: the API key.
    :param host: a bare name or a full URL; empty means Arize's own cloud.
    :param port: port of a bare host.
    :param schema: ``http`` or ``https`` (default) for a bare host.
    :param extra: the connection's extra; values may be text, as a form gives them.
    :return: the configuration.
    :raises ArizeConfigError: names the connection and every field that is wrong.
    """
    fields = _Fields(conn_id, extra)
    warn_of_unknown_extras(fields.label, extra)
    api_key = _api_key(fields, password)
    base_url = _base_url(fields, host, port, schema)
    given: dict[str, Any] = {"app_url": _ui_of(base_url), **(fields.read("timeout", _timeouts) or {})}
    for name, convert in _READERS.items():
        if (value := fields.read(name, convert)) is not None:
            given[name] = value
    fields.finish()
    return ClientConfig(base_url=base_url, api_key=api_key, conn_id=conn_id, **given)


def warn_of_unknown_extras(label: str, extra: Mapping[str, Any]) -> None:
    """Log keys of the extra that mean nothing here; a typo would otherwise go unnoticed.

    :param label: the connection as the message should name it.
    :param extra: the connection's extra.
    """
    for key in extra:
        if key in EXTRA_KEYS:
            continue
        near = nearest(key, EXTRA_KEYS)
        hint = f"; did you mean {near!r}?" if near else ""
        log.warning("%s: extra %r means nothing to this provider%s", label, key, hint)


def _api_key(fields: _Fields, password: str | None) -> str:
    key = (password or "").strip()
    if not key:
        fields.wrong("password", "is empty: put the Arize API key there")
    elif key.lower().startswith("bearer "):
        fields.wrong("password", "must be the API key alone, without 'Bearer'")
    elif not (key.isascii() and key.isprintable()) or " " in key:
        fields.wrong("password", "holds characters that no API key has (spaces, line breaks or non-ASCII ones)")
    return key


def _base_url(fields: _Fields, host: str | None, port: int | str | None, schema: str | None) -> str:
    region = fields.read("region", _region)
    host = (host or "").strip()
    port_number = _port(fields, port)
    scheme = (schema or "").strip().lower()
    if scheme not in ("", "http", "https"):
        fields.wrong("schema", f"must be 'http' or 'https', not {schema!r}")
        scheme = ""
    if host and region:
        fields.wrong("host", "and extra 'region' exclude each other: a region is a host of Arize's own cloud")
        return ""
    if host:
        return _url_of_host(fields, host, port_number, scheme)
    if port_number is not None:
        fields.wrong("port", "is given without a host")
    if scheme == "http":
        fields.wrong("schema", "'http' needs a host: the key is not sent to Arize's cloud unencrypted")
    return f"https://api.{region}.arize.com" if region else DEFAULT_BASE_URL


def _port(fields: _Fields, port: int | str | None) -> int | None:
    if port is None or is_blank(port):
        return None
    try:
        number = int(port)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if not 0 <= number <= 65535:
        fields.wrong("port", f"must be a number up to 65535, not {port!r}")
        return None
    return number or None


def _url_of_host(fields: _Fields, host: str, port: int | None, schema: str) -> str:
    text = host if "://" in host else f"{schema or 'https'}://{host}"
    parts = _split_url(text)
    if isinstance(parts, str):
        fields.wrong("host", f"{parts}; give a bare name (arize.example.com) or a URL (https://arize.example.com)")
        return ""
    if "://" in host and schema and parts.scheme != schema:
        fields.wrong("schema", f"{schema!r} contradicts the host, which says {parts.scheme!r}")
    if parts.port and port and parts.port != port:
        fields.wrong("port", f"{port} contradicts the host, which says {parts.port}")
    if parts.scheme == "http" and _is_arizes(parts.hostname or ""):
        fields.wrong(
            "host", "is Arize's own cloud, where the key is never sent unencrypted: write https:// or no scheme"
        )
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    number = parts.port or port
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{name}" + (f":{number}" if number else "") + path.removesuffix("/v2")


def _split_url(text: str) -> SplitResult | str:
    """The parts of an http(s) URL without credentials and query, or what is wrong with it."""
    try:
        parts = urlsplit(text)
        host, _port_is_valid = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https"):
        return f"has the scheme {parts.scheme!r}, only http and https are spoken"
    if parts.username is not None or parts.password is not None:
        return "must not hold credentials"
    if parts.query or parts.fragment:
        return "must not hold a query or a fragment"
    if not host or not (_HOST.fullmatch(host) or ":" in host):
        return "holds no valid host name"
    if re.search(r"[\s\x00-\x1f\\%]", parts.path):
        return "has a path with characters that are not allowed"
    return parts


def _region(value: Any) -> str:
    region = as_text(value).lower()
    if len(region) > 40 or not _REGION.fullmatch(region):
        raise FieldError(
            "must be letters, digits and single hyphens, such as 'eu-west-1a', 'ca-central-1a', 'us-central-1a'"
        )
    return region


def _app_url(value: Any) -> str:
    text = as_text(value).rstrip("/")
    parts = _split_url(text)
    if isinstance(parts, str):
        raise FieldError(f"{parts}; give the address of the Arize UI, such as {DEFAULT_APP_URL!r}")
    return text


def _ui_of(base_url: str) -> str:
    """Where the UI of a server most likely is, when nobody said: beside the API, and never at somebody else's."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if not host or _is_arizes(host):
        return DEFAULT_APP_URL
    if host.startswith("api."):
        return f"{parts.scheme}://app.{host.removeprefix('api.')}" + (f":{parts.port}" if parts.port else "")
    return f"{parts.scheme}://{parts.netloc}"


def _positive(value: Any) -> float:
    number = as_number(value)
    if number <= 0:
        raise FieldError("must be greater than zero")
    return float(number)


def _timeouts(value: Any) -> dict[str, float]:
    """``30``, ``"30"``, ``{"connect": 5, "read": 30}`` or the same as JSON text, in seconds."""
    try:
        seconds = _positive(value)
    except FieldError as error:
        if not isinstance(value, Mapping) and not (isinstance(value, str) and value.lstrip().startswith("{")):
            raise FieldError(f"{error} (seconds), or an object with 'connect' and 'read'") from None
    else:
        return {"connect_timeout": min(seconds, DEFAULT_CONNECT_TIMEOUT), "read_timeout": seconds}
    parts = as_mapping(value)
    unknown = sorted(set(parts) - {"connect", "read"})
    if unknown:
        raise FieldError(f"knows 'connect' and 'read' only, not {unknown[0]!r}")
    return {f"{key}_timeout": _positive(each) for key, each in parts.items() if not is_blank(each)}


def _verify(value: Any) -> bool | str:
    try:
        return as_bool(value)
    except ValueError:
        if isinstance(value, str):
            return value.strip()
        raise FieldError("must be true, false or the path of a CA bundle") from None


def _proxies(value: Any) -> dict[str, str]:
    """A URL for both schemes, or an object with ``http`` and ``https``."""
    text = value.strip() if isinstance(value, str) else ""
    given = {"http": text, "https": text} if text and not text.startswith("{") else as_mapping(value)
    proxies: dict[str, str] = {}
    for scheme, url in given.items():
        if scheme not in ("http", "https"):
            raise FieldError(f"knows 'http' and 'https' only, not {scheme!r}")
        if is_blank(url):
            continue
        if not isinstance(url, str) or not _is_proxy_url(url.strip()):
            raise FieldError(f"has no valid URL for {scheme!r}: it takes http://[user:password@]host:port")
        proxies[scheme] = url.strip()
    return proxies


def _is_proxy_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _headers(value: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, text in as_mapping(value).items():
        if not _HEADER_NAME.fullmatch(name):
            raise FieldError(f"has an invalid header name: {name!r}")
        if name.lower() in RESERVED_HEADERS:
            raise FieldError(f"must not set {name!r}, which the provider sets itself")
        if not isinstance(text, str):
            raise FieldError(f"has a value for {name!r} that is not text")
        if re.search(r"[\r\n\x00]", text):
            raise FieldError(f"has a line break or a NUL in the value of {name!r}")
        try:
            text.encode("latin-1")
        except UnicodeEncodeError:
            raise FieldError(f"has characters outside Latin-1 in the value of {name!r}") from None
        headers[name] = text.strip()
    return headers


def _enum_case(value: Any) -> str:
    case = as_text(value).lower()
    if case not in ("upper", "lower"):
        raise FieldError("must be 'upper' or 'lower'")
    return case


#: How the fields of :class:`ClientConfig` are read that stand in the extra as they are.
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "verify": _verify,
    "space": as_text,
    "organization": as_text,
    "app_url": _app_url,
    "proxies": _proxies,
    "headers": _headers,
    "enum_case": _enum_case,
    "max_requests_per_second": _positive,
}
#: Everything the connection's extra may hold.
EXTRA_KEYS = ("region", "timeout", *_READERS)
