"""OpenLineage: which data a run read, and what it made.

========================  =====================================  =================================================
run                       in                                     out
========================  =====================================  =================================================
evaluation of spans       ``projects/{project_id}``              ``projects/{project_id}/evaluations``
evaluation of a dataset   ``datasets/{dataset_id}``              ``datasets/{dataset_id}/evaluations``
experiment                ``datasets/{dataset_id}``              ``datasets/{dataset_id}/experiments/{experiment}``
========================  =====================================  =================================================

and for an experiment that runs a prompt of the Prompt Hub also ``prompts/{prompt_id}`` in, with its version; all that
in the namespace ``arize://{host of the API}``. The output carries its row count (labels written), the job run the ids
of the Arize runs, so that a lineage tool can find them.

``apache-airflow-providers-openlineage`` is optional: nothing of it is imported before Airflow's OpenLineage listener
asks an operator for its facets, and the listener is part of that provider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.openlineage.extractors.base import OperatorLineage


def facets_for_run(
    run: Mapping[str, Any] | None,
    *,
    base_url: str,
    project_id: str | None = None,
    dataset_id: str | None = None,
    dataset_version_id: str | None = None,
) -> OperatorLineage:
    """Facets of a task that triggered or awaited a run, for ``get_openlineage_facets_on_complete``.

    Call it from there only: OpenLineage's own classes are imported here.

    :param run: the operator's result (a run as the API gives it, with ``runs`` where there were several, ``prompt``
        where a prompt of the Prompt Hub was run); ``None``
        where no run was made (no data): the inputs stay, there is no output.
    :param base_url: address of the API, ``ClientConfig.base_url``; its host becomes part of the namespace.
    :param project_id: the project whose spans the task evaluates.
    :param dataset_id: the dataset the task works on.
    :param dataset_version_id: version of the dataset an experiment ran on.
    :return: an ``OperatorLineage``.
    """
    from airflow.providers.openlineage.extractors.base import OperatorLineage

    source = f"projects/{project_id}" if project_id else f"datasets/{dataset_id}" if dataset_id else None
    if source is None:
        return OperatorLineage()
    namespace = f"arize://{urlsplit(base_url).netloc}"
    inputs = [_input(namespace, source, base_url, dataset_version_id)]
    if not run:
        return OperatorLineage(inputs=inputs)
    prompt = run.get("prompt")
    if prompt:
        inputs.append(_input(namespace, f"prompts/{prompt['id']}", base_url, prompt.get("version_id")))
    made = f"experiments/{run['experiment_id']}" if run.get("experiment_id") else "evaluations"
    return OperatorLineage(
        inputs=inputs,
        outputs=[_output(namespace, f"{source}/{made}", base_url, run)],
        run_facets=_run_facets(run, base_url),
    )


def _input(namespace: str, name: str, base_url: str, version: str | None) -> Any:
    from openlineage.client.event_v2 import Dataset
    from openlineage.client.facet_v2 import dataset_version_dataset, datasource_dataset

    facets: dict[str, Any] = {"dataSource": datasource_dataset.DatasourceDatasetFacet(name=namespace, uri=base_url)}
    if version:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=version)
    return Dataset(namespace=namespace, name=name, facets=facets)


def _output(namespace: str, name: str, base_url: str, run: Mapping[str, Any]) -> Any:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import datasource_dataset, output_statistics_output_dataset

    rows = run.get("num_successes")
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows)
    return OutputDataset(
        namespace=namespace,
        name=name,
        facets={"dataSource": datasource_dataset.DatasourceDatasetFacet(name=namespace, uri=base_url)},
        outputFacets={"outputStatistics": statistics} if rows is not None else {},
    )


def _run_facets(run: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    from openlineage.client.facet_v2 import external_query_run

    ids = [str(part["id"]) for part in run.get("runs") or (run,) if part.get("id")]
    if not ids:
        return {}
    return {"externalQuery": external_query_run.ExternalQueryRunFacet(externalQueryId=",".join(ids), source=base_url)}
