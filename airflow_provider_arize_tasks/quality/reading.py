"""Reads experiments through the hook: the candidate, its baseline, the nights before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import ArizeConfigError, ArizeError, ArizeNotFoundError
from airflow_provider_arize_tasks.quality.history import earlier_experiments
from airflow_provider_arize_tasks.quality.rows import Evaluation, ExperimentRows, Row, read_row
from airflow_provider_arize_tasks.windows.window import iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_arize_tasks.client.models import Experiment
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

#: How many nights without a single score are passed over in search of a baseline.
MAX_UNSCORED = 10
#: How many in a row that were deleted. Runs outlive their experiments: past a retention there is nothing but such.
MAX_GONE = 30


class ExperimentReader:
    """Reads what a check needs, every experiment once.

    :param hook: an open hook.
    :param log: where to say what was passed over.
    """

    def __init__(self, hook: ArizeHook, log: Any) -> None:
        self._hook = hook
        self._log = log

    def find(self, experiment: str, dataset: str | None, space: str | None) -> Experiment:
        """An experiment by name or id.

        :raises ArizeNameError: no or several experiments bear the name.
        :raises ArizeNotFoundError: there is none of that id.
        """
        return self._hook.get_experiment(experiment, dataset=dataset, space=space)

    def rows(self, experiment: Experiment, *, texts: bool) -> ExperimentRows:
        """An experiment with all its rows.

        :param texts: keep outputs and explanations; older nights need their scores only.
        """
        runs = self._hook.iter_experiment_runs(experiment.id)
        rows = (read_row(run.raw) for run in runs)
        return ExperimentRows(
            id=experiment.id,
            name=experiment.name,
            dataset_id=experiment.dataset_id,
            dataset_version_id=experiment.dataset_version_id,
            created_at=None if experiment.created_at is None else iso(experiment.created_at),
            rows=tuple(rows if texts else map(_without_texts, rows)),
        )

    def named(self, experiments: Sequence[str], dataset: str | None, space: str | None) -> list[ExperimentRows]:
        """A baseline given by name or id, in the order given."""
        found = [self.find(name, dataset, space) for name in experiments]
        return [self.rows(experiment, texts=index == 0) for index, experiment in enumerate(found)]

    def earlier(self, task: str, space: str | None, candidate: Experiment) -> Iterator[ExperimentRows]:
        """The scored experiments that the task completed before, the latest first and with its texts.

        Nights without a single score (their evaluations failed) are passed over, and those deleted since.
        """
        task_id = self._hook.resolve_task(task, space)
        runs = list(self._hook.list_all_runs(task_id))
        unscored, gone, is_first = 0, 0, True
        for experiment_id in earlier_experiments(runs, candidate.id, candidate.created_at):
            try:
                night = self.rows(self._hook.get_experiment(experiment_id), texts=is_first)
            except ArizeNotFoundError as error:
                self._log.info("Experiment %s is gone and is passed over: %s", experiment_id, error)
                gone += 1
                if gone >= MAX_GONE:
                    return
                continue
            gone = 0
            if night.evaluators():
                is_first = False
                yield night
                continue
            self._log.info("Experiment %s has no score and is passed over", night.label)
            unscored += 1
            if unscored >= MAX_UNSCORED:
                return

    def inputs(self, candidate: ExperimentRows, examples: set[str]) -> dict[str, dict[str, Any]]:
        """Columns of these examples of the candidate's dataset, by example id, as far as they can be read."""
        found: dict[str, dict[str, Any]] = {}
        if not examples or candidate.dataset_id is None:
            return found
        version = candidate.dataset_version_id
        try:
            for example in self._hook.iter_examples(candidate.dataset_id, dataset_version_id=version):
                if example.id in examples:
                    found[str(example.id)] = example.to_dict()
                if len(found) == len(examples):
                    break
        except ArizeError as error:  # they only illustrate a verdict that stands already
            self._log.warning("The report shows no inputs of examples: %s", error)
        return found


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
    said = {
        name: Evaluation(score=one.score, label=one.label, error=one.error) for name, one in row.evaluations.items()
    }
    return Row(example=row.example, error=row.error, evaluations=said)
