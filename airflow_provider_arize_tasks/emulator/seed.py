"""What a bare emulator holds, so that a first call has something to find."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_arize_tasks.emulator.common import Refusal, make_id, parse_time, unit_hash
from airflow_provider_arize_tasks.emulator.spans import TOPICS, Span, SpanStore
from airflow_provider_arize_tasks.emulator.world import (
    Dataset,
    DatasetVersion,
    Evaluator,
    EvaluatorVersion,
    Experiment,
    ExperimentRow,
    Integration,
    Project,
    Space,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from airflow_provider_arize_tasks.emulator.world import World

DAY_MS = 24 * 60 * 60 * 1000
SPACE, PROJECT, DATASET = "demo-space", "demo-project", "demo-dataset"
_TEMPLATE_EVALUATORS = (
    ("correctness", {"correct": 1, "incorrect": 0}, "SPAN"),
    ("hallucination", {"factual": 1, "hallucinated": 0}, "SPAN"),
    ("trace-relevance", {"relevant": 1, "irrelevant": 0}, "TRACE"),
    ("session-frustration", {"content": 1, "frustrated": 0}, "SESSION"),
)
_CODE_EVALUATORS = (
    {"type": "MANAGED", "name": "json-parseable", "managed_evaluator": "JSON_PARSEABLE"},
    {"type": "CUSTOM", "name": "conciseness", "code": "class Conciseness: ...", "imports": ""},
)


def seed(world: World, spans: int = 3000, examples: int = 50) -> None:
    """Fill an empty world.

    :param world: the world.
    :param spans: how many spans, evenly over the 30 days up to now.
    :param examples: how many examples the dataset has.
    """
    now = world.clock.now_ms()
    born = now - 60 * DAY_MS
    space = Space(
        **world.stamp("Space", SPACE, born), organization_id=make_id("Organization", 1), description="A local space"
    )
    world.spaces[space.id] = space
    project = add_project(world, PROJECT, space.id, born)
    add_dataset(world, DATASET, space.id, [_example(world, n) for n in range(1, examples + 1)], born)
    llm = add_integration(world, "demo-openai", space.id, "LLM", born)
    add_integration(world, "demo-agent", space.id, "AGENT", born)
    for name, choices, granularity in _TEMPLATE_EVALUATORS:
        add_evaluator(world, name, space.id, template_config(name, llm.id, choices, granularity), born)
    for config in _CODE_EVALUATORS:
        add_evaluator(world, config["name"], space.id, {**config, "variables": ["output"], "static_params": []}, born)
    _baseline(world, born)
    numbers = world.take_numbers("Span", spans)
    times = spread(now - 30 * DAY_MS, now, spans)
    world.spans[project.id].begin_with(
        lambda: (
            Span(number=number, id=f"{number:016x}", time_ms=time_ms, ingested_ms=time_ms, given={})
            for number, time_ms in zip(numbers, times, strict=True)
        )
    )


def spread(start_ms: int, end_ms: int, count: int) -> list[int]:
    """So many times, evenly over ``[start, end)``."""
    return [start_ms + (end_ms - start_ms) * n // count for n in range(count)]


def add_project(world: World, name: str, space_id: str, at_ms: int | None = None) -> Project:
    """Add an empty project."""
    project = Project(**world.stamp("Model", name, at_ms), space_id=space_id)
    world.projects[project.id] = project
    world.spans[project.id] = SpanStore()
    return project


def add_dataset(
    world: World, name: str, space_id: str, examples: list[dict[str, Any]], at_ms: int | None = None
) -> Dataset:
    """Add a dataset with one version.

    :param examples: the rows; each gets an ``id`` unless it has one.
    """
    dataset = Dataset(**world.stamp("Dataset", name, at_ms), space_id=space_id)
    world.datasets[dataset.id] = dataset
    add_version(world, dataset, examples, at_ms)
    return dataset


def add_version(
    world: World, dataset: Dataset, examples: list[dict[str, Any]], at_ms: int | None = None
) -> DatasetVersion:
    """Add a version to a dataset, which becomes its latest."""
    name = f"v{len(dataset.versions) + 1}"
    rows = [{"id": _uuid(world)} | dict(example) for example in examples]
    if not all(isinstance(row["id"], str) for row in rows):
        raise Refusal(400, "examples: an id must be a text")
    version = DatasetVersion(**world.stamp("DatasetVersion", name, at_ms), dataset_id=dataset.id, examples=rows)
    dataset.versions.append(version)
    dataset.updated_ms = version.created_ms
    return version


def add_evaluator(
    world: World, name: str, space_id: str, config: dict[str, Any], at_ms: int | None = None
) -> Evaluator:
    """Add an evaluator with one version; a ``type`` in its configuration makes it a code evaluator."""
    kind = "CODE" if "type" in config else "TEMPLATE"
    evaluator = Evaluator(**world.stamp("Evaluator", name, at_ms), space_id=space_id, type=kind)
    evaluator.description = f"The {name} evaluator"
    world.evaluators[evaluator.id] = evaluator
    add_evaluator_version(world, evaluator, config, at_ms)
    return evaluator


def add_evaluator_version(
    world: World, evaluator: Evaluator, config: dict[str, Any], at_ms: int | None = None
) -> EvaluatorVersion:
    """Add a version to an evaluator, which is its latest from then on.

    :param config: template or code configuration.
    :param at_ms: when it was made, now by default; in the future it does not show before.
    """
    name = f"v{len(evaluator.versions) + 1}"
    stamp = world.stamp("EvaluatorVersion", name, at_ms)
    version = EvaluatorVersion(**stamp, evaluator_id=evaluator.id, config=config)
    evaluator.versions.append(version)
    evaluator.versions.sort(key=lambda item: (item.created_ms, item.number))
    evaluator.updated_ms = max(evaluator.updated_ms, version.created_ms)
    return version


def template_config(
    name: str, integration_id: str, choices: Mapping[str, float] | None, granularity: str = "SPAN"
) -> dict[str, Any]:
    """The configuration of a template evaluator."""
    return {
        "name": name,
        "template": f"Judge the {name} of {{output}} as an answer to {{input}}.",
        "include_explanations": True,
        "use_function_calling": True,
        "use_structured_output": True,
        "classification_choices": dict(choices) if choices else None,
        "direction": "MAXIMIZE",
        "data_granularity": granularity,
        "llm_config": {
            "ai_integration_id": integration_id,
            "model_name": "gpt-4o",
            "invocation_parameters": {"temperature": 0},
            "provider_parameters": {},
        },
    }


def add_spans(world: World, project_id: str, given: Iterable[tuple[int, dict[str, Any]]]) -> list[Span]:
    """Add spans at given times.

    :param given: pairs of a time in milliseconds and columns; a column ``id`` names the span, ``ingested_ms`` says when
        it arrived, ``arrives_after`` how many seconds after its time; by default it does so at its time, at the latest
        now.
    """
    now = world.clock.now_ms()
    spans = []
    for time_ms, columns in given:
        number = world.next_number("Span")
        span_id = str(columns.pop("id", None) or f"{number:016x}")
        delay = columns.pop("arrives_after", None)
        ingested = min(now, max(time_ms, int(_number(columns, "ingested_ms", time_ms, 1e18))))
        if delay is not None:
            ingested = time_ms + int(float(delay) * 1000)
        _number(columns, "latency_ms", 0, 1e12, take=False)
        spans.append(Span(number=number, id=span_id, time_ms=time_ms, ingested_ms=ingested, given=columns))
    world.spans[project_id].add(spans)
    return spans


def _number(columns: dict[str, Any], name: str, default: float, most: float, *, take: bool = True) -> float:
    """The number in a column, at most ``most``; it is taken out of the columns unless told otherwise.

    :raises Refusal: 400 for what is no number, or none that a time could be made of.
    """
    value = columns.pop(name, None) if take else columns.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= most:
        raise Refusal(400, f"attributes.{name} must be a number up to {most:g}, got {str(value)[:40]!r}")
    return value


class SpansFileError(ValueError):
    """A file that should hold spans does not."""


def load_spans(world: World, path: Path) -> int:
    """Add spans from a file: a JSON array or one JSON object a line, each with ``time`` and optional columns.

    :param path: the file.
    :return: how many were added, over all projects.
    :raises SpansFileError: it holds something else; the message names the entry.
    """
    try:
        text = path.read_text(encoding="utf-8")
        is_array = text.lstrip().startswith("[")
        rows = json.loads(text) if is_array else [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise SpansFileError(f"it is not JSON ({error})") from error
    space_id = next(iter(world.spaces))
    by_project: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for number, row in enumerate(rows, 1):
        time_ms, columns = _read_span(row, number)
        by_project.setdefault(str(columns.pop("project", PROJECT)), []).append((time_ms, columns))
    for name, given in by_project.items():
        project = next((p for p in world.projects.values() if p.name == name), None)
        add_spans(world, (project or add_project(world, name, space_id)).id, given)
    return len(rows)


def _read_span(row: Any, number: int) -> tuple[int, dict[str, Any]]:
    attributes = row.get("attributes", {}) if isinstance(row, dict) else None
    if not isinstance(attributes, dict):
        raise SpansFileError(f"entry {number} is not an object with a time and attributes")
    columns = {**attributes, **{name: value for name, value in row.items() if name != "attributes"}}
    try:
        return parse_time(columns.pop("time", None), "time"), columns
    except Refusal as refusal:
        raise SpansFileError(f"entry {number}: {refusal.detail}") from refusal


def _uuid(world: World) -> str:
    digits = f"{int(unit_hash('uuid', world.next_number('Example')) * 2**128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _example(world: World, number: int) -> dict[str, Any]:
    topic = TOPICS[number % len(TOPICS)]
    return {
        "id": _uuid(world),
        "input": f"What about my {topic}, case {number}?",
        "expected": f"Your {topic} is settled.",
        "topic": topic,
        "difficulty": number % 5,
    }


def add_integration(
    world: World, name: str, space_id: str, kind: Literal["LLM", "AGENT"], born: int | None = None
) -> Integration:
    """An integration; its name may be one that others of the space have.

    :param name: its name.
    :param space_id: its space.
    :param kind: of an LLM provider, or of an agent.
    :param born: when it was made; now by default.
    """
    integration = Integration(**world.stamp("LlmIntegration", name, born), space_id=space_id, type=kind)
    properties = {"question": {"type": "string"}, "difficulty": {"type": "integer"}, "note": {"type": "string"}}
    agent = {
        "endpoint": "https://agent.example.com/answer",
        "has_headers": False,
        "input_schema": {"type": "object", "properties": properties, "required": ["question"]},
        "request_presets": [],
    }
    llm = {
        "provider": "OPEN_AI",
        "has_api_key": True,
        "base_url": None,
        "model_names": ["gpt-4o", "gpt-4o-mini"],
        "headers": None,
        "enable_default_models": True,
        "function_calling_enabled": True,
        "auth_type": "DEFAULT",
        "provider_metadata": None,
    }
    integration.config = agent if kind == "AGENT" else llm
    world.integrations[integration.id] = integration
    return integration


def _baseline(world: World, born: int) -> None:
    """An experiment to begin with: evaluation tasks of a dataset need one when they are created."""
    dataset = next(iter(world.datasets.values()))
    version = dataset.versions[-1]
    experiment = Experiment(
        **world.stamp("Experiment", "baseline", born),
        space_id=dataset.space_id,
        dataset_id=dataset.id,
        dataset_version_id=version.id,
    )
    for position, example in enumerate(version.examples):
        row_id = make_id("ExperimentRun", experiment.number * 100_000 + position)
        output = f"Answer to: {example['input']}"
        experiment.rows.append(ExperimentRow(id=row_id, example_id=example["id"], output=output))
    world.experiments[experiment.id] = experiment
