"""What Airflow tells an attempt about itself: its number, its DAG run, its data interval, and its task state store."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.runs.errors import ArizeRecordError
from airflow_provider_arize_tasks.runs.requests import Attempt, RunRecord

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

#: Where release 0.1.0 kept all records together, of which it forgot the oldest.
_OLD_KEY = "arize_task_runs"
#: Each record has an entry of its own, since an entry may take 64 KB at most; this one lists them.
_INDEX_KEY = "arize_runs"


def attempt_of(context: Context) -> Attempt:
    """Where this attempt stands, by the rule Airflow's own task runner uses for reschedules.

    An operator run by hand, with a context that names no task instance, is in its first attempt.
    """
    ti, task = context.get("ti"), context.get("task")
    max_tries = int(getattr(ti, "max_tries", 0) or 0)
    retries = int(getattr(task, "retries", 0) or 0)
    number = int(getattr(ti, "try_number", 1) or 1)
    return Attempt(number=number, first=max(1, max_tries - retries + 1), generation=max_tries)


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
    """What this task instance wrote down about its runs: an entry for each run request, none ever dropped.

    In Airflow's task state store where there is one (3.3), else for as long as this attempt goes on. A store that can't
    be read is no reason to guess: the error goes up and the attempt is retried.

    :param context: what Airflow gave to ``execute``.
    """

    def __init__(self, context: Context) -> None:
        self._store: Any = context.get("task_state_store")
        self._read: dict[str, RunRecord | None] = {}
        self._index: list[str] | None = None
        self._old: Mapping[str, Any] | None = None

    @property
    def has_store(self) -> bool:
        """Whether this Airflow keeps records."""
        return self._store is not None

    def get(self, key: str) -> RunRecord | None:
        """The record of a run request, by whichever generation of attempts; ``None`` if there is none.

        :param key: of the run request.
        :raises ArizeRecordError: there is one that can't be read.
        """
        if key not in self._read:
            self._read[key] = self._load(key)
        return self._read[key]

    def before_clear(self, attempt: Attempt) -> dict[str, RunRecord]:
        """What earlier generations of attempts wrote down, by the run request's key.

        :param attempt: this attempt.
        """
        found = dict.fromkeys(self._old_records())
        for entry in self._keys():
            stored = self._store.get(entry)
            if isinstance(stored, Mapping):
                found[str(stored.get("key"))] = None
        records = {key: self.get(key) for key in found}
        return {key: record for key, record in records.items() if record and not attempt.owns(record)}

    def put(self, key: str, record: RunRecord) -> None:
        """Write a record down.

        :param key: of the run request.
        :param record: what to write.
        """
        if self._store is not None:
            entry = _entry_of(key)
            if entry not in self._keys():
                # First: an entry that is listed and not there yet does no harm, the reverse would be lost to a clear.
                self._index = [*self._keys(), entry]
                self._store.set(_INDEX_KEY, self._index)
            self._store.set(entry, {"key": key, "record": record.to_dict()})
        self._read[key] = record

    def restore(self, key: str, record: RunRecord | None) -> None:
        """Write down again what was written down before, be it nothing.

        :param key: of the run request.
        :param record: what was written down.
        """
        if record is not None:
            self.put(key, record)
            return
        if self._store is not None:
            self._store.set(_entry_of(key), {"key": key, "record": None})
        self._read[key] = None

    def _load(self, key: str) -> RunRecord | None:
        if self._store is None:
            return None
        stored = self._store.get(_entry_of(key))
        if stored is not None:
            if not isinstance(stored, Mapping) or stored.get("key") != key:
                raise ArizeRecordError(
                    f"the entry {_entry_of(key)!r} of the task's state is no record of this provider. Nothing was "
                    "triggered; look at the task's state in Airflow, and clear it once no run is going"
                )
            return RunRecord.from_dict(stored["record"]) if stored.get("record") is not None else None
        old = self._old_records().get(key)
        return RunRecord.from_dict(old) if old is not None else None

    def _keys(self) -> list[str]:
        if self._index is None:
            stored = self._store.get(_INDEX_KEY) if self._store is not None else None
            self._index = [str(each) for each in stored] if isinstance(stored, list) else []
        return self._index

    def _old_records(self) -> Mapping[str, Any]:
        if self._old is None:
            stored = self._store.get(_OLD_KEY) if self._store is not None else None
            self._old = stored if isinstance(stored, Mapping) else {}
        return self._old


def _entry_of(key: str) -> str:
    """The store's key for a run request's; short, since a request's own grows with the experiments it names."""
    return f"arize_run_{hashlib.sha256(key.encode()).hexdigest()[:24]}"
