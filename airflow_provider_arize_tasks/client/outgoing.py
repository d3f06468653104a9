"""A request as it goes out: URL, headers and body. Pure, no I/O."""

from __future__ import annotations

import json
import platform
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from airflow_provider_arize_tasks import __version__
from airflow_provider_arize_tasks.client.incoming import ACCEPT_ENCODING

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.calls import Call
    from airflow_provider_arize_tasks.client.config import ClientConfig


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
