"""What a trigger hands over of the runs it saw: known fields only, cleaned, so that Airflow can store and send it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.enums import RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.client.models import TaskRun

#: The longest reason of a failure that is handed over, in characters, and the longest of anything else.
MAX_REASON = 2000
_MAX_TEXT = 500
_TEXTS = (
    "id",
    "task_id",
    "experiment_id",
    "data_start_time",
    "data_end_time",
    "created_at",
    "run_started_at",
    "run_finished_at",
    "created_by_user_id",
)
_COUNTS = ("num_successes", "num_errors", "num_skipped")


def clean_run(run: TaskRun) -> dict[str, Any]:
    """A run as plain JSON that anything can encode and any database can keep.

    :param run: as read from the server.
    :return: its known fields; texts without half characters and NUL, cut to what they may reasonably take.
    """
    raw = run.to_dict()
    cleaned: dict[str, Any] = {name: _text(raw.get(name), _MAX_TEXT) for name in _TEXTS}
    cleaned["status"] = _text(run.status_text, _MAX_TEXT) if run.status is RunStatus.UNKNOWN else run.status.value
    cleaned["failure_reason"] = _text(run.failure_reason, MAX_REASON)
    cleaned.update({name: _count(getattr(run, name)) for name in _COUNTS})
    return {name: value for name, value in cleaned.items() if value is not None}


def can_be_sent(payload: Mapping[str, Any]) -> bool:
    """Whether Airflow can encode an event: one that it can't would stop the triggerer, for everybody.

    :param payload: of the event.
    """
    try:
        json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError, OverflowError):
        return False
    return True


def clean_text(text: str, longest: int = MAX_REASON) -> str:
    """A text without half characters and NUL.

    :param text: any text.
    :param longest: most characters that are kept.
    """
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")[:longest]


def _text(value: Any, longest: int) -> str | None:
    return clean_text(value, longest) if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None
