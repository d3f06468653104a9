"""Where the gap operator keeps its record: in XComs of its own, from one DAG run to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.coverage.record import GapRecord

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

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


def _logical_date(context: Context) -> Any:
    return context.get("logical_date") or getattr(context.get("dag_run"), "logical_date", None)
