"""Run identity: which remote run belongs to an attempt of an Airflow task, and when a new one may be triggered.

The Arize API has no idempotency key, so "exactly one run per window" rests on three things: a record that the attempt
writes before and after its POST (Airflow's task state store, 3.3 and later), the list of the task's runs, and the
attempt's own number. Everything here is a pure function of those; the operators carry it out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.runs.verdict import is_good
from airflow_provider_arize_tasks.windows.window import Window, iso, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.runs.requests import Attempt, RunRecord, RunRequest
    from airflow_provider_arize_tasks.runs.timing import Patience

#: How far the clock that stamps runs may be behind the one in the replies' headers: they are other machines'.
CLOCK_SLACK = timedelta(seconds=60)


class ReuseRun(str, Enum):
    """Which run an attempt may adopt instead of triggering."""

    OWN = "own"
    SAME_WINDOW = "same_window"
    NEVER = "never"

    def for_request(self, request: RunRequest) -> ReuseRun:
        """What it means for a request.

        The evaluation of a dataset's experiments has no window, nor does its run tell which experiments it was for.
        Another's run may have been for others, so ``same_window`` is ``own`` there.
        """
        if self is ReuseRun.SAME_WINDOW and not request.shows_in_its_run:
            return ReuseRun.OWN
        return self


@dataclass(frozen=True, kw_only=True)
class Search:
    """How to look for a run among those the server lists.

    :param not_before: server time; runs created earlier are not ours, but for what clocks may differ.
        ``None``: any age.
    :param active_since: a run that has not ended is ours from this time on, which is before ``not_before``.
    :param excluded: runs not to be adopted.
    :param name: the experiment's name that the POST which is looked for sent. ``None``: any of the request's series.
    :param only_active: a cleared task joins only what is still active; what has ended is done anew.
    :param look_until: server time until which "not listed" is not yet believed. ``None``: one look is enough.
    :param since_post: ``not_before`` is the time of the one POST that is looked for, so a match that ended badly is
        what that POST started. Else it may be an earlier attempt's, and the latest POST's run not listed yet.
    :param take_newest: several matches: the newest good one (``same_window``) instead of an error.
    :param take_oldest: several matches, of one moment: the oldest good one, which is the one that stays
        (``same_window``).
    :param posts: so many POSTs of ours may have started a run each; as many matches are ours.
    :param owned: what is found is this task instance's own, as far as can be told, and may be cancelled.
    :param cancel: cancel what is found instead of adopting it (left behind from before a clear).
    """

    not_before: datetime | None
    active_since: datetime | None = None
    excluded: frozenset[str] = frozenset()
    name: str | None = None
    only_active: bool = False
    look_until: datetime | None = None
    since_post: bool = False
    take_newest: bool = False
    take_oldest: bool = False
    posts: int = 0
    owned: bool = True
    cancel: bool = False

    def is_over(self, found: Found, now: datetime) -> bool:
        """Whether what one look has found can be believed.

        :param found: what it has found.
        :param now: the server's time.
        """
        if found.run is not None and found.is_sure:
            return True
        if found.ambiguous or (self.since_post and found.ended_badly):
            return True
        return not found.unidentified and (self.look_until is None or now >= self.look_until)


class Step(str, Enum):
    """What an attempt does first about a request."""

    TRIGGER = "trigger"
    LOOK_AT = "look_at"
    CANCEL_FIRST = "cancel_first"
    SEARCH = "search"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A first step, with the reason to log."""

    step: Step
    reason: str
    run_id: str | None = None
    search: Search | None = None


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What an attempt knows when it decides.

    :param attempt: where it stands.
    :param record: what was written down about the request, by whichever attempt.
    :param has_store: whether this Airflow keeps such records at all.
    :param reuse: the operator's ``reuse_run``.
    :param shows_in_its_run: whether a run tells that it is the request's.
    :param server_now: the server's clock.
    :param run_start: start of the DAG run, on the server's clock (moved on when the DAG run is cleared).
    :param run_after: when the DAG run was due, on the server's clock; no run of it is older.
    :param patience: how long to look for what is not listed.
    """

    attempt: Attempt
    record: RunRecord | None
    has_store: bool
    reuse: ReuseRun
    server_now: datetime
    run_start: datetime
    run_after: datetime
    patience: Patience
    shows_in_its_run: bool = True

    @property
    def look_until(self) -> datetime:
        """How long an attempt looks that doesn't know when the connection of the one before it was given up."""
        return self.server_now + timedelta(seconds=self.patience.listing)


def first_step(situation: Situation) -> Plan:
    """What the attempt does first: adopt, look, cancel or trigger.

    The table in ``docs/exactly-once.md`` lists the cases.
    """
    record = situation.record
    if record is None:
        return _without_record(situation)
    if situation.attempt.owns(record):
        return _with_own_record(situation, record)
    return _with_record_from_before_a_clear(situation, record)


def _with_own_record(situation: Situation, record: RunRecord) -> Plan:
    if situation.reuse is ReuseRun.NEVER:
        if record.run_id is None:
            reason = f'reuse_run="never": ending what the trigger at {iso(record.intent_at)} started, if anything'
            return Plan(step=Step.SEARCH, search=_search_to_end(situation, record), reason=reason)
        reason = f'reuse_run="never": run {record.run_id} of an earlier attempt is not adopted'
        return Plan(step=Step.CANCEL_FIRST, run_id=record.run_id, reason=reason)
    if record.run_id is not None:
        reason = f"an earlier attempt started run {record.run_id}: looking at it"
        return Plan(step=Step.LOOK_AT, run_id=record.run_id, reason=reason)
    reason = (
        f"an earlier attempt meant to trigger at {iso(record.intent_at)} and never read an answer: looking for its run"
    )
    record = record.given_up(situation.server_now)
    search = search_after_lost_answer(record, situation.reuse, look_until=_until(situation, record))
    return Plan(step=Step.SEARCH, search=search, reason=reason)


def _until(situation: Situation, record: RunRecord) -> datetime:
    """A POST of minutes ago has long been listed; the connection of a recent one may have been given up just now."""
    stale = record.intent_at + timedelta(seconds=situation.patience.stale)
    return min(situation.look_until, max(stale, situation.server_now))


def search_after_lost_answer(record: RunRecord, reuse: ReuseRun, *, look_until: datetime) -> Search:
    """How to find the run of a POST whose answer was never read.

    :param record: what was written down before it.
    :param reuse: the operator's ``reuse_run``.
    :param look_until: server time until which "not listed" is not yet believed.
    """
    return Search(
        not_before=record.look_from,
        excluded=frozenset(record.excluded),
        name=record.name,
        look_until=look_until,
        since_post=record.since is None,
        # Of several that triggered at the same moment the older run stays, and whose it is can't be told.
        take_oldest=reuse is ReuseRun.SAME_WINDOW,
        owned=reuse is not ReuseRun.SAME_WINDOW,
        posts=max(1, record.unaccounted),
    )


def _with_record_from_before_a_clear(situation: Situation, record: RunRecord) -> Plan:
    if record.run_id is not None and not record.owned:
        reason = f"the task was cleared: run {record.run_id} from before is another's and left alone"
        return Plan(step=Step.SEARCH, search=search_after_clear(situation), reason=reason)
    if record.run_id is not None:
        reason = f"the task was cleared: run {record.run_id} from before is ended first if it is still going"
        return Plan(step=Step.CANCEL_FIRST, run_id=record.run_id, reason=reason)
    if situation.reuse is ReuseRun.SAME_WINDOW:
        search = replace(search_after_clear(situation), look_until=_until(situation, record))
        reason = f"the task was cleared after it meant to trigger at {iso(record.intent_at)}: joining what is going"
        return Plan(step=Step.SEARCH, search=search, reason=reason)
    reason = f"the task was cleared after it meant to trigger at {iso(record.intent_at)}: ending what that started"
    return Plan(step=Step.SEARCH, search=_search_to_end(situation, record), reason=reason)


def _search_to_end(situation: Situation, record: RunRecord) -> Search:
    """How to find what a POST whose answer was never read has started, in order to end it."""
    return Search(
        not_before=record.look_from,
        excluded=frozenset(record.excluded),
        name=record.name,
        only_active=True,
        look_until=_until(situation, record),
        posts=record.unaccounted + 1,
        since_post=True,
        cancel=True,
    )


def _without_record(situation: Situation) -> Plan:
    attempt, reuse = situation.attempt, situation.reuse
    if reuse is ReuseRun.NEVER:
        return Plan(step=Step.TRIGGER, reason='reuse_run="never": triggering')
    if reuse is ReuseRun.SAME_WINDOW and not attempt.was_cleared:
        look_until = situation.look_until if attempt.is_retry else None
        search = Search(not_before=None, take_newest=True, look_until=look_until, owned=False)
        return Plan(step=Step.SEARCH, search=search, reason='reuse_run="same_window": looking for a run to adopt')
    if attempt.is_retry and not situation.has_store:
        newest = reuse is ReuseRun.SAME_WINDOW
        search = Search(
            not_before=situation.run_start,
            # The cleared attempt before this one may have died before it saw what is going from before the clear.
            active_since=situation.run_after if attempt.was_cleared else None,
            look_until=situation.look_until,
            take_newest=newest,
            owned=not newest,
        )
        reason = f"retry without a task state store: looking for a run created since {iso(situation.run_start)}"
        return Plan(step=Step.SEARCH, search=search, reason=reason)
    # What goes on may be another's evaluation of a dataset's experiments; with a store, ours would be on record.
    if attempt.was_cleared and (situation.shows_in_its_run or not situation.has_store):
        return Plan(
            step=Step.SEARCH,
            search=search_after_clear(situation),
            reason="the task was cleared: looking for a run from before that is still going",
        )
    return Plan(step=Step.TRIGGER, reason="nothing was triggered before: triggering")


def search_after_clear(situation: Situation) -> Search:
    """How a cleared task without a record finds what is still going."""
    newest = situation.reuse is ReuseRun.SAME_WINDOW
    not_before = None if newest else situation.run_after
    return Search(not_before=not_before, only_active=True, take_newest=newest, owned=not newest)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search came to.

    :param run: the run to adopt, if there is one.
    :param ambiguous: several runs match and none may be guessed.
    :param twins: other runs of the same request.
    :param is_sure: whether the run is surely of this request, rather than a little older than its trigger.
    :param ended_badly: runs that match but failed or were cancelled: none of them is adopted.
    :param unidentified: active runs without an experiment yet, by which alone they could be told from those of others.
    """

    run: TaskRun | None = None
    ambiguous: tuple[TaskRun, ...] = ()
    twins: tuple[TaskRun, ...] = ()
    is_sure: bool = True
    ended_badly: tuple[TaskRun, ...] = ()
    unidentified: tuple[TaskRun, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether no run of ours is listed (yet)."""
        return self.run is None and not self.ambiguous and not self.ended_badly and not self.unidentified


def choose(request: RunRequest, runs: Sequence[TaskRun], search: Search, *, experiments: Iterable[str] = ()) -> Found:
    """Pick the run of a request among all runs of its task.

    :param request: what is wanted.
    :param runs: all runs of the task, in any order.
    :param search: how to look.
    :param experiments: for an experiment, ids of the experiments that carry a name of its series.
    """
    ids = frozenset(experiments)
    runs = list({run.id: run for run in runs}.values())  # a list that shifts between its pages shows one twice
    matching = [run for run in runs if _matches(request, run, search, ids)]
    if search.only_active:
        matching = [run for run in matching if not run.status.is_terminal]
    # An experiment's name is nobody else's, whatever the clocks say.
    sure = [run for run in matching if request.experiment_name is not None or _is_since(run, search, None)]
    if not request.shows_in_its_run:
        matching = sure  # any run of the task may be another's
    good = sorted((run for run in sure if is_good(run)), key=by_age)
    bad = tuple(run for run in sure if not is_good(run))
    unidentified = tuple(run for run in runs if _is_unidentified(request, run, search))
    if not good:
        others = sorted((run for run in matching if run not in sure and is_good(run)), key=by_age)
        return Found(
            run=others[-1] if others else None,
            is_sure=False,
            ended_badly=bad,
            unidentified=() if others else unidentified,
        )
    if search.take_oldest:
        rivals = (run for run in matching if is_good(run) and (run in good or not run.status.is_terminal))
        first = min(rivals, key=by_age)
        return Found(run=first, is_sure=first in good, ended_badly=bad)
    if len(good) == 1 or search.take_newest:
        return Found(run=good[-1], ended_badly=bad)
    if len(good) <= search.posts:
        return Found(run=good[0], twins=tuple(good[1:]), ended_badly=bad)
    return Found(ambiguous=tuple(good), ended_badly=bad)


def matching_runs(
    request: RunRequest, runs: Sequence[TaskRun], search: Search, experiments: Iterable[str] = ()
) -> list[TaskRun]:
    """The runs of a request that a search has in question, whatever their status."""
    ids = frozenset(experiments)
    return [run for run in runs if _matches(request, run, search, ids)]


def by_age(run: TaskRun) -> tuple[datetime, str]:
    """Of several runs of one request the first in this order stays, whoever looks."""
    return (run.created_at or _EPOCH, run.id)


def is_rival(run: TaskRun, record: RunRecord) -> bool:
    """Whether a run over the same window had not ended before the trigger on record."""
    return not run.status.is_terminal or run.created_at is None or run.created_at >= record.intent_at


def find_twins(
    request: RunRequest, runs: Sequence[TaskRun], record: RunRecord, *, experiments: Iterable[str] = ()
) -> Found:
    """The runs of a request beside the one on record.

    :param request: what was wanted.
    :param runs: all runs of the task, in any order.
    :param record: what was written down; it tells how many POSTs may have started a run that nobody knows.
    :param experiments: for an experiment, ids of the experiments that carry a name of its series.
    :return: ``twins``: those that are ours. ``ambiguous``: more than can be, so some of them, or all, are another's.
    """
    if not request.shows_in_its_run or not record.is_uncertain:
        return Found()
    known = frozenset(record.excluded) | ({record.run_id} if record.run_id else frozenset())
    since = (record.unclear_since or record.intent_at) - timedelta(seconds=record.lag)
    search = Search(not_before=since, excluded=frozenset(known))
    ids = frozenset(experiments)
    runs = list({run.id: run for run in runs}.values())
    matching = [run for run in runs if _matches(request, run, search, ids) and _is_since(run, search, None)]
    if len(matching) > record.unaccounted:
        return Found(ambiguous=tuple(sorted(matching, key=by_age)))
    return Found(twins=tuple(sorted(matching, key=by_age)))


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _matches(request: RunRequest, run: TaskRun, search: Search, experiments: frozenset[str]) -> bool:
    if not _is_in_question(run, search) or not _young_enough(run, request.not_before):
        return False
    if request.window is not None:
        if run.data_start_time is None or run.data_end_time is None:
            return False
        return Window(run.data_start_time, run.data_end_time) == request.window
    return request.experiment_name is None or run.experiment_id in experiments


def _is_unidentified(request: RunRequest, run: TaskRun, search: Search) -> bool:
    """Whether the server may yet show that a run is the one: it names the experiment once it has provisioned it."""
    if request.experiment_name is None or run.experiment_id is not None or search.not_before is None:
        return False
    return run.status in (RunStatus.PENDING, RunStatus.RUNNING) and _is_in_question(run, search)


def _is_in_question(run: TaskRun, search: Search) -> bool:
    return run.id not in search.excluded and _is_since(run, search, CLOCK_SLACK)


def _is_since(run: TaskRun, search: Search, slack: timedelta | None) -> bool:
    not_before = search.not_before if run.status.is_terminal else search.active_since or search.not_before
    if not_before is not None and slack is not None:
        not_before -= slack
    return _young_enough(run, not_before)


def _young_enough(run: TaskRun, not_before: datetime | None) -> bool:
    """A run that doesn't tell its age is not excluded: unknown is not absence."""
    if not_before is None or run.created_at is None:
        return True
    return to_milliseconds(run.created_at) >= to_milliseconds(not_before)


def ambiguous_message(request: RunRequest, found: Found) -> str:
    """What to tell about several matches."""
    return (
        f"{request}: several runs of the task match where one was started: {_listed(found.ambiguous)}. Nothing was "
        "triggered. Cancel or wait for those that are not this task's and clear it, or set "
        'reuse_run="same_window" to take the newest'
    )


def unidentified_message(request: RunRequest, found: Found) -> str:
    """What to tell about runs that stay without an experiment."""
    return (
        f"{request}: an earlier attempt may have triggered it, and these runs of the task have no experiment yet by "
        f"which to tell: {_listed(found.unidentified)}. Nothing was triggered; the next attempt looks again"
    )


def _listed(runs: Iterable[TaskRun]) -> str:
    return ", ".join(
        f"{run.id} ({run.status.value}, created {run.created_at.isoformat() if run.created_at else 'who knows when'})"
        for run in runs
    )
