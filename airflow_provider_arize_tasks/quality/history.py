"""Which earlier experiments count: those that this very check let pass, found by judging them again in their order.

Airflow keeps nothing that outlives a DAG run, is shared by manual runs, and stays when a DAG is renamed, on every
release. Arize keeps the rows. So the memory of the check is a *replay*: the experiments of the task are judged one by
one, oldest first, each against those accepted before it. The same rows and conditions always give the same answer.
Where a record of a verdict exists (see :mod:`~airflow_provider_arize_tasks.quality.record`) it counts instead: it is
what was decided then, by the check or by a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.client.fields import parse_time
from airflow_provider_arize_tasks.quality.conditions import Verdict
from airflow_provider_arize_tasks.quality.drift import HISTORY
from airflow_provider_arize_tasks.quality.judge import judge_experiment
from airflow_provider_arize_tasks.quality.scores import Past
from airflow_provider_arize_tasks.runs.names import is_in_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows
    from airflow_provider_arize_tasks.quality.scores import ScoreBook


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided about an experiment, as far as it is on record.

    :param passed: whether it was let pass.
    :param by: the person who decided; ``None`` for the check itself.
    """

    passed: bool
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """An earlier experiment with what became of it.

    :param experiment: the experiment.
    :param verdict: what the check came to, or would have; ``None`` where it was not judged (accepted by a person).
    :param accepted: whether it counts from then on.
    :param by: the person who decided, if one did.
    """

    experiment: ExperimentRows
    verdict: Verdict | None
    accepted: bool
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How the past is read.

    :param pooled: how many experiments a baseline consists of.
    :param accept_since: experiments made from this time on count whatever their verdict, older ones no longer.
    :param decisions: what is on record, by experiment id.
    """

    pooled: int
    accept_since: datetime | None = None
    decisions: Mapping[str, Decision] = field(default_factory=dict)


def replay(experiments: Sequence[ExperimentRows], rules: Rules, book: ScoreBook) -> tuple[Judged, ...]:
    """Judge earlier experiments in their order.

    :param experiments: all scored experiments of the task before the candidate, oldest first.
    :param rules: how.
    :param book: conditions, dataset and the numbers worked out before.
    """
    book.know(experiments)
    judged: list[Judged] = []
    for experiment in experiments:
        found = _judged(experiment, judged, rules, book)
        if found is None:
            continue
        if found.accepted:
            # A later attempt of the same DAG run takes the place of the earlier one.
            judged = [
                replace(one, accepted=False) if is_same_experiment(one.experiment, experiment) else one
                for one in judged
            ]
        judged.append(found)
    return tuple(judged)


def accepted_before(candidate: ExperimentRows, judged: Sequence[Judged]) -> tuple[ExperimentRows, ...]:
    """The accepted experiments, newest first, without earlier attempts of the candidate itself.

    :param candidate: the experiment in question.
    :param judged: what earlier experiments came to, oldest first.
    """
    return tuple(
        one.experiment for one in reversed(judged) if one.accepted and not is_same_experiment(one.experiment, candidate)
    )


def past_of(
    judged: Sequence[Judged], candidate: ExperimentRows, pooled: int, reference: tuple[ExperimentRows, ...] = ()
) -> Past:
    """What a candidate is compared with.

    :param judged: what earlier experiments came to, oldest first.
    :param candidate: the experiment in question.
    :param pooled: how many are pooled.
    :param reference: pinned experiments.
    """
    accepted = accepted_before(candidate, judged)
    return Past(
        pool=accepted[:pooled],
        history=accepted[:HISTORY],
        reference=reference,
        are_accepted=True,
        is_pool_accepted=True,
    )


def _judged(experiment: ExperimentRows, before: Sequence[Judged], rules: Rules, book: ScoreBook) -> Judged | None:
    if rules.accept_since is not None:
        made = parse_time(experiment.created_at or "")
        if made is None or made < rules.accept_since:
            return None
        return Judged(experiment=experiment, verdict=None, accepted=True)
    decision = rules.decisions.get(experiment.id)
    if decision is not None:
        verdict = Verdict.PASSED if decision.passed else Verdict.FAILED
        return Judged(experiment=experiment, verdict=verdict, accepted=decision.passed, by=decision.by)
    past = past_of(before, experiment, rules.pooled)
    check = judge_experiment(experiment, past, book.conditions, book=book, with_examples=False)
    return Judged(experiment=experiment, verdict=check.verdict, accepted=check.passed)


def is_same_experiment(one: ExperimentRows, other: ExperimentRows) -> bool:
    """Whether two experiments are attempts of one DAG run, by their names.

    :param one: an experiment.
    :param other: another.
    """
    if one.name is None or other.name is None or one.id == other.id:
        return one.id == other.id
    return is_in_series(one.name, other.name) or is_in_series(other.name, one.name)


def earlier_experiments(
    runs: Sequence[TaskRun], experiment_id: str, created_at: datetime | None = None
) -> tuple[str, ...]:
    """Ids of the experiments that a task completed before one of its own, the latest first.

    An old experiment that is judged again is compared with those before it, not with those that followed.

    :param runs: the task's runs, in any order.
    :param experiment_id: the experiment in question.
    :param created_at: when it was made; used where none of the runs is its own.
    """
    mine = [run.created_at for run in runs if run.experiment_id == experiment_id and run.created_at is not None]
    before = min(mine) if mine else created_at
    found: dict[str, datetime] = {}
    for run in runs:
        if run.status is not RunStatus.COMPLETED or run.experiment_id in (None, experiment_id):
            continue
        if run.created_at is not None and (before is None or run.created_at < before):
            found[str(run.experiment_id)] = run.created_at
    return tuple(sorted(found, key=lambda name: found[name], reverse=True))
