"""Where the gap operator keeps its record: in XComs of its own, from one DAG run to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.coverage.record import GapRecord
from airflow_provider_arize_tasks.coverage.summary import COVERAGE_KEY, Summary, merged

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.coverage.gaps import Gaps
    from airflow_provider_arize_tasks.coverage.reading import TaskCoverage

#: XCom of a DAG run with a logical date. Airflow finds the latest of them by that date.
RECORD_KEY = "arize_gap_record"
#: XCom of a DAG run without one (manual, asset-triggered). Apart from the others, since PostgreSQL sorts a date that is
#: missing before all that are there: one manual run would hide every record that follows.
UNDATED_KEY = "arize_gap_record_undated"
#: When each gap was returned first, for people and for releases before this one; only with ``give_up_after``.
FIRST_ASKED_KEY = "arize_first_asked"


def read_record(context: Context, task_id: str, airflow_task_id: str) -> GapRecord:
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


def keep_record(context: Context, task_id: str, record: GapRecord, *, with_first_asked: bool) -> None:
    """Write the record down for the DAG runs to come.

    :param with_first_asked: whether to write :data:`FIRST_ASKED_KEY` as well.
    """
    ti = context.get("ti")
    if ti is None:
        return
    data = record.to_dict(task_id)
    ti.xcom_push(key=RECORD_KEY if _logical_date(context) is not None else UNDATED_KEY, value=data)
    if with_first_asked:
        ti.xcom_push(key=FIRST_ASKED_KEY, value=data["first_asked"])


def keep_states(context: Context, found: TaskCoverage, gaps: Gaps, *, settle: timedelta, arize_conn_id: str) -> None:
    """Write down, for the page in Airflow, which state each window is in: a few kilobytes at most.

    :param context: of the attempt.
    :param found: what was read.
    :param gaps: what is left of it.
    :param settle: how long after its end a window is too early to be judged.
    :param arize_conn_id: Airflow connection it was read with.
    """
    from airflow_provider_arize_tasks.coverage.calendar import cells_of

    ti = context.get("ti")
    if ti is None:
        return
    wanted = found.range
    cells = cells_of(found.coverage, wanted.every, wanted.zone, now=found.now - settle, let_go=gaps.let_go)
    summary = Summary(
        task_id=found.task.id,
        task_name=found.task.name,
        arize_conn_id=arize_conn_id,
        at=found.now,
        stretches=merged(cells),
    )
    ti.xcom_push(key=COVERAGE_KEY, value=summary.to_dict())


def _logical_date(context: Context) -> Any:
    return context.get("logical_date") or getattr(context.get("dag_run"), "logical_date", None)
