"""The arguments of an experiment check, read before and after Airflow has rendered them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.arguments import Checker, FieldError
from airflow_provider_arize_tasks.client.errors import ArizeValidationError
from airflow_provider_arize_tasks.client.fields import length_of_time, parse_time
from airflow_provider_arize_tasks.quality.conditions import ACCEPTED, PREVIOUS, Conditions, read_conditions
from airflow_provider_arize_tasks.quality.reading import Patience
from airflow_provider_arize_tasks.quality.report.address import address_problem, path_problem

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Arguments that say what is asked of an experiment.
CONDITIONS = tuple(each.name for each in fields(Conditions))
#: How long scores that can't be read yet are waited for, in seconds.
SCORES_MAY_TAKE = 30.0


class OnFailure(str, Enum):
    """What becomes of the DAG run when an experiment doesn't pass."""

    FAIL = "fail"
    SKIP = "skip"
    BRANCH = "branch"


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """The arguments, rendered and read.

    :param baseline: ``"accepted"``, ``"previous"``, names, or ``None``.
    """

    conditions: Conditions = field(default_factory=Conditions)
    on_failure: OnFailure = OnFailure.FAIL
    task: str | None = None
    dataset: str | None = None
    space: str | None = None
    baseline: str | tuple[str, ...] | None = ACCEPTED
    baseline_nights: int = 7
    reference: tuple[str, ...] = ()
    accept_since: datetime | None = None
    cluster_by: str | None = None
    slice_by: str | None = None
    patience: Patience = field(default_factory=Patience)
    report_nights: int = 30


def read_settings(operator: Any, *, rendered: bool, subject: str | None = None) -> CheckSettings:
    """Read the arguments; before rendering, those that are still templates are passed over.

    :param operator: whose attributes hold them: an operator, or what a command line was parsed to.
    :param rendered: whether they have been rendered.
    :param subject: whom messages are about. Default: the operator and its task id.
    :raises ArizeValidationError: naming every argument that is wrong.
    """
    check = Checker(rendered=rendered)
    on_failure = check.choice("on_failure", operator.on_failure, OnFailure, OnFailure.FAIL)
    baseline: str | tuple[str, ...] | None = ACCEPTED
    baseline = check.read("baseline", operator.baseline, _baseline, baseline)
    reference = check.read("reference", operator.reference, args.optional(_names), None)
    settings = CheckSettings(
        on_failure=on_failure,
        baseline=baseline,
        reference=reference or (),
        conditions=_conditions(operator, check, rendered=rendered),
        task=check.read("task", operator.task, args.optional(args.reference), None),
        dataset=operator.dataset,
        space=operator.space,
        baseline_nights=check.read("baseline_nights", operator.baseline_nights, args.count, 7),
        accept_since=check.read("accept_since", operator.accept_since, args.optional(_moment), None),
        cluster_by=operator.cluster_by,
        slice_by=operator.slice_by,
        patience=Patience(seconds=check.read("wait_for_scores", operator.wait_for_scores, _wait, SCORES_MAY_TAKE)),
        report_nights=check.read("report_nights", operator.report_nights, args.count, 30),
    )
    check.read("report_path", operator.report_path, _path, None)
    check.read("report_url", operator.report_url, args.optional(_address), None)
    check.note(_branch_problems(operator, on_failure))
    check.raise_if_any(subject or f"{type(operator).__name__} {getattr(operator, 'task_id', '')!r}")
    return settings


def task_ids(tasks: str | Sequence[str] | None) -> list[str]:
    """The ids of an argument that takes one or several.

    :param tasks: one id, several, or none.
    """
    return [tasks] if isinstance(tasks, str) else list(tasks or ())


def _conditions(operator: Any, check: Checker, *, rendered: bool) -> Conditions:
    given = {name: getattr(operator, name) for name in CONDITIONS}
    known = {name: value for name, value in given.items() if rendered or not args.holds_pending(value)}
    try:
        # A contradiction can't be told while one side of it is still a template.
        return read_conditions(**(known if len(known) == len(given) else {}))
    except ArizeValidationError as error:
        check.note(error.problems)
    return Conditions()


def _branch_problems(operator: Any, on_failure: OnFailure) -> list[str]:
    if on_failure is OnFailure.BRANCH:
        missing = operator.tasks_if_failed is None
        return ["on_failure='branch' needs tasks_if_failed ([] to follow none)"] if missing else []
    named = [name for name in ("tasks_if_passed", "tasks_if_failed") if getattr(operator, name) is not None]
    if args.is_pending(operator.on_failure) or (not named and operator.tasks_if_inconclusive is None):
        return []
    if not named:
        return ["tasks_if_inconclusive is for on_failure='branch'"]
    return ["tasks_if_passed and tasks_if_failed are for on_failure='branch'"]


def _baseline(baseline: Any) -> str | tuple[str, ...] | None:
    if baseline is None or baseline in (ACCEPTED, PREVIOUS):
        return baseline if baseline is None else str(baseline)
    return _names(baseline)


def _names(given: Any) -> tuple[str, ...]:
    return tuple(args.reference(each) for each in (given if isinstance(given, (list, tuple)) else [given]))


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise FieldError("must say its time zone")
        return value
    text = str(value).strip()
    found = parse_time(text) or parse_time(f"{text}T00:00:00Z")
    if found is None:
        raise FieldError("must be a time or a date, such as 2026-11-24T06:00:00Z")
    return found


def _wait(value: Any) -> float:
    if value is None:
        return 0.0
    return length_of_time(value, name="wait_for_scores").total_seconds()


def _path(value: Any) -> None:
    problem = path_problem(value)
    if problem:
        raise ValueError(problem)  # without the value, which holds a secret


def _address(value: Any) -> None:
    problem = address_problem(value)
    if problem:
        raise ValueError(problem)
