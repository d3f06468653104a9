"""What Airflow tells an attempt about itself: its number, its DAG run, its data interval, and its task state store."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.runs.requests import Attempt, RunRecord

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

_STORE_KEY = "arize_task_runs"
#: The state store takes 64 KB; past this the oldest records go and the look-up alone decides about them.
_MAX_RECORDS = 200
#: Without a ``Date`` header in a reply, the worker's own clock less this stands for the server's.
_NO_DATE_MARGIN = timedelta(minutes=5)


def attempt_of(context: Context) -> Attempt:
    """Where this attempt stands, by the rule Airflow's own task runner uses for reschedules.

    An operator run by hand, with a context that names no task instance, is in its first attempt.
    """
    ti, task = context.get("ti"), context.get("task")
    max_tries = int(getattr(ti, "max_tries", 0) or 0)
    retries = int(getattr(task, "retries", 0) or 0)
    number = int(getattr(ti, "try_number", 1) or 1)
    return Attempt(number=number, first=max(1, max_tries - retries + 1), generation=max_tries)


@dataclass
class ServerClock:
    """The server's clock, never compared with ours: the last ``Date`` header and the time that went by since.

    It runs late by up to a second (the header has whole seconds), never early.
    """

    _server: datetime = field(default_factory=lambda: datetime.now(timezone.utc) - _NO_DATE_MARGIN)
    _seen: float = field(default_factory=time.monotonic)

    def see(self, server_time: datetime | None) -> None:
        """Take the time of a reply; a reply without one changes nothing."""
        if server_time is not None:
            self._server, self._seen = server_time, time.monotonic()

    def now(self) -> datetime:
        """The server's time now."""
        return self._server + timedelta(seconds=time.monotonic() - self._seen)

    def from_local(self, instant: datetime) -> datetime:
        """An instant of our clock on the server's."""
        return instant + (self.now() - datetime.now(timezone.utc))

    def to_local_epoch(self, instant: datetime) -> float:
        """An instant of the server's clock on ours, in epoch seconds."""
        return time.time() + (instant - self.now()).total_seconds()


@dataclass(frozen=True, kw_only=True)
class DagRunTimes:
    """When the DAG run started and when it was due, on our clock; missing ones fall back to each other or to now."""

    start: datetime
    run_after: datetime

    @classmethod
    def of(cls, context: Context) -> DagRunTimes:
        """Read them from the context, on any supported Airflow."""
        dag_run = context.get("dag_run")
        now = datetime.now(timezone.utc)
        # Airflow 2.11 has no run_after; a run is never older than its queueing.
        times = [getattr(dag_run, name, None) for name in ("start_date", "run_after", "queued_at")]
        start, *earlier = [each if isinstance(each, datetime) else None for each in times]
        start = start or now
        due = next((each for each in earlier if each is not None), start)
        return cls(start=start, run_after=min(due, start))


class Records:
    """What this task instance wrote down about its runs, in Airflow's task state store where there is one (3.3).

    A store that can't be read is no reason to guess: the error goes up and the attempt is retried.
    """

    def __init__(self, context: Context) -> None:
        self._store: Any = context.get("task_state_store")
        self._records: dict[str, Any] | None = None

    @property
    def has_store(self) -> bool:
        """Whether this Airflow keeps records."""
        return self._store is not None

    def get(self, key: str) -> RunRecord | None:
        """The record of a request, by whichever generation of attempts; ``None`` if there is none."""
        entry = self._all().get(key)
        if not isinstance(entry, Mapping):
            return None
        return RunRecord.from_dict(entry)

    def before_clear(self, attempt: Attempt) -> dict[str, RunRecord]:
        """What earlier generations of attempts wrote down, by request key.

        :param attempt: this attempt.
        """
        records = {key: self.get(key) for key in self._all()}
        return {key: record for key, record in records.items() if record and not attempt.owns(record)}

    def put(self, key: str, record: RunRecord) -> None:
        """Write a record down; without a store this does nothing."""
        if self._store is None:
            return
        records = self._all()
        records.pop(key, None)
        records[key] = record.to_dict()
        while len(records) > _MAX_RECORDS:
            records.pop(next(iter(records)))
        self._store.set(_STORE_KEY, records)

    def restore(self, key: str, record: RunRecord | None) -> None:
        """Write down again what was written down before, be it nothing."""
        if record is not None:
            self.put(key, record)
        elif self._store is not None and self._all().pop(key, None) is not None:
            self._store.set(_STORE_KEY, self._all())

    def _all(self) -> dict[str, Any]:
        if self._records is None:
            stored = self._store.get(_STORE_KEY) if self._store is not None else None
            self._records = dict(stored) if isinstance(stored, Mapping) else {}
        return self._records
