"""Run identity: which remote run belongs to an attempt of an Airflow task, and when a new one may be triggered.

The Arize API has no idempotency key, so "exactly one run per window" rests on three things: a record that the attempt
writes before and after its POST (Airflow's task state store, 3.3 and later), the list of the task's runs, and the
attempt's own number. Everything here is a pure function of those; the operators carry it out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.types import RunStatus
from airflow_provider_arize_tasks.decisions.verdict import is_good
from airflow_provider_arize_tasks.decisions.windows import Window, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_provider_arize_tasks.client.types import TaskRun

#: How long after an intent the server may need to list a run it accepted.
SETTLE = timedelta(seconds=10)

#: The longest experiment name the API takes, less room for the number of a later attempt.
MAX_EXPERIMENT_NAME = 255
_ROOM_FOR_NUMBER = 5


class ReuseRun(str, Enum):
    """Which run an attempt may take over instead of triggering."""

    OWN = "own"
    SAME_WINDOW = "same_window"
    NEVER = "never"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Where an attempt stands among the tries of its task instance.

    :param number: ``ti.try_number``.
    :param first: number of the first attempt since the start or the last clear: ``max_tries - retries + 1``.
    :param generation: ``ti.max_tries``. A clear raises it, a retry and an edited DAG leave it alone, so two attempts
        with the same value have no clear between them.
    """

    number: int
    first: int
    generation: int

    @property
    def is_retry(self) -> bool:
        """Whether an earlier attempt of the same generation ran."""
        return self.number > self.first

    @property
    def was_cleared(self) -> bool:
        """Whether the task instance was cleared before this generation of attempts."""
        return self.first > 1


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One remote run that a task instance wants: over a window, as an experiment, or over given experiments.

    :param task_id: id of the Arize task.
    :param window: data window, for evaluation tasks of a project.
    :param experiment_name: name asked for, for experiment runs.
    :param experiment_ids: experiments to evaluate, for evaluation tasks of a dataset.
    :param project_id: project of the task, for links and lineage.
    :param dataset_id: dataset of the task, likewise.
    :param evaluators: how many evaluators the task has.
    :param stage: slots next to each other with the same stage run side by side, others one after the other.
    """

    task_id: str
    window: Window | None = None
    experiment_name: str | None = None
    experiment_ids: tuple[str, ...] = ()
    project_id: str | None = None
    dataset_id: str | None = None
    evaluators: int = 1
    stage: str = ""

    @property
    def key(self) -> str:
        """What tells this slot from the others of its task instance; equal in every attempt."""
        if self.window is not None:
            return f"{self.task_id}|{self.window.key}"
        if self.experiment_name is not None:
            return f"{self.task_id}|name:{self.experiment_name}"
        return f"{self.task_id}|experiments:{','.join(self.experiment_ids)}"

    def over(self, window: Window) -> Slot:
        """The same task over another window."""
        return replace(self, window=window, stage=window.key)

    def __str__(self) -> str:
        if self.window is not None:
            return f"window {self.window.key}"
        if self.experiment_name is not None:
            return f"experiment {self.experiment_name!r}"
        return f"experiments {', '.join(self.experiment_ids) or 'of the task'}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for the trigger's arguments."""
        return {
            "task_id": self.task_id,
            "window": self.window.to_dict() if self.window else None,
            "experiment_name": self.experiment_name,
            "experiment_ids": list(self.experiment_ids),
            "project_id": self.project_id,
            "dataset_id": self.dataset_id,
            "evaluators": self.evaluators,
            "stage": self.stage,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Slot:
        """The reverse of :meth:`to_dict`."""
        window = data.get("window")
        return cls(
            task_id=data["task_id"],
            window=Window(parse_iso(window["data_start_time"]), parse_iso(window["data_end_time"])) if window else None,
            experiment_name=data.get("experiment_name"),
            experiment_ids=tuple(data.get("experiment_ids") or ()),
            project_id=data.get("project_id"),
            dataset_id=data.get("dataset_id"),
            evaluators=data.get("evaluators", 1),
            stage=data.get("stage", ""),
        )


def parse_iso(text: str) -> datetime:
    """An RFC 3339 time in UTC; Python 3.10's own reader knows no ``Z``."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)


@dataclass(frozen=True, kw_only=True)
class SlotRecord:
    """What an attempt wrote down about a slot.

    :param generation: the generation of attempts that wrote it.
    :param intent_at: the server's time just before the latest POST.
    :param run_id: the run that POST started; ``None`` until its answer was read.
    :param spent: runs of this slot that are not to be taken over: failed, cancelled, or from before a clear.
    :param name: experiment name of the latest POST.
    :param ours: whether this task instance started the run; one taken over from another (``same_window``) is never
        cancelled on its account.
    """

    generation: int
    intent_at: datetime
    run_id: str | None = None
    spent: tuple[str, ...] = ()
    name: str | None = None
    ours: bool = True

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for the task state store."""
        return {
            "generation": self.generation,
            "intent_at": iso(self.intent_at),
            "run_id": self.run_id,
            "spent": list(self.spent),
            "name": self.name,
            "ours": self.ours,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SlotRecord:
        """The reverse of :meth:`to_dict`."""
        return cls(
            generation=int(data["generation"]),
            intent_at=parse_iso(data["intent_at"]),
            run_id=data.get("run_id"),
            spent=tuple(data.get("spent") or ()),
            name=data.get("name"),
            ours=bool(data.get("ours", True)),
        )


@dataclass(frozen=True, kw_only=True)
class Search:
    """How to look for a run among those the server lists.

    :param not_before: server time; runs created earlier are not ours. ``None``: any age.
    :param spent: runs not to be taken.
    :param only_active: a cleared task joins only what is still going; what has ended is done anew.
    :param settle_until: server time until which "not listed" is not yet believed. ``None``: one look is enough.
    :param take_newest: several matches: the newest good one (``same_window``) instead of an error.
    :param cancel: cancel what is found instead of taking it over (left behind from before a clear).
    """

    not_before: datetime | None
    spent: frozenset[str] = frozenset()
    only_active: bool = False
    settle_until: datetime | None = None
    take_newest: bool = False
    cancel: bool = False


class Step(str, Enum):
    """What an attempt does first about a slot."""

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
    :param record: what was written down about the slot, by whichever attempt.
    :param has_store: whether this Airflow keeps such records at all.
    :param reuse: the operator's ``reuse_run``.
    :param server_now: the server's clock.
    :param run_start: start of the DAG run, on the server's clock (moved on when the DAG run is cleared).
    :param run_after: when the DAG run was due, on the server's clock; no run of it is older.
    """

    attempt: Attempt
    record: SlotRecord | None
    has_store: bool
    reuse: ReuseRun
    server_now: datetime
    run_start: datetime
    run_after: datetime


def first_step(situation: Situation) -> Plan:
    """What the attempt does first: take over, look, cancel or trigger.

    The table in ``docs/exactly-once.md`` lists the cases.
    """
    record = situation.record
    if record is None:
        return _without_record(situation)
    if record.generation == situation.attempt.generation:
        return _with_own_record(situation, record)
    return _with_record_from_before_a_clear(situation, record)


def _with_own_record(situation: Situation, record: SlotRecord) -> Plan:
    if situation.reuse is ReuseRun.NEVER:
        if record.run_id is None:
            return Plan(step=Step.TRIGGER, reason='reuse_run="never": triggering anew')
        reason = f'reuse_run="never": run {record.run_id} of an earlier attempt is not taken over'
        return Plan(step=Step.CANCEL_FIRST, run_id=record.run_id, reason=reason)
    if record.run_id is not None:
        reason = f"an earlier attempt started run {record.run_id}: looking at it"
        return Plan(step=Step.LOOK_AT, run_id=record.run_id, reason=reason)
    reason = (
        f"an earlier attempt meant to trigger at {iso(record.intent_at)} and never read an answer: looking for its run"
    )
    return Plan(step=Step.SEARCH, search=search_after_lost_answer(record, situation.reuse), reason=reason)


def search_after_lost_answer(record: SlotRecord, reuse: ReuseRun) -> Search:
    """How to find the run of a POST whose answer was never read."""
    return Search(
        not_before=record.intent_at,
        spent=frozenset(record.spent),
        settle_until=record.intent_at + SETTLE,
        take_newest=reuse is ReuseRun.SAME_WINDOW,
    )


def _with_record_from_before_a_clear(situation: Situation, record: SlotRecord) -> Plan:
    if record.run_id is not None and not record.ours:
        reason = f"the task was cleared: run {record.run_id} from before is another's and left alone"
        return Plan(step=Step.SEARCH, search=search_after_clear(situation), reason=reason)
    if record.run_id is not None:
        reason = f"the task was cleared: run {record.run_id} from before is ended first if it is still going"
        return Plan(step=Step.CANCEL_FIRST, run_id=record.run_id, reason=reason)
    search = Search(not_before=record.intent_at, spent=frozenset(record.spent), only_active=True, cancel=True)
    reason = f"the task was cleared after it meant to trigger at {iso(record.intent_at)}: ending what that started"
    return Plan(step=Step.SEARCH, search=search, reason=reason)


def _without_record(situation: Situation) -> Plan:
    attempt, reuse = situation.attempt, situation.reuse
    if reuse is ReuseRun.NEVER:
        return Plan(step=Step.TRIGGER, reason='reuse_run="never": triggering')
    if reuse is ReuseRun.SAME_WINDOW and not attempt.was_cleared:
        settle_until = situation.server_now + SETTLE if attempt.is_retry else None
        search = Search(not_before=None, take_newest=True, settle_until=settle_until)
        return Plan(step=Step.SEARCH, search=search, reason='reuse_run="same_window": looking for a run to take over')
    if attempt.is_retry and not situation.has_store:
        search = Search(not_before=situation.run_start, settle_until=situation.server_now + SETTLE)
        reason = f"retry without a task state store: looking for a run created since {iso(situation.run_start)}"
        return Plan(step=Step.SEARCH, search=search, reason=reason)
    if attempt.was_cleared:
        return Plan(
            step=Step.SEARCH,
            search=search_after_clear(situation),
            reason="the task was cleared: looking for a run from before that is still going",
        )
    return Plan(step=Step.TRIGGER, reason="nothing was triggered before: triggering")


def search_after_clear(situation: Situation) -> Search:
    """How a cleared task without a record finds what is still going."""
    newest = situation.reuse is ReuseRun.SAME_WINDOW
    return Search(not_before=None if newest else situation.run_after, only_active=True, take_newest=newest)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search came to.

    :param run: the run to take over, if there is one.
    :param ambiguous: several runs match and none may be guessed.
    :param ended_badly: runs that match but failed or were cancelled: they are spent.
    """

    run: TaskRun | None = None
    ambiguous: tuple[TaskRun, ...] = ()
    ended_badly: tuple[TaskRun, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether no run of ours is listed (yet)."""
        return self.run is None and not self.ambiguous and not self.ended_badly


def choose(slot: Slot, runs: Iterable[TaskRun], search: Search, *, experiments: Iterable[str] = ()) -> Found:
    """Pick the run of a slot among all runs of its task.

    :param slot: what is wanted.
    :param runs: all runs of the task, in any order.
    :param search: how to look.
    :param experiments: for an experiment, ids of the experiments that carry a name of its series.
    """
    ids = frozenset(experiments)
    matching = [run for run in runs if _matches(slot, run, search, ids)]
    if search.only_active:
        matching = [run for run in matching if not run.status.is_terminal]
    good = [run for run in matching if is_good(run)]
    bad = tuple(run for run in matching if not is_good(run))
    if not good:
        return Found(ended_badly=bad)
    if len(good) > 1 and not search.take_newest:
        return Found(ambiguous=tuple(good), ended_badly=bad)
    newest = max(good, key=lambda run: (run.created_at or _EPOCH, run.id))
    return Found(run=newest, ended_badly=bad)


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _matches(slot: Slot, run: TaskRun, search: Search, experiments: frozenset[str]) -> bool:
    if run.id in search.spent or not _young_enough(run, search.not_before):
        return False
    if slot.window is not None:
        if run.data_start_time is None or run.data_end_time is None:
            return False
        return Window(run.data_start_time, run.data_end_time) == slot.window
    if slot.experiment_name is None:
        return True
    if run.experiment_id is not None:
        return run.experiment_id in experiments
    # The server names the experiment only once it has provisioned it: a young run without one may well be ours.
    return search.not_before is not None and run.status in (RunStatus.PENDING, RunStatus.RUNNING)


def _young_enough(run: TaskRun, not_before: datetime | None) -> bool:
    """A run that doesn't tell its age is not excluded: unknown is not absence."""
    if not_before is None or run.created_at is None:
        return True
    return _to_milliseconds(run.created_at) >= _to_milliseconds(not_before)


def _to_milliseconds(instant: datetime) -> int:
    return int((instant - _EPOCH) / timedelta(milliseconds=1))


def experiment_names(base: str) -> Iterator[str]:
    """The fixed series of names an experiment may get: ``nightly``, ``nightly-2``, ``nightly-3``, ..."""
    yield base
    number = 2
    while True:
        yield f"{base}-{number}"
        number += 1


def next_experiment_name(base: str, used: Iterable[str]) -> str:
    """The first name of the series that is not used up."""
    taken = set(used)
    return next(name for name in experiment_names(base) if name not in taken)


def names_up_to(base: str | None, name: str | None) -> list[str]:
    """The names of the series that are used up once ``name`` was sent; none if nothing was sent yet."""
    if base is None or name is None or not is_in_series(name, base):
        return []
    used = []
    for each in experiment_names(base):
        used.append(each)
        if each == name:
            break
    return used


class NameOwner(str, Enum):
    """Whose experiment it is that carries the name an attempt asked for."""

    #: Made by this generation of attempts: its run is taken over.
    OURS = "ours"
    #: From before a clear, which asks for a new one: the next name of the series is taken.
    SPENT = "spent"
    #: Older than this DAG run: somebody else's, and a mistake in the DAG.
    FOREIGN = "foreign"


def owner_of_name(
    *, created_at: datetime | None, attempt: Attempt, run_start: datetime, answer_lost: bool
) -> NameOwner:
    """Who made the experiment whose name a POST was refused (409) for.

    :param created_at: when that experiment was created; ``None`` if it is not listed.
    :param attempt: where this attempt stands.
    :param run_start: start of the DAG run, on the server's clock.
    :param answer_lost: whether this attempt already sent a POST with that name and read no answer.
    """
    if answer_lost:
        return NameOwner.OURS
    if attempt.was_cleared and not attempt.is_retry:
        return NameOwner.SPENT
    if created_at is None or _to_milliseconds(created_at) >= _to_milliseconds(run_start):
        return NameOwner.OURS
    return NameOwner.SPENT if attempt.was_cleared else NameOwner.FOREIGN


def is_in_series(name: str | None, base: str) -> bool:
    """Whether a name belongs to the series of ``base``."""
    if name is None or name == base:
        return name == base
    number = name.removeprefix(f"{base}-")
    return number != name and number.isdecimal() and not number.startswith("0") and int(number) >= 2


def experiment_name_problem(name: str) -> str | None:
    """Why a name can't be an experiment's, in words; ``None`` if it can."""
    if not name.strip():
        return "experiment_name is empty"
    if any(sign in name for sign in '"\\'):
        return f"experiment_name {name!r} holds a double quote or a backslash, which the API refuses"
    if len(name) > MAX_EXPERIMENT_NAME - _ROOM_FOR_NUMBER:
        limit = MAX_EXPERIMENT_NAME - _ROOM_FOR_NUMBER
        return f"experiment_name is {len(name)} characters long; {limit} leave room for the number of a later attempt"
    return None


def spent_by(record: SlotRecord, runs: Iterable[str]) -> SlotRecord:
    """The record with more runs marked as not to be taken over."""
    more = tuple(dict.fromkeys((*record.spent, *runs)))
    return replace(record, spent=more)
