"""How far a task instance has come with its runs: several windows one after the other, or several runs side by side.

The whole of it is JSON: it travels in the trigger's arguments and comes back in its event, since ``dag.test()`` drops
what is given to ``defer(kwargs=...)``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.runs.requests import RunRequest
from airflow_provider_arize_tasks.runs.verdict import Counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
    """A run that was started and is not judged yet.

    :param deadline: when the wait for it ends, in epoch seconds.
    :param owned: whether this task instance started it, and so may cancel it.
    """

    request: RunRequest
    run_id: str
    deadline: float
    owned: bool = True


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A request that is through. ``run`` is the run as JSON, ``None`` where the window held no data."""

    request: RunRequest
    state: RequestState
    run: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What is still to be started, what is going, what is done.

    :param execution_deadline: end of the task's ``execution_timeout``, in epoch seconds.
    :param scope: ids of organization and space, for links; ``None`` if they were not looked up yet.
    """

    todo: tuple[RunRequest, ...] = ()
    active: tuple[ActiveRun, ...] = ()
    finished: tuple[FinishedRun, ...] = ()
    execution_deadline: float | None = None
    scope: tuple[str | None, str | None] | None = None

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
        """After what was going is judged; ``follow`` comes before all else that is to do."""
        return replace(self, active=(), finished=self.finished + tuple(finished), todo=tuple(follow) + self.todo)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "todo": [request.to_dict() for request in self.todo],
            "going": [
                {
                    "slot": active.request.to_dict(),
                    "run_id": active.run_id,
                    "deadline": active.deadline,
                    "ours": active.owned,
                }
                for active in self.active
            ],
            "done": [
                {"slot": finished.request.to_dict(), "ending": finished.state.value, "run": finished.run}
                for finished in self.finished
            ],
            "execution_deadline": self.execution_deadline,
            "scope": list(self.scope) if self.scope else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Progress:
        """The reverse of :meth:`to_dict`; what an older release left out has a default."""
        return cls(
            todo=tuple(RunRequest.from_dict(request) for request in data.get("todo") or ()),
            active=tuple(
                ActiveRun(
                    request=RunRequest.from_dict(active["slot"]),
                    run_id=active["run_id"],
                    deadline=float(active["deadline"]),
                    owned=active.get("ours", True),
                )
                for active in data.get("going") or ()
            ),
            finished=tuple(
                FinishedRun(
                    request=RunRequest.from_dict(finished["slot"]),
                    state=RequestState(finished["ending"]),
                    run=finished.get("run"),
                )
                for finished in data.get("done") or ()
            ),
            execution_deadline=data.get("execution_deadline"),
            scope=(data["scope"][0], data["scope"][1]) if data.get("scope") else None,
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

    :return: ``None`` when no run was started at all.
    """
    finished = tuple(finished)
    runs = [dict(each.run) for each in finished if each.run is not None]
    if not runs:
        return None
    if len(runs) == 1 and len(finished) == 1:
        return runs[0]
    result = dict(runs[-1])
    for name in _COUNTS:
        result[name] = sum(run.get(name) or 0 for run in runs)
    windows = [each.request.window for each in finished if each.request.window is not None]
    if windows:
        first, last = min(w.start for w in windows), max(w.end for w in windows)
        result.update(type(windows[0])(first, last).to_dict())
    result["runs"] = runs
    return result


def counts_of(finished: Iterable[FinishedRun]) -> Counts:
    """The counts of all runs together, from their JSON."""
    runs = [each.run for each in finished if each.run is not None]
    return Counts(
        successes=sum(run.get("num_successes") or 0 for run in runs),
        errors=sum(run.get("num_errors") or 0 for run in runs),
        skipped=sum(run.get("num_skipped") or 0 for run in runs),
    )
