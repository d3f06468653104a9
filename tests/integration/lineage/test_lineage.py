"""OpenLineage facets, with the OpenLineage provider (its classes, its serializer)."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone

import pytest

pytest.importorskip("openlineage.client", reason="the OpenLineage provider is not installed")
pytest.importorskip("airflow.providers.openlineage.extractors.base")

from openlineage.client.serde import Serde

from airflow_provider_arize_tasks.client.incoming import Gate, clean_text
from airflow_provider_arize_tasks.client.models import TaskRun
from airflow_provider_arize_tasks.lineage import facets_for_run
from airflow_provider_arize_tasks.operators.runs import (
    ArizeTriggerEvaluationRunOperator,
    ArizeTriggerExperimentRunOperator,
)
from airflow_provider_arize_tasks.runs.waiting import clean_run
from airflow_provider_arize_tasks.testing.runner import run_task
from tests.integration.fuzz.replies import POISON

BASE = "https://api.arize.com"
EVALUATION = {"id": "run-1", "task_id": "t", "status": "COMPLETED", "num_successes": 90, "experiment_id": None}


def as_json(event) -> dict:
    return json.loads(Serde.to_json(event))


def test_evaluation_reads_a_project_and_makes_labels():
    lineage = facets_for_run(EVALUATION, base_url=BASE, project_id="P=")
    (source,), (made,) = lineage.inputs, lineage.outputs
    assert (source.namespace, source.name) == ("arize://api.arize.com", "projects/P=")
    assert (made.namespace, made.name) == ("arize://api.arize.com", "projects/P=/evaluations")
    assert as_json(made)["outputFacets"]["outputStatistics"]["rowCount"] == 90


def test_the_run_names_the_arize_run():
    facet = as_json(facets_for_run(EVALUATION, base_url=BASE, project_id="P=").run_facets["externalQuery"])
    assert (facet["externalQueryId"], facet["source"]) == ("run-1", BASE)


def test_split_window_names_all_runs():
    run = {**EVALUATION, "runs": [{"id": "run-0"}, {"id": "run-1"}]}
    assert (
        facets_for_run(run, base_url=BASE, project_id="P=").run_facets["externalQuery"].externalQueryId == "run-0,run-1"
    )


def test_experiment_reads_a_dataset_version_and_makes_an_experiment():
    lineage = facets_for_run(
        {"id": "r", "experiment_id": "E="}, base_url=BASE, dataset_id="D=", dataset_version_id="V="
    )
    assert lineage.inputs[0].name == "datasets/D="
    assert as_json(lineage.inputs[0])["facets"]["version"]["datasetVersion"] == "V="
    assert lineage.outputs[0].name == "datasets/D=/experiments/E="


def test_a_prompt_of_the_hub_is_an_input_with_its_version():
    run = {"id": "r", "experiment_id": "E=", "prompt": {"id": "P=", "version_id": "V="}}
    dataset, prompt = facets_for_run(run, base_url=BASE, dataset_id="D=").inputs
    assert (dataset.name, prompt.name) == ("datasets/D=", "prompts/P=")
    assert as_json(prompt)["facets"]["version"]["datasetVersion"] == "V="


@pytest.mark.parametrize("text", POISON)
def test_a_hostile_run_makes_clean_events(text: str) -> None:
    sent = {**EVALUATION, "experiment_id": text, "failure_reason": text, "num_successes": 2**70, text: text}
    run = TaskRun.read(Gate().read(json.dumps(sent).encode()))
    for result in (run.to_dict(), clean_run(run)):
        lineage = facets_for_run(result, base_url=BASE, dataset_id="D=")
        assert len(lineage.outputs) == 1
        for part in (*lineage.inputs, *lineage.outputs, *lineage.run_facets.values()):
            written = Serde.to_json(part)
            assert clean_text(written) == written
            json.dumps(json.loads(written), ensure_ascii=False, allow_nan=False).encode()


def test_no_run_leaves_the_input_only():
    lineage = facets_for_run(None, base_url=BASE, project_id="P=")
    assert [d.name for d in lineage.inputs] == ["projects/P="]
    assert lineage.outputs == []


def test_nothing_known_is_no_lineage():
    lineage = facets_for_run(EVALUATION, base_url=BASE)
    assert (lineage.inputs, lineage.outputs) == ([], [])


def test_self_hosted_has_its_own_namespace():
    lineage = facets_for_run(EVALUATION, base_url="https://arize.example.com:8443/x", project_id="P")
    assert lineage.inputs[0].namespace == "arize://arize.example.com:8443"


def test_whole_event_serializes_for_the_listener():
    lineage = facets_for_run(EVALUATION, base_url=BASE, project_id="P=")
    for dataset in [*lineage.inputs, *lineage.outputs]:
        assert as_json(dataset)["facets"]["dataSource"]["uri"] == BASE


def extracted(result):
    """What Airflow's OpenLineage listener makes of a task that has run."""
    from airflow.providers.openlineage.extractors.base import DefaultExtractor

    return DefaultExtractor(result.task).extract_on_complete(None)


@pytest.fixture
def evaluation(arize_emulator, arize_connection):
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

    with ArizeHook() as hook:
        return hook.create_evaluation_task(
            name="lineage",
            task_type="template_evaluation",
            project="demo-project",
            space="demo-space",
            evaluators=[{"evaluator_id": "correctness", "column_mappings": {"output": "output.value"}}],
        )


def test_listener_gets_it_from_the_trigger_operator(evaluation):
    end = datetime.now(timezone.utc)
    operator = ArizeTriggerEvaluationRunOperator(task_id="t", task=evaluation.id)
    result = run_task(operator, data_interval=(end - timedelta(days=1), end - timedelta(hours=1)))
    assert result.state == "success", result.error
    lineage = extracted(result)
    assert [dataset.name for dataset in lineage.inputs] == [f"projects/{evaluation.project_id}"]
    assert [dataset.name for dataset in lineage.outputs] == [f"projects/{evaluation.project_id}/evaluations"]
    assert lineage.run_facets["externalQuery"].externalQueryId == result.value["id"]
    assert json.loads(os.environ["AIRFLOW_CONN_ARIZE_DEFAULT"])["password"] not in repr(lineage)


def test_listener_gets_no_output_where_there_was_no_data(evaluation):
    operator = ArizeTriggerEvaluationRunOperator(task_id="t", task=evaluation.id, on_no_data="succeed")
    long_ago = datetime(2020, 1, 1, tzinfo=timezone.utc)
    result = run_task(operator, data_interval=(long_ago, long_ago + timedelta(days=1)))
    assert result.state == "success", result.error
    lineage = extracted(result)
    assert [dataset.name for dataset in lineage.inputs] == [f"projects/{evaluation.project_id}"]
    assert lineage.outputs == []


def test_listener_gets_it_from_the_experiment_operator(arize_emulator, arize_connection):
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

    with ArizeHook() as hook:
        (integration,) = hook.list_ai_integrations(space="demo-space", limit=1).items
        configuration = {
            "experiment_type": "llm_generation",
            "ai_integration_id": integration.id,
            "model_name": "gpt-4o-mini",
            "messages": [{"role": "user", "content": "Answer: {question}"}],
            "input_variable_format": "f_string",
        }
        task = hook.create_run_experiment_task(
            name="answers", dataset="demo-dataset", space="demo-space", run_configuration=configuration
        )
    result = run_task(ArizeTriggerExperimentRunOperator(task_id="t", task=task.id, experiment_name="nightly"))
    assert result.state == "success", result.error
    lineage = extracted(result)
    (made,) = lineage.outputs
    assert [dataset.name for dataset in lineage.inputs] == [f"datasets/{task.dataset_id}"]
    assert made.name == f"datasets/{task.dataset_id}/experiments/{result.value['experiment_id']}"
    assert as_json(made)["outputFacets"]["outputStatistics"]["rowCount"] == result.value["num_successes"]


def test_listener_hears_of_a_run_that_misses_a_gate(evaluation, arize_emulator):
    arize_emulator.control.set_outcome(errors=50)
    end = datetime.now(timezone.utc)
    operator = ArizeTriggerEvaluationRunOperator(task_id="t", task=evaluation.id, max_error_rate=0.1)
    result = run_task(operator, data_interval=(end - timedelta(days=1), end - timedelta(hours=1)))
    assert result.state == "failed"
    assert "errors" in str(result.error)
    lineage = extracted(result)
    assert [dataset.name for dataset in lineage.outputs] == [f"projects/{evaluation.project_id}/evaluations"]
