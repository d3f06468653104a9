"""What both trigger operators share: acquire runs, wait deferred or not, judge, hand over the result."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.client.printable import in_short_lines
from airflow_provider_arize_tasks.exceptions import (
    ArizeGateError,
    ArizeRunCancelledError,
    ArizeRunError,
    ArizeRunFailedError,
    ArizeWaitError,
    failing_for_good,
    over_a_proven_connection,
)
from airflow_provider_arize_tasks.links.arize import (
    ArizeExperimentLink,
    ArizeTaskLink,
    ArizeTaskRunLink,
    keep_links_as_pushed,
    telling_reason,
)
from airflow_provider_arize_tasks.operators.waiting_for_runs import WaitingForRuns
from airflow_provider_arize_tasks.runs.identity import ReuseRun
from airflow_provider_arize_tasks.runs.progress import (
    ActiveRun,
    FinishedRun,
    Progress,
    RequestState,
    all_finished,
    combined_result,
    fetch_todo,
    run_result,
)
from airflow_provider_arize_tasks.runs.verdict import (
    OnAlreadyEvaluated,
    OnNoData,
    Outcome,
    RunPolicy,
    Verdict,
    judge_run,
)
from airflow_provider_arize_tasks.windows.window import span_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.operators.session import RunSession
    from airflow_provider_arize_tasks.runs.requests import AcquiredRun, RunRequest


class TriggerRunOperator(WaitingForRuns):
    """Base of the two trigger operators; see there for the arguments."""

    operator_extra_links = (ArizeTaskLink(), ArizeTaskRunLink(), ArizeExperimentLink())
    ui_color = "#e8e4fb"
    #: What the metrics call the runs of this operator.
    kind: ClassVar[str] = "evaluation"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._result: dict[str, Any] | None = None
        self._lineage: tuple[RunRequest, str | None] | None = None

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

    def _why_no_data(self, session: RunSession, finished: Sequence[FinishedRun]) -> str:
        """What more to say where there was no data, to follow a sentence without its full stop."""
        return ""

    def _resolve_doubt(self, session: RunSession, request: RunRequest, run: TaskRun, verdict: Verdict) -> Verdict:
        """The verdict where counts can't tell whether a run was cut short. As it is, unless a subclass says so."""
        return verdict

    def _combine(self, session: RunSession, finished: Sequence[FinishedRun]) -> dict[str, Any] | None:
        """The result from all that was done; ``None`` if there was no run at all."""
        return combined_result(finished)

    def _dataset_version(self, session: RunSession, finished: Sequence[FinishedRun]) -> str | None:
        """The version of the dataset that was worked on, for lineage; ``None`` if it is not known."""
        return None

    def _push_later_links(self, session: RunSession, request: RunRequest, run: TaskRun) -> None:
        """Push links that could not be known when the run was triggered. None, unless a subclass says so."""

    # -- the course of an attempt --------------------------------------------------------------------------------

    def _session(self, context: Context) -> RunSession:
        from airflow_provider_arize_tasks.operators.session import RunSession

        return RunSession(
            context=context,
            conn_id=self.arize_conn_id,
            space=self.space,
            reuse=ReuseRun(self.reuse_run),
            kind=self.kind,
            trigger_arguments=self.trigger_arguments,
            kill=self._kill,
            patience=self.patience,
            log=self.log,
        )

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Trigger the runs (or adopt those of an earlier attempt) and wait for them.

        :return: the run as JSON; see the class.
        """
        return self._begin(context)

    def _begin(self, context: Context) -> dict[str, Any] | None:
        with failing_for_good(), telling_reason(context):
            self._refuse_mistakes(rendered=True)
            keep_links_as_pushed(self, context)
            with self._session(context) as session:
                session.arm()
                requests = self._first_requests(session)
                session.window = span_of(request.window for request in requests)
                session.acquirer.cancel_leftovers(requests)
                progress = Progress(todo=requests, execution_deadline=self._execution_deadline())
                with over_a_proven_connection():  # the requests' task was read
                    return self._go_on(session, progress)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Go on after a wait in the triggerer: judge the runs it saw end, start what follows.

        :param event: of :class:`ArizeTaskRunTrigger`. Its runs were read seconds ago with the same key; only what it
            does not know is asked for.
        """
        from airflow_provider_arize_tasks.runs.waiting import WaitEvent

        with failing_for_good(), telling_reason(context), over_a_proven_connection():
            self._refuse_mistakes(rendered=True)
            keep_links_as_pushed(self, context)
            wait = WaitEvent.read(event)
            progress = Progress.from_dict(wait.state)
            if not progress.active:
                raise ArizeWaitError(
                    "the trigger came back without what it was given to carry; nothing is assumed about the run. "
                    "The next attempt adopts it"
                )
            for active in progress.active:
                if active.owned:
                    self._kill.remember(active.run_id)
            with self._session(context) as session:
                session.scope, session.is_linked = progress.scope, True
                return self._go_on(session, self._after_wait(session, progress, wait))

    def _go_on(self, session: RunSession, progress: Progress) -> dict[str, Any] | None:
        while progress.todo or progress.active or progress.todo_aside:
            if not progress.active:
                progress = self._start(session, fetch_todo(progress, session))
            if progress.active:
                progress = self._wait(session, progress)
        return self._finish(session, progress)

    def _start(self, session: RunSession, progress: Progress) -> Progress:
        """Start the next stage; what is over already (adopted from an earlier attempt) is judged at once."""
        active: list[ActiveRun] = []
        refused: list[RunRequest] = []
        runs: list[TaskRun] = []
        for request in progress.next_stage():
            try:
                with over_a_proven_connection():
                    acquired = session.acquire(request)
            except ArizeError as error:
                self._abandon_stage(session, active, error)
                raise
            if acquired is None:
                refused.append(request)
                continue
            if acquired.owned:
                self._kill.remember(acquired.run.id)
            session.stop_if_killed()
            active.append(self._active(session, acquired, progress.execution_deadline))
            runs.append(acquired.run)
            progress = replace(progress, twins=progress.twins + acquired.twins)
        progress = replace(
            progress.started(active, refused),
            scope=session.linker.scope,
            page=session.page or progress.page,
        )
        if not self.wait_for_completion:
            progress = self._reconcile(session, progress)  # nobody comes back to do it at the run's end
            finished = [
                FinishedRun(request=each.request, state=RequestState.STARTED, run=run_result(run), name=each.name)
                for each, run in zip(active, runs, strict=True)
            ]
            return progress.judged(finished)
        if runs and all(run.status.is_terminal for run in runs):
            return self._judge(session, progress, runs)
        return progress

    def _active(self, session: RunSession, acquired: AcquiredRun, execution_deadline: float | None) -> ActiveRun:
        return ActiveRun(
            request=acquired.request,
            run_id=acquired.run.id,
            deadline=session.deadline_of(acquired, self._timeout, execution_deadline),
            owned=acquired.owned,
            name=acquired.record.name,
            record=acquired.record if acquired.record.is_uncertain else None,
            earlier=acquired.record.served,
        )

    def _abandon_stage(self, session: RunSession, active: Sequence[ActiveRun], error: ArizeError) -> None:
        """One of several runs can't be started for good: end the others, for nobody will wait for them."""
        if error.retryable or not self.wait_for_completion:
            return
        for each in active:
            if each.owned:
                session.cancel_quietly(each.run_id)

    def _judge(self, session: RunSession, progress: Progress, runs: list[TaskRun]) -> Progress:
        """Judge runs that have ended, in the order of ``progress.active``."""
        progress = self._reconcile(session, progress)
        finished: list[FinishedRun] = []
        follow: list[RunRequest] = []
        for active, run in zip(progress.active, runs, strict=True):
            policy = self._policy(active.request)
            if active.record is not None and active.record.twins.ended:
                policy = replace(policy, on_already_evaluated=OnAlreadyEvaluated.SUCCEED)  # by its own twin
            verdict = judge_run(run, policy)
            session.record(run)
            self._push_later_links(session, active.request, run)
            for line in in_short_lines("; ".join(verdict.warnings)):
                self.log.warning("%s: %s", active.request, line)
            self._raise_if_bad(active.request, run, verdict)
            verdict = self._resolve_doubt(session, active.request, run, verdict)
            self.log.info("%s: %s", active.request, verdict.reason)
            finished.append(
                FinishedRun(
                    request=active.request,
                    state=_STATES[verdict.outcome],
                    run=run_result(run),
                    earlier=active.earlier,
                    name=active.name,
                    doubt=verdict.doubt,
                )
            )
            follow.extend(self._following(session, active.request, run, verdict))
        self._kill.run_ids = ()
        return replace(progress.judged(finished, follow), refused=0, page=session.page or progress.page)

    def _raise_if_bad(self, request: RunRequest, run: TaskRun, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.FAIL_FOR_GOOD:
            raise ArizeGateError(f"{request}: {verdict.reason}. Not retried: a retry would find everything labelled")
        if verdict.outcome is Outcome.FAIL:
            kind = ArizeRunCancelledError if run.status.value == "CANCELLED" else ArizeRunFailedError
            raise kind(f"{request}: {verdict.reason}. The next attempt, if there is one, triggers a new run")

    def _finish(self, session: RunSession, progress: Progress) -> dict[str, Any] | None:
        finished = all_finished(progress, session)
        result = self._combine(session, finished)
        if result is not None:
            result["link"] = progress.page
            result["twins_cancelled"] = list(progress.twins.cancelled)
            if progress.twins.ended:
                result["twins_ended"] = list(progress.twins.ended)
        self._result = result
        if finished:
            self._lineage = (finished[0].request, self._dataset_version(session, finished))
        if result is None:
            self._finish_without_data(finished, self._why_no_data(session, finished))
            return None
        if self.wait_for_completion:
            verdict = self._gate(finished)
            if verdict.outcome is Outcome.FAIL_FOR_GOOD:
                raise ArizeGateError(f"{verdict.reason}. Not retried: a retry would find the same run")
        session.publish(result)
        if all(each.state in (RequestState.SKIPPED, RequestState.NO_DATA) for each in finished):
            raise AirflowSkipException("All data was labelled already (on_already_evaluated='skip')")
        return result

    def _finish_without_data(self, finished: Sequence[FinishedRun], why: str) -> None:
        requests = ", ".join(str(each.request) for each in finished)
        message = f"Arize found no data for {requests}; no run was started{why}"
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
        self._kill.kill(seconds=self.patience.kill, log=self.log)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Dataset or project in, experiment or labels out, for Airflow's OpenLineage listener."""
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook
        from airflow_provider_arize_tasks.lineage import facets_for_run

        if self._lineage is None:
            return None
        request, version = self._lineage
        with ArizeHook(self.arize_conn_id) as hook:
            base_url = hook.config.base_url
        return facets_for_run(
            self._result,
            base_url=base_url,
            project_id=request.project_id,
            dataset_id=request.dataset_id,
            dataset_version_id=version,
        )


_STATES = {
    Outcome.SUCCEED: RequestState.SUCCEEDED,
    Outcome.SKIP: RequestState.SKIPPED,
    Outcome.SPLIT: RequestState.SPLIT,
}
