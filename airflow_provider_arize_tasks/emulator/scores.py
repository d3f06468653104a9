"""Rows of experiments: what each example put out, and what evaluators say of it, as staged qualities let them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.emulator.common import unit_hash
from airflow_provider_arize_tasks.emulator.rules import QualityRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_arize_tasks.emulator.world import (
        Evaluator,
        Experiment,
        ExperimentRow,
        Integration,
        Run,
        World,
    )

_PLACEHOLDER = re.compile(r"\{\{\s*(?:dataset\.)?([^{}\s]+)\s*\}\}")
_F_STRING = re.compile(r"(?<!\{)\{([A-Za-z_][\w.]*)\}(?!\})")

#: The label of an answer of the judge that names none of its choices.
NOT_PARSABLE = "NOT_PARSABLE"
JUDGED, LEFT_OUT, JUDGE_FAILED = "judged", "left out", "failed"


class UncastableError(ValueError):
    """A placeholder's value doesn't fit the type that the agent's input schema declares."""


def run_example(config: Mapping[str, Any], example: Mapping[str, Any], agent: Integration | None) -> tuple[str, bool]:
    """What an experiment puts out for one example.

    :param config: the task's run configuration, enums in upper case.
    :param example: the dataset example.
    :param agent: the agent integration of an AGENT_CALL.
    :return: the output and ``True``, or the error and ``False``.
    """
    kind = config["experiment_type"]
    if kind == "AGENT_CALL":
        schema = (agent.config.get("input_schema") or {}) if agent else {}
        try:
            return json.dumps(fill_template(config["input_template"], example, schema), ensure_ascii=False), True
        except UncastableError as error:
            return str(error), False
    if kind == "TEMPLATE_EVALUATION":
        choices = sorted(config.get("classification_choices") or {"good": 1, "bad": 0})
        return choices[int(unit_hash(config["template"], example["id"]) * len(choices))], True
    text = " ".join(str(message.get("content") or "") for message in config["messages"])
    pattern = _PLACEHOLDER if config["input_variable_format"] == "MUSTACHE" else _F_STRING
    return f"Answer to: {_filled(pattern, text, example)}", True


def fill_template(template: Any, example: Mapping[str, Any], schema: Mapping[str, Any], name: str = "value") -> Any:
    """An agent's request body: placeholders replaced, whole-string ones cast to the type the schema declares.

    :param template: the body with ``{{column}}`` placeholders, or a part of it.
    :param example: the dataset example.
    :param schema: what the agent's input schema says of this part.
    :param name: what a refusal calls it.
    :raises UncastableError: for a value that doesn't fit its declared type.
    """
    inner = schema.get("properties") or {}
    if isinstance(template, dict):
        return {key: fill_template(value, example, inner.get(key) or {}, key) for key, value in template.items()}
    if isinstance(template, list):
        return [fill_template(value, example, {"properties": inner}) for value in template]
    whole = _PLACEHOLDER.fullmatch(template) if isinstance(template, str) else None
    if whole is None:
        return _filled(_PLACEHOLDER, template, example) if isinstance(template, str) else template
    value, wanted = example.get(whole.group(1)), schema.get("type")
    try:
        return None if value is None else _cast(value, str(wanted))
    except (TypeError, ValueError):
        raise UncastableError(f"{name}: {value!r} can't be cast to {wanted}") from None


def _filled(placeholder: re.Pattern[str], text: str, example: Mapping[str, Any]) -> str:
    return placeholder.sub(lambda match: str(example.get(match.group(1), "")), text)


def _cast(value: Any, wanted: str) -> Any:
    if wanted == "integer":
        return int(value)
    if wanted == "number":
        return float(value)
    if wanted == "boolean":
        return {"true": True, "false": False}[str(value).lower()] if not isinstance(value, bool) else value
    if wanted == "string":
        return value if isinstance(value, str) else json.dumps(value)
    if wanted in ("object", "array") and isinstance(value, str):
        return json.loads(value)
    return value


def normalise_placeholders(template: Any) -> Any:
    """A template with every ``{{dataset.column}}`` written ``{{column}}``, as the API echoes it."""
    if isinstance(template, dict):
        return {name: normalise_placeholders(value) for name, value in template.items()}
    if isinstance(template, list):
        return [normalise_placeholders(value) for value in template]
    return _PLACEHOLDER.sub(r"{{\1}}", template) if isinstance(template, str) else template


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
            return LEFT_OUT if fate == "missing" else JUDGE_FAILED
        choices = self.config.get("classification_choices")
        if choices:
            label, score = _choose(choices, quantile, self.mean)
        else:
            score = round(rule.score(quantile, self.mean), 6)
            label = "pass" if score >= 0.5 else "fail"
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
    return ordered[-1] if quantile > 1 - share else ordered[0]
