"""What evaluating stale windows again would take, before anybody pays for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.coverage.evidence import window_of
from airflow_provider_arize_tasks.coverage.intervals import intersect, merge, touch
from airflow_provider_arize_tasks.coverage.judges import Unit
from airflow_provider_arize_tasks.coverage.reading import spans_for_run
from airflow_provider_arize_tasks.coverage.spans import SpansUnavailableError
from airflow_provider_arize_tasks.coverage.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_arize_tasks.client.endpoints import Call
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
    :param is_counted: whether all spans were counted; else some are estimated by the counts of earlier runs.
    """

    windows: int
    spans: int
    judge_calls: int
    is_counted: bool

    def __str__(self) -> str:
        about = "" if self.is_counted else "about "
        return f"{about}{self.judge_calls} judge calls over {self.spans} spans"

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "windows": self.windows,
            "spans": self.spans,
            "judge_calls": self.judge_calls,
            "counted": self.is_counted,
        }


def cost_of(send: Sends, found: TaskCoverage, windows: Sequence[Window]) -> Cost:
    """What evaluating windows again would take.

    :param send: sends a call.
    :param found: the coverage of the task.
    :param windows: the stale windows.
    :raises ArizeError: the API could not be asked.
    """
    requests, spans, calls, is_counted = 0, 0, 0, True

    def sent(call: Call[Any]) -> Any:
        nonlocal requests
        requests += 1
        return send(call)

    for window in windows:
        held: int | None = None
        if is_counted and requests < _MOST_REQUESTS:
            try:
                held = spans_for_run(sent, found.task, window)
            except SpansUnavailableError:
                held = None
        if held is None:
            is_counted = False
            held = _by_runs(found, window)
        spans += held
        calls += held * _evaluators(found, window)
    rate = found.task.sampling_rate
    if rate is not None and rate < 1:
        calls = round(calls * rate)
    is_exact = is_counted and found.rules.unit is Unit.SPAN
    return Cost(windows=len(windows), spans=spans, judge_calls=calls, is_counted=is_exact)


def _evaluators(found: TaskCoverage, window: Window) -> int:
    """How many evaluators judge a window again: all with an override, else those whose labels are missing."""
    stale = [
        each for each in found.coverage.stretches() if each.state is State.STALE and touch((each.window,), (window,))
    ]
    if any(each.needs_override for each in stale):
        return found.rules.labels_per_span
    return len({each.evaluator for each in stale}) or found.rules.labels_per_span


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
