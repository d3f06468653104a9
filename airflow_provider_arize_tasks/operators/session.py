"""One attempt's dealings with Arize: the hook, the server's clock, the tasks read so far, links, metrics."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.enums import TaskType
from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.exceptions import ArizeRunCancelledError, ArizeWaitError
from airflow_provider_arize_tasks.links.arize import Linker, push_xcom
from airflow_provider_arize_tasks.runs.cancel import cancel_run
from airflow_provider_arize_tasks.runs.requests import RUN_KEY
from airflow_provider_arize_tasks.runs.timing import ServerClock
from airflow_provider_arize_tasks.telemetry import add_to_asset_events, asset_event_extra, count_run, record_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from airflow.providers.common.compat.sdk import Context
    from typing_extensions import Self

    from airflow_provider_arize_tasks.client.models import Experiment, Task, TaskRun
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.runs.acquire import RunAcquirer
    from airflow_provider_arize_tasks.runs.cancel import KillSwitch
    from airflow_provider_arize_tasks.runs.identity import ReuseRun
    from airflow_provider_arize_tasks.runs.progress import ActiveRun
    from airflow_provider_arize_tasks.runs.requests import AcquiredRun, RunRequest, Twins
    from airflow_provider_arize_tasks.runs.timing import Patience
    from airflow_provider_arize_tasks.windows.window import Window


@dataclass(kw_only=True, eq=False, repr=False)
class RunSession:
    """Opens the connection for one attempt of a trigger operator and closes it at the end.

    :param context: what Airflow gave to ``execute``.
    :param conn_id: the Airflow connection.
    :param space: where the operator looks names up; ``None`` for the connection's own.
    :param reuse: which run may be adopted.
    :param kind: what the metrics call the runs.
    :param trigger_arguments: the arguments of ``trigger_run`` for a run request, but for an experiment's name.
    :param kill: what ``on_kill`` knows.
    :param patience: how long to wait for what can't be seen yet.
    :param log: the operator's logger.
    :param scope: organization and space for links, where they are known from before a wait.
    :param window: the window of all runs together.
    :param is_linked: whether the links to it are in place since before a wait.
    """

    context: Context
    conn_id: str
    space: str | None
    reuse: ReuseRun
    kind: str
    trigger_arguments: Callable[[RunRequest], dict[str, Any]]
    kill: KillSwitch
    patience: Patience
    log: Any
    scope: tuple[str | None, str | None] | None = None
    window: Window | None = None
    is_linked: bool = False
    clock: ServerClock = field(default_factory=ServerClock)
    _tasks: dict[str, Task] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from airflow.providers.common.compat.sdk import TaskDeferred

        # When execution_timeout strikes, Airflow leaves execute first and calls on_kill then. But once the runs are the
        # triggerer's, or the next attempt's, a kill of a process that is long in ending must leave them alone.
        if error is None or isinstance(error, (ArizeError, TaskDeferred)):
            self.kill.config = None
        if "hook" in self.__dict__:
            self.hook.close()

    @cached_property
    def hook(self) -> ArizeHook:
        """The connection; what resumes with all it needs makes none."""
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        return ArizeHook(self.conn_id)

    @cached_property
    def linker(self) -> Linker:
        """Pushes links."""
        linker = Linker(self.hook, self.context)
        if any(self.scope or ()):  # else it could not be looked up before the wait
            linker.scope = self.scope
        return linker

    @property
    def page(self) -> str | None:
        """Where Arize shows the runs that this attempt linked last; ``None`` if it linked none."""
        return self.linker.run_page if "linker" in self.__dict__ else None

    def arm(self) -> None:
        """From here on ``on_kill`` can reach the server."""
        self.kill.config = self.hook.config

    @cached_property
    def acquirer(self) -> RunAcquirer:
        """Finds or triggers the run of each request; what resumes with all it needs makes none."""
        from airflow_provider_arize_tasks.runs.acquire import RunAcquirer
        from airflow_provider_arize_tasks.runs.attempt import DagRunTimes, Records, attempt_of
        from airflow_provider_arize_tasks.runs.lookup import Lookup

        return RunAcquirer(
            lookup=Lookup(api=self.hook, tasks=self.task, clock=self.clock, patience=self.patience, log=self.log),
            records=Records(self.context),
            attempt=attempt_of(self.context),
            times=DagRunTimes.of(self.context),
            reuse=self.reuse,
            post=self._post,
        )

    # -- tasks and runs ------------------------------------------------------------------------------------------

    def resolve_task(self, reference: str) -> Task:
        """A task by name or id, read once; its reply also tells the server's time."""
        return self.task(self.task_id(reference))

    def task_id(self, reference: str) -> str:
        """The id of a task by name or id. The list that a name is found in tells all of the task, so it is kept."""
        from airflow_provider_arize_tasks.client.names import is_id

        if is_id(reference):
            return reference
        task = self.hook.task_of_name(reference, self.space)
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

    def acquire(self, request: RunRequest) -> AcquiredRun | None:
        """The run of a request, triggered or adopted; ``None`` if there is no data for it.

        Its id and links are pushed before anything is waited for.
        """
        from airflow_provider_arize_tasks.runs.requests import NoDataError

        self.arm()
        self.task(request.task_id)
        self.linker.prepare()
        try:
            acquired = self.acquirer.acquire(request)
        except NoDataError as error:
            self.log.info("%s: %s", request, error)
            self.count("no_data")
            return None
        self.count("adopted" if acquired.adopted else "triggered")
        push_xcom(self.context, "arize_run_id", acquired.run.id)
        told: dict[str, Any] = {
            "task_id": request.task_id,
            "task_name": self.task(request.task_id).name,
            "run_id": acquired.run.id,
            **(request.window.to_dict() if request.window is not None else {}),
            "max_spans": self.trigger_arguments(request).get("max_spans"),
            "evaluators": request.evaluators,
            "arize_conn_id": self.conn_id,
        }
        push_xcom(self.context, RUN_KEY, told)
        if not (self.is_linked and request.window is not None):
            self.linker.push_runs(replace(request, window=self.window or request.window), acquired.run)
        return acquired

    def _post(self, request: RunRequest, experiment_name: str | None) -> TaskRun:
        arguments = self.trigger_arguments(request)
        if experiment_name is not None:
            arguments["experiment_name"] = experiment_name
        # On Airflow 3 a task goes on after its on_kill: then nothing more must be started.
        self.stop_if_killed()
        run = self.hook.trigger_run(task=request.task_id, known_task=self.task(request.task_id), **arguments)
        self.kill.remember(run.id)
        return run

    def reconcile(self, active: ActiveRun) -> Twins | None:
        """The twins of a run that has ended, or whose deadline has passed; ``None`` where there can't be any."""
        if active.record is None:
            return None
        self.task(active.request.task_id)  # its reply tells the server's time
        return self.acquirer.reconcile(active.request, active.record)

    def look(self, run_id: str) -> TaskRun:
        """A run as it is now, asked for once."""
        from airflow_provider_arize_tasks.client.endpoints import get_task_run

        return self.hook.client.send(get_task_run(run_id), retry=False)

    def cancel_quietly(self, run_id: str) -> None:
        """Cancel a run beside another error, which is the one to be raised."""
        try:
            run = cancel_run(self.hook, run_id)
            self.log.info("Run %s is %s now: its task fails for good", run_id, run.status.value)
        except ArizeError as error:
            self.log.warning("Run %s could not be cancelled and may still be going: %s", run_id, error)

    def stop_if_killed(self) -> None:
        """Go no further once ``on_kill`` was called.

        :raises ArizeRunError: it was.
        """
        if not self.kill.killed:
            return
        ids = ", ".join(self.kill.run_ids)
        if not ids:
            raise ArizeWaitError("the task was killed; nothing more was triggered")
        if not self.kill.cancels:
            raise ArizeWaitError(f"the task was killed; cancel_on_kill is off, so run(s) {ids} go on")
        try:
            for run_id in self.kill.run_ids:
                cancel_run(self.hook, run_id)
        except ArizeError as error:
            raise ArizeWaitError(
                f"the task was killed, but run(s) {ids} could not be cancelled ({error}) and may still be going; "
                "the next attempt adopts them"
            ) from error
        raise ArizeRunCancelledError(f"the task was killed; run(s) {ids} were cancelled")

    def experiment(self, experiment_id: str | None) -> Experiment | None:
        """An experiment as it was made in the end; ``None`` if it can't be found out."""
        if experiment_id is None:
            return None
        try:
            return self.hook.get_experiment(experiment_id)
        except ArizeError as error:
            self.log.warning("Experiment %s can't be read: %s", experiment_id, error)
            return None

    def deadline_of(self, acquired: AcquiredRun, timeout: float, execution_deadline: float | None) -> float:
        """When the wait for a run ends, in epoch seconds: its creation plus the timeout, whoever resumes it."""
        created = acquired.run.created_at
        begun = time.time() if created is None or not acquired.adopted else self.clock.to_local_epoch(created)
        deadline = begun + timeout
        return deadline if execution_deadline is None else min(deadline, execution_deadline)

    # -- what Airflow gets to know -------------------------------------------------------------------------------

    def count(self, event: str) -> None:
        """Count something that happened to a run."""
        count_run(event, context=self.context, kind=self.kind)

    def record(self, run: TaskRun) -> None:
        """Metrics of a run that has ended."""
        record_run(run.to_dict(), context=self.context, kind=self.kind)

    def publish(self, result: Mapping[str, Any]) -> None:
        """Put the result on the events of the task's assets."""
        add_to_asset_events(self.context, asset_event_extra(result))

    # -- what grows with the number of runs ------------------------------------------------------------------------

    def put_aside(self, name: str, value: Any) -> None:
        """Keep JSON of this attempt outside the trigger's arguments, of which MySQL keeps 64 KB."""
        push_xcom(self.context, name, value)

    def fetch(self, name: str) -> Any:
        """What was put aside under a name.

        :raises ArizeWaitError: it is not there.
        """
        ti: Any = self.context["ti"]
        value = ti.xcom_pull(task_ids=ti.task_id, key=name, map_indexes=getattr(ti, "map_index", -1))
        if value is None:
            raise ArizeWaitError(
                f"the XCom {name!r} of this task instance is gone, in which it kept how far it had come. Runs that "
                "were started go on; the next attempt adopts them"
            )
        return value


def _is_whole(task: Task) -> bool:
    """Whether a list has told all that a run needs to know of its task."""
    works_on = task.project_id or task.dataset_id
    return bool(works_on) and (bool(task.evaluators) or task.type is TaskType.RUN_EXPERIMENT)
