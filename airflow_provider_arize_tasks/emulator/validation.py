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
from airflow_provider_arize_tasks.emulator.world import CODE_EVALUATION, RUN_EXPERIMENT, Evaluator, Task, World, find

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.levels import Level

LONGEST_WINDOW_MS = 30 * 24 * 60 * 60 * 1000


def read_create(world: World, body: Any) -> tuple[str, str, dict[str, Any]]:
    """Check the body of ``POST /v2/tasks``.

    :return: type in upper case, id of the space, and the body to keep.
    :raises Refusal: 400, 404, 409 or 422.
    """
    if not isinstance(body, dict):
        raise Refusal(400, "body: must be an object")
    level = world.level
    refuse_if(schemas.TASK_TYPE(body.get("type"), "type", level))
    kind = body["type"].upper()
    shape = schemas.CREATE_EXPERIMENT if kind == RUN_EXPERIMENT else schemas.CREATE_EVALUATION
    shape.read(body, level)
    kept = {key: value for key, value in body.items() if key not in ("type", "name")}
    if kind == RUN_EXPERIMENT:
        space_id = find(world.datasets, body["dataset_id"], "dataset").space_id
        kept["run_configuration"] = read_configuration(world, body["run_configuration"])
    else:
        space_id = _read_source(world, body)
        check_evaluators(world, kind, body)
    if world.task_name_taken(space_id, body["name"]):
        # Assumes "name-clash-is-409", which a certificate asks about.
        raise Refusal(409, f"a task named {body['name']!r} already exists in this space")
    return kind, space_id, kept


def _read_source(world: World, body: dict[str, Any]) -> str:
    """Project or dataset of an evaluation task, with what belongs to each; returns the space's id."""
    project, dataset = body.get("project_id"), body.get("dataset_id")
    if (project is None) == (dataset is None):
        raise Refusal(400, "exactly one of project_id and dataset_id is required")
    if project is not None:
        if body.get("experiment_ids"):
            raise Refusal(400, "experiment_ids: not valid for a task of a project")
        return find(world.projects, project, "project").space_id
    found = find(world.datasets, dataset, "dataset")
    refuse_if(_dataset_only(body))
    if not body.get("experiment_ids"):
        raise Refusal(400, "experiment_ids: at least one is required with dataset_id")
    for experiment_id in body["experiment_ids"]:
        if find(world.experiments, experiment_id, "experiment").dataset_id != found.id:
            raise Refusal(422, f"experiment {experiment_id} does not belong to the dataset")
    return found.space_id


def _dataset_only(body: dict[str, Any]) -> list[str]:
    complaints = []
    if body.get("sampling_rate") is not None:
        complaints.append("sampling_rate: only valid for a task of a project")
    if body.get("is_continuous"):
        complaints.append("is_continuous: only valid for a task of a project")
    return complaints


def check_evaluators(world: World, kind: str, body: dict[str, Any]) -> None:
    """Check evaluators and filters of an evaluation task against each other.

    :param kind: the task's type in upper case.
    :param body: the whole task, as it would stand.
    """
    filters, whole = body.get("query_filters"), body.get("query_filter")
    if filters is not None and whole is not None:
        raise Refusal(400, "query_filter and query_filters are mutually exclusive")
    items = body["evaluators"]
    ids = [item["evaluator_id"] for item in items]
    if len(set(ids)) != len(ids):
        raise Refusal(400, "evaluators: the same evaluator_id is given more than once")
    grouped = [item.get("query_mappings") is not None for item in items]
    _check_shapes(items, grouped, filters, whole)
    check_filter(whole, "query_filter")
    for position, item in enumerate(items):
        check_filter(item.get("query_filter"), f"evaluators[{position}].query_filter")
    _check_filters(filters, items)
    _check_attached(world, kind, items, is_grouped=grouped[0])


def _check_shapes(items: list[dict[str, Any]], grouped: list[bool], filters: Any, whole: Any) -> None:
    if any(grouped) and not all(grouped):
        raise Refusal(400, "evaluators: span and trace/session shapes must not be mixed")
    for item in items:
        if item.get("query_mappings") is not None and (item.get("column_mappings") or item.get("query_filter")):
            raise Refusal(400, "evaluators: query_mappings excludes column_mappings and query_filter")
    if grouped[0] and whole is not None:
        raise Refusal(400, "query_filter: not valid with query_mappings; use query_filters")
    if filters is not None and not grouped[0]:
        raise Refusal(400, "query_filters: needs evaluators with query_mappings")


def _check_filters(filters: dict[str, Any] | None, items: list[dict[str, Any]]) -> None:
    entries = filters["filters"] if filters is not None else []
    letters = [entry["id"] for entry in entries]
    if len(set(letters)) != len(letters):
        raise Refusal(400, "query_filters.filters: the same id is given more than once")
    expression = filters.get("expression") if filters is not None else None
    if len(letters) > 1 and not expression:
        raise Refusal(400, "query_filters.expression: is required with two or more filters")
    for entry in entries:
        check_filter(entry["filter"], f"query_filters.filters {entry['id']}")
    if expression:
        parse_expression(expression, dict.fromkeys(letters, True))
    for mapping in [mapping for item in items for mapping in item.get("query_mappings") or []]:
        unknown = [letter for letter in mapping["query_ids"] if letter not in letters]
        if unknown:
            raise Refusal(400, f"query_mappings.query_ids: {', '.join(unknown)} not declared in query_filters")


def _check_attached(world: World, kind: str, items: list[dict[str, Any]], *, is_grouped: bool) -> None:
    wanted = "CODE" if kind == CODE_EVALUATION else "TEMPLATE"
    granularities = set()
    attached = []
    for item in items:
        evaluator = find(world.evaluators, item["evaluator_id"], "evaluator")
        attached.append(evaluator)
        granularities.add(_granularity(world, evaluator, item.get("evaluator_version_id")))
    kinds = {evaluator.type for evaluator in attached}
    if len(kinds) > 1:
        raise Refusal(422, "All evaluators on a task must be the same type")
    if kinds != {wanted}:
        raise Refusal(422, f"evaluator {attached[0].name!r} is of type {attached[0].type}, the task needs {wanted}")
    if len(granularities) > 1:
        raise Refusal(422, "evaluators: all must have the same data granularity")
    if (granularities != {"SPAN"}) is not is_grouped:
        raise Refusal(422, f"evaluators: their data granularity {granularities.pop()} doesn't fit the task's shape")
    if sum(evaluator.is_custom_code for evaluator in attached) > 1:
        raise Refusal(422, "Only one custom code evaluator runs per task. Create one task per custom evaluator.")


def _granularity(world: World, evaluator: Evaluator, pinned: str | None) -> str:
    if pinned is None:
        return evaluator.version_at(world.clock.now_ms()).granularity
    version = next((version for version in evaluator.versions if version.id == pinned), None)
    if version is None:
        raise Refusal(422, f"evaluator_version_id {pinned} is not a version of evaluator {evaluator.name!r}")
    return version.granularity


def read_configuration(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """A run configuration to keep: enums in upper case, placeholders normalised, its integration checked."""
    config: dict[str, Any] = spelled(given, world.level.read)
    kind = config["experiment_type"]
    if kind == "AGENT_CALL":
        integration = find(world.integrations, config["integration_id"], "integration")
        if integration.type != "AGENT":
            raise Refusal(422, "run_configuration.integration_id: must be an integration of type AGENT")
        config["input_template"] = normalise_placeholders(given["input_template"])
        return config
    integration = find(world.integrations, config["ai_integration_id"], "AI integration")
    if integration.type != "LLM":
        raise Refusal(422, "run_configuration.ai_integration_id: must be an LLM integration")
    config.setdefault("provider_parameters", {})
    return config


def read_update(world: World, task: Task, body: Any) -> dict[str, Any]:
    """Check the body of ``PATCH /v2/tasks/{id}``.

    :return: the changes; a null clears its field.
    :raises Refusal: 400, 404, 409 or 422.
    """
    shape = schemas.UPDATE_EXPERIMENT if task.type == RUN_EXPERIMENT else schemas.UPDATE_EVALUATION
    shape.read(body, world.level)
    if not body:
        raise Refusal(400, "body: at least one field is required")
    if "name" in body and world.task_name_taken(task.space_id, body["name"], but=task.id):
        raise Refusal(409, f"a task named {body['name']!r} already exists in this space")
    changes = dict(body)
    if "run_configuration" in changes:
        changes["run_configuration"] = read_configuration(world, changes["run_configuration"])
    if task.type != RUN_EXPERIMENT:
        whole = {**task.body, **changes}
        if task.body.get("dataset_id") is not None:
            refuse_if(_dataset_only(changes))
        check_evaluators(world, task.type, whole)
    return changes


def check_trigger(level: Level, task: Task, body: Any) -> None:
    """Check the fields of a trigger body against the task's type.

    :raises Refusal: 400 for an unknown, misplaced or wrongly typed field.
    """
    is_experiment = task.type == RUN_EXPERIMENT
    shape = schemas.TRIGGER_EXPERIMENT if is_experiment else schemas.TRIGGER_EVALUATION
    other = schemas.TRIGGER_EVALUATION if is_experiment else schemas.TRIGGER_EXPERIMENT
    if not isinstance(body, dict):
        raise Refusal(400, "body: must be an object")
    misplaced = [name for name in body if name in other and name not in shape]
    refuse_if([f"{name}: not valid for a task of type {level.spell(task.type)}" for name in misplaced])
    shape.read(body, level)
    if is_experiment and body.get("example_ids") is not None and body.get("max_examples") is not None:
        raise Refusal(400, "example_ids and max_examples are mutually exclusive")
    if is_experiment:
        check_filter(body.get("query_filter"), "query_filter")
        return
    is_project = task.body.get("project_id") is not None
    if is_project and body.get("experiment_ids") is not None:
        raise Refusal(400, "experiment_ids: only valid for a task of a dataset")
    windowed = [name for name in ("data_start_time", "data_end_time") if name in body]
    if not is_project and windowed:
        raise Refusal(400, f"{', '.join(windowed)}: only valid for a task of a project")


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
    elif level.knows("first run needs data_start_time"):
        raise Refusal(400, "data_start_time: is required for the first run of a task")
    else:
        start = end - 7 * 24 * 60 * 60 * 1000
    if start >= end:
        raise Refusal(400, "data_start_time must be before data_end_time")
    if end - start > LONGEST_WINDOW_MS:
        raise Refusal(400, "the range from data_start_time to data_end_time must not exceed 30 days")
    return start, end
