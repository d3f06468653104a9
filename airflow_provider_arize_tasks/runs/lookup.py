"""Looks for runs in the lists of the server, and knows when a list can be believed.

So it also finds the twins of a run: what a trigger without a clear answer started after all.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.runs.cancel import cancel_run
from airflow_provider_arize_tasks.runs.errors import ArizeAmbiguousRunError, ArizeWaitError
from airflow_provider_arize_tasks.runs.identity import (
    Found,
    Search,
    ambiguous_message,
    choose,
    find_twins,
    matching_runs,
    unidentified_message,
)
from airflow_provider_arize_tasks.runs.names import is_in_series
from airflow_provider_arize_tasks.runs.requests import Twins
from airflow_provider_arize_tasks.runs.verdict import is_good

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_arize_tasks.client.enums import RunStatus
    from airflow_provider_arize_tasks.client.models import Experiment, Task, TaskRun
    from airflow_provider_arize_tasks.runs.requests import RunRecord, RunRequest
    from airflow_provider_arize_tasks.runs.timing import Patience, ServerClock


class RunsApi(Protocol):
    """What offers these methods, with the meaning they have on ``ArizeHook``; errors are those of ``client.errors``."""

    def get_run(self, run_id: str) -> TaskRun:
        """One run as it is now."""

    def cancel_run(self, run_id: str) -> TaskRun:
        """Cancel a run and return it."""

    def list_all_runs(self, task: str, *, status: RunStatus | None = None) -> Iterable[TaskRun]:
        """All runs of a task, page after page."""

    def iter_experiments(self, *, dataset: str, name: str) -> Iterable[Experiment]:
        """All experiments of a dataset whose name contains ``name``."""


#: How often a list that shifts is read once more before nothing can be said.
_MAX_LISTINGS = 20


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """Finds runs of one attempt's run requests.

    :param api: the server.
    :param tasks: the Arize tasks by id, as read in this attempt.
    :param clock: the server's clock.
    :param patience: how long to look.
    :param log: where to say what became of a run.
    """

    api: RunsApi
    tasks: Callable[[str], Task]
    clock: ServerClock
    patience: Patience
    log: Any

    def search(self, request: RunRequest, search: Search) -> Found:
        """Look for a run until one is found, or its absence can be believed.

        :param request: what is wanted.
        :param search: how to look.
        :raises ArizeAmbiguousRunError: several runs match, and which is ours can't be told.
        :raises ArizeWaitError: the server could not be asked, or did not say enough in time.
        """
        give_up = self.clock.now() + timedelta(seconds=self.patience.identity)
        while True:
            began = self.clock.now()  # a list tells of when its first page was read, however long the others took
            try:
                found = self._look(request, search)
            except ArizeWaitError:
                raise
            except ArizeError as error:
                # Unknown is not absence, and giving up for good would leave a run going that nobody waits for.
                raise ArizeWaitError(
                    f"{request}: whether a run of it is going already could not be found out ({error}). Nothing more "
                    "was triggered; the next attempt looks again"
                ) from error
            if found.ambiguous:
                raise ArizeAmbiguousRunError(ambiguous_message(request, found))
            if search.is_over(found, began):
                return found
            if found.unidentified and began >= give_up:
                raise ArizeWaitError(unidentified_message(request, found))
            time.sleep(self.patience.pause)

    def good(self, request: RunRequest, search: Search) -> list[TaskRun]:
        """The runs that match and did their work, or are at it, at one look.

        :param request: what is wanted.
        :param search: which runs are in question.
        """
        runs = self.runs_of(request.task_id)
        ids = [each.id for each in self.series(request)] if request.experiment_name is not None else ()
        return [run for run in matching_runs(request, runs, search, ids) if is_good(run)]

    def twins(self, request: RunRequest, record: RunRecord) -> Found:
        """The runs of a request beside the one on record, at one look.

        :param request: what was wanted.
        :param record: what is on record about it.
        """
        if not request.shows_in_its_run or not record.is_uncertain:
            return Found()
        runs = self.runs_of(request.task_id)
        # A name makes one experiment at most, so a twin can only carry one that was sent and not answered.
        sent = record.unclear_names
        experiments = [each for each in self._experiments(request) if each.name in sent] if sent else ()
        return find_twins(request, runs, record, experiments=[each.id for each in experiments])

    def run_of_name(self, request: RunRequest, name: str) -> TaskRun | None:
        """The run that made the experiment of a name; waited for until the server has had time to list it.

        :param request: what is wanted.
        :param name: of the experiment.
        """
        until = self.clock.now() + timedelta(seconds=self.patience.listing)
        while True:
            began = self.clock.now()
            made = {each.id for each in self.named(request, name)}
            runs = [run for run in self.runs_of(request.task_id) if run.experiment_id in made]
            if runs:
                return runs[0]
            if began >= until:
                return None
            time.sleep(self.patience.pause)

    def series(self, request: RunRequest) -> list[Experiment]:
        """The experiments that carry a name of the request's series."""
        base = str(request.experiment_name)
        return [each for each in self._experiments(request) if is_in_series(each.name, base)]

    def named(self, request: RunRequest, name: str) -> list[Experiment]:
        """The experiments that carry a name; there is one at most.

        :param request: what is wanted.
        :param name: that was sent for it.
        """
        return [each for each in self._experiments(request) if each.name == name]

    def _experiments(self, request: RunRequest) -> Iterable[Experiment]:
        dataset_id = self.tasks(request.task_id).dataset_id
        if dataset_id is None:
            return ()
        return self.api.iter_experiments(dataset=dataset_id, name=str(request.experiment_name))

    def runs_of(self, task_id: str) -> list[TaskRun]:
        """All runs of a task, each once, by a list whose pages did not move while they were read.

        :param task_id: the task.
        :raises ArizeWaitError: they moved every time.
        """
        known: dict[str, TaskRun] = {}
        for _ in range(_MAX_LISTINGS):
            listed = list(self.api.list_all_runs(task_id))
            known.update({run.id: run for run in listed})
            if len({run.id for run in listed}) == len(listed):
                return list(known.values())
        raise ArizeWaitError(
            f"the list of runs of task {task_id} moved each of the {_MAX_LISTINGS} times it was read, so what is not "
            "on it may be there all the same. Nothing more was triggered; the next attempt looks again"
        )

    def _look(self, request: RunRequest, search: Search) -> Found:
        # In this order: an experiment that a run in the list names has to be in the other list.
        runs = self.runs_of(request.task_id)
        experiments: Iterable[Experiment] = ()
        if request.experiment_name is not None:
            experiments = self.series(request) if search.name is None else self.named(request, search.name)
        ids = [each.id for each in experiments]
        return choose(request, runs, search, experiments=ids)

    def reconcile(self, request: RunRequest, record: RunRecord, *, cancels: bool) -> Twins:
        """Look for runs of a request beside the one on record, and end them.

        Where triggers without a clear answer have no run that is known, and the connection of the last was given up
        only just now, the list gets a little longer to show what each of them started.

        :param request: what was wanted.
        :param record: what is on record about it.
        :param cancels: whether twins may be cancelled; ``same_window`` shares runs with others, so there they are
            named.
        :return: the twins.
        :raises ArizeError: the server could not be asked.
        """
        twins = Twins()
        while True:
            # As the look begins.
            is_over = self.clock.moments_ago(record.unclear_until or record.intent_at) >= self.patience.twin
            found = self.twins(request, record)
            if found.ambiguous:
                self.log.warning(
                    "%s: these runs match as well and are more than this task can have started, so they were left "
                    "alone: %s",
                    request,
                    ", ".join(f"{run.id} ({run.status.value})" for run in found.ambiguous),
                )
                return twins
            if found.twins and not cancels:
                self.log.warning(
                    "%s: these runs match as well; one of them may be this task's. They were left alone "
                    "(same_window): %s",
                    request,
                    ", ".join(f"{run.id} ({run.status.value})" for run in found.twins),
                )
                return twins
            ended = self.cancel_twins(found.twins)
            twins, record = twins + ended, record.having_found(ended)
            if is_over or not record.unaccounted:
                return twins
            time.sleep(self.patience.pause)

    def cancel_twins(self, twins: Iterable[TaskRun]) -> Twins:
        """Cancel the twins that go on.

        :param twins: second runs of a request.
        :return: which of them were cancelled, which had ended.
        :raises ArizeError: one goes on and could not be cancelled; the next attempt finds it again.
        """
        result = Twins()
        for run in twins:
            if run.status.is_terminal:
                self.log.warning(
                    "Run %s is a twin: the trigger that seemed lost had started it. It ended %s", *_words(run)
                )
                result += Twins(ended=(run.id,))
                continue
            try:
                run = cancel_run(self.api, run.id)
            except ArizeError as error:
                self.log.warning(
                    "Run %s is a twin and could not be cancelled; it may still be going: %s", run.id, error
                )
                raise
            self.log.warning(
                "Run %s is a twin: the trigger that seemed lost had started it. Cancelled, it is %s", *_words(run)
            )
            result += Twins(cancelled=(run.id,))
        return result


def _words(run: TaskRun) -> tuple[str, str]:
    return run.id, run.status.value
