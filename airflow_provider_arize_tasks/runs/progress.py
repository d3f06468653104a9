"""How far a task instance has come with its runs: several windows one after the other, or several runs side by side.

The whole of it is JSON: it travels in the trigger's arguments and comes back in its event, since ``dag.test()`` drops
what is given to ``defer(kwargs=...)``. MySQL keeps 64 KB of those arguments, so what grows with the number of runs is
put aside.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.client.fields import FieldError
from airflow_provider_arize_tasks.runs.requests import NO_TWINS, RunRecord, RunRequest, Twins
from airflow_provider_arize_tasks.runs.verdict import NO_COUNTS, Counts
from airflow_provider_arize_tasks.windows.window import Window, span_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_arize_tasks.client.models import TaskRun


class RequestState(str, Enum):
    """How a request ended, as far as its task goes on."""

    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"
    NO_DATA = "no_data"
    #: The run filled up; the halves of its window follow.
    SPLIT = "split"
    #: Triggered and not waited for.
    STARTED = "started"


@dataclass(frozen=True, kw_only=True)
class ActiveRun:
    """A run that was acquired and is not judged yet.

    :param deadline: when the wait for it ends, in epoch seconds.
    :param owned: whether this task instance started it, and so may cancel it.
    :param name: name its experiment was asked for.
    :param record: what is on record about its request, where that is uncertain.
    :param earlier: what earlier runs of its request have done.
    """

    request: RunRequest
    run_id: str
    deadline: float
    owned: bool = True
    name: str | None = None
    record: RunRecord | None = None
    earlier: Counts = NO_COUNTS

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "slot": self.request.to_dict(),
            "run_id": self.run_id,
            "deadline": self.deadline,
            "ours": self.owned,
            **({"name": self.name} if self.name else {}),
            **({"record": self.record.to_dict()} if self.record else {}),
            **({"earlier": self.earlier.to_list()} if self.earlier.total else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ActiveRun:
        """The reverse of :meth:`to_dict`; what an older release left out has a default."""
        return cls(
            request=RunRequest.from_dict(data["slot"]),
            run_id=data["run_id"],
            deadline=float(data["deadline"]),
            owned=data.get("ours", True),
            name=data.get("name"),
            record=RunRecord.from_dict(data["record"]) if data.get("record") else None,
            earlier=Counts.from_list(data["earlier"]) if data.get("earlier") else NO_COUNTS,
        )


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A request that is through.

    :param state: how it ended.
    :param run: the run as JSON, ``None`` where the window held no data.
    :param earlier: what earlier runs of the request have done.
    :param name: name its experiment was asked for.
    :param doubt: why not all of its window may be evaluated; empty where nothing speaks for that.
    """

    request: RunRequest
    state: RequestState
    run: Mapping[str, Any] | None = None
    earlier: Counts = NO_COUNTS
    name: str | None = None
    doubt: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "slot": self.request.to_dict(),
            "ending": self.state.value,
            "run": self.run,
            **({"name": self.name} if self.name else {}),
            **({"doubt": self.doubt} if self.doubt else {}),
            **({"earlier": self.earlier.to_list()} if self.earlier.total else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FinishedRun:
        """The reverse of :meth:`to_dict`; what an older release left out has a default."""
        return cls(
            request=RunRequest.from_dict(data["slot"]),
            state=RequestState(data["ending"]),
            run=data.get("run"),
            earlier=Counts.from_list(data["earlier"]) if data.get("earlier") else NO_COUNTS,
            name=data.get("name"),
            doubt=data.get("doubt") or "",
        )


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What is still to be started, what is active, what is finished.

    :param execution_deadline: end of the task's ``execution_timeout``, in epoch seconds.
    :param scope: ids of organization and space, for links; ``None`` if they were not looked up yet.
    :param page: where Arize shows the runs; ``None`` if that is not known.
    :param twins: second runs that were found on the way.
    :param refused: waits in a row that the triggerer gave up because looks were refused.
    :param finished_aside: so many parts of what is finished were put aside; they come before ``finished``.
    :param todo_aside: numbers of the parts of what is to do that were put aside, in order; they come after ``todo``.
    """

    todo: tuple[RunRequest, ...] = ()
    active: tuple[ActiveRun, ...] = ()
    finished: tuple[FinishedRun, ...] = ()
    execution_deadline: float | None = None
    scope: tuple[str | None, str | None] | None = None
    page: str | None = None
    twins: Twins = NO_TWINS
    refused: int = 0
    finished_aside: int = 0
    todo_aside: tuple[int, ...] = ()

    @property
    def deadline(self) -> float:
        """When the wait for all that is active ends, in epoch seconds."""
        return max(active.deadline for active in self.active)

    @property
    def run_ids(self) -> list[str]:
        """The active runs."""
        return [active.run_id for active in self.active]

    @property
    def owned(self) -> bool:
        """Whether all that is active may be cancelled."""
        return all(active.owned for active in self.active)

    def next_stage(self) -> tuple[RunRequest, ...]:
        """The requests to start now: the first one and those next to it with the same stage."""
        if not self.todo:
            return ()
        stage = self.todo[0].stage
        count = next((i for i, request in enumerate(self.todo) if request.stage != stage), len(self.todo))
        return self.todo[:count]

    def started(self, active: Iterable[ActiveRun], without_data: Iterable[RunRequest]) -> Progress:
        """After the requests of the next stage were started, or refused for want of data."""
        none = tuple(FinishedRun(request=request, state=RequestState.NO_DATA) for request in without_data)
        rest = self.todo[len(self.next_stage()) :]
        return replace(self, todo=rest, active=tuple(active), finished=self.finished + none)

    def judged(self, finished: Iterable[FinishedRun], follow: Iterable[RunRequest] = ()) -> Progress:
        """After what was active is judged; ``follow`` comes before all else that is to do."""
        return replace(self, active=(), finished=self.finished + tuple(finished), todo=tuple(follow) + self.todo)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "todo": [request.to_dict() for request in self.todo],
            "going": [active.to_dict() for active in self.active],
            "done": [finished.to_dict() for finished in self.finished],
            "execution_deadline": self.execution_deadline,
            "scope": list(self.scope) if self.scope else None,
            "page": self.page,
            "twins": self.twins.to_dict(),
            "refused": self.refused,
            "done_aside": self.finished_aside,
            "todo_aside": list(self.todo_aside),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Progress:
        """The reverse of :meth:`to_dict`; what an older release left out has a default."""
        return cls(
            todo=tuple(RunRequest.from_dict(request) for request in data.get("todo") or ()),
            active=tuple(ActiveRun.from_dict(active) for active in data.get("going") or ()),
            finished=tuple(FinishedRun.from_dict(finished) for finished in data.get("done") or ()),
            execution_deadline=data.get("execution_deadline"),
            scope=(data["scope"][0], data["scope"][1]) if data.get("scope") else None,
            page=data.get("page"),
            twins=Twins.from_dict(data.get("twins") or {}),
            refused=int(data.get("refused") or 0),
            finished_aside=int(data.get("done_aside") or 0),
            todo_aside=tuple(data.get("todo_aside") or ()),
        )


_COUNTS = ("num_successes", "num_errors", "num_skipped")


def run_result(run: TaskRun) -> dict[str, Any]:
    """A run as it is handed on in XCom: the fields a DAG builds on.

    As the server sent them, but for the status, which is in capitals whatever the server's spelling, and the counts,
    which are numbers.
    """
    fields = (
        "id",
        "task_id",
        "status",
        *_COUNTS,
        "data_start_time",
        "data_end_time",
        "experiment_id",
        "failure_reason",
        "created_at",
        "run_started_at",
        "run_finished_at",
    )
    raw = run.to_dict()
    status = run.status_text if run.status is RunStatus.UNKNOWN else run.status.value
    counts = {name: getattr(run, name) for name in _COUNTS}
    return {**{name: raw.get(name) for name in fields}, "status": status, **counts}


def combined_result(finished: Iterable[FinishedRun]) -> dict[str, Any] | None:
    """The result of a task instance: its run, or the last run's fields with summed counts, whole window and all runs.

    :return: ``None`` when no run was started at all. Windows that may not be evaluated whole are in ``doubtful``.
    """
    finished = tuple(finished)
    runs = [dict(each.run) for each in finished if each.run is not None]
    if not runs:
        return None
    doubtful = [each.request.window.key for each in finished if each.doubt and each.request.window is not None]
    said = {"doubtful": doubtful} if doubtful else {}
    if len(runs) == 1 and len(finished) == 1:
        return {**runs[0], **said}
    result = {**runs[-1], **said}
    for name in _COUNTS:
        result[name] = sum(run.get(name) or 0 for run in runs)
    window = span_of(each.request.window for each in finished)
    if window is not None:
        result.update(window.to_dict())
    result["runs"] = runs
    return result


def combined_runs(runs: Sequence[TaskRun]) -> dict[str, Any]:
    """Runs that somebody named, as a result: the one alone, or as :func:`combined_result` puts several together.

    :param runs: one or several.
    """
    finished = [
        FinishedRun(
            request=RunRequest(task_id=run.task_id or "", window=window_of(run)),
            state=RequestState.SUCCEEDED,
            run=run_result(run),
        )
        for run in runs
    ]
    return combined_result(finished) or {}


def window_of(run: TaskRun) -> Window | None:
    """The data window of a run; ``None`` for one over experiments."""
    start, end = run.data_start_time, run.data_end_time
    return Window(start, end) if start is not None and end is not None and start < end else None


def counts_of(finished: Iterable[FinishedRun]) -> Counts:
    """The counts of all runs that served the requests, from their JSON.

    Of a run that ended badly in an earlier attempt its successes and skips count: those spans are done. Its errors do
    not, since this attempt's run has tried those spans again.
    """
    total = Counts()
    for each in finished:
        total += replace(each.earlier, errors=0)
        if each.run is not None:
            total += Counts.from_list([each.run.get(name) or 0 for name in _COUNTS])
    return total


def run_ids(value: Any) -> list[str]:
    """The ids that an argument holds, each once.

    :param value: an id; a run or the result of a trigger operator (all of its ``runs`` and ``evaluations``), as an
        object or as JSON text; or several of these.
    :raises FieldError: it is none of them.
    """
    found = list(dict.fromkeys(_ids(value)))
    if not found:
        raise FieldError("must be the id of a run, or what a trigger operator returned")
    return found


def _ids(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield from _ids_of_text(value.strip())
    elif isinstance(value, Mapping):
        several = value.get("runs")
        yield from _ids(several or value.get("id"))
        yield from _ids(value.get("evaluations") or [])
    elif hasattr(value, "to_dict"):
        yield from _ids(value.to_dict())
    elif isinstance(value, Iterable):
        for each in value:
            yield from _ids(each)


def _ids_of_text(text: str) -> Iterable[str]:
    if text[:1] in ("{", "["):
        try:
            yield from _ids(json.loads(text))
        except ValueError:
            raise FieldError("must be the id of a run, or what a trigger operator returned; this is no JSON") from None
    elif text not in ("", "None"):
        yield text


#: Requests and finished runs that stay in the arguments; of more, parts of this size are put aside.
PART = 25
_TODO, _DONE = "arize_todo_{}", "arize_done_{}"


class Shelf(Protocol):
    """Where JSON of a task instance is kept from one process to the next."""

    def put_aside(self, name: str, value: Any) -> None:
        """Keep a value."""

    def fetch(self, name: str) -> Any:
        """The value kept under a name."""


def put_aside(progress: Progress, shelf: Shelf) -> Progress:
    """Put aside what is too much for the arguments of a trigger.

    :param progress: how far the task instance has come.
    :param shelf: keeps what is put aside.
    :return: the rest.
    """
    finished, count = progress.finished, progress.finished_aside
    while len(finished) > PART:
        shelf.put_aside(_DONE.format(count), [each.to_dict() for each in finished[:PART]])
        finished, count = finished[PART:], count + 1
    todo, aside = progress.todo, list(progress.todo_aside)
    parts = [todo[at : at + PART] for at in range(PART, len(todo), PART)]
    first = max(aside, default=-1) + 1
    numbers = list(range(first, first + len(parts)))
    for number, part in zip(numbers, parts, strict=True):
        shelf.put_aside(_TODO.format(number), [each.to_dict() for each in part])
    return replace(
        progress,
        finished=finished,
        finished_aside=count,
        todo=todo[:PART],
        todo_aside=tuple(numbers + aside),
    )


def fetch_todo(progress: Progress, shelf: Shelf) -> Progress:
    """With the next part of what is to do, once the one before is through.

    :param progress: how far the task instance has come.
    :param shelf: keeps what was put aside.
    """
    if progress.todo or not progress.todo_aside:
        return progress
    number, *rest = progress.todo_aside
    todo = tuple(RunRequest.from_dict(each) for each in shelf.fetch(_TODO.format(number)))
    return replace(progress, todo=todo, todo_aside=tuple(rest))


def all_finished(progress: Progress, shelf: Shelf) -> Sequence[FinishedRun]:
    """All that is finished, in order.

    :param progress: how far the task instance has come.
    :param shelf: keeps what was put aside.
    """
    aside = (each for number in range(progress.finished_aside) for each in shelf.fetch(_DONE.format(number)))
    return (*(FinishedRun.from_dict(each) for each in aside), *progress.finished)
