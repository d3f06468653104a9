"""What a DAG run says about time, read from the task's context."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo


@dataclass(frozen=True, kw_only=True)
class RunTimes:
    """The facts of a DAG run that windows are taken from. Named as ``windows.window.resolve_window`` wants them.

    :param interval_start: start of the data interval, ``None`` if the run has none.
    :param interval_end: its end, likewise.
    :param run_after: the earliest time the run could start (Airflow 3), ``None`` before.
    :param partition_date: start of the run's partition (Airflow 3.2), ``None`` if not partitioned.
    :param partition_key: its key, likewise.
    :param timezone: the DAG's time zone.
    :param schedule_timezone: the schedule's own time zone; the DAG's where it has none.
    :param schedule: the schedule as text, for messages.
    """

    interval_start: datetime | None
    interval_end: datetime | None
    run_after: datetime | None
    partition_date: datetime | None
    partition_key: str | None
    timezone: tzinfo | str
    schedule_timezone: tzinfo | str
    schedule: str | None

    def to_dict(self) -> dict[str, Any]:
        """The facts as keyword arguments of ``resolve_window``."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def reference(self) -> datetime | None:
        """The point in time the run stands for, the same on every attempt: its interval's end, else ``run_after``."""
        return self.interval_end or self.run_after


def read_run_times(context: Mapping[str, Any]) -> RunTimes:
    """Read the facts of the DAG run; never raises for what is missing.

    On Airflow 3 a manual or asset-triggered run has no ``data_interval_start`` in its context at all (a template that
    names it fails), so everything is looked up with a default.

    :param context: the context that ``execute`` gets.
    """
    dag_run, dag = context.get("dag_run"), context.get("dag")
    zone = getattr(dag, "timezone", None) or "UTC"
    timetable = getattr(dag, "timetable", None)
    return RunTimes(
        interval_start=_time(context.get("data_interval_start"), getattr(dag_run, "data_interval_start", None)),
        interval_end=_time(context.get("data_interval_end"), getattr(dag_run, "data_interval_end", None)),
        run_after=_time(getattr(dag_run, "run_after", None)),
        partition_date=_first(context.get("partition_date"), getattr(dag_run, "partition_date", None)),
        partition_key=_first(context.get("partition_key"), getattr(dag_run, "partition_key", None)),
        timezone=zone,
        # Public on Airflow 3's task SDK, private on Airflow 2.
        schedule_timezone=_first(getattr(timetable, "timezone", None), getattr(timetable, "_timezone", None), zone),
        schedule=_describe(dag, timetable),
    )


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _time(*values: Any) -> datetime | None:
    """The first that is a time: a stand-in of a test's may have anything for an attribute."""
    return next((value for value in values if isinstance(value, datetime)), None)


def _describe(dag: Any, timetable: Any) -> str | None:
    """The schedule as its author wrote it if that is short text, else the timetable's class and expression."""
    schedule = _first(getattr(dag, "schedule", None), getattr(dag, "schedule_interval", None))
    if isinstance(schedule, str):
        return schedule
    if timetable is None:
        return None
    expression = _first(getattr(timetable, "expression", None), getattr(timetable, "_expression", None))
    name = type(timetable).__name__
    return f"{name}({expression!r})" if isinstance(expression, str) else name
