"""Button on the task instance that leads to the report of an experiment check."""

from __future__ import annotations

from airflow_provider_arize_tasks.links.arize import _PushedLink


class ArizeReportLink(_PushedLink):
    """The HTML report that :class:`ArizeCheckExperimentOperator` wrote."""

    name = "Quality report"
    key = "arize_report_link"
