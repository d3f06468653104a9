"""What a task instance wants, where an attempt stands and what it writes down, and what acquiring a run comes to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_arize_tasks.client.errors import ArizeInvalidRequestError
from airflow_provider_arize_tasks.runs.errors import ArizeRecordError
from airflow_provider_arize_tasks.runs.verdict import Counts
from airflow_provider_arize_tasks.windows.window import Window, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_arize_tasks.client.errors import ArizeError
    from airflow_provider_arize_tasks.client.models import TaskRun

#: XCom key of the run a task instance started or adopted last.
RUN_KEY: Final = "arize_run"
#: XCom key of why a task instance failed or was skipped.
REASON_KEY: Final = "arize_reason"
#: Version of the record's JSON. 1 is that of release 0.1.0, which wrote no version.
SCHEMA = 2


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Where an attempt stands among the tries of its task instance.

    :param number: ``ti.try_number``.
    :param first: number of the first attempt since the start or the last clear: ``max_tries - retries + 1``.
    :param generation: ``ti.max_tries``. A retry and an edited DAG leave it alone; a clear makes it ``try_number`` plus
        ``retries``, which is another value unless the DAG's ``retries`` were lowered meanwhile.
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

    def owns(self, record: RunRecord) -> bool:
        """Whether this generation of attempts wrote a record, rather than one before a clear.

        The first attempt of a generation owns only what it wrote itself, should Airflow start it twice.
        """
        if record.generation != self.generation:
            return False
        return self.number != self.first or record.attempt in (self.number, None)


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """One remote run that a task instance wants: over a window, as an experiment, or over given experiments.

    :param task_id: id of the Arize task.
    :param window: data window, for evaluation tasks of a project.
    :param experiment_name: name asked for, for experiment runs.
    :param experiment_ids: experiments to evaluate, for evaluation tasks of a dataset.
    :param project_id: project of the task, for links and lineage.
    :param dataset_id: dataset of the task, likewise.
    :param evaluators: how many evaluators the task has.
    :param counts_hide_limit: whether the counts of its run can't tell whether it reached ``max_spans``: it counts
        traces or sessions, or a sample.
    :param stage: requests next to each other with the same stage run side by side, others one after the other.
    :param is_part: whether the window is a part of one that held too much for a run: that run has labelled some of it.
    :param not_before: server time; no run of it is older.
    """

    task_id: str
    window: Window | None = None
    experiment_name: str | None = None
    experiment_ids: tuple[str, ...] = ()
    project_id: str | None = None
    dataset_id: str | None = None
    evaluators: int = 1
    counts_hide_limit: bool = False
    stage: str = ""
    is_part: bool = False
    not_before: datetime | None = None

    @classmethod
    def of_key(cls, key: str) -> RunRequest:
        """As much of a request as its key tells: the task, and its window or the name of its experiment."""
        task_id, _, what = key.partition("|")
        if what.startswith("experiments:"):
            return cls(task_id=task_id)
        if what.startswith("name:"):
            return cls(task_id=task_id, experiment_name=what.removeprefix("name:"))
        start, _, end = what.partition("/")
        return cls(task_id=task_id, window=Window(parse_iso(start), parse_iso(end)))

    @property
    def key(self) -> str:
        """What tells this request from the others of its task instance; equal in every attempt."""
        if self.window is not None:
            return f"{self.task_id}|{self.window.key}"
        if self.experiment_name is not None:
            return f"{self.task_id}|name:{self.experiment_name}"
        return f"{self.task_id}|experiments:{','.join(self.experiment_ids)}"

    @property
    def shows_in_its_run(self) -> bool:
        """Whether a run tells that it is this request's: by its window, or by the name of its experiment.

        The run over a dataset's experiments doesn't say which experiments it is for.
        """
        return self.window is not None or self.experiment_name is not None

    def over(self, window: Window) -> RunRequest:
        """The same task over a part of its window."""
        return replace(self, window=window, stage=window.key, is_part=True)

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
            "counts_hide_limit": self.counts_hide_limit,
            "stage": self.stage,
            "is_part": self.is_part,
            "not_before": iso(self.not_before) if self.not_before else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RunRequest:
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
            counts_hide_limit=bool(data.get("counts_hide_limit", False)),
            stage=data.get("stage", ""),
            is_part=bool(data.get("is_part", False)),
            not_before=parse_iso(data["not_before"]) if data.get("not_before") else None,
        )


def parse_iso(text: str) -> datetime:
    """An RFC 3339 time in UTC; Python 3.10's own reader knows no ``Z``."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)


@dataclass(frozen=True, kw_only=True)
class Twins:
    """Second runs of run requests, and what became of them.

    :param cancelled: ids of those that were going on and were cancelled.
    :param ended: ids of those that had ended by themselves.
    """

    cancelled: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.cancelled, *self.ended)

    def to_dict(self) -> dict[str, list[str]]:
        """As JSON."""
        return {"cancelled": list(self.cancelled), "ended": list(self.ended)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Sequence[str]]) -> Twins:
        """The reverse of :meth:`to_dict`."""
        return cls(cancelled=tuple(data.get("cancelled") or ()), ended=tuple(data.get("ended") or ()))

    def __add__(self, other: Twins) -> Twins:
        return Twins(
            cancelled=tuple(dict.fromkeys((*self.cancelled, *other.cancelled))),
            ended=tuple(dict.fromkeys((*self.ended, *other.ended))),
        )


NO_TWINS = Twins()


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What an attempt wrote down about a run request.

    :param generation: the generation of attempts that wrote it.
    :param attempt: number of the attempt that wrote it; ``None`` if it is not known.
    :param intent_at: the server's time just before the latest POST.
    :param since: the server's time just before the first of several POSTs in a row of which nobody knows what they
        started; ``None`` if the latest is the only one.
    :param run_id: the run that POST started; ``None`` until its answer was read.
    :param excluded: runs of this request that are not to be adopted: failed, cancelled, or from before a clear.
    :param name: experiment name of the latest POST.
    :param owned: whether this task instance started the run; one adopted from another is never cancelled on its
        account.
    :param unclear: POSTs of this request, in any attempt, without a clear answer. While there are any, the list is
        read again whenever that may show what they started.
    :param unclear_since: the server's time just before the first of them.
    :param unclear_until: the server's time when the connection of the last of them was given up.
    :param unclear_names: names of experiments that they sent.
    :param unaccounted: how many of them have no run that is known.
    :param lag: seconds by which the clock that stamps runs is known to run behind the one in the replies' headers.
    :param earlier: counts of runs that served the request before and ended badly, by run.
    :param twins: second runs of the request that were found so far; an attempt that is killed can't name its own.
    """

    generation: int
    intent_at: datetime
    since: datetime | None = None
    run_id: str | None = None
    excluded: tuple[str, ...] = ()
    name: str | None = None
    owned: bool = True
    attempt: int | None = None
    unclear: int = 0
    unclear_since: datetime | None = None
    unclear_until: datetime | None = None
    unclear_names: tuple[str, ...] = ()
    unaccounted: int = 0
    lag: float = 0.0
    earlier: Mapping[str, Counts] = field(default_factory=dict)
    twins: Twins = NO_TWINS

    @property
    def look_from(self) -> datetime:
        """A run that one of this generation's unanswered POSTs started is not older than this, but for clocks."""
        return (self.since or self.intent_at) - timedelta(seconds=self.lag)

    @property
    def is_uncertain(self) -> bool:
        """Whether there may be a run of this request that nobody knows of."""
        return self.unclear > 0

    @property
    def served(self) -> Counts:
        """What earlier runs of the request have done, all together."""
        return sum(self.earlier.values(), Counts())

    def excluding(self, runs: Iterable[str]) -> RunRecord:
        """The record with more runs that are not to be adopted.

        :param runs: their ids.
        """
        return replace(self, excluded=tuple(dict.fromkeys((*self.excluded, *runs))))

    def having_ended(self, runs: Iterable[TaskRun]) -> RunRecord:
        """The record with more runs that served the request and ended badly.

        :param runs: as last read.
        """
        runs = tuple(runs)
        earlier = {**self.earlier, **{run.id: Counts.of([run]) for run in runs}}
        return replace(self.excluding(run.id for run in runs), earlier=earlier)

    def accounting_for(self, runs: int) -> RunRecord:
        """The record once it is known what so many of the POSTs without a clear answer have started.

        :param runs: how many runs were found.
        """
        return replace(self, unaccounted=max(0, self.unaccounted - runs))

    def having_found(self, twins: Twins) -> RunRecord:
        """The record with more second runs, which POSTs without a clear answer have started.

        :param twins: as they were found.
        """
        found = replace(self.excluding(twins.ids), twins=self.twins + twins)
        return found.accounting_for(len(twins.ids))

    def anew(self) -> RunRecord:
        """The record where the task was cleared: what is done anew counts anew."""
        return replace(self, earlier={}, twins=NO_TWINS)

    def given_up(self, now: datetime) -> RunRecord:
        """The record after a POST without a clear answer.

        :param now: the server's time.
        """
        return replace(
            self,
            unclear=self.unclear + 1,
            unaccounted=self.unaccounted + 1,
            unclear_since=self.unclear_since or self.intent_at,
            unclear_until=now,
            unclear_names=tuple(dict.fromkeys((*self.unclear_names, *([self.name] if self.name else [])))),
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "version": SCHEMA,
            "generation": self.generation,
            "intent_at": iso(self.intent_at),
            "since": iso(self.since) if self.since else None,
            "run_id": self.run_id,
            "spent": list(self.excluded),
            "name": self.name,
            "ours": self.owned,
            "attempt": self.attempt,
            "unclear": self.unclear,
            "unclear_since": iso(self.unclear_since) if self.unclear_since else None,
            "unclear_until": iso(self.unclear_until) if self.unclear_until else None,
            "unclear_names": list(self.unclear_names),
            "unaccounted": self.unaccounted,
            "lag": self.lag,
            "earlier": {run: counts.to_list() for run, counts in self.earlier.items()},
            **({"twins": self.twins.to_dict()} if self.twins.ids else {}),
        }

    @classmethod
    def from_dict(cls, data: Any) -> RunRecord:
        """The reverse of :meth:`to_dict`. What an older release left out has a default.

        :raises ArizeRecordError: a newer release wrote it, or it is no record at all.
        """
        try:
            version = int(data.get("version", 1))
            if version > SCHEMA:
                raise ArizeRecordError(
                    f"a newer release of the provider wrote what is on record about a run (version {version}, this "
                    f"release reads {SCHEMA}). Nothing was triggered; upgrade the provider on all workers, or clear "
                    "the task's state"
                )
            return cls._read(data)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ArizeRecordError(
                f"what is on record about a run can't be read ({type(error).__name__}: {error}). Nothing was "
                "triggered, since a run may be going; look at the task's state in Airflow, and clear it once no run is"
            ) from error

    @classmethod
    def _read(cls, data: Mapping[str, Any]) -> RunRecord:
        def time(name: str) -> datetime | None:
            return parse_iso(data[name]) if data.get(name) else None

        # Release 0.1.0 kept several POSTs in a row without an answer by the time of the first alone.
        unclear = int(data.get("unclear", 2 if data.get("since") else 0))
        return cls(
            generation=int(data["generation"]),
            intent_at=parse_iso(data["intent_at"]),
            since=time("since"),
            run_id=data.get("run_id"),
            excluded=tuple(data.get("spent") or ()),
            name=data.get("name"),
            owned=bool(data.get("ours", True)),
            attempt=data.get("attempt"),
            unclear=unclear,
            unclear_since=time("unclear_since" if "unclear" in data else "since"),
            unclear_until=time("unclear_until"),
            unclear_names=tuple(data.get("unclear_names") or ()),
            unaccounted=int(data.get("unaccounted", max(0, unclear - (data.get("run_id") is not None)))),
            lag=float(data.get("lag", 0.0)),
            earlier={run: Counts.from_list(counts) for run, counts in (data.get("earlier") or {}).items()},
            twins=Twins.from_dict(data.get("twins") or {}),
        )


class NoDataError(Exception):
    """The server refused to trigger: the window holds no data."""


@dataclass(frozen=True, kw_only=True)
class AcquiredRun:
    """A run that serves a run request.

    :param adopted: whether this attempt did not trigger it itself.
    :param owned: whether this task instance did, in whichever attempt; only then it may be cancelled.
    :param record: what is on record about the request now.
    """

    request: RunRequest
    run: TaskRun
    adopted: bool
    record: RunRecord
    owned: bool = True

    @property
    def twins(self) -> Twins:
        """Further runs of the request that were found so far, by this attempt or by one before it."""
        return self.record.twins


def is_no_data(error: ArizeError) -> bool:
    """Whether a refusal to trigger says that there is nothing to evaluate."""
    if not isinstance(error, ArizeInvalidRequestError):
        return False
    # Assumes "no-data-is-400", which a certificate asks about.
    return "no data found" in f"{error.detail or ''} {error.title or ''}".lower()


def foreign_name(name: str, created_at: datetime | None) -> str:
    """What to tell about an experiment's name that somebody else has taken."""
    when = f"created at {created_at.isoformat()}" if created_at else "that is not listed"
    return (
        f"experiment name {name!r} is taken in this dataset by an experiment {when}, before this DAG run started, so "
        "this task did not make it. Nothing was triggered. Make experiment_name unique per DAG run, for example "
        "'nightly-{{ dag_run.run_after | ds }}'"
    )
