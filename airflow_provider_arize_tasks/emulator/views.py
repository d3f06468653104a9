"""Records as the API sends them at a level: field names, enum case, times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.common import iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_arize_tasks.emulator.levels import Level
    from airflow_provider_arize_tasks.emulator.world import (
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
        World,
    )

#: Keys of a run configuration whose values are enums.
_ENUM_KEYS = frozenset(
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
#: Keys of a run configuration below which everything is the user's own.
_FREE_KEYS = frozenset(
    {
        "input_template",
        "schema",
        "arguments",
        "classification_choices",
        "tools",
        "tool_choice",
        "provider_parameters",
        "provider_params",
    }
)


def base(record: Record, *more: str, updated: bool = True) -> dict[str, Any]:
    """What all records show of themselves: id, name and times.

    :param more: fields that are shown as they are kept.
    :param updated: whether to show the time of the last change.
    """
    view: dict[str, Any] = {"id": record.id, "name": record.name, "created_at": iso(record.created_ms)}
    if updated:
        view["updated_at"] = iso(record.updated_ms)
    return view | {name: getattr(record, name) for name in more}


def space(world: World, item: Space) -> dict[str, Any]:
    """A space."""
    view = base(item, "description", "organization_id", updated=False)
    return world.level.prune("Space", view | {"is_private": False})


def project(world: World, item: Project) -> dict[str, Any]:
    """A project."""
    view = base(item, "space_id", updated=False) | {"project_type": world.level.spell(item.project_type)}
    return world.level.prune("Project", view)


def dataset(world: World, item: Dataset) -> dict[str, Any]:  # noqa: ARG001 -- as all views
    """A dataset."""
    return base(item, "space_id")


def dataset_in_full(world: World, item: Dataset) -> dict[str, Any]:
    """A dataset with its versions, newest first, for a single get."""
    versions = [base(version, "dataset_id") for version in reversed(item.versions)]
    return dataset(world, item) | {"versions": versions}


def examples(version: DatasetVersion) -> list[dict[str, Any]]:
    """The examples of a version of a dataset, in order."""
    stamp: dict[str, Any] = {
        "created_at": iso(version.created_ms),
        "updated_at": iso(version.updated_ms),
        "annotations": [],
    }
    return [stamp | row for row in version.examples]


def experiment(world: World, item: Experiment) -> dict[str, Any]:
    """An experiment."""
    view = base(item, "space_id", "dataset_id", "dataset_version_id")
    view |= {"experiment_traces_project_id": None, "integration_id": item.integration_id}
    return world.level.prune("Experiment", view)


def experiment_row(world: World, item: ExperimentRow) -> dict[str, Any]:
    """A row of an experiment as it is now, scores as flat columns."""
    now = world.clock.now_ms()
    view: dict[str, Any] = {"id": item.id, "example_id": item.example_id, "annotations": []}
    if item.output is not None:
        view["output"] = item.output
    if item.error is not None:
        view["error"] = item.error
    for name, score in item.scores.items():
        if item.readable_ms.get(name, now) <= now:
            view |= {f"eval.{name}.{part}": value for part, value in score.items()}
    return world.level.prune("ExperimentRun", view)


def evaluator(world: World, item: Evaluator, version: EvaluatorVersion | None = None) -> dict[str, Any]:
    """An evaluator; with a version for a single get."""
    view = base(item, "description", "space_id")
    view |= {"type": world.level.spell(item.type), "created_by_user_id": world.user_id}
    return view if version is None else view | {"version": evaluator_version(world, version)}


def evaluator_version(world: World, version: EvaluatorVersion) -> dict[str, Any]:
    """A version of an evaluator."""
    level, kind = world.level, world.evaluators[version.evaluator_id].type
    view = {
        "id": version.id,
        "evaluator_id": version.evaluator_id,
        "commit_hash": version.id[-8:],
        "commit_message": version.message,
        "created_at": iso(version.created_ms),
        "created_by_user_id": world.user_id,
        "type": level.spell(kind),
    }
    config = _own_enums(level, version.config)
    if kind == "CODE":
        return view | {"code_config": config}
    config["use_function_calling_if_available"] = config.get("use_function_calling", True)
    return view | {"template_config": level.prune("TemplateConfig", config)}


def _own_enums(level: Level, config: dict[str, Any]) -> dict[str, Any]:
    """A configuration whose own enum values are as the level writes them."""
    return {key: level.spell(value) if key in _ENUM_KEYS else value for key, value in config.items()}


def ai_integration(world: World, item: Integration) -> dict[str, Any]:
    """An LLM integration as ``/v2/ai-integrations`` shows it."""
    scopings = [{"organization_id": None, "space_id": item.space_id}]
    own = {"scopings": scopings, "created_by_user_id": world.user_id}
    return base(item) | _own_enums(world.level, item.config) | own


def integration(world: World, item: Integration) -> dict[str, Any]:
    """An integration of any type as ``/v2/integrations`` shows it."""
    view = base(item) | {
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


def spelled(value: Any, spell: Callable[[str], str], key: str = "") -> Any:
    """A body or configuration with its enum values in another spelling; parts that are the user's own are left alone.

    :param value: the whole, or a part of it.
    :param spell: the spelling: ``Level.spell`` for what is sent, ``Level.read`` for what is kept.
    :param key: of the part.
    """
    if isinstance(value, dict) and key not in _FREE_KEYS:
        return {name: spelled(item, spell, name) for name, item in value.items()}
    if isinstance(value, list):
        return [spelled(item, spell, key) for item in value]
    return spell(value) if key in _ENUM_KEYS and isinstance(value, str) else value


def task(world: World, item: Task) -> dict[str, Any]:
    """A task."""
    level, body = world.level, item.body
    is_project = body.get("project_id") is not None
    config = body.get("run_configuration")
    view = base(item) | {
        "type": level.spell(item.type),
        "project_id": body.get("project_id"),
        "dataset_id": body.get("dataset_id"),
        "sampling_rate": body.get("sampling_rate", 1.0) if is_project else None,
        "is_continuous": bool(body.get("is_continuous")),
        "query_filter": body.get("query_filter"),
        "query_filters": query_filters(body.get("query_filters")),
        "evaluators": [task_evaluator(world, given) for given in body.get("evaluators") or []],
        "experiment_ids": list(body.get("experiment_ids") or []),
        "run_configuration": spelled(config, level.spell) if config else None,
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
    view = {"evaluator_id": given["evaluator_id"], "evaluator_name": attached.name if attached else None}
    optional = ("evaluator_version_id", "query_filter", "column_mappings", "query_mappings")
    return world.level.prune("TaskEvaluator", view | {name: given.get(name) for name in optional})


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
