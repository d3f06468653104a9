"""What the runs of a task say about time: one piece of evidence a run, before any evaluator is looked at."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import accumulate
from math import sqrt
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.coverage.judges import Judge, Unit
from airflow_provider_arize_tasks.runs.verdict import SERVER_MAX_SPANS, Counts, is_already_evaluated
from airflow_provider_arize_tasks.windows.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_arize_tasks.client.models import TaskRun

#: A sampled run is told from one that was cut short by this many standard deviations.
_SIGMAS = 4.0


class Kind(IntEnum):
    """What a run came to."""

    #: Completed with successes and not cut short.
    GOOD = 0
    #: Cancelled because everything was labelled already.
    LABELLED = 1
    RUNNING = 2
    #: Stopped at its limit.
    TRUNCATED = 3
    #: Completed, and whether it stopped at its limit can't be told from its counts.
    DOUBTFUL = 4
    #: Failed, was cancelled, or judged nothing without an error.
    FAILED = 5
    #: Completed with 0/0/0.
    EMPTY = 6


@dataclass(frozen=True, kw_only=True)
class CoverageRules:
    """When a run covers its window.

    :param max_spans: the limit the runs were triggered with, which the API does not tell; ``None`` for the server's own
        (10,000).
    :param evaluators: how many evaluators the task has, where ``judges`` does not say.
    :param judges: the task's evaluators. Without them, nothing is known to be stale.
    :param sampling_rate: the share of spans the task evaluates; ``None`` for all.
    :param settle: how late spans are seen: a run covers its window up to ``created_at - settle``, no further.
    :param max_error_rate: a completed run with a larger share of errors among its successes and errors does not cover;
        ``None``: every completed run with a success may.
    :param counted: how many spans a window holds, by the window's key, where they were counted.
    :param overridden: windows that were asked for with ``override_evaluations``, and when: a run over one of them, or
        over a piece of it, since then labelled everything anew.
    """

    max_spans: int | None = None
    evaluators: int = 1
    judges: tuple[Judge, ...] = ()
    sampling_rate: float | None = None
    settle: timedelta = timedelta()
    max_error_rate: float | None = None
    counted: Mapping[str, int] = field(default_factory=dict)
    overridden: Mapping[Window, datetime] = field(default_factory=dict)

    @property
    def limit(self) -> int:
        """The most spans a run evaluates."""
        return SERVER_MAX_SPANS if self.max_spans is None else self.max_spans

    @property
    def labels_per_span(self) -> int:
        """How often a span may be counted: once for each evaluator."""
        return max(1, len(self.judges) or self.evaluators)

    def was_asked_anew(self, window: Window, made: datetime) -> bool:
        """Whether a run over a window was asked for with ``override_evaluations``, as far as a record tells."""
        if not self.overridden:
            return False
        asked = self.overridden.get(window)
        if asked is not None:
            return made >= asked
        return any(
            each.start <= window.start and window.end <= each.end and made >= since
            for each, since in self.overridden.items()
        )

    @property
    def unit(self) -> Unit:
        """What the task's evaluators judge one at a time (all of a task judge the same)."""
        return next((judge.unit for judge in self.judges if judge.unit is not Unit.SPAN), Unit.SPAN)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one run says.

    :param kind: what it came to.
    :param window: its data window, whole.
    :param run: the run.
    :param why: what happened, naming the run.
    :param made: when it was made; ``None`` if it does not say.
    :param seen_until: the end of what had settled when it was made.
    :param has_labels: whether it may have labelled spans.
    :param is_override: whether it is known to have labelled everything anew.
    """

    kind: Kind
    window: Window
    run: TaskRun
    why: str
    made: datetime | None
    seen_until: datetime
    has_labels: bool
    is_override: bool = False


def window_of(run: TaskRun) -> Window | None:
    """The data window of a run; ``None`` for a run without one (of a dataset task), or with one that is inverted."""
    start, end = run.data_start_time, run.data_end_time
    if start is None or end is None or start >= end:
        return None
    window = Window(start, end)
    return window if window.width else None


def weigh_runs(runs: Iterable[TaskRun], rules: CoverageRules) -> list[Evidence]:
    """The evidence of all runs that have a window.

    :param runs: all runs of the task, in any order; one that a moving list showed twice counts once.
    :param rules: when a run covers.
    """
    known = {run.id: (run, window) for run in runs if (window := window_of(run)) is not None}
    cut_short = _CutShort(rules)
    looks = [(run, window, _kind(run, rules)) for run, window in known.values()]
    for run, window, (kind, _) in looks:
        cut_short.note(run, window, kind)
    return [_evidence(run, window, cut_short.settle_doubt(run, window, *look), rules) for run, window, look in looks]


def doubtful_windows(evidence: Iterable[Evidence]) -> list[Window]:
    """The windows whose spans must be counted before anything is known about them, newest first, each once."""
    return sorted({each.window for each in evidence if each.kind is Kind.DOUBTFUL}, reverse=True)


def _evidence(run: TaskRun, window: Window, look: tuple[Kind, str], rules: CoverageRules) -> Evidence:
    kind, why = look
    made = run.created_at or run.run_started_at
    seen_until = window.end if made is None or not rules.settle else min(window.end, made - rules.settle)
    return Evidence(
        kind=kind,
        window=window,
        run=run,
        why=why,
        made=made,
        seen_until=seen_until,
        has_labels=kind is Kind.LABELLED or bool(run.num_successes),
        is_override=kind is not Kind.LABELLED and made is not None and rules.was_asked_anew(window, made),
    )


def _kind(run: TaskRun, rules: CoverageRules) -> tuple[Kind, str]:
    if not run.status.is_terminal:
        return Kind.RUNNING, f"run {run.id} is {run.status_text or run.status.value}"
    if run.status is RunStatus.COMPLETED:
        return _kind_of_completed(run, rules)
    if is_already_evaluated(run):
        return Kind.LABELLED, f"run {run.id} found everything labelled"
    reason = f": {run.failure_reason}" if run.failure_reason else ""
    return Kind.FAILED, f"run {run.id} ended {run.status.value}{reason}"


def _kind_of_completed(run: TaskRun, rules: CoverageRules) -> tuple[Kind, str]:
    counts = Counts.of([run])
    done = f"run {run.id} completed ({counts})"
    if not counts.total:
        return Kind.EMPTY, f"run {run.id} completed without evaluating anything (0/0/0)"
    judged = counts.successes + counts.errors
    if rules.max_error_rate is not None and judged and counts.errors / judged > rules.max_error_rate:
        return Kind.FAILED, f"{done}: more errors than max_error_rate {rules.max_error_rate:.0%} allows"
    if counts.total >= rules.limit * rules.labels_per_span:
        return Kind.TRUNCATED, f"{done} and reached max_spans {rules.limit}"
    if not counts.successes:
        what = "skipped every span" if not counts.errors else "judged nothing without an error"
        return Kind.FAILED, f"{done}: it {what}"
    doubt = _doubt(counts.total, rules)
    return (Kind.DOUBTFUL, f"{done}: {doubt}") if doubt else (Kind.GOOD, done)


def _doubt(total: int, rules: CoverageRules) -> str | None:
    """Why counts can't tell whether a run was cut short; ``None`` if they can, and it was not."""
    rate = 1.0 if rules.sampling_rate is None else rules.sampling_rate
    if rules.unit is not Unit.SPAN:
        return f"max_spans {rules.limit} counts spans, the run counts {rules.unit.value}s"
    if rate >= 1.0:
        if total < rules.limit:
            return None
        return f"whether {rules.labels_per_span} evaluators count a span once or each for itself isn't known"
    # A limit applied before the sample is drawn leaves about this many.
    expected = rules.limit * rate
    if total < expected - _SIGMAS * sqrt(expected * (1 - rate)):
        return None
    return f"whether max_spans {rules.limit} counts spans before or after sampling {rate:g} of them isn't known"


class _CutShort:
    """Which windows held more than one run takes, and whether a later run over the same window made up for it.

    Whether the server leaves labelled spans out before or after it counts up to ``max_spans`` is not documented. If
    after, a second run over a window that was cut short, or over a part of it, finds the first spans labelled and says
    that all is done. So it is believed only where its spans were counted.
    """

    def __init__(self, rules: CoverageRules) -> None:
        self._rules = rules
        self._since: dict[Window, tuple[datetime, str]] = {}
        self._labelled: defaultdict[Window, int] = defaultdict(int)
        self._sorted: list[Window] = []
        self._reach: list[datetime] = []

    def note(self, run: TaskRun, window: Window, kind: Kind) -> None:
        """Take a run into account."""
        self._labelled[window] += run.num_successes or 0
        if kind in (Kind.TRUNCATED, Kind.DOUBTFUL) and run.created_at is not None:
            before = self._since.get(window)
            if before is None or run.created_at < before[0]:
                self._since[window] = (run.created_at, run.id)

    def settle_doubt(self, run: TaskRun, window: Window, kind: Kind, why: str) -> tuple[Kind, str]:
        """What the run came to, once the counts of spans and the other runs are considered."""
        if kind not in (Kind.GOOD, Kind.LABELLED, Kind.DOUBTFUL):
            return kind, why
        earlier = None if kind is Kind.DOUBTFUL else self._earlier(run, window)
        if kind is not Kind.DOUBTFUL and earlier is None:
            return kind, why
        verdict = Kind.GOOD if kind is Kind.DOUBTFUL else kind
        held = self._rules.counted.get(window.key)
        if held is not None:
            return self._by_count(window, held, verdict, why)
        if earlier is not None:
            why = f"{why}, but run {earlier} reached max_spans {self._rules.limit} over the same stretch before"
        return Kind.DOUBTFUL, why

    def _by_count(self, window: Window, held: int, verdict: Kind, why: str) -> tuple[Kind, str]:
        limit, rate = self._rules.limit, self._rules.sampling_rate or 1.0
        if held <= limit:
            return verdict, f"{why}; its window holds {held} spans, no more than max_spans"
        labels = self._labelled[window]
        expected = held * self._rules.labels_per_span * rate
        if self._rules.unit is Unit.SPAN and labels >= expected - (
            _SIGMAS * sqrt(expected * (1 - rate)) if rate < 1 else 0
        ):
            return verdict, f"{why}; all of the {held} spans of its window were counted as labelled"
        return Kind.TRUNCATED, f"{why}; its window holds {held} spans, more than max_spans {limit}"

    def _earlier(self, run: TaskRun, window: Window) -> str | None:
        """An earlier run that was cut short over this window, over a part of it, or over more."""
        made = run.created_at
        if not self._since or made is None:
            return None
        if not self._sorted:
            self._sorted = sorted(self._since)
            self._reach = list(accumulate((each.end for each in self._sorted), max))
        last = bisect_left(self._sorted, window.end, key=lambda each: each.start)
        for index in range(last - 1, -1, -1):
            if self._reach[index] <= window.start:
                return None  # neither it nor any before it reaches here
            each = self._sorted[index]
            since, run_id = self._since[each]
            if each.end > window.start and since < made and run_id != run.id:
                return run_id
        return None
