"""The window of an operator: from the DAG run's times, what lies between it and the one before, and its spans.

Do the spans fit into a run, how is the window cut, is there any data; and how late evaluation sees spans (``settle``).
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal, cast

from airflow.providers.common.compat.sdk import conf

from airflow_provider_arize_tasks.client.errors import ArizeConfigError, ArizeError
from airflow_provider_arize_tasks.client.fields import length_of_time
from airflow_provider_arize_tasks.links.arize import push_xcom
from airflow_provider_arize_tasks.runs.verdict import SERVER_MAX_SPANS, Truncation, truncation
from airflow_provider_arize_tasks.windows.window import SINCE_PREVIOUS, ResolvedWindow, RunTimes, resolve_window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.client.models import Task, TaskRun
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.runs.requests import RunRequest
    from airflow_provider_arize_tasks.windows.window import Window


def settle_or_default(value: timedelta | float | str | None, default: timedelta) -> timedelta:
    """The argument ``settle``, else ``[arize] settle`` of Airflow's configuration, else a default.

    :param value: the argument, rendered.
    :param default: what holds where nothing is configured.
    :raises ArizeConfigError: it is no length of time.
    """
    if value is not None and value != "None":
        return length_of_time(value, name="settle")
    configured = conf.get("arize", "settle", fallback=None)
    if not configured:
        return default
    try:
        return length_of_time(configured, name="[arize] settle")
    except ValueError as error:
        raise ArizeConfigError(f"{error} (in Airflow's configuration)") from error


def read_run_times(context: Mapping[str, Any]) -> RunTimes:
    """Read the facts of the DAG run; never raises for what is missing.

    On Airflow 3 a manual or asset-triggered run has no ``data_interval_start`` in its context at all (a template that
    names it fails), so everything is looked up with a default.

    :param context: the context that ``execute`` gets.
    """
    dag_run, dag = context.get("dag_run"), context.get("dag")
    zone = getattr(dag, "timezone", None) or "UTC"
    timetable = getattr(dag, "timetable", None)
    return RunTimes(
        interval_start=_time(context.get("data_interval_start"), getattr(dag_run, "data_interval_start", None)),
        interval_end=_time(context.get("data_interval_end"), getattr(dag_run, "data_interval_end", None)),
        run_after=_time(getattr(dag_run, "run_after", None)),
        partition_date=_first(context.get("partition_date"), getattr(dag_run, "partition_date", None)),
        partition_key=_first(context.get("partition_key"), getattr(dag_run, "partition_key", None)),
        timezone=zone,
        # Public on Airflow 3's task SDK, private on Airflow 2.
        schedule_timezone=_first(getattr(timetable, "timezone", None), getattr(timetable, "_timezone", None), zone),
        schedule=_describe(dag, timetable),
    )


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _time(*values: Any) -> datetime | None:
    """The first that is a time: a stand-in of a test's may have anything for an attribute."""
    return next((value for value in values if isinstance(value, datetime)), None)


def _describe(dag: Any, timetable: Any) -> str | None:
    """The schedule as its author wrote it if that is short text, else the timetable's class and expression."""
    schedule = _first(getattr(dag, "schedule", None), getattr(dag, "schedule_interval", None))
    if isinstance(schedule, str):
        return schedule
    if timetable is None:
        return None
    expression = _first(getattr(timetable, "expression", None), getattr(timetable, "_expression", None))
    name = type(timetable).__name__
    return f"{name}({expression!r})" if isinstance(expression, str) else name


#: XCom with the stretch between the window of the DAG run before and this one, which no run evaluates.
GAP_KEY = "arize_window_hole"


def lookback_of(value: Any) -> timedelta | Literal["since_previous"] | None:
    """The argument ``lookback``, read: a length of time, or ``"since_previous"``."""
    if value is None or (isinstance(value, str) and value.strip() in ("", "None")):
        return None
    if isinstance(value, str) and value.strip().lower() == SINCE_PREVIOUS:
        return "since_previous"
    return length_of_time(value, name="lookback")


def window_of_run(context: Context, data_start_time: Any, data_end_time: Any, lookback: Any) -> ResolvedWindow:
    """The window of a DAG run; the arguments are the operators' own, rendered.

    :raises WindowError: no window can be told.
    """
    return resolve_window(
        read_run_times(context),
        data_start_time=data_start_time,
        data_end_time=data_end_time,
        lookback=lookback_of(lookback),
        previous_end=_previous_end(context) if data_start_time is None and data_end_time is None else None,
        now=datetime.now(timezone.utc),
    )


def say_gap(context: Context, found: ResolvedWindow, log: Any) -> None:
    """Say aloud, in the log and in an XCom, what no run evaluates as the window begins later than the last ended."""
    if found.gap_before is None:
        return
    log.warning(
        "Nothing evaluates %s: the window of the DAG run before ended there, and this one begins later (a weekday "
        'schedule, a changed one, or the clocks). lookback="since_previous" closes such holes',
        found.gap_before.key,
    )
    push_xcom(context, GAP_KEY, found.gap_before.to_dict())


def _previous_end(context: Context) -> datetime | None:
    """Where the data interval of the last DAG run that succeeded ended. Airflow looks it up when it is asked."""
    try:
        found = cast("Any", context).get("prev_data_interval_end_success")
        return datetime.fromisoformat(found.isoformat()) if isinstance(found, datetime) else None
    except Exception:  # noqa: BLE001 -- whatever keeps Airflow from looking it up must not keep the window from being evaluated
        return None


#: Most spans that are read to cut a window; a window that holds more is cut by its runs.
_MOST_SPANS = 500_000


def pieces_of(hook: ArizeHook, task: Task, window: Window, limit: int | None, log: Any) -> tuple[Window, ...]:
    """A window in pieces that each fit into one run, by counting its spans; the window itself where they can't be.

    :param hook: the connection.
    :param task: the Arize task.
    :param window: the window.
    :param limit: most spans of a run; ``None`` for the server's own.
    :param log: the operator's logger.
    :raises ArizeError: the API could not be asked.
    """
    from itertools import islice

    from airflow_provider_arize_tasks.coverage.pieces import pieces_that_fit
    from airflow_provider_arize_tasks.coverage.spans import SpansUnavailableError, iter_spans

    try:
        spans = list(islice(iter_spans(hook.call, task.project_id or "", window), _MOST_SPANS + 1))
    except SpansUnavailableError as error:
        log.info("The window can't be cut beforehand: %s", error)
        return (window,)
    if len(spans) > _MOST_SPANS:
        log.info("The window holds more than %d spans: it is not cut beforehand", _MOST_SPANS)
        return (window,)
    times = sorted(span.start_time for span in spans if span.start_time is not None)
    pieces = pieces_that_fit(window, times, SERVER_MAX_SPANS if limit is None else limit)
    if len(pieces) > 1:
        log.info("The window holds %d spans: it is evaluated in %d pieces that fit", len(spans), len(pieces))
    return pieces


def counts_hide_limit(task: Task) -> bool:
    """Whether the counts of a task's runs can't tell whether they were cut short: traces, sessions, or a sample."""
    is_sampled = task.sampling_rate is not None and task.sampling_rate < 1
    return is_sampled or any(each.query_mappings for each in task.evaluators)


def is_in_doubt(request: RunRequest, run: TaskRun, limit: int | None) -> bool:
    """Whether the counts of a completed run can't tell that it was not cut short."""
    if request.counts_hide_limit:
        return run.num_processed > 0
    return truncation(run, max_spans=limit, evaluators=request.evaluators) is Truncation.MAYBE


def held_by(hook: ArizeHook, task: Task, window: Window, limit: int | None) -> int | None:
    """How many spans a run over a window has to look at, counted to just beyond the limit.

    :return: ``None`` where spans can't be listed.
    :raises ArizeError: the API could not be asked.
    """
    from airflow_provider_arize_tasks.coverage.reading import spans_for_run
    from airflow_provider_arize_tasks.coverage.spans import SpansUnavailableError

    try:
        return spans_for_run(hook.call, task, window, up_to=(SERVER_MAX_SPANS if limit is None else limit) + 1)
    except SpansUnavailableError:
        return None


def why_no_data(hook: ArizeHook, task: Task, window: Window) -> str:
    """What to say of a window in which Arize finds no data: with a filter, that may be the filter's doing.

    Never raises: it is said beside the refusal, which stands.
    """
    from airflow_provider_arize_tasks.coverage.spans import count_spans

    if not task.query_filter:
        return ""
    said = f". The task's filter is {task.query_filter!r}"
    try:
        held = count_spans(hook.call, task.project_id or "", window, up_to=10_000)
    except ArizeError as error:
        return f"{said}; whether the window holds spans that it leaves out can't be told ({error})"
    if not held:
        return f"{said}; the window holds no spans without it either"
    many = "10,000 spans or more" if held >= 10_000 else f"{held} spans"
    return (
        f"{said}; without it the window holds {many}, so check the filter (attributes.openinference.span.kind works, "
        "span_kind does not)"
    )
