"""What a trigger operator asks of the spans of its window: do they fit, how is it cut, is there any data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.runs.verdict import SERVER_MAX_SPANS, Truncation, truncation

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.models import Task, TaskRun
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.runs.requests import RunRequest
    from airflow_provider_arize_tasks.windows.window import Window

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
