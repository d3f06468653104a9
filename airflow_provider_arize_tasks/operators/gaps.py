"""The operator that finds the windows a task has not evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.exceptions import failing_for_good
from airflow_provider_arize_tasks.operators.run_times import read_run_times
from airflow_provider_arize_tasks.windows.times import delay_of, parse_instant, width_of, zone_of
from airflow_provider_arize_tasks.windows.window import iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, tzinfo

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.coverage.reading import TaskCoverage
    from airflow_provider_arize_tasks.coverage.states import Gaps
    from airflow_provider_arize_tasks.windows.window import Window

#: XCom that keeps, from one DAG run to the next, when each gap was returned first. Kept only with ``give_up_after``.
FIRST_ASKED_KEY = "arize_first_asked"
#: How many windows Airflow maps unless ``[core] max_map_length`` is set.
_MAX_MAP_LENGTH = 1024
#: How many windows of a kind the log names before it only counts.
_MOST_NAMED = 10


class ArizeFindWindowGapsOperator(BaseOperator):
    """Find the windows of a range that a task has not evaluated, ready to be mapped into the trigger operator.

    A window is covered by runs that COMPLETED without reaching ``max_spans`` and by runs CANCELLED because everything
    was labelled already. What is left is cut at the borders of the windows and returned in order. Windows that are not
    over yet and those with a run still going are left out.

    .. code-block:: python

        gaps = ArizeFindWindowGapsOperator(task_id="gaps", task="Answer quality", start="30d")
        ArizeTriggerEvaluationRunOperator.partial(
            task_id="evaluate", task="Answer quality", on_truncated="split"
        ).expand_kwargs(gaps.output)

    It makes one GET of the task and one per hundred runs the task ever had; it changes nothing, so a retry is harmless.

    .. seealso:: Arize's reference of ``GET /v2/tasks/{task_id}/runs``: https://arize.com/docs/ax/rest-reference

    :param task: name or id of the task, or the JSON that a create operator returned. (templated)
    :param start: first instant of the range: a datetime, a date, ISO 8601 text, or how far it reaches back from
        ``end`` (a ``timedelta`` or ``"30d"``). Default 30 days back. (templated)
    :param end: first instant after the range, likewise; relative to the DAG run's data interval end (or its
        ``run_after`` where it has no interval). Default that point itself. A relative end lies on the last border of a
        window at or before: on midnight for windows of a day. (templated)
    :param window: width of a window: ``"day"`` (default), ``"hour"``, ``"week"``, ``"6h"`` or a ``timedelta``. Days are
        calendar days of ``timezone``. (templated)
    :param timezone: time zone of days, and of dates and times without one. Default the DAG's. (templated)
    :param space: space of the task if it is given by name; default the connection's. (templated)
    :param max_spans: the ``max_spans`` that the runs were triggered with, which the API does not tell; default the
        server's own, 10,000. (templated)
    :param max_error_rate: a completed run with a larger share of errors, 0 to 1, does not cover its window. Default
        every completed run does. (templated)
    :param settle: how long after its end a window is not complete because evaluation sees spans late (one to two
        hours). Until then it is left out, and a run made before then does not cover it. A ``timedelta``, seconds or
        ``"2h"``; default 0. (templated)
    :param give_up_after: let a window go that has no run to show, as a window without data has none, once it is older
        than this and was returned for that long. A window that was never returned before is returned whatever its age,
        so a hole that is found late gets its chance. A ``timedelta``, seconds or ``"3d"``; default ``None``, never.
        (templated)
    :param include_running: return windows with a run still going as well; they would be evaluated twice. Default false.
    :param max_windows: most windows to return, the oldest first; the next DAG run finds the rest. Default Airflow's
        own limit for mapped tasks, ``[core] max_map_length``. (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: a list of ``{"data_start_time": ..., "data_end_time": ...}``, empty if nothing is left.
    :raises ArizePermanentError: the connection or an argument is wrong, or the task has no windows; not retried.
    :raises ArizeError: the API could not be asked; a retry asks again.
    """

    template_fields: Sequence[str] = (
        "task",
        "start",
        "end",
        "window",
        "timezone",
        "space",
        "max_spans",
        "max_error_rate",
        "settle",
        "give_up_after",
        "max_windows",
        "arize_conn_id",
    )
    ui_color = "#e8e4fb"

    def __init__(
        self,
        *,
        task: Any,
        start: datetime | date | str | timedelta = timedelta(days=30),
        end: datetime | date | str | timedelta | None = None,
        window: str | timedelta = "day",
        timezone: str | None = None,
        space: str | None = None,
        max_spans: int | str | None = None,
        max_error_rate: float | str | None = None,
        settle: timedelta | float | str | None = None,
        give_up_after: timedelta | float | str | None = None,
        include_running: bool = False,
        max_windows: int | str | None = None,
        arize_conn_id: str = "arize_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.task = task
        self.start = start
        self.end = end
        self.window = window
        self.timezone = timezone
        self.space = space
        self.max_spans = max_spans
        self.max_error_rate = max_error_rate
        self.settle = settle
        self.give_up_after = give_up_after
        self.include_running = include_running
        self.max_windows = max_windows
        self.arize_conn_id = arize_conn_id
        self._check(rendered=False)

    def _check(self, *, rendered: bool) -> _Settings:
        check = Checker(rendered=rendered)
        utc = timezone.utc
        for name in ("start", "end"):
            value = getattr(self, name)
            if isinstance(value, str) and delay_of(value) is None:
                check.read(name, value, partial(parse_instant, name=name, zone=utc), (datetime.now(utc), False))
        settings = _Settings(
            task=check.read("task", self.task, args.reference, ""),
            every=check.read("window", self.window, width_of, timedelta(days=1)),
            zone=check.read("timezone", self.timezone, args.optional(zone_of), None),
            max_spans=check.read("max_spans", self.max_spans, args.optional(args.count), None),
            max_error_rate=check.read("max_error_rate", self.max_error_rate, args.optional(args.rate), None),
            settle=check.read("settle", self.settle, args.optional(_delay), None) or timedelta(),
            give_up_after=check.read("give_up_after", self.give_up_after, args.optional(_delay), None),
            max_windows=check.read("max_windows", self.max_windows, args.optional(args.count), None),
        )
        check.raise_if_any(f"{type(self).__name__} {self.task_id!r}")
        return settings

    def execute(self, context: Context) -> list[dict[str, str]]:
        """Find the gaps.

        :return: the windows, in order.
        """
        with failing_for_good():
            settings = self._check(rendered=True)
            found = self._read(context, settings)
        asked = self._first_asked(context, settings)
        gaps = found.coverage.gaps(
            found.range.every,
            found.range.zone,
            now=found.now,
            settle=settings.settle,
            give_up_after=settings.give_up_after,
            first_asked=asked,
            include_running=self.include_running,
        )
        windows = self._cap(gaps.windows, settings)
        self._report(found, gaps)
        ti = context.get("ti")
        if settings.give_up_after is not None and ti is not None:
            record = {each.key: iso(asked.get(each.key, found.now)) for each in (*windows, *gaps.let_go)}
            ti.xcom_push(key=FIRST_ASKED_KEY, value=record)
        return [window.to_dict() for window in windows]

    def _read(self, context: Context, settings: _Settings) -> TaskCoverage:
        from airflow_provider_arize_tasks.coverage.reading import range_of, read_task_coverage
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        times = read_run_times(context)
        # The same on every attempt: neither the range nor what counts as over may move with a retry.
        begun = getattr(context.get("dag_run"), "start_date", None)
        present = max(
            (each for each in (times.reference, begun) if each is not None), default=datetime.now(timezone.utc)
        )
        wanted = range_of(
            self.start,
            self.end,
            window=settings.every,
            timezone=settings.zone or times.timezone,
            reference=times.reference or present,
        )
        with ArizeHook(self.arize_conn_id) as hook:
            return read_task_coverage(
                hook,
                settings.task,
                wanted,
                space=self.space,
                max_spans=settings.max_spans,
                max_error_rate=settings.max_error_rate,
                settle=settings.settle,
                now=present,
            )

    def _first_asked(self, context: Context, settings: _Settings) -> dict[str, datetime]:
        """When earlier DAG runs returned each gap first. Without their record nothing is let go or missed."""
        ti = context.get("ti")  # missing where somebody calls execute by hand
        if settings.give_up_after is None or ti is None:
            return {}
        record: Mapping[str, str] | None = ti.xcom_pull(
            task_ids=self.task_id,
            key=FIRST_ASKED_KEY,
            include_prior_dates=True,
            map_indexes=getattr(ti, "map_index", -1),
        )
        utc = timezone.utc
        return {key: parse_instant(value, name=key, zone=utc)[0] for key, value in (record or {}).items()}

    def _cap(self, windows: Sequence[Window], settings: _Settings) -> Sequence[Window]:
        limit = settings.max_windows or conf.getint("core", "max_map_length", fallback=_MAX_MAP_LENGTH)
        if len(windows) > limit:
            self.log.warning(
                "%d windows are left to evaluate, %d are returned, the oldest first; the next DAG run finds the rest",
                len(windows),
                limit,
            )
        return windows[:limit]

    def _report(self, found: TaskCoverage, gaps: Gaps) -> None:
        span = found.range.span
        name = found.task.name or found.task.id
        self.log.info("Task %s, %s to %s, in windows of %s", name, iso(span.start), iso(span.end), found.range.every)
        for what, windows in (
            ("to evaluate", gaps.windows),
            ("still under a run, left out", gaps.running),
            ("not over yet, left out", gaps.not_over),
            ("without a run to show for longer than give_up_after, let go", gaps.let_go),
        ):
            if windows:
                named = ", ".join(window.key for window in windows[:_MOST_NAMED])
                more = f" and {len(windows) - _MOST_NAMED} more" if len(windows) > _MOST_NAMED else ""
                self.log.info("%d %s: %s%s", len(windows), what, named, more)
        if not gaps.windows:
            self.log.info("Nothing is left to evaluate")


def _delay(value: Any) -> timedelta:
    """A span of time: a ``timedelta``, seconds, text such as ``3d``; zero is none."""
    delay = delay_of(value) if isinstance(value, str) else None
    if delay is not None:
        return delay
    return timedelta() if value in (0, "0", timedelta()) else args.span(value)


@dataclass(frozen=True, kw_only=True)
class _Settings:
    """The arguments, read."""

    task: str
    every: timedelta
    zone: tzinfo | None
    max_spans: int | None
    max_error_rate: float | None
    settle: timedelta
    give_up_after: timedelta | None
    max_windows: int | None
