"""Which runs made since a judge's version exists labelled anew, told by their counts.

The API does not tell whether a run was triggered with ``override_evaluations``. But one that succeeded at least as
often as the runs before the version did over the same time evidently did not only label what was left: as many spans
that were new would be a strange coincidence. Where counts say less, a window stays stale.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.coverage.evidence import Evidence, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow_provider_arize_tasks.windows.window import Window


def relabelled(evidence: Sequence[Evidence], since: datetime) -> set[str]:
    """Ids of the runs that labelled their windows anew.

    :param evidence: of all runs.
    :param since: when the judge's version was made.
    """
    old: dict[Window, int] = {}
    part: defaultdict[Window, int] = defaultdict(int)  # by runs that did not label all: the rest is no coincidence
    new: dict[Window, int] = {}
    first: dict[Window, tuple[datetime, int]] = {}
    ids: defaultdict[Window, list[str]] = defaultdict(list)
    for each in evidence:
        if each.made is None:
            continue
        count = each.run.num_successes or 0
        if each.made < since:
            if each.has_labels and each.kind in (Kind.GOOD, Kind.LABELLED):
                old[each.window] = max(old.get(each.window, 0), count)
            elif each.has_labels:
                part[each.window] += count
        elif each.kind is Kind.GOOD:
            new[each.window] = max(new.get(each.window, 0), count)
            ids[each.window].append(each.run.id)
            first[each.window] = min(first.get(each.window, (each.made, count)), (each.made, count))
    if not new:
        return set()
    for window, count in part.items():
        # Whatever came first may have labelled the rest alone.
        rest = old[window] if window in old else first.get(window, (since, 0))[1]
        old[window] = count + rest
    in_order = _InOrder(old)
    anew = _that_contain(new, in_order) | _that_piece_together(new, old) | _that_tile(new, in_order)
    return {run_id for window in anew for run_id in ids[window]}


class _InOrder:
    """Old windows in order, of those that begin together the widest first.

    :param labels: how many labels each had.
    """

    def __init__(self, labels: Mapping[Window, int]) -> None:
        self.labels = labels
        self._windows = sorted(labels, key=lambda window: (window.start, -window.width))
        self._starts = [window.start for window in self._windows]
        self._reaches = list(accumulate((window.end for window in self._windows), max))

    def reach_across(self, at: datetime) -> bool:
        """Whether one began before an instant and ended after it: how many of its labels lie here, nobody knows."""
        first = bisect_left(self._starts, at)
        return bool(first) and self._reaches[first - 1] > at

    def inside(self, window: Window) -> int | None:
        """The labels of those that begin in a window; ``None`` where one reaches beyond its end."""
        total, reach = 0, window.start
        for each in self._windows[bisect_left(self._starts, window.start) : bisect_left(self._starts, window.end)]:
            if each.end > window.end:
                return None
            if each.start >= reach:
                total, reach = total + self.labels[each], each.end
        return total


def _that_contain(new: Mapping[Window, int], old: _InOrder) -> set[Window]:
    """New windows with at least as many labels as the old windows inside them had."""
    found = set()
    for window, count in new.items():
        if old.reach_across(window.start):
            continue
        before = old.labels[window] if window in old.labels else old.inside(window)
        if before is not None and count >= before:
            found.add(window)
    return found


def _that_piece_together(new: Mapping[Window, int], old: Mapping[Window, int]) -> set[Window]:
    """New windows that together make up an old one, with at least as many labels as it had."""
    order = sorted(new)
    starts = [window.start for window in order]
    found: set[Window] = set()
    for window, before in old.items():
        reach, total, pieces = window.start, 0, []
        for each in order[bisect_left(starts, window.start) : bisect_left(starts, window.end)]:
            if each.start > reach:
                break
            if each.start == reach and each.end <= window.end:
                total, reach = total + new[each], each.end
                pieces.append(each)
        if reach == window.end and total >= before and len(pieces) > 1:
            found.update(pieces)
    return found


def _that_tile(new: Mapping[Window, int], old: _InOrder) -> set[Window]:
    """New windows that side by side make up a stretch in which old ones lie whole, with at least as many labels."""
    found: set[Window] = set()
    segment: list[Window] = []
    for each in sorted(new):
        if segment and segment[-1].end != each.start:
            segment = []
        segment.append(each)
        if old.reach_across(each.end):
            continue
        whole = replace(each, start=segment[0].start)
        before = None if old.reach_across(whole.start) else old.inside(whole)
        if before is not None and sum(new[one] for one in segment) >= before:
            found.update(segment)
        segment = []
    return found
