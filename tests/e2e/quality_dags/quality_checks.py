"""A check and nothing else, over experiments that are there; what it looks at comes with the DAG run."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_arize_tasks.operators.experiments import ArizeCheckExperimentOperator

SPACE = "demo-space"

with DAG(
    dag_id="check_labels",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    params={"experiment": "", "good_label": ""},
):
    ArizeCheckExperimentOperator(
        task_id="check_quality",
        experiment="{{ params.experiment }}",
        task="nightly-support-answers",
        dataset="demo-dataset",
        space=SPACE,
        good_labels={"correctness": "{{ params.good_label }}"},
    )

with DAG(
    dag_id="check_talks",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    params={"experiment": "", "task": "", "cluster_by": ""},
):
    ArizeCheckExperimentOperator(
        task_id="check_quality",
        experiment="{{ params.experiment }}",
        task="{{ params.task }}",
        dataset="talks",
        space=SPACE,
        cluster_by="{{ params.cluster_by }}",
    )
