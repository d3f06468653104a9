"""One attempt's dealings with Arize: the hook, the server's clock, the tasks read so far, links, metrics, kills."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.enums import TaskType
from airflow_provider_arize_tasks.client.errors import ArizeApiError, ArizeError
from airflow_provider_arize_tasks.client.names import is_id
from airflow_provider_arize_tasks.links.arize import push_xcom
from airflow_provider_arize_tasks.links.linker import Linker
from airflow_provider_arize_tasks.links.record import push_run_record
from airflow_provider_arize_tasks.runs.acquire import AcquiredRun, NoDataError, RunAcquirer
from airflow_provider_arize_tasks.runs.attempt import DagRunTimes, Records, ServerClock, attempt_of
from airflow_provider_arize_tasks.runs.cancel import cancel_run
from airflow_provider_arize_tasks.runs.identity import ReuseRun

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from airflow.providers.common.compat.sdk import Context
    from typing_extensions import Self

    from airflow_provider_arize_tasks.client.config import ClientConfig
    from airflow_provider_arize_tasks.client.models import Task, TaskRun
    from airflow_provider_arize_tasks.client.sync import ArizeClient
    from airflow_provider_arize_tasks.operators.base import TriggerRunOperator
    from airflow_provider_arize_tasks.runs.requests import RunRequest

#: Everything ``on_kill`` does must fit between Airflow's SIGTERM and its SIGKILL: 5 s on Airflow 3, a minute on 2.11.
_KILL_SECONDS = 4.5
#: The least that each run gets of it, in seconds.
_KILL_SHARE = 0.4


class RunSession:
    """Opens the connection for one attempt of a trigger operator and closes it at the end.

    :param operator: the operator.
    :param context: what Airflow gave to ``execute``.
    """

    def __init__(self, operator: TriggerRunOperator, context: Context) -> None:
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        self._operator = operator
        self.context = context
        self.hook = ArizeHook(operator.arize_conn_id)
        self.clock = ServerClock()
        self._tasks: dict[str, Task] = {}
        self.linker = Linker(self.hook, context)
        self._acquirer = RunAcquirer(
            api=self.hook,
            records=Records(context),
            attempt=attempt_of(context),
            times=DagRunTimes.of(context),
            reuse=ReuseRun(operator.reuse_run),
            clock=self.clock,
            post=self._post,
            tasks=self.task,
            log=operator.log,
        )

    def __enter__(self) -> Self:
        # Kept for on_kill, which must not ask Airflow for the connection: it interrupts whatever is being asked.
        self._operator.config_for_kill = self.hook.config
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from airflow.providers.common.compat.sdk import TaskDeferred

        # When execution_timeout strikes, Airflow leaves execute first and calls on_kill then. But once the runs are the
        # triggerer's, or the next attempt's, a kill of a process that is long in ending must leave them alone.
        if error is None or isinstance(error, (ArizeError, TaskDeferred)):
            self._operator.config_for_kill = None
        self.hook.close()

    # -- tasks and runs ------------------------------------------------------------------------------------------

    def resolve_task(self, reference: str) -> Task:
        """A task by name or id, read once; its reply also tells the server's time."""
        return self.task(self.task_id(reference))

    def task_id(self, reference: str) -> str:
        """The id of a task by name or id. The list that a name is found in tells all of the task, so it is kept."""
        if is_id(reference):
            return reference
        task = self.hook.names.task_of_name(reference, self._operator.space)
        if task.id not in self._tasks and _is_whole(task):
            self.clock.see(self.hook.client.server_time)
            self._tasks[task.id] = task
        return task.id

    def task(self, task_id: str) -> Task:
        """A task by id, read once in this attempt."""
        if task_id not in self._tasks:
            reply = self.hook.get_task_with_server_time(task_id)
            self.clock.see(reply.server_time)
            self._tasks[task_id] = reply.value
        return self._tasks[task_id]

    def cancel_leftovers(self, requests: Sequence[RunRequest]) -> None:
        """After a clear, end what earlier attempts left going and this one does not come across."""
        self._acquirer.cancel_leftovers(requests)

    def start(self, request: RunRequest) -> AcquiredRun | None:
        """The run of a request, triggered or taken over; ``None`` if there is no data for it.

        Its id and links are pushed before anything is waited for.
        """
        self.task(request.task_id)
        self.linker.prepare()
        try:
            started = self._acquirer.start(request)
        except NoDataError as error:
            self._operator.log.info("%s: %s", request, error)
            self.count("no_data")
            return None
        self.count("adopted" if started.adopted else "triggered")
        push_xcom(self.context, "arize_run_id", started.run.id)
        push_run_record(
            self.context,
            task_id=request.task_id,
            task_name=self.task(request.task_id).name,
            run_id=started.run.id,
            window=None if request.window is None else request.window.to_dict(),
            max_spans=getattr(self._operator, "max_spans", None),
            evaluators=request.evaluators,
            arize_conn_id=self._operator.arize_conn_id,
        )
        self.linker.push_run(request, started.run)
        return started

    def _post(self, request: RunRequest, *, experiment_name: str | None) -> TaskRun:
        arguments = self._operator.trigger_arguments(request)
        if experiment_name is not None:
            arguments["experiment_name"] = experiment_name
        # On Airflow 3 a task goes on after its on_kill: then nothing more must be started.
        self._operator.stop_if_killed(self)
        run = self.hook.trigger_run(task=request.task_id, known_task=self.task(request.task_id), **arguments)
        self._operator.remember_active(run.id)
        return run

    def read(self, run_id: str) -> TaskRun:
        """A run as it is now; its reply also tells the server's time."""
        from airflow_provider_arize_tasks.client.endpoints import get_task_run

        reply = self.hook.client.send_full(get_task_run(run_id))
        self.clock.see(reply.server_time)
        return reply.value

    def look(self, run_id: str) -> TaskRun:
        """A run as it is now, asked for once."""
        from airflow_provider_arize_tasks.client.endpoints import get_task_run

        return self.hook.client.send(get_task_run(run_id), retry=False)

    def cancel(self, run_id: str) -> TaskRun:
        """Cancel a run and return it; one that has ended meanwhile comes back as it is."""
        return cancel_run(self.hook, run_id)

    def cancel_quietly(self, run_id: str) -> None:
        """Cancel a run beside another error, which is the one to be raised."""
        try:
            run = self.cancel(run_id)
            self._operator.log.info("Run %s is %s now: its task fails for good", run_id, run.status.value)
        except ArizeError as error:
            self._operator.log.warning("Run %s could not be cancelled and may still be going: %s", run_id, error)

    def experiment_name(self, experiment_id: str | None) -> str | None:
        """The name an experiment got in the end; ``None`` if it can't be found out."""
        if experiment_id is None:
            return None
        try:
            return self.hook.get_experiment(experiment_id).name
        except ArizeError as error:
            self._operator.log.warning("The name of experiment %s can't be read: %s", experiment_id, error)
            return None

    def deadline_of(self, started: AcquiredRun, timeout: float, execution_deadline: float | None) -> float:
        """When the wait for a run ends, in epoch seconds: its creation plus the timeout, whoever resumes it."""
        created = started.run.created_at
        begun = time.time() if created is None or not started.adopted else self.clock.to_local_epoch(created)
        deadline = begun + timeout
        return deadline if execution_deadline is None else min(deadline, execution_deadline)

    # -- what Airflow gets to know -------------------------------------------------------------------------------

    def count(self, event: str) -> None:
        """Count something that happened to a run."""
        from airflow_provider_arize_tasks.telemetry import count_run

        count_run(event, context=self.context, kind=self._operator.kind)

    def record(self, run: TaskRun) -> None:
        """Metrics of a run that has ended."""
        from airflow_provider_arize_tasks.telemetry import record_run

        record_run(run.to_dict(), context=self.context, kind=self._operator.kind)

    def publish(self, result: dict[str, Any]) -> None:
        """Put the result on the events of the task's assets."""
        from airflow_provider_arize_tasks.telemetry import add_to_asset_events

        add_to_asset_events(self.context, result)


def _is_whole(task: Task) -> bool:
    """Whether a list has told all that a run needs to know of its task."""
    works_on = task.project_id or task.dataset_id
    return bool(works_on) and (bool(task.evaluators) or task.type is TaskType.RUN_EXPERIMENT)


def cancel_on_kill(config: ClientConfig | None, run_ids: Sequence[str], log: Any) -> None:
    """Cancel runs from a signal handler: on a connection of its own, in bounded time, never raising.

    :param config: of the attempt that is being killed.
    :param run_ids: what to cancel.
    :param log: where to say what became of each.
    """
    from dataclasses import replace

    from airflow_provider_arize_tasks.client.sync import ArizeClient

    if config is None:
        return
    until = time.monotonic() + _KILL_SECONDS
    for index, run_id in enumerate(run_ids):
        share = max(_KILL_SHARE, (until - time.monotonic()) / (len(run_ids) - index))
        quick = replace(config, connect_timeout=share / 2, read_timeout=share / 2, max_requests_per_second=None)
        try:
            with ArizeClient(quick) as client:
                status = _cancel_at_once(client, run_id)
            log.info("Killed; run %s is %s", run_id, status)
        except ArizeError as error:
            log.warning("Killed, but run %s could not be cancelled: %s. The next attempt deals with it", run_id, error)


def _cancel_at_once(client: ArizeClient, run_id: str) -> str:
    from airflow_provider_arize_tasks.client.endpoints import cancel_task_run, get_task_run

    try:
        return client.send(cancel_task_run(run_id), retry=False).status.value
    except ArizeApiError:  # most likely refused because it has ended
        run = client.send(get_task_run(run_id), retry=False)
        if run.status.is_terminal:
            return run.status.value
        raise


def lineage_of(
    base_url: str | None,
    request: RunRequest | None,
    result: dict[str, Any] | None,
    *,
    dataset_version_id: str | None = None,
) -> Any:
    """OpenLineage facets of what an operator did; ``None`` if it came to nothing."""
    from airflow_provider_arize_tasks.lineage import facets_for_run

    if base_url is None or request is None:
        return None
    return facets_for_run(
        result,
        base_url=base_url,
        project_id=request.project_id,
        dataset_id=request.dataset_id,
        dataset_version_id=dataset_version_id,
    )
