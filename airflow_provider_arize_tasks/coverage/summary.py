"""The states of a range in few words: what operators keep in an XCom for the page in Airflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_arize_tasks.coverage.judges import text_of
from airflow_provider_arize_tasks.coverage.record import time_of, window_of_key
from airflow_provider_arize_tasks.coverage.states import State
from airflow_provider_arize_tasks.windows.window import Window, iso

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_arize_tasks.coverage.calendar import Cell

#: XCom of the gap operator: the states of its range as it saw them.
COVERAGE_KEY: Final = "arize_coverage"
#: XCom of the verify operator: its result, kept even where the task fails.
VERIFICATION_KEY: Final = "arize_verification"
#: Stretches that are kept, the newest: some 4 kB.
MOST_STRETCHES: Final = 50


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What was seen of a range of windows, once.

    :param task_id: id of the Arize task.
    :param task_name: its name, if it has one.
    :param arize_conn_id: Airflow connection it was read with, if that was written down.
    :param at: when.
    :param stretches: neighbouring windows of the same state as one, in order.
    """

    task_id: str
    at: datetime
    stretches: tuple[tuple[Window, State], ...]
    task_name: str | None = None
    arize_conn_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON of a few kilobytes at most: the newest stretches are kept."""
        return {
            "task_id": self.task_id,
            "task_name": self.task_name,
            "arize_conn_id": self.arize_conn_id,
            "at": iso(self.at),
            "states": [[window.key, state.value] for window, state in self.stretches[-MOST_STRETCHES:]],
        }

    @classmethod
    def read(cls, stored: Any) -> Summary | None:
        """What :meth:`to_dict` made, or what the verify operator found; ``None`` of anything else.

        :param stored: an XCom, which may hold anything. Stretches that can't be read are left out.
        """
        if not isinstance(stored, Mapping):
            return None
        if isinstance(stored.get("audit"), Mapping):
            return _verified(stored, stored["audit"])
        task_id, at, states = stored.get("task_id"), time_of(stored.get("at")), stored.get("states")
        if not isinstance(task_id, str) or at is None or not isinstance(states, list):
            return None
        return cls(
            task_id=task_id,
            task_name=text_of(stored.get("task_name")),
            arize_conn_id=text_of(stored.get("arize_conn_id")),
            at=at,
            stretches=tuple(pair for each in states[-MOST_STRETCHES:] if (pair := _stretch(each)) is not None),
        )


def merged(cells: Iterable[Cell]) -> tuple[tuple[Window, State], ...]:
    """Neighbouring windows of the same state as one.

    :param cells: a calendar, in order.
    """
    found: list[tuple[Window, State]] = []
    for cell in cells:
        window = cell.window
        if found and found[-1][1] is cell.state and found[-1][0].end == window.start:
            window = Window(found.pop()[0].start, window.end)
        found.append((window, cell.state))
    return tuple(found)


def _verified(stored: Mapping[str, Any], audit: Mapping[str, Any]) -> Summary | None:
    """A proven window is covered, one with labels missing failed; one without spans proves nothing."""
    window = window_of_key(f"{stored.get('data_start_time')}/{stored.get('data_end_time')}")
    at, task_id = time_of(audit.get("looked_at")), audit.get("task_id")
    if window is None or not window.width or at is None or not isinstance(task_id, str) or not stored.get("spans"):
        return None
    state = State.COVERED if stored.get("complete") is True else State.FAILED
    return Summary(task_id=task_id, task_name=text_of(audit.get("task_name")), at=at, stretches=((window, state),))


def _stretch(stored: Any) -> tuple[Window, State] | None:
    if not isinstance(stored, Sequence) or len(stored) != 2 or not all(isinstance(each, str) for each in stored):
        return None
    window = window_of_key(stored[0])
    try:
        return (window, State(stored[1])) if window is not None and window.start < window.end else None
    except ValueError:
        return None
