"""The whole check, from reading experiments to the verdict; used by the operator and by the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.quality.conditions import ACCEPTED, PREVIOUS
from airflow_provider_arize_tasks.quality.drift import HISTORY
from airflow_provider_arize_tasks.quality.history import Rules, accepted_before, is_same_experiment, past_of, replay
from airflow_provider_arize_tasks.quality.judge import judge_experiment
from airflow_provider_arize_tasks.quality.reading import ExperimentReader
from airflow_provider_arize_tasks.quality.record import Record
from airflow_provider_arize_tasks.quality.scores import Dataset, Past, ScoreBook
from airflow_provider_arize_tasks.quality.surroundings import SurroundingsReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_arize_tasks.client.api import ArizeApi
    from airflow_provider_arize_tasks.client.models import Experiment
    from airflow_provider_arize_tasks.quality.history import Judged
    from airflow_provider_arize_tasks.quality.record import Store
    from airflow_provider_arize_tasks.quality.result import ExperimentCheck
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows
    from airflow_provider_arize_tasks.quality.settings import CheckSettings
    from airflow_provider_arize_tasks.quality.surroundings import Surroundings

#: How many earlier experiments are judged again at most. A regression that nobody mends blocks at least as many.
MOST_REPLAYED = 90


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a check read and what it came to.

    :param check: the result.
    :param experiment: the candidate, as the API gives it.
    :param task_id: the task it came from, as far as it is known.
    :param book: the numbers.
    :param judged: what became of the experiments before, oldest first.
    :param older: the experiments before, newest first, those that did not count included.
    :param examples: columns of the dataset's examples, by example id.
    """

    check: ExperimentCheck
    experiment: Experiment
    task_id: str | None
    book: ScoreBook
    judged: tuple[Judged, ...]
    older: tuple[ExperimentRows, ...]
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Gate:
    """Judges one experiment.

    :param api: the API.
    :param settings: the arguments of the check.
    :param log: where to say what is going on.
    :param store: where decisions are kept, if anywhere.
    """

    def __init__(self, api: ArizeApi, settings: CheckSettings, log: Any, store: Store | None = None) -> None:
        self._api = api
        self._settings = settings
        self._log = log
        self._store = store
        self._reader = ExperimentReader(api, log)

    def judge(self, experiment: str, task: str | None, seen: Callable[[Experiment], None] | None = None) -> Found:
        """Read everything and judge.

        :param experiment: the candidate's name or id.
        :param task: the task it came from, if that is known.
        :param seen: called with the candidate before anything else is read.
        """
        settings = self._settings
        found = self._api.get_experiment(experiment, dataset=settings.dataset, space=settings.space)
        if seen is not None:
            seen(found)
        task = settings.task or task
        if task is None and settings.baseline in (ACCEPTED, PREVIOUS):
            raise ArizeConfigError(
                f"baseline={settings.baseline!r} needs to know the task: give task=, or the result of "
                "ArizeTriggerExperimentRunOperator as experiment. Or name a baseline experiment"
            )
        task_id = None if task is None else self._api.resolve_task(task, settings.space)
        older = [] if task_id is None else list(islice(self._reader.earlier(task_id, found), MOST_REPLAYED))
        candidate = self._candidate(found, older)
        examples = self._reader.examples(candidate.dataset_id, candidate.dataset_version_id)
        book = ScoreBook(settings.conditions, self._dataset(candidate, examples))
        record = Record(None if task_id is None else self._store, task_id or "", self._log)
        surroundings = self._surroundings(candidate, older, task_id, record)
        candidate, older = surroundings.on(candidate), [surroundings.on(experiment) for experiment in older]
        rules = Rules(
            pooled=settings.baseline_nights,
            accept_since=settings.accept_since,
            decisions=record.decisions(settings.conditions),
        )
        judged = replay(older[::-1], rules, book)
        check = judge_experiment(
            candidate,
            self._past(candidate, judged, older, surroundings),
            settings.conditions,
            slices=column_of(examples, settings.slice_by),
            known_labels=surroundings.labels(),
            book=book,
        )
        if settings.baseline == ACCEPTED:
            record.keep_verdict(check)
        return Found(
            check=check,
            experiment=found,
            task_id=task_id,
            book=book,
            judged=judged,
            older=tuple(older),
            examples=examples,
        )

    def _candidate(self, experiment: Experiment, older: Sequence[ExperimentRows]) -> ExperimentRows:
        conditions = self._settings.conditions
        rows = self._reader.rows(experiment, texts=True)
        expected = set(conditions.evaluators) or conditions.named_evaluators() | set(rows.evaluators())
        if not conditions.evaluators and older:
            expected |= set(older[0].evaluators())
        return self._reader.complete(experiment, rows, sorted(expected), self._settings.patience)

    def _dataset(self, candidate: ExperimentRows, examples: Mapping[str, Mapping[str, Any]]) -> Dataset:
        version = candidate.dataset_version_id
        by = self._settings.cluster_by
        clusters = column_of(examples, by) if by else None
        if by and not clusters:
            known = sorted({name for columns in list(examples.values())[:50] for name in columns})
            raise ArizeConfigError(
                f"cluster_by names {by!r}, which is no column of the dataset's examples; they have {known or 'none'}"
            )
        return Dataset(examples={version or "": frozenset(examples)} if examples else {}, clusters=clusters)

    def _surroundings(
        self, candidate: ExperimentRows, older: Sequence[ExperimentRows], task_id: str | None, record: Record
    ) -> Surroundings:
        reader = SurroundingsReader(self._api, self._settings.space, self._log)
        names = set(candidate.evaluators()) | (set(older[0].evaluators()) if older else set())
        return reader.read(names, task_id, candidate.dataset_id, record.setups())

    def _past(
        self,
        candidate: ExperimentRows,
        judged: Sequence[Judged],
        older: Sequence[ExperimentRows],
        surroundings: Surroundings,
    ) -> Past:
        settings = self._settings

        def named(experiments: Sequence[str]) -> tuple[ExperimentRows, ...]:
            dataset = settings.dataset or candidate.dataset_id
            return tuple(surroundings.on(each) for each in self._reader.named(experiments, dataset, settings.space))

        reference = named(settings.reference)
        if settings.baseline == ACCEPTED:
            return past_of(judged, candidate, settings.baseline_nights, reference=reference)
        # Whatever the baseline: how much levels vary is told by the experiments that passed.
        history = accepted_before(candidate, judged)[:HISTORY]
        pool: tuple[ExperimentRows, ...] = ()
        if settings.baseline == PREVIOUS:
            others = [experiment for experiment in older if not is_same_experiment(experiment, candidate)]
            pool = tuple(others[: settings.baseline_nights])
        elif settings.baseline is not None:
            pool = named(tuple(settings.baseline))
        is_wanted = settings.baseline is not None
        return Past(pool=pool, history=history, reference=reference, is_wanted=is_wanted, are_accepted=True)


def column_of(examples: Mapping[str, Mapping[str, Any]], column: str | None) -> dict[str, str]:
    """One column of a dataset, as text by example id; examples that have none are left out.

    :param examples: all columns by example id.
    :param column: name of the column.
    """
    if not column:
        return {}
    found = {example: columns.get(column) for example, columns in examples.items()}
    return {example: str(value) for example, value in found.items() if value not in (None, "")}
