"""Keeps what grows with the number of runs out of a trigger's arguments: MySQL keeps 64 KB of those."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_arize_tasks.runs.progress import FinishedRun, Progress
from airflow_provider_arize_tasks.runs.requests import RunRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

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
