"""Was the run good? One judgement for the trigger operators, deferred or not, and for the sensor."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.enums import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_arize_tasks.client.models import TaskRun

#: What the server takes for ``max_spans`` when a trigger leaves it out.
SERVER_MAX_SPANS = 10_000

_ALREADY_EVALUATED = re.compile(r"override[_ ]evaluations|already\s+(?:been\s+)?(?:evaluated|label)", re.IGNORECASE)

_CAUSES_OF_SILENT_CANCEL = (
    "The server gave no reason. Known causes of a run that ends CANCELLED with 0/0/0 counts: all matching data was "
    "already labelled (an old server doesn't say so), a wrong import path in a custom code evaluator, a missing or "
    "invalid AI integration, a wrong model name, column mappings that match nothing, or a filter that doesn't fit the "
    "evaluator's granularity"
)


class Outcome(str, Enum):
    """What a task shall do about a run, or about several judged together."""

    WAIT = "wait"
    SUCCEED = "succeed"
    SKIP = "skip"
    #: The run itself failed or was cancelled: the next attempt triggers anew.
    FAIL = "fail"
    #: A retry would not cure it (it would find everything labelled and turn green).
    FAIL_FOR_GOOD = "fail_for_good"
    #: The window held more spans than ``max_spans``: evaluate its halves.
    SPLIT = "split"


class OnTruncated(str, Enum):
    """What to do about a run that reached ``max_spans``."""

    FAIL = "fail"
    WARN = "warn"
    SPLIT = "split"


class OnAlreadyEvaluated(str, Enum):
    """What to do when all data of the window was labelled already."""

    SUCCEED = "succeed"
    SKIP = "skip"
    FAIL = "fail"


class OnNoData(str, Enum):
    """What to do when the API refuses the trigger because the window holds no data."""

    SKIP = "skip"
    SUCCEED = "succeed"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class RunPolicy:
    """How a run that has ended is judged.

    :param on_already_evaluated: verdict on a run CANCELLED because everything was labelled. Default: succeed.
    :param on_truncated: verdict on a run that reached ``max_spans``; ``None`` (default) fails on the server's own
        limit and warns on one the author set, since that one is a budget.
    :param max_spans: the limit sent with the trigger; ``None`` when it was left to the server.
    :param evaluators: how many evaluators the task has: the counts of a run may be per evaluator.
    :param override_evaluations: whether the trigger asked to label anew; nothing is "already labelled" then.
    :param max_error_rate: largest share of errors among successes and errors, 0 to 1; ``None``: no limit, but that
        something must have been labelled.
    :param min_successes: fewest successes; ``None``: no limit. 0: rows may all have been skipped.
    :param limited_by_max_spans: whether ``max_spans`` applies at all (not to experiments, nor to dataset tasks).
    """

    on_already_evaluated: OnAlreadyEvaluated = OnAlreadyEvaluated.SUCCEED
    on_truncated: OnTruncated | None = None
    max_spans: int | None = None
    evaluators: int = 1
    override_evaluations: bool = False
    max_error_rate: float | None = None
    min_successes: int | None = None
    limited_by_max_spans: bool = True


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What to do, and why in words for the person on call.

    :param doubt: why the run may not have evaluated all of its window; empty where nothing speaks for that.
    """

    outcome: Outcome
    reason: str
    warnings: tuple[str, ...] = ()
    doubt: str = ""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Successes, errors and skipped of one run, or of several together."""

    successes: int = 0
    errors: int = 0
    skipped: int = 0

    @classmethod
    def of(cls, runs: Iterable[TaskRun]) -> Counts:
        """The sums over the runs; missing counts count as zero."""
        runs = tuple(runs)
        return cls(
            successes=sum(run.num_successes or 0 for run in runs),
            errors=sum(run.num_errors or 0 for run in runs),
            skipped=sum(run.num_skipped or 0 for run in runs),
        )

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            successes=self.successes + other.successes,
            errors=self.errors + other.errors,
            skipped=self.skipped + other.skipped,
        )

    def to_list(self) -> list[int]:
        """As JSON."""
        return [self.successes, self.errors, self.skipped]

    @classmethod
    def from_list(cls, data: Sequence[int]) -> Counts:
        """The reverse of :meth:`to_list`."""
        successes, errors, skipped = (int(number) for number in data)
        return cls(successes=successes, errors=errors, skipped=skipped)

    @property
    def total(self) -> int:
        """All three together."""
        return self.successes + self.errors + self.skipped

    def __str__(self) -> str:
        return f"{self.successes} succeeded, {self.errors} errors, {self.skipped} skipped"


NO_COUNTS = Counts()


class Truncation(str, Enum):
    """Whether a run reached ``max_spans``. ``MAYBE``: only if its counts are per span, not per evaluator."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


def truncation(run: TaskRun, *, max_spans: int | None, evaluators: int = 1) -> Truncation:
    """Whether the counts show that the run stopped at its limit.

    :param run: a run that has ended.
    :param max_spans: the limit it was triggered with; ``None`` for the server's own, 10,000.
    :param evaluators: evaluators of the task; counts may be per evaluator, so the sum is divided by them.
    """
    limit = SERVER_MAX_SPANS if max_spans is None else max_spans
    total = run.num_processed
    if total >= limit * max(1, evaluators):
        return Truncation.YES
    return Truncation.MAYBE if total >= limit else Truncation.NO


def is_already_evaluated(run: TaskRun, *, override_evaluations: bool = False) -> bool:
    """Whether a CANCELLED run means "all matching data carries labels already", not "somebody cancelled it"."""
    if run.status is not RunStatus.CANCELLED or override_evaluations or run.num_processed:
        return False
    return bool(_ALREADY_EVALUATED.search(run.failure_reason or ""))


def is_good(run: TaskRun) -> bool:
    """Whether the run did its work, or is still at it: such a run is not triggered again."""
    return run.status not in (RunStatus.FAILED, RunStatus.CANCELLED) or is_already_evaluated(run)


def judge_run(run: TaskRun, policy: RunPolicy) -> Verdict:
    """What one run means for its task.

    :param run: the run as last read from the server.
    :param policy: how to judge it.
    :return: ``WAIT`` while it goes on (an unknown status goes on); ``FAIL`` if it failed or was cancelled; for a
        completed one ``SUCCEED``, ``SPLIT`` or ``FAIL_FOR_GOOD`` after its truncation. Error rate and successes are
        judged by :func:`judge_counts`, over all runs of the task together.
    """
    if not run.status.is_terminal:
        return Verdict(outcome=Outcome.WAIT, reason=f"run {run.id} is {run.status_text or run.status.value}")
    if run.status is RunStatus.FAILED:
        return Verdict(outcome=Outcome.FAIL, reason=_ended_badly(run, "FAILED"))
    if run.status is RunStatus.CANCELLED:
        return _judge_cancelled(run, policy)
    return _judge_completed(run, policy)


def _judge_cancelled(run: TaskRun, policy: RunPolicy) -> Verdict:
    if is_already_evaluated(run, override_evaluations=policy.override_evaluations):
        reason = f"run {run.id}: all matching data was labelled already ({run.failure_reason})"
        outcome = {
            OnAlreadyEvaluated.SUCCEED: Outcome.SUCCEED,
            OnAlreadyEvaluated.SKIP: Outcome.SKIP,
            OnAlreadyEvaluated.FAIL: Outcome.FAIL_FOR_GOOD,
        }[policy.on_already_evaluated]
        return Verdict(outcome=outcome, reason=reason)
    return Verdict(outcome=Outcome.FAIL, reason=_ended_badly(run, "CANCELLED by somebody or by the server"))


def _ended_badly(run: TaskRun, how: str) -> str:
    reason = run.failure_reason
    if not reason:
        silent = run.status is RunStatus.CANCELLED and not run.num_processed
        reason = _CAUSES_OF_SILENT_CANCEL if silent else "the server gave no reason"
    return f"run {run.id} ended {how} ({Counts.of([run])}): {reason}"


def _judge_completed(run: TaskRun, policy: RunPolicy) -> Verdict:
    counts = Counts.of([run])
    done = f"run {run.id} completed ({counts})"
    if not counts.total:
        warning = (
            f"run {run.id} completed without evaluating anything (0/0/0): spans may not be indexed yet (evaluation "
            "sees them one to two hours late), or the filters match nothing. Set min_successes to fail on this"
        )
        return Verdict(outcome=Outcome.SUCCEED, reason=done, warnings=(warning,))
    if not policy.limited_by_max_spans:
        return Verdict(outcome=Outcome.SUCCEED, reason=done)
    return _judge_truncation(run, policy, done)


def _judge_truncation(run: TaskRun, policy: RunPolicy, done: str) -> Verdict:
    found = truncation(run, max_spans=policy.max_spans, evaluators=policy.evaluators)
    if found is Truncation.NO:
        return Verdict(outcome=Outcome.SUCCEED, reason=done)
    limit = SERVER_MAX_SPANS if policy.max_spans is None else policy.max_spans
    whose = "the server's own limit" if policy.max_spans is None else "the max_spans it was given"
    cut = f"{done} and reached {whose} of {limit} spans: the rest of its window was not evaluated"
    if found is Truncation.MAYBE:
        warning = f"{done}: if its counts are per span and not per evaluator, it reached {whose} of {limit} spans"
        return Verdict(outcome=Outcome.SUCCEED, reason=done, warnings=(warning,))
    action = policy.on_truncated or (OnTruncated.FAIL if policy.max_spans is None else OnTruncated.WARN)
    if action is OnTruncated.WARN:
        return Verdict(outcome=Outcome.SUCCEED, reason=done, warnings=(cut,))
    if action is OnTruncated.SPLIT:
        return Verdict(outcome=Outcome.SPLIT, reason=cut)
    fix = f'{cut}. Set on_truncated="split" to evaluate it in halves, a larger max_spans, or on_truncated="warn"'
    return Verdict(outcome=Outcome.FAIL_FOR_GOOD, reason=fix)


def judge_counts(counts: Counts, policy: RunPolicy) -> Verdict:
    """Whether the counts of all completed runs together pass the gates of the policy.

    :param counts: sums over the runs of the task.
    :param policy: its ``max_error_rate`` and ``min_successes``.
    :return: ``SUCCEED``, or ``FAIL_FOR_GOOD`` with the gate that closed.
    """
    judged = counts.successes + counts.errors
    if policy.max_error_rate is not None and judged:
        rate = counts.errors / judged
        if rate > policy.max_error_rate:
            reason = f"{rate:.1%} of the evaluations ended in errors ({counts}), more than max_error_rate allows"
            return Verdict(outcome=Outcome.FAIL_FOR_GOOD, reason=f"{reason} ({policy.max_error_rate:.1%})")
    nothing_labelled = _judge_nothing_labelled(counts, policy)
    if nothing_labelled is not None:
        return nothing_labelled
    if policy.min_successes is not None and counts.successes < policy.min_successes:
        reason = f"{counts.successes} evaluations succeeded ({counts}), min_successes asks for {policy.min_successes}"
        return Verdict(outcome=Outcome.FAIL_FOR_GOOD, reason=reason)
    return Verdict(outcome=Outcome.SUCCEED, reason=str(counts))


def _judge_nothing_labelled(counts: Counts, policy: RunPolicy) -> Verdict | None:
    """A run that tried and labelled nothing is no success, unless the author says so."""
    if counts.successes or not counts.total:
        return None
    if counts.errors:
        if policy.max_error_rate is not None and policy.max_error_rate >= 1:
            return None
        reason = (
            f"every evaluation ended in an error ({counts}). Likely causes: an evaluator's AI integration without "
            "credit, key or model, column mappings that match no column, or a broken code evaluator; Arize shows the "
            "error of each row. Nothing was labelled, so mend that and clear the task, which evaluates anew; or set "
            "max_error_rate=1.0 if this is fine"
        )
    else:
        if policy.min_successes == 0:
            return None
        reason = (
            f"every row was skipped ({counts}). Likely causes: column mappings that match no column of these rows, a "
            "filter that does not fit the evaluator's granularity, or labels that are there already. Nothing was "
            "labelled, so mend that and clear the task, which evaluates anew; or set min_successes=0 if this is fine"
        )
    return Verdict(outcome=Outcome.FAIL_FOR_GOOD, reason=reason)
