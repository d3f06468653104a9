"""Carries out run identity: adopts the run of an earlier attempt, or triggers exactly one."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.client.errors import (
    ArizeConfigError,
    ArizeConflictError,
    ArizeError,
    ArizeNotFoundError,
)
from airflow_provider_arize_tasks.runs.cancel import cancel_and_wait
from airflow_provider_arize_tasks.runs.errors import ArizeWaitError
from airflow_provider_arize_tasks.runs.identity import (
    CLOCK_SLACK,
    Found,
    Plan,
    ReuseRun,
    Search,
    Situation,
    Step,
    by_age,
    first_step,
    is_rival,
    search_after_clear,
    search_after_lost_answer,
)
from airflow_provider_arize_tasks.runs.names import NameOwner, Names, owner_of_name
from airflow_provider_arize_tasks.runs.requests import (
    AcquiredRun,
    Attempt,
    NoDataError,
    RunRecord,
    RunRequest,
    Twins,
    foreign_name,
    is_no_data,
)
from airflow_provider_arize_tasks.runs.verdict import is_good

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.runs.attempt import DagRunTimes, Records
    from airflow_provider_arize_tasks.runs.lookup import Lookup

#: POSTs of one attempt whose answers may get lost before the attempt gives up (the next one goes on from its record).
_MAX_POSTS = 3
#: Names of a series that one attempt finds used up before it gives up.
_MAX_NAMES = 100
_ACTIVE = (RunStatus.PENDING, RunStatus.RUNNING)


class RunAcquirer:
    """Finds or triggers the one run of each run request.

    :param lookup: finds runs; it has the server, its clock, the patience and the operator's logger.
    :param records: what earlier attempts wrote down.
    :param attempt: where this attempt stands.
    :param times: of the DAG run.
    :param reuse: which run may be adopted.
    :param post: triggers a run for a request, under an experiment's name where it has one.
    """

    def __init__(
        self,
        *,
        lookup: Lookup,
        records: Records,
        attempt: Attempt,
        times: DagRunTimes,
        reuse: ReuseRun,
        post: Callable[[RunRequest, str | None], TaskRun],
    ) -> None:
        self._lookup = lookup
        self._api, self._clock, self._patience, self._log = lookup.api, lookup.clock, lookup.patience, lookup.log
        self._records = records
        self._attempt = attempt
        self._times = times
        self._reuse = reuse
        self._post = post

    def acquire(self, request: RunRequest) -> AcquiredRun:
        """The run of a request: adopted or triggered.

        :raises NoDataError: the window holds no data; nothing was started.
        :raises ArizeAmbiguousRunError: several runs match.
        :raises ArizeRecordError: what is on record about the request can't be read.
        :raises ArizeError: the server could not be asked, or refused. What may have started a run stays on record for
            the next attempt.
        """
        situation = self._situation(request)
        plan = first_step(situation)
        self._log.info("%s: %s", request, plan.reason)
        record = situation.record
        if plan.step is Step.LOOK_AT and record is not None:
            return self._look_at(request, record, plan)
        if plan.step is Step.CANCEL_FIRST and record is not None:
            return self._cancel_first(request, situation, record, plan)
        if plan.step is Step.SEARCH and plan.search is not None:
            return self._search_first(request, situation, plan.search)
        return self._trigger(request, record)

    def reconcile(self, request: RunRequest, record: RunRecord) -> Twins:
        """Once more look for runs of a request that nobody knows of: its run has ended, or its deadline has passed.

        :param request: the request.
        :param record: what is on record about it.
        :raises ArizeError: the server could not be asked.
        """
        cancels = self._reuse.for_request(request) is not ReuseRun.SAME_WINDOW
        return self._lookup.reconcile(request, record, cancels=cancels)

    def cancel_leftovers(self, requests: Iterable[RunRequest]) -> None:
        """After a clear: end runs from before it that no request may come across again.

        The window may be another one now, and evaluations of an experiment that is made anew are of no use any more.
        What the requests do come across is ended when its turn comes.

        :param requests: what this attempt begins with.
        :raises ArizeError: the server could not be asked; the next attempt does.
        """
        if not self._attempt.was_cleared:
            return
        wanted = {request.key for request in requests}
        left: dict[str, set[str]] = {}
        for key, record in self._records.before_clear(self._attempt).items():
            if key in wanted or not record.owned:
                continue
            request = RunRequest.of_key(key)
            if record.run_id is not None:
                left.setdefault(request.task_id, set()).add(record.run_id)
            else:
                record = record.given_up(record.intent_at)
            if record.is_uncertain:
                with suppress(ArizeNotFoundError):  # the task was deleted, and its runs with it
                    self.reconcile(request, record)
        for task_id, run_ids in left.items():
            for run in self._active_of(task_id):
                if run.id in run_ids:
                    self._cancel_and_wait(run.id)

    def _active_of(self, task_id: str) -> list[TaskRun]:
        try:
            return [run for status in _ACTIVE for run in self._api.list_all_runs(task_id, status=status)]
        except ArizeNotFoundError:  # the task was deleted, and its runs with it
            return []

    def _situation(self, request: RunRequest) -> Situation:
        return Situation(
            attempt=self._attempt,
            record=self._records.get(request.key),
            has_store=self._records.has_store,
            reuse=self._reuse.for_request(request),
            server_now=self._clock.now(),
            run_start=self._clock.from_local(self._times.start),
            run_after=self._clock.from_local(self._times.run_after),
            patience=self._patience,
            shows_in_its_run=request.shows_in_its_run,
        )

    # -- what comes first ------------------------------------------------------------------------------------------

    def _look_at(self, request: RunRequest, record: RunRecord, plan: Plan) -> AcquiredRun:
        run = self._api.get_run(run_id=str(plan.run_id))
        if is_good(run):
            if record.is_uncertain:
                record = record.having_found(self.reconcile(request, record))
            return self._adopt(request, run, record, owned=record.owned)
        self._log.info("Run %s ended %s (%s): it is not adopted", run.id, run.status.value, run.failure_reason)
        record = record.having_ended([run])
        if record.is_uncertain:
            twin = next((each for each in self._lookup.twins(request, record).twins if is_good(each)), None)
            if twin is not None:
                return self._adopt(request, twin, record.accounting_for(1))
        return self._trigger(request, record)

    def _cancel_first(self, request: RunRequest, situation: Situation, record: RunRecord, plan: Plan) -> AcquiredRun:
        run_id = str(plan.run_id)
        try:
            self._cancel_and_wait(run_id)
        except ArizeNotFoundError:
            # Gone, or not readable. Where the task's list has nothing of it active either, there is nothing to end.
            if any(run.id == run_id for run in self._active_of(request.task_id)):
                raise
            self._log.warning("Run %s is not there any more, so there is nothing to end", run_id)
        if record.is_uncertain:
            twins = self._lookup.cancel_twins(self._lookup.twins(request, record).twins)
            record = record.having_found(twins)
        record = record.excluding([run_id])
        if not self._attempt.owns(record):
            record = record.anew()
        if situation.reuse is ReuseRun.SAME_WINDOW and request.window is not None:
            search = replace(search_after_clear(situation), excluded=frozenset(record.excluded))
            return self._search_first(request, replace(situation, record=record), search)
        return self._trigger(request, record)

    def _search_first(self, request: RunRequest, situation: Situation, search: Search) -> AcquiredRun:
        record = situation.record
        is_own = record is not None and self._attempt.owns(record)
        unanswered = record is not None and record.run_id is None and is_own
        if record is not None and record.run_id is None:
            record = record.given_up(self._clock.now())
        found = self._lookup.search(request, search)
        if found.run is None:
            again = found.nothing and unanswered
            return self._trigger(request, record, ended=found.ended_badly, again=again)
        if search.cancel and found.is_sure:
            runs = (found.run, *found.twins)
            for run in runs:
                self._cancel_and_wait(run.id)
            record = (record or self._new_record()).excluding(run.id for run in runs).accounting_for(len(runs))
            return self._trigger(request, record if is_own else record.anew())
        if search.cancel and situation.reuse is ReuseRun.NEVER:
            self._log.info("Run %s may be another's: it is left alone", found.run.id)
            return self._trigger(request, record)
        if search.only_active and self._records.has_store:
            return self._adopt_unless_cancelled(request, found.run, record, owned=search.owned and found.is_sure)
        return self._adopt_found(request, found, record, owned=search.owned)

    def _adopt_unless_cancelled(
        self, request: RunRequest, run: TaskRun, record: RunRecord | None, *, owned: bool
    ) -> AcquiredRun:
        """A cleared attempt's trigger may be cancelling this very run (its ``on_kill`` runs late): watch it first."""
        until = self._clock.now() + timedelta(seconds=self._patience.listing)
        while not run.status.is_terminal and self._clock.now() < until:
            time.sleep(self._patience.pause)
            run = self._api.get_run(run_id=run.id)
        if run.status.is_terminal:
            self._log.info("Run %s from before the clear ended %s: triggering anew", run.id, run.status.value)
            return self._trigger(request, (record or self._new_record()).excluding([run.id]))
        return self._adopt(request, run, record, owned=owned)

    def _adopt_found(
        self, request: RunRequest, found: Found, record: RunRecord | None, *, owned: bool = True
    ) -> AcquiredRun:
        """Adopt what was found, and deal with what else of ours was."""
        run = found.run
        assert run is not None  # noqa: S101  # for the type checker
        record = record or self._new_record()
        if owned:
            record = record.having_found(self._lookup.cancel_twins(found.twins))
        if found.is_sure:
            record = record.accounting_for(1)
        else:
            self._log.info("Run %s is a little older than this trigger, so it may be another's: not cancelled", run.id)
        return self._adopt(request, run, record, owned=owned and found.is_sure)

    def _adopt(
        self, request: RunRequest, run: TaskRun, record: RunRecord | None = None, *, owned: bool = True
    ) -> AcquiredRun:
        self._log.info("Adopting run %s (%s) for %s", run.id, run.status.value, request)
        adopted = replace(
            record or self._new_record(),
            generation=self._attempt.generation,
            attempt=self._attempt.number,
            run_id=run.id,
            owned=owned,
        )
        self._write_down(request, adopted)
        return AcquiredRun(request=request, run=run, adopted=True, owned=owned, record=adopted)

    # -- triggering ------------------------------------------------------------------------------------------------

    def _new_record(self) -> RunRecord:
        return RunRecord(generation=self._attempt.generation, attempt=self._attempt.number, intent_at=self._clock.now())

    def _trigger(
        self, request: RunRequest, record: RunRecord | None, *, ended: Iterable[TaskRun] = (), again: bool = False
    ) -> AcquiredRun:
        names = Names.of(request.experiment_name, record, repeat=again)
        ended = tuple(ended)
        record = (record or self._new_record()).having_ended(ended).accounting_for(len(ended))
        lost = 0
        while lost < _MAX_POSTS and len(names.used) < _MAX_NAMES:
            name, before = names.next(), self._records.get(request.key)
            record = self._intend(request, record, name, again=again)
            try:
                run = self._post(request, name)
            except ArizeError as error:
                if isinstance(error, ArizeConflictError) and name is not None:
                    lost_at = names.lost.get(name)
                    taken, again = self._adopt_by_name(request, record, error, before=before, lost_at=lost_at), False
                    names.used.append(name)
                elif getattr(error, "outcome_unknown", False):
                    record = record.given_up(self._clock.now())
                    taken, again = self._after_lost_answer(request, record, error), True
                    names.lost.setdefault(name, record.look_from)
                    lost += 1
                else:
                    self._refused(request, before, error)
                if taken is not None:
                    return taken
            else:
                return self._triggered(request, record, run)
        raise ArizeWaitError(
            f"{request}: gave up after {lost} triggers that started no run which the server lists, with "
            f"{len(names.used)} names used up. Nothing is known to be going; the next attempt looks for a run again "
            "before it triggers"
        )

    def _triggered(self, request: RunRequest, record: RunRecord, run: TaskRun) -> AcquiredRun:
        what = request if record.name is None else f"experiment {record.name!r}"
        self._log.info("Triggered run %s for %s", run.id, what)
        if run.created_at is not None:
            record = replace(record, lag=max(record.lag, (record.intent_at - run.created_at).total_seconds()))
        record = replace(record, run_id=run.id)
        self._write_down(request, record)
        mine = AcquiredRun(request=request, run=run, adopted=False, record=record)
        if self._reuse.for_request(request) is ReuseRun.SAME_WINDOW:
            return self._yield_to_rival(mine)
        return mine

    def _yield_to_rival(self, mine: AcquiredRun) -> AcquiredRun:
        """With ``same_window``, of two that triggered at the same moment the older run stays, whoever looks."""
        since = min(mine.run.created_at or mine.record.intent_at, mine.record.intent_at) - CLOCK_SLACK
        known = frozenset({*mine.record.excluded, mine.run.id})
        search = Search(not_before=since, excluded=known, take_newest=True, owned=False)
        until = self._clock.now() + timedelta(seconds=self._patience.rival)
        while True:
            began = self._clock.now()
            rivals = self._lookup.good(mine.request, search)
            # What had ended before this trigger was not on the list before it, or is not to be adopted (a clear).
            older = [run for run in rivals if by_age(run) < by_age(mine.run) and is_rival(run, mine.record)]
            if older or began >= until:
                break
            time.sleep(self._patience.pause)
        if not older:
            return mine
        rival = min(older, key=by_age)
        self._log.info(
            "Run %s over the same window was triggered first, by another: cancelling run %s", rival.id, mine.run.id
        )
        self._cancel_and_wait(mine.run.id)
        return self._adopt(mine.request, rival, mine.record.excluding([mine.run.id]), owned=False)

    def _intend(self, request: RunRequest, record: RunRecord, name: str | None, *, again: bool) -> RunRecord:
        """Write the intent down. If that fails the error goes up: nothing was sent, the next attempt starts clean."""
        intent = replace(
            record,
            generation=self._attempt.generation,
            attempt=self._attempt.number,
            intent_at=self._clock.now(),
            since=(record.since or record.intent_at) if again else None,
            run_id=None,
            name=name,
            owned=True,
        )
        self._records.put(request.key, intent)
        return intent

    def _refused(self, request: RunRequest, before: RunRecord | None, error: ArizeError) -> NoReturn:
        """A POST surely started nothing: undo its intent, lest the next attempt look for its run and find another's."""
        try:
            self._records.restore(request.key, before)
        except Exception as failure:  # noqa: BLE001 - the refusal goes up; the next attempt looks for a run in vain
            self._log.warning("The intent to trigger %s could not be taken back: %s", request, failure)
        if is_no_data(error):
            raise NoDataError(str(error)) from error
        raise error

    def _after_lost_answer(self, request: RunRequest, record: RunRecord, error: ArizeError) -> AcquiredRun | None:
        """Look for the run of a POST whose answer was lost; ``None``: the server lists no such run."""
        self._log.warning(
            "%s: the trigger's answer got lost (%s); looking for its run before doing more", request, error
        )
        until = self._clock.now() + timedelta(seconds=self._patience.listing)
        search = search_after_lost_answer(record, self._reuse.for_request(request), look_until=until)
        found = self._lookup.search(request, search)
        if found.run is None and found.ended_badly:
            # A run of ours that has already failed is ours all the same: the verdict on it is the caller's.
            found = replace(found, run=found.ended_badly[0], is_sure=True)
        if found.run is not None:
            return self._adopt_found(request, found, record, owned=search.owned)
        self._log.info("%s: the server lists no such run %g s later: triggering again", request, self._patience.listing)
        return None

    def _adopt_by_name(
        self,
        request: RunRequest,
        record: RunRecord,
        error: ArizeConflictError,
        *,
        before: RunRecord | None,
        lost_at: datetime | None,
    ) -> AcquiredRun | None:
        """The name is taken: the run that took it if it is ours, ``None`` if the next name is to be used."""
        experiment = next(iter(self._lookup.named(request, str(record.name))), None)
        created_at = experiment.created_at if experiment else None
        owner = owner_of_name(
            created_at=created_at,
            attempt=self._attempt,
            run_start=self._clock.from_local(self._times.start),
            lost_at=lost_at - CLOCK_SLACK if lost_at else None,
            never_reuse=self._reuse is ReuseRun.NEVER,
        )
        if owner is NameOwner.FOREIGN:
            self._refused(request, before, ArizeConfigError(foreign_name(str(record.name), created_at)))
        if owner is NameOwner.USED_UP:
            return None
        run = self._lookup.run_of_name(request, str(record.name))
        if run is None:
            raise ArizeWaitError(
                f"experiment {record.name!r} was made since this DAG run started, but the server lists no run of this "
                "Arize task for it yet. Nothing was triggered; the next attempt looks again. If another task of the "
                "dataset, or a person, has taken the name, give this one another"
            ) from error
        if not is_good(run) or run.id in record.excluded:
            return None
        return self._adopt(request, run, record.accounting_for(1))

    def _cancel_and_wait(self, run_id: str) -> None:
        """Cancel a run and wait until it has ended, so that nothing of it is active when the new one starts."""
        cancel_and_wait(self._api, run_id, patience=self._patience, log=self._log)

    def _write_down(self, request: RunRequest, record: RunRecord) -> None:
        try:
            self._records.put(request.key, record)
        except Exception as error:  # noqa: BLE001 - the run exists and its intent is on record: waiting for it is right
            self._log.warning("Run %s could not be written to the task state store: %s", record.run_id, error)
