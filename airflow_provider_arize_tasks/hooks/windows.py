"""What the hook tells about windows."""

from __future__ import annotations

from datetime import datetime, timedelta
from datetime import timezone as zones
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from datetime import date, tzinfo

    from airflow_provider_arize_tasks.coverage.reading import RunSource, TaskCoverage

UTC = zones.utc


class ArizeWindows:
    """Part of :class:`~airflow_provider_arize_tasks.hooks.arize.ArizeHook`: coverage and gaps of evaluation tasks."""

    def read_coverage(
        self,
        task: str,
        start: datetime | date | str | timedelta,
        end: datetime | date | str | timedelta | None = None,
        *,
        window: timedelta | str = "day",
        timezone: tzinfo | str = "UTC",
        space: str | None = None,
        max_spans: int | None = None,
        max_error_rate: float | None = None,
        settle: timedelta = timedelta(),
    ) -> TaskCoverage:
        """Read which part of a range a task has evaluated.

        One GET of the task and one per hundred runs it ever had.

        :param task: name or id.
        :param start: first instant: a datetime, a date, ISO 8601 text, or how far it reaches back from ``end`` (a
            ``timedelta`` or ``"30d"``).
        :param end: first instant after the range, likewise, relative to now; ``None`` is the last border of a window
            before now.
        :param window: width of a window: ``"day"``, ``"hour"``, ``"week"``, ``"6h"`` or a ``timedelta``.
        :param timezone: of days, and of dates and times without one.
        :param space: space of the task, if it is given by name; default the connection's.
        :param max_spans: limit the runs were triggered with, which the API doesn't tell; default the server's 10,000.
        :param max_error_rate: a run with a larger share of errors does not cover; default any completed one may.
        :param settle: how long after its end a window is not complete, because evaluation sees spans late.
        :return: the coverage; ``.coverage.cells(...)`` and ``.coverage.gaps(...)`` read it.
        :raises ArizeConfigError: a value is wrong, or the task has no windows.
        :raises ArizeError: the API could not be asked, or refused.
        """
        from airflow_provider_arize_tasks.coverage.reading import range_of, read_task_coverage

        wanted = range_of(start, end, window=window, timezone=timezone, reference=datetime.now(UTC))
        return read_task_coverage(
            cast("RunSource", self),
            task,
            wanted,
            space=space,
            max_spans=max_spans,
            max_error_rate=max_error_rate,
            settle=settle,
        )

    def find_window_gaps(
        self,
        task: str,
        start: datetime | date | str | timedelta,
        end: datetime | date | str | timedelta | None = None,
        *,
        window: timedelta | str = "day",
        timezone: tzinfo | str = "UTC",
        space: str | None = None,
        max_spans: int | None = None,
        max_error_rate: float | None = None,
        settle: timedelta = timedelta(),
        give_up_after: timedelta | None = None,
        include_running: bool = False,
    ) -> list[dict[str, str]]:
        """Find the windows of a range that a task has not evaluated.

        :param give_up_after: leave out windows older than this that have no run to show, as windows without data have
            none. By age alone: the hook keeps no record of what was asked for before. Default never.
        :param include_running: return windows with a run still going as well.
        :return: the windows in order, as ``{"data_start_time": ..., "data_end_time": ...}``, those not over yet left
            out. The other parameters and the errors are those of :meth:`read_coverage`.
        """
        found = self.read_coverage(
            task,
            start,
            end,
            window=window,
            timezone=timezone,
            space=space,
            max_spans=max_spans,
            max_error_rate=max_error_rate,
            settle=settle,
        )
        gaps = found.coverage.gaps(
            found.range.every,
            found.range.zone,
            now=found.now,
            settle=settle,
            give_up_after=give_up_after,
            include_running=include_running,
        )
        return [each.to_dict() for each in gaps.windows]
