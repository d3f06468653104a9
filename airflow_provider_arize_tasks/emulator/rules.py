"""What the control path stages: how coming runs end, and how good an experiment turns out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import NormalDist

from airflow_provider_arize_tasks.emulator.common import unit_hash
from airflow_provider_arize_tasks.emulator.model import CANCELLED, COMPLETED, FAILED, Task

_NORMAL = NormalDist()
_REASONS = {FAILED: "The run failed: staged by the emulator", CANCELLED: "The run was cancelled by a user"}


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

    status: str = COMPLETED
    reason: str | None = None
    task: str | None = None
    experiment: str | None = None
    times: int | None = 1
    run_seconds: float | None = None
    pending_seconds: float | None = None
    hidden_seconds: float | None = None
    errors: int = 0
    skipped: int = 0
    successes: int | None = None
    labelled_fraction: float = 0.0

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
class QualityRule:
    """How well an experiment does in the eyes of an evaluator.

    Each example has a difficulty of its own, the same in every experiment, and each experiment some noise of its own:
    so experiments pair example by example as real ones do. All of it follows from ``seed``.

    :ivar mean: expected score; for an evaluator with two choices the probability of the better one.
    :ivar spread: standard deviation of a continuous score between examples.
    :ivar noise: share (0..1) of an example's result that changes from one experiment to the next.
    :ivar missing: share of examples without a score.
    :ivar evaluator: id or name of the evaluator; any by default.
    :ivar experiment: regular expression on the experiment's name; any by default.
    :ivar seed: changes every draw.
    """

    mean: float = 0.85
    spread: float = 0.12
    noise: float = 0.35
    missing: float = 0.0
    evaluator: str | None = None
    experiment: str | None = None
    seed: int = 0

    def matches(self, evaluator_id: str, evaluator_name: str, experiment_name: str) -> bool:
        """Whether the rule holds for an evaluator on an experiment."""
        if self.evaluator is not None and self.evaluator not in (evaluator_id, evaluator_name):
            return False
        return self.experiment is None or re.search(self.experiment, experiment_name) is not None

    def is_missing(self, evaluator_name: str, experiment_name: str, example_id: str) -> bool:
        """Whether an example gets no score."""
        return unit_hash("missing", self.seed, evaluator_name, experiment_name, example_id) < self.missing

    def quantile(self, evaluator_name: str, experiment_name: str, example_id: str) -> float:
        """Where an example of an experiment stands, uniform in (0, 1); high is good."""
        own = _NORMAL.inv_cdf(unit_hash("example", self.seed, evaluator_name, example_id))
        night = _NORMAL.inv_cdf(unit_hash("night", self.seed, evaluator_name, experiment_name, example_id))
        share = min(max(self.noise, 0.0), 1.0)
        return _NORMAL.cdf(own * (1 - share) ** 0.5 + night * share**0.5)

    def score(self, quantile: float) -> float:
        """A continuous score for a quantile, within 0 and 1."""
        return min(1.0, max(0.0, self.mean + self.spread * _NORMAL.inv_cdf(quantile)))
