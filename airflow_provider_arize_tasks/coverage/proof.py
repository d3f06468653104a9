"""Proof, its arithmetic: which units of a window carry a label of each evaluator, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.coverage.judges import Judge, Unit, named
from airflow_provider_arize_tasks.windows.window import Window, iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow_provider_arize_tasks.client.models import Span

#: Ids of missing spans that a result names for each evaluator.
MOST_EXAMPLES = 10
#: Two-sided 95 %.
_Z = 1.959964
#: A sampled task is called incomplete only where chance is out of the question.
_Z_ALARM = 3.290527
_ONE_SIDED = 0.05


@dataclass
class Tally:
    """The labels of one evaluator over the units of a window.

    :param judge: the evaluator.
    :ivar units: by id of the unit, whether it carries a label, and the id of one of its spans.
    :ivar runs: how many labels each run left, where the server tells.
    """

    judge: Judge
    units: dict[str, tuple[bool, str]] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)

    def add(self, span: Span) -> None:
        """Count a span that the evaluator should judge."""
        found = label_of(span, self.judge)
        unit = unit_of(span, self.judge.unit)
        known = self.units.get(unit)
        self.units[unit] = (bool(found) or bool(known and known[0]), span.span_id or unit)
        run_id = _run_of(found) if found else None
        if run_id:
            self.runs[run_id] = self.runs.get(run_id, 0) + 1

    @property
    def labelled(self) -> int:
        """Units with a label."""
        return sum(is_labelled for is_labelled, _ in self.units.values())

    @property
    def missing(self) -> int:
        """Units without one."""
        return len(self.units) - self.labelled

    def examples(self) -> list[str]:
        """Ids of spans whose unit has no label, up to ten."""
        return [span for is_labelled, span in self.units.values() if not is_labelled][:MOST_EXAMPLES]


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share with its interval.

    :param value: labelled of all that were looked at; 1 of nothing.
    :param low: lower end at 95 %.
    :param high: upper end.
    """

    value: float
    low: float
    high: float


def share_of(labelled: int, total: int, *, is_estimate: bool) -> Share:
    """The share of labelled units.

    :param labelled: with a label.
    :param total: that were looked at.
    :param is_estimate: whether they are a sample, or were labelled by a sample: else the share is exact.
    """
    if not total:
        return Share(value=1.0, low=0.0 if is_estimate else 1.0, high=1.0)
    value = labelled / total
    if not is_estimate:
        return Share(value=value, low=value, high=value)
    if labelled == total:  # "600 looked at, 0 missing: below 0.5 % at 95 %"
        return Share(value=1.0, low=_ONE_SIDED ** (1 / total), high=1.0)
    low, high = _wilson(value, total, _Z)
    return Share(value=value, low=low, high=high)


def is_complete(labelled: int, total: int, rate: float) -> bool:
    """Whether nothing is missing: every unit is labelled or, of a sampled task, as many as its rate lets expect."""
    if rate >= 1 or not total:
        return labelled == total
    return _wilson(labelled / total, total, _Z_ALARM)[1] >= rate


def _wilson(share: float, total: int, z: float) -> tuple[float, float]:
    spread = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    middle, scale = share + z * z / (2 * total), 1 + z * z / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def label_of(span: Span, judge: Judge) -> Mapping[str, Any] | None:
    """The evaluation of a span by a judge; one without a label and a score is none."""
    wanted = judge.label or judge.name
    for each in span.evaluations:
        is_by = each.get("name") == wanted
        if is_by and (each.get("label") is not None or each.get("score") is not None):
            return each
    return None


def unit_of(span: Span, unit: Unit) -> str:
    """What counts as one judgement: the span itself, its trace or its session."""
    span_id = f"{span.trace_id}/{span.span_id}"
    if unit is Unit.TRACE:
        return span.trace_id or span_id
    if unit is Unit.SESSION:
        return session_of(span) or span_id
    return span_id


def session_of(span: Span) -> str | None:
    """The session a span belongs to."""
    attributes = span.attributes or {}
    session = attributes.get("session")
    found = session.get("id") if isinstance(session, dict) else attributes.get("session.id")
    return found if isinstance(found, str) else None


def _run_of(evaluation: Mapping[str, Any]) -> str | None:
    """The run that left a label; the keys of the metadata are not documented."""
    metadata = evaluation.get("metadata")
    if not isinstance(metadata, dict):
        return None
    names = ("run_id", "task_run_id", "runId", "taskRunId")
    return next((metadata[name] for name in names if isinstance(metadata.get(name), str)), None)


def columns_for(judges: Sequence[Judge]) -> list[str]:
    """The columns of spans to read: no more than what tells a label and its unit."""
    columns = ["context.span_id", "context.trace_id"]
    for judge in judges:
        columns += [f"eval.{judge.label or judge.name}.{part}" for part in ("label", "score")]
        if judge.unit is Unit.SESSION and "attributes.session.id" not in columns:
            columns.append("attributes.session.id")
    return columns


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was looked at and what was found: a record to keep.

    :param task_id: the task.
    :param task_name: its name.
    :param project_id: the project whose spans were read.
    :param window: the window.
    :param spans: spans read that start in the window, whatever the filters.
    :param matching: those that the task's filter lets through.
    :param sampled: how many spans were looked at, of a sample; ``None`` if all were.
    :param rate: share of units the task evaluates.
    :param tallies: by evaluator.
    :param looked_at: when.
    :param query_filter: the task's filter.
    :param notes: what could not be looked at, each a sentence without its full stop.
    """

    task_id: str
    task_name: str | None
    project_id: str
    window: Window
    spans: int
    matching: int
    sampled: int | None
    rate: float
    tallies: tuple[Tally, ...]
    looked_at: datetime
    query_filter: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing that was looked at is missing, for any evaluator."""
        return all(is_complete(each.labelled, len(each.units), self.rate) for each in self.tallies)

    def share(self, tally: Tally) -> Share:
        """The share of an evaluator."""
        is_estimate = self.sampled is not None or self.rate < 1
        return share_of(tally.labelled, len(tally.units), is_estimate=is_estimate)

    def lacking(self, min_labelled: float) -> list[str]:
        """What falls short of a share, in words.

        :param min_labelled: share of the units that must be labelled; of a sampled task, of those its rate asks for.
        """
        found = []
        for each in self.tallies:
            total = len(each.units)
            enough = (
                is_complete(each.labelled, total, self.rate * min_labelled)
                if self.rate < 1
                else self.share(each).value >= min_labelled
            )
            if total and not enough:
                share = self.share(each)
                found.append(
                    f"{each.judge.name}: {each.missing} of {total} {each.judge.unit.value}s carry no label "
                    f"({share.value:.2%}), such as {', '.join(each.examples()[:3])}"
                )
        return found

    def __str__(self) -> str:
        looked = f"{self.sampled} of its spans" if self.sampled is not None else f"all {self.spans} spans"
        parts = [f"window {self.window.key}: {looked} looked at, {self.matching} match the task's filter"]
        for each in self.tallies:
            share = self.share(each)
            told = f"{each.judge.name}: {each.missing} of {len(each.units)} {each.judge.unit.value}s missing"
            if self.sampled is not None and each.units:
                told += f": {'below' if not each.missing else 'at most'} {1 - share.low:.2%} at 95 %"
            parts.append(told)
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """As JSON: the result of the operator and of the hook."""
        return {
            "spans": self.spans,
            "matching": self.matching,
            "evaluators": {
                name: {
                    "labelled": each.labelled,
                    "missing": each.missing,
                    "share": round(share.value, 6),
                    "low": round(share.low, 6),
                    "high": round(share.high, 6),
                }
                for name, each, share in self._shares()
            },
            "sampled": self.sampled,
            "complete": self.complete,
            "missing_examples": {name: each.examples() for name, each, _ in self._shares() if each.missing},
            **self.window.to_dict(),
            "audit": self._audit(),
        }

    def _shares(self) -> list[tuple[str, Tally, Share]]:
        names = named([each.judge for each in self.tallies])
        return [(name, each, self.share(each)) for (name, _), each in zip(names, self.tallies, strict=True)]

    def _audit(self) -> dict[str, Any]:
        return {
            "looked_at": iso(self.looked_at),
            "task_id": self.task_id,
            "task_name": self.task_name,
            "project_id": self.project_id,
            "query_filter": self.query_filter,
            "sampling_rate": self.rate,
            "evaluators": [
                {
                    "name": each.judge.name,
                    "evaluator_id": each.judge.evaluator_id,
                    "version_id": each.judge.version_id,
                    "version_created_at": each.judge.since and iso(each.judge.since),
                    "label": each.judge.label,
                    "unit": each.judge.unit.value,
                    "runs": dict(sorted(each.runs.items())),
                }
                for each in self.tallies
            ],
            "notes": list(self.notes),
        }
