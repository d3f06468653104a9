"""Cutting a window so that each piece fits into one run, by the times of its spans."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.windows.window import Window, halve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

#: Share of the limit that a piece may hold, as spans may still arrive while the pieces are run.
FILL = 0.9


def pieces_that_fit(window: Window, times: Sequence[datetime], limit: int) -> tuple[Window, ...]:
    """The window itself if it fits, else its halves, and so on: the same pieces whenever it is cut.

    Halves, not pieces of so many spans, so that a later attempt that counts a few spans more cuts at the same places.

    :param window: the window.
    :param times: when each of its spans starts, in order.
    :param limit: most spans of a run.
    :return: consecutive pieces in order. One that can't be cut further may hold too many.
    """
    held = bisect_left(times, window.end) - bisect_left(times, window.start)
    if held <= limit:
        return (window,)
    return _halves(window, times, max(1, int(limit * FILL)))


def _halves(window: Window, times: Sequence[datetime], most: int) -> tuple[Window, ...]:
    held = bisect_left(times, window.end) - bisect_left(times, window.start)
    halves = halve(window) if held > most else None
    if halves is None:
        return (window,)
    return (*_halves(halves[0], times, most), *_halves(halves[1], times, most))
