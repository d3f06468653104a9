"""Evaluators at work on the rows of an experiment, as far as the staged qualities let them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.rules import QualityRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.emulator.model import Evaluator, Experiment, ExperimentRow, Run
    from airflow_provider_arize_tasks.emulator.world import World

#: The label of an answer of the judge that names none of its choices.
NOT_PARSABLE = "NOT_PARSABLE"
JUDGED, LEFT_OUT, FAILED = "judged", "left out", "failed"


@dataclass(frozen=True, kw_only=True)
class Judge:
    """An evaluator before the rows of one experiment.

    :ivar experiment: the experiment.
    :ivar evaluator: the evaluator.
    :ivar config: the configuration of the version that judges.
    :ivar rule: the staged quality that holds.
    :ivar mean: expected score of this experiment: the rule's, less the slide so far, plus the mood of the night.
    :ivar clusters: the cluster of each example.
    """

    experiment: Experiment
    evaluator: Evaluator
    config: Mapping[str, Any]
    rule: QualityRule
    mean: float
    clusters: Mapping[str, str]

    def score(self, row: ExperimentRow, run: Run) -> str:
        """Judge a row, which then carries ``eval.<evaluator>.score|label|explanation``.

        :param row: the row; one without output isn't judged.
        :param run: the run that does it, for the ledger.
        :return: ``judged``, ``left out`` (nothing was said) or ``failed`` (the judge itself did).
        """
        if row.output is None:
            return LEFT_OUT
        key = row.example_id or row.id
        rule, names = self.rule, (self.evaluator.name, self.experiment.name)
        quantile = rule.quantile(*names, key, self.clusters.get(key))
        fate = rule.fate(*names, key, quantile)
        if fate in ("missing", "judge_errors"):
            return LEFT_OUT if fate == "missing" else FAILED
        label, score = self._verdict(self.config.get("classification_choices") or {}, quantile)
        explanation = f"{self.evaluator.name} judged this answer {label} with a score of {score:g}."
        said = {"score": score, "label": label, "explanation": explanation}
        if fate == "not_parsable":
            said = {"score": rule.not_parsable_score, "label": NOT_PARSABLE, "explanation": "No choice was named."}
        column = str(self.config.get("name") or self.evaluator.name)
        row.scores[column] = said
        row.labelled_by.setdefault(self.evaluator.id, []).append(run.id)
        if rule.late_seconds:
            row.readable_ms[column] = run.ends_ms + int(rule.late_seconds * 1000)
        return JUDGED

    def _verdict(self, choices: Mapping[str, float], quantile: float) -> tuple[str, float]:
        if choices:
            return _choose(choices, quantile, self.mean)
        score = round(self.rule.score(quantile, self.mean), 6)
        return ("pass" if score >= 0.5 else "fail"), score


def make_judge(world: World, experiment: Experiment, evaluator: Evaluator, version_id: str) -> Judge:
    """The judge for an evaluator's work on an experiment; of the staged qualities the last one that matches holds.

    :param version_id: the version of the evaluator that judges.
    """
    matching = [rule for rule in world.quality if rule.matches(evaluator.id, evaluator.name, experiment.name)]
    rule = matching[-1] if matching else QualityRule()
    earlier = 0
    if rule.slide:
        others = world.experiments.values()
        earlier = sum(_is_before(other, experiment) and rule.holds_for(other.name) for other in others)
    mean = rule.mean - rule.slide * earlier + rule.mood_of(evaluator.name, experiment.name)
    clusters: dict[str, str] = {}
    dataset = world.datasets.get(experiment.dataset_id)
    if rule.cluster_by is not None and dataset is not None:
        examples = world.version_of(dataset, experiment.dataset_version_id).examples
        clusters = {str(item["id"]): str(item[rule.cluster_by]) for item in examples if rule.cluster_by in item}
    config = evaluator.version_for(version_id, experiment.updated_ms).config
    return Judge(experiment=experiment, evaluator=evaluator, config=config, rule=rule, mean=mean, clusters=clusters)


def _is_before(other: Experiment, experiment: Experiment) -> bool:
    is_same_dataset = other.dataset_id == experiment.dataset_id
    return is_same_dataset and (other.created_ms, other.number) < (experiment.created_ms, experiment.number)


def _choose(choices: Mapping[str, float], quantile: float, mean: float) -> tuple[str, float]:
    """The choice for a quantile: probabilities follow the mean, the two extreme choices carry it."""
    ordered = sorted(choices.items(), key=lambda item: item[1])
    low, high = ordered[0][1], ordered[-1][1]
    share = 1.0 if high == low else min(1.0, max(0.0, (mean - low) / (high - low)))
    label, score = ordered[-1] if quantile > 1 - share else ordered[0]
    return label, score
