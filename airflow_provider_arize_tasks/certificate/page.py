"""Writes the table of assumptions into ``docs/emulator.md``.

Run ``python -m airflow_provider_arize_tasks.certificate.page`` in a checkout of the project; certificates are read from
``docs/certificates``.
"""

from __future__ import annotations

import json
from pathlib import Path

from airflow_provider_arize_tasks.certificate.record import BEGIN, END, is_whole, table


def page_with_table(page: Path, certificates: Path) -> str:
    """The page with the table that the certificates of a folder make.

    :param page: a page with the table's two markers.
    :param certificates: folder of ``*.json``; it may be missing.
    :raises ValueError: a certificate was changed, or the page has no place for the table.
    """
    bodies = []
    for path in sorted(certificates.glob("*.json")):
        body = json.loads(path.read_text(encoding="utf-8"))
        if not is_whole(body):
            raise ValueError(f"{path} is no certificate, or somebody has changed it")
        bodies.append(body)
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no place for the table: it needs the lines {BEGIN!r} and {END!r}")
    return text[: text.index(BEGIN)] + table(bodies) + text[text.index(END) + len(END) :]


def main() -> None:
    """Write it."""
    page = Path("docs/emulator.md")
    page.write_text(page_with_table(page, Path("docs/certificates")), encoding="utf-8")


if __name__ == "__main__":
    main()
