"""What a task instance wants, where an attempt of it stands, and what acquiring a run comes to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_arize_tasks.client.errors import ArizeInvalidRequestError
from airflow_provider_arize_tasks.windows.window import Window, iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_arize_tasks.client.errors import ArizeError
    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.runs.record import RunRecord


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

    @staticmethod
    def task_of(key: str) -> str:
        """The id of the Arize task in a request's key."""
        return key.split("|", 1)[0]

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


class NoDataError(Exception):
    """The server refused to trigger: the window holds no data."""


class Post(Protocol):
    """Sends the POST that triggers a run."""

    def __call__(self, request: RunRequest, *, experiment_name: str | None) -> TaskRun:
        """Trigger and return the new run."""


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
class AcquiredRun:
    """A run that serves a run request.

    :param adopted: whether this attempt did not trigger it itself.
    :param owned: whether this task instance did, in whichever attempt; only then it may be cancelled.
    :param record: what is on record about the request now.
    :param twins: further runs of the request that were found on the way.
    """

    request: RunRequest
    run: TaskRun
    adopted: bool
    record: RunRecord
    owned: bool = True
    twins: Twins = field(default_factory=Twins)


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
