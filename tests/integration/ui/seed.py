"""Fills an Airflow database with records of this provider's task instances, as Airflow would have written them."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

UTC = timezone.utc


def make_tables() -> None:
    """All tables of the Airflow that is installed, in the database that is configured; migrations take too long."""
    from airflow import settings
    from airflow.models import import_all_models
    from airflow.models.base import Base

    settings.configure_orm()
    import_all_models()
    Base.metadata.create_all(settings.engine)


def instance(
    dag_id: str,
    task_id: str,
    day: datetime,
    *,
    operator: str = "ArizeTriggerEvaluationRunOperator",
    state: str | None = "success",
    xcoms: dict[str, Any] | None = None,
    map_index: int = -1,
    before_upgrade: bool = False,
) -> dict[str, Any]:
    """A task instance of the DAG run that is due at a time; its XComs, if need be, as Airflow 3.3 left them to 3.4."""
    return {
        "id": uuid.uuid4(),
        "before_upgrade": before_upgrade,
        "dag_id": dag_id,
        "task_id": task_id,
        "run_after": day,
        "run_id": f"scheduled__{day.isoformat()}",
        "operator": operator,
        "state": state,
        "xcoms": xcoms or {},
        "map_index": map_index,
    }


def evaluation(
    dag_id: str, day: datetime, *, task_id: str = "evaluate", arize: str = "VGFzazox", **given: Any
) -> dict[str, Any]:
    """An evaluation of the day before a DAG run."""
    state = given.pop("state", "success")
    window = {
        "data_start_time": (day - timedelta(days=1)).isoformat().replace("+00:00", "Z"),
        "data_end_time": day.isoformat().replace("+00:00", "Z"),
    }
    run_id = f"UnVuOj{day:%Y%m%d}"
    xcoms: dict[str, Any] = {
        "arize_run": {
            "task_id": arize,
            "task_name": given.pop("name", f"quality of {dag_id}"),
            "run_id": run_id,
            "evaluators": 1,
            "max_spans": None,
            "arize_conn_id": "arize_default",
            **window,
        },
        "arize_run_link": "https://app.arize.com/organizations/o/spaces/s/projects/p",
    }
    if state == "success":
        counts = {"num_successes": 412, "num_errors": 0, "num_skipped": 3}
        result = {"id": run_id, "task_id": arize, "status": "COMPLETED", **counts, **window}
        xcoms["return_value"] = {**result, **given.pop("result", {})}
    if given.get("reason"):
        xcoms["arize_reason"] = given.pop("reason")
    xcoms |= given.pop("xcoms", {})
    return instance(dag_id, task_id, day, state=state, xcoms=xcoms, **given)


def write(instances: Sequence[dict[str, Any]]) -> None:
    """Write task instances with their DAGs, DAG runs and XComs."""
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import func, insert, select, text

    with create_session() as session:
        session.execute(text("PRAGMA foreign_keys=OFF"))
        known = set(session.scalars(select(DagModel.dag_id)))
        first = (session.scalar(select(func.max(DagRun.id))) or 0) + 1
        dags = [_dag(dag_id) for dag_id in sorted({each["dag_id"] for each in instances} - known)]
        runs = {(each["dag_id"], each["run_id"]): each for each in instances}
        numbers = {key: first + index for index, key in enumerate(runs)}
        text_id = TaskInstance.__table__.columns["id"].type.python_type is str  # Airflow 3.1
        for table, rows in (
            (DagModel, dags),
            (DagRun, [_run(each, numbers[key]) for key, each in runs.items()]),
            (TaskInstance, [_instance(each, str if text_id else uuid.UUID) for each in instances]),
            *_stored(instances, numbers),
        ):
            if rows:
                session.execute(insert(table.__table__), [_row(table.__table__, row) for row in rows])


def xcom_tables() -> tuple[Any, ...]:
    """All that XComs are kept in: more than one table from Airflow 3.4 on."""
    from airflow.models import taskinstance, xcom

    owner = getattr(taskinstance, "LegacyTaskDataOwner", None)
    return (xcom.XComModel,) if owner is None else (xcom.XComModelV1, xcom.XComModelV2, owner)


def _stored(instances: Sequence[dict[str, Any]], numbers: dict[tuple[str, str], int]) -> list[tuple[Any, list[Any]]]:
    """What goes into which table of XComs."""
    rows = [(each, row) for each in instances for row in _xcoms(each, numbers)]
    tables = xcom_tables()
    if len(tables) == 1:
        return [(tables[0], [row for _, row in rows])]
    old, new, owner = tables
    coordinates = ("dag_id", "task_id", "run_id", "map_index")
    left = [each for each in instances if each["before_upgrade"]]
    by_attempt = [
        {"id": uuid.uuid4(), "task_instance_id": each["id"], **{n: row[n] for n in ("key", "value", "timestamp")}}
        for each, row in rows
        if not each["before_upgrade"]
    ]
    return [
        (owner, [{"task_instance_id": each["id"], **{n: each[n] for n in coordinates}} for each in left]),
        (old, [row for each, row in rows if each["before_upgrade"]]),
        (new, by_attempt),
    ]


def _row(table: Any, row: dict[str, Any]) -> dict[str, Any]:
    """A row as this Airflow's table takes it."""
    return {**_required(table), **{name: value for name, value in row.items() if name in table.columns}}


def _required(table: Any) -> dict[str, Any]:
    """Something for each column that must not be empty, whichever there are in this Airflow."""
    filled: dict[str, Any] = {}
    for column in table.columns:
        if column.nullable or column.default is not None or column.server_default is not None or column.primary_key:
            continue
        try:
            kind = column.type.python_type
        except NotImplementedError:
            kind = str
        filled[column.name] = {int: 1, bool: False, datetime: datetime.now(UTC)}.get(kind, "x")
    return filled


def _dag(dag_id: str) -> dict[str, Any]:
    return {"dag_id": dag_id, "is_stale": False, "is_paused": False, "fileloc": "x", "bundle_name": "dags-folder"}


def _run(each: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "id": number,
        "dag_id": each["dag_id"],
        "run_id": each["run_id"],
        "run_type": "scheduled",
        "run_after": each["run_after"],
        "logical_date": each["run_after"],
        "state": "success",
        "clear_number": 0,
        "log_template_id": None,
    }


def _instance(each: dict[str, Any], kind: Callable[[str], Any]) -> dict[str, Any]:
    started = each["run_after"] + timedelta(minutes=5)
    return {
        "id": kind(str(each["id"])),
        **{name: each[name] for name in ("dag_id", "task_id", "run_id", "map_index", "operator", "state")},
        "region_index": each["map_index"],  # what Airflow 3.4 calls it; a column that is not there is left out
        "try_number": 1,
        "max_tries": 2,
        "pool": "default_pool",
        "pool_slots": 1,
        "start_date": started,
        "end_date": started + timedelta(minutes=9),
    }


def _xcoms(each: dict[str, Any], numbers: dict[tuple[str, str], int]) -> Iterator[dict[str, Any]]:
    for key, value in each["xcoms"].items():
        yield {
            "dag_run_id": numbers[each["dag_id"], each["run_id"]],
            "dag_id": each["dag_id"],
            "task_id": each["task_id"],
            "run_id": each["run_id"],
            "map_index": each["map_index"],
            "key": key,
            "value": json.dumps(value),
            "timestamp": datetime.now(UTC),
        }


def check(dag_id: str, day: datetime, *, passed: bool, score: float = 0.8, **given: Any) -> dict[str, Any]:
    """A quality check."""
    evaluator = {
        "outcome": "passed" if passed else "dropped",
        "passed": passed,
        "score": score,
        "score_interval": [score - 0.03, score + 0.03],
        "change": {"mean": -0.2 if not passed else 0.01, "low": -0.3, "high": 0.1},
    }
    result = {
        "passed": passed,
        "experiment": {"id": f"RXhw{day:%m%d}", "name": f"nightly {day:%Y-%m-%d}"},
        "evaluators": {"correctness": evaluator},
        "failures": [] if passed else [{"message": "correctness dropped by 0.200 (0.100 to 0.300)"}],
        "remarks": [],
        "report": None,
        **given.pop("result", {}),
    }
    state = "success" if passed else "failed"
    xcoms = {"return_value": result, **given.pop("xcoms", {})}
    return instance(dag_id, "check", day, operator="ArizeCheckExperimentOperator", state=state, xcoms=xcoms, **given)


def look(
    dag_id: str, day: datetime, states: Sequence[tuple[int, int, str]], *, arize: str = "VGFzazox", **given: Any
) -> dict[str, Any]:
    """A gap operator's look: from and to how many days before its DAG run, and the state."""
    summary = {
        "task_id": arize,
        "task_name": given.pop("name", f"quality of {dag_id}"),
        "at": (day + timedelta(hours=3)).isoformat(),
        "states": [
            [f"{(day - timedelta(days=first)).isoformat()}/{(day - timedelta(days=last)).isoformat()}", state]
            for first, last, state in states
        ],
    }
    xcoms = {"arize_coverage": summary, "return_value": []}
    operator = "ArizeFindWindowGapsOperator"
    return instance(dag_id, "gaps", day, operator=operator, xcoms=xcoms, **given)


def experiment(dag_id: str, day: datetime, *, state: str = "success") -> dict[str, Any]:
    """A nightly experiment."""
    xcoms: dict[str, Any] = {"arize_run": {"task_id": "VGFzazoy", "task_name": "nightly prompt", "run_id": "UnVuOjk"}}
    if state == "success":
        counts = {"num_successes": 100, "num_errors": 0, "num_skipped": 0}
        result = {"id": "UnVuOjk", "task_id": "VGFzazoy", "status": "COMPLETED", **counts}
        xcoms["return_value"] = {
            **result,
            "experiment_id": f"RXhw{day:%m%d}",
            "experiment_name": f"nightly {day:%Y-%m-%d}",
        }
    return instance(dag_id, "run", day, operator="ArizeTriggerExperimentRunOperator", state=state, xcoms=xcoms)
