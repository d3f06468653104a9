"""What each page shows: records the user may read, made into entries, handed to a template."""

from __future__ import annotations

import shlex
import time
from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from airflow_provider_arize_tasks.coverage.states import State
from airflow_provider_arize_tasks.ui.entries import RESULT_KEY, Entry, entry_of, text
from airflow_provider_arize_tasks.ui.overview import (
    ArizeTask,
    arize_tasks,
    days_of,
    entries_on,
    last_window,
    strip,
    task_of,
    tasks_beside,
    totals,
    window_text,
)
from airflow_provider_arize_tasks.ui.plugin import base_path
from airflow_provider_arize_tasks.ui.quality import charts_of, judged_of, verdict_of
from airflow_provider_arize_tasks.ui.records import AirflowRecords, Wanted
from airflow_provider_arize_tasks.ui.reports import ReportError
from airflow_provider_arize_tasks.ui.seen import seen_by_day
from airflow_provider_arize_tasks.ui.states import SHOWN, next_step_of

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.ui.access import Access
    from airflow_provider_arize_tasks.ui.look import Looks

#: For how long it is remembered which DAGs run tasks of this provider, in seconds.
_DAGS_KEPT: Final = 60.0
_MONTH: Final = timedelta(days=32)
_YEAR: Final = timedelta(days=400)
_EVER: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


class UnseenError(Exception):
    """The user may not see it, or there is no such thing: the same answer for both."""


class Pages:
    """All pages.

    :param records: where Airflow's records are read.
    :param looks: of the button "Look again".
    """

    def __init__(self, records: AirflowRecords, looks: Looks) -> None:
        self._records = records
        self._looks = looks
        self._dags: tuple[float, frozenset[str]] | None = None

    # -- pages ---------------------------------------------------------------------------------------------------

    def overview(self, access: Access) -> str:
        """Every Arize task of the DAGs that the user may read."""
        return self._tasks_page("Overview", access.readable(self._dag_ids()))

    def dag(self, access: Access, dag_id: str) -> str:
        """Those of one DAG.

        :raises UnseenError: the user may not read it.
        """
        if not access.may_read(dag_id):
            raise UnseenError
        return self._tasks_page(f"DAG {dag_id}", frozenset({dag_id}))

    def _tasks_page(self, title: str, dag_ids: frozenset[str]) -> str:
        now = _now()
        entries = self._entries(Wanted(dag_ids=dag_ids, since=now - _MONTH))
        quiet = dag_ids - {entry.record.dag_id for entry in entries}
        if quiet:  # what has not run for a month is looked for in a year
            entries = [*self._entries(Wanted(dag_ids=frozenset(quiet), since=now - _YEAR)), *entries]
        rows = [(task, days := strip(task, now.date()), totals(days)) for task in arize_tasks(entries)]
        return render("overview.html", title=title, rows=rows, now=now)

    def task(self, access: Access, airflow_task: tuple[str, str], *, year: int | None, day: str | None) -> str:
        """A year of one Arize task.

        :param airflow_task: DAG id and task id of one of Airflow's tasks that serve it.
        :param year: which; this one by default.
        :param day: the cell that is open, ISO 8601.
        :raises UnseenError: the user may not read it, or there is no such task.
        """
        now = _now()
        opened = _date(day)
        year = year or (opened or now.date()).year
        if not 2000 <= year <= 2200:
            raise UnseenError
        task = self._task(access, airflow_task, year)
        days = days_of(task, date(year, 1, 1), date(year, 12, 31), today=now.date())
        conn_id = _connection(task)
        may_look = access.may_run(airflow_task[0]) and task.arize_id is not None and not task.is_experiment
        return render(
            "task.html",
            title=task.name,
            task=task,
            address=airflow_task,
            year=year,
            days=days,
            totals=totals(days),
            opened=opened,
            entries=entries_on(task, opened) if opened else [],
            seen=seen_by_day(task.looks).get(opened, []) if opened else [],
            missing=_missing_command(task, opened, airflow_task[0]),
            look=self._looks.last(conn_id, task.arize_id, year) if may_look and task.arize_id else None,
            may_look=may_look,
            now=now,
        )

    def task_instance(self, access: Access, airflow_task: tuple[str, str], run_id: str) -> str:
        """The page of the task, opened at the day that a task instance stands for.

        :raises UnseenError: the user may not read it, or there is no such task instance.
        """
        dag_id, task_id = airflow_task
        if not access.may_read(dag_id):
            raise UnseenError
        wanted = Wanted(dag_ids=frozenset({dag_id}), since=_EVER, run=(dag_id, run_id))
        entries = [entry for entry in self._entries(wanted) if not entry.is_look or entry.arize_id]
        mine = [entry for entry in entries if entry.record.task_id == task_id] or entries
        if not mine:
            return render("problem.html", text="This task instance ran nothing on Arize.")
        entry = mine[0]
        if entry.is_check:
            return self.quality(access, (dag_id, entry.record.task_id))
        address = (dag_id, entry.record.task_id)
        return self.task(access, address, year=entry.day.year, day=entry.day.isoformat())

    def quality(self, access: Access, airflow_task: tuple[str, str]) -> str:
        """Scores and verdicts of a task's experiments.

        :raises UnseenError: the user may not read it, or there is no such task.
        """
        task = self._task(access, airflow_task, None)
        experiments = judged_of(task.checks)
        return render(
            "quality.html",
            title=task.name,
            task=task,
            address=airflow_task,
            experiments=experiments[::-1],
            charts=charts_of(experiments[-60:]),
            now=_now(),
        )

    # -- actions -------------------------------------------------------------------------------------------------

    def report_path(self, access: Access, key: tuple[str, str, str, int]) -> str:
        """Where the report of a check is.

        :param key: DAG id, task id, run id and map index.
        :raises UnseenError: the user may not read the DAG.
        :raises ReportError: the check wrote none.
        """
        if not access.may_read(key[0]):
            raise UnseenError
        wanted = Wanted(dag_ids=frozenset({key[0]}), since=_EVER, run=(key[0], key[2]))
        for record in self._records.read(wanted):
            result = record.values.get(RESULT_KEY)
            path = text(result.get("report")) if record.key == key and isinstance(result, dict) else None
            if path:
                return path
        raise ReportError("This task instance wrote no report.")

    def look_again(self, access: Access, airflow_task: tuple[str, str], year: int) -> None:
        """Ask Arize about a year; the task's page shows the answer.

        :raises UnseenError: the user may not have it asked, or there is no such task.
        """
        if not access.may_run(airflow_task[0]) or not 2000 <= year <= 2200:
            raise UnseenError
        task = self._task(access, airflow_task, year)
        if task.arize_id is None:
            raise UnseenError
        self._looks.again(_connection(task), task.arize_id, year)

    # -- reading -------------------------------------------------------------------------------------------------

    def _dag_ids(self) -> frozenset[str]:
        if self._dags is None or time.monotonic() - self._dags[0] > _DAGS_KEPT:
            self._dags = (time.monotonic(), self._records.dag_ids())
        return self._dags[1]

    def _entries(self, wanted: Wanted) -> list[Entry]:
        return [entry_of(record) for record in self._records.read(wanted)]

    def _task(self, access: Access, airflow_task: tuple[str, str], year: int | None) -> ArizeTask:
        """The Arize task that one of Airflow's tasks serves, with what other readable DAGs did for it."""
        if not access.may_read(airflow_task[0]):
            raise UnseenError
        dag_ids = access.readable(self._dag_ids() | {airflow_task[0]})
        latest = [entry_of(record) for record in self._records.latest(dag_ids)]
        tasks = tasks_beside(airflow_task, latest)
        if airflow_task not in tasks:
            raise UnseenError
        since = datetime(year, 1, 1, tzinfo=timezone.utc) if year else _now() - _YEAR
        members = frozenset(dag_id for dag_id, _ in tasks)
        entries = self._entries(Wanted(dag_ids=members, since=since, tasks=tasks))
        # Nothing in that year: what ran last tells which task it is.
        found = task_of(airflow_task, entries) or task_of(airflow_task, latest)
        if found is None:
            raise UnseenError
        return found


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _connection(task: ArizeTask) -> str:
    used = (entry.conn_id for entry in reversed((*task.looks, *task.entries)) if entry.conn_id)
    return next(used, "arize_default")


def _date(day: str | None) -> date | None:
    try:
        return date.fromisoformat(day) if day else None
    except ValueError:
        return None


def _missing_command(task: ArizeTask, day: date | None, dag_id: str) -> str | None:
    if day is None or task.is_experiment:
        return None
    return shlex.join(
        ["airflow", "backfill", "create", "--dag-id", dag_id, "--from-date", str(day), "--to-date", str(day)]
    )


# -- templates ---------------------------------------------------------------------------------------------------


def render(template: str, **values: Any) -> str:
    """Fill in a template; everything is escaped.

    :param template: its file name.
    """
    return _environment().get_template(template).render(states=list(State), **values)


@cache
def _environment() -> Environment:
    jinja = Environment(
        loader=PackageLoader("airflow_provider_arize_tasks.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.globals.update(
        airflow=base_path(), last_window=last_window, window_text=window_text, verdict_of=verdict_of, query=urlencode
    )
    jinja.filters.update(moment=_moment, clean=clean, shown=SHOWN.__getitem__, next_step=next_step_of)
    return jinja


def _moment(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"


def clean(value: Any) -> str:
    """What servers and models wrote, without controls and without characters that turn the line around.

    :param value: any text.
    """
    return "".join(char if char.isprintable() or char in "\n\t" else " " for char in str(value))
