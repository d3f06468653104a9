"""Renders the report of an experiment check and writes it to any object storage that Airflow knows."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.quality.report.address import report_name
from airflow_provider_arize_tasks.quality.report.document import document_of, report_of
from airflow_provider_arize_tasks.quality.report.page import render_markdown, render_page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from airflow_provider_arize_tasks.quality.gate import Found
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows

#: Reports hold inputs and outputs: on a local disk they are for their owner alone.
_MODE = 0o600
_ENDINGS = {"html": ".html", "markdown": ".md", "json": ".json"}


def render_all(
    found: Found,
    *,
    origin: Mapping[str, str],
    experiment_url: str | None,
    most: int,
    slice_by: str | None = None,
) -> dict[str, str]:
    """The report as HTML, Markdown and JSON.

    :param found: what a check read and what it came to.
    :param origin: where the report comes from.
    :param experiment_url: address of the experiment in the Arize UI, if known.
    :param most: how many experiments to draw at most.
    :param slice_by: the column that slices are of.
    :return: texts by ``html``, ``markdown`` and ``json``.
    """
    report = report_of(found, origin=origin, experiment_url=experiment_url, most=most, slice_by=slice_by)
    return {
        "html": render_page(report),
        "markdown": render_markdown(report),
        "json": json.dumps(document_of(report), allow_nan=False),
    }


def write_all(target: Any, candidate: ExperimentRows, pages: Mapping[str, str]) -> dict[str, str]:
    """Write a report and tell where it is.

    :param target: an ``ObjectStoragePath`` or its text: a file that ends in ``.html``, else a folder, in which the
        report is named after the experiment.
    :param candidate: the experiment.
    :param pages: texts by kind.
    :return: paths by kind.
    :raises Exception: whatever the storage raises.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    path: Any = target if isinstance(target, ObjectStoragePath) else ObjectStoragePath(str(target))
    if path.suffix.lower() in (".html", ".htm"):
        folder, stem = path.parent, path.name[: -len(path.suffix)]
    else:
        folder, stem = path, report_name(candidate.label, candidate.id)
    is_local = path.protocol in ("file", "local", "")
    if is_local:  # an object store has no folders to make
        folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for kind, text in pages.items():
        place = path if kind == "html" and folder != path else folder / f"{stem}{_ENDINGS[kind]}"
        if is_local:
            _write_private(place.path, text)
        else:
            with place.open("wb") as file:
                file.write(text.encode("utf-8", "replace"))
        written[kind] = str(place)
    return written


def write_to_folder(folder: Path, candidate: ExperimentRows, pages: Mapping[str, str]) -> dict[str, str]:
    """Write a report to a local folder, without Airflow.

    :param folder: the folder, which is made where it is missing.
    :param candidate: the experiment.
    :param pages: texts by kind.
    :return: paths by kind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = report_name(candidate.label, candidate.id)
    written = {}
    for kind, text in pages.items():
        place = folder / f"{stem}{_ENDINGS[kind]}"
        _write_private(str(place), text)
        written[kind] = str(place)
    return written


def _write_private(path: str, text: str) -> None:
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
    with os.fdopen(opened, "wb") as file:
        os.fchmod(opened, _MODE)  # also where the file was there before
        file.write(text.encode("utf-8", "replace"))


def asset_extra(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a DAG that is scheduled on an asset learns of the check that updated it.

    :param result: the result of a check.
    """
    return {
        "experiment_id": result["experiment"]["id"],
        "experiment_name": result["experiment"]["name"],
        "passed": result["passed"],
        "outcome": result["outcome"],
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
