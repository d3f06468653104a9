"""Records as the API sends them at a level: field names, enum case, times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.common import iso

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.levels import Level
    from airflow_provider_arize_tasks.emulator.model import (
        Dataset,
        DatasetVersion,
        Evaluator,
        EvaluatorVersion,
        Experiment,
        ExperimentRow,
        Integration,
        Project,
        Record,
        Run,
        Space,
        Task,
    )
    from airflow_provider_arize_tasks.emulator.world import World

#: Keys of a run configuration whose values are enums.
ENUM_KEYS = frozenset(
    {
        "experiment_type",
        "role",
        "input_variable_format",
        "type",
        "auth_type",
        "provider",
        "managed_evaluator",
        "data_granularity",
        "direction",
    }
)


def _base(record: Record, *, updated: bool = True) -> dict[str, Any]:
    view: dict[str, Any] = {"id": record.id, "name": record.name, "created_at": iso(record.created_ms)}
    if updated:
        view["updated_at"] = iso(record.updated_ms)
    return view


def space(level: Level, item: Space) -> dict[str, Any]:
    """A space."""
    view = _base(item, updated=False)
    view |= {"description": item.description, "organization_id": item.organization_id, "is_private": False}
    return level.prune("Space", view)


def project(level: Level, item: Project) -> dict[str, Any]:
    """A project."""
    view = _base(item, updated=False)
    view |= {"space_id": item.space_id, "project_type": level.spell(item.project_type)}
    return level.prune("Project", view)


def dataset(item: Dataset, *, versions: bool = False) -> dict[str, Any]:
    """A dataset; with its versions, newest first, for a single get."""
    view = _base(item) | {"space_id": item.space_id}
    if versions:
        view["versions"] = [dataset_version(version) for version in reversed(item.versions)]
    return view


def dataset_version(item: DatasetVersion) -> dict[str, Any]:
    """A version of a dataset."""
    return _base(item) | {"dataset_id": item.dataset_id}


def experiment(level: Level, item: Experiment) -> dict[str, Any]:
    """An experiment."""
    view = _base(item) | {
        "space_id": item.space_id,
        "dataset_id": item.dataset_id,
        "dataset_version_id": item.dataset_version_id,
        "experiment_traces_project_id": None,
        "integration_id": item.integration_id,
    }
    return level.prune("Experiment", view)


def experiment_row(level: Level, item: ExperimentRow, now: int) -> dict[str, Any]:
    """A row of an experiment at a moment, scores as flat columns."""
    view: dict[str, Any] = {"id": item.id, "example_id": item.example_id, "annotations": []}
    if item.output is not None:
        view["output"] = item.output
    if item.error is not None:
        view["error"] = item.error
    for name, score in item.scores.items():
        if item.readable_ms.get(name, now) > now:
            continue
        view |= {f"eval.{name}.{part}": value for part, value in score.items()}
    return level.prune("ExperimentRun", view)


def evaluator(world: World, item: Evaluator, version: EvaluatorVersion | None = None) -> dict[str, Any]:
    """An evaluator; with a version for a single get."""
    view = _base(item) | {
        "description": item.description,
        "type": world.level.spell(item.type),
        "space_id": item.space_id,
        "created_by_user_id": world.user_id,
    }
    if version is not None:
        view["version"] = evaluator_version(world, item, version)
    return view


def evaluator_version(world: World, item: Evaluator, version: EvaluatorVersion) -> dict[str, Any]:
    """A version of an evaluator."""
    level = world.level
    view = {
        "id": version.id,
        "evaluator_id": version.evaluator_id,
        "commit_hash": version.id[-8:],
        "commit_message": version.message,
        "created_at": iso(version.created_ms),
        "created_by_user_id": world.user_id,
        "type": level.spell(item.type),
    }
    config = dict(version.config)
    for key in ("data_granularity", "type", "direction", "managed_evaluator"):
        if key in config:
            config[key] = level.spell(config[key])
    if item.type == "CODE":
        return view | {"code_config": config}
    config["use_function_calling_if_available"] = config.get("use_function_calling", True)
    return view | {"template_config": level.prune("TemplateConfig", config)}


def ai_integration(world: World, item: Integration) -> dict[str, Any]:
    """An LLM integration as ``/v2/ai-integrations`` shows it."""
    config = {key: world.level.spell(value) if key in ENUM_KEYS else value for key, value in item.config.items()}
    scopings = [{"organization_id": None, "space_id": item.space_id}]
    return _base(item) | config | {"scopings": scopings, "created_by_user_id": world.user_id}


def integration(world: World, item: Integration) -> dict[str, Any]:
    """An integration of any type as ``/v2/integrations`` shows it."""
    view = _base(item) | {
        "type": world.level.spell(item.type),
        "scopings": [{"organization_id": None, "space_id": item.space_id}],
        "created_by_user_id": world.user_id,
        "config": _llm_config(world.level, item.config) if item.type == "LLM" else item.config,
    }
    return view if item.type == "LLM" else view | {"description": None}


def _llm_config(level: Level, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of an LLM integration, whose fields have other names than in ``/v2/ai-integrations``."""
    view = {
        "provider": level.spell(config["provider"]),
        "has_api_key": config["has_api_key"],
        "is_function_calling_enabled": config["function_calling_enabled"],
    }
    if config["provider"] != "CUSTOM":
        return view
    return view | {
        "base_url": config["base_url"] or "",
        "header_names": sorted(config["headers"] or {}),
        "is_default_models_enabled": config["enable_default_models"],
        "model_names": config["model_names"],
    }


def spell_config(level: Level, value: Any, key: str = "") -> Any:
    """A run configuration with its enum values as the level writes them."""
    if isinstance(value, dict):
        free = key in (
            "input_template",
            "schema",
            "arguments",
            "classification_choices",
            "tools",
            "tool_choice",
            "provider_parameters",
            "provider_params",
        )
        return value if free else {name: spell_config(level, item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [spell_config(level, item, key) for item in value]
    return level.spell(value) if key in ENUM_KEYS else value


def task(world: World, item: Task) -> dict[str, Any]:
    """A task."""
    level, body = world.level, item.body
    is_project = body.get("project_id") is not None
    config = body.get("run_configuration")
    view = _base(item) | {
        "type": level.spell(item.type),
        "project_id": body.get("project_id"),
        "dataset_id": body.get("dataset_id"),
        "sampling_rate": body.get("sampling_rate", 1.0) if is_project else None,
        "is_continuous": bool(body.get("is_continuous")),
        "query_filter": body.get("query_filter"),
        "query_filters": query_filters(body.get("query_filters")),
        "evaluators": [task_evaluator(world, given) for given in body.get("evaluators") or []],
        "experiment_ids": list(body.get("experiment_ids") or []),
        "run_configuration": spell_config(level, config) if config else None,
        "last_run_at": iso(item.last_run_ms),
        "created_by_user_id": world.user_id,
    }
    return level.prune("Task", view)


def query_filters(given: dict[str, Any] | None) -> dict[str, Any] | None:
    """Query filters; a single filter without an expression is echoed with its letter as the expression."""
    if given is None:
        return None
    return {"filters": given["filters"], "expression": given.get("expression") or given["filters"][0]["id"]}


def task_evaluator(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """An evaluator as attached to a task."""
    attached = world.evaluators.get(given["evaluator_id"])
    view = {
        "evaluator_id": given["evaluator_id"],
        "evaluator_name": attached.name if attached else None,
        "evaluator_version_id": given.get("evaluator_version_id"),
        "query_filter": given.get("query_filter"),
        "column_mappings": given.get("column_mappings"),
        "query_mappings": given.get("query_mappings"),
    }
    return world.level.prune("TaskEvaluator", view)


def run(world: World, item: Run, now: int) -> dict[str, Any]:
    """A task run at a moment; counts appear when it ends."""
    over, outcome = item.is_over(now), item.outcome
    start, end = item.window or (None, None)
    created = world.experiments.get(item.experiment_id) if item.experiment_id else None
    has_experiment = item.experiment_id and (created is None or created.created_ms <= now)
    view = {
        "id": item.id,
        "task_id": item.task_id,
        "experiment_id": item.experiment_id if has_experiment else None,
        "status": world.level.spell(item.status(now)),
        "run_started_at": iso(item.starts_ms) if item.starts_ms <= min(now, item.ends_ms) else None,
        "run_finished_at": iso(item.ends_ms) if over else None,
        "data_start_time": iso(start),
        "data_end_time": iso(end),
        "num_successes": outcome.successes if over else 0,
        "num_errors": outcome.errors if over else 0,
        "num_skipped": outcome.skipped if over else 0,
        # Assumes "created-at-milliseconds", which a certificate asks about.
        "created_at": iso(item.created_ms),
        "created_by_user_id": world.user_id,
        "failure_reason": outcome.reason if over else None,
    }
    return world.level.prune("TaskRun", view)
