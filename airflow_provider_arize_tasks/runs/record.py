"""What an attempt writes down about a run request, before it triggers and after."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_arize_tasks.runs.errors import ArizeRecordError
from airflow_provider_arize_tasks.runs.requests import parse_iso
from airflow_provider_arize_tasks.runs.verdict import Counts
from airflow_provider_arize_tasks.windows.window import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from airflow_provider_arize_tasks.client.models import TaskRun

#: XCom key of the run a task instance started or adopted last.
RUN_KEY: Final = "arize_run"
#: XCom key of why a task instance failed or was skipped.
REASON_KEY: Final = "arize_reason"
#: Version of the record's JSON. 1 is that of release 0.1.0, which wrote no version.
SCHEMA = 2


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What an attempt wrote down about a run request.

    :param generation: the generation of attempts that wrote it.
    :param attempt: number of the attempt that wrote it; ``None`` if it is not known.
    :param intent_at: the server's time just before the latest POST.
    :param since: the server's time just before the first of several POSTs in a row of which nobody knows what they
        started; ``None`` if the latest is the only one.
    :param run_id: the run that POST started; ``None`` until its answer was read.
    :param excluded: runs of this request that are not to be adopted: failed, cancelled, or from before a clear.
    :param name: experiment name of the latest POST.
    :param owned: whether this task instance started the run; one adopted from another is never cancelled on its
        account.
    :param unclear: POSTs of this request, in any attempt, without a clear answer. While there are any, the list is
        read again whenever that may show what they started.
    :param unclear_since: the server's time just before the first of them.
    :param unclear_until: the server's time when the connection of the last of them was given up.
    :param unclear_names: names of experiments that they sent.
    :param unaccounted: how many of them have no run that is known.
    :param lag: seconds by which the clock that stamps runs is known to run behind the one in the replies' headers.
    :param earlier: counts of runs that served the request before and ended badly, by run.
    """

    generation: int
    intent_at: datetime
    since: datetime | None = None
    run_id: str | None = None
    excluded: tuple[str, ...] = ()
    name: str | None = None
    owned: bool = True
    attempt: int | None = None
    unclear: int = 0
    unclear_since: datetime | None = None
    unclear_until: datetime | None = None
    unclear_names: tuple[str, ...] = ()
    unaccounted: int = 0
    lag: float = 0.0
    earlier: Mapping[str, Counts] = field(default_factory=dict)

    @property
    def look_from(self) -> datetime:
        """A run that one of this generation's unanswered POSTs started is not older than this, but for clocks."""
        return (self.since or self.intent_at) - timedelta(seconds=self.lag)

    @property
    def is_uncertain(self) -> bool:
        """Whether there may be a run of this request that nobody knows of."""
        return self.unclear > 0

    @property
    def served(self) -> Counts:
        """What earlier runs of the request have done, all together."""
        return sum(self.earlier.values(), Counts())

    def excluding(self, runs: Iterable[str]) -> RunRecord:
        """The record with more runs that are not to be adopted.

        :param runs: their ids.
        """
        return replace(self, excluded=tuple(dict.fromkeys((*self.excluded, *runs))))

    def having_ended(self, runs: Iterable[TaskRun]) -> RunRecord:
        """The record with more runs that served the request and ended badly.

        :param runs: as last read.
        """
        runs = tuple(runs)
        earlier = {**self.earlier, **{run.id: Counts.of([run]) for run in runs}}
        return replace(self.excluding(run.id for run in runs), earlier=earlier)

    def given_up(self, now: datetime) -> RunRecord:
        """The record after a POST without a clear answer.

        :param now: the server's time.
        """
        return replace(
            self,
            unclear=self.unclear + 1,
            unaccounted=self.unaccounted + 1,
            unclear_since=self.unclear_since or self.intent_at,
            unclear_until=now,
            unclear_names=tuple(dict.fromkeys((*self.unclear_names, *([self.name] if self.name else [])))),
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "version": SCHEMA,
            "generation": self.generation,
            "intent_at": iso(self.intent_at),
            "since": iso(self.since) if self.since else None,
            "run_id": self.run_id,
            "spent": list(self.excluded),
            "name": self.name,
            "ours": self.owned,
            "attempt": self.attempt,
            "unclear": self.unclear,
            "unclear_since": iso(self.unclear_since) if self.unclear_since else None,
            "unclear_until": iso(self.unclear_until) if self.unclear_until else None,
            "unclear_names": list(self.unclear_names),
            "unaccounted": self.unaccounted,
            "lag": self.lag,
            "earlier": {run: counts.to_list() for run, counts in self.earlier.items()},
        }

    @classmethod
    def from_dict(cls, data: Any) -> RunRecord:
        """The reverse of :meth:`to_dict`. What an older release left out has a default.

        :raises ArizeRecordError: a newer release wrote it, or it is no record at all.
        """
        try:
            version = int(data.get("version", 1))
            if version > SCHEMA:
                raise ArizeRecordError(
                    f"a newer release of the provider wrote what is on record about a run (version {version}, this "
                    f"release reads {SCHEMA}). Nothing was triggered; upgrade the provider on all workers, or clear "
                    "the task's state"
                )
            return cls._read(data)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ArizeRecordError(
                f"what is on record about a run can't be read ({type(error).__name__}: {error}). Nothing was "
                "triggered, since a run may be going; look at the task's state in Airflow, and clear it once no run is"
            ) from error

    @classmethod
    def _read(cls, data: Mapping[str, Any]) -> RunRecord:
        def time(name: str) -> datetime | None:
            return parse_iso(data[name]) if data.get(name) else None

        return cls(
            generation=int(data["generation"]),
            intent_at=parse_iso(data["intent_at"]),
            since=time("since"),
            run_id=data.get("run_id"),
            excluded=tuple(data.get("spent") or ()),
            name=data.get("name"),
            owned=bool(data.get("ours", True)),
            attempt=data.get("attempt"),
            # Release 0.1.0 kept several POSTs in a row without an answer by the time of the first alone.
            unclear=int(data.get("unclear", 2 if data.get("since") else 0)),
            unclear_since=time("unclear_since" if "unclear" in data else "since"),
            unclear_until=time("unclear_until"),
            unclear_names=tuple(data.get("unclear_names") or ()),
            unaccounted=int(data.get("unaccounted", 0)),
            lag=float(data.get("lag", 0.0)),
            earlier={run: Counts.from_list(counts) for run, counts in (data.get("earlier") or {}).items()},
        )
