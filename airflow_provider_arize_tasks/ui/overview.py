"""The overview: one line for each Arize task, whichever of Airflow's tasks serve it. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta, timezone
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.coverage.states import State
from airflow_provider_arize_tasks.ui.entries import EXPERIMENT, Entry, text
from airflow_provider_arize_tasks.ui.seen import seen_by_day, state_of_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

STRIP_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class Day:
    """A day of a strip or of a calendar.

    :param state: ``None`` where nothing was due, as far as records tell.
    :param count: how many windows or nights it has.
    :param note: why, if that is known.
    """

    date: date
    state: State | None
    count: int = 0
    note: str = ""

    @property
    def label(self) -> str:
        """The cell for a screen reader, and its tooltip."""
        what = self.state.value if self.state else "nothing recorded"
        more = f" ({self.count} windows)" if self.count > 1 else ""
        why = f". {self.note}" if self.note else ""
        return f"{self.date:%d %B %Y}: {what}{more}{why}"


@dataclass(frozen=True, kw_only=True)
class ArizeTask:
    """A task on Arize, and what Airflow's records say about it.

    :param name: its name on Arize; its id or Airflow's own names where that is not known.
    :param airflow_tasks: ``(dag_id, task_id)`` of Airflow's tasks that serve it, the latest first.
    :param entries: runs of it, oldest first.
    :param checks: quality checks of its experiments, oldest first.
    :param looks: of gap and verify operators at its windows, oldest first.
    """

    name: str
    arize_id: str | None
    kind: str
    airflow_tasks: tuple[tuple[str, str], ...]
    entries: tuple[Entry, ...]
    checks: tuple[Entry, ...] = ()
    looks: tuple[Entry, ...] = ()

    @property
    def is_experiment(self) -> bool:
        """Whether it runs experiments; else it evaluates windows."""
        return self.kind == "experiments"

    @property
    def last(self) -> Entry | None:
        """What ran last."""
        return self.entries[-1] if self.entries else None

    @property
    def running(self) -> tuple[Entry, ...]:
        """What has not ended."""
        return tuple(entry for entry in self.entries if entry.state is State.RUNNING)

    @property
    def trouble(self) -> Entry | None:
        """The latest failure that no later run has mended."""
        for entry in reversed(self.entries):
            if entry.state in (State.FAILED, State.TRUNCATED) and standing(entry, self.entries):
                return entry
        return None

    @property
    def verdict(self) -> Entry | None:
        """The last quality check."""
        return self.checks[-1] if self.checks else None


def standing(entry: Entry, entries: Sequence[Entry]) -> bool:
    """Whether no run covered the same window (or a later night) after all.

    :param entry: one that went wrong.
    :param entries: all of its Arize task, oldest first.
    """
    for other in entries:
        if other.state is not State.COVERED:
            continue
        if entry.window is not None and other.window is not None:
            if other.window[0] <= entry.window[0] and other.window[1] >= entry.window[1]:
                return False
        elif other.record.run_after > entry.record.run_after:
            return False
    return True


def arize_tasks(entries: Iterable[Entry]) -> list[ArizeTask]:
    """Group entries by the Arize task they are about, those in trouble first.

    :param entries: of any tasks, oldest first.
    """
    everything = list(entries)
    runs = [entry for entry in everything if not entry.is_check and not entry.is_look]
    ids = {entry.airflow_task: entry.arize_id for entry in runs if entry.arize_id}
    groups: defaultdict[object, list[Entry]] = defaultdict(list)
    for entry in runs:
        groups[entry.arize_id or ids.get(entry.airflow_task) or entry.airflow_task].append(entry)
    looks: defaultdict[object, list[Entry]] = defaultdict(list)
    for entry in everything:
        if entry.is_look and entry.arize_id:
            looks[entry.arize_id].append(entry)
    checks = _checks_by_group([entry for entry in everything if entry.is_check], groups)
    found = [
        _task(groups.get(group, []), checks.get(group, []), looks.get(group, []))
        for group in {**groups, **checks, **looks}
    ]
    return sorted(found, key=lambda task: (task.trouble is None, not task.running, task.name.lower()))


def _checks_by_group(
    checks: Sequence[Entry], groups: Mapping[object, Sequence[Entry]]
) -> Mapping[object, Sequence[Entry]]:
    """Checks by group; those whose experiment belongs to none make groups of their own, by Airflow task."""
    by_experiment = {
        entry.experiment_id: group for group, entries in groups.items() for entry in entries if entry.experiment_id
    }
    by_dag_run = {
        (entry.record.dag_id, entry.record.run_id): group
        for group, entries in groups.items()
        for entry in entries
        if entry.record.operator == EXPERIMENT
    }
    found: defaultdict[object, list[Entry]] = defaultdict(list)
    for check in checks:
        group = by_experiment.get(check.experiment_id or "")
        group = group or by_dag_run.get((check.record.dag_id, check.record.run_id))
        found[group or ("checks", *check.airflow_task)].append(check)
    return found


def _task(entries: Sequence[Entry], checks: Sequence[Entry], looks: Sequence[Entry]) -> ArizeTask:
    airflow_tasks = tuple(dict.fromkeys(entry.airflow_task for entry in reversed(entries or checks or looks)))
    about = [*looks, *entries]
    names = [name for entry in reversed(about) if (name := entry.arize_name)]
    arize_id = next((entry.arize_id for entry in reversed(about) if entry.arize_id), None)
    dag_id, task_id = airflow_tasks[0]
    experiments = entries[-1].record.operator == EXPERIMENT if entries else not looks
    return ArizeTask(
        name=names[0] if names else arize_id or f"{dag_id}.{task_id}",
        arize_id=arize_id,
        kind="experiments" if experiments else "evaluation",
        airflow_tasks=airflow_tasks,
        entries=tuple(entries),
        checks=tuple(checks),
        looks=tuple(looks),
    )


def tasks_beside(airflow_task: tuple[str, str], latest: Sequence[Entry]) -> frozenset[tuple[str, str]]:
    """Airflow's tasks that serve the same Arize task as one of them, and the checks of their DAGs.

    :param airflow_task: DAG id and task id.
    :param latest: the latest entry of each of Airflow's tasks.
    :return: empty if it is not among them.
    """
    known = {entry.airflow_task: entry for entry in latest}
    if airflow_task not in known:
        return frozenset()
    own = known[airflow_task]
    if own.is_check:
        same = {key for key in known if key[0] == airflow_task[0]}
    else:
        same = {key for key, entry in known.items() if own.arize_id and entry.arize_id == own.arize_id}
    dag_ids = {dag_id for dag_id, _ in same} | {airflow_task[0]}
    checks = {key for key, entry in known.items() if entry.is_check and key[0] in dag_ids}
    return frozenset({airflow_task, *same, *checks})


def task_of(airflow_task: tuple[str, str], entries: Iterable[Entry]) -> ArizeTask | None:
    """The Arize task that one of Airflow's tasks serves, or whose experiments or windows it checks.

    :param airflow_task: DAG id and task id.
    :param entries: of it and of others, oldest first.
    """
    for task in arize_tasks(entries):
        beside = {entry.airflow_task for entry in (*task.checks, *task.looks)}
        if airflow_task in task.airflow_tasks or airflow_task in beside:
            return task
    return None


def days_of(task: ArizeTask, first: date, last: date, *, today: date) -> list[Day]:
    """The days of a range, each with the state that asks for most attention.

    :param task: whose.
    :param first: first day.
    :param last: last day, part of the range.
    :param today: days from today on are never missing.
    """
    by_day: defaultdict[date, list[Entry]] = defaultdict(list)
    for entry in task.entries:
        for day in entry.touched():
            by_day[day].append(entry)
    seen = seen_by_day(task.looks)
    begun, newest = min(by_day, default=None), max(by_day, default=today)
    days = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        entries = by_day.get(day, [])
        state = state_of_day(entries, _states(entries), seen.get(day, ()))
        # A day after the last window is not missing before the next run was due, which records don't tell.
        if state is None and not task.is_experiment and begun is not None and begun <= day < min(newest, today):
            state = State.MISSING
        days.append(Day(date=day, state=state, count=len(entries)))
    return days


def _states(entries: Sequence[Entry]) -> dict[object, State]:
    """States by window: a later run over the same window replaces an earlier one, and a covered one all."""
    windows: dict[object, State] = {}
    for entry in entries:
        key = entry.window or ("night", *entry.airflow_task)
        if windows.get(key) is not State.COVERED or entry.state is State.RUNNING:
            windows[key] = entry.state
    return windows


def strip(task: ArizeTask, today: date) -> list[Day]:
    """The last thirty days, today included.

    :param task: whose.
    :param today: the last one.
    """
    return days_of(task, today - timedelta(days=STRIP_DAYS - 1), today, today=today)


def entries_on(task: ArizeTask, day: date) -> list[Entry]:
    """What a cell opens: all that touched the day, the latest first.

    :param task: whose.
    :param day: which.
    """
    return [entry for entry in reversed((*task.entries, *task.checks)) if day in set(entry.touched())]


def totals(days: Sequence[Day]) -> list[tuple[State, int]]:
    """How many days are in which state, for people who see no strip.

    :param days: any.
    """
    counts = Counter(day.state for day in days if day.state)
    return [(state, counts[state]) for state in State if counts[state]]


def last_window(entry: Entry) -> str:
    """The window of an entry in few characters.

    :param entry: any.
    """
    if entry.window is None:
        return text(entry.result.get("experiment_name")) or f"night of {entry.day}"
    return window_text(*entry.window)


def window_text(start: datetime, end: datetime) -> str:
    """A window in few characters: one day is a day.

    :param start: its begin.
    :param end: its end.
    """
    start, end = (each.astimezone(timezone.utc) for each in (start, end))
    midnight = start.time() == end.time() and start.hour == start.minute == start.second == 0
    if midnight and end - start == timedelta(days=1):
        return f"{start:%Y-%m-%d}"
    if midnight:
        return f"{start:%Y-%m-%d} to {end - timedelta(days=1):%Y-%m-%d}"
    if start.date() == end.date():
        return f"{start:%Y-%m-%d %H:%M} to {end:%H:%M}"
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
