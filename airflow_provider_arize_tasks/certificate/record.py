"""The certificate as a file: written, read, and shown as the table of the emulator's page."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.certificate.assumptions import Finding, Verdict
from airflow_provider_arize_tasks.certificate.questions import ASSUMPTIONS
from airflow_provider_arize_tasks.certificate.redact import hashed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FORMAT = 1
BEGIN = "<!-- assumptions: written by `python -m airflow_provider_arize_tasks.certificate.page`; a test compares -->"
END = "<!-- end of assumptions -->"


def certificate(findings: Sequence[Finding], *, base_url: str, release: str, date: str) -> dict[str, Any]:
    """A certificate, with its digest.

    :param findings: what came of each assumption.
    :param base_url: of the server; only a hash of it is kept.
    :param release: this provider's.
    :param date: day of asking, ISO 8601.
    """
    body = {
        "certificate": _FORMAT,
        "release": release,
        "date": date,
        "server": hashed(base_url),
        "assumptions": [
            {**asdict(each), "verdict": each.verdict.value, "assumed": ASSUMPTIONS[each.name].answer}
            for each in findings
        ],
    }
    return {**body, "digest": digest(body)}


def digest(body: dict[str, Any]) -> str:
    """The digest over everything but itself."""
    bare = {key: value for key, value in body.items() if key != "digest"}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def is_whole(body: Any) -> bool:
    """Whether a certificate is one, and nobody has changed it."""
    return isinstance(body, dict) and body.get("certificate") == _FORMAT and body.get("digest") == digest(body)


def table(certificates: Iterable[dict[str, Any]]) -> str:
    """The table of all assumptions: since when each is verified, or that it is assumed.

    :param certificates: those in the repository, each whole; of several, the latest answer counts.
    """
    latest: dict[str, tuple[str, dict[str, Any]]] = {}
    count = 0
    for body in sorted(certificates, key=lambda each: str(each["date"])):
        count += 1
        for entry in body["assumptions"]:
            if entry["verdict"] != Verdict.NOT_ASKED.value:
                latest[entry["name"]] = (body["date"], entry)
    rows = [f"| `{each.name}` | {each.says} | {_state(latest.get(each.name))} |" for each in ASSUMPTIONS.values()]
    known = f"{count} certificate{'s' if count != 1 else ''}" if count else "No certificate"
    is_are = "are" if count > 1 else "is"
    return "\n".join(
        [
            BEGIN,
            f"{known} of a real server {is_are} in the repository{'' if count else ' yet: all of this is assumed'}.",
            "",
            "| name | assumption | state |",
            "|---|---|---|",
            *rows,
            END,
        ]
    )


def _state(known: tuple[str, dict[str, Any]] | None) -> str:
    if known is None:
        return "assumed"
    date, entry = known
    return f"verified on {date}" if entry["verdict"] == Verdict.HOLDS.value else f"differs on {date}: {entry['found']}"
