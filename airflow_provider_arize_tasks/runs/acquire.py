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
from airflow_provider_arize_tasks.runs.cancel import cancel_and_wait
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
    search_after_clear,
    search_after_lost_answer,
    unidentified_message,
)
from airflow_provider_arize_tasks.runs.names import (
    NameOwner,
    Names,
    is_in_series,
    owner_of_name,
)
from airflow_provider_arize_tasks.runs.requests import Attempt, RunRecord, RunRequest, excluding
from airflow_provider_arize_tasks.runs.verdict import is_good

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from airflow_provider_arize_tasks.client.models import Experiment, Task, TaskRun
    from airflow_provider_arize_tasks.runs.api import RunsApi
    from airflow_provider_arize_tasks.runs.attempt import DagRunTimes, Records, ServerClock

#: POSTs of one attempt whose answers may get lost before the attempt gives up (the next one goes on from its record).
_MAX_POSTS = 3
#: Names of a series that one attempt finds used up before it gives up.
_MAX_NAMES = 100
_ACTIVE = (RunStatus.PENDING, RunStatus.RUNNING)
#: Seconds between two looks while waiting for a list to settle or a cancelled run to end.
_PAUSE = 1.0
#: How long a run may take to get its experiment while an attempt waits to see whether it is its own.
_IDENTITY_PATIENCE = timedelta(seconds=120)
#: How long a cancelled run may take to end.
_CANCEL_PATIENCE = 120.0


class NoDataError(Exception):
    """The server refused to trigger: the window holds no data."""


class Post(Protocol):
    """Sends the POST that triggers a request's run."""

    def __call__(self, request: RunRequest, *, experiment_name: str | None) -> TaskRun:
        """Trigger and return the new run."""


@dataclass(frozen=True, kw_only=True)
class AcquiredRun:
    """A run that serves a request.

    :param adopted: whether this attempt did not trigger it itself.
    :param owned: whether this task instance did, in whichever attempt; only then it may be cancelled.
    """

    request: RunRequest
    run: TaskRun
    adopted: bool
    owned: bool = True


class RunAcquirer:
    """Finds or triggers the one run of each request.

    :param api: the server.
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
        api: RunsApi,
        records: Records,
        attempt: Attempt,
        times: DagRunTimes,
        reuse: ReuseRun,
        clock: ServerClock,
        post: Post,
        tasks: Callable[[str], Task],
        log: Any,
    ) -> None:
        self._api = api
        self._records = records
        self._attempt = attempt
        self._times = times
        self._reuse = reuse
        self._clock = clock
        self._post = post
        self._tasks = tasks
        self._log = log

    def start(self, request: RunRequest) -> AcquiredRun:
        """The run of a request: taken over or triggered.

        :raises NoDataError: the window holds no data; nothing was started.
        :raises ArizeAmbiguousRunError: several runs match.
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

    def cancel_leftovers(self, requests: Iterable[RunRequest]) -> None:
        """After a clear: end runs from before it that no request may come across again.

        The window may be another one now, and evaluations of an experiment that is made anew are of no use any more.
        What the requests do come across is ended when its turn comes.

        :param requests: what this attempt begins with.
        :raises ArizeError: the server could not be asked; the next attempt does.
        """
        wanted = {request.key for request in requests}
        left: dict[str, set[str]] = {}
        for key, record in self._records.before_clear(self._attempt).items():
            if key not in wanted and record.owned and record.run_id is not None:
                left.setdefault(RunRequest.task_of(key), set()).add(record.run_id)
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
            shows_in_its_run=request.shows_in_its_run,
        )

    def _look_at(self, request: RunRequest, record: RunRecord, plan: Plan) -> AcquiredRun:
        run = self._api.get_run(run_id=str(plan.run_id))
        if is_good(run):
            return self._adopt(request, run, owned=record.owned)
        self._log.info("Run %s ended %s (%s): triggering anew", run.id, run.status.value, run.failure_reason)
        return self._trigger(request, excluding(record, [run.id]))

    def _cancel_first(self, request: RunRequest, situation: Situation, record: RunRecord, plan: Plan) -> AcquiredRun:
        run_id = str(plan.run_id)
        try:
            self._cancel_and_wait(run_id)
        except ArizeNotFoundError:
            # Gone, or not readable. Where the task's list has nothing of it going either, there is nothing to end.
            if any(run.id == run_id for run in self._active_of(request.task_id)):
                raise
            self._log.warning("Run %s is not there any more, so there is nothing to end", run_id)
        record = excluding(record, [run_id])
        if situation.reuse is ReuseRun.SAME_WINDOW and request.window is not None:
            search = replace(search_after_clear(situation), excluded=frozenset(record.excluded))
            return self._search_first(request, replace(situation, record=record), search)
        return self._trigger(request, record)

    def _search_first(self, request: RunRequest, situation: Situation, search: Search) -> AcquiredRun:
        found = self._search(request, search)
        record = situation.record
        if found.run is None:
            unanswered = record is not None and record.run_id is None and self._attempt.owns(record)
            again = found.nothing and unanswered
            return self._trigger(request, record, excluded=[run.id for run in found.ended_badly], again=again)
        if search.cancel:
            self._cancel_and_wait(found.run.id)
            return self._trigger(request, record, excluded=[found.run.id])
        if search.only_active and self._records.has_store:
            return self._adopt_unless_cancelled(request, found.run, record, owned=search.owned)
        return self._adopt(request, found.run, owned=search.owned)

    def _adopt_unless_cancelled(
        self, request: RunRequest, run: TaskRun, record: RunRecord | None, *, owned: bool
    ) -> AcquiredRun:
        """A cleared attempt's trigger may be cancelling this very run (its ``on_kill`` runs late): watch it first."""
        until = self._clock.now() + SETTLE
        while not run.status.is_terminal and self._clock.now() < until:
            time.sleep(_PAUSE)
            run = self._api.get_run(run_id=run.id)
        if run.status.is_terminal:
            self._log.info("Run %s from before the clear ended %s: triggering anew", run.id, run.status.value)
            return self._trigger(request, record, excluded=[run.id])
        return self._adopt(request, run, owned=owned)

    def _adopt(self, request: RunRequest, run: TaskRun, *, owned: bool = True) -> AcquiredRun:
        self._log.info("Taking over run %s (%s) for %s", run.id, run.status.value, request)
        record = self._records.get(request.key) or self._new_record()
        taken = replace(
            record, generation=self._attempt.generation, attempt=self._attempt.number, run_id=run.id, owned=owned
        )
        self._write_down(request, taken)
        return AcquiredRun(request=request, run=run, adopted=True, owned=owned)

    def _new_record(self) -> RunRecord:
        return RunRecord(generation=self._attempt.generation, attempt=self._attempt.number, intent_at=self._clock.now())

    def _trigger(
        self, request: RunRequest, record: RunRecord | None, *, excluded: Iterable[str] = (), again: bool = False
    ) -> AcquiredRun:
        names = Names.of(request.experiment_name, record, repeat=again)
        record = excluding(record or self._new_record(), excluded)
        lost = 0
        while lost < _MAX_POSTS and len(names.used) < _MAX_NAMES:
            name, before = names.next(), self._records.get(request.key)
            record = self._intend(request, record, name, since=record.look_from if again else None)
            try:
                run = self._post(request, experiment_name=name)
            except ArizeError as error:
                if isinstance(error, ArizeConflictError) and name is not None:
                    lost_at = names.lost.get(name)
                    taken, again = self._adopt_by_name(request, record, error, before=before, lost_at=lost_at), False
                    names.used.append(name)
                elif getattr(error, "outcome_unknown", False):
                    taken, again = self._after_lost_answer(request, record, error), True
                    names.lost.setdefault(name, record.look_from)
                    lost += 1
                else:
                    self._refused(request, before, error)
                if taken is not None:
                    return taken
            else:
                self._log.info("Triggered run %s for %s", run.id, request if name is None else f"experiment {name!r}")
                self._write_down(request, replace(record, run_id=run.id))
                return AcquiredRun(request=request, run=run, adopted=False)
        raise ArizeWaitError(
            f"{request}: gave up after {lost} triggers that started no run which the server lists, with "
            f"{len(names.used)} names used up. Nothing is known to be going; the next attempt looks for a run again "
            "before it triggers"
        )

    def _intend(self, request: RunRequest, record: RunRecord, name: str | None, *, since: datetime | None) -> RunRecord:
        """Write the intent down. If that fails the error goes up: nothing was sent, the next attempt starts clean."""
        intent = RunRecord(
            generation=self._attempt.generation,
            attempt=self._attempt.number,
            intent_at=self._clock.now(),
            since=since,
            excluded=record.excluded,
            name=name,
        )
        self._records.put(request.key, intent)
        return intent

    def _refused(self, request: RunRequest, before: RunRecord | None, error: ArizeError) -> NoReturn:
        """A POST surely started nothing: undo its intent, lest the next attempt look for its run and find another's."""
        try:
            self._records.restore(request.key, before)
        except Exception as failure:  # noqa: BLE001 - the refusal goes up; the next attempt looks for a run in vain
            self._log.warning("The intent to trigger %s could not be taken back: %s", request, failure)
        if _is_no_data(error):
            raise NoDataError(str(error)) from error
        raise error

    def _after_lost_answer(self, request: RunRequest, record: RunRecord, error: ArizeError) -> AcquiredRun | None:
        """Look for the run of a POST whose answer was lost; ``None``: the server surely has no such run."""
        self._log.warning(
            "%s: the trigger's answer got lost (%s); looking for its run before doing more", request, error
        )
        found = self._search(request, search_after_lost_answer(record, self._reuse.for_request(request)))
        # A run of ours that has already failed is ours all the same: the verdict on it is the caller's.
        run = found.run or next(iter(found.ended_badly), None)
        if run is not None:
            return self._adopt(request, run)
        self._log.info("%s: the server lists no such run %s s later: triggering again", request, SETTLE.total_seconds())
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
        experiment = next((each for each in self._series(request) if each.name == record.name), None)
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
            self._refused(request, before, ArizeConfigError(_foreign_name(str(record.name), created_at)))
        if owner is NameOwner.USED_UP:
            return None
        run = self._run_of_name(request, str(record.name))
        if run is None:
            raise ArizeWaitError(
                f"experiment {record.name!r} was made since this DAG run started, but the server lists no run of this "
                "Arize task for it yet. Nothing was triggered; the next attempt looks again. If another task of the "
                "dataset, or a person, has taken the name, give this one another"
            ) from error
        return self._adopt(request, run) if is_good(run) and run.id not in record.excluded else None

    def _run_of_name(self, request: RunRequest, name: str) -> TaskRun | None:
        """The run that made the experiment of a name; waited for until the server has had time to list it."""
        until = self._clock.now() + SETTLE
        while True:
            made = {each.id for each in self._series(request) if each.name == name}
            runs = [run for run in self._api.list_all_runs(request.task_id) if run.experiment_id in made]
            if runs:
                return runs[0]
            if self._clock.now() >= until:
                return None
            time.sleep(_PAUSE)

    def _search(self, request: RunRequest, search: Search) -> Found:
        give_up = self._clock.now() + _IDENTITY_PATIENCE
        while True:
            try:
                # In this order: an experiment that a run in the list names has to be in the other list.
                runs = list(self._api.list_all_runs(request.task_id))
                experiments = self._series(request) if request.experiment_name is not None else ()
            except ArizeError as error:
                # Unknown is not absence, and giving up for good would leave a run going that nobody waits for.
                raise ArizeWaitError(
                    f"{request}: whether a run of it is going already could not be found out ({error}). Nothing more "
                    "was triggered; the next attempt looks again"
                ) from error
            ids = [each.id for each in experiments if search.name in (None, each.name)]
            found = choose(request, runs, search, experiments=ids)
            if found.ambiguous:
                raise ArizeAmbiguousRunError(ambiguous_message(request, found))
            now = self._clock.now()
            if search.is_settled(found, now):
                return found
            if found.unidentified and now >= give_up:
                raise ArizeWaitError(unidentified_message(request, found))
            time.sleep(_PAUSE)

    def _series(self, request: RunRequest) -> list[Experiment]:
        base = str(request.experiment_name)
        dataset_id = self._tasks(request.task_id).dataset_id
        if dataset_id is None:
            return []
        listed = self._api.iter_experiments(dataset=dataset_id, name=base)
        return [each for each in listed if is_in_series(each.name, base)]

    def _cancel_and_wait(self, run_id: str) -> None:
        """Cancel a run and wait until it has ended, so that nothing of it is still going when the new one starts."""
        cancel_and_wait(self._api, run_id, patience=_CANCEL_PATIENCE, pause=_PAUSE, log=self._log)

    def _write_down(self, request: RunRequest, record: RunRecord) -> None:
        try:
            self._records.put(request.key, record)
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
