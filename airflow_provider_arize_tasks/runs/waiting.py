"""How a wait ended, whoever waited: the event of a trigger, written and read; and waiting in the worker.

An event holds known fields only, cleaned, so that Airflow can store and send it.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.client.errors import ArizeApiError, ArizeError, ArizeReplyError
from airflow_provider_arize_tasks.runs.errors import ArizeWaitError
from airflow_provider_arize_tasks.runs.timing import PATIENCE, REFUSALS, Failures, Patience, first_look, next_look

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_arize_tasks.client.models import TaskRun


#: The longest reason of a failure that is handed over, in characters, and the longest of anything else.
MAX_REASON = 2000
_MAX_TEXT = 500
_TEXTS = (
    "id",
    "task_id",
    "experiment_id",
    "data_start_time",
    "data_end_time",
    "created_at",
    "run_started_at",
    "run_finished_at",
    "created_by_user_id",
)
_COUNTS = ("num_successes", "num_errors", "num_skipped")


def clean_run(run: TaskRun) -> dict[str, Any]:
    """A run as plain JSON that anything can encode and any database can keep.

    :param run: as read from the server.
    :return: its known fields; texts without half characters and NUL, cut to what they may reasonably take.
    """
    raw = run.raw or run.to_dict()
    cleaned: dict[str, Any] = {name: _text(raw.get(name), _MAX_TEXT) for name in _TEXTS}
    cleaned["status"] = _text(run.status_text, _MAX_TEXT) if run.status is RunStatus.UNKNOWN else run.status.value
    cleaned["failure_reason"] = _text(run.failure_reason, MAX_REASON)
    cleaned.update({name: _count(getattr(run, name)) for name in _COUNTS})
    return {name: value for name, value in cleaned.items() if value is not None}


def can_be_sent(payload: Mapping[str, Any]) -> bool:
    """Whether Airflow can encode an event: one that it can't would stop the triggerer, for everybody.

    :param payload: of the event.
    """
    try:
        json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError, OverflowError):
        return False
    return True


def clean_text(text: str, longest: int = MAX_REASON) -> str:
    """A text without half characters and NUL.

    :param text: any text.
    :param longest: most characters that are kept.
    """
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")[:longest]


def _text(value: Any, longest: int) -> str | None:
    return clean_text(value, longest) if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None


WaitStatus = Literal["done", "timeout", "error"]

#: The longest nap between two checks whether the task was killed, in seconds.
_NAP = 1.0


@dataclass(frozen=True, kw_only=True)
class WaitEvent:
    """What a wait came to, in the triggerer or in the worker.

    :param status: all ended, the deadline passed, or too many looks failed.
    :param message: what happened, for the person on call.
    :param runs: the runs that were seen, as last seen, by id. The look was made with the task's own key.
    :param error: why looks failed, if that ended it.
    :param state: what the operator gave the trigger to carry.
    """

    status: WaitStatus
    message: str = ""
    runs: Mapping[str, TaskRun] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None
    state: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, event: Mapping[str, Any] | None) -> WaitEvent:
        """Read a trigger's event; anything unknown is an error, never a success.

        :raises ArizeWaitError: the event is not one of :class:`ArizeTaskRunTrigger`'s.
        """
        given: Mapping[str, Any] = event if isinstance(event, dict) else {}
        status: Any = given.get("status")
        state, error, runs = given.get("state"), given.get("error"), given.get("runs")
        if status not in get_args(WaitStatus) or not isinstance(state, dict):
            raise ArizeWaitError(
                f"the trigger came back with an event this release doesn't know ({status!r}); nothing is assumed about "
                "the run. The next attempt adopts it"
            )
        return cls(
            status=status,
            message=str(given.get("message") or ""),
            runs=_read_runs(runs if isinstance(runs, dict) else {}),
            error=error if isinstance(error, dict) else None,
            state=state,
        )

    def ended(self, run_ids: Sequence[str]) -> list[TaskRun] | None:
        """The runs, in this order, if all of them were seen to end.

        :param run_ids: ids of the runs.
        """
        runs = [self.runs[each] for each in run_ids if each in self.runs]
        return runs if len(runs) == len(run_ids) and all(run.status.is_terminal for run in runs) else None

    @property
    def is_refused(self) -> bool:
        """Whether looks were refused: by the server, or for want of a connection."""
        return self.error is not None and self.error.get("kind") == "refused"

    @property
    def lacks_connection(self) -> bool:
        """Whether no look was ever made, since the connection can't be used where the wait took place."""
        return self.is_refused and self.error is not None and self.error.get("status") is None


def _read_runs(given: Mapping[str, Any]) -> dict[str, TaskRun]:
    # The trigger writes events too, and a process that only parses a DAG needs no models.
    from airflow_provider_arize_tasks.client.models import TaskRun

    runs = {}
    for run_id, data in given.items():
        try:
            run = TaskRun.read(data)
        except ArizeReplyError:
            continue  # as if it had not been seen: it is asked for
        if run.id == run_id:
            runs[run_id] = run
    return runs


def may_pass(error: ArizeError) -> bool:
    """Whether a look that failed like this says nothing of the run, so that the wait goes on.

    :param error: what the look met. One refusal (401, 403, 404) may be a gateway's or a key being changed; three are
        the trigger's to find.
    """
    if isinstance(error, ArizeApiError) and error.status in REFUSALS:
        return True
    return error.retryable or isinstance(error, ArizeReplyError)


def wait_here(
    look: Callable[[str], TaskRun],
    run_ids: Sequence[str],
    *,
    poll_interval: float,
    deadline: float,
    killed: Callable[[], bool],
    on_change: Callable[[TaskRun], None],
    patience: Patience = PATIENCE,
) -> WaitEvent:
    """Wait in this process until all runs have ended, on the trigger's own schedule and with its tolerance.

    :param look: reads one run, once, without retries of its own.
    :param run_ids: what to wait for.
    :param poll_interval: seconds between looks that the wait reaches in the end.
    :param deadline: when the wait ends, in epoch seconds.
    :param killed: whether the task has been killed meanwhile; ends the wait at once.
    :param on_change: told of each run whose status has changed.
    :param patience: how long the waits are after a look that failed.
    :return: how the wait ended, as the trigger would tell it.
    """
    begun = time.monotonic()
    seen: dict[str, TaskRun] = {}
    failures = Failures()
    pause = first_look(poll_interval)
    while True:
        _sleep(min(pause, max(0.0, deadline - time.time())), killed)
        try:
            _look(look, run_ids, seen, on_change)
            failures = Failures()
        except ArizeError as error:
            failures = failures.after(error)
        end = _end(run_ids, seen, failures, killed=killed(), is_late=time.time() >= deadline)
        if end is not None:
            return replace(end, runs=seen)
        spread = random.random()  # noqa: S311 - jitter
        pause = next_look(time.monotonic() - begun, poll_interval, spread)
        if failures != Failures():
            pause = failures.wait(pause, poll_interval, spread, patience=patience)


def _end(
    run_ids: Sequence[str], seen: Mapping[str, TaskRun], failures: Failures, *, killed: bool, is_late: bool
) -> WaitEvent | None:
    if len(seen) == len(run_ids) and all(run.status.is_terminal for run in seen.values()):
        return WaitEvent(status="done")
    if failures.end_the_wait:
        return WaitEvent(status="error", message=failures.describe(), error=failures.to_dict())
    if killed:
        return WaitEvent(status="error", message="the task was killed")
    return WaitEvent(status="timeout", message="the deadline passed") if is_late else None


def _look(
    look: Callable[[str], TaskRun],
    run_ids: Sequence[str],
    seen: dict[str, TaskRun],
    on_change: Callable[[TaskRun], None],
) -> None:
    for run_id in run_ids:
        before = seen.get(run_id)
        if before is not None and before.status.is_terminal:
            continue
        run = look(run_id)
        if before is None or before.status_text != run.status_text:
            on_change(run)
        seen[run_id] = run


def _sleep(seconds: float, killed: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not killed():
        time.sleep(min(left, _NAP))
