"""What the control path stages: how coming runs end, and how good an experiment turns out."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from airflow_provider_arize_tasks.emulator.checked import LENIENT, STRICT, Pattern, Seconds, Share, Text
from airflow_provider_arize_tasks.emulator.common import unit_hash
from airflow_provider_arize_tasks.emulator.world import CANCELLED, COMPLETED, FAILED, Task

if TYPE_CHECKING:
    from collections.abc import Mapping

_NORMAL = NormalDist()
CANCELLED_BY_USER = "The run was cancelled by a user"
_REASONS = {FAILED: "The run failed: staged by the emulator", CANCELLED: CANCELLED_BY_USER}


@dataclass(slots=True, kw_only=True)
class OutcomeRule:
    """How matching runs end.

    :ivar status: terminal status; any other text is sent as it is, for clients that meet a status they don't know.
    :ivar reason: ``failure_reason``; a text that says it was staged by default, for FAILED and CANCELLED.
    :ivar task: id or name of the task; any task by default.
    :ivar experiment: regular expression on the experiment name of a run; any run by default.
    :ivar times: how many runs it holds for; ``None`` for all that follow.
    :ivar run_seconds: duration of the runs, instead of the set one.
    :ivar pending_seconds: time they are PENDING, instead of the set one.
    :ivar hidden_seconds: time they stay out of lists, instead of the set one.
    :ivar errors: items that end as errors (and stay without a label).
    :ivar skipped: items that are skipped (and stay without a label).
    :ivar successes: ``num_successes`` as sent; given, the three counts are sent as they stand.
    :ivar labelled_fraction: share of the work done before a FAILED or CANCELLED end.
    """

    __pydantic_config__ = LENIENT

    status: Text = COMPLETED
    reason: Text | None = None
    task: str | None = None
    experiment: Pattern | None = None
    times: int | None = 1
    run_seconds: Seconds | None = None
    pending_seconds: Seconds | None = None
    hidden_seconds: Seconds | None = None
    errors: int = 0
    skipped: int = 0
    successes: int | None = None
    labelled_fraction: Share = 0.0

    def matches(self, task: Task, experiment_name: str | None) -> bool:
        """Whether a new run falls under this rule; using it up is the caller's."""
        if self.times is not None and self.times <= 0:
            return False
        if self.task is not None and self.task not in (task.id, task.name):
            return False
        return self.experiment is None or re.search(self.experiment, experiment_name or "") is not None

    @property
    def failure_reason(self) -> str | None:
        """The reason to send."""
        return self.reason if self.reason is not None else _REASONS.get(self.status)


@dataclass(slots=True, kw_only=True)
class AnswerRule:
    """How the app under test fares in an experiment.

    :ivar app_errors: share of examples on which the app fails, or the ids of these examples.
    :ivar vanished: share of examples that have no row at all, or the ids of these examples.
    :ivar hardest_for: name of an evaluator: the examples that are hardest for it are struck first, instead of any.
    :ivar experiment: regular expression on the experiment's name; any by default.
    :ivar seed: changes every draw.
    """

    __pydantic_config__ = STRICT

    app_errors: Share | list[str] = 0.0
    vanished: Share | list[str] = 0.0
    hardest_for: str | None = None
    experiment: Pattern | None = None
    seed: int = 0

    def holds_for(self, experiment_name: str) -> bool:
        """Whether the rule holds for an experiment."""
        return self.experiment is None or re.search(self.experiment, experiment_name) is not None

    def fate(self, experiment_name: str, example_id: str) -> str | None:
        """What becomes of an example: ``vanished``, ``app_errors``, or ``None`` for an answer."""
        if self.hardest_for is None:
            lot = unit_hash("answer", self.seed, experiment_name, example_id)
        else:
            lot = _NORMAL.cdf(_example_level(self.seed, self.hardest_for, example_id))
        return _first_hit({"vanished": self.vanished, "app_errors": self.app_errors}, example_id, lot)


@dataclass(slots=True, kw_only=True)
class QualityRule:
    """How well an experiment does in the eyes of an evaluator.

    Each example has a difficulty of its own, the same in every experiment, and each experiment some noise of its own:
    so experiments pair example by example as real ones do. All of it follows from ``seed``.

    :ivar mean: expected score; for an evaluator with two choices the probability of the better one.
    :ivar spread: standard deviation of a continuous score between examples.
    :ivar noise: share (0..1) of an example's result that changes from one experiment to the next.
    :ivar missing: share of examples without a score, or the ids of these examples.
    :ivar judge_errors: share of examples on which the judge fails, or their ids: no score, an error of the run.
    :ivar not_parsable: share of examples that get the label ``NOT_PARSABLE``, or their ids.
    :ivar not_parsable_score: score that comes with this label.
    :ivar hardest_first: the examples that do worst are struck by these three first, instead of any.
    :ivar cluster_by: column of the dataset; examples with the same value in it (one conversation) resemble each other.
    :ivar icc: how much they do: intraclass correlation of difficulty and of noise, before scores are cut to choices.
    :ivar mood: standard deviation of an offset of the mean that each experiment draws: the judge's mood that night.
    :ivar slide: how much the mean drops with each experiment of the dataset for which the rule holds, in their order.
    :ivar late_seconds: how long after the evaluation run has ended the API shows its scores.
    :ivar evaluator: id or name of the evaluator; any by default.
    :ivar experiment: regular expression on the experiment's name; any by default.
    :ivar seed: changes every draw.
    """

    __pydantic_config__ = STRICT

    mean: float = 0.85
    spread: float = 0.12
    noise: Share = 0.35
    missing: Share | list[str] = 0.0
    judge_errors: Share | list[str] = 0.0
    not_parsable: Share | list[str] = 0.0
    not_parsable_score: float | None = None
    hardest_first: bool = False
    cluster_by: str | None = None
    icc: Share = 0.0
    mood: Annotated[float, Field(ge=0)] = 0.0
    slide: float = 0.0
    late_seconds: Seconds = 0.0
    evaluator: str | None = None
    experiment: Pattern | None = None
    seed: int = 0

    def matches(self, evaluator_id: str, evaluator_name: str, experiment_name: str) -> bool:
        """Whether the rule holds for an evaluator on an experiment."""
        if self.evaluator is not None and self.evaluator not in (evaluator_id, evaluator_name):
            return False
        return self.holds_for(experiment_name)

    def holds_for(self, experiment_name: str) -> bool:
        """Whether the rule holds for an experiment, whoever judges it."""
        return self.experiment is None or re.search(self.experiment, experiment_name) is not None

    def fate(self, evaluator_name: str, experiment_name: str, example_id: str, quantile: float) -> str | None:
        """What becomes of an example: ``missing``, ``judge_errors``, ``not_parsable``, or ``None`` for a score.

        :param quantile: where the example stands.
        """
        lot = unit_hash("missing", self.seed, evaluator_name, experiment_name, example_id)
        wanted = {name: getattr(self, name) for name in ("missing", "judge_errors", "not_parsable")}
        return _first_hit(wanted, example_id, quantile if self.hardest_first else lot)

    def quantile(self, evaluator_name: str, experiment_name: str, example_id: str, cluster: str | None = None) -> float:
        """Where an example of an experiment stands, uniform in (0, 1); high is good.

        :param cluster: the cluster it belongs to; ``None`` for none.
        """
        own = _example_level(self.seed, evaluator_name, example_id)
        night = _NORMAL.inv_cdf(unit_hash("night", self.seed, evaluator_name, experiment_name, example_id))
        if cluster is not None:
            of_all = _NORMAL.inv_cdf(unit_hash("cluster", self.seed, evaluator_name, cluster))
            tonight = _NORMAL.inv_cdf(unit_hash("cluster", self.seed, evaluator_name, experiment_name, cluster))
            own, night = _mix(of_all, own, self.icc), _mix(tonight, night, self.icc)
        return _NORMAL.cdf(_mix(night, own, self.noise))

    def mood_of(self, evaluator_name: str, experiment_name: str) -> float:
        """How far the judge is off for the whole of an experiment."""
        if self.mood == 0:
            return 0.0
        return self.mood * _NORMAL.inv_cdf(unit_hash("mood", self.seed, evaluator_name, experiment_name))

    def score(self, quantile: float, mean: float) -> float:
        """A continuous score for a quantile, within 0 and 1.

        :param mean: the mean that holds for the experiment.
        """
        return min(1.0, max(0.0, mean + self.spread * _NORMAL.inv_cdf(quantile)))


def _example_level(seed: int, evaluator_name: str, example_id: str) -> float:
    """How well an example does in every experiment, in standard deviations."""
    return _NORMAL.inv_cdf(unit_hash("example", seed, evaluator_name, example_id))


def _mix(shared: float, own: float, share: float) -> float:
    """Two standard normal numbers as one, of whose variance the first has a share."""
    return shared * math.sqrt(share) + own * math.sqrt(1 - share)


def _first_hit(wanted: Mapping[str, float | list[str]], example_id: str, lot: float) -> str | None:
    """The first thing that strikes an example: it is named, or its lot falls into the share; shares add up."""
    below = 0.0
    for name, who in wanted.items():
        if isinstance(who, list):
            if example_id in who:
                return name
            continue
        below += who
        if lot < below:
            return name
    return None
