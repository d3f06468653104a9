"""The arguments of an experiment check, read before and after Airflow has rendered them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.errors import ArizeValidationError
from airflow_provider_arize_tasks.quality.conditions import Conditions, read_conditions

if TYPE_CHECKING:
    from airflow_provider_arize_tasks.operators.experiments import ArizeCheckExperimentOperator

#: Arguments that say what is asked of an experiment.
CONDITIONS = (
    "min_score",
    "max_score",
    "max_drop",
    "min_coverage",
    "max_error_rate",
    "evaluators",
    "good_labels",
    "lower_is_better",
    "confidence",
    "min_examples",
    "fail_on",
)


class OnFailure(str, Enum):
    """What becomes of the DAG run when an experiment doesn't pass."""

    FAIL = "fail"
    SKIP = "skip"
    BRANCH = "branch"


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """The arguments, rendered and read."""

    conditions: Conditions
    on_failure: OnFailure
    task: str | None
    baseline: tuple[str, ...] | None
    baseline_nights: int
    report_nights: int


def read_settings(operator: ArizeCheckExperimentOperator, *, rendered: bool) -> CheckSettings:
    """Read the arguments; before rendering, those that are still templates are passed over.

    :param operator: whose attributes hold them.
    :param rendered: whether they have been rendered.
    :raises ArizeValidationError: naming every argument that is wrong.
    """
    check = Checker(rendered=rendered)
    on_failure = check.choice("on_failure", operator.on_failure, OnFailure, OnFailure.FAIL)
    baseline = check.read("baseline", operator.baseline, _references, None)
    nights = check.read("baseline_nights", operator.baseline_nights, args.count, 1)
    report_nights = check.read("report_nights", operator.report_nights, args.count, 30)
    task = check.read("task", operator.task, args.optional(args.reference), None)
    check.note(_branch_problems(operator, on_failure))
    given = {name: getattr(operator, name) for name in CONDITIONS}
    known = {name: value for name, value in given.items() if rendered or not _holds_template(value)}
    conditions = Conditions()
    try:
        # A contradiction can't be told while one side of it is still a template.
        conditions = read_conditions(**(known if len(known) == len(given) else {}))
    except ArizeValidationError as error:
        check.note(error.problems)
    check.raise_if_any(f"{type(operator).__name__} {operator.task_id!r}")
    return CheckSettings(
        conditions=conditions,
        on_failure=on_failure,
        task=task,
        baseline=baseline,
        baseline_nights=nights,
        report_nights=report_nights,
    )


def task_ids(tasks: str | Sequence[str] | None) -> list[str]:
    """The ids of an argument that takes one or several.

    :param tasks: one id, several, or none.
    """
    return [tasks] if isinstance(tasks, str) else list(tasks or ())


def _branch_problems(operator: ArizeCheckExperimentOperator, on_failure: OnFailure) -> list[str]:
    if on_failure is OnFailure.BRANCH:
        missing = operator.tasks_if_failed is None
        return ["on_failure='branch' needs tasks_if_failed ([] to follow none)"] if missing else []
    unused = operator.tasks_if_passed is None and operator.tasks_if_failed is None
    if args.is_pending(operator.on_failure) or unused:
        return []
    return ["tasks_if_passed and tasks_if_failed are for on_failure='branch'"]


def _references(baseline: Any) -> tuple[str, ...] | None:
    if baseline is None:
        return None
    given = baseline if isinstance(baseline, (list, tuple)) else [baseline]
    return tuple(args.reference(each) for each in given)


def _holds_template(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_template(each) for each in value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(_holds_template(each) for each in value)
    return args.is_pending(value)
