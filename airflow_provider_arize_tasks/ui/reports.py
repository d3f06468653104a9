"""Reports of experiment checks, served from local folders that were set free for it, and from nowhere else.

The path of a report stands in an XCom, which whoever may write XComs can set. So only files that end in ``.html`` are
served, only below the folders of ``[arize] report_folders`` once every link is resolved, and as a page that may run no
script and load nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_BYTES = 20_000_000


class ReportError(Exception):
    """There is no report that may be served; the text says why, without a path."""


def report_folders() -> list[Path]:
    """The folders of ``[arize] report_folders``, separated by commas; none by default."""
    from airflow.providers.common.compat.sdk import conf

    names = str(conf.get("arize", "report_folders", fallback="") or "")
    return [Path(name.strip()) for name in names.split(",") if name.strip()]


def read_report(path: str, folders: Sequence[Path]) -> bytes:
    """Read a report.

    :param path: as the check wrote it down: a local path, or a ``file://`` address.
    :param folders: where reports may be.
    :raises ReportError: it may not be served, or isn't there.
    """
    if not folders:
        raise ReportError("Reports of local folders are served once [arize] report_folders names the folders.")
    found = _resolved(local_path(path))
    roots = [_resolved(folder) for folder in folders]
    if not any(found.is_relative_to(root) for root in roots):
        raise ReportError("The report is not in a folder that [arize] report_folders of the API server names.")
    if found.suffix.lower() != ".html" or not found.is_file():
        raise ReportError("There is no report at that place on the API server. Do workers and API server share it?")
    if found.stat().st_size > MOST_BYTES:
        raise ReportError("The report is too large to be shown here.")
    return found.read_bytes()


def local_path(path: str) -> Path:
    """The file a report's path means.

    :param path: as the check wrote it down.
    :raises ReportError: it is in an object store, or no path.
    """
    if "\x00" in path:
        raise ReportError("There is no report at that place on the API server.")
    parts = urlsplit(path)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if parts.scheme or not path.startswith("/"):
        raise ReportError("The report is not in a local folder.")
    return Path(path)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise ReportError("There is no report at that place on the API server.") from error
