"""Wait for a task run that somebody else triggered."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.errors import ArizeError, ArizeReplyError
from airflow_provider_arize_tasks.exceptions import (
    ArizeGateError,
    ArizePermanentError,
    failing_for_good,
    over_a_proven_connection,
)
from airflow_provider_arize_tasks.links.arize import (
    ArizeExperimentLink,
    ArizeTaskLink,
    ArizeTaskRunLink,
    keep_links_as_pushed,
)
from airflow_provider_arize_tasks.runs.polling import Failures
from airflow_provider_arize_tasks.runs.progress import run_result
from airflow_provider_arize_tasks.runs.verdict import (
    Counts,
    OnAlreadyEvaluated,
    Outcome,
    RunPolicy,
    judge_counts,
    judge_run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.client.models import TaskRun
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

_DAY = 86_400.0


class ArizeTaskRunSensor(BaseSensorOperator):
    """Wait until a task run has ended, deferred by default, and judge it as the trigger operators do.

    The run is somebody else's: it is never cancelled, and a failed or cancelled one fails the sensor without a retry,
    since looking again would find the same. ``mode="poke"`` and ``mode="reschedule"`` with ``deferrable=False`` come to
    the same verdicts.

    .. seealso:: Arize's reference of ``GET /v2/task-runs/{run_id}``: https://arize.com/docs/ax/rest-reference

    :param run_id: id of the run, or the JSON that a trigger operator returned. (templated)
    :param deferrable: wait in the triggerer (default), whatever ``[operators] default_deferrable`` says.
    :param poke_interval: seconds between looks that the wait settles at. Default 30.
    :param timeout: seconds from this attempt's start to the end of the wait. Default 6 hours.
    :param on_already_evaluated: when the run found everything labelled already: ``succeed`` (default), ``skip`` or
        ``fail``. (templated)
    :param max_error_rate: largest share of errors among successes and errors, 0 to 1. Default: no limit. (templated)
    :param min_successes: fewest successes. Default: no limit. (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: the run as JSON.
    :raises ArizePermanentError: the run failed or was cancelled, did not pass a gate, or can't be read; not retried.
    :raises AirflowSensorTimeout: it has not ended in time; not retried, skipped with ``soft_fail``.
    """

    template_fields: Sequence[str] = (
        "run_id",
        "on_already_evaluated",
        "max_error_rate",
        "min_successes",
        "arize_conn_id",
    )
    operator_extra_links = (ArizeTaskLink(), ArizeTaskRunLink(), ArizeExperimentLink())
    ui_color = "#e8e4fb"

    def __init__(
        self,
        *,
        run_id: Any,
        deferrable: bool = True,
        poke_interval: float | timedelta = 30.0,
        timeout: float | timedelta = 6 * 3600.0,
        on_already_evaluated: str = "succeed",
        max_error_rate: float | None = None,
        min_successes: int | None = None,
        arize_conn_id: str = "arize_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.run_id = run_id
        self.deferrable = deferrable
        self.on_already_evaluated = on_already_evaluated
        self.max_error_rate = max_error_rate
        self.min_successes = min_successes
        self.arize_conn_id = arize_conn_id
        self._failures = Failures()
        self._answered = False
        self._checked(rendered=False)

    def execute(self, context: Context) -> Any:
        """Look once, then wait: in the triggerer, or as ``mode`` says."""
        keep_links_as_pushed(self, context)
        if not self.deferrable:
            return super().execute(context)
        with self._soft(), failing_for_good(), self._hook() as hook:
            run = self._look(hook)
            if run is not None and run.status.is_terminal:
                return self._result(run)
            if run is not None:
                self._push_links(hook, run, context)
                self.log.info("Run %s is %s; waiting in the triggerer", run.id, run.status_text)
            self._defer(run, deadline=time.time() + self._seconds("timeout"))
        return None

    def poke(self, context: Context) -> PokeReturnValue:
        """One look, in the worker."""
        # A look after the first is over a connection that led to the API. In reschedule mode no look knows of others.
        proven = over_a_proven_connection() if self._answered or self.reschedule else nullcontext()
        with failing_for_good(), proven, self._hook() as hook:
            run = self._look(hook)
        if run is None:
            return PokeReturnValue(is_done=False)
        if not run.status.is_terminal:
            self.log.info("Run %s is %s", run.id, run.status_text)
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self._result(run))

    def _look(self, hook: ArizeHook) -> TaskRun | None:
        """The run as it is now; ``None`` if the server can't be asked just now, which a wait survives a while.

        In reschedule mode each look is a process of its own, so there only ``timeout`` limits how long that is.
        """
        run_id = self._checked(rendered=True)
        try:
            run = hook.get_run(run_id=run_id)
        except ArizeError as error:
            self._failures = self._failures.after(error)
            may_pass = error.retryable or (self._answered and isinstance(error, ArizeReplyError))
            if not may_pass or self._failures.end_the_wait:
                raise
            self.log.warning("A look at run %s failed, looking again: %s", run_id, error)
            return None
        self._failures, self._answered = Failures(), True
        return run

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Judge the run after a wait in the triggerer, as the server shows it now.

        :param event: of :class:`ArizeTaskRunTrigger`; only a hint.
        """
        from airflow_provider_arize_tasks.runs.waiting import WaitEvent

        keep_links_as_pushed(self, context)
        with self._soft(), failing_for_good(), over_a_proven_connection(), self._hook() as hook:
            wait = WaitEvent.read(event)
            run = hook.get_run(run_id=self._checked(rendered=True))
            if run.status.is_terminal:
                return self._result(run)
            deadline = float(wait.state.get("deadline") or 0)
            if time.time() < deadline:
                self.log.info("Run %s is %s (%s); waiting on", run.id, run.status_text, wait.message or wait.status)
                self._defer(run, deadline=deadline)
            raise AirflowSensorTimeout(
                f"run {run.id} is still {run.status_text or run.status.value} after {self._seconds('timeout'):.0f} s "
                "(timeout). It was left alone and goes on"
            )

    def _defer(self, run: TaskRun | None, *, deadline: float) -> None:
        from airflow_provider_arize_tasks.triggers.task_run import ArizeTaskRunTrigger

        self.defer(
            trigger=ArizeTaskRunTrigger(
                run_ids=[self._checked(rendered=True)],
                task_ids=[run.task_id] if run is not None and run.task_id else None,
                arize_conn_id=self.arize_conn_id,
                poll_interval=self._seconds("poke_interval"),
                deadline=deadline,
                cancel_on_kill=False,
                state={"deadline": deadline},
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=max(0.0, deadline - time.time()) + _DAY),
        )

    def _result(self, run: TaskRun) -> dict[str, Any]:
        policy = RunPolicy(
            on_already_evaluated=OnAlreadyEvaluated(self.on_already_evaluated),
            max_error_rate=args.optional(args.rate)(self.max_error_rate),
            min_successes=args.optional(args.count)(self.min_successes),
            limited_by_max_spans=False,
        )
        verdict = judge_run(run, policy)
        for warning in verdict.warnings:
            self.log.warning(warning)
        if verdict.outcome is Outcome.SKIP:
            raise AirflowSkipException(verdict.reason)
        if verdict.outcome is not Outcome.SUCCEED:
            raise ArizePermanentError(f"{verdict.reason}. Not retried: looking again would find the same")
        if run.status.value == "COMPLETED":
            gate = judge_counts(Counts.of([run]), policy)
            if gate.outcome is not Outcome.SUCCEED:
                raise ArizeGateError(f"run {run.id}: {gate.reason}")
        self.log.info(verdict.reason)
        return run_result(run)

    def _push_links(self, hook: ArizeHook, run: TaskRun, context: Context) -> None:
        from airflow_provider_arize_tasks.links.linker import Linker
        from airflow_provider_arize_tasks.runs.requests import RunRequest
        from airflow_provider_arize_tasks.windows.window import Window

        if run.task_id is None or not (hook.config.space and run):
            return
        try:
            task = hook.get_task(task=run.task_id)
        except ArizeError as error:
            self.log.debug("No links: %s", error)
            return
        window = Window(run.data_start_time, run.data_end_time) if run.data_start_time and run.data_end_time else None
        request = RunRequest(task_id=task.id, window=window, project_id=task.project_id, dataset_id=task.dataset_id)
        Linker(hook, context).push_run(request, run)

    def _hook(self) -> ArizeHook:
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        return ArizeHook(self.arize_conn_id)

    def _checked(self, *, rendered: bool) -> str:
        check = Checker(rendered=rendered)
        run_id = check.read("run_id", self.run_id, args.reference, "")
        check.choice("on_already_evaluated", self.on_already_evaluated, OnAlreadyEvaluated, OnAlreadyEvaluated.SUCCEED)
        check.read("max_error_rate", self.max_error_rate, args.optional(args.rate), None)
        check.read("min_successes", self.min_successes, args.optional(args.count), None)
        check.raise_if_any(f"{type(self).__name__} {self.task_id!r}")
        return run_id

    def _seconds(self, name: str) -> float:
        """``poke_interval`` and ``timeout`` are numbers or ``timedelta``, after the Airflow release."""
        return args.seconds(getattr(self, name))

    @contextmanager
    def _soft(self) -> Iterator[None]:
        """What ``soft_fail`` and ``never_fail`` mean, for the deferred path: as in Airflow's own sensor loop."""
        try:
            yield
        except (AirflowSensorTimeout, AirflowFailException) as error:
            if self.soft_fail or getattr(self, "never_fail", False):
                raise AirflowSkipException(f"Skipped instead of failed (soft_fail): {error}") from error
            raise
