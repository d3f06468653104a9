"""The window of a DAG run as the operators find it, and what lies between it and the one before."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal, cast

from airflow_provider_arize_tasks.client.times import length_of_time
from airflow_provider_arize_tasks.operators.run_times import read_run_times
from airflow_provider_arize_tasks.windows.window import SINCE_PREVIOUS, ResolvedWindow, resolve_window

if TYPE_CHECKING:
    from datetime import date

    from airflow.providers.common.compat.sdk import Context

#: XCom with the stretch between the window of the DAG run before and this one, which no run evaluates.
HOLE_KEY = "arize_window_hole"


def lookback_of(value: Any) -> timedelta | Literal["since_previous"] | None:
    """The argument ``lookback``, read: a length of time, or ``"since_previous"``."""
    if value is None or (isinstance(value, str) and value.strip() in ("", "None")):
        return None
    if isinstance(value, str) and value.strip().lower() == SINCE_PREVIOUS:
        return "since_previous"
    return length_of_time(value, name="lookback")


def window_of_run(
    context: Context,
    data_start_time: datetime | date | str | None,
    data_end_time: datetime | date | str | None,
    lookback: Any,
) -> ResolvedWindow:
    """The window of a DAG run; the arguments are the operators' own, rendered.

    :raises WindowError: no window can be told.
    """
    return resolve_window(
        data_start_time=data_start_time,
        data_end_time=data_end_time,
        lookback=lookback_of(lookback),
        previous_end=_previous_end(context) if data_start_time is None and data_end_time is None else None,
        now=datetime.now(timezone.utc),
        **read_run_times(context).to_dict(),
    )


def say_hole(context: Context, found: ResolvedWindow, log: Any) -> None:
    """Say aloud, in the log and in an XCom, what no run evaluates as the window begins later than the last ended."""
    if found.hole is None:
        return
    log.warning(
        "Nothing evaluates %s: the window of the DAG run before ended there, and this one begins later (a weekday "
        'schedule, a changed one, or the clocks). lookback="since_previous" closes such holes',
        found.hole.key,
    )
    ti = context.get("ti")
    if ti is not None:
        ti.xcom_push(key=HOLE_KEY, value=found.hole.to_dict())


def _previous_end(context: Context) -> datetime | None:
    """Where the data interval of the last DAG run that succeeded ended. Airflow looks it up when it is asked."""
    try:
        found = cast("Any", context).get("prev_data_interval_end_success")
        return datetime.fromisoformat(found.isoformat()) if isinstance(found, datetime) else None
    except Exception:  # noqa: BLE001 -- whatever keeps Airflow from looking it up must not keep the window from being evaluated
        return None
