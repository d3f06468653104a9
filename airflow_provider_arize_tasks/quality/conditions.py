"""What an experiment must fulfil, and the names of everything a check can find."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.fields import FieldError, as_number
from airflow_provider_arize_tasks.quality.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Callable

#: In a condition given per evaluator: every evaluator that isn't named.
EVERY_OTHER = "*"
#: As a baseline: experiments that this check let pass, or whatever the task completed before.
ACCEPTED, PREVIOUS = "accepted", "previous"
#: In a condition: the share of examples that the app answered without an error.
ANSWERED = "answered without error"

Limit = float | int | str | Mapping[str, Any] | None


class Outcome(str, Enum):
    """What a check can find out.

    Those of the first group always fail it, ``not_ruled_out`` makes it inconclusive, the others fail it only if
    ``fail_on`` names them.
    """

    SCORE_DROPPED = "score_dropped"
    DROPPED_FROM_REFERENCE = "dropped_from_reference"
    SCORE_DRIFTED = "score_drifted"
    SCORE_OUT_OF_BOUNDS = "score_out_of_bounds"
    COVERAGE_TOO_LOW = "coverage_too_low"
    TOO_MANY_ERRORS = "too_many_errors"
    NO_ROWS = "no_rows"
    NO_SCORES = "no_scores"
    UNKNOWN_LABEL = "unknown_label"

    NOT_RULED_OUT = "not_ruled_out"

    EVALUATOR_MISSING = "evaluator_missing"
    NEW_EVALUATOR = "new_evaluator"
    LABELS_ONLY = "labels_only"
    TOO_FEW_EXAMPLES = "too_few_examples"
    DROP_WITHIN_NOISE = "drop_within_noise"
    NO_BASELINE = "no_baseline"
    DATASET_CHANGED = "dataset_changed"
    JUDGE_CHANGED = "judge_changed"
    SETUP_CHANGED = "setup_changed"

    NOTHING_TO_COMPARE = "nothing_to_compare"
    IMPROVED = "improved"
    PASSED = "passed"


#: Findings that fail a check only where its author asks for it.
OPTIONAL_FAILURES = (
    Outcome.EVALUATOR_MISSING,
    Outcome.NEW_EVALUATOR,
    Outcome.LABELS_ONLY,
    Outcome.TOO_FEW_EXAMPLES,
    Outcome.DROP_WITHIN_NOISE,
    Outcome.NO_BASELINE,
    Outcome.DATASET_CHANGED,
    Outcome.JUDGE_CHANGED,
    Outcome.SETUP_CHANGED,
)


class Verdict(str, Enum):
    """What a check comes to."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    NOTHING_TO_COMPARE = "nothing_to_compare"


class OnInconclusive(str, Enum):
    """What becomes of an experiment in which a drop of the size of ``rule_out`` can't be excluded."""

    FAIL = "fail"
    PASS = "pass"  # noqa: S105  # no password


@dataclass(frozen=True, kw_only=True)
class Conditions(Plain):
    """The conditions of a check, read and found sound. Made by :func:`read_conditions`.

    Every limit is a mapping of evaluator name to number; ``"*"`` stands for every evaluator that isn't named.
    """

    min_score: Mapping[str, float] = field(default_factory=dict)
    max_score: Mapping[str, float] = field(default_factory=dict)
    max_drop: Mapping[str, float] = field(default_factory=dict)
    rule_out: Mapping[str, float] = field(default_factory=dict)
    min_coverage: Mapping[str, float] = field(default_factory=dict)
    max_error_rate: Mapping[str, float] = field(default_factory=dict)
    evaluators: tuple[str, ...] = ()
    good_labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lower_is_better: frozenset[str] = frozenset()
    confidence: float = 0.95
    min_examples: int = 10
    fail_on: frozenset[Outcome] = frozenset({Outcome.EVALUATOR_MISSING})
    on_inconclusive: OnInconclusive = OnInconclusive.FAIL
    false_alarms_per_year: float = 1.0

    def named_evaluators(self) -> set[str]:
        """Evaluators that any condition names; they are expected to be there."""
        limits = (
            self.min_score, self.max_score, self.max_drop, self.rule_out, self.min_coverage, self.max_error_rate
        )  # fmt: skip
        named = {name for limit in limits for name in limit} | set(self.good_labels) | set(self.evaluators)
        return named - {EVERY_OTHER, ANSWERED}


def limit_of(limits: Mapping[str, float], evaluator: str) -> float | None:
    """The limit that holds for one evaluator, or ``None`` where there is none.

    :param limits: one of the limits of :class:`Conditions`.
    :param evaluator: name of the evaluator.
    """
    return limits.get(evaluator, limits.get(EVERY_OTHER))


def read_conditions(
    *,
    min_score: Limit = None,
    max_score: Limit = None,
    max_drop: Limit = 0.0,
    rule_out: Limit = None,
    min_coverage: Limit = 0.9,
    max_error_rate: Limit = 0.1,
    evaluators: Iterable[str] | None = None,
    good_labels: Mapping[str, Any] | None = None,
    lower_is_better: Iterable[str] | None = None,
    confidence: Any = 0.95,
    min_examples: Any = 10,
    fail_on: Iterable[str] | None = None,
    on_inconclusive: Any = OnInconclusive.FAIL,
    false_alarms_per_year: Any = 1,
) -> Conditions:
    """Read the conditions as an author wrote them; numbers may be texts, as a template leaves them.

    A limit is a number for every evaluator, or a mapping of evaluator name to number in which ``"*"`` stands for every
    evaluator that isn't named.

    :raises ArizeValidationError: naming every argument that makes no sense.
    """
    check = Checker()
    none: tuple[str, ...] = ()
    conditions = Conditions(
        min_score=_limits(check, "min_score", min_score, as_number),
        max_score=_limits(check, "max_score", max_score, as_number),
        max_drop=_limits(check, "max_drop", max_drop, args.between(0)),
        rule_out=_limits(check, "rule_out", rule_out, args.between(0)),
        min_coverage=_limits(check, "min_coverage", min_coverage, args.rate),
        max_error_rate=_limits(check, "max_error_rate", max_error_rate, args.rate),
        evaluators=check.read("evaluators", evaluators, _names, none),
        good_labels=_labels(check, good_labels),
        lower_is_better=frozenset(check.read("lower_is_better", lower_is_better, _names, none)),
        confidence=check.read("confidence", confidence, args.between(0.5, 0.9999), 0.95),
        min_examples=int(check.read("min_examples", min_examples, args.between(2), 10.0)),
        fail_on=_outcomes(check, fail_on),
        on_inconclusive=check.choice("on_inconclusive", on_inconclusive, OnInconclusive, OnInconclusive.FAIL),
        false_alarms_per_year=check.read("false_alarms_per_year", false_alarms_per_year, args.between(0, 366), 1.0),
    )
    check.note(_contradictions(conditions))
    check.raise_if_any()
    return conditions


def _contradictions(conditions: Conditions) -> list[str]:
    lower = conditions.lower_is_better
    problems = [
        f"min_score names {name}, for which lower is better: give max_score={{'{name}': ...}} instead"
        for name in sorted(lower & set(conditions.min_score))
    ]
    if conditions.max_score and not lower:
        problems.append("max_score is for evaluators named in lower_is_better, and none is")
    problems += [
        f"max_score names {name}, which lower_is_better does not"
        for name in sorted(set(conditions.max_score) - lower - {EVERY_OTHER})
        if lower
    ]
    for name, size in conditions.rule_out.items():
        allowed = limit_of(conditions.max_drop, name)
        if allowed is not None and size <= allowed:
            problems.append(f"rule_out {size:g} must be larger than max_drop {allowed:g}, which is allowed")
    problems += [
        f"good_labels and lower_is_better both name {name}: list the good labels only"
        for name in sorted(lower & set(conditions.good_labels))
    ]
    if conditions.evaluators:
        strangers = conditions.named_evaluators() - set(conditions.evaluators)
        problems += [f"a condition names {name}, which evaluators leaves out" for name in sorted(strangers)]
    return problems


def _limits(check: Checker, argument: str, value: Limit, reader: Callable[[Any], float]) -> dict[str, float]:
    given = value if isinstance(value, Mapping) else {EVERY_OTHER: value}
    return {
        str(name): check.read(argument if name == EVERY_OTHER else f"{argument}[{name!r}]", item, reader, 0.0)
        for name, item in given.items()
        if item is not None
    }


def _names(value: Iterable[str] | None) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value or ())
    if not all(isinstance(name, str) and name for name in names):
        raise FieldError("must hold names of evaluators")
    return names


def _labels(check: Checker, value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        if value is not None:
            check.problem(
                "good_labels",
                "must map an evaluator's name to its good labels, such as {'relevance': ['relevant']}",
            )
        return {}
    found = {}
    for name, labels in value.items():
        found[str(name)] = (labels,) if isinstance(labels, str) else tuple(str(label) for label in labels or ())
        if not found[str(name)]:
            check.problem(f"good_labels[{name!r}]", "names no label")
    return found


def _outcomes(check: Checker, value: Iterable[str] | None) -> frozenset[Outcome]:
    if value is None:
        return frozenset({Outcome.EVALUATOR_MISSING})
    allowed = {outcome.value: outcome for outcome in OPTIONAL_FAILURES}
    names = [value] if isinstance(value, str) else list(value)
    texts = [name.value if isinstance(name, Outcome) else str(name) for name in names]
    unknown = [text for text in texts if text not in allowed]
    if unknown:
        check.problem("fail_on", f"does not know {', '.join(unknown)}; it knows {', '.join(allowed)}")
    return frozenset(allowed[text] for text in texts if text in allowed)
