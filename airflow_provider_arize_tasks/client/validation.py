"""What the server would refuse, found before anything is sent.

One function per request. Each takes the arguments as the author wrote them, returns them in the form the API takes
(only those that were given), and tells the :class:`Checker` every problem with its argument, and what should be logged.
A checker whose templates are not rendered yet serves at DAG parse time: what templates or other tasks have yet to fill
in is passed over.

Rules: https://arize.com/docs/ax/rest-reference and the request models of the vendor's SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client import arguments as shapes
from airflow_provider_arize_tasks.client.enums import UNSET, RunStatus, TaskType
from airflow_provider_arize_tasks.client.schemas import (
    EVALUATION_RUN,
    EVALUATION_TASK,
    EXPERIMENT_RUN,
    EXPERIMENT_TASK,
    PROMPTED_TASK,
    UPDATE,
)

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.client.arguments import Checker, Shape
    from airflow_provider_arize_tasks.client.models import Task

#: The widest data window the API accepts.
MAX_WINDOW = timedelta(days=30)
_MAX_NAME_FILTER = 255
_SPAN_KEYS = ("query_filter", "column_mappings")


def _given(check: Checker, table: Mapping[str, Shape], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that were given, each in its shape. ``None`` is "not given" here."""
    return {
        key: shapes.apply(check, table[key], key, value)
        for key, value in values.items()
        if value is not None and value is not UNSET
    }


def _require(check: Checker, values: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if values.get(name) is None:
            check.problem(name, "is missing")


def check_evaluation_task(check: Checker, **arguments: Any) -> dict[str, Any]:
    """Check the arguments of an evaluation task to be created (names as in ``ArizeHook.create_evaluation_task``)."""
    _require(check, arguments, "name", "task_type", "evaluators")
    given = _given(check, EVALUATION_TASK, arguments)
    _source(check, given)
    _filters(check, given)
    return given


def _source(check: Checker, given: Mapping[str, Any]) -> None:
    """Project or dataset, and what goes with only one of them."""
    if "project" in given and "dataset" in given:
        check.problem("project", "and dataset exclude each other: spans of a project, or experiments of a dataset")
    elif "project" not in given and "dataset" not in given:
        check.problem("project", "or dataset must be given")
    elif "project" in given:
        _project_only(check, given)
    else:
        _dataset_only(check, given)


def _project_only(check: Checker, given: Mapping[str, Any]) -> None:
    if given.get("experiment_ids"):
        check.problem("experiment_ids", "belongs to tasks of a dataset; this one has a project")


def _dataset_only(check: Checker, given: Mapping[str, Any]) -> None:
    _project_fields(check, given)
    if "experiment_ids" not in given:
        check.notes.append("experiment_ids is not given: some servers refuse a dataset task without any")
    elif given["experiment_ids"] == []:
        check.problem("experiment_ids", "must hold at least one id, or be left out")


def _project_fields(check: Checker, given: Mapping[str, Any]) -> None:
    """What a task of a dataset can't have."""
    if "sampling_rate" in given:
        check.problem("sampling_rate", "belongs to tasks of a project; this one has a dataset")
    if given.get("is_continuous") is True:
        check.problem("is_continuous", "can't be true for a task of a dataset")


def _filters(check: Checker, given: Mapping[str, Any]) -> None:
    """The rules between filters and evaluators: one shape for all, spans or traces/sessions."""
    if given.get("query_filter") is not None and given.get("query_filters") is not None:
        check.problem("query_filter", "and query_filters exclude each other")
    letters = _declared(check, given.get("query_filters"))
    evaluators = given.get("evaluators")
    if isinstance(evaluators, list):
        known = [(i, item) for i, item in enumerate(evaluators) if isinstance(item, Mapping)]
        _duplicates(check, [item.get("evaluator_id") for _, item in known])
        _one_shape(check, known, multi=given.get("query_filters") is not None)
        alone = given.get("query_filter") is not None and given.get("query_filters") is None
        if alone and any("query_mappings" in item for _, item in known):
            check.problem("query_filter", "is for spans; evaluators with query_mappings take query_filters")
        for index, item in known:
            _query_ids(check, f"evaluators[{index}]", item.get("query_mappings"), letters)


def _declared(check: Checker, query_filters: Any) -> frozenset[str] | None:
    """The letters that ``query_filters`` declares, or ``None`` when there is none or it is not known."""
    filters = query_filters.get("filters") if isinstance(query_filters, Mapping) else None
    if not isinstance(filters, list) or not all(isinstance(item, Mapping) for item in filters):
        return None
    if any(check.is_open(item.get("id")) for item in filters):
        return None
    letters = [str(item.get("id")) for item in filters]
    for letter in sorted({letter for letter in letters if letters.count(letter) > 1}):
        check.problem("query_filters.filters", f"declares the id {letter!r} more than once")
    if len(filters) > 1 and query_filters.get("expression") is None:
        check.problem("query_filters.expression", "is missing: it must say how two or more filters combine ('A AND B')")
    return frozenset(letters)


def _duplicates(check: Checker, ids: list[Any]) -> None:
    texts = [text for text in ids if isinstance(text, str) and not check.is_open(text)]
    for text in sorted({text for text in texts if texts.count(text) > 1}):
        check.problem("evaluators", f"names the evaluator {text!r} more than once")


def _one_shape(check: Checker, evaluators: list[tuple[int, Mapping[str, Any]]], *, multi: bool) -> None:
    of_spans = [index for index, item in evaluators if any(key in item for key in _SPAN_KEYS)]
    of_queries = [index for index, item in evaluators if "query_mappings" in item]
    for index in sorted(set(of_spans) & set(of_queries)):
        check.problem(
            f"evaluators[{index}]",
            "mixes query_mappings (traces, sessions) with query_filter or column_mappings (spans)",
        )
    if multi or of_queries:
        reason = "query_filters is given" if multi else f"evaluators[{of_queries[0]}] has them"
        for index, item in evaluators:
            if "query_mappings" not in item:
                check.problem(
                    f"evaluators[{index}].query_mappings", f"is missing: all evaluators need them when {reason}"
                )


def _query_ids(check: Checker, where: str, mappings: Any, letters: frozenset[str] | None) -> None:
    if letters is None or not isinstance(mappings, list):
        return
    for index, item in enumerate(mappings):
        ids = item.get("query_ids") if isinstance(item, Mapping) else None
        for letter in ids if isinstance(ids, list) else ():
            if isinstance(letter, str) and not check.is_open(letter) and letter not in letters:
                check.problem(
                    f"{where}.query_mappings[{index}].query_ids",
                    f"names {letter!r}, which query_filters does not declare",
                )


def check_experiment_task(check: Checker, **arguments: Any) -> dict[str, Any]:
    """Check the arguments of a run-experiment task to be created.

    :param arguments: ``name``, ``dataset``, ``run_configuration``; ``prompt`` of the Prompt Hub that decides messages
        and format, so that the configuration must not; ``prompt_label`` or ``prompt_version_id`` of its version.
    """
    _require(check, arguments, "name", "dataset", "run_configuration")
    prompt, label, version = (arguments.get(name) for name in ("prompt", "prompt_label", "prompt_version_id"))
    given = _given(check, EXPERIMENT_TASK if prompt is None else PROMPTED_TASK, arguments)
    if prompt is None and (label is not None or version is not None):
        check.problem("prompt", "is missing: prompt_label and prompt_version_id choose one of its versions")
    if label is not None and version is not None:
        check.problem("prompt_label", "and prompt_version_id exclude each other: give one of them")
    return given


def check_update(check: Checker, *, task: Task | None = None, **changes: Any) -> dict[str, Any]:
    """Check changes to a task.

    :param task: the task as it is, if known: its type decides which fields it has.
    :param changes: ``name``, ``sampling_rate``, ``is_continuous``, ``query_filter``, ``query_filters``, ``evaluators``,
        ``run_configuration``; ``UNSET`` leaves a field alone, ``None`` clears one of the two filters.
    :return: the changes, ``None`` for what is cleared.
    """
    wanted = {key: value for key, value in changes.items() if value is not UNSET}
    given: dict[str, Any] = {}
    for key, value in wanted.items():
        if value is not None:
            given[key] = shapes.apply(check, UPDATE[key], key, value)
        elif key in ("query_filter", "query_filters"):
            given[key] = None
        else:
            check.problem(key, "can't be cleared; leave it out to keep it")
    if not wanted:
        check.problem("update", f"changes nothing: give at least one of {', '.join(UPDATE)}")
    _fields_of_type(check, task, given)
    if task is not None and _evaluates_dataset(task):
        _project_fields(check, given)
    _filters(check, given)
    return given


def _evaluates_dataset(task: Task) -> bool:
    return task.type is not TaskType.RUN_EXPERIMENT and bool(task.dataset_id) and not task.project_id


def _fields_of_type(check: Checker, task: Task | None, given: Mapping[str, Any]) -> None:
    evaluation_only = [key for key in given if key not in ("name", "run_configuration")]
    if task is None or task.type is TaskType.UNKNOWN:
        if "run_configuration" in given and evaluation_only:
            check.problem(
                "run_configuration", f"does not go together with {', '.join(evaluation_only)}: no task has both"
            )
    elif task.type is TaskType.RUN_EXPERIMENT:
        for key in evaluation_only:
            check.problem(key, f"belongs to evaluation tasks; {task.name or task.id!r} is a {task.type.value} task")
    elif "run_configuration" in given:
        check.problem(
            "run_configuration",
            f"belongs to RUN_EXPERIMENT tasks; {task.name or task.id!r} is a {task.type.value} task",
        )


def check_run(
    check: Checker, *, task: Task | None = None, experiment: bool | None = None, **arguments: Any
) -> dict[str, Any]:
    """Check the arguments of a run to be triggered (names as in ``ArizeHook.trigger_run``, ``None`` is not given).

    :param task: the task, if known: its type decides which arguments it takes, and whether it has a window.
    :param experiment: where the task is not known: whether it runs experiments; ``None`` is decided by the arguments.
    :return: the arguments that were given, in the form the API takes, times as ``datetime``.
    """
    given = _given(check, {**EVALUATION_RUN, **EXPERIMENT_RUN}, arguments)
    if _runs_experiments(task, experiment, given):
        _experiment_run(check, task, given)
    else:
        _evaluation_run(check, task, given)
    return given


def _runs_experiments(task: Task | None, experiment: bool | None, given: Mapping[str, Any]) -> bool:
    if task is not None and task.type is not TaskType.UNKNOWN:
        return task.type is TaskType.RUN_EXPERIMENT
    return "experiment_name" in given if experiment is None else experiment


def _whose(task: Task | None) -> str:
    return f"task {task.name or task.id!r}" if task is not None else "this task"


def _experiment_run(check: Checker, task: Task | None, given: Mapping[str, Any]) -> None:
    for key in EVALUATION_RUN:
        if key in given:
            check.problem(key, f"belongs to evaluation tasks; {_whose(task)} runs experiments")
    if "experiment_name" not in given:
        check.problem("experiment_name", "is missing: a run of an experiment task needs a name of its own")
    if "example_ids" in given and "max_examples" in given:
        check.problem("example_ids", "and max_examples exclude each other: give one of them, or none for all examples")


def _evaluation_run(check: Checker, task: Task | None, given: Mapping[str, Any]) -> None:
    for key in EXPERIMENT_RUN:
        if key in given:
            check.problem(key, f"belongs to tasks that run experiments; {_whose(task)} evaluates")
    if task is not None and _evaluates_dataset(task):
        for key in ("data_start_time", "data_end_time"):
            if key in given:
                check.problem(key, f"belongs to tasks of a project; {_whose(task)} has a dataset and so no data window")
    elif task is not None and task.project_id and given.get("experiment_ids"):
        check.problem("experiment_ids", f"belongs to tasks of a dataset; {_whose(task)} has a project")
    _window(check, given)


def _window(check: Checker, given: Mapping[str, Any]) -> None:
    start, end = given.get("data_start_time"), given.get("data_end_time")
    if (start is None) != (end is None):
        missing = "data_start_time" if start is None else "data_end_time"
        check.notes.append(f"{missing} is not given: the server chooses it, or refuses; give both ends")
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        return
    if start >= end:
        check.problem("data_start_time", f"must be before data_end_time, got {start.isoformat()} and {end.isoformat()}")
    elif end - start > MAX_WINDOW:
        check.problem(
            "data_end_time", f"is {end - start} after data_start_time; the API takes at most 30 days: split it"
        )


_LIST: Mapping[str, Shape] = {
    "name": shapes.text(longest=_MAX_NAME_FILTER),
    "task_type": shapes.choice(*(kind.value for kind in TaskType if kind is not TaskType.UNKNOWN)),
    "status": shapes.choice(*(status.value for status in RunStatus if status is not RunStatus.UNKNOWN)),
    "limit": shapes.integer(1, 100),
    "cursor": shapes.text(),
}


def check_list(check: Checker, **arguments: Any) -> dict[str, Any]:
    """Check the arguments of a list: ``name``, ``task_type``, ``status``, ``limit``, ``cursor``."""
    return _given(check, _LIST, arguments)
