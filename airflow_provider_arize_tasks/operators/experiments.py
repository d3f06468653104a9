"""The operator that finds out whether quality dropped, by comparing a nightly experiment with those before."""

from __future__ import annotations

import warnings
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_arize_tasks.client.errors import ArizeConfigError, ArizeError
from airflow_provider_arize_tasks.exceptions import ArizeQualityError, failing_for_good
from airflow_provider_arize_tasks.links.arize import ArizeExperimentLink, push_link
from airflow_provider_arize_tasks.links.record import telling_reason
from airflow_provider_arize_tasks.links.report import ArizeReportLink
from airflow_provider_arize_tasks.quality.judge import judge_experiment
from airflow_provider_arize_tasks.quality.report.table import describe_baseline, summary_table
from airflow_provider_arize_tasks.quality.settings import CONDITIONS, OnFailure, read_settings, task_ids

with warnings.catch_warnings():
    # On Airflow 3.0 and 3.1 it is looked for in a place that warns of being old before it is found in the new one.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.simplefilter("ignore", FutureWarning)
    from airflow.providers.common.compat.sdk import BranchMixIn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_arize_tasks.client.models import Experiment
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.quality.reading import ExperimentReader
    from airflow_provider_arize_tasks.quality.result import ExperimentCheck
    from airflow_provider_arize_tasks.quality.rows import ExperimentRows
    from airflow_provider_arize_tasks.quality.settings import CheckSettings

#: As ``baseline``: the experiments that the same task completed before.
PREVIOUS = "previous"
_RESULT_KEY = "return_value"


class ArizeCheckExperimentOperator(BaseOperator, BranchMixIn):
    """Compare an experiment with a baseline, and fail, skip or branch where its quality dropped.

    Each evaluator is compared example by example (Student's paired t). A drop fails the check when it is larger than
    ``max_drop`` allows *and* noise does not explain it. What can't be compared (no baseline yet, few examples, a new
    evaluator, another version of the dataset) is said in the log and fails the check only where ``fail_on`` names it.
    The result is the same however often it is read, so a check that did not pass is not retried; a server that can't
    be reached is.

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
    :param baseline: ``"previous"`` (default) for what ``task`` completed before, a name or id (or a list of them) for
        certain experiments, ``None`` for no comparison. (templated)
    :param baseline_nights: how many of the previous experiments are pooled: per example, the mean over those that
        scored it. Default 1. More nights make the baseline steadier and keep one bad night from becoming the new
        normal. (templated)
    :param min_score: smallest mean score (or share of good labels) allowed. This and every condition below: a number
        for all evaluators, or a mapping of evaluator to number in which ``"*"`` is every other. Default: none.
        (templated)
    :param max_score: largest mean allowed, for evaluators in ``lower_is_better``. Default: none. (templated)
    :param max_drop: largest drop allowed against the baseline; ``None`` to allow any. Default 0: any drop that noise
        does not explain fails. (templated)
    :param min_coverage: smallest share of examples, 0 to 1, that must have a score. Default: none. (templated)
    :param max_error_rate: largest share of examples, 0 to 1, on which the app or the evaluator failed. Default: none.
        (templated)
    :param evaluators: judge only these. Default: all that the experiment, the latest baseline or a condition has.
        (templated)
    :param good_labels: by evaluator, the label or labels whose share is judged instead of the score. (templated)
    :param lower_is_better: evaluators whose *rise* is the drop in quality, such as toxicity. (templated)
    :param confidence: how sure the check is before it calls a drop real, over all evaluators together. Default 0.95:
        one night in forty without a change fails. (templated)
    :param min_examples: below so many shared examples a drop is not told. Default 10. (templated)
    :param fail_on: findings that fail the check besides the conditions, of ``evaluator_missing``, ``new_evaluator``,
        ``labels_only``, ``too_few_examples``, ``drop_within_noise``, ``no_baseline``, ``dataset_changed``. Default:
        ``["evaluator_missing"]``. (templated)
    :param on_failure: ``"fail"`` (default) fails this task without a retry; ``"skip"`` skips it, and with it what
        follows; ``"branch"`` succeeds and follows ``tasks_if_failed``. (templated)
    :param tasks_if_passed: with ``"branch"``: ids of the tasks (or task groups) to follow on a pass. Default: all tasks
        directly downstream but ``tasks_if_failed``.
    :param tasks_if_failed: with ``"branch"``: ids to follow when the experiment did not pass; ``[]`` for none.
    :param report_path: where to write the HTML report: an ``ObjectStoragePath`` or its text, a file that ends in
        ``.html`` or a folder. It holds inputs and outputs of the examples that got worse. Default: no report.
        (templated)
    :param report_url: web address of the report, for the button on the task instance; one that ends in ``/`` gets the
        report's file name. Default: told from the path for S3, GCS and local files. (templated)
    :param report_nights: how many nights the report draws at most, this one included; each costs one request per 500
        examples. Default 30. (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: the result as JSON: ``passed``, ``experiment``, ``baseline``, ``evaluators``, ``failures``, ``remarks``,
        ``report``; pushed as ``return_value`` on a failure, too. It holds no text of the examples.
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
        *CONDITIONS,
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
        experiment: Any,
        task: Any = None,
        dataset: str | None = None,
        space: str | None = None,
        baseline: str | Sequence[str] | None = PREVIOUS,
        baseline_nights: int | str = 1,
        min_score: float | str | Mapping[str, Any] | None = None,
        max_score: float | str | Mapping[str, Any] | None = None,
        max_drop: float | str | Mapping[str, Any] | None = 0.0,
        min_coverage: float | str | Mapping[str, Any] | None = None,
        max_error_rate: float | str | Mapping[str, Any] | None = None,
        evaluators: Sequence[str] | None = None,
        good_labels: Mapping[str, str | Sequence[str]] | None = None,
        lower_is_better: Sequence[str] | None = None,
        confidence: float | str = 0.95,
        min_examples: int | str = 10,
        fail_on: Sequence[str] | None = None,
        on_failure: str = "fail",
        tasks_if_passed: str | Sequence[str] | None = None,
        tasks_if_failed: str | Sequence[str] | None = None,
        report_path: Any = None,
        report_url: str | None = None,
        report_nights: int | str = 30,
        arize_conn_id: str = "arize_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.experiment = experiment
        self.task = task
        self.dataset = dataset
        self.space = space
        self.baseline = baseline
        self.baseline_nights = baseline_nights
        self.min_score = min_score
        self.max_score = max_score
        self.max_drop = max_drop
        self.min_coverage = min_coverage
        self.max_error_rate = max_error_rate
        self.evaluators = evaluators
        self.good_labels = good_labels
        self.lower_is_better = lower_is_better
        self.confidence = confidence
        self.min_examples = min_examples
        self.fail_on = fail_on
        self.on_failure = on_failure
        self.tasks_if_passed = tasks_if_passed
        self.tasks_if_failed = tasks_if_failed
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
        from airflow_provider_arize_tasks.quality.reading import ExperimentReader, reference_of
        from airflow_provider_arize_tasks.quality.report.writing import (
            nights_to_draw,
            report_page,
            worst_examples,
        )

        reference, task = reference_of(self.experiment)
        reader = ExperimentReader(hook, self.log)
        experiment = reader.find(reference, self.dataset, self.space)
        url = self._link(context, hook, experiment)
        candidate = reader.rows(experiment, texts=True)
        baseline, older = self._baseline(reader, experiment, settings.task or task, settings)
        check = judge_experiment(candidate, baseline, settings.conditions)
        result = {**check.to_dict(), "report": None}
        if self.report_path:
            nights = nights_to_draw([*older, *(baseline or ())], candidate, settings.report_nights)
            page = report_page(
                check,
                conditions=settings.conditions,
                nights=nights,
                examples=reader.inputs(candidate, worst_examples(check)),
                ti=context["ti"],
                experiment_url=url,
            )
            result["report"] = self._write(context, candidate.label, page)
        return check, result

    def _baseline(
        self, reader: ExperimentReader, experiment: Experiment, task: str | None, settings: CheckSettings
    ) -> tuple[list[ExperimentRows] | None, list[ExperimentRows]]:
        """The baseline (``None`` where none is wanted), and older nights for the report, both newest first."""
        count = settings.baseline_nights
        more = max(0, settings.report_nights - 1) if self.report_path else 0
        earlier = iter(reader.earlier(task, self.space, experiment)) if task else iter(())
        if settings.baseline == (PREVIOUS,):
            if task is None:
                raise ArizeConfigError(
                    "baseline='previous' needs to know the task: give task=, or the result of "
                    "ArizeTriggerExperimentRunOperator as experiment. Or name a baseline experiment"
                )
            baseline = list(islice(earlier, count))
            return baseline, list(islice(earlier, max(0, more - len(baseline))))
        older = list(islice(earlier, more))
        if settings.baseline is None:
            return None, older
        return reader.named(settings.baseline, self.dataset or experiment.dataset_id, self.space), older

    # -- the report ----------------------------------------------------------------------------------------------

    def _link(self, context: Context, hook: ArizeHook, experiment: Experiment) -> str:
        from airflow_provider_arize_tasks.links.urls import experiment_url

        space_id, organization_id = experiment.space_id, hook.config.organization
        try:
            space_id = space_id or hook.resolve_space(self.space)
            if space_id and not organization_id:
                organization_id = hook.get_space(space_id).organization_id
        except ArizeError as error:  # a link that leads to the start page only fails nothing
            self.log.debug("The link of experiment %s leads to the start page: %s", experiment.id, error)
        url = experiment_url(
            app_url=hook.config.app_url,
            organization_id=organization_id,
            space_id=space_id,
            dataset_id=experiment.dataset_id,
            experiment_id=experiment.id,
        )
        push_link(context, ArizeExperimentLink, url)
        return url

    def _write(self, context: Context, experiment: str, page: str) -> str | None:
        from airflow_provider_arize_tasks.quality.report.address import report_address
        from airflow_provider_arize_tasks.quality.report.writing import write_report

        try:
            path = write_report(self.report_path, experiment, page)
        except Exception:  # any storage backend raises its own: a report that can't be kept changes no verdict
            self.log.exception("The report could not be written to %s; the verdict stands", self.report_path)
            return None
        self.log.info("Report: %s", path)
        push_link(context, ArizeReportLink, report_address(path, self.report_url))
        return path

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
        failed = task_ids(self.tasks_if_failed)
        if not check.passed:
            self.log.error("%s", _message(check, None))
            return failed
        if self.tasks_if_passed is not None:
            return task_ids(self.tasks_if_passed)
        dag = self.get_dag()
        groups = {} if dag is None else dag.task_group_dict
        inside = {task.task_id for each in failed if each in groups for task in groups[each].iter_tasks()}
        return sorted(self.downstream_task_ids - set(failed) - inside)

    def _push(self, context: Context, result: dict[str, Any]) -> None:
        if self.do_xcom_push:
            context["ti"].xcom_push(key=_RESULT_KEY, value=result)

    def _publish(self, context: Context, result: dict[str, Any]) -> None:
        """Put the result on the events of the task's assets, in short."""
        from airflow.providers.common.compat.sdk import Asset

        from airflow_provider_arize_tasks.quality.report.writing import asset_extra

        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra.update(asset_extra(result))


def _message(check: ExperimentCheck, report: str | None) -> str:
    """What the person on call reads first."""
    lines = [f"Experiment {check.candidate.label} did not pass, judged {describe_baseline(check.baseline)}."]
    lines += [f"- {finding.message}" for finding in check.failures]
    if report:
        lines.append(f"Report with the examples that got worse: {report}")
    lines.append("Not retried: the same experiment would be judged the same way. Once it is mended, run a new one.")
    return "\n".join(lines)
