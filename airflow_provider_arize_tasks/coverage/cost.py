"""What evaluating stale windows again would take, before anybody pays for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.coverage.evidence import window_of
from airflow_provider_arize_tasks.coverage.intervals import intersect, merge, touch
from airflow_provider_arize_tasks.coverage.judges import Unit
from airflow_provider_arize_tasks.coverage.reading import spans_for_run
from airflow_provider_arize_tasks.coverage.spans import Counting, SpansUnavailableError
from airflow_provider_arize_tasks.coverage.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_arize_tasks.coverage.reading import TaskCoverage
    from airflow_provider_arize_tasks.coverage.spans import Sends
    from airflow_provider_arize_tasks.windows.window import Window

#: Most requests to count spans with; the rest is told by the counts of the runs that labelled it.
_MOST_REQUESTS = 100


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The size of a re-evaluation.

    :param windows: how many windows.
    :param spans: how many spans they hold.
    :param judge_calls: how many judgements it would take at most.
    :param repeated: how many of them, at most, judge what the same version of an evaluator has judged already: a run
        can't be restricted to some of its task's evaluators. Fewer where an earlier run met errors.
    :param is_counted: whether all spans were counted; else some are estimated by the counts of earlier runs.
    """

    windows: int
    spans: int
    judge_calls: int
    repeated: int = 0
    is_counted: bool

    def __str__(self) -> str:
        about = "" if self.is_counted else "about "
        told = f"{about}{self.judge_calls} judge calls over {self.spans} spans"
        if not self.repeated:
            return told
        return (
            f"{told}, {self.repeated} of them by evaluators that are up to date (a run can't be restricted to some of "
            "its task's evaluators)"
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {("counted" if name == "is_counted" else name): value for name, value in vars(self).items()}


def cost_of(send: Sends, found: TaskCoverage, windows: Sequence[Window]) -> Cost:
    """What evaluating windows again would take.

    :param send: sends a call.
    :param found: the coverage of the task.
    :param windows: the stale windows.
    :raises ArizeError: the API could not be asked.
    """
    sent = Counting(send)
    spans, calls, repeated, is_counted = 0, 0, 0, True
    for window in windows:
        held: int | None = None
        if is_counted and sent.requests < _MOST_REQUESTS:
            try:
                held = spans_for_run(sent, found.task, window)
            except SpansUnavailableError:
                held = None
        if held is None:
            is_counted = False
            held = _by_runs(found, window)
        spans += held
        judging, stale = _evaluators(found, window)
        calls += held * judging
        repeated += held * (judging - stale)
    rate = 1.0 if found.task.sampling_rate is None else min(1.0, found.task.sampling_rate)
    return Cost(
        windows=len(windows),
        spans=spans,
        judge_calls=round(calls * rate),
        repeated=round(repeated * rate),
        is_counted=is_counted and found.rules.unit is Unit.SPAN and rate >= 1,
    )


def _evaluators(found: TaskCoverage, window: Window) -> tuple[int, int]:
    """How many evaluators judge a window again, and for how many of them it is stale.

    With an override all judge it, else those whose labels are missing.
    """
    stale = [
        each for each in found.coverage.stretches() if each.state is State.STALE and touch((each.window,), (window,))
    ]
    names = len({each.evaluator for each in stale}) or found.rules.labels_per_span
    return (found.rules.labels_per_span if any(each.needs_override for each in stale) else names), names


def _by_runs(found: TaskCoverage, window: Window) -> int:
    """The most that a run over a window, or over parts of it, labelled."""
    by_window: dict[Window, int] = {}
    for run in found.runs:
        each = window_of(run)
        if each is not None and intersect((each,), (window,)):
            by_window[each] = max(by_window.get(each, 0), run.num_successes or 0)
    total, taken = 0, merge(())
    for each in sorted(by_window, key=lambda each: each.width, reverse=True):
        if not touch((each,), taken):
            total += by_window[each]
            taken = merge((*taken, each))
    return total // found.rules.labels_per_span if found.rules.labels_per_span > 1 else total
