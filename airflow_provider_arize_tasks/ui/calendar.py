"""A year as a calendar, a cell a day. Pure."""

from __future__ import annotations

from calendar import month_name, monthrange
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.ui.overview import ArizeTask, Day, days_of

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.ui.entries import Entry


@dataclass(frozen=True)
class Month:
    """A row of the calendar."""

    name: str
    days: tuple[Day, ...]


@dataclass(frozen=True, kw_only=True)
class Year:
    """A calendar.

    :param months: twelve of them.
    """

    year: int
    months: tuple[Month, ...]

    @property
    def days(self) -> list[Day]:
        """All its days."""
        return [day for month in self.months for day in month.days]


def year_of(task: ArizeTask, year: int, today: date) -> Year:
    """The calendar of a task.

    :param task: whose.
    :param year: which.
    :param today: the present day.
    """
    days = days_of(task, date(year, 1, 1), date(year, 12, 31), today=today)
    months = []
    for number in range(1, 13):
        length = monthrange(year, number)[1]
        months.append(Month(month_name[number], tuple(days[:length])))
        days = days[length:]
    return Year(year=year, months=tuple(months))


def entries_on(task: ArizeTask, day: date) -> list[Entry]:
    """What a cell opens: all that touched the day, the latest first.

    :param task: whose.
    :param day: which.
    """
    return [entry for entry in reversed((*task.entries, *task.checks)) if day in set(entry.touched())]
