"""The quality page: scores per night with intervals, verdicts, and what changed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.ui.entries import Entry, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeGuard

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 720, 150, 40, 12, 22
_WORDS = {"passed": "passed", "failed": "did not pass", "nothing_to_compare": "nothing to compare with"}
#: Findings that tell of another judge, prompt, model or dataset.
_CHANGES = frozenset({"judge_changed", "setup_changed", "dataset_changed"})


@dataclass(frozen=True, kw_only=True)
class Score:
    """What an evaluator said of a night."""

    evaluator: str
    score: float
    low: float
    high: float
    change: float | None
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A quality check.

    :param verdict: in words.
    :param look: ``pass``, ``fail``, or ``open`` where the check could not tell.
    :param sentences: what was found.
    :param changes: what changed besides quality: judge, prompt, model, dataset.
    :param report: whether there is a report that the page may serve.
    """

    entry: Entry
    experiment: str
    verdict: str
    look: str
    scores: tuple[Score, ...]
    sentences: tuple[str, ...]
    changes: tuple[str, ...]
    report: str | None
    report_link: str | None


def judged_of(checks: Sequence[Entry]) -> list[Judged]:
    """The experiments of a task, oldest first; checks that came to no verdict are left out.

    :param checks: as :mod:`.overview` groups them.
    """
    return [_judged(check) for check in checks if check.result]


def _judged(entry: Entry) -> Judged:
    result = entry.result
    experiment = result.get("experiment")
    name = text(experiment.get("name")) if isinstance(experiment, dict) else None
    return Judged(
        entry=entry,
        experiment=name or entry.experiment_id or "experiment",
        verdict=verdict_of(result),
        look=_look(result),
        scores=tuple(_scores(result)),
        sentences=tuple(_messages(result, of_changes=False)),
        changes=tuple(_messages(result, of_changes=True)),
        report=text(result.get("report")),
        report_link=text(entry.record.values.get("arize_report_link")),
    )


def _look(result: Mapping[str, Any]) -> str:
    if result.get("outcome") == "inconclusive":
        return "open"
    return "pass" if result.get("passed") is True else "fail"


def verdict_of(result: Mapping[str, Any]) -> str:
    """The verdict of a check in words.

    :param result: of :class:`ArizeCheckExperimentOperator`.
    """
    outcome = text(result.get("outcome"))
    if outcome:
        return _WORDS.get(outcome, outcome.replace("_", " "))
    return "passed" if result.get("passed") is True else "did not pass"


def _scores(result: Mapping[str, Any]) -> Iterator[Score]:
    evaluators = result.get("evaluators")
    for name, found in (evaluators if isinstance(evaluators, dict) else {}).items():
        if not isinstance(found, dict):
            continue
        score, change = found.get("score"), found.get("change")
        if not _is_number(score):
            continue
        low, high = _interval(found.get("score_interval")) or (score, score)
        mean = change.get("mean") if isinstance(change, dict) else None
        yield Score(
            evaluator=str(name)[:200],
            score=score,
            low=low,
            high=high,
            change=mean if _is_number(mean) else None,
            outcome=(text(found.get("outcome")) or "").replace("_", " "),
        )


def _interval(value: Any) -> tuple[float, float] | None:
    known = isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
    return (value[0], value[1]) if known else None


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12


def _messages(result: Mapping[str, Any], *, of_changes: bool) -> Iterator[str]:
    """What was found, in sentences: of changes besides quality, or of all else."""
    for kind in ("failures", "inconclusive", "remarks"):
        findings = result.get(kind)
        for finding in (findings if isinstance(findings, list) else [])[:20]:
            message = text(finding.get("message")) if isinstance(finding, dict) else None
            if message and (finding.get("outcome") in _CHANGES) is of_changes:
                yield message


@dataclass(frozen=True)
class Point:
    """A night in a chart, in its coordinates."""

    x: float
    y: float
    low: float
    high: float
    label: str
    look: str
    changed: bool


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The scores of an evaluator, drawn.

    :param ticks: height and text of the lines to read by.
    """

    evaluator: str
    points: tuple[Point, ...]
    ticks: tuple[tuple[float, str], ...]
    width: int = _WIDTH
    height: int = _HEIGHT

    @property
    def line(self) -> str:
        """Coordinates of the line."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


def charts_of(experiments: Sequence[Judged]) -> list[Chart]:
    """One chart for each evaluator.

    :param experiments: oldest first.
    """
    names = dict.fromkeys(score.evaluator for each in experiments for score in each.scores)
    return [_chart(name, experiments) for name in names]


def _chart(name: str, experiments: Sequence[Judged]) -> Chart:
    scored = [(each, score) for each in experiments for score in each.scores if score.evaluator == name]
    low = min(score.low for _, score in scored)
    high = max(score.high for _, score in scored)
    pad = (high - low) * 0.08 or 0.05
    low, high = low - pad, high + pad
    span = _HEIGHT - _TOP - _BOTTOM

    def height(value: float) -> float:
        return round(_TOP + span * (high - value) / (high - low), 1)

    step = (_WIDTH - _LEFT - 16) / max(1, len(scored) - 1)
    points = tuple(
        Point(
            x=round(_LEFT + 8 + step * index, 1),
            y=height(score.score),
            low=height(score.low),
            high=height(score.high),
            label=f"{each.entry.day}: {score.score:.3f} ({score.low:.3f} to {score.high:.3f}), {each.verdict}",
            look=each.look,
            changed=bool(each.changes),
        )
        for index, (each, score) in enumerate(scored)
    )
    ticks = tuple((height(value), f"{value:.2f}") for value in (low + pad, (low + high) / 2, high - pad))
    return Chart(evaluator=name, points=points, ticks=ticks)
