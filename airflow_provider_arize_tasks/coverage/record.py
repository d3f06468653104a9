"""What the gap operator writes down from one DAG run to the next, since the API keeps no history of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from airflow_provider_arize_tasks.client.fields import parse_time
from airflow_provider_arize_tasks.windows.window import Window, iso


@dataclass(frozen=True, kw_only=True)
class GapRecord:
    """What earlier DAG runs saw and asked for.

    :param first_asked: by the key of a window, when it was returned first.
    :param overridden: windows returned with ``override_evaluations``, and when.
    :param judges: by the key of each evaluator of the task, the time before which the task was seen without it;
        ``None`` for one that was there from the beginning. Empty if nothing was ever written down.
    """

    first_asked: Mapping[str, datetime] = field(default_factory=dict)
    overridden: Mapping[Window, datetime] = field(default_factory=dict)
    judges: Mapping[str, datetime | None] = field(default_factory=dict)

    def attached(self, keys: Iterable[str], now: datetime) -> dict[str, datetime]:
        """Since when each evaluator is part of the task, as far as the record tells.

        :param keys: the evaluators the task has now.
        :param now: the present. One that the record does not know was added since it was written: what ran before now
            may not have used it.
        """
        if not self.judges:
            return {}
        return {key: since for key in keys if (since := self.judges.get(key, now)) is not None}

    def to_dict(self, task_id: str) -> dict[str, Any]:
        """As JSON."""
        return {
            "task_id": task_id,
            "first_asked": {key: iso(value) for key, value in self.first_asked.items()},
            "overridden": {window.key: iso(value) for window, value in self.overridden.items()},
            "judges": {key: value and iso(value) for key, value in self.judges.items()},
        }

    @classmethod
    def read(cls, stored: Iterable[Any], task_id: str, first_asked: Any = None) -> GapRecord:
        """What several DAG runs wrote down, taken together. What can't be read is passed over.

        :param stored: what :meth:`to_dict` made, in any order; ``None`` where there is none.
        :param task_id: what is about another task is passed over.
        :param first_asked: what a release before this one wrote, used where there is nothing else.
        """
        records = [each for each in stored if isinstance(each, Mapping) and each.get("task_id") == task_id]
        if not records:
            return cls(first_asked=_times([first_asked]))
        judges: dict[str, datetime | None] = {}
        for record in records:
            for key, value in mapping_of(record.get("judges")).items():
                since = None if value is None else time_of(value)
                judges[key] = _earlier(judges[key], since) if key in judges else since
        windows = _times(mapping_of(each.get("overridden")) for each in records)
        return cls(
            first_asked=_times(mapping_of(each.get("first_asked")) for each in records),
            overridden={window: since for key, since in windows.items() if (window := window_of_key(key))},
            judges=judges,
        )


def window_of_key(key: str) -> Window | None:
    """The window of a key; ``None`` if it is none."""
    start, _, end = key.partition("/")
    first, last = parse_time(start), parse_time(end)
    return Window(first, last) if first is not None and last is not None else None


def aware(instant: datetime) -> datetime:
    """An instant with a time zone: some databases hand out their UTC times without one."""
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=timezone.utc)


def _times(stored: Iterable[Any]) -> dict[str, datetime]:
    """Times by key, the earliest of each."""
    found: dict[str, datetime] = {}
    for each in stored:
        for key, value in mapping_of(each).items():
            instant = time_of(value)
            if instant is not None:
                found[key] = min(instant, found.get(key, instant))
    return found


def mapping_of(value: Any) -> Mapping[str, Any]:
    """A mapping that was stored; empty if it is none."""
    return value if isinstance(value, Mapping) else {}


def time_of(value: Any) -> datetime | None:
    """A time that was stored; ``None`` if it is none."""
    return parse_time(value) if isinstance(value, str) else None


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else min(one, other)
