"""The operator that evaluates a window of data."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.enums import RunStatus, TaskType
from airflow_provider_arize_tasks.client.errors import ArizeConfigError
from airflow_provider_arize_tasks.client.fields import length_of_time
from airflow_provider_arize_tasks.exceptions import ArizeGateError
from airflow_provider_arize_tasks.operators.base import TriggerRunOperator
from airflow_provider_arize_tasks.operators.window_times import (
    counts_hide_limit,
    held_by,
    is_in_doubt,
    lookback_of,
    pieces_of,
    say_gap,
    settle_or_default,
    why_no_data,
    window_of_run,
)
from airflow_provider_arize_tasks.runs.progress import FinishedRun, counts_of
from airflow_provider_arize_tasks.runs.requests import RunRequest
from airflow_provider_arize_tasks.runs.verdict import (
    SERVER_MAX_SPANS,
    OnAlreadyEvaluated,
    OnNoData,
    OnTruncated,
    Outcome,
    RunPolicy,
    Verdict,
    judge_counts,
)
from airflow_provider_arize_tasks.windows.window import MAX_WINDOW, Window, halve, iso, split_window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from airflow.providers.common.compat.sdk import Context, XComArg
    from typing_extensions import Unpack

    from airflow_provider_arize_tasks.base_arguments import OperatorArguments
    from airflow_provider_arize_tasks.client.arguments import Checker
    from airflow_provider_arize_tasks.client.models import Task, TaskRun
    from airflow_provider_arize_tasks.operators.session import RunSession


class ArizeTriggerEvaluationRunOperator(TriggerRunOperator):
    """Evaluate a window of data: exactly one run per window, waited for without a worker.

    The window is ``data_start_time`` to ``data_end_time`` if given, else the DAG run's data interval, else ``lookback``
    before its end. On Airflow 3 a plain cron schedule (``@daily``) has a data interval of no width: give ``lookback``,
    or use ``CronDataIntervalTimetable``; the task fails at once otherwise and says so. A window longer than 30 days is
    evaluated in pieces, one after the other. An evaluation task of a dataset has no window; its experiments are
    evaluated.

    Each attempt adopts the run of the one before it unless that run failed or was cancelled; a cleared task starts
    anew. See "Exactly one run per window" in the documentation.

    .. seealso:: Arize's reference of ``POST /v2/tasks/{task_id}/trigger``: https://arize.com/docs/ax/rest-reference

    :param task: name or id of the Arize task, or the JSON that a create operator returned. (templated)
    :param space: name or id of the space the name is looked up in. Default: the connection's. (templated)
    :param data_start_time: begin of the window: a ``datetime``, an ISO text or a template. A date or time without zone
        is taken in the DAG's time zone. (templated)
    :param data_end_time: end of the window, not part of it. (templated)
    :param lookback: length of the window before its end, where the DAG run has no interval of its own, or where only
        one end is given: a ``timedelta``, seconds or ``"1d"``. ``"since_previous"`` begins the window where the data
        interval of the last DAG run that succeeded ended, so that weekends, changed schedules and the clocks leave no
        hole. (templated)
    :param settle: how late evaluation sees spans: the run is not triggered before the window has been over for that
        long; until then the task is deferred. A ``timedelta``, seconds or ``"2h"``; default ``[arize] settle`` of
        Airflow's configuration, else 0. (templated)
    :param max_window: longest piece of a window that one run evaluates: a ``timedelta``, or seconds. Default and most:
        30 days, the API's limit. (templated)
    :param max_spans: most spans one run evaluates. Default: the server's own, 10,000. (templated)
    :param override_evaluations: label again what is labelled already. Default false. (templated)
    :param experiment_ids: experiments to evaluate; dataset tasks only. Default: the task's own. (templated)
    :param on_no_data: when Arize finds no data in the window: ``skip`` (default), ``succeed`` or ``fail``. (templated)
    :param on_already_evaluated: when everything in the window carries labels already: ``succeed`` (default), ``skip``
        or ``fail``. (templated)
    :param on_truncated: when a run reached ``max_spans``: ``fail``, ``warn`` or ``split`` (cut the window into pieces
        that fit: beforehand by counting its spans, or by halves once a run was cut short). Default ``None``: fail on
        the server's own limit, warn on one given in ``max_spans``, since that one is a budget. (templated)
    :param max_error_rate: largest share of errors among successes and errors of all runs together, 0 to 1; more fails
        the task for good. Default: no limit. (templated)
    :param min_successes: fewest successes of all runs together; less fails the task for good. Default: no limit.
        (templated)
    :param wait_for_completion: ``False`` returns as soon as the run exists; nothing is judged then. Default true.
    :param deferrable: wait in the triggerer (default); ``False`` waits in the worker, with the same verdicts.
    :param poll_interval: seconds between looks that the wait settles at. Default 30. (templated)
    :param timeout: seconds (or a ``timedelta``) from the run's creation to the end of the wait, whatever happens in
        between. Default 6 hours. ``execution_timeout`` shortens it. (templated)
    :param cancel_on_kill: cancel the remote run when the task is killed, marked or cleared. Default true. For a
        deferred task this needs Airflow 3.3.
    :param cancel_on_timeout: cancel the remote run when the wait ends without its end. Default true.
    :param reuse_run: which run an attempt may adopt instead of triggering: ``own`` (default) only one that this
        task instance started, ``same_window`` any run of the task over the same window, ``never`` none. (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: the run as JSON: ``id``, ``task_id``, ``status``, counts, window, ``failure_reason``. Where several runs
        served the window: the last run's fields, summed counts, the whole window, and ``runs``.
    :raises ArizeRunFailedError: the run failed; a retry triggers anew. Likewise ``ArizeRunCancelledError``.
    :raises ArizeRunTimeoutError: it did not end in time.
    :raises ArizeGateError: it completed and did not pass a gate, or was cut short; not retried.
    :raises ArizePermanentError: the connection, an argument or the window is wrong; not retried.
    """

    template_fields: Sequence[str] = (
        *TriggerRunOperator.shared_template_fields,
        "data_start_time",
        "data_end_time",
        "lookback",
        "max_window",
        "max_spans",
        "override_evaluations",
        "experiment_ids",
        "on_no_data",
        "on_already_evaluated",
        "on_truncated",
        "settle",
    )

    def __init__(
        self,
        *,
        task: str | Mapping[str, Any] | XComArg,
        space: str | None = None,
        data_start_time: datetime | date | str | XComArg | None = None,
        data_end_time: datetime | date | str | XComArg | None = None,
        lookback: timedelta | float | str | None = None,
        max_window: timedelta | float | str | None = None,
        max_spans: int | str | None = None,
        override_evaluations: bool | str | XComArg = False,
        experiment_ids: Sequence[str] | str | XComArg | None = None,
        on_no_data: Literal["skip", "succeed", "fail"] = "skip",
        on_already_evaluated: Literal["succeed", "skip", "fail"] = "succeed",
        on_truncated: Literal["fail", "warn", "split"] | None = None,
        settle: timedelta | float | str | None = None,
        wait_for_completion: bool = True,
        deferrable: bool = True,
        poll_interval: timedelta | float | str = 30.0,
        timeout: timedelta | float | str = 6 * 3600.0,
        cancel_on_kill: bool = True,
        cancel_on_timeout: bool = True,
        reuse_run: Literal["own", "same_window", "never"] = "own",
        max_error_rate: float | str | None = None,
        min_successes: int | str | None = None,
        arize_conn_id: str = "arize_default",
        **kwargs: Unpack[OperatorArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.task = task
        self.space = space
        self.data_start_time = data_start_time
        self.data_end_time = data_end_time
        self.lookback = lookback
        self.max_window = max_window
        self.max_spans = max_spans
        self.override_evaluations = override_evaluations
        self.experiment_ids = experiment_ids
        self.on_no_data = on_no_data
        self.on_already_evaluated = on_already_evaluated
        self.on_truncated = on_truncated
        self.settle = settle
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.cancel_on_kill = cancel_on_kill
        self.cancel_on_timeout = cancel_on_timeout
        self.reuse_run = reuse_run
        self.max_error_rate = max_error_rate
        self.min_successes = min_successes
        self.arize_conn_id = arize_conn_id
        self._refuse_mistakes(rendered=False)

    def _check(self, check: Checker) -> None:
        super()._check(check)
        check.read("lookback", self.lookback, lookback_of, None)
        check.read("settle", self.settle, args.optional(partial(length_of_time, name="settle")), None)
        check.read("max_window", self.max_window, args.optional(args.span), None)
        check.read("max_spans", self.max_spans, args.optional(args.count), None)
        check.read("override_evaluations", self.override_evaluations, args.as_bool, False)
        check.read("experiment_ids", self.experiment_ids, args.optional(args.ids), None)
        check.choice("on_no_data", self.on_no_data, OnNoData, OnNoData.SKIP)
        check.choice("on_already_evaluated", self.on_already_evaluated, OnAlreadyEvaluated, OnAlreadyEvaluated.SUCCEED)
        if self.on_truncated is not None:
            check.choice("on_truncated", self.on_truncated, OnTruncated, OnTruncated.FAIL)

    def _first_requests(self, session: RunSession) -> tuple[RunRequest, ...]:
        task = session.resolve_task(args.reference(self.task))
        if task.type is TaskType.RUN_EXPERIMENT:
            raise ArizeConfigError(
                f"task {task.name or task.id!r} is a RUN_EXPERIMENT task and has no data window; trigger it with "
                "ArizeTriggerExperimentRunOperator. Nothing was triggered"
            )
        if task.dataset_id is not None:
            return (self._dataset_request(task),)
        if self._experiments:
            raise ArizeConfigError(
                f"task {task.name or task.id!r} evaluates the spans of a project: experiment_ids is for tasks of a "
                "dataset. Nothing was triggered"
            )
        window = self._window(session.context)
        self._wait_until_settled(session, window)
        pieces = split_window(window, max_width=self._max_window)
        if len(pieces) > 1:
            self.log.info("The window is evaluated in %d pieces, one after the other", len(pieces))
        if self.on_truncated == OnTruncated.SPLIT.value:
            pieces = tuple(
                part for piece in pieces for part in pieces_of(session.hook, task, piece, self._limit, self.log)
            )
        return tuple(_window_request(task, piece) for piece in pieces)

    def _wait_until_settled(self, session: RunSession, window: Window) -> None:
        """Wait, deferred if the operator is, until the window's late spans can be seen; again on every attempt."""
        until = (window.end + self._settle).timestamp()
        if until <= time.time():
            return
        self.log.info("The window settles at %s; waiting until then", iso(window.end + self._settle))
        if self.deferrable:
            from airflow_provider_arize_tasks.triggers.settle import ArizeSettleTrigger

            self.defer(trigger=ArizeSettleTrigger(until=until), method_name="execute_settled")
        while (left := until - time.time()) > 0:
            session.stop_if_killed()
            time.sleep(min(left, 1.0))

    def execute_settled(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Go on once the window has settled: as if the attempt began now.

        :param event: of :class:`ArizeSettleTrigger`; it says nothing but that the time has come.
        """
        return self._begin(context)

    def _dataset_request(self, task: Task) -> RunRequest:
        given = [
            name
            for name in ("data_start_time", "data_end_time", "lookback", "max_window", "max_spans")
            if getattr(self, name) is not None
        ]
        if given:
            raise ArizeConfigError(
                f"task {task.name or task.id!r} evaluates experiments of a dataset, which have no data window: leave "
                f"out {', '.join(given)}. Nothing was triggered"
            )
        return RunRequest(
            task_id=task.id,
            experiment_ids=tuple(self._experiments),
            dataset_id=task.dataset_id,
            evaluators=max(1, len(task.evaluators)),
        )

    def _window(self, context: Context) -> Window:
        found = window_of_run(context, self.data_start_time, self.data_end_time, self.lookback)
        for note in found.notes:
            self.log.info(note)
        say_gap(context, found, self.log)
        self.log.info("Window %s, from the %s", found.window.key, found.source)
        return found.window

    def trigger_arguments(self, request: RunRequest) -> dict[str, Any]:
        """Arguments of ``ArizeHook.trigger_run`` for a request."""
        given: dict[str, Any] = {}
        if request.window is not None:
            given.update(data_start_time=request.window.start, data_end_time=request.window.end)
            given["max_spans"] = self._limit
        if request.experiment_ids:
            given["experiment_ids"] = list(request.experiment_ids)
        if args.as_bool(self.override_evaluations):
            given["override_evaluations"] = True
        return given

    def _policy(self, request: RunRequest) -> RunPolicy:
        return RunPolicy(
            # The run over the whole window has labelled some of it, so a part may well hold nothing else.
            on_already_evaluated=OnAlreadyEvaluated.SUCCEED
            if request.is_part
            else OnAlreadyEvaluated(self.on_already_evaluated),
            on_truncated=OnTruncated(self.on_truncated) if self.on_truncated is not None else None,
            max_spans=self._limit,
            evaluators=request.evaluators,
            override_evaluations=args.as_bool(self.override_evaluations),
            max_error_rate=args.optional(args.rate)(self.max_error_rate),
            min_successes=args.optional(args.whole)(self.min_successes),
            limited_by_max_spans=request.window is not None,
        )

    def _following(
        self, session: RunSession, request: RunRequest, run: TaskRun, verdict: Verdict
    ) -> tuple[RunRequest, ...]:
        if request.window is None or verdict.outcome is not Outcome.SPLIT:
            return ()
        if args.as_bool(self.override_evaluations):
            raise ArizeGateError(
                f"{request}: {verdict.reason}. Its halves are not evaluated: with override_evaluations all that this "
                "run labelled would be paid for again. Set a larger max_spans, or a smaller max_window"
            )
        halves = halve(request.window)
        if halves is None:
            raise ArizeGateError(
                f"{request}: more spans than max_spans carry this very millisecond, so halving can't go on "
                f"({verdict.reason}). Set a larger max_spans"
            )
        self.log.info("%s; evaluating its halves", verdict.reason)
        return tuple(request.over(half) for half in halves)

    def _resolve_doubt(self, session: RunSession, request: RunRequest, run: TaskRun, verdict: Verdict) -> Verdict:
        """Count the spans of the window where the counts of its run can't tell whether it was cut short."""
        if request.window is None or verdict.outcome is Outcome.SPLIT:
            return verdict
        by_counts = run.status is RunStatus.COMPLETED and is_in_doubt(request, run, self._limit)
        if not by_counts and not request.is_part:
            return verdict
        held = held_by(session.hook, session.task(request.task_id), request.window, self._limit)
        limit = SERVER_MAX_SPANS if self._limit is None else self._limit
        if held is not None and held <= limit:
            return verdict
        many = "its spans can't be counted" if held is None else f"its window holds more than {limit} spans"
        reason = f"run {run.id} may have been cut short at max_spans {limit}: {many}"
        if self.on_truncated == OnTruncated.SPLIT.value and (by_counts or held is not None):
            return Verdict(outcome=Outcome.SPLIT, reason=reason)
        if held is not None and self.on_truncated == OnTruncated.FAIL.value:
            raise ArizeGateError(f'{request}: {reason}. Set on_truncated="split", or a larger max_spans')
        if request.is_part:
            self.log.warning(
                "%s: %s, and spans that an earlier run labelled may count towards max_spans. Not known to be whole: "
                "the window stays doubtful until the key may list spans, or a larger max_spans takes all of it",
                request,
                reason,
            )
        else:
            self.log.warning('%s: %s. Set on_truncated="split" to evaluate all of it', request, reason)
        return replace(verdict, doubt=reason)

    def _why_no_data(self, session: RunSession, finished: Sequence[FinishedRun]) -> str:
        window = finished[0].request.window if finished else None
        return "" if window is None else why_no_data(session.hook, session.task(finished[0].request.task_id), window)

    def _gate(self, finished: Sequence[FinishedRun]) -> Verdict:
        # In any case: an older release wrote the status down as the server spelled it.
        if not any(each.run and str(each.run["status"]).upper() == RunStatus.COMPLETED.value for each in finished):
            # All was labelled already: on_already_evaluated has decided, there are no counts to judge.
            return Verdict(outcome=Outcome.SUCCEED, reason="")
        return judge_counts(counts_of(finished), self._policy(finished[0].request))

    def _no_data(self) -> OnNoData:
        return OnNoData(self.on_no_data)

    @cached_property
    def _limit(self) -> int | None:
        return args.optional(args.count)(self.max_spans)

    @cached_property
    def _settle(self) -> timedelta:
        return settle_or_default(self.settle, timedelta())

    @cached_property
    def _max_window(self) -> timedelta:
        return args.optional(args.span)(self.max_window) or MAX_WINDOW

    @cached_property
    def _experiments(self) -> list[str]:
        return args.optional(args.ids)(self.experiment_ids) or []


def _window_request(task: Task, window: Window) -> RunRequest:
    return RunRequest(
        task_id=task.id,
        window=window,
        project_id=task.project_id,
        evaluators=max(1, len(task.evaluators)),
        counts_hide_limit=counts_hide_limit(task),
        stage=window.key,
    )
