"""The operator that finds the windows a task has not evaluated, and keeps its record in XComs from run to run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.fields import length_of_time, point_or_length
from airflow_provider_arize_tasks.coverage.gaps import OnStale
from airflow_provider_arize_tasks.coverage.record import GapRecord, aware
from airflow_provider_arize_tasks.coverage.summary import COVERAGE_KEY, Summary, merged
from airflow_provider_arize_tasks.exceptions import failing_for_good
from airflow_provider_arize_tasks.links.arize import push_xcom
from airflow_provider_arize_tasks.operators.window_times import read_run_times, settle_or_default
from airflow_provider_arize_tasks.windows.times import zone_of
from airflow_provider_arize_tasks.windows.window import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, tzinfo

    from airflow.providers.common.compat.sdk import Context
    from typing_extensions import Unpack

    from airflow_provider_arize_tasks.base_arguments import OperatorArguments
    from airflow_provider_arize_tasks.coverage.gaps import Gaps
    from airflow_provider_arize_tasks.coverage.reading import TaskCoverage
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.windows.window import Window

#: XCom that says how much a re-evaluation of the stale windows would take.
STALE_KEY = "arize_stale"
#: XCom of a DAG run with a logical date. Airflow finds the latest of them by that date.
RECORD_KEY = "arize_gap_record"
#: XCom of a DAG run without one (manual, asset-triggered). Apart from the others, since PostgreSQL sorts a date that is
#: missing before all that are there: one manual run would hide every record that follows.
UNDATED_KEY = "arize_gap_record_undated"
#: When each gap was returned first, for people and for releases before this one; only with ``give_up_after``.
FIRST_ASKED_KEY = "arize_first_asked"
#: How late evaluation sees spans, unless told.
DEFAULT_SETTLE = timedelta(hours=2)
#: How many windows Airflow maps unless ``[core] max_map_length`` is set.
_MAX_MAP_LENGTH = 1024
#: How many windows of a kind the log names before it only counts.
_MOST_NAMED = 10


class ArizeFindWindowGapsOperator(BaseOperator):
    """Find the windows of a range that a task has not evaluated, ready to be mapped into the trigger operator.

    A window is covered, for each evaluator of the task, by a run that COMPLETED with successes, was not cut short, saw
    the window's late spans and was made by today's version of the evaluator; and by one CANCELLED because everything
    was labelled already. What is left is cut at the borders of the windows and returned in order. Windows that are not
    over yet and those with a run still going are left out. "Data windows and backfills" in the documentation has the
    states a window can be in.

    .. code-block:: python

        gaps = ArizeFindWindowGapsOperator(task_id="gaps", task="Answer quality", start="30d", settle="2h")
        ArizeTriggerEvaluationRunOperator.partial(
            task_id="evaluate", task="Answer quality", on_truncated="split"
        ).expand_kwargs(gaps.output)

    It makes one GET of the task, one of the versions of each evaluator, and one per hundred runs the task ever had.
    Where counts can't tell whether a run was cut short (several evaluators, traces, sessions, sampling), it counts the
    spans of the window, 500 a request. It changes nothing, so a retry is harmless.

    .. seealso:: Arize's reference of ``GET /v2/tasks/{task_id}/runs``: https://arize.com/docs/ax/rest-reference

    :param task: name or id of the task, or the JSON that a create operator returned. (templated)
    :param start: first instant of the range: a datetime, a date, ISO 8601 text, or how far it reaches back from
        ``end`` (a ``timedelta``, seconds, ``"30d"``, ``"P30D"``). Default 30 days back. (templated)
    :param end: first instant after the range, likewise; relative to the DAG run's data interval end (or its
        ``run_after`` where it has no interval). Default that point itself. A relative end lies on the last border of a
        window at or before: on midnight for windows of a day. (templated)
    :param window: width of a window, a length of time: ``"day"`` (default), ``"hour"``, ``"week"``, ``"6h"``. Days are
        calendar days of ``timezone``. (templated)
    :param timezone: time zone of days, and of dates and times without one. Default the DAG's. (templated)
    :param space: space of the task if it is given by name; default the connection's. (templated)
    :param max_spans: the ``max_spans`` that the runs were triggered with, which the API does not tell; default the
        server's own, 10,000. (templated)
    :param max_error_rate: a completed run with a larger share of errors, 0 to 1, does not cover its window. Default
        every completed run with a success does. (templated)
    :param stale: what to do about windows that were labelled by an older version of an evaluator, or before an
        evaluator was part of the task: ``"report"`` (default) says in the log and in XCom ``arize_stale`` how many
        spans and judge calls evaluating them again would take; ``"reevaluate"`` returns them, newest first, after the
        others, with ``override_evaluations=True`` where labels by an older version are in the way; ``"ignore"`` says
        nothing. (templated)
    :param settle: how long after its end a window is not complete because evaluation sees spans late (one to two
        hours). Until then it is left out, and a run covers only what had been over for that long when it was made. A
        ``timedelta``, seconds or ``"2h"``; default ``[arize] settle`` of Airflow's configuration, else 2 hours.
        (templated)
    :param give_up_after: let a window go that has no run to show, as a window without data has none, once it is older
        than this and was returned for that long. A window that was never returned before is returned whatever its age,
        so a hole that is found late gets its chance. A ``timedelta``, seconds or ``"3d"``; default ``None``, never.
        (templated)
    :param include_running: return windows with a run still going as well; they would be evaluated twice. Default false.
    :param max_windows: most windows to return; the newest are kept, the log says what was left out, and the next DAG
        run finds the rest. Default Airflow's own limit for mapped tasks, ``[core] max_map_length``. (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: a list of ``{"data_start_time": ..., "data_end_time": ...}``, empty if nothing is left. A window that is
        due again because a judge's version changed also has ``"override_evaluations": True``. The state of every window
        it looked at is in XCom ``arize_coverage``, for the page in Airflow.
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
        "stale",
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
        start: datetime | date | timedelta | float | str = timedelta(days=30),
        end: datetime | date | timedelta | float | str | None = None,
        window: timedelta | float | str = "day",
        timezone: str | None = None,
        space: str | None = None,
        max_spans: int | str | None = None,
        max_error_rate: float | str | None = None,
        stale: Literal["report", "reevaluate", "ignore"] = "report",
        settle: timedelta | float | str | None = None,
        give_up_after: timedelta | float | str | None = None,
        include_running: bool = False,
        max_windows: int | str | None = None,
        arize_conn_id: str = "arize_default",
        **kwargs: Unpack[OperatorArguments],
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
        self.stale = stale
        self.settle = settle
        self.give_up_after = give_up_after
        self.include_running = include_running
        self.max_windows = max_windows
        self.arize_conn_id = arize_conn_id
        self._check(rendered=False)

    def _check(self, *, rendered: bool) -> _Settings:
        check = Checker(rendered=rendered)
        for name in ("start", "end"):
            reader: Callable[[Any], Any] = partial(point_or_length, name=name, zone=timezone.utc)
            if name == "start" or self.end is not None:
                check.read(name, getattr(self, name), reader, None)
        settings = _Settings(
            task=check.read("task", self.task, args.reference, ""),
            every=check.read("window", self.window, args.span, timedelta(days=1)),
            zone=check.read("timezone", self.timezone, args.optional(zone_of), None),
            max_spans=check.read("max_spans", self.max_spans, args.optional(args.count), None),
            max_error_rate=check.read("max_error_rate", self.max_error_rate, args.optional(args.rate), None),
            stale=check.choice("stale", self.stale, OnStale, OnStale.REPORT),
            settle=check.read("settle", self.settle, _settle, DEFAULT_SETTLE) if rendered or self.settle else None,
            give_up_after=check.read(
                "give_up_after", self.give_up_after, args.optional(partial(length_of_time, name="give_up_after")), None
            ),
            max_windows=check.read("max_windows", self.max_windows, args.optional(args.count), None),
        )
        check.raise_if_any(f"{type(self).__name__} {self.task_id!r}")
        return settings

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Find the gaps.

        :return: the windows, in order.
        """
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        with failing_for_good():
            settings = self._check(rendered=True)
            with ArizeHook(self.arize_conn_id) as hook:
                task_id = hook.resolve_task(settings.task, self.space)
                record = _read_record(context, task_id, self.task_id)
                found = self._read(context, settings, hook, task_id, record)
                gaps = found.coverage.gaps(
                    found.range.every,
                    found.range.zone,
                    now=found.now,
                    settle=settings.settle or timedelta(),
                    give_up_after=settings.give_up_after,
                    first_asked=record.first_asked,
                    include_running=self.include_running,
                )
                self._report(found, gaps)
                if settings.stale is OnStale.REPORT:
                    self._report_stale(context, hook, found, gaps)
        settle = settings.settle or timedelta()
        _keep_states(context, found, gaps, settle=settle, arize_conn_id=self.arize_conn_id)
        wanted = self._cap(_wanted(gaps, settings.stale), settings)
        _keep_record(
            context,
            task_id,
            _next_record(record, found, gaps, wanted),
            with_first_asked=settings.give_up_after is not None,
        )
        return [_as_arguments(each) for each in wanted]

    def _read(
        self, context: Context, settings: _Settings, hook: ArizeHook, task_id: str, record: GapRecord
    ) -> TaskCoverage:
        from airflow_provider_arize_tasks.coverage.reading import range_of, read_task_coverage

        times = read_run_times(context)
        # The same on every attempt: neither the range nor what counts as over may move with a retry.
        begun = getattr(context.get("dag_run"), "start_date", None)
        present = max(
            (aware(each) for each in (times.reference, begun) if each is not None), default=datetime.now(timezone.utc)
        )
        wanted = range_of(
            self.start,
            self.end,
            window=settings.every,
            timezone=settings.zone or times.timezone,
            reference=aware(times.reference or present),
        )
        return read_task_coverage(
            hook,
            task_id,
            wanted,
            max_spans=settings.max_spans,
            max_error_rate=settings.max_error_rate,
            settle=settings.settle or timedelta(),
            now=present,
            record=record,
            progress=self.log.info,
        )

    def _cap(self, wanted: Sequence[_Wanted], settings: _Settings) -> Sequence[_Wanted]:
        limit = settings.max_windows or conf.getint("core", "max_map_length", fallback=_MAX_MAP_LENGTH)
        if len(wanted) <= limit:
            return wanted
        # What is stale comes last and newest first; of the others, the newest are the last.
        fresh = [each for each in wanted if not each.is_stale]
        kept = [*fresh[-limit:], *(each for each in wanted if each.is_stale)][:limit]
        left_out = sorted(each.window for each in wanted if each not in kept)
        self.log.warning(
            "%d windows are left to evaluate, %d are returned, the newest; the next DAG run finds the rest. Left out: "
            "%s",
            len(wanted),
            limit,
            _named(left_out),
        )
        return kept

    def _report(self, found: TaskCoverage, gaps: Gaps) -> None:
        span = found.range.span
        name = found.task.name or found.task.id
        self.log.info("Task %s, %s to %s, in windows of %s", name, iso(span.start), iso(span.end), found.range.every)
        for note in found.notes:
            self.log.warning("%s.", note)
        for what, windows in (
            ("to evaluate", gaps.windows),
            ("still under a run, left out", gaps.running),
            ("not over yet, or not settled, left out", gaps.not_over),
            ("without a sign of data for longer than give_up_after, let go", gaps.let_go),
            ("stale: labelled by an older version of an evaluator", gaps.stale),
            ("stale: evaluated before an evaluator was part of the task", gaps.unseen),
        ):
            if windows:
                self.log.info("%d %s: %s", len(windows), what, _named(windows))
        for line in sorted({f"{each.evaluator}: {each.reason}" for each in _telling(found, gaps)})[:_MOST_NAMED]:
            self.log.info("%s", line)
        if not gaps.windows:
            self.log.info("Nothing is left to evaluate")

    def _report_stale(self, context: Context, hook: ArizeHook, found: TaskCoverage, gaps: Gaps) -> None:
        windows = sorted((*gaps.stale, *gaps.unseen), reverse=True)
        if not windows:
            return
        from airflow_provider_arize_tasks.coverage.cost import cost_of

        cost = cost_of(hook.call, found, windows)
        self.log.warning(
            '%d windows are stale. Evaluating them again would take %s; stale="reevaluate" does', len(windows), cost
        )
        push_xcom(context, STALE_KEY, cost.to_dict())


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """A window to return."""

    window: Window
    is_stale: bool = False
    override: bool = False


def _wanted(gaps: Gaps, stale: OnStale) -> list[_Wanted]:
    wanted = [_Wanted(window=window) for window in gaps.windows]
    if stale is not OnStale.REEVALUATE:
        return wanted
    again = [_Wanted(window=window, is_stale=True, override=True) for window in gaps.stale]
    again += [_Wanted(window=window, is_stale=True) for window in gaps.unseen]
    return [*wanted, *sorted(again, key=lambda each: each.window, reverse=True)]


def _as_arguments(wanted: _Wanted) -> dict[str, Any]:
    override = {"override_evaluations": True} if wanted.override else {}
    return {**wanted.window.to_dict(), **override}


def _next_record(before: GapRecord, found: TaskCoverage, gaps: Gaps, wanted: Sequence[_Wanted]) -> GapRecord:
    """What the DAG runs to come must know."""
    asked = (*(each.window for each in wanted if not each.is_stale), *gaps.let_go)
    overridden = {window: at for window, at in before.overridden.items() if window.end > found.range.span.start}
    overridden.update((each.window, found.now) for each in wanted if each.override)
    attached = before.attached((judge.key for judge in found.rules.judges), found.now)
    return GapRecord(
        first_asked={window.key: before.first_asked.get(window.key, found.now) for window in asked},
        overridden=overridden,
        judges={judge.key: attached.get(judge.key) for judge in found.rules.judges},
    )


def _telling(found: TaskCoverage, gaps: Gaps) -> Sequence[Any]:
    """What tells a person why a window is asked for: all but that there was no run."""
    from airflow_provider_arize_tasks.coverage.intervals import merge, touch

    windows = merge((*gaps.windows, *gaps.stale, *gaps.unseen))
    return [each for each in found.coverage.stretches() if each.run_id and touch((each.window,), windows)]


def _named(windows: Sequence[Window]) -> str:
    named = ", ".join(window.key for window in windows[:_MOST_NAMED])
    return f"{named} and {len(windows) - _MOST_NAMED} more" if len(windows) > _MOST_NAMED else named


def _settle(value: Any) -> timedelta:
    return settle_or_default(value, DEFAULT_SETTLE)


@dataclass(frozen=True, kw_only=True)
class _Settings:
    """The arguments, read."""

    task: str
    every: timedelta
    zone: tzinfo | None
    max_spans: int | None
    max_error_rate: float | None
    stale: OnStale
    settle: timedelta | None
    give_up_after: timedelta | None
    max_windows: int | None


def _read_record(context: Context, task_id: str, airflow_task_id: str) -> GapRecord:
    """What earlier DAG runs wrote down; empty where there is none, or no task instance to ask.

    :param context: of the attempt.
    :param task_id: id of the Arize task.
    :param airflow_task_id: of the gap operator.
    """
    ti = context.get("ti")  # missing where somebody calls execute by hand
    if ti is None:
        return GapRecord()

    def pull(key: str) -> Any:
        return ti.xcom_pull(
            task_ids=airflow_task_id, key=key, include_prior_dates=True, map_indexes=getattr(ti, "map_index", -1)
        )

    return GapRecord.read((pull(RECORD_KEY), pull(UNDATED_KEY)), task_id, pull(FIRST_ASKED_KEY))


def _keep_record(context: Context, task_id: str, record: GapRecord, *, with_first_asked: bool) -> None:
    """Write the record down for the DAG runs to come.

    :param with_first_asked: whether to write :data:`FIRST_ASKED_KEY` as well.
    """
    data = record.to_dict(task_id)
    push_xcom(context, RECORD_KEY if _logical_date(context) is not None else UNDATED_KEY, data)
    if with_first_asked:
        push_xcom(context, FIRST_ASKED_KEY, data["first_asked"])


def _keep_states(context: Context, found: TaskCoverage, gaps: Gaps, *, settle: timedelta, arize_conn_id: str) -> None:
    """Write down, for the page in Airflow, which state each window is in: a few kilobytes at most.

    :param context: of the attempt.
    :param found: what was read.
    :param gaps: what is left of it.
    :param settle: how long after its end a window is too early to be judged.
    :param arize_conn_id: Airflow connection it was read with.
    """
    from airflow_provider_arize_tasks.coverage.calendar import cells_of

    wanted = found.range
    cells = cells_of(found.coverage, wanted.every, wanted.zone, now=found.now - settle, let_go=gaps.let_go)
    summary = Summary(
        task_id=found.task.id,
        task_name=found.task.name,
        arize_conn_id=arize_conn_id,
        at=found.now,
        stretches=merged(cells),
    )
    push_xcom(context, COVERAGE_KEY, summary.to_dict())


def _logical_date(context: Context) -> Any:
    return context.get("logical_date") or getattr(context.get("dag_run"), "logical_date", None)
