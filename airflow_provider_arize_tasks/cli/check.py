"""``python -m airflow_provider_arize_tasks check``: the gate of :class:`ArizeCheckExperimentOperator`, for a CI job."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.quality.conditions import ACCEPTED, Verdict

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.quality.gate import Found
    from airflow_provider_arize_tasks.quality.settings import CheckSettings

PASSED, NOT_PASSED, INCONCLUSIVE, NOT_JUDGED = 0, 1, 2, 3
_EPILOG = """\
Limits are numbers for all evaluators, or NAME=NUMBER for one; they can be given several times.

The connection: --conn-id names an Airflow connection. Without it the environment is used if ARIZE_API_KEY is set (with
ARIZE_API_HOST, ARIZE_REGION, ARIZE_SINGLE_HOST or ARIZE_BASE_DOMAIN, ARIZE_SPACE and the like), else the Airflow
connection arize_default.

Nothing is posted anywhere: the report is written to --report, and report.md in it is short enough for a comment.

Exit status: 0 passed; 1 did not pass; 2 inconclusive, and --on-inconclusive is fail; 3 could not be judged (a mistake
in the arguments or the connection, or the API could not be asked).
"""
_LIMITS = ("min-score", "max-score", "max-drop", "rule-out", "min-coverage", "max-error-rate")


def add_parser(commands: Any) -> None:
    """Add the command to a parser's commands.

    :param commands: what ``ArgumentParser.add_subparsers`` returned.
    """
    parser = commands.add_parser(
        "check",
        help="judge an experiment against earlier ones, as a gate in CI",
        description="Judge an experiment against earlier ones, as ArizeCheckExperimentOperator does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def refuse(message: str) -> NoReturn:
        sys.stderr.write(f"{parser.prog}: {message}; see --help\n")
        raise SystemExit(NOT_JUDGED)  # 2 would say "inconclusive"

    parser.error = refuse
    add = parser.add_argument
    add("--experiment", required=True, help="name or id of the experiment to judge")
    add("--task", help="name or id of the RUN_EXPERIMENT task whose experiments are the baseline")
    add("--dataset", help="dataset to look experiments up in")
    add("--space", help="space to look names up in (default: the connection's)")
    add("--baseline", action="append", help="accepted (default), previous, none, or an experiment; may be repeated")
    add("--baseline-experiments", default=7, help="how many earlier experiments are pooled (default: 7)")
    add("--reference", action="append", help="a pinned experiment; may be repeated")
    add("--accept-since", help="experiments made from this time on count as accepted")
    for name in _LIMITS:
        add(f"--{name}", action="append", metavar="[NAME=]NUMBER", help="as the operator's argument of this name")
    add("--evaluator", action="append", help="judge only this evaluator; may be repeated")
    add("--good-labels", action="append", metavar="NAME=LABEL[,LABEL]", help="judge the share of these labels")
    add("--lower-is-better", action="append", metavar="NAME", help="an evaluator whose rise is a drop in quality")
    add("--confidence", default=0.95, help="of the check as a whole (default: 0.95)")
    add("--min-examples", default=10, help="fewest shared examples a drop is told from (default: 10)")
    add("--cluster-by", help="column of the dataset whose examples belong together")
    add("--slice-by", help="column of the dataset by which the report takes the change apart")
    add("--false-alarms-per-year", default=1, help="budget of the slow test; 0 turns it off (default: 1)")
    add("--fail-on", action="append", help="a finding that fails the check as well; may be repeated")
    add("--on-inconclusive", choices=("fail", "pass"), default="fail", help="default: fail")
    add("--wait-for-scores", default="30s", help="how long to look for scores that are late (default: 30s)")
    add("--report", type=Path, metavar="FOLDER", help="write the report there: .html, .md and .json")
    add("--report-experiments", default=30, help="how many experiments the report draws (default: 30)")
    add("--conn-id", help="Airflow connection to use")
    add("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    :param arguments: as parsed.
    :return: the exit status.
    """
    try:
        # Airflow 2 logs to standard output, where the table and --json go.
        with contextlib.redirect_stdout(sys.stderr):
            settings = _settings(arguments)
            found = _judge(arguments, settings)
            paths = _report(arguments, settings, found)
    except ArizeError as error:
        sys.stderr.write(f"check: {error}\n")
        return NOT_JUDGED
    check = found.check
    if arguments.json:
        sys.stdout.write(json.dumps({**check.to_dict(), "reports": paths}, indent=2) + "\n")
    else:
        from airflow_provider_arize_tasks.quality.report.table import summary_table
        from airflow_provider_arize_tasks.terminal import standard_output

        sys.stdout.write(summary_table(check, standard_output() if sys.stdout.isatty() else None) + "\n")
        sys.stdout.writelines(f"report  {path}\n" for path in paths.values())
    if check.passed:
        return PASSED
    return INCONCLUSIVE if check.verdict is Verdict.INCONCLUSIVE else NOT_PASSED


def _settings(arguments: argparse.Namespace) -> CheckSettings:
    from airflow_provider_arize_tasks.quality.settings import read_settings

    given = argparse.Namespace(**vars(arguments))
    baseline = arguments.baseline or [ACCEPTED]
    given.baseline = None if baseline == ["none"] else baseline[0] if len(baseline) == 1 else baseline
    given.baseline_nights = arguments.baseline_experiments
    defaults = {"max_drop": 0.0, "min_coverage": 0.9, "max_error_rate": 0.1}
    for name in (limit.replace("-", "_") for limit in _LIMITS):
        setattr(given, name, _limits(getattr(arguments, name), defaults.get(name)))
    given.evaluators = arguments.evaluator
    labels = (text.partition("=") for text in arguments.good_labels or ())
    given.good_labels = {name: names.split(",") for name, _, names in labels} or None
    given.on_failure = "fail"
    given.tasks_if_passed = given.tasks_if_failed = given.tasks_if_inconclusive = None
    given.report_path = given.report_url = None
    given.report_nights = arguments.report_experiments
    return read_settings(given, rendered=True, subject="check")


def _limits(given: list[str] | None, default: float | None) -> Any:
    if not given:
        return default
    found: dict[str, str] = {}
    for text in given:
        name, sign, number = text.rpartition("=")
        found[name if sign else "*"] = number
    return found


def _judge(arguments: argparse.Namespace, settings: CheckSettings) -> Found:
    from airflow_provider_arize_tasks.cli.connection import config_for
    from airflow_provider_arize_tasks.client.api import ArizeApi
    from airflow_provider_arize_tasks.client.sync import ArizeClient
    from airflow_provider_arize_tasks.quality.gate import Gate

    with ArizeClient(config_for(arguments.conn_id)) as client:
        return Gate(ArizeApi(client), settings, logging.getLogger(__name__)).judge(arguments.experiment, None)


def _report(arguments: argparse.Namespace, settings: CheckSettings, found: Found) -> dict[str, str]:
    if arguments.report is None:
        return {}
    from airflow_provider_arize_tasks.quality.report.writing import render_all, write_to_folder

    origin = {"command": "check"} | ({"job": os.environ["CI_JOB_URL"]} if os.environ.get("CI_JOB_URL") else {})
    pages = render_all(
        found, origin=origin, experiment_url=None, most=settings.report_nights, slice_by=settings.slice_by
    )
    return write_to_folder(arguments.report, found.check.candidate, pages)
