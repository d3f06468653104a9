"""The report of an experiment check: what goes into it, and writing it to any object storage that Airflow knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.quality.history import nightly_scores
from airflow_provider_arize_tasks.quality.report.address import report_name
from airflow_provider_arize_tasks.quality.report.page import Report, render_report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_arize_tasks.quality.conditions import Conditions
    from airflow_provider_arize_tasks.quality.result import ExperimentCheck
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows


def report_page(
    check: ExperimentCheck,
    *,
    conditions: Conditions,
    nights: Sequence[ExperimentRows],
    examples: Mapping[str, Mapping[str, Any]],
    ti: Any,
    experiment_url: str,
) -> str:
    """The report as an HTML document.

    :param check: the result of the check.
    :param conditions: what was asked of the experiment.
    :param nights: the experiments to draw, oldest first.
    :param examples: columns of the examples that got worse, by example id.
    :param ti: the task instance, for where the report comes from.
    :param experiment_url: address of the experiment; left out where it is only the start page of the UI.
    """
    baseline_ids = [night.id for night in check.baseline]
    points = {
        evaluator.evaluator: nightly_scores(
            nights,
            evaluator.measure,
            baseline_ids=baseline_ids,
            confidence=evaluator.change.confidence if evaluator.change else check.confidence,
        )
        for evaluator in check.evaluators
    }
    report = Report(
        check=check,
        conditions=conditions,
        nights=points,
        examples=examples,
        origin={"DAG": str(ti.dag_id), "task": str(ti.task_id), "run": str(ti.run_id)},
        experiment_url=experiment_url if "/experiments/" in experiment_url else None,
    )
    return render_report(report)


def worst_examples(check: ExperimentCheck) -> set[str]:
    """Ids of all examples that a report shows with their texts."""
    return {regression.example for evaluator in check.evaluators for regression in evaluator.regressions}


def nights_to_draw(others: Sequence[ExperimentRows], candidate: ExperimentRows, most: int) -> list[ExperimentRows]:
    """Oldest first, each once, the candidate last; the oldest are left out where there are too many.

    :param others: the other nights, in any order.
    :param candidate: the experiment that was judged.
    :param most: how many to draw at most.
    """
    unique = {night.id: night for night in others if night.id != candidate.id}
    ordered = sorted(unique.values(), key=lambda night: night.created_at or "")
    return [*ordered[max(0, len(ordered) - most + 1) :], candidate]


def write_report(target: Any, experiment: str, page: str) -> str:
    """Write a report and tell where it is.

    :param target: an ``ObjectStoragePath`` or its text: a file that ends in ``.html``, else a folder, in which the
        report is named after the experiment.
    :param experiment: name of the experiment.
    :param page: the HTML document.
    :return: the path of the report.
    :raises Exception: whatever the storage raises.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    path: Any = target if isinstance(target, ObjectStoragePath) else ObjectStoragePath(str(target))
    if path.suffix.lower() not in (".html", ".htm"):
        path = path / report_name(experiment)
    if path.protocol in ("file", "local", ""):  # an object store has no folders to make
        path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(page.encode())
    return str(path)


def asset_extra(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a DAG that is scheduled on an asset learns of the check that updated it.

    :param result: the result of a check.
    """
    return {
        "experiment_id": result["experiment"]["id"],
        "experiment_name": result["experiment"]["name"],
        "passed": result["passed"],
        "report": result["report"],
        "evaluators": {
            name: {
                "outcome": check["outcome"],
                "score": check["score"],
                "baseline_score": check["baseline_score"],
                "change": None if check["change"] is None else check["change"]["mean"],
            }
            for name, check in result["evaluators"].items()
        },
    }
