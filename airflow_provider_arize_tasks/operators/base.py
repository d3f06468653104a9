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
from airflow_provider_arize_tasks.links.record import telling_reason
from airflow_provider_arize_tasks.operators.run_arguments import RunArguments
from airflow_provider_arize_tasks.runs.progress import (
    ActiveRun,
    FinishedRun,
    Progress,
    RequestState,
    combined_result,
    run_result,
)
from airflow_provider_arize_tasks.runs.verdict import OnNoData, Outcome, RunPolicy, Verdict, judge_run
from airflow_provider_arize_tasks.runs.waiting import WaitEvent, wait_here

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.client.config import ClientConfig
    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.operators.session import RunSession
    from airflow_provider_arize_tasks.runs.requests import RunRequest

_DAY = 86_400.0


class TriggerRunOperator(RunArguments):
    """Base of the two trigger operators; see there for the arguments."""

    operator_extra_links = (ArizeTaskLink(), ArizeTaskRunLink(), ArizeExperimentLink())
    ui_color = "#e8e4fb"
    #: What the metrics call the runs of this operator.
    kind: ClassVar[str] = "evaluation"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._active_ids: tuple[str, ...] = ()
        self._killed = False
        self._result: dict[str, Any] | None = None
        self._lineage: tuple[str, RunRequest] | None = None
        #: Where ``on_kill`` finds the server; set once an attempt is at work.
        self.config_for_kill: ClientConfig | None = None

    # -- what the two operators differ in ------------------------------------------------------------------------

    @abstractmethod
    def _first_requests(self, session: RunSession) -> tuple[RunRequest, ...]:
        """The runs this task instance wants, from its arguments and its DAG run."""

    @abstractmethod
    def trigger_arguments(self, request: RunRequest) -> dict[str, Any]:
        """Arguments of ``ArizeHook.trigger_run`` for a request, but for its task and an experiment's name."""

    @abstractmethod
    def _policy(self, request: RunRequest) -> RunPolicy:
        """How a request's run is judged."""

    @abstractmethod
    def _gate(self, finished: Sequence[FinishedRun]) -> Verdict:
        """The verdict on all runs together, by their counts."""

    def _following(
        self, session: RunSession, request: RunRequest, run: TaskRun, verdict: Verdict
    ) -> tuple[RunRequest, ...]:
        """Requests that follow from one that is done."""
        return ()

    def _no_data(self) -> OnNoData:
        return OnNoData.FAIL

    def _combine(self, session: RunSession, finished: Sequence[FinishedRun]) -> dict[str, Any] | None:
        """The result from all that was done; ``None`` if there was no run at all."""
        return combined_result(finished)

    # -- the course of an attempt --------------------------------------------------------------------------------

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Start the runs (or take over those of an earlier attempt) and wait for them.

        :return: the run as JSON; see the class.
        """
        from airflow_provider_arize_tasks.operators.session import RunSession

        with failing_for_good(), telling_reason(context):
            self._settings.raise_if_any(f"{type(self).__name__} {self.task_id!r}")
            keep_links_as_pushed(self, context)
            with RunSession(self, context) as session:
                requests = self._first_requests(session)
                session.cancel_leftovers(requests)
                progress = Progress(todo=requests, execution_deadline=self._execution_deadline())
                with over_a_proven_connection():  # the requests' task was read
                    return self._go_on(session, progress)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Go on after a wait in the triggerer: read the runs again, judge them, start what follows.

        :param event: of :class:`ArizeTaskRunTrigger`. Only a hint: what counts is what the server says now.
        """
        from airflow_provider_arize_tasks.operators.session import RunSession

        with failing_for_good(), telling_reason(context), over_a_proven_connection():
            self._settings.raise_if_any(f"{type(self).__name__} {self.task_id!r}")
            keep_links_as_pushed(self, context)
            wait = WaitEvent.read(event)
            with RunSession(self, context) as session:
                progress = Progress.from_dict(wait.state)
                if not progress.active:
                    raise ArizeWaitError(
                        "the trigger came back without what it was given to carry; nothing is assumed about the run. "
                        "The next attempt takes it over"
                    )
                if any(progress.scope or ()):  # else it could not be looked up before the wait
                    session.linker.scope = progress.scope
                self._active_ids = tuple(active.run_id for active in progress.active if active.owned)
                runs = self._read_again(session, progress, wait)
                return self._go_on(session, self._after_wait(session, progress, runs, wait))

    def _go_on(self, session: RunSession, progress: Progress) -> dict[str, Any] | None:
        while progress.todo or progress.active:
            if not progress.active:
                progress = self._start(session, progress)
            if progress.active:
                progress = self._wait(session, progress)
        return self._finish(session, progress)

    def _start(self, session: RunSession, progress: Progress) -> Progress:
        """Start the next stage; what is over already (taken over from an earlier attempt) is judged at once."""
        active: list[ActiveRun] = []
        refused: list[RunRequest] = []
        runs: list[TaskRun] = []
        for request in progress.next_stage():
            try:
                with over_a_proven_connection():
                    started = session.start(request)
            except ArizeError as error:
                self._abandon_stage(session, active, error)
                raise
            if started is None:
                refused.append(request)
                continue
            if started.owned:
                self.remember_active(started.run.id)
            self.stop_if_killed(session)
            deadline = session.deadline_of(started, self._timeout, progress.execution_deadline)
            active.append(ActiveRun(request=request, run_id=started.run.id, deadline=deadline, owned=started.owned))
            runs.append(started.run)
        progress = replace(progress.started(active, refused), scope=session.linker.scope)
        if not self.wait_for_completion:
            finished = [
                FinishedRun(request=each.request, state=RequestState.STARTED, run=run_result(run))
                for each, run in zip(active, runs, strict=True)
            ]
            return progress.judged(finished)
        if runs and all(run.status.is_terminal for run in runs):
            return self._judge(session, progress, runs)
        return progress

    def _abandon_stage(self, session: RunSession, active: Sequence[ActiveRun], error: ArizeError) -> None:
        """One of several runs can't be started for good: end the others, for nobody will wait for them."""
        if error.retryable or not self.wait_for_completion:
            return
        for each in active:
            if each.owned:
                session.cancel_quietly(each.run_id)

    def _wait(self, session: RunSession, progress: Progress) -> Progress:
        if self.deferrable:
            self._defer(progress)
        run_ids = [active.run_id for active in progress.active]
        status, message = wait_here(
            session.look,
            run_ids,
            poll_interval=self._poll_interval,
            deadline=max(active.deadline for active in progress.active),
            killed=lambda: self._killed,
            on_change=lambda run: self.log.info("Run %s is %s", run.id, run.status_text or run.status.value),
        )
        self.stop_if_killed(session)
        wait = WaitEvent(status=status, message=message, state={})
        return self._after_wait(session, progress, self._read_again(session, progress, wait), wait)

    def _defer(self, progress: Progress) -> None:
        from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger

        deadline = max(active.deadline for active in progress.active)
        run_ids = [active.run_id for active in progress.active]
        self.log.info(
            "Waiting for run(s) %s in the triggerer, until %s at the latest",
            ", ".join(run_ids),
            time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(deadline)),
        )
        self.defer(
            trigger=ArizeTaskRunTrigger(
                run_ids=run_ids,
                task_ids=[active.request.task_id for active in progress.active],
                arize_conn_id=self.arize_conn_id,
                poll_interval=self._poll_interval,
                deadline=deadline,
                cancel_on_kill=self.cancel_on_kill and all(active.owned for active in progress.active),
                state=progress.to_dict(),
            ),
            method_name="execute_complete",
            # A backstop only: it would skip execute_complete, so nothing would be cancelled or explained.
            timeout=timedelta(seconds=max(0.0, deadline - time.time()) + _DAY),
        )

    # -- after a wait --------------------------------------------------------------------------------------------

    def _read_again(self, session: RunSession, progress: Progress, wait: WaitEvent) -> list[TaskRun]:
        try:
            return [session.read(active.run_id) for active in progress.active]
        except ArizeRunError:
            raise
        except Exception as error:  # whatever it is goes up; here it is only told what became of the runs
            ids = ", ".join(active.run_id for active in progress.active)
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
        if wait.status == "timeout" or time.time() >= max(active.deadline for active in progress.active):
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
        owned = all(active.owned for active in progress.active)
        if not (self.cancel_on_timeout and owned):
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
        finished: list[FinishedRun] = []
        follow: list[RunRequest] = []
        for active, run in zip(progress.active, runs, strict=True):
            verdict = judge_run(run, self._policy(active.request))
            session.record(run)
            self._push_later_links(session, active.request, run)
            for warning in verdict.warnings:
                self.log.warning("%s: %s", active.request, warning)
            self._raise_if_bad(active.request, run, verdict)
            self.log.info("%s: %s", active.request, verdict.reason)
            finished.append(FinishedRun(request=active.request, state=_STATES[verdict.outcome], run=run_result(run)))
            follow.extend(self._following(session, active.request, run, verdict))
        self._active_ids = ()
        return progress.judged(finished, follow)

    def _push_later_links(self, session: RunSession, request: RunRequest, run: TaskRun) -> None:
        """Push links that could not be known when the run was triggered. None, unless a subclass says so."""

    def _raise_if_bad(self, request: RunRequest, run: TaskRun, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.FAIL_FOR_GOOD:
            raise ArizeGateError(f"{request}: {verdict.reason}. Not retried: a retry would find everything labelled")
        if verdict.outcome is Outcome.FAIL:
            kind = ArizeRunCancelledError if run.status.value == "CANCELLED" else ArizeRunFailedError
            raise kind(f"{request}: {verdict.reason}. The next attempt, if there is one, triggers a new run")

    def _finish(self, session: RunSession, progress: Progress) -> dict[str, Any] | None:
        finished = progress.finished
        result = self._combine(session, finished)
        self._result = result
        if finished:
            self._lineage = (session.hook.config.base_url, finished[0].request)
        if result is None:
            self._finish_without_data(finished)
            return None
        if self.wait_for_completion:
            verdict = self._gate(finished)
            if verdict.outcome is Outcome.FAIL_FOR_GOOD:
                raise ArizeGateError(f"{verdict.reason}. Not retried: a retry would find everything labelled")
        session.publish(result)
        if all(each.state in (RequestState.SKIPPED, RequestState.NO_DATA) for each in finished):
            raise AirflowSkipException("All data was labelled already (on_already_evaluated='skip')")
        return result

    def _finish_without_data(self, finished: Sequence[FinishedRun]) -> None:
        requests = ", ".join(str(each.request) for each in finished)
        message = f"Arize found no data for {requests}; no run was started"
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
        if not self._active_ids:
            return
        if not self.cancel_on_kill:
            self.log.info("Killed; cancel_on_kill is off, so run(s) %s go on", ", ".join(self._active_ids))
            return
        cancel_on_kill(self.config_for_kill, self._active_ids, self.log)

    def remember_active(self, run_id: str) -> None:
        """From here on ``on_kill`` cancels this run, whatever else is still to be written down about it."""
        if run_id not in self._active_ids:
            self._active_ids = (*self._active_ids, run_id)

    def stop_if_killed(self, session: RunSession) -> None:
        """Go no further once ``on_kill`` was called.

        :raises ArizeRunError: it was.
        """
        if not self._killed:
            return
        ids = ", ".join(self._active_ids)
        if not self._active_ids:
            raise ArizeWaitError("the task was killed; nothing more was triggered")
        if self.cancel_on_kill:
            try:
                for run_id in self._active_ids:
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

        base_url, request = self._lineage or (None, None)
        return lineage_of(base_url, request, self._result)


def _still(runs: list[TaskRun], wait: WaitEvent) -> tuple[str, str]:
    ids = ", ".join(run.id for run in runs if not run.status.is_terminal)
    return ids, f" ({wait.message})" if wait.message else ""


_STATES = {
    Outcome.SUCCEED: RequestState.SUCCEEDED,
    Outcome.SKIP: RequestState.SKIPPED,
    Outcome.SPLIT: RequestState.SPLIT,
}
