"""What is known beside the rows: setups in words, and which version of an evaluator judged when."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from airflow_provider_arize_tasks.quality.changed import changed_setup
from airflow_provider_arize_tasks.quality.surroundings import JudgeVersions, describe_setup

SETUP: dict[str, Any] = {
    "experiment_type": "LLM_GENERATION",
    "model_name": "gpt-4o",
    "messages": [{"role": "USER", "content": "Answer: {question}"}],
    "input_variable_format": "F_STRING",
    "invocation_parameters": {"temperature": 0.2, "stop": ["end"]},
}


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"model_name": "gpt-5"}, {"model"}),
        ({"messages": [{"role": "USER", "content": "Answer at length: {question}"}]}, {"prompt"}),
        ({"invocation_parameters": {"temperature": 0.9, "stop": ["end"]}}, {"temperature"}),
        ({"invocation_parameters": {"temperature": 0.2, "stop": ["STOP"]}}, {"stop"}),
        ({"tool_config": {"tools": []}}, {"all"}),
        ({"description": None}, set()),
    ],
)
def test_a_setup_differs_in_the_part_that_changed(change: dict[str, Any], differs: set[str]) -> None:
    before, now = (set(describe_setup(each).split(", ")) for each in (SETUP, {**SETUP, **change}))
    assert {part.split()[0] for part in before ^ now} == differs


@pytest.mark.parametrize(
    ("change", "word"),
    [({}, None), ({"model_name": "gpt-5"}, "model"), ({"messages": []}, "prompt"), ({"tools": [1]}, "settings")],
)
def test_a_chart_marks_what_changed_in_a_word(change: dict[str, Any], word: str | None) -> None:
    assert changed_setup(describe_setup(SETUP), describe_setup({**SETUP, **change})) == word
    assert changed_setup(None, describe_setup(SETUP)) == "prompt or model"


def test_a_prompt_of_the_hub_is_told_by_its_version() -> None:
    told = describe_setup({"model_name": "gpt-4o", "prompt_version_id": "UHJvbXB0"})
    assert told.startswith("model gpt-4o, prompt version UHJvbXB0, all else ")


def test_a_judge_is_the_version_in_force_when_the_experiment_was_made() -> None:
    first, second = datetime(2026, 11, 1, tzinfo=timezone.utc), datetime(2026, 11, 20, tzinfo=timezone.utc)
    judge = JudgeVersions(since=((first, "v1"), (second, "v2")))
    assert [judge.at(datetime(2026, month, 10, tzinfo=timezone.utc)) for month in (10, 11, 12)] == [
        "before v1",
        "v1",
        "v2",
    ]
    assert JudgeVersions(since=((first, "v1"),), pinned="v0").at(second) == "v0"
