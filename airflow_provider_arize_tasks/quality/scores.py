"""The numbers of experiments, example by example, each worked out once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.quality.conditions import ANSWERED, Conditions
from airflow_provider_arize_tasks.quality.rows import ExperimentRows, Measure, answered_by_example, values_by_example

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The examples an experiment should have scored.

    :param ids: their ids, as far as they are known.
    :param count: how many.
    :param source: how that is known: ``dataset``, ``baseline``, or ``rows`` where only its own rows tell.
    """

    ids: frozenset[str]
    count: int
    source: str


@dataclass(frozen=True, kw_only=True)
class Past:
    """What a candidate is compared with.

    :param pool: the experiments that are pooled as the baseline, newest first.
    :param history: experiments that tell how much levels vary and whether they slide, newest first, the pool included.
    :param reference: pinned experiments, also pooled.
    :param is_wanted: whether a baseline is wanted at all.
    :param are_accepted: whether the history holds what this check let pass, and nothing else.
    :param is_pool_accepted: whether the pool does.
    """

    pool: tuple[ExperimentRows, ...] = ()
    history: tuple[ExperimentRows, ...] = ()
    reference: tuple[ExperimentRows, ...] = ()
    is_wanted: bool = True
    are_accepted: bool = False
    is_pool_accepted: bool = False


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What is known of the candidate's dataset.

    :param examples: by version, the ids of its examples.
    :param clusters: by example id, the group it belongs to; ``None`` where examples are independent of each other.
    """

    examples: Mapping[str, frozenset[str]] = field(default_factory=dict)
    clusters: Mapping[str, str] | None = None


class ScoreBook:
    """Numbers by example, of any experiment by any measure, worked out once.

    :param conditions: the conditions of the check.
    :param dataset: what is known of the dataset.
    """

    def __init__(self, conditions: Conditions, dataset: Dataset) -> None:
        self.conditions = conditions
        self.dataset = dataset
        #: By object, not by id; each is held, so that no other takes its place.
        self._values: dict[tuple[int, Measure], tuple[ExperimentRows, dict[str, float]]] = {}
        self._largest: dict[str | None, frozenset[str]] = {}

    def measure(self, evaluator: str) -> Measure:
        """How an evaluator's verdicts become numbers."""
        return Measure(
            evaluator=evaluator,
            good_labels=self.conditions.good_labels.get(evaluator, ()),
            lower_is_better=evaluator in self.conditions.lower_is_better,
        )

    def values(self, experiment: ExperimentRows, evaluator: str) -> dict[str, float]:
        """Numbers of an experiment by example id, by an evaluator or, with ``answered``, by the app."""
        measure = self.measure(evaluator)
        key = (id(experiment), measure)
        if key not in self._values:
            found = (
                answered_by_example(experiment.rows)
                if evaluator == ANSWERED
                else values_by_example(experiment.rows, measure)
            )
            self._values[key] = (experiment, found)
        return self._values[key][1]

    def know(self, experiments: Iterable[ExperimentRows]) -> None:
        """Learn from experiments which examples a version of the dataset has, where it can't be read itself."""
        for experiment in experiments:
            version = experiment.dataset_version_id
            if len(experiment.example_ids) > len(self._largest.get(version, ())):
                self._largest[version] = experiment.example_ids

    def expected(self, experiment: ExperimentRows, pool: Sequence[ExperimentRows]) -> Expected:
        """The examples an experiment should have scored: the dataset version's, else those of its baseline."""
        own = experiment.example_ids
        known = self.dataset.examples.get(experiment.dataset_version_id or "")
        if known:
            return Expected(ids=known, count=max(len(known), len(own)), source="dataset")
        known = self._largest.get(experiment.dataset_version_id, frozenset())
        known = max([known, *(experiment.example_ids for experiment in pool)], key=len)
        if len(known) > len(own):
            return Expected(ids=known, count=len(known), source="baseline")
        return Expected(ids=own, count=len(own), source="baseline" if pool else "rows")

    def answered(self, experiment: ExperimentRows, expected: Expected) -> dict[str, float]:
        """Whether the app answered, by example; an expected example that is not there was not answered."""
        found = dict(self.values(experiment, ANSWERED))
        is_told = expected.source == "dataset" or expected.count > len(experiment.example_ids)
        # Ids that have nothing in common with the dataset's are not the dataset's: then nothing is missing.
        if is_told and (not found or expected.ids & found.keys()):
            found.update(dict.fromkeys(expected.ids - found.keys(), 0.0))
        return found


def range_of(experiments: Iterable[Mapping[str, float]]) -> float:
    """The range of scores: 1 where all of them lie between 0 and 1.

    :param experiments: scores by example id, of several experiments.
    """
    values = [0.0, 1.0, *(value for experiment in experiments for value in experiment.values())]
    return max(values) - min(values)
