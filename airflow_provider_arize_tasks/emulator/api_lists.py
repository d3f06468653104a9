"""The endpoints around tasks: spaces, projects, datasets, experiments with their rows, integrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator import views
from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.filters import check_filter
from airflow_provider_arize_tasks.emulator.requests import Call, Routes, named, newest_first, require_scope
from airflow_provider_arize_tasks.emulator.schemas import SEARCH_EXAMPLES, SEARCH_ROWS

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.emulator.world import Experiment

_MOST_ROWS = 500

ROUTES = Routes()
ROUTES.gets("/v2/spaces/{space_id}", "spaces", "space", views.space)
ROUTES.lists("/v2/projects", "projects", views.project, "project_type")
ROUTES.gets("/v2/projects/{project_id}", "projects", "project", views.project)
ROUTES.lists("/v2/datasets", "datasets", views.dataset)
ROUTES.gets("/v2/datasets/{dataset_id}", "datasets", "dataset", views.dataset_in_full)
ROUTES.lists("/v2/integrations", "integrations", views.integration, "type")
ROUTES.gets("/v2/integrations/{integration_id}", "integrations", "integration", views.integration)


@ROUTES.on("GET /v2/spaces")
def list_spaces(call: Call) -> dict[str, Any]:
    """Spaces, newest first."""
    query = call.query("org_id", "name")
    spaces = [s for s in call.world.spaces.values() if query.get("org_id") in (None, s.organization_id)]
    return call.page("spaces", newest_first(named(call.world, spaces, query)), query, views.space)


@ROUTES.on("GET /v2/datasets/{dataset_id}/examples")
def list_examples(call: Call) -> dict[str, Any]:
    """The examples of a dataset."""
    query = call.query("dataset_version_id")
    dataset = call.find(call.world.datasets, "dataset")
    rows = views.examples(call.world.version_of(dataset, query.get("dataset_version_id")))
    return call.page("examples", rows, query, most=_MOST_ROWS)


@ROUTES.on("POST /v2/datasets/{dataset_id}/examples/search")
def search_examples(call: Call) -> dict[str, Any]:
    """The examples of a dataset by time and id, filtered."""
    body = call.body(SEARCH_EXAMPLES, default={})
    passes = check_filter(body.get("filter"), "filter")
    dataset = call.find(call.world.datasets, "dataset")
    rows = views.examples(call.world.version_of(dataset, body.get("dataset_version_id")))
    chosen = sorted(filter(passes, rows), key=lambda row: (row["created_at"], str(row["id"])))
    return call.page("examples", chosen, body, most=_MOST_ROWS)


@ROUTES.on("GET /v2/experiments")
def list_experiments(call: Call) -> dict[str, Any]:
    """The experiments of a dataset or of a space."""
    world, now, query = call.world, call.now, call.query("dataset_id", "space_id", "name")
    if "dataset_id" in query and "space_id" in query:
        raise Refusal(400, "dataset_id and space_id are mutually exclusive")
    found = [item for item in world.experiments.values() if item.created_ms <= now]
    if "dataset_id" in query:
        require_scope(world, world.datasets, query["dataset_id"], "dataset")
        found = [item for item in found if item.dataset_id == query["dataset_id"]]
    return call.page("experiments", newest_first(named(world, found, query)), query, views.experiment)


def _experiment(call: Call) -> Experiment:
    experiment = call.find(call.world.experiments, "experiment")
    if experiment.created_ms > call.now:
        raise Refusal(404, f"experiment {experiment.id} not found")
    return experiment


@ROUTES.on("GET /v2/experiments/{experiment_id}")
def get_experiment(call: Call) -> dict[str, Any]:
    """An experiment."""
    return views.experiment(call.world, _experiment(call))


@ROUTES.on("DELETE /v2/experiments/{experiment_id}")
def delete_experiment(call: Call) -> None:
    """The experiment goes with its rows."""
    gone = _experiment(call)
    del call.world.experiments[gone.id]
    call.world.deleted_experiments.add((gone.dataset_id, gone.name))


@ROUTES.on("GET /v2/experiments/{experiment_id}/runs")
def list_experiment_runs(call: Call) -> dict[str, Any]:
    """The rows of an experiment."""
    query = call.query()
    return call.page("experiment_runs", _experiment(call).rows, query, views.experiment_row, _MOST_ROWS)


@ROUTES.on("POST /v2/experiments/{experiment_id}/runs/search")
def search_experiment_runs(call: Call) -> dict[str, Any]:
    """The rows of an experiment, filtered."""
    body = call.body(SEARCH_ROWS, status=400, default={})
    passes = check_filter(body.get("filter"), "filter")
    seen = [views.experiment_row(call.world, row) for row in _experiment(call).rows]
    return call.page("experiment_runs", list(filter(passes, seen)), body, most=_MOST_ROWS)


@ROUTES.on("GET /v2/ai-integrations")
def list_ai_integrations(call: Call) -> dict[str, Any]:
    """The LLM integrations."""
    items = [item for item in call.world.integrations.values() if item.type == "LLM"]
    return call.space_page("ai_integrations", items, views.ai_integration)


@ROUTES.on("GET /v2/ai-integrations/{integration_id}")
def get_ai_integration(call: Call) -> dict[str, Any]:
    """An LLM integration."""
    found = call.find(call.world.integrations, "AI integration")
    if found.type != "LLM":
        raise Refusal(404, f"AI integration {found.id} not found")
    return views.ai_integration(call.world, found)
