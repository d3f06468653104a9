"""The report as JSON: every number that a page shows, and the scores it can be worked out from again.

``schema`` is 1 and grows by one when a field is renamed or removed; ``docs/experiment-quality.md`` lists the fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.quality.conditions import ANSWERED
from airflow_provider_arize_tasks.quality.report.points import Point, points_of
from airflow_provider_arize_tasks.quality.result import describe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_arize_tasks.quality.gate import Found
    from airflow_provider_arize_tasks.quality.result import ExperimentCheck
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows
    from airflow_provider_arize_tasks.quality.scores import ScoreBook

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything a report shows.

    :param check: the result of the check.
    :param points: per evaluator the scores of the experiments to draw, oldest first, the candidate last.
    :param drawn: these experiments.
    :param verdicts: by experiment id, what it came to, whether it counts, and who decided, if a person did.
    :param examples: columns of the dataset's examples, by example id.
    :param book: the numbers.
    :param origin: where the report comes from, such as ``{"DAG": "nightly", "run": "scheduled__..."}``.
    :param experiment_url: address of the experiment in the Arize UI, if known.
    :param slice_by: the column that slices are of.
    """

    check: ExperimentCheck
    book: ScoreBook
    points: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    drawn: Sequence[ExperimentRows] = ()
    verdicts: Mapping[str, tuple[str | None, bool, str | None]] = field(default_factory=dict)
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    experiment_url: str | None = None
    slice_by: str | None = None


def report_of(
    found: Found, *, origin: Mapping[str, str], experiment_url: str | None, most: int, slice_by: str | None = None
) -> Report:
    """What to show of a check.

    :param found: what it read and what it came to.
    :param origin: where the report comes from.
    :param experiment_url: address of the experiment; left out where it is only the start page of the UI.
    :param most: how many experiments to draw at most.
    :param slice_by: the column that slices are of.
    """
    check = found.check
    drawn = experiments_to_draw([*found.older, *check.past.pool, *check.past.reference], check.candidate, most)
    verdicts = {
        one.experiment.id: (None if one.verdict is None else one.verdict.value, one.accepted, one.by)
        for one in found.judged
    }
    verdicts[check.candidate.id] = (check.verdict.value, check.passed, None)
    baseline_ids = [one.id for one in check.past.pool]
    points = {
        one.evaluator: points_of(
            drawn,
            one,
            book=found.book,
            baseline_ids=baseline_ids,
            confidence=check.level,
            verdicts={name: found[:2] for name, found in verdicts.items()},
        )
        for one in check.measures
    }
    is_deep = bool(experiment_url) and "/experiments/" in str(experiment_url)
    return Report(
        check=check,
        book=found.book,
        points=points,
        drawn=drawn,
        verdicts=verdicts,
        examples=found.examples,
        origin=origin,
        experiment_url=experiment_url if is_deep else None,
        slice_by=slice_by,
    )


def document_of(report: Report) -> dict[str, Any]:
    """The report as plain JSON, without any text of the examples.

    :param report: what to show.
    """
    check, past = report.check, report.check.past
    shown = {one.id: one for one in (*past.history, *past.pool, *past.reference, *report.drawn, check.candidate)}
    names = [one.evaluator for one in check.evaluators]
    scores = {name: _scores(report.book, shown.values(), name) for name in names}
    answered = _scores(report.book, shown.values(), ANSWERED)
    answered[check.candidate.id] = report.book.answered(check.candidate, check.expected)
    return {
        "schema": SCHEMA,
        **check.to_dict(),
        "conditions": check.conditions.to_dict(),
        "origin": dict(report.origin),
        "experiment_url": report.experiment_url,
        "are_accepted": past.are_accepted,
        "history": [one.id for one in past.history],
        "experiments": {
            name: {
                **describe(one),
                "verdict": report.verdicts.get(name, (None, None, None))[0],
                "accepted": report.verdicts.get(name, (None, None, None))[1],
                "decided_by": report.verdicts.get(name, (None, None, None))[2],
            }
            for name, one in shown.items()
        },
        "points": {name: [point.to_dict() for point in points] for name, points in report.points.items()},
        "slice_by": report.slice_by,
        "clusters": None if report.book.dataset.clusters is None else dict(report.book.dataset.clusters),
        "scores": {**scores, ANSWERED: answered},
    }


def experiments_to_draw(
    others: Sequence[ExperimentRows], candidate: ExperimentRows, most: int
) -> tuple[ExperimentRows, ...]:
    """Oldest first, each once, the candidate last; the oldest are left out where there are too many.

    :param others: the other experiments, in any order.
    :param candidate: the experiment that was judged.
    :param most: how many to draw at most.
    """
    unique = {one.id: one for one in others if one.id != candidate.id}
    ordered = sorted(unique.values(), key=lambda one: one.created_at or "")
    return (*ordered[max(0, len(ordered) - most + 1) :], candidate)


def _scores(book: ScoreBook, experiments: Any, evaluator: str) -> dict[str, dict[str, float]]:
    return {one.id: dict(book.values(one, evaluator)) for one in experiments}
