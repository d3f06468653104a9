"""What both trigger operators share: start runs exactly once, wait deferred or not, judge, hand over the result."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.exceptions import (
    ArizeGateError,
    ArizeRunCancelledError,
    ArizeRunError,
    ArizeRunFailedError,
    ArizeRunTimeoutError,
    ArizeWaitError,
    failing_for_good,
    over_a_proven_connection,
)
from airflow_provider_arize_tasks.links.arize import (
    ArizeExperimentLink,
    ArizeTaskLink,
    ArizeTaskRunLink,
    keep_links_as_pushed,
)
from airflow_provider_arize_tasks.operators.run_arguments import RunArguments
from airflow_provider_arize_tasks.runs.progress import Done, Ending, Going, Progress, combined_result, run_result
from airflow_provider_arize_tasks.runs.verdict import OnNoData, Outcome, RunPolicy, Verdict, judge_run
from airflow_provider_arize_tasks.runs.waiting import WaitEvent, wait_here

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.client.config import ClientConfig
    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.operators.session import RunSession
    from airflow_provider_arize_tasks.runs.requests import Slot

_DAY = 86_400.0


class TriggerRunOperator(RunArguments):
    """Base of the two trigger operators; see there for the arguments."""

    operator_extra_links = (ArizeTaskLink(), ArizeTaskRunLink(), ArizeExperimentLink())
    ui_color = "#e8e4fb"
    #: What the metrics call the runs of this operator.
    kind: ClassVar[str] = "evaluation"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._going: tuple[str, ...] = ()
        self._killed = False
        self._result: dict[str, Any] | None = None
        self._lineage: tuple[str, Slot] | None = None
        #: Where ``on_kill`` finds the server; set once an attempt is at work.
        self.config_for_kill: ClientConfig | None = None

    # -- what the two operators differ in ------------------------------------------------------------------------

    @abstractmethod
    def _first_slots(self, session: RunSession) -> tuple[Slot, ...]:
        """The runs this task instance wants, from its arguments and its DAG run."""

    @abstractmethod
    def trigger_arguments(self, slot: Slot) -> dict[str, Any]:
        """Arguments of ``ArizeHook.trigger_run`` for a slot, but for its task and an experiment's name."""

    @abstractmethod
    def _policy(self, slot: Slot) -> RunPolicy:
        """How a slot's run is judged."""

    @abstractmethod
    def _gate(self, done: Sequence[Done]) -> Verdict:
        """The verdict on all runs together, by their counts."""

    def _following(self, session: RunSession, slot: Slot, run: TaskRun, verdict: Verdict) -> tuple[Slot, ...]:
        """Slots that follow from one that is done."""
        return ()

    def _no_data(self) -> OnNoData:
        return OnNoData.FAIL

    def _combine(self, session: RunSession, done: Sequence[Done]) -> dict[str, Any] | None:
        """The result from all that was done; ``None`` if there was no run at all."""
        return combined_result(done)

    # -- the course of an attempt --------------------------------------------------------------------------------

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Start the runs (or take over those of an earlier attempt) and wait for them.

        :return: the run as JSON; see the class.
        """
        from airflow_provider_arize_tasks.operators.session import RunSession

        with failing_for_good():
            self._settings.raise_if_any(f"{type(self).__name__} {self.task_id!r}")
            keep_links_as_pushed(self, context)
            with RunSession(self, context) as session:
                slots = self._first_slots(session)
                session.end_leftovers(slots)
                progress = Progress(todo=slots, execution_deadline=self._execution_deadline())
                with over_a_proven_connection():  # the slots' task was read
                    return self._go_on(session, progress)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Go on after a wait in the triggerer: read the runs again, judge them, start what follows.

        :param event: of :class:`ArizeTaskRunTrigger`. Only a hint: what counts is what the server says now.
        """
        from airflow_provider_arize_tasks.operators.session import RunSession

        with failing_for_good(), over_a_proven_connection():
            self._settings.raise_if_any(f"{type(self).__name__} {self.task_id!r}")
            keep_links_as_pushed(self, context)
            wait = WaitEvent.read(event)
            with RunSession(self, context) as session:
                progress = Progress.from_dict(wait.state)
                if not progress.going:
                    raise ArizeWaitError(
                        "the trigger came back without what it was given to carry; nothing is assumed about the run. "
                        "The next attempt takes it over"
                    )
                if any(progress.scope or ()):  # else it could not be looked up before the wait
                    session.linker.scope = progress.scope
                self._going = tuple(going.run_id for going in progress.going if going.ours)
                runs = self._read_again(session, progress, wait)
                return self._go_on(session, self._after_wait(session, progress, runs, wait))

    def _go_on(self, session: RunSession, progress: Progress) -> dict[str, Any] | None:
        while progress.todo or progress.going:
            if not progress.going:
                progress = self._start(session, progress)
            if progress.going:
                progress = self._wait(session, progress)
        return self._finish(session, progress)

    def _start(self, session: RunSession, progress: Progress) -> Progress:
        """Start the next stage; what is over already (taken over from an earlier attempt) is judged at once."""
        going: list[Going] = []
        refused: list[Slot] = []
        runs: list[TaskRun] = []
        for slot in progress.next_stage():
            try:
                with over_a_proven_connection():
                    started = session.start(slot)
            except ArizeError as error:
                self._abandon_stage(session, going, error)
                raise
            if started is None:
                refused.append(slot)
                continue
            if started.ours:
                self.remember_going(started.run.id)
            self.stop_if_killed(session)
            deadline = session.deadline_of(started, self._timeout, progress.execution_deadline)
            going.append(Going(slot=slot, run_id=started.run.id, deadline=deadline, ours=started.ours))
            runs.append(started.run)
        progress = replace(progress.started(going, refused), scope=session.linker.scope)
        if not self.wait_for_completion:
            done = [
                Done(slot=each.slot, ending=Ending.STARTED, run=run_result(run))
                for each, run in zip(going, runs, strict=True)
            ]
            return progress.judged(done)
        if runs and all(run.status.is_terminal for run in runs):
            return self._judge(session, progress, runs)
        return progress

    def _abandon_stage(self, session: RunSession, going: Sequence[Going], error: ArizeError) -> None:
        """One of several runs can't be started for good: end the others, for nobody will wait for them."""
        if error.retryable or not self.wait_for_completion:
            return
        for each in going:
            if each.ours:
                session.cancel_quietly(each.run_id)

    def _wait(self, session: RunSession, progress: Progress) -> Progress:
        if self.deferrable:
            self._defer(progress)
        run_ids = [going.run_id for going in progress.going]
        status, message = wait_here(
            session.hook,
            run_ids,
            poll_interval=self._poll_interval,
            deadline=max(going.deadline for going in progress.going),
            killed=lambda: self._killed,
            on_change=lambda run: self.log.info("Run %s is %s", run.id, run.status_text or run.status.value),
        )
        self.stop_if_killed(session)
        wait = WaitEvent(status=status, message=message, state={})
        return self._after_wait(session, progress, self._read_again(session, progress, wait), wait)

    def _defer(self, progress: Progress) -> None:
        from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger

        deadline = max(going.deadline for going in progress.going)
        run_ids = [going.run_id for going in progress.going]
        self.log.info(
            "Waiting for run(s) %s in the triggerer, until %s at the latest",
            ", ".join(run_ids),
            time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(deadline)),
        )
        self.defer(
            trigger=ArizeTaskRunTrigger(
                run_ids=run_ids,
                task_ids=[going.slot.task_id for going in progress.going],
                arize_conn_id=self.arize_conn_id,
                poll_interval=self._poll_interval,
                deadline=deadline,
                cancel_on_kill=self.cancel_on_kill and all(going.ours for going in progress.going),
                state=progress.to_dict(),
            ),
            method_name="execute_complete",
            # A backstop only: it would skip execute_complete, so nothing would be cancelled or explained.
            timeout=timedelta(seconds=max(0.0, deadline - time.time()) + _DAY),
        )

    # -- after a wait --------------------------------------------------------------------------------------------

    def _read_again(self, session: RunSession, progress: Progress, wait: WaitEvent) -> list[TaskRun]:
        try:
            return [session.read(going.run_id) for going in progress.going]
        except ArizeRunError:
            raise
        except Exception as error:  # whatever it is goes up; here it is only told what became of the runs
            ids = ", ".join(going.run_id for going in progress.going)
            before = f"{wait.message}; then " if wait.message else ""
            self.log.error(  # noqa: TRY400 - the error itself goes up and is logged by Airflow
                "%sreading run(s) %s again failed: %s. They were left alone and may still be going; the next attempt, "
                "if there is one, takes them over",
                before,
                ids,
                error,
            )
            raise

    def _after_wait(self, session: RunSession, progress: Progress, runs: list[TaskRun], wait: WaitEvent) -> Progress:
        if all(run.status.is_terminal for run in runs):
            return self._judge(session, progress, runs)
        # The triggerer's clock may be ahead of ours: its word that the time is up is as good as our own.
        if wait.status == "timeout" or time.time() >= max(going.deadline for going in progress.going):
            return self._judge(session, progress, self._give_up(session, progress, runs))
        if wait.status == "error" and not self.deferrable:
            raise ArizeWaitError(
                f"the wait for run(s) {', '.join(run.id for run in runs)} broke off: {wait.message}. They are still "
                "going; the next attempt takes them over"
            )
        # The event was wrong, or the server can be reached again: wait on.
        self.log.info("Run(s) %s are still going%s; waiting on", *_still(runs, wait))
        return progress

    def _give_up(self, session: RunSession, progress: Progress, runs: list[TaskRun]) -> list[TaskRun]:
        """The deadline passed: cancel what goes on, or leave it. A run that ended just now is judged after all."""
        session.count("timeout")
        still = [run for run in runs if not run.status.is_terminal]
        names = ", ".join(f"{run.id} ({run.status_text or run.status.value})" for run in still)
        late = f"the deadline passed (timeout={self.timeout}, execution_timeout={self.execution_timeout})"
        ours = all(going.ours for going in progress.going)
        if not (self.cancel_on_timeout and ours):
            why = "another task instance started them" if self.cancel_on_timeout else "cancel_on_timeout is off"
            raise ArizeRunTimeoutError(
                f"{late} and run(s) {names} have not ended. They go on, as {why}; the next attempt takes them over for "
                "one look"
            )
        try:
            ended = {run.id: session.cancel(run.id) for run in still}
        except ArizeError as error:
            raise ArizeRunTimeoutError(
                f"{late} and run(s) {names} have not ended. Cancelling failed ({error}), so they may still be going; "
                "the next attempt takes them over for one look and cancels them"
            ) from error
        if any(run.status.value == "CANCELLED" or not run.status.is_terminal for run in ended.values()):
            fate = ", ".join(f"{run.id} is {run.status.value} now" for run in ended.values())
            raise ArizeRunTimeoutError(f"{late}. Run(s) {names} were cancelled: {fate}. The next attempt triggers anew")
        return [ended.get(run.id, run) for run in runs]

    def _judge(self, session: RunSession, progress: Progress, runs: list[TaskRun]) -> Progress:
        """Judge runs that have ended, in the order of ``progress.going``."""
        done: list[Done] = []
        follow: list[Slot] = []
        for going, run in zip(progress.going, runs, strict=True):
            verdict = judge_run(run, self._policy(going.slot))
            session.record(run)
            self._push_later_links(session, going.slot, run)
            for warning in verdict.warnings:
                self.log.warning("%s: %s", going.slot, warning)
            self._raise_if_bad(going.slot, run, verdict)
            self.log.info("%s: %s", going.slot, verdict.reason)
            done.append(Done(slot=going.slot, ending=_ENDINGS[verdict.outcome], run=run_result(run)))
            follow.extend(self._following(session, going.slot, run, verdict))
        self._going = ()
        return progress.judged(done, follow)

    def _push_later_links(self, session: RunSession, slot: Slot, run: TaskRun) -> None:
        """Push links that could not be known when the run was triggered. None, unless a subclass says so."""

    def _raise_if_bad(self, slot: Slot, run: TaskRun, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.FAIL_FOR_GOOD:
            raise ArizeGateError(f"{slot}: {verdict.reason}. Not retried: a retry would find everything labelled")
        if verdict.outcome is Outcome.FAIL:
            kind = ArizeRunCancelledError if run.status.value == "CANCELLED" else ArizeRunFailedError
            raise kind(f"{slot}: {verdict.reason}. The next attempt, if there is one, triggers a new run")

    def _finish(self, session: RunSession, progress: Progress) -> dict[str, Any] | None:
        done = progress.done
        result = self._combine(session, done)
        self._result = result
        if done:
            self._lineage = (session.hook.config.base_url, done[0].slot)
        if result is None:
            self._finish_without_data(done)
            return None
        if self.wait_for_completion:
            verdict = self._gate(done)
            if verdict.outcome is Outcome.FAIL_FOR_GOOD:
                raise ArizeGateError(f"{verdict.reason}. Not retried: a retry would find everything labelled")
        session.publish(result)
        if all(each.ending in (Ending.SKIPPED, Ending.NO_DATA) for each in done):
            raise AirflowSkipException("All data was labelled already (on_already_evaluated='skip')")
        return result

    def _finish_without_data(self, done: Sequence[Done]) -> None:
        slots = ", ".join(str(each.slot) for each in done)
        message = f"Arize found no data for {slots}; no run was started"
        policy = self._no_data()
        if policy is OnNoData.SKIP:
            raise AirflowSkipException(f"{message} (on_no_data='skip')")
        if policy is OnNoData.FAIL:
            raise ArizeRunError(f"{message} (on_no_data='fail'). The next attempt, if there is one, asks again")
        self.log.warning("%s (on_no_data='succeed')", message)

    # -- kill ----------------------------------------------------------------------------------------------------

    def on_kill(self) -> None:
        """Cancel the remote runs when the worker is told to stop this task. Bounded in time; never raises.

        Airflow calls this on SIGTERM and when ``execution_timeout`` strikes; on Airflow 3 the process then goes on for
        a few seconds, so a trigger that is being answered right now is cancelled when its answer is in.
        """
        from airflow_provider_arize_tasks.operators.session import cancel_on_kill

        self._killed = True
        if not self._going:
            return
        if not self.cancel_on_kill:
            self.log.info("Killed; cancel_on_kill is off, so run(s) %s go on", ", ".join(self._going))
            return
        cancel_on_kill(self.config_for_kill, self._going, self.log)

    def remember_going(self, run_id: str) -> None:
        """From here on ``on_kill`` cancels this run, whatever else is still to be written down about it."""
        if run_id not in self._going:
            self._going = (*self._going, run_id)

    def stop_if_killed(self, session: RunSession) -> None:
        """Go no further once ``on_kill`` was called.

        :raises ArizeRunError: it was.
        """
        if not self._killed:
            return
        ids = ", ".join(self._going)
        if not self._going:
            raise ArizeWaitError("the task was killed; nothing more was triggered")
        if self.cancel_on_kill:
            try:
                for run_id in self._going:
                    session.cancel(run_id)
            except ArizeError as error:
                raise ArizeWaitError(
                    f"the task was killed, but run(s) {ids} could not be cancelled ({error}) and may still be going; "
                    "the next attempt takes them over"
                ) from error
            raise ArizeRunCancelledError(f"the task was killed; run(s) {ids} were cancelled")
        raise ArizeWaitError(f"the task was killed; cancel_on_kill is off, so run(s) {ids} go on")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Dataset or project in, experiment or labels out, for Airflow's OpenLineage listener."""
        from airflow_provider_arize_tasks.operators.session import lineage_of

        base_url, slot = self._lineage or (None, None)
        return lineage_of(base_url, slot, self._result)


def _still(runs: list[TaskRun], wait: WaitEvent) -> tuple[str, str]:
    ids = ", ".join(run.id for run in runs if not run.status.is_terminal)
    return ids, f" ({wait.message})" if wait.message else ""


_ENDINGS = {
    Outcome.SUCCEED: Ending.SUCCEEDED,
    Outcome.SKIP: Ending.SKIPPED,
    Outcome.SPLIT: Ending.SPLIT,
}
