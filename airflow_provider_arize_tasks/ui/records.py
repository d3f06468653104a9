"""Airflow's own records of this provider's task instances: the one place that knows Airflow's tables.

Airflow promises nothing about its tables and moves them between minor versions. Everything that could break stands
here, and breaks as :class:`RecordsError`, which the page shows instead of half a truth.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import false, func, or_, select

from airflow_provider_arize_tasks.coverage.summary import COVERAGE_KEY, VERIFICATION_KEY
from airflow_provider_arize_tasks.runs.requests import REASON_KEY, RUN_KEY
from airflow_provider_arize_tasks.ui.entries import (
    CHECK,
    EVALUATE,
    EXPERIMENT,
    LINK_KEYS,
    LOOKERS,
    RESULT_KEY,
    TaskRecord,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

#: Operators whose task instances the page shows.
OPERATORS: Final = (EVALUATE, EXPERIMENT, CHECK, *LOOKERS)
_KEYS: Final = (RESULT_KEY, RUN_KEY, REASON_KEY, COVERAGE_KEY, VERIFICATION_KEY, *LINK_KEYS)


class RecordsError(Exception):
    """Airflow's tables are not what this release of the provider knows, or can't be read."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which records.

    :param dag_ids: of these DAGs only; the caller has checked that they may be read.
    :param since: whose DAG runs were due from then on.
    :param until: and before then.
    :param tasks: of these ``(dag_id, task_id)`` only.
    :param run: of this ``(dag_id, run_id)`` only.
    :param due: of the DAG runs that were due at this time, by ``(dag_id, task_id)``, only.
    """

    dag_ids: frozenset[str]
    since: datetime
    until: datetime | None = None
    tasks: frozenset[tuple[str, str]] | None = None
    run: tuple[str, str] | None = None
    due: Mapping[tuple[str, str], datetime] | None = None


class AirflowRecords:
    """Reads them. A new session for each call: nothing is kept."""

    def dag_ids(self) -> frozenset[str]:
        """The DAGs that ever ran a task of this provider.

        :raises RecordsError: the tables don't fit.
        """
        with _reading() as (session, tables):
            instance = tables.instance
            query = select(instance.dag_id).where(instance.operator.in_(OPERATORS)).distinct()
            return frozenset(session.scalars(query))

    def latest(self, dag_ids: frozenset[str]) -> list[TaskRecord]:
        """The latest record of each task of some DAGs: enough to tell which Arize task each of them serves.

        :param dag_ids: of these DAGs only.
        :raises RecordsError: the tables don't fit.
        """
        if not dag_ids:
            return []
        with _reading() as (session, tables):
            due = {(dag_id, task_id): at for dag_id, task_id, at in session.execute(_newest(tables, dag_ids))}
        if not due:
            return []
        return self.read(Wanted(dag_ids=dag_ids, since=min(due.values()), due=due))

    def read(self, wanted: Wanted) -> list[TaskRecord]:
        """The records of some DAGs, oldest DAG run first.

        :param wanted: which.
        :raises RecordsError: the tables don't fit.
        """
        if not wanted.dag_ids:
            return []
        with _reading() as (session, tables):
            rows = session.execute(_instances(tables, wanted)).mappings().all()
            values = _values(session, tables, wanted)
        return [_record(row, values.get(row["id"], {})) for row in rows]


@contextmanager
def _reading() -> Iterator[tuple[Session, _Tables]]:
    """A session and the tables, with every failure turned into one that the page can show."""
    try:
        from airflow.utils.session import create_session

        tables = _Tables()
        with create_session() as session:
            yield session, tables
    except Exception as error:  # whatever a table that moved makes of it
        raise _not_fitting(error) from error


@dataclass(frozen=True, kw_only=True)
class _Store:
    """A table of XComs.

    :param table: the class that stands for it.
    :param joins: what leads to it from the task instances, each with its condition.
    """

    table: Any
    joins: tuple[tuple[Any, Any], ...]


class _Tables:
    """The classes that stand for the tables."""

    def __init__(self) -> None:
        from airflow.models.dagrun import DagRun
        from airflow.models.taskinstance import TaskInstance

        self.run: Any = DagRun
        self.instance: Any = TaskInstance
        self.stores = _stores(TaskInstance)


def _stores(instance: Any) -> tuple[_Store, ...]:
    """Where XComs are, the newest last: one table until Airflow 3.3, two from 3.4 on.

    Airflow 3.4 keeps what its tasks push in a table by attempt, and leaves what older releases wrote where it was.
    """
    from airflow.models import taskinstance, xcom

    owner = getattr(taskinstance, "LegacyTaskDataOwner", None)
    if owner is None:
        table = xcom.XComModel
        return (_Store(table=table, joins=((table, _same(table, instance)),)),)
    old, new = xcom.XComModelV1, xcom.XComModelV2
    return (
        _Store(table=old, joins=((owner, owner.task_instance_id == instance.id), (old, _same(old, owner)))),
        _Store(table=new, joins=((new, new.task_instance_id == instance.id),)),
    )


def _same(xcom: Any, owner: Any) -> Any:
    """That an XCom is of a task instance, told by the names that Airflow's tables had in common until 3.3."""
    return (
        (xcom.dag_id == owner.dag_id)
        & (xcom.task_id == owner.task_id)
        & (xcom.run_id == owner.run_id)
        & (xcom.map_index == owner.map_index)
    )


def _not_fitting(error: Exception) -> RecordsError:
    from airflow import __version__

    kind = type(error).__name__
    return RecordsError(f"the tables of Airflow {__version__} are not those this release can read ({kind})")


def _conditions(tables: _Tables, wanted: Wanted) -> Iterator[Any]:
    instance, run = tables.instance, tables.run
    yield instance.operator.in_(OPERATORS)
    yield instance.dag_id.in_(sorted(wanted.dag_ids))
    yield run.run_after >= wanted.since
    if wanted.until is not None:
        yield run.run_after < wanted.until
    if wanted.tasks is not None:
        yield _any_of(
            (instance.dag_id == dag_id) & (instance.task_id == task_id) for dag_id, task_id in sorted(wanted.tasks)
        )
    if wanted.due is not None:
        yield _any_of(
            (instance.dag_id == dag_id) & (instance.task_id == task_id) & (run.run_after == at)
            for (dag_id, task_id), at in sorted(wanted.due.items())
        )
    if wanted.run is not None:
        yield instance.dag_id == wanted.run[0]
        yield instance.run_id == wanted.run[1]


def _of_runs(tables: _Tables, *columns: Any) -> Any:
    """A query of task instances with their DAG runs."""
    instance, run = tables.instance, tables.run
    together = (run.dag_id == instance.dag_id) & (run.run_id == instance.run_id)
    return select(*columns).select_from(instance).join(run, together)


def _any_of(conditions: Iterable[Any]) -> Any:
    return or_(false(), *conditions)


def _instances(tables: _Tables, wanted: Wanted) -> Any:
    instance, run = tables.instance, tables.run
    return (
        _of_runs(
            tables,
            instance.id,
            instance.dag_id,
            instance.task_id,
            instance.run_id,
            instance.map_index.label("map_index"),  # another name for another column from Airflow 3.4 on
            instance.operator,
            instance.state,
            instance.try_number,
            instance.start_date.label("started"),
            instance.end_date.label("ended"),
            run.run_after,
            run.data_interval_start,
            run.data_interval_end,
        )
        .where(*_conditions(tables, wanted))
        .order_by(run.run_after, instance.dag_id, instance.task_id, instance.map_index)
    )


def _newest(tables: _Tables, dag_ids: frozenset[str]) -> Any:
    instance, run = tables.instance, tables.run
    return (
        _of_runs(tables, instance.dag_id, instance.task_id, func.max(run.run_after))
        .where(instance.operator.in_(OPERATORS), instance.dag_id.in_(sorted(dag_ids)))
        .group_by(instance.dag_id, instance.task_id)
    )


def _values(session: Session, tables: _Tables, wanted: Wanted) -> dict[Any, dict[str, Any]]:
    """The XComs by key, by id of the task instance."""
    values: dict[Any, dict[str, Any]] = {}
    for store in tables.stores:
        for identity, key, value in session.execute(_pushed(tables, store, wanted)):
            values.setdefault(identity, {})[key] = decode(value)
    return values


def _pushed(tables: _Tables, store: _Store, wanted: Wanted) -> Any:
    xcom = store.table
    query = _of_runs(tables, tables.instance.id, xcom.key, xcom.value)
    for table, condition in store.joins:
        query = query.join(table, condition)
    return query.where(*_conditions(tables, wanted), xcom.key.in_(_KEYS))


def decode(value: Any) -> Any:
    """An XCom's value as the task pushed it; Airflow 3 keeps a JSON text inside the JSON column.

    :param value: as the column gives it. What is no JSON text (a custom XCom backend's address) stays a text.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _record(row: Mapping[Any, Any], values: Mapping[str, Any]) -> TaskRecord:
    start, end = row["data_interval_start"], row["data_interval_end"]
    as_they_are = ("dag_id", "task_id", "run_id", "map_index", "operator", "started", "ended", "run_after")
    return TaskRecord(
        **{name: row[name] for name in as_they_are},
        state=None if row["state"] is None else str(row["state"]),
        try_number=row["try_number"] or 0,
        interval=(start, end) if start and end and start < end else None,
        values=values,
    )
