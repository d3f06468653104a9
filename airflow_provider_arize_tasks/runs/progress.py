"""How far a task instance has come with its runs: several windows one after the other, or several runs side by side.

The whole of it is JSON: it travels in the trigger's arguments and comes back in its event, since ``dag.test()`` drops
what is given to ``defer(kwargs=...)``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.runs.requests import Slot
from airflow_provider_arize_tasks.runs.verdict import Counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_arize_tasks.client.models import TaskRun


class Ending(str, Enum):
    """How a slot ended, as far as its task goes on."""

    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"
    NO_DATA = "no_data"
    #: The run filled up; the halves of its window follow.
    SPLIT = "split"
    #: Triggered and not waited for.
    STARTED = "started"


@dataclass(frozen=True, kw_only=True)
class Going:
    """A run that was started and is not judged yet.

    :param deadline: when the wait for it ends, in epoch seconds.
    :param ours: whether this task instance started it, and so may cancel it.
    """

    slot: Slot
    run_id: str
    deadline: float
    ours: bool = True


@dataclass(frozen=True, kw_only=True)
class Done:
    """A slot that is through. ``run`` is the run as JSON, ``None`` where the window held no data."""

    slot: Slot
    ending: Ending
    run: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What is still to be started, what is going, what is done.

    :param execution_deadline: end of the task's ``execution_timeout``, in epoch seconds.
    :param scope: ids of organization and space, for links; ``None`` if they were not looked up yet.
    """

    todo: tuple[Slot, ...] = ()
    going: tuple[Going, ...] = ()
    done: tuple[Done, ...] = ()
    execution_deadline: float | None = None
    scope: tuple[str | None, str | None] | None = None

    def next_stage(self) -> tuple[Slot, ...]:
        """The slots to start now: the first one and those next to it with the same stage."""
        if not self.todo:
            return ()
        stage = self.todo[0].stage
        count = next((i for i, slot in enumerate(self.todo) if slot.stage != stage), len(self.todo))
        return self.todo[:count]

    def started(self, going: Iterable[Going], without_data: Iterable[Slot]) -> Progress:
        """After the slots of the next stage were started, or refused for want of data."""
        none = tuple(Done(slot=slot, ending=Ending.NO_DATA) for slot in without_data)
        rest = self.todo[len(self.next_stage()) :]
        return replace(self, todo=rest, going=tuple(going), done=self.done + none)

    def judged(self, done: Iterable[Done], follow: Iterable[Slot] = ()) -> Progress:
        """After what was going is judged; ``follow`` comes before all else that is to do."""
        return replace(self, going=(), done=self.done + tuple(done), todo=tuple(follow) + self.todo)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "todo": [slot.to_dict() for slot in self.todo],
            "going": [
                {"slot": going.slot.to_dict(), "run_id": going.run_id, "deadline": going.deadline, "ours": going.ours}
                for going in self.going
            ],
            "done": [{"slot": done.slot.to_dict(), "ending": done.ending.value, "run": done.run} for done in self.done],
            "execution_deadline": self.execution_deadline,
            "scope": list(self.scope) if self.scope else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Progress:
        """The reverse of :meth:`to_dict`; what an older release left out has a default."""
        return cls(
            todo=tuple(Slot.from_dict(slot) for slot in data.get("todo") or ()),
            going=tuple(
                Going(
                    slot=Slot.from_dict(going["slot"]),
                    run_id=going["run_id"],
                    deadline=float(going["deadline"]),
                    ours=going.get("ours", True),
                )
                for going in data.get("going") or ()
            ),
            done=tuple(
                Done(slot=Slot.from_dict(done["slot"]), ending=Ending(done["ending"]), run=done.get("run"))
                for done in data.get("done") or ()
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


def combined_result(done: Iterable[Done]) -> dict[str, Any] | None:
    """The result of a task instance: its run, or the last run's fields with summed counts, whole window and all runs.

    :return: ``None`` when no run was started at all.
    """
    done = tuple(done)
    runs = [dict(each.run) for each in done if each.run is not None]
    if not runs:
        return None
    if len(runs) == 1 and len(done) == 1:
        return runs[0]
    result = dict(runs[-1])
    for name in _COUNTS:
        result[name] = sum(run.get(name) or 0 for run in runs)
    windows = [each.slot.window for each in done if each.slot.window is not None]
    if windows:
        first, last = min(w.start for w in windows), max(w.end for w in windows)
        result.update(type(windows[0])(first, last).to_dict())
    result["runs"] = runs
    return result


def counts_of(done: Iterable[Done]) -> Counts:
    """The counts of all runs together, from their JSON."""
    runs = [each.run for each in done if each.run is not None]
    return Counts(
        successes=sum(run.get("num_successes") or 0 for run in runs),
        errors=sum(run.get("num_errors") or 0 for run in runs),
        skipped=sum(run.get("num_skipped") or 0 for run in runs),
    )
