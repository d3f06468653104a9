"""Carries out run identity: takes over the run of an earlier attempt, or triggers exactly one."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.client.errors import (
    ArizeConfigError,
    ArizeConflictError,
    ArizeError,
    ArizeInvalidRequestError,
    ArizeNotFoundError,
)
from airflow_provider_arize_tasks.exceptions import ArizeAmbiguousRunError, ArizeWaitError
from airflow_provider_arize_tasks.runs.cancel import end_run
from airflow_provider_arize_tasks.runs.identity import (
    SETTLE,
    Found,
    Plan,
    ReuseRun,
    Search,
    Situation,
    Step,
    ambiguous_message,
    choose,
    first_step,
    nameless_message,
    search_after_clear,
    search_after_lost_answer,
)
from airflow_provider_arize_tasks.runs.names import (
    NameOwner,
    Names,
    is_in_series,
    owner_of_name,
)
from airflow_provider_arize_tasks.runs.requests import Attempt, Slot, SlotRecord, spent_by
from airflow_provider_arize_tasks.runs.verdict import is_good

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from airflow_provider_arize_tasks.client.models import Experiment, Task, TaskRun
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.runs.attempt import DagRunTimes, Records, ServerClock

#: POSTs of one attempt whose answers may get lost before the attempt gives up (the next one goes on from its record).
_MAX_POSTS = 3
#: Names of a series that one attempt finds used up before it gives up.
_MAX_NAMES = 100
_GOING = (RunStatus.PENDING, RunStatus.RUNNING)
#: Seconds between two looks while waiting for a list to settle or a cancelled run to end.
_PAUSE = 1.0
#: How long a run may take to get its experiment while an attempt waits to see whether it is its own.
_NAMELESS_PATIENCE = timedelta(seconds=120)
#: How long a cancelled run may take to end.
_CANCEL_PATIENCE = 120.0


class NoDataError(Exception):
    """The server refused to trigger: the window holds no data."""


class Post(Protocol):
    """Sends the POST that triggers a slot's run."""

    def __call__(self, slot: Slot, *, experiment_name: str | None) -> TaskRun:
        """Trigger and return the new run."""


@dataclass(frozen=True, kw_only=True)
class Started:
    """A run that serves a slot.

    :param taken_over: whether this attempt did not trigger it itself.
    :param ours: whether this task instance did, in whichever attempt; only then it may be cancelled.
    """

    slot: Slot
    run: TaskRun
    taken_over: bool
    ours: bool = True


class RunStarter:
    """Finds or triggers the one run of each slot.

    :param hook: the connection.
    :param records: what earlier attempts wrote down.
    :param attempt: where this attempt stands.
    :param times: of the DAG run.
    :param reuse: which run may be taken over.
    :param clock: the server's clock.
    :param post: sends the trigger.
    :param tasks: the Arize tasks by id, as read in this attempt.
    :param log: the operator's logger.
    """

    def __init__(
        self,
        *,
        hook: ArizeHook,
        records: Records,
        attempt: Attempt,
        times: DagRunTimes,
        reuse: ReuseRun,
        clock: ServerClock,
        post: Post,
        tasks: Callable[[str], Task],
        log: Any,
    ) -> None:
        self._hook = hook
        self._records = records
        self._attempt = attempt
        self._times = times
        self._reuse = reuse
        self._clock = clock
        self._post = post
        self._tasks = tasks
        self._log = log

    def start(self, slot: Slot) -> Started:
        """The run of a slot: taken over or triggered.

        :raises NoDataError: the window holds no data; nothing was started.
        :raises ArizeAmbiguousRunError: several runs match.
        :raises ArizeError: the server could not be asked, or refused. What may have started a run stays on record for
            the next attempt.
        """
        situation = self._situation(slot)
        plan = first_step(situation)
        self._log.info("%s: %s", slot, plan.reason)
        record = situation.record
        if plan.step is Step.LOOK_AT and record is not None:
            return self._look_at(slot, record, plan)
        if plan.step is Step.CANCEL_FIRST and record is not None:
            return self._cancel_first(slot, situation, record, plan)
        if plan.step is Step.SEARCH and plan.search is not None:
            return self._search_first(slot, situation, plan.search)
        return self._trigger(slot, record)

    def end_leftovers(self, slots: Iterable[Slot]) -> None:
        """After a clear: end runs from before it that no slot may come across again.

        The window may be another one now, and evaluations of an experiment that is made anew are of no use any more.
        What the slots do come across is ended when its turn comes.

        :param slots: what this attempt begins with.
        :raises ArizeError: the server could not be asked; the next attempt does.
        """
        wanted = {slot.key for slot in slots}
        left: dict[str, set[str]] = {}
        for key, record in self._records.before_clear(self._attempt).items():
            if key not in wanted and record.ours and record.run_id is not None:
                left.setdefault(Slot.task_of(key), set()).add(record.run_id)
        for task_id, run_ids in left.items():
            for run in self._going_of(task_id):
                if run.id in run_ids:
                    self._end(run.id)

    def _going_of(self, task_id: str) -> list[TaskRun]:
        try:
            return [run for status in _GOING for run in self._hook.list_all_runs(task_id, status=status)]
        except ArizeNotFoundError:  # the task was deleted, and its runs with it
            return []

    def _situation(self, slot: Slot) -> Situation:
        return Situation(
            attempt=self._attempt,
            record=self._records.get(slot.key),
            has_store=self._records.has_store,
            reuse=self._reuse.for_slot(slot),
            server_now=self._clock.now(),
            run_start=self._clock.from_local(self._times.start),
            run_after=self._clock.from_local(self._times.run_after),
            shows_in_its_run=slot.shows_in_its_run,
        )

    def _look_at(self, slot: Slot, record: SlotRecord, plan: Plan) -> Started:
        run = self._hook.get_run(run_id=str(plan.run_id))
        if is_good(run):
            return self._take_over(slot, run, ours=record.ours)
        self._log.info("Run %s ended %s (%s): triggering anew", run.id, run.status.value, run.failure_reason)
        return self._trigger(slot, spent_by(record, [run.id]))

    def _cancel_first(self, slot: Slot, situation: Situation, record: SlotRecord, plan: Plan) -> Started:
        run_id = str(plan.run_id)
        try:
            self._end(run_id)
        except ArizeNotFoundError:
            # Gone, or not readable. Where the task's list has nothing of it going either, there is nothing to end.
            if any(run.id == run_id for run in self._going_of(slot.task_id)):
                raise
            self._log.warning("Run %s is not there any more, so there is nothing to end", run_id)
        record = spent_by(record, [run_id])
        if situation.reuse is ReuseRun.SAME_WINDOW and slot.window is not None:
            search = replace(search_after_clear(situation), spent=frozenset(record.spent))
            return self._search_first(slot, replace(situation, record=record), search)
        return self._trigger(slot, record)

    def _search_first(self, slot: Slot, situation: Situation, search: Search) -> Started:
        found = self._search(slot, search)
        record = situation.record
        if found.run is None:
            unanswered = record is not None and record.run_id is None and self._attempt.owns(record)
            again = found.nothing and unanswered
            return self._trigger(slot, record, spent=[run.id for run in found.ended_badly], again=again)
        if search.cancel:
            self._end(found.run.id)
            return self._trigger(slot, record, spent=[found.run.id])
        if search.only_active and self._records.has_store:
            return self._take_over_unless_cancelled(slot, found.run, record, ours=search.ours)
        return self._take_over(slot, found.run, ours=search.ours)

    def _take_over_unless_cancelled(
        self, slot: Slot, run: TaskRun, record: SlotRecord | None, *, ours: bool
    ) -> Started:
        """A cleared attempt's trigger may be cancelling this very run (its ``on_kill`` runs late): watch it first."""
        until = self._clock.now() + SETTLE
        while not run.status.is_terminal and self._clock.now() < until:
            time.sleep(_PAUSE)
            run = self._hook.get_run(run_id=run.id)
        if run.status.is_terminal:
            self._log.info("Run %s from before the clear ended %s: triggering anew", run.id, run.status.value)
            return self._trigger(slot, record, spent=[run.id])
        return self._take_over(slot, run, ours=ours)

    def _take_over(self, slot: Slot, run: TaskRun, *, ours: bool = True) -> Started:
        self._log.info("Taking over run %s (%s) for %s", run.id, run.status.value, slot)
        record = self._records.get(slot.key) or self._new_record()
        taken = replace(
            record, generation=self._attempt.generation, attempt=self._attempt.number, run_id=run.id, ours=ours
        )
        self._write_down(slot, taken)
        return Started(slot=slot, run=run, taken_over=True, ours=ours)

    def _new_record(self) -> SlotRecord:
        return SlotRecord(
            generation=self._attempt.generation, attempt=self._attempt.number, intent_at=self._clock.now()
        )

    def _trigger(
        self, slot: Slot, record: SlotRecord | None, *, spent: Iterable[str] = (), again: bool = False
    ) -> Started:
        names = Names.of(slot.experiment_name, record, repeat=again)
        record = spent_by(record or self._new_record(), spent)
        lost = 0
        while lost < _MAX_POSTS and len(names.used) < _MAX_NAMES:
            name, before = names.next(), self._records.get(slot.key)
            record = self._intend(slot, record, name, since=record.look_from if again else None)
            try:
                run = self._post(slot, experiment_name=name)
            except ArizeError as error:
                if isinstance(error, ArizeConflictError) and name is not None:
                    lost_at = names.lost.get(name)
                    taken, again = self._take_over_name(slot, record, error, before=before, lost_at=lost_at), False
                    names.used.append(name)
                elif getattr(error, "outcome_unknown", False):
                    taken, again = self._after_lost_answer(slot, record, error), True
                    names.lost.setdefault(name, record.look_from)
                    lost += 1
                else:
                    self._refused(slot, before, error)
                if taken is not None:
                    return taken
            else:
                self._log.info("Triggered run %s for %s", run.id, slot if name is None else f"experiment {name!r}")
                self._write_down(slot, replace(record, run_id=run.id))
                return Started(slot=slot, run=run, taken_over=False)
        raise ArizeWaitError(
            f"{slot}: gave up after {lost} triggers that started no run which the server lists, with {len(names.used)} "
            "names used up. Nothing is known to be going; the next attempt looks for a run again before it triggers"
        )

    def _intend(self, slot: Slot, record: SlotRecord, name: str | None, *, since: datetime | None) -> SlotRecord:
        """Write the intent down. If that fails the error goes up: nothing was sent, the next attempt starts clean."""
        intent = SlotRecord(
            generation=self._attempt.generation,
            attempt=self._attempt.number,
            intent_at=self._clock.now(),
            since=since,
            spent=record.spent,
            name=name,
        )
        self._records.put(slot.key, intent)
        return intent

    def _refused(self, slot: Slot, before: SlotRecord | None, error: ArizeError) -> NoReturn:
        """A POST surely started nothing: undo its intent, lest the next attempt look for its run and find another's."""
        try:
            self._records.restore(slot.key, before)
        except Exception as failure:  # noqa: BLE001 - the refusal goes up; the next attempt looks for a run in vain
            self._log.warning("The intent to trigger %s could not be taken back: %s", slot, failure)
        if _is_no_data(error):
            raise NoDataError(str(error)) from error
        raise error

    def _after_lost_answer(self, slot: Slot, record: SlotRecord, error: ArizeError) -> Started | None:
        """Look for the run of a POST whose answer was lost; ``None``: the server surely has no such run."""
        self._log.warning("%s: the trigger's answer got lost (%s); looking for its run before doing more", slot, error)
        found = self._search(slot, search_after_lost_answer(record, self._reuse.for_slot(slot)))
        # A run of ours that has already failed is ours all the same: the verdict on it is the caller's.
        run = found.run or next(iter(found.ended_badly), None)
        if run is not None:
            return self._take_over(slot, run)
        self._log.info("%s: the server lists no such run %s s later: triggering again", slot, SETTLE.total_seconds())
        return None

    def _take_over_name(
        self,
        slot: Slot,
        record: SlotRecord,
        error: ArizeConflictError,
        *,
        before: SlotRecord | None,
        lost_at: datetime | None,
    ) -> Started | None:
        """The name is taken: the run that took it if it is ours, ``None`` if the next name is to be used."""
        experiment = next((each for each in self._series(slot) if each.name == record.name), None)
        created_at = experiment.created_at if experiment else None
        run_start = self._clock.from_local(self._times.start)
        owner = owner_of_name(
            created_at=created_at,
            attempt=self._attempt,
            run_start=run_start,
            lost_at=lost_at,
            never_reuse=self._reuse is ReuseRun.NEVER,
        )
        if owner is NameOwner.FOREIGN:
            self._refused(slot, before, ArizeConfigError(_foreign_name(str(record.name), created_at)))
        if owner is NameOwner.SPENT:
            return None
        run = self._run_of_name(slot, str(record.name))
        if run is None:
            raise ArizeWaitError(
                f"experiment {record.name!r} was made since this DAG run started, but the server lists no run of this "
                "Arize task for it yet. Nothing was triggered; the next attempt looks again. If another task of the "
                "dataset, or a person, has taken the name, give this one another"
            ) from error
        return self._take_over(slot, run) if is_good(run) and run.id not in record.spent else None

    def _run_of_name(self, slot: Slot, name: str) -> TaskRun | None:
        """The run that made the experiment of a name; waited for until the server has had time to list it."""
        until = self._clock.now() + SETTLE
        while True:
            made = {each.id for each in self._series(slot) if each.name == name}
            runs = [run for run in self._hook.list_all_runs(slot.task_id) if run.experiment_id in made]
            if runs:
                return runs[0]
            if self._clock.now() >= until:
                return None
            time.sleep(_PAUSE)

    def _search(self, slot: Slot, search: Search) -> Found:
        give_up = self._clock.now() + _NAMELESS_PATIENCE
        while True:
            try:
                # In this order: an experiment that a run in the list names has to be in the other list.
                runs = list(self._hook.list_all_runs(slot.task_id))
                experiments = self._series(slot) if slot.experiment_name is not None else ()
            except ArizeError as error:
                # Unknown is not absence, and giving up for good would leave a run going that nobody waits for.
                raise ArizeWaitError(
                    f"{slot}: whether a run of it is going already could not be found out ({error}). Nothing more was "
                    "triggered; the next attempt looks again"
                ) from error
            ids = [each.id for each in experiments if search.name in (None, each.name)]
            found = choose(slot, runs, search, experiments=ids)
            if found.ambiguous:
                raise ArizeAmbiguousRunError(ambiguous_message(slot, found))
            now = self._clock.now()
            if search.is_settled(found, now):
                return found
            if found.nameless and now >= give_up:
                raise ArizeWaitError(nameless_message(slot, found))
            time.sleep(_PAUSE)

    def _series(self, slot: Slot) -> list[Experiment]:
        base = str(slot.experiment_name)
        dataset_id = self._tasks(slot.task_id).dataset_id
        if dataset_id is None:
            return []
        listed = self._hook.iter_experiments(dataset=dataset_id, name=base)
        return [each for each in listed if is_in_series(each.name, base)]

    def _end(self, run_id: str) -> None:
        """Cancel a run and wait until it has ended, so that nothing of it is still going when the new one starts."""
        end_run(self._hook, run_id, patience=_CANCEL_PATIENCE, pause=_PAUSE, log=self._log)

    def _write_down(self, slot: Slot, record: SlotRecord) -> None:
        try:
            self._records.put(slot.key, record)
        except Exception as error:  # noqa: BLE001 - the run exists and its intent is on record: waiting for it is right
            self._log.warning("Run %s could not be written to the task state store: %s", record.run_id, error)


def _is_no_data(error: ArizeError) -> bool:
    if not isinstance(error, ArizeInvalidRequestError):
        return False
    return "no data found" in f"{error.detail or ''} {error.title or ''}".lower()


def _foreign_name(name: str, created_at: datetime | None) -> str:
    when = f"created at {created_at.isoformat()}" if created_at else "that is not listed"
    return (
        f"experiment name {name!r} is taken in this dataset by an experiment {when}, before this DAG run started, so "
        "this task did not make it. Nothing was triggered. Make experiment_name unique per DAG run, for example "
        "'nightly-{{ dag_run.run_after | ds }}'"
    )
