"""Reads experiments: the candidate, its baseline, those before."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import ArizeConfigError, ArizeError, ArizeNotFoundError
from airflow_provider_arize_tasks.client.printable import printable
from airflow_provider_arize_tasks.quality.history import earlier_experiments
from airflow_provider_arize_tasks.quality.rows import ExperimentRows, Row, read_row
from airflow_provider_arize_tasks.windows.window import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_arize_tasks.client.api import ArizeApi
    from airflow_provider_arize_tasks.client.models import Experiment

#: How many experiments without a single score are passed over in search of a baseline.
MAX_UNSCORED = 10
#: How many in a row that were deleted. Runs outlive their experiments: past a retention there is nothing but such.
MAX_GONE = 30
#: Seconds before the first look again at scores that may be late; each further pause is twice as long.
FIRST_PAUSE = 1.0


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long scores that can't be read yet are waited for.

    :param seconds: from the first look on, at most.
    :param sleep: how to wait.
    :param clock: tells the time, in seconds.
    """

    seconds: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def pauses(self) -> Iterator[float]:
        """Waits before each further look, and ends when it has been long enough."""
        until, pause = self.clock() + self.seconds, FIRST_PAUSE
        while (left := until - self.clock()) > 0:
            self.sleep(min(pause, left))
            yield pause
            pause *= 2


class ExperimentReader:
    """Reads what a check needs, every experiment once.

    :param api: the API.
    :param log: where to say what was passed over.
    """

    def __init__(self, api: ArizeApi, log: Any) -> None:
        self._api = api
        self._log = log

    def rows(self, experiment: Experiment, *, texts: bool) -> ExperimentRows:
        """An experiment with all its rows.

        :param experiment: the experiment.
        :param texts: keep outputs and explanations; older experiments need their scores only.
        """
        runs = self._api.iter_experiment_runs(experiment.id)
        rows = (read_row(run.raw) for run in runs)
        return ExperimentRows(
            id=experiment.id,
            name=experiment.name,
            dataset_id=experiment.dataset_id,
            dataset_version_id=experiment.dataset_version_id,
            created_at=None if experiment.created_at is None else iso(experiment.created_at),
            rows=tuple(rows if texts else map(_without_texts, rows)),
        )

    def complete(
        self, experiment: Experiment, rows: ExperimentRows, expected: Sequence[str], patience: Patience
    ) -> ExperimentRows:
        """Look again at an experiment some of whose scores can't be read yet.

        A completed evaluation's scores may take a while to show. So what an evaluator should have scored and has not is
        looked for again, until it is there, nothing new came in four looks, or the patience is at its end.

        :param experiment: the experiment.
        :param rows: what the first look found.
        :param expected: evaluators that should have scored it.
        :param patience: how long.
        """
        missing, in_vain = missing_scores(rows, expected), 0
        if not missing:
            return rows
        label = printable(rows.label, 120)
        self._log.info("%d scores of experiment %s can't be read (yet): looking again", missing, label)
        for _ in patience.pauses():
            rows = self.rows(experiment, texts=True)
            left = missing_scores(rows, expected)
            in_vain = in_vain + 1 if left == missing else 0
            missing = left
            if not missing or in_vain >= 4:
                break
        return rows

    def named(self, experiments: Sequence[str], dataset: str | None, space: str | None) -> list[ExperimentRows]:
        """Experiments given by name or id, in the order given."""
        found = [self._api.get_experiment(name, dataset=dataset, space=space) for name in experiments]
        return [self.rows(experiment, texts=index == 0) for index, experiment in enumerate(found)]

    def earlier(self, task_id: str, candidate: Experiment) -> Iterator[ExperimentRows]:
        """The scored experiments that the task completed before, the latest first and with its texts.

        Those without a single score (their evaluations failed) are passed over, and those deleted since.
        """
        runs = list(self._api.list_all_runs(task_id))
        unscored, gone, is_first = 0, 0, True
        for experiment_id in earlier_experiments(runs, candidate.id, candidate.created_at):
            try:
                experiment = self.rows(self._api.get_experiment(experiment_id), texts=is_first)
            except ArizeNotFoundError as error:
                self._log.info("Experiment %s is gone and is passed over: %s", experiment_id, error)
                gone += 1
                if gone >= MAX_GONE:
                    return
                continue
            gone = 0
            if experiment.evaluators():
                is_first = False
                yield experiment
                continue
            self._log.info("Experiment %s has no score and is passed over", printable(experiment.label, 120))
            unscored += 1
            if unscored >= MAX_UNSCORED:
                return

    def examples(self, dataset_id: str | None, version: str | None) -> dict[str, dict[str, Any]]:
        """The columns of a dataset version's examples, by example id; empty where they can't be read."""
        found: dict[str, dict[str, Any]] = {}
        if dataset_id is None:
            return found
        try:
            for example in self._api.iter_examples(dataset_id, dataset_version_id=version):
                if example.id is not None:
                    found[example.id] = example.to_dict()
        except ArizeError as error:
            self._log.warning(
                "The examples of dataset %s can't be read, so coverage is over those of the baseline, and the report "
                "shows no inputs: %s",
                dataset_id,
                error,
            )
            return {}
        return found


def missing_scores(rows: ExperimentRows, evaluators: Sequence[str]) -> int:
    """How many scores of answered examples are missing.

    :param rows: an experiment.
    :param evaluators: evaluators that should have scored it; none: at least one should have.
    """
    answered = [row for row in rows.rows if not row.error]
    if not evaluators:
        return 0 if rows.evaluators() else len(answered)
    return sum(1 for row in answered for name in evaluators if not _is_judged(row, name))


def _is_judged(row: Row, evaluator: str) -> bool:
    said = row.evaluations.get(evaluator)
    return said is not None and (
        said.score is not None or said.label is not None or said.is_unparsable or said.error is not None
    )


def reference_of(experiment: Any) -> tuple[str, str | None]:
    """The experiment an author means, and the task it came from if that is known.

    :param experiment: a name, an id, or the result of :class:`ArizeTriggerExperimentRunOperator`.
    :raises ArizeConfigError: it names no experiment.
    """
    task: Any = None
    if isinstance(experiment, dict):
        task, given = experiment.get("task_id"), experiment
        experiment = given.get("experiment_id") or next(iter(given.get("experiment_ids") or ()), None)
        if not experiment:
            raise ArizeConfigError(f"the run given as experiment names no experiment: {sorted(given)}")
    if not isinstance(experiment, str) or experiment.strip() in ("", "None"):
        raise ArizeConfigError(
            f"experiment must be a name, an id or the result of ArizeTriggerExperimentRunOperator, not {experiment!r}; "
            "has the task before run an experiment?"
        )
    return experiment.strip(), task if isinstance(task, str) else None


def _without_texts(row: Row) -> Row:
    said = {name: replace(one, explanation=None) for name, one in row.evaluations.items()}
    return replace(row, output=None, evaluations=said)
