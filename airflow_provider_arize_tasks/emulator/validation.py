"""What the server accepts: task bodies, updates and triggers, as the API's reference lists them.

400 stands for malformed, wrongly typed and misplaced fields, 404 for what doesn't exist, 409 for a taken name, 422 for
what is well-formed but doesn't fit together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator import schemas
from airflow_provider_arize_tasks.emulator.common import Refusal, parse_strict_time
from airflow_provider_arize_tasks.emulator.filters import check_filter, parse_expression
from airflow_provider_arize_tasks.emulator.schemas import refuse_if
from airflow_provider_arize_tasks.emulator.scores import normalise_placeholders
from airflow_provider_arize_tasks.emulator.views import spelled
from airflow_provider_arize_tasks.emulator.world import CODE_EVALUATION, RUN_EXPERIMENT, Task, World, find

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.levels import Level

DAY_MS = 24 * 60 * 60 * 1000
LONGEST_WINDOW_MS = 30 * DAY_MS


def refuse(when: object, why: str, status: int = 400) -> None:
    """Refuse a request where a condition holds."""
    if when:
        raise Refusal(status, why)


def read_create(world: World, body: Any) -> tuple[str, str, dict[str, Any]]:
    """Check the body of ``POST /v2/tasks``.

    :return: type in upper case, id of the space, and the body to keep.
    :raises Refusal: 400, 404, 409 or 422.
    """
    refuse(not isinstance(body, dict), "body: must be an object")
    refuse_if(schemas.TASK_TYPE(body.get("type"), "type", world.level))
    kind = body["type"].upper()
    shape = schemas.CREATE_EXPERIMENT if kind == RUN_EXPERIMENT else schemas.CREATE_EVALUATION
    shape.read(body, world.level)
    kept = {key: value for key, value in body.items() if key not in ("type", "name")}
    if kind == RUN_EXPERIMENT:
        space_id = find(world.datasets, body["dataset_id"], "dataset").space_id
        kept["run_configuration"] = read_configuration(world, body["run_configuration"])
    else:
        space_id = _read_source(world, body)
        check_evaluators(world, kind, body)
    _check_name(world, space_id, body["name"])
    return kind, space_id, kept


def _check_name(world: World, space_id: str, name: str, but: str | None = None) -> None:
    is_taken = any(task.name == name and task.space_id == space_id and task.id != but for task in world.tasks.values())
    # Assumes "name-clash-is-409", which a certificate asks about.
    refuse(is_taken, f"a task named {name!r} already exists in this space", 409)


def _read_source(world: World, body: dict[str, Any]) -> str:
    """Project or dataset of an evaluation task, with what belongs to each; returns the space's id."""
    project, dataset, experiments = body.get("project_id"), body.get("dataset_id"), body.get("experiment_ids")
    refuse((project is None) == (dataset is None), "exactly one of project_id and dataset_id is required")
    if project is not None:
        refuse(experiments, "experiment_ids: not valid for a task of a project")
        return find(world.projects, project, "project").space_id
    found = find(world.datasets, dataset, "dataset")
    refuse_if(_dataset_only(body))
    refuse(not experiments, "experiment_ids: at least one is required with dataset_id")
    for name in experiments or []:
        is_its_own = find(world.experiments, name, "experiment").dataset_id == found.id
        refuse(not is_its_own, f"experiment {name} does not belong to the dataset", 422)
    return found.space_id


def _dataset_only(body: dict[str, Any]) -> list[str]:
    given = {"sampling_rate": body.get("sampling_rate") is not None, "is_continuous": body.get("is_continuous")}
    return [f"{name}: only valid for a task of a project" for name, is_given in given.items() if is_given]


def check_evaluators(world: World, kind: str, body: dict[str, Any]) -> None:
    """Check evaluators and filters of an evaluation task against each other.

    :param kind: the task's type in upper case.
    :param body: the whole task, as it would stand.
    """
    filters, whole, items = body.get("query_filters"), body.get("query_filter"), body["evaluators"]
    both = filters is not None and whole is not None
    refuse(both, "query_filter and query_filters are mutually exclusive")
    ids = [item["evaluator_id"] for item in items]
    refuse(len(set(ids)) != len(ids), "evaluators: the same evaluator_id is given more than once")
    grouped = [item.get("query_mappings") is not None for item in items]
    refuse(any(grouped) and not all(grouped), "evaluators: span and trace/session shapes must not be mixed")
    mixed = any(all(grouped) and (item.get("column_mappings") or item.get("query_filter")) for item in items)
    refuse(mixed, "evaluators: query_mappings excludes column_mappings and query_filter")
    refuse(grouped[0] and whole is not None, "query_filter: not valid with query_mappings; use query_filters")
    refuse(filters is not None and not grouped[0], "query_filters: needs evaluators with query_mappings")
    check_filter(whole, "query_filter")
    for position, item in enumerate(items):
        check_filter(item.get("query_filter"), f"evaluators[{position}].query_filter")
    _check_filters(filters or {"filters": []}, items)
    _check_attached(world, kind, items, is_grouped=grouped[0])


def _check_filters(filters: dict[str, Any], items: list[dict[str, Any]]) -> None:
    letters, expression = [entry["id"] for entry in filters["filters"]], filters.get("expression")
    refuse(len(set(letters)) != len(letters), "query_filters.filters: the same id is given more than once")
    is_open = len(letters) > 1 and not expression
    refuse(is_open, "query_filters.expression: is required with two or more filters")
    for entry in filters["filters"]:
        check_filter(entry["filter"], f"query_filters.filters {entry['id']}")
    if expression:
        parse_expression(expression, dict.fromkeys(letters, True))
    for mapping in [mapping for item in items for mapping in item.get("query_mappings") or []]:
        unknown = [letter for letter in mapping["query_ids"] if letter not in letters]
        refuse(unknown, f"query_mappings.query_ids: {', '.join(unknown)} not declared in query_filters")


def _check_attached(world: World, kind: str, items: list[dict[str, Any]], *, is_grouped: bool) -> None:
    wanted, granularities, attached = "CODE" if kind == CODE_EVALUATION else "TEMPLATE", set(), []
    for item in items:
        evaluator = find(world.evaluators, item["evaluator_id"], "evaluator")
        attached.append(evaluator)
        pinned = item.get("evaluator_version_id")
        is_its_own = pinned is None or any(version.id == pinned for version in evaluator.versions)
        refuse(not is_its_own, f"evaluator_version_id {pinned} is not a version of evaluator {evaluator.name!r}", 422)
        granularities.add(evaluator.version_for(pinned, world.clock.now_ms()).granularity)
    first, kinds = attached[0], {evaluator.type for evaluator in attached}
    refuse(len(kinds) > 1, "All evaluators on a task must be the same type", 422)
    refuse(kinds != {wanted}, f"evaluator {first.name!r} is of type {first.type}, the task needs {wanted}", 422)
    refuse(len(granularities) > 1, "evaluators: all must have the same data granularity", 422)
    fits = (granularities != {"SPAN"}) is is_grouped
    refuse(not fits, f"evaluators: their data granularity {min(granularities)} doesn't fit the task's shape", 422)
    customs = sum(evaluator.is_custom_code for evaluator in attached)
    refuse(customs > 1, "Only one custom code evaluator runs per task. Create one task per custom evaluator.", 422)


def read_configuration(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """A run configuration to keep: enums in upper case, placeholders normalised, its integration checked."""
    config: dict[str, Any] = spelled(given, world.level.read)
    if config["experiment_type"] == "AGENT_CALL":
        agent = find(world.integrations, config["integration_id"], "integration")
        is_agent = agent.type == "AGENT"
        refuse(not is_agent, "run_configuration.integration_id: must be an integration of type AGENT", 422)
        config["input_template"] = normalise_placeholders(given["input_template"])
        return config
    llm = find(world.integrations, config["ai_integration_id"], "AI integration")
    refuse(llm.type != "LLM", "run_configuration.ai_integration_id: must be an LLM integration", 422)
    config.setdefault("provider_parameters", {})
    return config


def read_update(world: World, task: Task, body: Any) -> dict[str, Any]:
    """Check the body of ``PATCH /v2/tasks/{id}``.

    :return: the changes; a null clears its field.
    :raises Refusal: 400, 404, 409 or 422.
    """
    shape = schemas.UPDATE_EXPERIMENT if task.type == RUN_EXPERIMENT else schemas.UPDATE_EVALUATION
    changes = shape.read(body, world.level)
    refuse(not changes, "body: at least one field is required")
    if "name" in changes:
        _check_name(world, task.space_id, changes["name"], but=task.id)
    if "run_configuration" in changes:
        changes["run_configuration"] = read_configuration(world, changes["run_configuration"])
    if task.type != RUN_EXPERIMENT:
        if task.body.get("dataset_id") is not None:
            refuse_if(_dataset_only(changes))
        check_evaluators(world, task.type, {**task.body, **changes})
    return changes


def check_trigger(level: Level, task: Task, body: Any) -> None:
    """Check the fields of a trigger body against the task's type.

    :raises Refusal: 400 for an unknown, misplaced or wrongly typed field.
    """
    shape, other = schemas.TRIGGER_EVALUATION, schemas.TRIGGER_EXPERIMENT
    if task.type == RUN_EXPERIMENT:
        shape, other = other, shape
    refuse(not isinstance(body, dict), "body: must be an object")
    misplaced = [name for name in body if name in other and name not in shape]
    refuse_if([f"{name}: not valid for a task of type {level.spell(task.type)}" for name in misplaced])
    shape.read(body, level)
    if task.type == RUN_EXPERIMENT:
        both = body.get("example_ids") is not None and body.get("max_examples") is not None
        refuse(both, "example_ids and max_examples are mutually exclusive")
        check_filter(body.get("query_filter"), "query_filter")
    elif task.body.get("project_id") is not None:
        has_experiments = body.get("experiment_ids") is not None
        refuse(has_experiments, "experiment_ids: only valid for a task of a dataset")
    else:
        windowed = [name for name in ("data_start_time", "data_end_time") if name in body]
        refuse(windowed, f"{', '.join(windowed)}: only valid for a task of a project")


def read_window(level: Level, task: Task, body: dict[str, Any], now: int) -> tuple[int, int]:
    """The window of a project's evaluation run.

    The start defaults to the last run's time and must be given for the first run (before, seven days back); the end
    defaults to now.

    :raises Refusal: 400 for a missing start, an inverted or empty window, or one longer than 30 days.
    """
    end = parse_strict_time(body["data_end_time"], "data_end_time") if "data_end_time" in body else now
    if "data_start_time" in body:
        start = parse_strict_time(body["data_start_time"], "data_start_time")
    elif task.last_run_ms is not None:
        start = task.last_run_ms
    else:
        is_needed = level.knows("first run needs data_start_time")
        refuse(is_needed, "data_start_time: is required for the first run of a task")
        start = end - 7 * DAY_MS
    refuse(start >= end, "data_start_time must be before data_end_time")
    is_long = end - start > LONGEST_WINDOW_MS
    refuse(is_long, "the range from data_start_time to data_end_time must not exceed 30 days")
    return start, end
