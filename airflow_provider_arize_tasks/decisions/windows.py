"""Data windows: half-open stretches of time ``[start, end)``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone


@dataclass(frozen=True, order=True)
class Window:
    """A data window ``[start, end)``, kept in UTC at millisecond precision (what the API stores).

    :param start: first instant of the window; must carry a time zone.
    :param end: first instant after the window; must carry a time zone.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            value: datetime = getattr(self, name)
            if value.tzinfo is None:
                raise ValueError(f"{name} of a window needs a time zone, got {value!r}")
            utc = value.astimezone(timezone.utc)
            utc = datetime(*utc.timetuple()[:6], utc.microsecond // 1000 * 1000, tzinfo=timezone.utc)
            object.__setattr__(self, name, utc)

    @property
    def width(self) -> timedelta:
        """End minus start."""
        return self.end - self.start

    @property
    def key(self) -> str:
        """The window as one text, equal for equal windows: ``2026-11-22T00:00:00.000Z/2026-11-23T00:00:00.000Z``."""
        return f"{iso(self.start)}/{iso(self.end)}"

    def to_dict(self) -> dict[str, str]:
        """The arguments of the trigger operator and of the API: ``data_start_time`` and ``data_end_time``."""
        return {"data_start_time": iso(self.start), "data_end_time": iso(self.end)}


def iso(instant: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as the API writes times."""
    return instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
