"""What both trigger operators are given, how they wait for their runs, and what they make of the end of a wait."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.exceptions import ArizePermanentError, ArizeRunTimeoutError, ArizeWaitError
from airflow_provider_arize_tasks.runs.cancel import KillSwitch, cancel_run
from airflow_provider_arize_tasks.runs.identity import ReuseRun
from airflow_provider_arize_tasks.runs.progress import put_aside
from airflow_provider_arize_tasks.runs.timing import PATIENCE, Patience

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import XComArg

    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.operators.session import RunSession
    from airflow_provider_arize_tasks.runs.progress import Progress
    from airflow_provider_arize_tasks.runs.waiting import WaitEvent

_DAY = 86_400.0
#: The wait ends this long before ``execution_timeout``, so that there is time to cancel and to say what happened.
_BEFORE_EXECUTION_TIMEOUT = 5.0
#: The same for a deferred task. Airflow 2 counts the time it was deferred, and after ``execution_timeout`` a resume
#: fails without a call of the task: so there has to be time to be scheduled and started once more.
_BEFORE_EXECUTION_TIMEOUT_DEFERRED = 60.0
#: So many waits in a row that the triggerer gives up since its looks are refused, while the worker's are answered.
_MAX_REFUSED_WAITS = 3


class WaitingForRuns(BaseOperator):
    """Waits for the runs of a task instance, deferred or not; the two operators say what the arguments mean."""

    task: str | Mapping[str, Any] | XComArg
    space: str | None
    wait_for_completion: bool
    deferrable: bool
    poll_interval: timedelta | float | str
    timeout: timedelta | float | str
    cancel_on_kill: bool
    cancel_on_timeout: bool
    reuse_run: str
    max_error_rate: float | str | None
    min_successes: int | str | None
    arize_conn_id: str

    shared_template_fields: ClassVar[tuple[str, ...]] = (
        "task",
        "space",
        "poll_interval",
        "timeout",
        "reuse_run",
        "max_error_rate",
        "min_successes",
        "arize_conn_id",
    )
    #: How long an attempt waits for what it can't see yet.
    patience: ClassVar[Patience] = PATIENCE

    # -- the arguments -------------------------------------------------------------------------------------------

    def _check(self, check: Checker) -> None:
        """Read every argument once, noting what is wrong."""
        check.read("task", self.task, args.reference, "")
        check.read("poll_interval", self.poll_interval, args.seconds, 30.0)
        check.read("timeout", self.timeout, args.seconds, _DAY)
        check.choice("reuse_run", self.reuse_run, ReuseRun, ReuseRun.OWN)
        check.read("max_error_rate", self.max_error_rate, args.optional(args.rate), None)
        check.read("min_successes", self.min_successes, args.optional(args.whole), None)

    def _refuse_mistakes(self, *, rendered: bool) -> None:
        """Fail for all that is wrong: while the DAG is parsed for what no template can mend, then once more."""
        check = Checker(rendered=rendered)
        self._check(check)
        check.raise_if_any(f"{type(self).__name__} {self.task_id!r}")

    @cached_property
    def _poll_interval(self) -> float:
        return args.seconds(self.poll_interval)

    @cached_property
    def _timeout(self) -> float:
        return args.seconds(self.timeout)

    def _execution_deadline(self) -> float | None:
        if self.execution_timeout is None:
            return None
        whole = float(self.execution_timeout.total_seconds())
        reserve = _BEFORE_EXECUTION_TIMEOUT_DEFERRED if self.deferrable else _BEFORE_EXECUTION_TIMEOUT
        return time.time() + max(whole - reserve, whole / 2)

    @cached_property
    def _kill(self) -> KillSwitch:
        return KillSwitch(cancels=self.cancel_on_kill)

    # -- waiting -------------------------------------------------------------------------------------------------

    @abstractmethod
    def _judge(self, session: RunSession, progress: Progress, runs: list[TaskRun]) -> Progress:
        """Judge runs that have ended."""

    def _wait(self, session: RunSession, progress: Progress) -> Progress:
        from airflow_provider_arize_tasks.runs.waiting import wait_here

        if self.deferrable:
            self._defer(put_aside(progress, session))
        wait = wait_here(
            session.look,
            progress.run_ids,
            poll_interval=self._poll_interval,
            deadline=progress.deadline,
            killed=lambda: self._kill.killed,
            on_change=lambda run: self.log.info("Run %s is %s", run.id, run.status_text or run.status.value),
            patience=self.patience,
        )
        session.stop_if_killed()
        return self._after_wait(session, progress, wait)

    def _defer(self, progress: Progress) -> None:
        from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger

        self.log.info(
            "Waiting for run(s) %s in the triggerer, until %s at the latest",
            ", ".join(progress.run_ids),
            time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(progress.deadline)),
        )
        self.defer(
            trigger=ArizeTaskRunTrigger(
                run_ids=progress.run_ids,
                task_ids=[active.request.task_id for active in progress.active],
                arize_conn_id=self.arize_conn_id,
                poll_interval=self._poll_interval,
                deadline=progress.deadline,
                cancel_on_kill=self.cancel_on_kill and progress.owned,
                state=progress.to_dict(),
            ),
            method_name="execute_complete",
            # A backstop only: it would skip execute_complete, so nothing would be cancelled or explained.
            timeout=timedelta(seconds=max(0.0, progress.deadline - time.time()) + _DAY),
        )

    # -- after a wait --------------------------------------------------------------------------------------------

    def _after_wait(self, session: RunSession, progress: Progress, wait: WaitEvent) -> Progress:
        """Judge runs that ended; ask for what the wait didn't see; give up at the deadline; else wait on.

        One for all waits, in the worker and in the triggerer.
        """
        ended = wait.ended(progress.run_ids)
        if ended is not None:
            return self._judge(session, progress, ended)
        # The triggerer's clock may be ahead of ours: its word that the time is up is as good as our own.
        is_late = wait.status == "timeout" or time.time() >= progress.deadline
        session.arm()
        try:
            runs = [
                wait.runs[each] if _has_ended(wait, each) else session.hook.get_run(each) for each in progress.run_ids
            ]
        except ArizeError as error:
            return self._after_failed_look(session, progress, wait, error, is_late=is_late)
        if all(run.status.is_terminal for run in runs):
            return self._judge(session, progress, runs)
        if is_late:
            return self._judge(session, progress, self._give_up(session, progress, runs))
        if wait.is_refused and self.deferrable:
            progress = self._after_refused_wait(session, progress, wait)
        still = ", ".join(run.id for run in runs if not run.status.is_terminal)
        self.log.info("Run(s) %s are still going%s; waiting on", still, f" ({wait.message})" if wait.message else "")
        return progress

    def _after_failed_look(
        self, session: RunSession, progress: Progress, wait: WaitEvent, error: ArizeError, *, is_late: bool
    ) -> Progress:
        """The runs can't be read: no verdict. Before the deadline the wait goes on where it would in the triggerer."""
        from airflow_provider_arize_tasks.runs.waiting import may_pass

        if is_late:
            return self._judge(session, progress, self._give_up(session, progress, [], unread=error))
        ids = ", ".join(progress.run_ids)
        if wait.status != "error" and may_pass(error):
            self.log.warning("Reading run(s) %s failed (%s); waiting on", ids, error)
            return progress
        text = (
            f"the wait for run(s) {ids} broke off: {wait.message or error}; then reading them failed: {error}. They "
            "were left alone and may still be going; the next attempt, if there is one, adopts them"
        )
        if may_pass(error) and not wait.is_refused:
            raise ArizeWaitError(text) from error
        raise ArizePermanentError(text) from error

    def _after_refused_wait(self, session: RunSession, progress: Progress, wait: WaitEvent) -> Progress:
        """The triggerer is refused what the worker gets: told at once rather than resumed again and again."""
        refused = progress.refused + 1
        if not wait.lacks_connection and refused < _MAX_REFUSED_WAITS:
            return replace(progress, refused=refused)
        for active in progress.active:
            if active.owned:
                session.cancel_quietly(active.run_id)
        where = (
            f"the triggerer can't use connection {self.arize_conn_id!r}, which this worker can"
            if wait.lacks_connection
            else "the triggerer's looks are refused while this worker's are answered"
        )
        raise ArizePermanentError(
            f"{where} ({wait.message}). Define the connection where the triggerer finds it as well (Airflow's "
            "database, a secrets backend, or an environment variable of the triggerer), or set deferrable=False. "
            f"Run(s) {', '.join(progress.run_ids)} that this task started were cancelled, as nobody would wait for them"
        )

    def _give_up(
        self, session: RunSession, progress: Progress, runs: list[TaskRun], *, unread: ArizeError | None = None
    ) -> list[TaskRun]:
        """The deadline passed: cancel what goes on, or leave it. A run that ended just now is judged after all.

        :param unread: why the runs could not be read; they are cancelled all the same.
        """
        session.count("timeout")
        known = {run.id: run for run in runs}
        still = [each for each in progress.run_ids if each not in known or not known[each].status.is_terminal]
        names = ", ".join(f"{each} ({_status_of(known.get(each))})" for each in still)
        late = f"the deadline passed (timeout={self.timeout}, execution_timeout={self.execution_timeout})"
        if unread is not None:
            late = f"{late}, and reading failed: {unread}"
        if not (self.cancel_on_timeout and progress.owned):
            why = "another task instance started them" if self.cancel_on_timeout else "cancel_on_timeout is off"
            raise ArizeRunTimeoutError(
                f"{late} and run(s) {names} have not ended. They go on, as {why}; the next attempt adopts them for "
                f"one look.{self._twins_at_deadline(session, progress)}"
            )
        try:
            ended = {each: cancel_run(session.hook, each) for each in still}
        except ArizeError as error:
            raise ArizeRunTimeoutError(
                f"{late} and run(s) {names} have not ended. Cancelling failed ({error}), so they may still be going; "
                "the next attempt adopts them for one look and cancels them"
            ) from error
        if any(run.status.value == "CANCELLED" or not run.status.is_terminal for run in ended.values()):
            also = self._twins_at_deadline(session, progress)
            fate = ", ".join(f"{run.id} is {run.status.value} now" for run in ended.values())
            raise ArizeRunTimeoutError(
                f"{late}. Run(s) {names} were cancelled: {fate}.{also} The next attempt triggers anew"
            )
        return [ended.get(each) or known[each] for each in progress.run_ids]

    def _twins_at_deadline(self, session: RunSession, progress: Progress) -> str:
        """Nobody waits for the twins of a run whose deadline has passed: end them, and say so in a sentence."""
        try:
            twins = self._reconcile(session, progress).twins
        except ArizeWaitError as error:
            return f" And {error}."
        return f" Twins cancelled: {', '.join(twins.cancelled)}." if twins.cancelled else ""

    def _reconcile(self, session: RunSession, progress: Progress) -> Progress:
        """Look for runs that a trigger without a clear answer has started after all."""
        looked_at = []
        for active in progress.active:
            try:
                twins = session.reconcile(active)
            except ArizeError as error:
                raise ArizeWaitError(
                    f"whether a trigger whose answer was lost has started another run beside {active.run_id} could not "
                    f"be found out: {error}. The next attempt looks at that run and for another again"
                ) from error
            if twins is not None and active.record is not None:
                progress = replace(progress, twins=progress.twins + twins)
                active = replace(active, record=active.record.having_found(twins))
            looked_at.append(active)
        return replace(progress, active=tuple(looked_at))


def _has_ended(wait: WaitEvent, run_id: str) -> bool:
    run = wait.runs.get(run_id)
    return run is not None and run.status.is_terminal


def _status_of(run: TaskRun | None) -> str:
    return "not readable" if run is None else run.status_text or run.status.value
