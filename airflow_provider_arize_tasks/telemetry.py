"""What Airflow gets to know of a run: metrics, and the extra of asset events.

Metrics go through Airflow's own ``Stats`` (StatsD or OpenTelemetry, whatever the deployment has). Names, below
Airflow's own prefix:

=============================  =======  ============================================================================
``arize.runs.triggered``       counter  runs started by this provider
``arize.runs.adopted``         counter  runs an attempt adopted instead of starting one
``arize.runs.completed``       counter  runs that ended so; also ``failed``, ``cancelled``, ``no_data``, ``timeout``
``arize.runs.duration``        timer    from the run's creation to its end, by the server's clock
``arize.spans.successes``      counter  labels written; also ``errors`` and ``skipped``
=============================  =======  ============================================================================

Each carries the tags ``dag_id``, ``task_id`` and ``kind`` (``evaluation`` or ``experiment``). Metrics never fail a
task.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.fields import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

#: Fields of a run that make up the extra of an asset event.
_EVENT_FIELDS = (
    "id",
    "task_id",
    "status",
    "experiment_id",
    "data_start_time",
    "data_end_time",
    "num_successes",
    "num_errors",
    "num_skipped",
)
_COUNTS = ("successes", "errors", "skipped")


def count_run(event: str, *, context: Mapping[str, Any] | None = None, kind: str = "evaluation") -> None:
    """Count something that happened to a run.

    :param event: ``triggered``, ``adopted``, ``completed``, ``failed``, ``cancelled``, ``no_data`` or ``timeout``.
    :param context: the task's context, for the tags.
    :param kind: ``evaluation`` or ``experiment``.
    """
    _send("incr", f"arize.runs.{event}", 1, tags=_tags(context, kind))


def record_run(run: Mapping[str, Any], *, context: Mapping[str, Any] | None = None, kind: str = "evaluation") -> None:
    """Record the end of a run: its status, how long it took, and its counts.

    :param run: the run as the API gives it (``TaskRun.to_dict()``).
    :param context: the task's context, for the tags.
    :param kind: ``evaluation`` or ``experiment``.
    """
    tags = _tags(context, kind)
    status = str(run.get("status") or "unknown").lower()
    _send("incr", f"arize.runs.{status}", 1, tags=tags)
    duration = _duration(run)
    if duration is not None:
        _send("timing", "arize.runs.duration", duration, tags=tags)
    for name in _COUNTS:
        number = run.get(f"num_{name}")
        if isinstance(number, int) and number > 0:
            _send("incr", f"arize.spans.{name}", number, tags=tags)


def asset_event_extra(run: Mapping[str, Any]) -> dict[str, Any]:
    """What a DAG that is scheduled on an asset learns of the run that updated it.

    :param run: the result of a trigger operator, or a run as the API gives it.
    :return: plain JSON: id, task, status, counts, window and experiment, as far as the run has them; ``run_ids`` where
        several runs served one task instance.
    """
    extra = {name: run[name] for name in _EVENT_FIELDS if run.get(name) is not None}
    extra["run_ids"] = [part["id"] for part in run.get("runs") or (run,) if part.get("id")]
    return {"arize": extra}


def add_to_asset_events(context: Mapping[str, Any], extra: Mapping[str, Any]) -> int:
    """Put an extra on the events of all assets the task has as outlets.

    :param context: the context Airflow gave to ``execute``.
    :param extra: plain JSON, such as :func:`asset_event_extra`.
    :return: how many assets got it; 0 where the task has none.
    """
    from airflow.providers.common.compat.sdk import Asset

    events = context.get("outlet_events")
    outlets = getattr(context.get("task"), "outlets", None) or ()
    assets = [outlet for outlet in outlets if isinstance(outlet, Asset)]
    if events is None or not assets:
        return 0
    for asset in assets:
        events[asset].extra.update(extra)
    return len(assets)


def _tags(context: Mapping[str, Any] | None, kind: str) -> dict[str, str]:
    ti = (context or {}).get("ti")
    tags = {name: str(getattr(ti, name)) for name in ("dag_id", "task_id") if getattr(ti, name, None)}
    return {**tags, "kind": kind}


def _send(method: str, name: str, value: float | timedelta, *, tags: Mapping[str, str]) -> None:
    try:
        from airflow.providers.common.compat.sdk import Stats

        getattr(Stats, method)(name, value, tags=dict(tags))
    except Exception:  # whatever the metrics backend raises, it is no reason to fail a task
        log.debug("Metric %s could not be sent", name, exc_info=True)


def _duration(run: Mapping[str, Any]) -> timedelta | None:
    started, ended = (_instant(run.get(name)) for name in ("created_at", "run_finished_at"))
    if started is None or ended is None or ended < started:
        return None
    return ended - started


def _instant(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else parse_time(str(value))
