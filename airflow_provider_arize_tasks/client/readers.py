"""From parsed JSON to typed objects.

Every field may be missing, null or of another type than documented: it is then ``None`` (or empty) and what the server
sent stays in ``to_dict()``. Only what nothing can be done without raises :class:`ArizeReplyError`: no object where one
is due, an object without an id, a list that is no list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from airflow_provider_arize_tasks.client.dialect import read_enum
from airflow_provider_arize_tasks.client.errors import ArizeReplyError
from airflow_provider_arize_tasks.client.models import (
    AiIntegration,
    Dataset,
    Evaluator,
    Example,
    Experiment,
    ExperimentRun,
    Named,
    Page,
    Project,
    RunStatus,
    Space,
    Task,
    TaskEvaluator,
    TaskRun,
    TaskType,
)

T = TypeVar("T")

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?\s*([Zz]|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)


def as_object(data: Any, what: str) -> Mapping[str, Any]:
    """The reply as an object.

    :param data: parsed JSON.
    :param what: what was expected, for the message.
    :raises ArizeReplyError: when it is anything else.
    """
    if isinstance(data, Mapping):
        return data
    raise ArizeReplyError(f"expected {what}, got {type(data).__name__}")


def text(data: Mapping[str, Any], key: str) -> str | None:
    """A text field."""
    value = data.get(key)
    return value if isinstance(value, str) else None


def count(data: Mapping[str, Any], key: str) -> int | None:
    """A count; also as text, which is how some JSON writers send 64-bit integers."""
    value = data.get(key)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        return int(value)
    return None


def number(data: Mapping[str, Any], key: str) -> float | None:
    """A number field."""
    value = data.get(key)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def flag(data: Mapping[str, Any], key: str) -> bool | None:
    """A truth value."""
    value = data.get(key)
    return value if isinstance(value, bool) else None


def mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    """An object field, as it is."""
    value = data.get(key)
    return value if isinstance(value, Mapping) else None


def mappings(data: Mapping[str, Any], key: str) -> tuple[Mapping[str, Any], ...]:
    """The objects of a list field."""
    value = data.get(key)
    return tuple(item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else ()


def texts(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The texts of a list field."""
    value = data.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def time(data: Mapping[str, Any], key: str) -> datetime | None:
    """A time field, in UTC. A time without an offset is UTC, as everything the API sends."""
    value = data.get(key)
    return parse_time(value) if isinstance(value, str) else None


def parse_time(value: str) -> datetime | None:
    """An RFC 3339 time with any number of fraction digits, in UTC, or ``None`` when it is no such time."""
    match = _TIME.fullmatch(value.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        naive = datetime(  # noqa: DTZ001  # the offset is applied below
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")),
        )
        return (naive - _offset(offset)).replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return None


def _offset(text_: str | None) -> timedelta:
    if text_ is None or text_ in "Zz":
        return timedelta(0)
    digits = text_[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if text_[0] == "-" else size


def _id(data: Mapping[str, Any], what: str) -> str:
    value = text(data, "id")
    if not value:
        raise ArizeReplyError(f"expected {what} with an id, got one without (fields: {_names(data)})")
    return value


def _names(data: Mapping[str, Any]) -> str:
    names = ", ".join(sorted(str(key)[:40] for key in data)[:12])
    return names or "none"


def read_task(data: Any) -> Task:
    """A task.

    :raises ArizeReplyError: no object, or one without an id.
    """
    data = as_object(data, "a task")
    return Task(
        id=_id(data, "a task"),
        name=text(data, "name"),
        type=read_enum(TaskType, data.get("type"), TaskType.UNKNOWN),
        type_text=text(data, "type"),
        project_id=text(data, "project_id"),
        dataset_id=text(data, "dataset_id"),
        sampling_rate=number(data, "sampling_rate"),
        is_continuous=flag(data, "is_continuous"),
        query_filter=text(data, "query_filter"),
        query_filters=mapping(data, "query_filters"),
        evaluators=tuple(_task_evaluator(item) for item in mappings(data, "evaluators")),
        experiment_ids=texts(data, "experiment_ids"),
        run_configuration=mapping(data, "run_configuration"),
        last_run_at=time(data, "last_run_at"),
        created_at=time(data, "created_at"),
        updated_at=time(data, "updated_at"),
        created_by_user_id=text(data, "created_by_user_id"),
        raw=data,
    )


def _task_evaluator(data: Mapping[str, Any]) -> TaskEvaluator:
    column_mappings = mapping(data, "column_mappings")
    return TaskEvaluator(
        evaluator_id=text(data, "evaluator_id"),
        evaluator_name=text(data, "evaluator_name"),
        evaluator_version_id=text(data, "evaluator_version_id"),
        query_filter=text(data, "query_filter"),
        column_mappings=column_mappings,
        query_mappings=mappings(data, "query_mappings") if isinstance(data.get("query_mappings"), list) else None,
        raw=data,
    )


def read_task_run(data: Any) -> TaskRun:
    """A task run. A status that this release doesn't know is ``RunStatus.UNKNOWN``.

    :raises ArizeReplyError: no object, or one without an id.
    """
    data = as_object(data, "a task run")
    return TaskRun(
        id=_id(data, "a task run"),
        task_id=text(data, "task_id"),
        status=read_enum(RunStatus, data.get("status"), RunStatus.UNKNOWN),
        status_text=text(data, "status"),
        experiment_id=text(data, "experiment_id"),
        run_started_at=time(data, "run_started_at"),
        run_finished_at=time(data, "run_finished_at"),
        data_start_time=time(data, "data_start_time"),
        data_end_time=time(data, "data_end_time"),
        num_successes=count(data, "num_successes"),
        num_errors=count(data, "num_errors"),
        num_skipped=count(data, "num_skipped"),
        created_at=time(data, "created_at"),
        created_by_user_id=text(data, "created_by_user_id"),
        failure_reason=text(data, "failure_reason"),
        raw=data,
    )


def _named(data: Any, what: str) -> dict[str, Any]:
    data = as_object(data, what)
    return {
        "id": _id(data, what),
        "name": text(data, "name"),
        "created_at": time(data, "created_at"),
        "updated_at": time(data, "updated_at"),
        "raw": data,
    }


def read_space(data: Any) -> Space:
    """A space."""
    return Space(**_named(data, "a space"), organization_id=text(data, "organization_id"))


def read_project(data: Any) -> Project:
    """A project."""
    return Project(**_named(data, "a project"), space_id=text(data, "space_id"))


def read_dataset(data: Any) -> Dataset:
    """A dataset."""
    return Dataset(**_named(data, "a dataset"), space_id=text(data, "space_id"), versions=mappings(data, "versions"))


def read_experiment(data: Any) -> Experiment:
    """An experiment."""
    return Experiment(
        **_named(data, "an experiment"),
        space_id=text(data, "space_id"),
        dataset_id=text(data, "dataset_id"),
        dataset_version_id=text(data, "dataset_version_id"),
    )


def read_evaluator(data: Any) -> Evaluator:
    """An evaluator."""
    return Evaluator(
        **_named(data, "an evaluator"),
        space_id=text(data, "space_id"),
        type=text(data, "type"),
        version=mapping(data, "version"),
    )


def read_integration(data: Any) -> AiIntegration:
    """An integration, of an LLM provider or of an agent."""
    return AiIntegration(**_named(data, "an integration"), space_id=text(data, "space_id"), type=text(data, "type"))


def read_version(data: Any) -> Named:
    """A version of an evaluator."""
    return Named(**_named(data, "an evaluator version"))


def read_example(data: Any) -> Example:
    """An example of a dataset; the author's columns are in ``to_dict()``."""
    data = as_object(data, "an example")
    return Example(
        id=text(data, "id"), created_at=time(data, "created_at"), updated_at=time(data, "updated_at"), raw=data
    )


def read_experiment_run(data: Any) -> ExperimentRun:
    """One row of an experiment."""
    data = as_object(data, "an experiment run")
    return ExperimentRun(
        id=text(data, "id"),
        example_id=text(data, "example_id"),
        output=text(data, "output"),
        error=text(data, "error"),
        raw=data,
    )


def read_page(key: str, read_item: Callable[[Any], T]) -> Callable[[Any], Page[T]]:
    """A reader of one page of a list.

    A null list is an empty one (that is how some servers write it), and so is a missing one when the page says
    otherwise that it is a page. Anything else is no page: an answer that can't be read must not pass for an empty one.

    :param key: field that holds the items.
    :param read_item: reads one item.
    """

    def read(data: Any) -> Page[T]:
        data = as_object(data, f"a list of {key}")
        pagination = mapping(data, "pagination")
        if key not in data and pagination is None:
            raise ArizeReplyError(f"expected a list of {key}, got an object without one (fields: {_names(data)})")
        items = data.get(key)
        if items is None:
            items = []
        if not isinstance(items, list):
            raise ArizeReplyError(f"expected a list of {key}, got {type(items).__name__} in its place")
        pagination = pagination or {}
        return Page(
            items=tuple(read_item(item) for item in items),
            next_cursor=text(pagination, "next_cursor") or None,
            has_more=flag(pagination, "has_more"),
            raw=data,
        )

    return read


def read_nothing(_data: Any) -> None:
    """The reply of a request that has no body to read."""
