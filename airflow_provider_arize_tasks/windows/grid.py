"""Anchored grids: the borders of windows of one width, the same for ever.

A window is known by its borders from one night to the next, so they must not depend on where a range begins. Days begin
at local midnight, weeks on Monday; other whole numbers of days are counted from Monday, 1 January of the year 1, and
anything else in absolute time from the local midnight with which 1970 began.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.fields import in_utc
from airflow_provider_arize_tasks.windows.times import DAY
from airflow_provider_arize_tasks.windows.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator


def floor_to(instant: datetime, width: timedelta, zone: tzinfo) -> datetime:
    """The last border of the grid at or before an instant.

    :param instant: a point in time with a time zone.
    :param width: of one window.
    :param zone: whose midnight counts.
    :return: the border in UTC.
    """
    utc = in_utc(instant)
    if width % DAY:
        epoch = _midnight(date(1970, 1, 1), zone)
        return epoch + (utc - epoch) // width * width
    days = width // DAY
    number = (utc.astimezone(zone).toordinal() - 1) // days * days
    border = _midnight_of(number, zone)
    # Where the clocks skip midnight, it counts as the first instant after; the instant may lie before that.
    return border if border <= utc else _midnight_of(number - days, zone)


def border_after(instant: datetime, width: timedelta, zone: tzinfo) -> datetime:
    """The first border of the grid after an instant.

    :param instant: a point in time with a time zone.
    :param width: of one window.
    :param zone: whose midnight counts.
    :return: the border in UTC.
    """
    utc = in_utc(instant)
    if width % DAY:
        return floor_to(utc, width, zone) + width
    days = width // DAY
    number = (floor_to(utc, width, zone).astimezone(zone).toordinal() - 1) // days * days
    while True:
        number += days
        border = _midnight_of(number, zone)
        if border > utc:  # not so for a day that a zone skipped altogether (Apia, 30 December 2011)
            return border


def cut_on_grid(window: Window, every: timedelta, zone: tzinfo) -> Iterator[Window]:
    """A window in consecutive pieces, cut at the borders of the grid; the first and the last may be shorter.

    :param window: what to cut.
    :param every: width of a piece. Whole days are calendar days of ``zone``: 23 or 25 hours when the clocks change.
    :param zone: whose calendar counts.
    """
    border = window.start
    while border < window.end:
        try:
            reach = border_after(border, every, zone)
        except (OverflowError, ValueError):  # beyond the year 9999
            reach = window.end
        piece = Window(border, min(reach, window.end))
        if piece.width:
            yield piece
        border = max(piece.end, min(reach, window.end))


def _midnight_of(number: int, zone: tzinfo) -> datetime:
    return _midnight(date.fromordinal(number + 1), zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return in_utc(datetime.combine(day, time(), tzinfo=zone))
