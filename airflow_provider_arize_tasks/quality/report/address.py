"""Where a report is kept, and the address a browser finds it at."""

from __future__ import annotations

import re
from urllib.parse import quote

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def report_name(experiment: str) -> str:
    """A file name for the report of an experiment.

    :param experiment: its name.
    """
    plain = _UNSAFE.sub("-", experiment).strip("-.")
    return f"{plain[:150] or 'experiment'}.html"


def report_address(path: str, base: str | None = None) -> str | None:
    """The address at which a browser finds a report; ``None`` where the path doesn't tell.

    :param path: where the report was written, such as ``s3://bucket/reports/nightly.html``.
    :param base: the address that was set for it; one that ends in ``/`` gets the report's file name.
    """
    if base:
        return base + quote(path.rsplit("/", 1)[-1]) if base.endswith("/") else base
    scheme, _, rest = path.partition("://")
    if not rest:
        return f"file://{quote(path)}" if path.startswith("/") else None
    if scheme in ("http", "https"):
        return path
    place = rest.rsplit("@", 1)[-1]  # s3://connection@bucket/key
    bucket, _, key = place.partition("/")
    if scheme == "file":
        return f"file:///{quote(rest.lstrip('/'))}"
    if scheme in ("s3", "s3a"):
        return f"https://console.aws.amazon.com/s3/object/{quote(bucket)}?prefix={quote(key, safe='')}"
    if scheme in ("gs", "gcs"):
        return f"https://storage.cloud.google.com/{quote(bucket)}/{quote(key)}"
    return None
