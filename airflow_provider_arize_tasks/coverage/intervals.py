"""Arithmetic of half-open windows: uniting, cutting off, overlapping."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.windows.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def merge(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The windows united: in order, disjoint, none touching the next. Empty windows vanish."""
    merged: list[Window] = []
    for start, end in sorted((window.start, window.end) for window in windows if window.start < window.end):
        if merged and start <= merged[-1].end:
            if end > merged[-1].end:
                merged[-1] = Window(merged[-1].start, end)
        else:
            merged.append(Window(start, end))
    return tuple(merged)


def clip(window: Window, span: Window) -> Window | None:
    """The part of a window that lies inside a range, or ``None``."""
    if span.start <= window.start and window.end <= span.end:
        return window if window.start < window.end else None
    start, end = max(window.start, span.start), min(window.end, span.end)
    return Window(start, end) if start < end else None


def subtract(window: Window, merged: Sequence[Window]) -> tuple[Window, ...]:
    """What remains of a window without the merged windows, in order."""
    rest = []
    start = window.start
    for part in _near(window, merged):
        if start < part.start:
            rest.append(Window(start, part.start))
        start = part.end
    if start < window.end:
        rest.append(Window(start, window.end))
    return tuple(rest)


def intersect(windows: Iterable[Window], merged: Sequence[Window]) -> tuple[Window, ...]:
    """The parts of some windows that lie in the merged windows, in order."""
    return tuple(part for window in windows for part in _near(window, merged))


def touch(windows: Iterable[Window], merged: Sequence[Window]) -> bool:
    """Whether any of the windows overlaps any of the merged windows."""
    return any(True for window in windows for _ in _near(window, merged))


def _near(window: Window, merged: Sequence[Window]) -> Iterator[Window]:
    """Those of the merged windows that overlap a window, clipped to it, in order."""
    first = max(0, bisect_right(merged, window.start, key=lambda each: each.start) - 1)
    for each in merged[first:]:
        if each.start >= window.end:
            return
        part = clip(each, window)
        if part is not None:
            yield part
