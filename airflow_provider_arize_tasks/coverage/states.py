"""What is known about each stretch of time for each evaluator of a task: one state, its reason, and what comes next.

The API knows the runs of a task, not which spans they labelled, so coverage is read off the runs. Only what is known to
be good is covered. Everything else has a name, and a next step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone, tzinfo
from enum import Enum, IntEnum
from functools import cached_property
from heapq import heappop, heappush
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.coverage.evidence import CoverageRules, Evidence, Kind, weigh_runs
from airflow_provider_arize_tasks.coverage.intervals import clip, merge, subtract
from airflow_provider_arize_tasks.coverage.judges import Judge, named
from airflow_provider_arize_tasks.coverage.relabelling import relabelled
from airflow_provider_arize_tasks.windows.times import in_words
from airflow_provider_arize_tasks.windows.window import Window, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.coverage.calendar import Cell
    from airflow_provider_arize_tasks.coverage.gaps import Gaps


class State(str, Enum):
    """What is known about a stretch of time.

    Where several apply to a window, the first in this order; but covered is only what is covered from end to end.
    """

    #: Evaluated for good.
    COVERED = "covered"
    #: A run over it goes on.
    RUNNING = "running"
    #: A run over it stopped at ``max_spans``.
    TRUNCATED = "truncated"
    #: A run over it completed, and counts can't tell whether it reached ``max_spans``.
    DOUBTFUL = "doubtful"
    #: Not over, or evaluated before its late spans could be seen.
    EARLY = "early"
    #: Labelled by an older version of an evaluator, or before the evaluator was part of the task.
    STALE = "stale"
    #: Runs over it failed, were cancelled, or judged nothing without an error.
    FAILED = "failed"
    #: Runs over it completed without evaluating anything.
    EMPTY = "empty"
    #: No run at all. A window without data looks the same.
    MISSING = "missing"
    #: Without a sign of data for longer than ``give_up_after``.
    LET_GO = "let go"


#: What to do about a stretch in each state.
NEXT_STEPS = {
    State.COVERED: "nothing",
    State.RUNNING: "wait for the run to end",
    State.TRUNCATED: 'evaluate it again with on_truncated="split" or a larger max_spans',
    State.DOUBTFUL: 'count its spans (the key must be allowed to list them), or evaluate it with on_truncated="split"',
    State.EARLY: "evaluate it once it is over and its late spans can be seen",
    State.STALE: 'evaluate it again: stale="reevaluate"',
    State.FAILED: "mend the cause and evaluate it again",
    State.EMPTY: "evaluate it again later; if it stays empty, check the task's filters",
    State.MISSING: "evaluate it",
    State.LET_GO: "nothing, unless it should hold data",
}


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A stretch of time with its one state for one evaluator.

    :param window: the stretch.
    :param evaluator: name of the evaluator.
    :param state: what is known about it.
    :param reason: why, naming a run or a rule.
    :param run_id: the run that the reason names; ``None`` where a rule does.
    :param needs_override: whether evaluating it again takes ``override_evaluations``: labels by an older version are in
        the way.
    """

    window: Window
    evaluator: str
    state: State
    reason: str
    run_id: str | None = None
    needs_override: bool = False

    @property
    def next_step(self) -> str:
        """What to do about it."""
        return NEXT_STEPS[self.state]


@dataclass(frozen=True)
class Coverage:
    """What the runs of a task say about a range of time.

    :param span: the range.
    :param by_evaluator: by name of the evaluator, stretches in order that make up the whole range.
    """

    span: Window
    by_evaluator: dict[str, tuple[Stretch, ...]]

    def stretches(self) -> Iterator[Stretch]:
        """All stretches, evaluator by evaluator, each in order of time."""
        for stretches in self.by_evaluator.values():
            yield from stretches

    def windows_in(self, *states: State) -> tuple[Window, ...]:
        """Where any evaluator is in one of some states: disjoint windows in order."""
        return merge(each.window for each in self.stretches() if each.state in states)

    @cached_property
    def covered(self) -> tuple[Window, ...]:
        """Where every evaluator is covered: disjoint windows in order."""
        return subtract(self.span, self.windows_in(*(state for state in State if state is not State.COVERED)))

    def cells(self, every: timedelta, zone: tzinfo, *, now: datetime | None = None) -> Iterator[Cell]:
        """The range as a calendar; see :func:`~airflow_provider_arize_tasks.coverage.calendar.cells_of`."""
        from airflow_provider_arize_tasks.coverage.calendar import cells_of

        return cells_of(self, every, zone, now=now)

    def gaps(self, every: timedelta, zone: tzinfo, **options: object) -> Gaps:
        """What is left to evaluate; see :func:`~airflow_provider_arize_tasks.coverage.gaps.gaps_of`."""
        from airflow_provider_arize_tasks.coverage.gaps import gaps_of

        return gaps_of(self, every, zone, **options)  # type: ignore[arg-type]


def read_coverage(
    span: Window, runs: Iterable[TaskRun], rules: CoverageRules | None = None, *, now: datetime | None = None
) -> Coverage:
    """Read the coverage of a range off the runs of a task.

    :param span: the range.
    :param runs: all runs of the task, in any order. Runs without a window (of dataset tasks) are passed over.
    :param rules: when a run covers its window; the defaults if not given.
    :param now: the present: what lies after ``now - settle`` is early rather than missing. Default: not considered.
    """
    rules = rules or CoverageRules()
    evidence = weigh_runs(runs, rules)
    judges = rules.judges or (Judge(name="all evaluators"),)
    settled = None if now is None else now - rules.settle
    found: dict[str, tuple[Stretch, ...]] = {}
    undated: list[Stretch] = []
    for name, judge in named(judges):
        if judge.since is not None or judge.attached is not None:
            found[name] = tuple(_Sweep(span, replace(judge, name=name), rules, settled).stretches(evidence))
            continue
        undated = undated or _Sweep(span, judge, rules, settled).stretches(evidence)
        found[name] = tuple(replace(each, evaluator=name) for each in undated)
    return Coverage(span, found)


class _Lane(IntEnum):
    """Evidence by what it means for one evaluator. Which lanes are busy at an instant decides its state."""

    FRESH = 0  # labelled anew by today's version
    PLAIN = 1  # labelled what was left by today's version
    RUNNING = 2
    OLD = 3  # labelled by an older version
    OLD_PART = 4  # likewise, but not all of it
    UNSEEN = 5  # evaluated before the evaluator was part of the task
    TRUNCATED = 6
    DOUBTFUL = 7
    UNDATED = 8  # good, but does not say when it was made
    EARLY = 9
    FAILED = 10
    EMPTY = 11
    NOT_SETTLED = 12  # no evidence, and not over
    NO_RUN = 13  # no evidence


_LANES = {
    Kind.RUNNING: _Lane.RUNNING,
    Kind.TRUNCATED: _Lane.TRUNCATED,
    Kind.DOUBTFUL: _Lane.DOUBTFUL,
    Kind.FAILED: _Lane.FAILED,
    Kind.EMPTY: _Lane.EMPTY,
}


#: What it comes to where a lane decides.
_STATES = {
    _Lane.FRESH: State.COVERED,
    _Lane.PLAIN: State.COVERED,
    _Lane.RUNNING: State.RUNNING,
    _Lane.OLD: State.STALE,
    _Lane.UNSEEN: State.STALE,
    _Lane.TRUNCATED: State.TRUNCATED,
    _Lane.DOUBTFUL: State.DOUBTFUL,
    _Lane.UNDATED: State.DOUBTFUL,
    _Lane.EARLY: State.EARLY,
    _Lane.FAILED: State.FAILED,
    _Lane.EMPTY: State.EMPTY,
    _Lane.NOT_SETTLED: State.EARLY,
    _Lane.NO_RUN: State.MISSING,
}
_BUSY_LANES = tuple(_Lane)[: _Lane.NOT_SETTLED]
#: Those of which, where no better one is busy, the first decides.
_OTHER_LANES = _BUSY_LANES[_Lane.UNSEEN :]
_BEGINNING = datetime.min.replace(tzinfo=timezone.utc)
#: Lane, start and end of a piece of evidence, and the evidence.
_Piece = tuple[_Lane, datetime, datetime, Evidence]


class _Sweep:
    """One walk along time for one evaluator: at each border evidence begins or ends, between them one state holds."""

    def __init__(self, span: Window, judge: Judge, rules: CoverageRules, settled: datetime | None) -> None:
        self._span = span
        self._judge = judge
        self._rules = rules
        self._settled = settled
        self._busy: list[list[tuple[float, datetime, int]]] = [[] for _ in _Lane]
        self._pieces: list[_Piece] = []

    def stretches(self, evidence: Sequence[Evidence]) -> list[Stretch]:
        """The range in stretches, in order; neighbours differ."""
        self._pieces = sorted(self._pieces_of(evidence), key=lambda piece: piece[1])
        borders = {self._span.start, self._span.end}
        for _, start, end, _ in self._pieces:
            borders.update((start, end))
        if self._settled is not None and self._span.start < self._settled < self._span.end:
            borders.add(Window(self._settled, self._span.end).start)
        ordered = sorted(borders)
        following, found = 0, []
        for start, end in pairwise(ordered):
            while following < len(self._pieces) and self._pieces[following][1] == start:
                self._begin(following)
                following += 1
            found.append((start, end, *self._decide(start)))
        alike = groupby(found, lambda each: (each[2], each[3] and each[3].run.id))
        return [self._stretch(list(parts)) for _, parts in alike]

    def _pieces_of(self, evidence: Sequence[Evidence]) -> Iterator[_Piece]:
        since = self._judge.since
        anew = relabelled(evidence, since) if since is not None else set()
        for each in evidence:
            inside = clip(each.window, self._span)
            if inside is None:
                continue
            lane = self._lane(each, anew)
            reach = inside.end
            if each.kind in (Kind.GOOD, Kind.LABELLED) and each.seen_until < inside.end:
                reach = max(inside.start, Window(min(each.seen_until, inside.end), inside.end).start)
                yield _Lane.EARLY, reach, inside.end, each
            if inside.start < reach:
                yield lane, inside.start, reach, each

    def _lane(self, each: Evidence, anew: set[str]) -> _Lane:
        judge, made = self._judge, each.made
        good = each.kind in (Kind.GOOD, Kind.LABELLED)
        if made is None:
            dates_matter = bool(judge.since or judge.attached or self._rules.settle)
            return _LANES.get(each.kind, _Lane.UNDATED if dates_matter else _Lane.FRESH)
        if each.has_labels and each.kind is not Kind.RUNNING:
            if judge.attached is not None and made < judge.attached:
                return _Lane.UNSEEN
            if judge.since is not None and made < judge.since:
                return _Lane.OLD if good else _Lane.OLD_PART
        if not good:
            return _LANES[each.kind]
        if each.kind is Kind.GOOD and (judge.since is None or each.is_override or each.run.id in anew):
            return _Lane.FRESH
        return _Lane.PLAIN

    def _begin(self, index: int) -> None:
        lane, _, end, each = self._pieces[index]
        age = (each.made or _BEGINNING).timestamp() if each.made else 0.0
        heappush(self._busy[lane], (-age, end, index))

    def _newest(self, lane: _Lane, at: datetime) -> Evidence | None:
        heap = self._busy[lane]
        while heap and heap[0][1] <= at:
            heappop(heap)
        return self._pieces[heap[0][2]][3] if heap else None

    def _decide(self, at: datetime) -> tuple[_Lane, Evidence | None]:
        """The lane that decides about an instant, and the evidence in it."""
        newest = {lane: found for lane in _BUSY_LANES if self._busy[lane] and (found := self._newest(lane, at))}
        lane, by = self._choose(newest)
        if by is None and self._settled is not None and at >= self._settled:
            lane = _Lane.NOT_SETTLED
        return lane, by

    def _choose(self, newest: dict[_Lane, Evidence]) -> tuple[_Lane, Evidence | None]:
        if _Lane.FRESH in newest:
            return _Lane.FRESH, newest[_Lane.FRESH]
        plain = newest.get(_Lane.PLAIN)
        old = newest.get(_Lane.OLD) or (newest.get(_Lane.OLD_PART) if plain else None)
        if plain and not old:
            return _Lane.PLAIN, plain
        if _Lane.RUNNING in newest:
            return _Lane.RUNNING, newest[_Lane.RUNNING]
        if old:
            return _Lane.OLD, old
        if _Lane.OLD_PART in newest:
            part = newest[_Lane.OLD_PART]
            return _LANES[part.kind], part
        if _Lane.DOUBTFUL in newest and _is_newer(newest[_Lane.DOUBTFUL], newest.get(_Lane.TRUNCATED)):
            newest.pop(_Lane.TRUNCATED, None)  # made up for since, as far as counts can tell
        for lane in _OTHER_LANES:
            if lane in newest:
                return lane, newest[lane]
        return _Lane.NO_RUN, None

    def _stretch(self, parts: list[tuple[datetime, datetime, _Lane, Evidence | None]]) -> Stretch:
        _, end, lane, by = parts[-1]
        return Stretch(
            window=Window(parts[0][0], end),
            evaluator=self._judge.name,
            state=_STATES[lane],
            reason=self._reason(lane, by),
            run_id=None if by is None else by.run.id,
            needs_override=lane is _Lane.OLD,
        )

    def _reason(self, lane: _Lane, by: Evidence | None) -> str:
        settle = in_words(self._rules.settle)
        if by is None:
            if lane is _Lane.NO_RUN:
                return "rule no run: none was made over it; a window without data leaves none either"
            return "rule settle: it was not over" + (f", and its late spans are seen {settle} later" if settle else "")
        judge = self._judge
        if lane is _Lane.OLD:
            version = f"version {judge.version_id}" if judge.version_id else "today's version"
            return f"{by.why}; that was before {version} of {judge.name} was made ({_when(judge.since)})"
        if lane is _Lane.UNSEEN:
            return f"{by.why}; that was before {judge.name} was part of the task ({_when(judge.attached)})"
        if lane is _Lane.EARLY:
            return f"{by.why}; it was made at {_when(by.made)}, and spans are seen {settle} late (settle)"
        if lane is _Lane.UNDATED:
            return f"{by.why}; it does not say when it was made"
        return by.why


def _is_newer(one: Evidence, other: Evidence | None) -> bool:
    return other is None or (one.made is not None and other.made is not None and other.made < one.made)


def _when(instant: datetime | None) -> str:
    return "at an unknown time" if instant is None else iso(instant)
