"""The operator that finds out whether quality dropped, by comparing a nightly experiment with those before."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.client.printable import printable
from airflow_provider_arize_tasks.exceptions import ArizeQualityError, failing_for_good
from airflow_provider_arize_tasks.links.arize import (
    ArizeExperimentLink,
    ArizeReportLink,
    Place,
    local_report_url,
    push_link,
    telling_reason,
)
from airflow_provider_arize_tasks.quality.conditions import ACCEPTED, Verdict
from airflow_provider_arize_tasks.quality.report.table import describe_baseline, summary_table
from airflow_provider_arize_tasks.quality.settings import (
    CONDITIONS,
    SCORES_MAY_TAKE,
    OnFailure,
    read_settings,
    task_ids,
)

with warnings.catch_warnings():
    # On Airflow 3.0 and 3.1 it is looked for in a place that warns of being old before it is found in the new one.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.simplefilter("ignore", FutureWarning)
    from airflow.providers.common.compat.sdk import BranchMixIn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from airflow.providers.common.compat.sdk import Context, XComArg
    from typing_extensions import Unpack

    from airflow_provider_arize_tasks.base_arguments import OperatorArguments
    from airflow_provider_arize_tasks.client.models import Experiment
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.quality.gate import Found
    from airflow_provider_arize_tasks.quality.result import ExperimentCheck
    from airflow_provider_arize_tasks.quality.settings import CheckSettings

    #: A name, an id, or the JSON of a task, a run or an experiment as an operator returned it.
    Reference = str | Mapping[str, Any]
    Limit = float | str | Mapping[str, float | str] | XComArg | None
    OptionalFailure = Literal[
        "evaluator_missing",
        "new_evaluator",
        "labels_only",
        "too_few_examples",
        "drop_within_noise",
        "no_baseline",
        "dataset_changed",
        "judge_changed",
        "setup_changed",
    ]

_RESULT_KEY = "return_value"


class ArizeCheckExperimentOperator(BaseOperator, BranchMixIn):
    """Compare an experiment with earlier ones, and fail, skip or branch where its quality dropped.

    Each evaluator is compared example by example, and so is the share of examples that the app answered. A drop fails
    the check when the whole interval of the change lies beyond ``max_drop``; the interval allows for the noise of the
    examples and for what moves a whole experiment, such as a judge's mood. A second, slow test finds slides. What can't
    be compared (nothing before, few examples, a new evaluator, another version of the dataset or of the judge) is said
    in the log and fails the check only where ``fail_on`` names it. The result is the same however often it is read, so
    a check that did not pass is not retried; a server that can't be reached is.

    With ``on_failure="branch"``, and with ``"skip"``, tasks after this one run only on a pass: with ``"fail"`` because
    this task fails, with ``"skip"`` because it is skipped.

    .. seealso:: :doc:`/experiment-quality` for the method, its false alarms and its power; Arize's reference of
        ``GET /v2/experiments/{id}/runs``: https://arize.com/docs/ax/rest-reference

    :param experiment: the experiment to judge: its name or id, or the result of
        :class:`ArizeTriggerExperimentRunOperator` (``trigger.output``). (templated)
    :param task: the RUN_EXPERIMENT task whose earlier experiments are the baseline: its name or id, or the JSON that a
        create operator returned. Default: the task in the result given as ``experiment``. (templated)
    :param dataset: dataset to look up experiments by name in. (templated)
    :param space: space to look up names in. Default: the connection's. (templated)
    :param baseline: ``"accepted"`` (default) for earlier experiments of ``task`` that this check let pass: one that
        failed never becomes the norm, nor does an earlier attempt of the same DAG run, nor a smaller (smoke) run;
        ``"previous"`` for whatever ``task`` completed before; a name or id (or a list of them) for certain experiments;
        ``None`` for no comparison. (templated)
    :param baseline_nights: how many of the earlier experiments are pooled: per example, the mean over those that
        scored it. Default 7. (templated)
    :param reference: a pinned experiment, by name or id, or several: a drop against it fails as well, so that a slow
        slide can't become the norm. Default: none. (templated)
    :param accept_since: "this is the new normal": experiments made from this time on count as accepted whatever their
        verdict, and older ones no longer count. A time or a date, ISO 8601. Default: none. (templated)
    :param min_score: smallest mean score (or share of good labels) allowed. This and every condition below: a number
        for all evaluators, or a mapping of evaluator to number in which ``"*"`` is every other. Default: none.
        (templated)
    :param max_score: largest mean allowed, for evaluators in ``lower_is_better``. Default: none. (templated)
    :param max_drop: tolerance against the baseline: the check fails only when the whole interval of the change lies
        beyond it; ``None`` to allow any drop. Default 0. (templated)
    :param rule_out: a pass must exclude a drop of this size; where the interval reaches that far, the outcome is
        ``inconclusive``. Default: none. (templated)
    :param min_coverage: smallest share of the *expected* examples (those of the dataset's version, else of the
        baseline), 0 to 1, that must have a score; ``None`` for any. Default 0.9. (templated)
    :param max_error_rate: largest share of the expected examples, 0 to 1, on which the app or the evaluator may fail;
        ``None`` for any. Default 0.1. (templated)
    :param evaluators: judge only these. Default: all that the experiment, the latest baseline or a condition has.
        (templated)
    :param good_labels: by evaluator, the label or labels whose share is judged instead of the score. A label that
        nobody ever gave is an error. (templated)
    :param lower_is_better: evaluators whose *rise* is the drop in quality, such as toxicity. (templated)
    :param confidence: how sure the check is before it calls a drop real, over all evaluators together. Default 0.95:
        one experiment in forty without a change fails. (templated)
    :param min_examples: below so many shared examples a drop is not told. Default 10. (templated)
    :param cluster_by: column of the dataset whose examples belong together, such as the turns of one conversation:
        they do not count as independent of each other. Default: each example stands for itself. (templated)
    :param slice_by: column of the dataset by which the report takes the change apart. Default: none. (templated)
    :param false_alarms_per_year: budget of the slow test, for the whole check, if it runs nightly; 0 turns it off.
        Default 1. (templated)
    :param fail_on: findings that fail the check besides the conditions, of ``evaluator_missing``, ``new_evaluator``,
        ``labels_only``, ``too_few_examples``, ``drop_within_noise``, ``no_baseline``, ``dataset_changed``,
        ``judge_changed``, ``setup_changed``. Default: ``["evaluator_missing"]``. (templated)
    :param on_inconclusive: ``"fail"`` (default) or ``"pass"``: what an inconclusive outcome counts as. (templated)
    :param wait_for_scores: how long scores of a completed evaluation that can't be read yet are looked for; ends
        sooner when nothing new comes. A ``timedelta``, seconds, or text. Default 30 seconds; 0 not to wait. (templated)
    :param on_failure: ``"fail"`` (default) fails this task without a retry; ``"skip"`` skips it, and with it what
        follows; ``"branch"`` succeeds and follows ``tasks_if_failed``. (templated)
    :param tasks_if_passed: with ``"branch"``: ids of the tasks (or task groups) to follow on a pass. Default: all tasks
        directly downstream but ``tasks_if_failed`` and ``tasks_if_inconclusive``.
    :param tasks_if_failed: with ``"branch"``: ids to follow when the experiment did not pass; ``[]`` for none.
    :param tasks_if_inconclusive: with ``"branch"``: ids to follow when the outcome is inconclusive and
        ``on_inconclusive="fail"``. Default: those of ``tasks_if_failed``.
    :param report_path: where to write the report: an ``ObjectStoragePath`` or its text, a file that ends in ``.html``
        or a folder. HTML, and beside it Markdown and JSON. It holds inputs and outputs of examples. Default: no report.
        (templated)
    :param report_url: web address (http or https) of the report, for the button on the task instance; one that ends in
        ``/`` gets the report's file name. Default: told from the path for S3 and GCS. (templated)
    :param report_nights: how many experiments the report draws at most, this one included. Default 30. (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: the result as JSON: ``passed``, ``outcome``, ``experiment``, ``baseline``, ``evaluators``, ``failures``,
        ``remarks``, ``report`` and more; pushed as ``return_value`` on a failure, too. It holds no text of the
        examples. :doc:`/experiment-quality` describes it.
    :raises ArizeQualityError: the experiment did not pass and ``on_failure="fail"``; not retried.
    :raises ArizePermanentError: the connection or an argument is wrong; not retried.
    """

    template_fields: Sequence[str] = (
        "experiment",
        "task",
        "dataset",
        "space",
        "baseline",
        "baseline_nights",
        "reference",
        "accept_since",
        *CONDITIONS,
        "cluster_by",
        "slice_by",
        "wait_for_scores",
        "on_failure",
        "report_path",
        "report_url",
        "report_nights",
        "arize_conn_id",
    )
    operator_extra_links = (ArizeReportLink(), ArizeExperimentLink())
    ui_color = "#e8e4fb"
    #: Tells Airflow's scheduler to look for the skips of a branch.
    inherits_from_skipmixin = True

    def __init__(
        self,
        *,
        experiment: Reference | XComArg,
        task: Reference | XComArg | None = None,
        dataset: str | XComArg | None = None,
        space: str | XComArg | None = None,
        baseline: str | Sequence[str] | XComArg | None = ACCEPTED,
        baseline_nights: int | str = 7,
        reference: str | Sequence[str] | XComArg | None = None,
        accept_since: datetime | str | XComArg | None = None,
        min_score: Limit = None,
        max_score: Limit = None,
        max_drop: Limit = 0.0,
        rule_out: Limit = None,
        min_coverage: Limit = 0.9,
        max_error_rate: Limit = 0.1,
        evaluators: Sequence[str] | None = None,
        good_labels: Mapping[str, str | Sequence[str]] | None = None,
        lower_is_better: Sequence[str] | None = None,
        confidence: float | str = 0.95,
        min_examples: int | str = 10,
        cluster_by: str | None = None,
        slice_by: str | None = None,
        false_alarms_per_year: float | str = 1,
        fail_on: Sequence[OptionalFailure] | None = None,
        on_inconclusive: Literal["fail", "pass"] = "fail",
        wait_for_scores: timedelta | float | str = SCORES_MAY_TAKE,
        on_failure: Literal["fail", "skip", "branch"] = "fail",
        tasks_if_passed: str | Sequence[str] | None = None,
        tasks_if_failed: str | Sequence[str] | None = None,
        tasks_if_inconclusive: str | Sequence[str] | None = None,
        report_path: Any = None,
        report_url: str | None = None,
        report_nights: int | str = 30,
        arize_conn_id: str = "arize_default",
        **kwargs: Unpack[OperatorArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.experiment = experiment
        self.task = task
        self.dataset = dataset
        self.space = space
        self.baseline = baseline
        self.baseline_nights = baseline_nights
        self.reference = reference
        self.accept_since = accept_since
        self.min_score = min_score
        self.max_score = max_score
        self.max_drop = max_drop
        self.rule_out = rule_out
        self.min_coverage = min_coverage
        self.max_error_rate = max_error_rate
        self.evaluators = evaluators
        self.good_labels = good_labels
        self.lower_is_better = lower_is_better
        self.confidence = confidence
        self.min_examples = min_examples
        self.cluster_by = cluster_by
        self.slice_by = slice_by
        self.false_alarms_per_year = false_alarms_per_year
        self.fail_on = fail_on
        self.on_inconclusive = on_inconclusive
        self.wait_for_scores = wait_for_scores
        self.on_failure = on_failure
        self.tasks_if_passed = tasks_if_passed
        self.tasks_if_failed = tasks_if_failed
        self.tasks_if_inconclusive = tasks_if_inconclusive
        self.report_path = report_path
        self.report_url = report_url
        self.report_nights = report_nights
        self.arize_conn_id = arize_conn_id
        read_settings(self, rendered=False)

    def execute(self, context: Context) -> dict[str, Any]:
        """Read the experiments, judge, report, and fail, skip or branch.

        :return: the result as JSON; see the class.
        """
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        with failing_for_good(), telling_reason(context):
            settings = read_settings(self, rendered=True)
            with ArizeHook(self.arize_conn_id) as hook:
                check, result = self._check(context, hook, settings)
            self.log.info("Quality check\n%s", summary_table(check))
            return self._conclude(context, check, result, settings.on_failure)

    def _check(
        self, context: Context, hook: ArizeHook, settings: CheckSettings
    ) -> tuple[ExperimentCheck, dict[str, Any]]:
        from airflow_provider_arize_tasks.quality.gate import Gate
        from airflow_provider_arize_tasks.quality.reading import reference_of
        from airflow_provider_arize_tasks.quality.record import store_of

        experiment, task = reference_of(self.experiment)
        gate = Gate(hook, settings, self.log, store_of(context, self.outlets))
        urls: dict[str, str] = {}

        def link(candidate: Experiment) -> None:
            urls["experiment"] = self._link(context, hook, candidate, settings.space)

        found = gate.judge(experiment, task, seen=link)
        result = {**found.check.to_dict(), "task_id": found.task_id, "report": None, "report_url": None}
        if self.report_path:
            result |= self._write(context, found, settings, urls.get("experiment", ""))
        return found.check, result

    # -- the report ----------------------------------------------------------------------------------------------

    def _link(self, context: Context, hook: ArizeHook, experiment: Experiment, space: str | None) -> str:
        space_id, organization_id = experiment.space_id, hook.config.organization
        try:
            space_id = space_id or hook.resolve_space(space)
            if space_id and not organization_id:
                organization_id = hook.get_space(space_id).organization_id
        except ArizeError as error:  # a link that leads to the start page only fails nothing
            self.log.debug("The link of experiment %s leads to the start page: %s", experiment.id, error)
        place = Place(organization_id=organization_id, space_id=space_id, app_url=hook.config.app_url)
        url = place.of_experiment(dataset_id=experiment.dataset_id, experiment_id=experiment.id)
        push_link(context, ArizeExperimentLink, url)
        return url

    def _write(self, context: Context, found: Found, settings: CheckSettings, url: str) -> dict[str, Any]:
        from airflow_provider_arize_tasks.quality.report.address import report_address, without_userinfo
        from airflow_provider_arize_tasks.quality.report.writing import render_all, write_all

        ti = context["ti"]
        origin = {"DAG": str(ti.dag_id), "task": str(ti.task_id), "run": str(ti.run_id)}
        try:
            pages = render_all(
                found, origin=origin, experiment_url=url, most=settings.report_nights, slice_by=settings.slice_by
            )
            paths = write_all(self.report_path, found.check.candidate, pages)
        except Exception:  # any storage backend raises its own: a report that can't be kept changes no verdict
            where = without_userinfo(str(self.report_path))
            self.log.exception("The report could not be written to %s; the verdict stands", where)
            return {}
        self.log.info("Report: %s", paths["html"])
        address = report_address(paths["html"], self.report_url) or local_report_url(paths["html"], ti)
        push_link(context, ArizeReportLink, address)
        return {"report": paths["html"], "report_url": address, "reports": paths}

    # -- the verdict ---------------------------------------------------------------------------------------------

    def _conclude(
        self, context: Context, check: ExperimentCheck, result: dict[str, Any], on_failure: OnFailure
    ) -> dict[str, Any]:
        self._publish(context, result)
        if on_failure is OnFailure.BRANCH:
            # Airflow 3 leaves a branch by an exception, which would lose the returned value.
            self._push(context, result)
            self.do_branch(context, self._branch(check))
            return result
        if check.passed:
            return result
        self._push(context, result)
        message = _message(check, result["report"])
        if on_failure is OnFailure.SKIP:
            raise AirflowSkipException(message)
        raise ArizeQualityError(message)

    def _branch(self, check: ExperimentCheck) -> list[str]:
        failed, inconclusive = task_ids(self.tasks_if_failed), task_ids(self.tasks_if_inconclusive)
        if not check.passed:
            self.log.error("%s", _message(check, None))
            if check.verdict is Verdict.INCONCLUSIVE and self.tasks_if_inconclusive is not None:
                return inconclusive
            return failed
        if self.tasks_if_passed is not None:
            return task_ids(self.tasks_if_passed)
        others = {*failed, *inconclusive}
        dag = self.get_dag()
        groups = {} if dag is None else dag.task_group_dict
        inside = {task.task_id for each in others if each in groups for task in groups[each].iter_tasks()}
        return sorted(self.downstream_task_ids - others - inside)

    def _push(self, context: Context, result: dict[str, Any]) -> None:
        if self.do_xcom_push:
            context["ti"].xcom_push(key=_RESULT_KEY, value=result)

    def _publish(self, context: Context, result: dict[str, Any]) -> None:
        """Put the result on the events of the task's assets, in short."""
        from airflow_provider_arize_tasks.quality.report.writing import asset_extra
        from airflow_provider_arize_tasks.telemetry import add_to_asset_events

        add_to_asset_events(context, asset_extra(result))


def _message(check: ExperimentCheck, report: str | None) -> str:
    """What the person on call reads first."""
    label = printable(check.candidate.label, 200)
    if check.verdict is Verdict.INCONCLUSIVE:
        lines = [f"Experiment {label} is inconclusive, judged {describe_baseline(check.past.pool)}."]
    else:
        lines = [f"Experiment {label} did not pass, judged {describe_baseline(check.past.pool)}."]
    lines += [f"- {finding.message}" for finding in (*check.failures, *check.doubts)]
    if report:
        lines.append(f"Report with the examples that got worse: {report}")
    lines.append(
        "Not retried: the same experiment would be judged the same way. Once it is mended, run a new one; to accept it "
        "as the new normal, set accept_since."
    )
    return "\n".join(lines)
