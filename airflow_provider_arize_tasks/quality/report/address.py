"""Where a report is kept, and the address a browser finds it at."""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import quote, urlsplit

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
#: Schemes whose part before an ``@`` names an Airflow connection, as ``s3://connection@bucket``.
_WITH_CONNECTION = re.compile(r"^([A-Za-z0-9+.-]+)://([^/@]*)@")


def report_name(experiment: str, experiment_id: str = "") -> str:
    """A file name for the report of an experiment, without an ending; no two experiments share one.

    :param experiment: its name.
    :param experiment_id: its id.
    """
    plain = _UNSAFE.sub("-", experiment).strip("-.")
    digest = hashlib.sha256((experiment_id or experiment).encode("utf-8", "replace")).hexdigest()[:8]
    return f"{plain[:100].rstrip('-.') or 'experiment'}-{digest}"


def report_address(path: str, base: str | None = None) -> str | None:
    """The address at which a browser finds a report; ``None`` where the path doesn't tell.

    A local file has none: a browser opens no ``file://`` link of a web page.

    :param path: where the report was written, such as ``s3://bucket/reports/nightly.html``.
    :param base: the address that was set for it; one that ends in ``/`` gets the report's file name.
    """
    if base:
        base = base.strip()
        return base + quote(path.rsplit("/", 1)[-1]) if base.endswith("/") else base
    scheme, _, rest = path.partition("://")
    if not rest:
        return None
    if scheme in ("http", "https"):
        return path
    place = rest.rsplit("@", 1)[-1]  # s3://connection@bucket/key
    bucket, _, key = place.partition("/")
    if scheme in ("s3", "s3a"):
        return f"https://console.aws.amazon.com/s3/object/{quote(bucket)}?prefix={quote(key, safe='')}"
    if scheme in ("gs", "gcs"):
        return f"https://storage.cloud.google.com/{quote(bucket)}/{quote(key)}"
    return None


def address_problem(value: Any) -> str | None:
    """Why something can't be the web address of reports, in words; ``None`` if it can.

    :param value: what was given as ``report_url``.
    """
    try:
        parts = urlsplit(str(value).strip())
        userinfo = parts.username is not None or parts.password is not None
    except ValueError:
        return "must be a web address"
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return "must be a web address that begins with https:// or http://"
    return "must hold no user name or password" if userinfo else None


def path_problem(value: Any) -> str | None:
    """Why reports can't be kept at a path, in words; ``None`` if they can.

    ``s3://connection@bucket`` names an Airflow connection; ``s3://key:secret@bucket`` is a secret in plain sight.

    :param value: what was given as ``report_path``.
    """
    found = _WITH_CONNECTION.match(str(value)) if isinstance(value, str) else None
    if found is None:
        return None
    if ":" in found.group(2) or found.group(1).lower() in ("http", "https", "ftp", "sftp"):
        return "must hold no password: name an Airflow connection before the @, as in s3://aws_default@bucket/folder"
    return None


def without_userinfo(path: str) -> str:
    """A path as it may be shown: without what stands before an ``@``, should it be a secret.

    :param path: the path.
    """
    return _WITH_CONNECTION.sub(lambda found: f"{found.group(1)}://", path) if path_problem(path) else path
