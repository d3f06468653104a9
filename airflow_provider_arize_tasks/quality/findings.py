"""What an experiment's numbers come to: every condition that is missed, in a sentence with the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.printable import printable
from airflow_provider_arize_tasks.quality.conditions import ANSWERED, OPTIONAL_FAILURES, Conditions, Outcome, limit_of
from airflow_provider_arize_tasks.quality.result import EvaluatorCheck, Finding, describe_measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from airflow_provider_arize_tasks.quality.comparing import Comparison, Numbers
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows
    from airflow_provider_arize_tasks.quality.scores import Past
    from airflow_provider_arize_tasks.quality.variation import Change

#: A limit counts as kept when it is missed by less than this: sums of floats are not exact.
_SLACK = 1e-9
#: Names in messages are cut after this many characters.
_NAME = 120

Found = tuple[Outcome, str]


def labels_ever_given(
    experiments: Iterable[ExperimentRows], conditions: Conditions, known: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """By evaluator named in ``good_labels``, all labels that it gave in any experiment, or is known to give."""
    rows = [row for experiment in experiments for row in experiment.rows] if conditions.good_labels else []
    found = {}
    for name in conditions.good_labels:
        said = (row.evaluations.get(name) for row in rows)
        given = {each.label for each in said if each is not None and each.label is not None}
        found[name] = known.get(name, frozenset()) | given
    return found


def evaluator_findings(
    check: EvaluatorCheck, comparison: Comparison, numbers: Numbers, labels: frozenset[str] | None
) -> list[Finding]:
    """What there is to say about one evaluator; empty where every condition holds."""
    conditions = comparison.conditions
    found: list[Found] = list(_unknown_labels(check, labels))
    missing = _missing(check, comparison.past)
    if missing:
        found.append(missing)
    elif not found:
        found += _bounds(check, conditions)
        found += _against_baseline(check, comparison, numbers)
        found += _against_reference(check, comparison)
        found += _drift(check)
    if not missing:
        found += _coverage(check, conditions)
    found += _errors(check, conditions)
    name = printable(check.evaluator, _NAME)
    return [make_finding(outcome, f"{name}: {text}", conditions, check.evaluator) for outcome, text in found]


def answered_findings(check: EvaluatorCheck, comparison: Comparison, numbers: Numbers) -> list[Finding]:
    """What there is to say about the share of examples that the app answered without an error."""
    conditions = comparison.conditions
    found = [*_drop(check, comparison), *_against_reference(check, comparison), *_drift(check)]
    found = [each for each in found if each[0] is not Outcome.DROP_WITHIN_NOISE]
    if not comparison.is_comparable(ANSWERED, numbers):
        found = []
    return [make_finding(outcome, f"{ANSWERED}: {text}", conditions, check.evaluator) for outcome, text in found]


def experiment_findings(comparison: Comparison, checks: Sequence[EvaluatorCheck]) -> list[Finding]:
    """What there is to say about the experiment as a whole."""
    candidate, past, conditions = comparison.candidate, comparison.past, comparison.conditions
    found: list[Found] = []
    label = printable(candidate.label, _NAME)
    if not candidate.rows:
        found.append((Outcome.NO_ROWS, f"experiment {label} has no rows"))
    elif all(check.score is None for check in checks):
        found.append((Outcome.NO_SCORES, _no_scores(candidate, label)))
        found += _row_errors(comparison)
    if past.is_wanted and not past.pool:
        found.append(
            (Outcome.NO_BASELINE, "there is no earlier experiment to compare with, so a drop can't be told yet")
        )
    found += _dataset_changes(candidate, past.pool)
    found += _setup_changes(candidate, past.pool)
    return [make_finding(outcome, message, conditions) for outcome, message in found]


def make_finding(outcome: Outcome, message: str, conditions: Conditions, evaluator: str | None = None) -> Finding:
    """A finding, which fails the check or does not.

    :param outcome: what was found.
    :param message: the same in words.
    :param conditions: whose ``fail_on`` decides where the outcome alone does not.
    :param evaluator: the evaluator it is about.
    """
    is_optional = outcome in OPTIONAL_FAILURES or outcome is Outcome.NOT_RULED_OUT
    failed = not is_optional or outcome in conditions.fail_on
    return Finding(outcome=outcome, message=message, failed=failed, evaluator=evaluator)


# -- one evaluator -------------------------------------------------------------------------------------------------


def _unknown_labels(check: EvaluatorCheck, labels: frozenset[str] | None) -> Iterator[Found]:
    unknown = [label for label in check.measure.good_labels if labels is not None and label not in labels]
    if unknown and labels:
        given = ", ".join(repr(printable(label, 40)) for label in sorted(labels)[:8])
        message = f"good_labels names {', '.join(map(repr, unknown))}, which it never gave; it gave {given}"
        yield Outcome.UNKNOWN_LABEL, message


def _missing(check: EvaluatorCheck, past: Past) -> Found | None:
    if check.score is not None:
        return None
    if check.labels and not check.measure.good_labels:
        return (
            Outcome.LABELS_ONLY,
            "gives labels but no score; name the good ones in good_labels to have their share judged",
        )
    expected = any(check.evaluator in experiment.evaluators() for experiment in past.pool)
    where = "although the baseline has them" if expected else "although a condition names it"
    what = "none of its labels" if check.measure.good_labels else "no score of it"
    return Outcome.EVALUATOR_MISSING, f"the experiment has {what}, {where}"


def _bounds(check: EvaluatorCheck, conditions: Conditions) -> Iterator[Found]:
    if check.score is None:
        return
    mean, lower = check.score.mean, check.measure.lower_is_better
    limit = limit_of(conditions.max_score if lower else conditions.min_score, check.evaluator)
    if limit is None or (mean <= limit + _SLACK if lower else mean >= limit - _SLACK):
        return
    side, name = ("above", "max_score") if lower else ("below", "min_score")
    message = f"{describe_measure(check.measure)} {digits(mean)} is {side} {name} {limit:g}"
    yield Outcome.SCORE_OUT_OF_BOUNDS, message


def _against_baseline(check: EvaluatorCheck, comparison: Comparison, numbers: Numbers) -> Iterator[Found]:
    past, conditions = comparison.past, comparison.conditions
    if comparison.max_drop(check.evaluator) is None or not past.pool:
        return
    if numbers.left_out:
        message = (
            f"another version of it judged {numbers.left_out} of {len(past.pool)} baseline experiments: "
            "they are not compared with today's"
        )
        yield Outcome.JUDGE_CHANGED, message
    if not numbers.baseline:
        if not numbers.left_out:
            yield Outcome.NEW_EVALUATOR, "the baseline has no score of it, so a drop can't be told yet"
        return
    change = check.change
    if change is None or change.examples < conditions.min_examples or change.low is None:
        message = _too_few(check, conditions.min_examples)
        yield Outcome.TOO_FEW_EXAMPLES, message
        if limit_of(conditions.rule_out, check.evaluator) is not None:
            yield Outcome.NOT_RULED_OUT, f"{message}; so a drop can't be ruled out"
        return
    yield from _drop(check, comparison)


def _drop(check: EvaluatorCheck, comparison: Comparison) -> Iterator[Found]:
    change, limit = check.change, comparison.max_drop(check.evaluator)
    if change is None or limit is None or change.low is None or change.high is None:
        return
    lower = check.measure.lower_is_better
    least, most = (change.low, change.high) if lower else (-change.high, -change.low)
    drop = change.mean if lower else -change.mean
    if least > limit + _SLACK:
        yield Outcome.SCORE_DROPPED, f"{_sentence(check, change, check.baseline_score)}, {_beyond(limit)}"
        return
    largest = limit_of(comparison.conditions.rule_out, check.evaluator)
    if largest is not None and most >= largest - _SLACK:
        yield (
            Outcome.NOT_RULED_OUT,
            f"{_sentence(check, change, check.baseline_score)}; a drop of {largest:g} (rule_out) is not excluded",
        )
    elif drop > limit + _SLACK:
        # Half of all experiments without a change lie below their baseline; saying so each time is noise.
        if limit == 0 and Outcome.DROP_WITHIN_NOISE not in comparison.conditions.fail_on:
            return
        message = (
            f"{_sentence(check, change, check.baseline_score)}; beyond max_drop {limit:g}, but noise could do that"
        )
        yield Outcome.DROP_WITHIN_NOISE, message


def _against_reference(check: EvaluatorCheck, comparison: Comparison) -> Iterator[Found]:
    change, limit = check.reference_change, comparison.max_drop(check.evaluator)
    if change is None or limit is None or change.low is None or change.high is None:
        return
    if change.examples < comparison.conditions.min_examples:
        return
    least = change.low if check.measure.lower_is_better else -change.high
    if least > limit + _SLACK:
        message = f"{_sentence(check, change, None)} against the reference, {_beyond(limit)}"
        yield Outcome.DROPPED_FROM_REFERENCE, message


def _drift(check: EvaluatorCheck) -> Iterator[Found]:
    drift = check.drift
    if drift is None or not drift.rings:
        return
    verb = "risen" if check.measure.lower_is_better else "fallen"
    message = (
        f"has {verb} slowly: over the last {drift.since} experiments {describe_measure(check.measure)} lies "
        f"{digits(abs(drift.fallen))} worse than before (CUSUM {drift.sum:.1f}, limit {drift.limit:.1f}); no "
        "single comparison shows it. Mend it, or accept it as the new normal with accept_since"
    )
    yield Outcome.SCORE_DRIFTED, message


def _coverage(check: EvaluatorCheck, conditions: Conditions) -> Iterator[Found]:
    limit = limit_of(conditions.min_coverage, check.evaluator)
    if limit is None or not check.expected or check.coverage >= limit - _SLACK:
        return
    unread = f"; of {check.unparsable} the judge's answer could not be read" if check.unparsable else ""
    scored = f"scored {check.scored} of {check.expected} expected examples ({check.coverage:.1%})"
    yield Outcome.COVERAGE_TOO_LOW, f"{scored}, below min_coverage {limit:.1%}{unread}"


def _errors(check: EvaluatorCheck, conditions: Conditions) -> Iterator[Found]:
    limit = limit_of(conditions.max_error_rate, check.evaluator)
    if limit is None or check.error_rate <= limit + _SLACK:
        return
    message = f"the app or the evaluator failed on {check.errors} of {check.expected} expected examples"
    yield Outcome.TOO_MANY_ERRORS, f"{message} ({check.error_rate:.1%}), above max_error_rate {limit:.1%}"


# -- the experiment ------------------------------------------------------------------------------------------------


def _no_scores(candidate: ExperimentRows, label: str) -> str:
    if candidate.evaluators():
        return f"nothing in experiment {label} can be judged: its evaluators gave no score and no good label"
    return (
        f"no evaluator has scored experiment {label}: let the task before wait for its evaluations "
        "(evaluation_task_ids, wait_for_evaluations=True)"
    )


def _row_errors(comparison: Comparison) -> Iterator[Found]:
    limit = limit_of(comparison.conditions.max_error_rate, "")
    errors, count = comparison.candidate.errors, comparison.expected.count
    rate = errors / max(count, 1)
    if limit is not None and rate > limit + _SLACK:
        message = f"the app failed on {errors} of {count} examples ({rate:.1%})"
        yield Outcome.TOO_MANY_ERRORS, f"{message}, above max_error_rate {limit:.1%}"


def _dataset_changes(candidate: ExperimentRows, experiments: Sequence[ExperimentRows]) -> Iterator[Found]:
    changed = [
        experiment
        for experiment in experiments
        if _version(experiment) != _version(candidate) and all(_version(experiment))
    ]
    if not changed or not all(_version(candidate)):
        return
    own = candidate.example_ids
    others = frozenset().union(*(experiment.example_ids for experiment in experiments))
    message = (
        f"{len(changed)} of {len(experiments)} baseline experiments ran on another version of the dataset (or "
        f"another dataset); compared are the {len(own & others)} examples that both have, of {len(own)}"
    )
    yield Outcome.DATASET_CHANGED, message


def _setup_changes(candidate: ExperimentRows, experiments: Sequence[ExperimentRows]) -> Iterator[Found]:
    changed = [experiment for experiment in experiments if experiment.setup != candidate.setup]
    if changed and candidate.setup:
        before = changed[0].setup or "before"
        message = (
            f"prompt, model or parameters changed since {len(changed)} of {len(experiments)} baseline experiments: "
            f"{printable(before, 300)} -> {printable(candidate.setup, 300)}"
        )
        yield Outcome.SETUP_CHANGED, message


def _version(experiment: ExperimentRows) -> tuple[str | None, str | None]:
    return experiment.dataset_id, experiment.dataset_version_id


# -- words ---------------------------------------------------------------------------------------------------------


def _too_few(check: EvaluatorCheck, min_examples: int) -> str:
    shared = 0 if check.change is None else check.change.examples
    if shared == 0:
        return "shares no scored example with the baseline, so a drop can't be told (was it another dataset?)"
    if shared >= min_examples:
        return f"all {shared} shared examples changed alike, which is too few to tell a drop from chance"
    return f"shares {shared} scored examples with the baseline; a drop is told from {min_examples} on (min_examples)"


def _sentence(check: EvaluatorCheck, change: Change, before: float | None) -> str:
    verb = "rose" if change.mean > 0 else "fell"
    worse = " (lower is better)" if check.measure.lower_is_better else ""
    span = "" if before is None else f", from {digits(before)} to {digits(before + change.mean)}"
    moved = f"{verb} by {digits(abs(change.mean))}{worse}{span}" if change.mean else "did not change"
    return (
        f"{describe_measure(check.measure)} {moved} over {change.examples} shared examples "
        f"({change.confidence:.1%} interval of the change: {digits(change.low)} to "
        f"{digits(change.high)})"
    )


def _beyond(limit: float) -> str:
    return f"beyond max_drop {limit:g}" if limit else "beyond the noise"


def digits(value: float | None) -> str:
    """A number as messages show it."""
    if value is None:
        return "?"
    return f"{value:.3f}" if abs(value) >= 0.1 else f"{value:.2g}"
