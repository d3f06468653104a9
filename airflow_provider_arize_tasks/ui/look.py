"""The button "Look again": asks Arize what its runs say of a year. Rate-limited, cached, dated."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.ui.overview import Day

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_arize_tasks.coverage.calendar import Cell

#: How long a look is shown instead of a new one, in seconds.
KEPT: Final = 300.0
#: How many looks the whole page makes in a minute.
MOST_A_MINUTE: Final = 6
_PATIENCE: Final = 20.0
_MOST_LOOKS: Final = 500


@dataclass(frozen=True, kw_only=True)
class Look:
    """What Arize said.

    :param at: when.
    :param days: the year day by day; empty if it could not be asked.
    :param error: why not.
    """

    at: datetime
    days: tuple[Day, ...] = ()
    error: str | None = None


class Looks:
    """All looks of this API server process.

    :param ask: asks Arize; for tests.
    :param clock: seconds; for tests.
    """

    def __init__(
        self,
        ask: Callable[[str, str, int], tuple[Day, ...]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask or ask_arize
        self._clock = clock
        self._lock = threading.Lock()
        self._looks: dict[tuple[str, str, int], tuple[float, Look]] = {}
        self._made: list[float] = []

    def last(self, conn_id: str, task: str, year: int) -> Look | None:
        """The look that is kept, if it is not too old.

        :param conn_id: Airflow connection.
        :param task: id of the Arize task.
        :param year: of the calendar.
        """
        with self._lock:
            kept = self._looks.get((conn_id, task, year))
        return kept[1] if kept and self._clock() - kept[0] < KEPT else None

    def again(self, conn_id: str, task: str, year: int) -> Look:
        """Ask Arize, unless that was done a moment ago or too often.

        :param conn_id: Airflow connection.
        :param task: id of the Arize task.
        :param year: of the calendar.
        """
        kept = self.last(conn_id, task, year)
        if kept is not None:
            return kept
        if not self._may_ask():
            busy = f"Arize was asked {MOST_A_MINUTE} times in a minute, which is the most. Try again in a minute."
            return Look(at=datetime.now(timezone.utc), error=busy)
        look = self._look(conn_id, task, year)
        with self._lock:
            if len(self._looks) >= _MOST_LOOKS:
                self._looks.clear()
            self._looks[conn_id, task, year] = (self._clock(), look)
        return look

    def _may_ask(self) -> bool:
        with self._lock:
            now = self._clock()
            self._made = [made for made in self._made if now - made < 60]
            if len(self._made) >= MOST_A_MINUTE:
                return False
            self._made.append(now)
            return True

    def _look(self, conn_id: str, task: str, year: int) -> Look:
        at = datetime.now(timezone.utc)
        try:
            return Look(at=at, days=self._ask(conn_id, task, year))
        except ArizeError as error:
            return Look(at=at, error=f"Arize could not be asked: {str(error)[:500]}")


def ask_arize(conn_id: str, task: str, year: int) -> tuple[Day, ...]:
    """What the runs of a task say of a year.

    :param conn_id: Airflow connection, as the API server finds it.
    :param task: id of the Arize task.
    :param year: of the calendar.
    :raises ArizeError: Arize could not be asked.
    """
    from airflow_provider_arize_tasks.client.api import ArizeApi
    from airflow_provider_arize_tasks.client.sync import ArizeClient
    from airflow_provider_arize_tasks.client.transport import RetryPolicy
    from airflow_provider_arize_tasks.coverage.reading import range_of, read_task_coverage

    wanted = range_of(
        datetime(year, 1, 1, tzinfo=timezone.utc),
        datetime(year + 1, 1, 1, tzinfo=timezone.utc),
        window=timedelta(days=1),
        reference=datetime.now(timezone.utc),
    )
    with ArizeClient(_config(conn_id), retry=RetryPolicy(total_seconds=_PATIENCE)) as client:
        found = read_task_coverage(ArizeApi(client), task, wanted, count_doubtful=False)
    cells = found.coverage.cells(timedelta(days=1), timezone.utc, now=found.now)
    return tuple(_day(cell, found.now) for cell in cells)


def _day(cell: Cell, now: datetime) -> Day:
    """A day of the calendar; nothing is said of one that is not over."""
    over = cell.window.end <= now
    return Day(
        date=cell.window.start.date(), state=cell.state if over else None, count=1, note=cell.reason if over else ""
    )


def _config(conn_id: str) -> Any:
    from airflow.models.connection import Connection
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    from airflow_provider_arize_tasks.client.errors import ArizeConfigError
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

    try:
        return ArizeHook.config_from_connection(Connection.get_connection_from_secrets(conn_id))
    except AirflowNotFoundException as error:
        raise ArizeConfigError(f"the API server of Airflow finds no connection {conn_id!r}") from error
