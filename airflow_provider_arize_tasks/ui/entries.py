"""What a record means: the window it served, how that ended, why in a sentence, and what to do next. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from airflow_provider_arize_tasks.coverage.states import State
from airflow_provider_arize_tasks.coverage.summary import COVERAGE_KEY, VERIFICATION_KEY, Summary
from airflow_provider_arize_tasks.runs.requests import REASON_KEY, RUN_KEY
from airflow_provider_arize_tasks.runs.verdict import SERVER_MAX_SPANS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EVALUATE: Final = "ArizeTriggerEvaluationRunOperator"
EXPERIMENT: Final = "ArizeTriggerExperimentRunOperator"
CHECK: Final = "ArizeCheckExperimentOperator"
GAPS: Final = "ArizeFindWindowGapsOperator"
VERIFY: Final = "ArizeVerifyWindowOperator"
#: Those that run nothing, but ask Arize how windows are.
LOOKERS: Final = (GAPS, VERIFY)
RESULT_KEY: Final = "return_value"
LINK_KEYS: Final = ("arize_run_link", "arize_task_link", "arize_experiment_link", "arize_report_link")
#: Airflow's words for a task instance that has not ended.
_UNFINISHED = frozenset(
    {None, "scheduled", "queued", "running", "restarting", "deferred", "up_for_retry", "up_for_reschedule"}
)
_LINK_NAMES = {
    "arize_run_link": "Run on Arize",
    "arize_task_link": "Task on Arize",
    "arize_experiment_link": "Experiment on Arize",
}
#: Runs of one task instance that the page lists; more than any result of ours has.
MOST_RUNS = 2_000
_SKIPPED = frozenset({"skipped", "removed"})


@dataclass(frozen=True, kw_only=True)
class TaskRecord:
    """A task instance, as Airflow keeps it.

    :param state: Airflow's own word; ``None`` before it is scheduled.
    :param run_after: when its DAG run was due.
    :param interval: the DAG run's data interval; ``None`` where it has none, or one without width.
    :param values: its XComs by key, decoded.
    """

    dag_id: str
    task_id: str
    run_id: str
    map_index: int = -1
    operator: str = EVALUATE
    state: str | None = None
    try_number: int = 0
    started: datetime | None = None
    ended: datetime | None = None
    run_after: datetime
    interval: tuple[datetime, datetime] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What tells it from all others."""
        return self.dag_id, self.task_id, self.run_id, self.map_index


@dataclass(frozen=True)
class Step:
    """What comes next: a sentence, with a command to copy if there is one."""

    text: str
    command: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A task instance as the page shows it.

    :param window: the data it was for; ``None`` for experiments, and where it is not known.
    :param day: the day it stands for: of its window, else the one its DAG run was due on.
    :param days: how many days from there its window touches.
    :param runs: the Arize runs that are known, each with ``id``, ``status`` and counts.
    :param links: name and address of pages on Arize.
    :param summary: what a gap or verify operator saw.
    """

    record: TaskRecord
    state: State
    reason: str
    step: Step | None
    window: tuple[datetime, datetime] | None
    day: date
    days: int = 1
    runs: tuple[Mapping[str, Any], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    arize_id: str | None = None
    arize_name: str | None = None
    conn_id: str | None = None
    experiment_id: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    summary: Summary | None = None

    @property
    def airflow_task(self) -> tuple[str, str]:
        """DAG id and task id."""
        return self.record.dag_id, self.record.task_id

    @property
    def is_look(self) -> bool:
        """Whether it only looked how windows are."""
        return self.record.operator in LOOKERS

    @property
    def is_check(self) -> bool:
        """Whether it judges an experiment rather than running something."""
        return self.record.operator == CHECK

    @property
    def airflow_path(self) -> str:
        """Path of the task instance in Airflow."""
        record = self.record
        path = f"{self.dag_run_path}/tasks/{quote(record.task_id, safe='')}"
        return path if record.map_index < 0 else f"{path}/mapped/{record.map_index}"

    @property
    def dag_run_path(self) -> str:
        """Path of the DAG run in Airflow."""
        return f"/dags/{quote(self.record.dag_id, safe='')}/runs/{quote(self.record.run_id, safe='')}"

    def touched(self) -> Iterator[date]:
        """The days its window touches."""
        return (self.day + timedelta(days=number) for number in range(self.days))


def entry_of(record: TaskRecord) -> Entry:
    """Read a record.

    :param record: as Airflow keeps it. Its XComs may hold anything: whatever has not the expected form is left out.
    """
    if record.operator in LOOKERS:
        return _look(record)
    result = _mapping(record.values.get(RESULT_KEY))
    run = _mapping(record.values.get(RUN_KEY))
    window = _window(result) or _window(run) or (record.interval if record.operator == EVALUATE else None)
    state = _state(record, result, run, window)
    return Entry(
        record=record,
        state=state,
        reason=_reason(record, result, state),
        step=_step(record, state, window),
        window=window,
        day=(window[0] if window else record.run_after).astimezone(timezone.utc).date(),
        days=_days(window),
        runs=_runs(result, run),
        links=tuple(_links(record)),
        arize_id=text(result.get("task_id")) or text(run.get("task_id")),
        arize_name=text(run.get("task_name")),
        conn_id=text(run.get("arize_conn_id")),
        experiment_id=_experiment_id(record, result),
        result=result,
    )


def _look(record: TaskRecord) -> Entry:
    """A gap or verify operator's task instance; without a summary where it wrote none (it failed, or is older)."""
    summary = Summary.read(record.values.get(COVERAGE_KEY)) or Summary.read(record.values.get(VERIFICATION_KEY))
    return Entry(
        record=record,
        state=_state(record, {}, {}, None),
        reason="",
        step=None,
        window=None,
        day=record.run_after.astimezone(timezone.utc).date(),
        arize_id=summary.task_id[:500] if summary else None,
        arize_name=text(summary.task_name) if summary else None,
        conn_id=text(summary.arize_conn_id) if summary else None,
        summary=summary,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """A text of a sane length, or nothing."""
    return value[:500] if isinstance(value, str) and value else None


def number(value: Any) -> float:
    """A number, or 0."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value else 0


def _instant(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _window(source: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    start, end = _instant(source.get("data_start_time")), _instant(source.get("data_end_time"))
    return (start, end) if start and end and start < end else None


def _days(window: tuple[datetime, datetime] | None) -> int:
    if window is None:
        return 1
    first = window[0].astimezone(timezone.utc).date()
    last = (window[1] - timedelta(microseconds=1)).astimezone(timezone.utc).date()
    return min((last - first).days, 366) + 1


def _state(
    record: TaskRecord,
    result: Mapping[str, Any],
    run: Mapping[str, Any],
    window: tuple[datetime, datetime] | None,
) -> State:
    if record.state in _UNFINISHED:
        return State.RUNNING
    if record.state in _SKIPPED:
        # With a run there was data, and all of it carried labels already.
        return State.COVERED if run and record.operator == EVALUATE else State.EMPTY
    if record.state != "success":
        return State.TRUNCATED if "max_spans" in (_told(record) or "") else State.FAILED
    if not result:
        return State.EMPTY if record.operator == EVALUATE else State.COVERED
    if record.operator == EVALUATE and window is not None:
        return _covered_or_not(result, run)
    return State.RUNNING if result.get("status") in ("PENDING", "RUNNING") else State.COVERED


def _covered_or_not(result: Mapping[str, Any], run: Mapping[str, Any]) -> State:
    if result.get("status") in ("PENDING", "RUNNING"):
        return State.RUNNING
    if "runs" in result:  # in pieces, of which each was judged
        return State.COVERED
    try:
        limit = int(run.get("max_spans") or SERVER_MAX_SPANS)
    except (TypeError, ValueError):
        limit = SERVER_MAX_SPANS
    total = sum(number(result.get(name)) for name in ("num_successes", "num_errors", "num_skipped"))
    if total >= limit * max(1, number(run.get("evaluators"))):
        return State.TRUNCATED
    return State.DOUBTFUL if total >= limit else State.COVERED


def _told(record: TaskRecord) -> str | None:
    return text(record.values.get(REASON_KEY))


def _reason(record: TaskRecord, result: Mapping[str, Any], state: State) -> str:
    told = _told(record)
    if state is State.RUNNING:
        return f"Airflow says {record.state or 'not scheduled yet'}, attempt {max(1, record.try_number)}."
    if told:
        return told
    if record.state == "upstream_failed":
        return "A task before it failed, so it did not run."
    if record.state == "failed":
        return "Airflow keeps no reason; its log does."
    if record.operator == CHECK or not result:
        return ""
    counts = [f"{number(result.get(f'num_{name}')):,.0f} {word}" for name, word in _COUNT_WORDS]
    return f"{text(result.get('status')) or 'Ended'}: {', '.join(counts)}."


_COUNT_WORDS = (("successes", "labelled"), ("errors", "errors"), ("skipped", "skipped"))


def _step(record: TaskRecord, state: State, window: tuple[datetime, datetime] | None) -> Step | None:
    if state is State.FAILED:
        return Step("Mend the cause, then clear the task instance in Airflow: a cleared task triggers a new run.")
    if state in (State.TRUNCATED, State.DOUBTFUL):
        return Step('Set on_truncated="split" (or a larger max_spans) and clear the task instance in Airflow.')
    if state is State.EMPTY and window is not None and record.operator == EVALUATE:
        return Step("If there should be data, look at the project's spans of that window; late ones need settle=.")
    return None


def _runs(result: Mapping[str, Any], run: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    several = result.get("runs")
    if isinstance(several, list):
        return tuple(each for each in several if isinstance(each, dict))[:MOST_RUNS]
    if text(result.get("id")):
        return (result,)
    run_id = text(run.get("run_id"))
    return ({"id": run_id, "status": None},) if run_id else ()


def _links(record: TaskRecord) -> Iterator[tuple[str, str]]:
    for key in LINK_KEYS:
        address = text(record.values.get(key))
        if key in _LINK_NAMES and address and is_web_address(address):
            yield _LINK_NAMES[key], address


def is_web_address(address: str) -> bool:
    """Whether a link may lead there: a hostile XCom must not run scripts in the page.

    :param address: any text.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _experiment_id(record: TaskRecord, result: Mapping[str, Any]) -> str | None:
    if record.operator == CHECK:
        return text(_mapping(result.get("experiment")).get("id"))
    return text(result.get("experiment_id"))
