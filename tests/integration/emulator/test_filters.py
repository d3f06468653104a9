"""The filter language: precedence, types, nulls, and what can't be parsed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.filters import parse_expression, parse_filter

ITEM = {
    "attributes.llm.model_name": "gpt-4o",
    "attributes.openinference.span.kind": "LLM",
    "latency_ms": 250,
    "name": "it's",
    "flag": True,
    "score": "7",
    "input.value": 'say "hi"',
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("   ", True),
        ("attributes.llm.model_name = 'gpt-4o'", True),
        ("llm.model_name == 'gpt-4o'", True),
        ("attributes.latency_ms = 250", True),
        ("latency_ms > 250", False),
        ("latency_ms >= 250 and latency_ms <= 250.0", True),
        ("latency_ms != 3", True),
        ("latency_ms <> 250", False),
        ("name = 'it''s'", True),
        ("name = 'it\\'s'", True),
        ('"attributes.openinference.span.kind" = "LLM"', True),
        ("`input.value` CONTAINS 'hi'", True),
        ("name LIKE 'it%'", True),
        ("name LIKE 't%'", False),
        ("flag = true", True),
        ("flag = FALSE", False),
        ("score = 7", True),
        ("score > 1", False),
        ("missing = 'x'", False),
        ("missing != 'x'", False),
        ("missing IS NULL", True),
        ("name is not null", True),
        ("latency_ms IN (1, 250)", True),
        ("latency_ms NOT IN (1, 250)", False),
        ("NOT latency_ms > 1", False),
        ("latency_ms > 1 OR missing = 1 AND missing = 2", True),
        ("(latency_ms > 1 OR missing = 1) AND missing = 2", False),
    ],
)
def test_filters(text, expected):
    assert parse_filter(text)(ITEM) is expected


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a =",
        "= 1",
        "a = 1 AND",
        "(a = 1",
        "a = 1)",
        "a == == 1",
        "a IN 1",
        "a IN (1",
        "a IS 1",
        "a = b c",
        "a ? 1",
        "'a' = 1",
    ],
)
def test_what_cannot_be_parsed_is_refused(text):
    with pytest.raises(Refusal, match=r"query_filter could not be parsed") as refused:
        parse_filter(text)
    assert refused.value.status == 400


@given(st.text(max_size=40))
def test_any_text_is_either_a_filter_or_refused(text):
    try:
        predicate = parse_filter(text)
    except Refusal:
        return
    assert predicate({}) in (True, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("A", True), ("A AND B", False), ("A OR B", True), ("A AND NOT B", True), ("B OR (A AND C)", True)],
)
def test_expressions_over_letters(text, expected):
    assert parse_expression(text, {"A": True, "B": False, "C": True}) is expected


@pytest.mark.parametrize("text", ["D", "A AND", "A = 1", "", "A B"])
def test_broken_expressions_are_refused(text):
    with pytest.raises(Refusal):
        parse_expression(text, {"A": True})
