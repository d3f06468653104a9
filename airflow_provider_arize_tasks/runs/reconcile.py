"""Finds the twins of a run: what a trigger without a clear answer started after all."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.runs.cancel import cancel_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.runs.api import RunsApi
    from airflow_provider_arize_tasks.runs.clock import ServerClock
    from airflow_provider_arize_tasks.runs.lookup import Lookup
    from airflow_provider_arize_tasks.runs.patience import Patience
    from airflow_provider_arize_tasks.runs.record import RunRecord
    from airflow_provider_arize_tasks.runs.requests import RunRequest


@dataclass(frozen=True, kw_only=True)
class Twins:
    """Second runs of run requests, and what became of them.

    :param cancelled: ids of those that were going on and were cancelled.
    :param ended: ids of those that had ended by themselves.
    """

    cancelled: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.cancelled, *self.ended)

    def to_dict(self) -> dict[str, list[str]]:
        """As JSON."""
        return {"cancelled": list(self.cancelled), "ended": list(self.ended)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Sequence[str]]) -> Twins:
        """The reverse of :meth:`to_dict`."""
        return cls(cancelled=tuple(data.get("cancelled") or ()), ended=tuple(data.get("ended") or ()))

    def __add__(self, other: Twins) -> Twins:
        return Twins(
            cancelled=tuple(dict.fromkeys((*self.cancelled, *other.cancelled))),
            ended=tuple(dict.fromkeys((*self.ended, *other.ended))),
        )


NO_TWINS = Twins()


def reconcile(
    lookup: Lookup,
    request: RunRequest,
    record: RunRecord,
    *,
    cancels: bool,
    log: Any,
    patience: Patience,
    clock: ServerClock,
) -> Twins:
    """Look for runs of a request beside the one on record, and end them.

    Where a trigger without a clear answer has no run that is known, and its connection was given up only just now, the
    list gets a little longer to show it.

    :param lookup: finds runs.
    :param request: what was wanted.
    :param record: what is on record about it.
    :param cancels: whether twins may be cancelled; ``same_window`` shares runs with others, so there they are named.
    :param log: where to say what became of each.
    :param patience: how long to look.
    :param clock: the server's clock.
    :return: the twins.
    :raises ArizeError: the server could not be asked.
    """
    while True:
        found = lookup.twins(request, record)
        since = record.unclear_until or record.intent_at
        is_over = clock.moments_ago(since) >= patience.twin
        if found.twins or found.ambiguous or not record.unaccounted or is_over:
            break
        time.sleep(patience.pause)
    if found.ambiguous:
        log.warning(
            "%s: these runs match as well and are more than this task can have started, so they were left alone: %s",
            request,
            ", ".join(f"{run.id} ({run.status.value})" for run in found.ambiguous),
        )
        return Twins()
    if found.twins and not cancels:
        log.warning(
            "%s: these runs match as well; one of them may be this task's. They were left alone (same_window): %s",
            request,
            ", ".join(f"{run.id} ({run.status.value})" for run in found.twins),
        )
        return Twins()
    return cancel_twins(lookup.api, found.twins, log=log)


def cancel_twins(api: RunsApi, twins: Iterable[TaskRun], *, log: Any) -> Twins:
    """Cancel the twins that go on.

    :param api: the server.
    :param twins: second runs of a request.
    :param log: where to say what became of each.
    :return: which of them were cancelled, which had ended.
    :raises ArizeError: one goes on and could not be cancelled; the next attempt finds it again.
    """
    result = Twins()
    for run in twins:
        if run.status.is_terminal:
            log.warning("Run %s is a twin: the trigger that seemed lost had started it. It ended %s", *_words(run))
            result += Twins(ended=(run.id,))
            continue
        try:
            run = cancel_run(api, run.id)
        except ArizeError as error:
            log.warning("Run %s is a twin and could not be cancelled; it may still be going: %s", run.id, error)
            raise
        log.warning("Run %s is a twin: the trigger that seemed lost had started it. Cancelled, it is %s", *_words(run))
        result += Twins(cancelled=(run.id,))
    return result


def _words(run: TaskRun) -> tuple[str, str]:
    return run.id, run.status.value
