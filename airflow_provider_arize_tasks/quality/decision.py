"""Keeps what a person decided about an experiment beside the verdict of the check."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.printable import printable
from airflow_provider_arize_tasks.quality.record import Record, store_of

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)


def keep_decision(
    check: Mapping[str, Any], *, promoted: bool, by: str, context: Any = None, task_id: str | None = None
) -> dict[str, Any]:
    """Keep who decided what about an experiment that the check left open.

    It is written beside the report (``*.decision.json``), and where Airflow keeps state for an asset among the outlets
    of the calling task (3.3 and later) it counts for later checks: what a person promoted is accepted.

    :param check: the result of :class:`ArizeCheckExperimentOperator`.
    :param promoted: whether the person let the experiment pass.
    :param by: who decided.
    :param context: the context of the calling task; without one nothing is kept for later checks.
    :param task_id: id of the Arize task the experiment came from. Default: the one in the result.
    :return: experiment, verdict of the check, decision, person and time, as plain JSON.
    """
    decision = {
        "experiment_id": check["experiment"]["id"],
        "experiment_name": check["experiment"]["name"],
        "verdict": check["outcome"],
        "promoted": promoted,
        "decided_by": printable(by, 200),
        "decided_at": datetime.now(timezone.utc).isoformat(),
    }
    task_id = task_id or check.get("task_id")
    if context is not None and task_id:
        store = store_of(context, getattr(context.get("task"), "outlets", None))
        Record(store, task_id, log).keep_answer(check["experiment"], passed=promoted, by=decision["decided_by"])
    report = (check.get("reports") or {}).get("json")
    if report:
        _write_beside(str(report), decision)
    return decision


def _write_beside(report: str, decision: Mapping[str, Any]) -> None:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    path: Any = ObjectStoragePath(report.removesuffix(".json") + ".decision.json")
    try:
        with path.open("wb") as file:
            file.write(json.dumps(decision, indent=2).encode())
    except Exception:  # any storage raises its own: the decision stands without it
        log.exception("The decision could not be kept beside the report")
