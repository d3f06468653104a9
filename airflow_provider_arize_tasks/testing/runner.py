"""Run one task in this process, as Airflow would: render, execute, defer, trigger, resume.

No database, no scheduler, no API server, so a test takes as long as the (emulated) run does. Where ``dag.test()``
works as well, this runs in a fraction of its time, does several attempts of one task, and shows what was deferred.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.providers.common.compat.sdk import BaseOperator

log = logging.getLogger(__name__)

_TRIGGERS = "airflow_provider_arize_tasks.triggers."


@dataclass(kw_only=True)
class TaskResult:
    """What became of one attempt.

    :param state: ``success``, ``skipped``, ``failed``, or ``up_for_retry`` where Airflow would try again.
    :param value: what the task returned.
    :param error: what it raised, if it did.
    :param xcoms: XComs by key, the return value and links among them.
    :param deferrals: each trigger the task deferred to, as Airflow stores it: ``classpath`` and ``kwargs``, and the
        ``method`` that resumes with its ``method_kwargs``.
    :param rendered: template fields after rendering.
    :param task_state: content of the task state store (Airflow 3.3 and later), for the next attempt.
    :param try_number: number of the attempt.
    :param max_tries: as Airflow counts it: ``retries``, and after a clear the attempts before it on top.
    :param dag_run_start: when the DAG run started; a clear starts it anew.
    :param task: the operator as it was executed, a copy of the one given.
    """

    state: str = "success"
    value: Any = None
    error: BaseException | None = None
    xcoms: dict[str, Any] = field(default_factory=dict)
    deferrals: list[dict[str, Any]] = field(default_factory=list)
    rendered: dict[str, Any] = field(default_factory=dict)
    task_state: dict[str, Any] = field(default_factory=dict)
    try_number: int = 1
    max_tries: int = 0
    dag_run_start: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    task: Any = field(default=None, repr=False)


def run_task(
    operator: BaseOperator,
    *,
    data_interval: tuple[datetime, datetime] | None = None,
    run_after: datetime | None = None,
    run_id: str = "manual__test",
    xcoms: Mapping[str, Any] | None = None,
    own_xcoms: Mapping[str, Any] | None = None,
    retry_of: TaskResult | None = None,
    cleared_after: TaskResult | None = None,
    has_state_store: bool = True,
    resume_from: Mapping[str, Any] | None = None,
    poll_interval: float | None = 0.2,
    context: Mapping[str, Any] | None = None,
) -> TaskResult:
    """Run one attempt of a task.

    :param operator: the task, in a DAG or not; it isn't changed.
    :param data_interval: start and end of the DAG run's data interval; ``None`` as in a manual run of Airflow 3.
    :param run_after: the DAG run's ``run_after``; default: the interval's end, else now.
    :param run_id: the DAG run's id.
    :param xcoms: return values of upstream tasks by task id.
    :param own_xcoms: XComs of this task's earlier DAG run (``TaskResult.xcoms``), for tasks that look back at them.
    :param retry_of: the attempt before, to run the next one: its number and its task state are carried on.
    :param cleared_after: the attempt before, to run the first one after the task was cleared; its task state is kept.
    :param has_state_store: whether there is a task state store, as from Airflow 3.3 on.
    :param resume_from: one of ``TaskResult.deferrals``: go on from there, as after an upgrade of the provider, instead
        of executing.
    :param poll_interval: seconds at most between looks at a run while the task is deferred, whatever its own
        ``poll_interval`` says, so that a test takes as long as the run does. Default 0.2; ``None`` keeps to the task's.
    :param context: additional entries of the context.
    :return: what became of it. Errors of the task are in there and not raised.
    """
    result = _next_attempt(operator, retry_of, cleared_after)
    task = result.task = operator.prepare_for_execution()
    filled = _context(
        task, result, data_interval=data_interval, run_after=run_after, run_id=run_id, upstream=dict(xcoms or {})
    )
    filled["ti"].earlier = dict(own_xcoms or {})
    if has_state_store:
        filled["task_state_store"] = _TaskStateStore(result.task_state)
    filled.update(context or {})
    with _execution_allowed():
        _attempt(operator, filled, result, resume_from, poll_interval)
    return result


def _next_attempt(operator: BaseOperator, retry_of: TaskResult | None, cleared_after: TaskResult | None) -> TaskResult:
    """Number the attempt as Airflow does: a retry leaves ``max_tries`` alone, a clear raises it."""
    before = retry_of or cleared_after
    if before is None:
        return TaskResult(max_tries=operator.retries or 0)
    max_tries = before.max_tries if retry_of else before.try_number + (operator.retries or 0)
    started = before.dag_run_start if retry_of else datetime.now(timezone.utc)
    return TaskResult(
        try_number=before.try_number + 1, max_tries=max_tries, task_state=before.task_state, dag_run_start=started
    )


def _attempt(
    operator: BaseOperator,
    context: dict[str, Any],
    result: TaskResult,
    resume_from: Mapping[str, Any] | None,
    poll_interval: float | None,
) -> None:
    from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

    try:
        _render(result, context)
        result.value = _execute_to_the_end(operator, context, result, resume_from, poll_interval)
    except AirflowSkipException as error:
        result.state, result.error = "skipped", error
    except AirflowFailException as error:
        result.state, result.error = "failed", error
    except Exception as error:  # like Airflow's task runner: whatever a task raises is its failure
        log.info("The task raised", exc_info=True)
        result.state = "up_for_retry" if result.try_number <= result.max_tries else "failed"
        result.error = error
    else:
        if result.value is not None:
            result.xcoms["return_value"] = _through_json(result.value)


def _render(result: TaskResult, context: dict[str, Any]) -> None:
    result.task.render_template_fields(context)
    result.rendered = {name: getattr(result.task, name) for name in result.task.template_fields}


def _execute_to_the_end(
    operator: BaseOperator,
    context: dict[str, Any],
    result: TaskResult,
    stored: Mapping[str, Any] | None,
    poll_interval: float | None,
) -> Any:
    from airflow.providers.common.compat.sdk import TaskDeferred

    while True:
        try:
            if stored is None:
                return result.task.execute(context)
            event = _through_json(asyncio.run(_first_event(stored["classpath"], _hurried(stored, poll_interval))))
            return result.task.resume_execution(stored["method"], {**stored["method_kwargs"], "event": event}, context)
        except TaskDeferred as raised:
            deferral = raised
        classpath, kwargs = deferral.trigger.serialize()
        method = {"method": deferral.method_name, "method_kwargs": deferral.kwargs or {}}
        stored = _through_json({"classpath": classpath, "kwargs": kwargs, **method})
        result.deferrals.append(dict(stored))
        # Airflow resumes in another process: what the task kept in its attributes is gone.
        result.task = context["task"] = context["ti"].task = operator.prepare_for_execution()
        _render(result, context)


def _hurried(stored: Mapping[str, Any], poll_interval: float | None) -> dict[str, Any]:
    """The arguments of a deferral's trigger, which looks at least this often if it is one of this provider's."""
    kwargs = dict(stored["kwargs"])
    own = kwargs.get("poll_interval")
    if poll_interval is not None and own is not None and str(stored["classpath"]).startswith(_TRIGGERS):
        kwargs["poll_interval"] = min(own, poll_interval)
    return kwargs


async def _first_event(classpath: str, kwargs: dict[str, Any]) -> Any:
    """Build the trigger from its stored form, as the triggerer does, and wait for its event."""
    module, _, name = classpath.rpartition(".")
    trigger = getattr(import_module(module), name)(**kwargs)
    events = trigger.run()
    try:
        async for event in events:
            return event.payload
    finally:
        await events.aclose()
        await trigger.cleanup()
    raise RuntimeError(f"{classpath} ended without an event")


def _through_json(value: Any) -> Any:
    """As Airflow stores it; what isn't plain JSON fails here as it would there."""
    return json.loads(json.dumps(value))


class _TaskStateStore:
    """The part of Airflow 3.3's task state store that a task uses."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def get(self, key: str, default: Any = None) -> Any:
        return self._values.get(key, default)

    def set(self, key: str, value: Any, **_retention: Any) -> None:
        self._values[key] = _through_json(value)

    def delete(self, key: str) -> None:
        self._values.pop(key, None)

    def clear(self) -> None:
        self._values.clear()


class _TaskInstance(SimpleNamespace):
    """The part of a task instance that a task uses."""

    def xcom_push(self, key: str, value: Any, **_ignored: Any) -> None:
        self.result.xcoms[key] = _through_json(value)

    def get_relevant_upstream_map_indexes(self, *_unmapped: Any, **_ignored: Any) -> None:
        """Airflow 2 asks which instances of an upstream task are meant: all, as nothing here is mapped."""

    def xcom_pull(self, task_ids: Any = None, key: str = "return_value", default: Any = None, **_ignored: Any) -> Any:
        if task_ids is None or task_ids == self.task_id:
            return {**getattr(self, "earlier", {}), **self.result.xcoms}.get(key, default)
        found = self.upstream if key == "return_value" else {}
        if isinstance(task_ids, str):
            return found.get(task_ids, default)
        return [found.get(task_id, default) for task_id in task_ids]


def _context(
    task: Any,
    result: TaskResult,
    *,
    data_interval: tuple[datetime, datetime] | None,
    run_after: datetime | None,
    run_id: str,
    upstream: dict[str, Any],
) -> dict[str, Any]:
    start, end = data_interval or (None, None)
    dag = task.get_dag()
    names: dict[str, Any] = {"dag_id": dag.dag_id if dag else "test", "run_id": run_id}
    ti = _TaskInstance(
        **names,
        task=task,
        task_id=task.task_id,
        map_index=-1,
        try_number=result.try_number,
        max_tries=result.max_tries,
        start_date=datetime.now(timezone.utc),
        result=result,
        upstream=upstream,
    )
    ti.dag_run = _dag_run(names, result, start, end, run_after or end or ti.start_date)
    filled = {
        "dag": dag,
        "dag_run": ti.dag_run,
        "run_id": run_id,
        "task": task,
        "ti": ti,
        "task_instance": ti,
        "params": dict(task.params.dump()) if hasattr(task.params, "dump") else dict(task.params),
        "outlet_events": {},
        "expanded_ti_count": None,
        "inlets": task.inlets,
        "outlets": task.outlets,
    }
    if start is not None and end is not None:
        filled |= {"data_interval_start": start, "data_interval_end": end, "logical_date": start}
        filled |= {"ds": start.strftime("%Y-%m-%d"), "ts": start.isoformat()}
    return filled


def _dag_run(
    names: dict[str, Any], result: TaskResult, start: datetime | None, end: datetime | None, run_after: datetime
) -> SimpleNamespace:
    return SimpleNamespace(
        **names,
        data_interval_start=start,
        data_interval_end=end,
        logical_date=start,
        run_after=run_after,
        start_date=result.dag_run_start,
        queued_at=result.dag_run_start,
        conf={},
        run_type="manual",
    )


@contextmanager
def _execution_allowed() -> Iterator[None]:
    """Airflow refuses ``operator.execute()`` outside its task runner, which this stands in for."""
    try:
        safeguard: Any = import_module("airflow.sdk.bases.operator").ExecutorSafeguard
    except ImportError:  # Airflow 2
        safeguard = import_module("airflow.models.baseoperator").ExecutorSafeguard
    before = safeguard.test_mode
    safeguard.test_mode = True
    try:
        yield
    finally:
        safeguard.test_mode = before
