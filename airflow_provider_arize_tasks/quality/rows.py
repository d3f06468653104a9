"""What an experiment scored, read off its rows.

A row of an experiment carries the evaluations as flat columns, ``eval.<evaluator>.score``, ``.label`` and
``.explanation``; nested forms of the same are understood as well. A score that is missing (no column, null, an empty
text, NaN, a number beyond any scale) is *not* a score of zero: it counts against the evaluator's coverage and stays out
of every mean.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import Any

from airflow_provider_arize_tasks.client.printable import printable

#: What an evaluation may consist of. ``error`` is not in the API's documentation; where a server sends it, it counts.
_PARTS = ("score", "label", "explanation", "error")
_PREFIX = "eval."
_LONE = re.compile("[\x00\ud800-\udfff]")
#: What a judge's answer is labelled as where no label could be read off it: a score that is missing, not a bad one.
_UNPARSABLE = {"NOT_PARSABLE", "NOT PARSABLE", "NOT_PARSEABLE", "NOT PARSEABLE"}
#: Labels are cut to so many characters, and so many of them are told.
_LABEL, _MOST_LABELS = 200, 50
#: No scale reaches so far: a number beyond is no score, and squares of it are beyond what can be counted with.
_LARGEST_SCORE = 1e15
#: Keys under which a nested form has been seen.
_NESTED_KEYS = ("eval", "evals", "evaluations")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What one evaluator said about one row. Every part may be missing.

    :param is_unparsable: the judge answered, but no label could be read off its answer; it has no score then.
    """

    score: float | None = None
    label: str | None = None
    explanation: str | None = None
    error: str | None = None
    is_unparsable: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of an experiment: an example, what the app answered, and what the evaluators said.

    :param example: id of the dataset's example; ``None`` where the server left it out (it then pairs with nothing).
    :param output: the answer, if any.
    :param error: why there is no answer, if the app failed on this example.
    :param evaluations: by evaluator name.
    """

    example: str | None = None
    output: str | None = None
    error: str | None = None
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ExperimentRows:
    """An experiment with all of its rows.

    :param id: the experiment's id.
    :param name: its name.
    :param dataset_id: the dataset it ran on, if known.
    :param dataset_version_id: the version of it, if known.
    :param created_at: when it was made, ISO 8601, if known.
    :param rows: its rows.
    :param judges: by evaluator, the version that judged it, as far as that is known.
    :param setup: what tells its prompt, model and parameters from others, as far as that is known.
    """

    id: str
    name: str | None = None
    dataset_id: str | None = None
    dataset_version_id: str | None = None
    created_at: str | None = None
    rows: tuple[Row, ...] = ()
    judges: Mapping[str, str] = field(default_factory=dict)
    setup: str | None = None

    @property
    def label(self) -> str:
        """Its name, or its id where it has none."""
        return self.name or self.id

    @property
    def errors(self) -> int:
        """Rows on which the app itself failed."""
        return sum(1 for row in self.rows if row.error)

    @cached_property
    def example_ids(self) -> frozenset[str]:
        """Ids of the examples that it ran on; a row without one counts as an example of its own."""
        return frozenset(row.example or f"row {index}" for index, row in enumerate(self.rows))

    def evaluators(self) -> tuple[str, ...]:
        """Names of the evaluators that said anything about any row, in alphabetical order."""
        return tuple(sorted({name for row in self.rows for name, said in row.evaluations.items() if _says(said)}))


@dataclass(frozen=True, kw_only=True)
class Measure:
    """How an evaluator's verdicts become numbers.

    :param evaluator: name of the evaluator.
    :param good_labels: measure the share of these labels instead of the score; empty means the score.
    :param lower_is_better: a *rise* of the score is the fall in quality (toxicity, latency).
    """

    evaluator: str
    good_labels: tuple[str, ...] = ()
    lower_is_better: bool = False

    def value(self, row: Row) -> float | None:
        """The number of one row; ``None`` where the evaluator gave none."""
        said = row.evaluations.get(self.evaluator)
        if said is None:
            return None
        if not self.good_labels:
            return said.score
        return None if said.label is None else float(said.label in self.good_labels)


def read_row(raw: Mapping[str, Any]) -> Row:
    """Read one row as the API sent it.

    :param raw: the JSON of one experiment run.
    """
    return Row(
        example=_text(raw.get("example_id")),
        output=_text(raw.get("output")),
        error=_text(raw.get("error")),
        evaluations=read_evaluations(raw),
    )


def read_evaluations(raw: Mapping[str, Any]) -> dict[str, Evaluation]:
    """The evaluations of one row, by evaluator name, from flat columns or nested objects.

    An evaluator's name may hold dots itself: ``eval.answer.v2.score`` is the score of ``answer.v2``.

    :param raw: the JSON of one experiment run.
    """
    parts: dict[str, dict[str, Any]] = {}
    for key in _NESTED_KEYS:
        for name, said in _nested(raw.get(key)):
            parts.setdefault(name, {}).update(said)
    for key, value in raw.items():
        if not key.startswith(_PREFIX):
            continue
        name, _, part = key[len(_PREFIX) :].rpartition(".")
        if name and part in _PARTS:
            parts.setdefault(name, {})[part] = value
        elif isinstance(value, Mapping):
            parts.setdefault(key[len(_PREFIX) :], {}).update(value)
    return {name: _evaluation(said) for name, said in parts.items()}


def values_by_example(rows: Iterable[Row], measure: Measure) -> dict[str, float]:
    """One number per example: the mean over its rows, where an example was run several times.

    :param rows: rows of one experiment.
    :param measure: how verdicts become numbers.
    """
    return _means((row.example, measure.value(row)) for row in rows)


def pooled(experiments: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Several experiments as one baseline: per example, the mean over those that scored it.

    :param experiments: per experiment, a number per example.
    """
    return _means(pair for scores in experiments for pair in scores.items())


def answered_by_example(rows: Iterable[Row]) -> dict[str, float]:
    """Per example, the share of its rows on which the app did not fail.

    :param rows: rows of one experiment.
    """
    return _means((row.example, 0.0 if row.error else 1.0) for row in rows)


def _means(pairs: Iterable[tuple[str | None, float | None]]) -> dict[str, float]:
    """The mean of each example's values, of which there is at least one; pairs that lack either say nothing."""
    found: dict[str, list[float]] = {}
    for example, value in pairs:
        if example is not None and value is not None:
            found.setdefault(example, []).append(value)
    return {example: fmean(values) for example, values in found.items()}


def label_shares(rows: Iterable[Row], evaluator: str) -> dict[str, float]:
    """How often each label was given, as a share of the rows that have one; the most frequent ones first.

    Labels are what a model wrote: each is cut to a line, and of many different ones only the most frequent are told.

    :param rows: rows of one experiment.
    :param evaluator: name of the evaluator.
    """
    said = (row.evaluations.get(evaluator) for row in rows)
    counts = Counter(printable(each.label, _LABEL) for each in said if each is not None and each.label is not None)
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MOST_LABELS]
    return {label: count / total for label, count in ordered}


def _nested(value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        return [(str(name), said) for name, said in value.items() if isinstance(said, Mapping)]
    if isinstance(value, (list, tuple)):
        return [(str(said["name"]), said) for said in value if isinstance(said, Mapping) and said.get("name")]
    return []


def _evaluation(said: Mapping[str, Any]) -> Evaluation:
    label = _text(said.get("label"))
    is_unparsable = label is not None and label.strip().upper() in _UNPARSABLE
    return Evaluation(
        score=None if is_unparsable else _number(said.get("score")),
        label=None if is_unparsable else label,
        explanation=_text(said.get("explanation")),
        error=_text(said.get("error")),
        is_unparsable=is_unparsable,
    )


def _says(said: Evaluation) -> bool:
    return said.score is not None or said.label is not None


def _number(value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) <= _LARGEST_SCORE else None  # NaN is not, either


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else str(value)
    # A lone surrogate can be written to no file and NUL to no database: neither is text.
    return text.replace("\x00", "\ufffd") if text.isascii() else _LONE.sub("\ufffd", text)
