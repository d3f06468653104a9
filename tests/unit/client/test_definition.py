"""Whether a task that exists is the one a DAG asks for."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_arize_tasks.client.definition import differences, paths_of, taken_out

A, B = {"evaluator_id": "a"}, {"evaluator_id": "b"}


@pytest.mark.parametrize(
    ("name", "current", "wanted", "same"),
    [
        ("name", "daily", "daily", True),
        ("name", "daily", "Daily", False),
        ("sampling_rate", 1, 1.0, True),
        ("sampling_rate", 0.5, 0.4, False),
        # What the server leaves out, or sends as null, is what nobody asked for.
        ("query_filter", None, "", True),
        ("query_filter", None, "x = 1", False),
        ("is_continuous", None, False, True),
        ("is_continuous", True, False, False),
        ("experiment_ids", None, [], True),
        # Either case of an enum is the same value; of anything else it isn't.
        ("type", "template_evaluation", "TEMPLATE_EVALUATION", True),
        ("type", "CODE_EVALUATION", "TEMPLATE_EVALUATION", False),
        ("experiment_ids", ["1", "2"], ["2", "1"], True),
        ("experiment_ids", ["1", "2"], ["1"], False),
        ("experiment_ids", ["1"], ["1", "2"], False),
        # Evaluators in any order; what only the server knows of one is no difference unless it says something.
        ("evaluators", [A, B], [B, A], True),
        ("evaluators", [A], [A, B], False),
        ("evaluators", [A, B], [A], False),
        ("evaluators", [{**A, "evaluator_name": "Judge"}], [A], True),
        ("evaluators", [{**A, "evaluator_version_id": None, "query_filter": ""}], [A], True),
        # A pin or a mapping that only the server has would be removed by an update.
        ("evaluators", [{**A, "evaluator_version_id": "v1"}], [A], False),
        ("evaluators", [A], [{**A, "evaluator_version_id": "v1"}], False),
        ("evaluators", [{**A, "column_mappings": {"in": "x"}}], [{**A, "column_mappings": {"in": "x"}}], True),
        ("evaluators", [{**A, "column_mappings": {"in": "y"}}], [{**A, "column_mappings": {"in": "x"}}], False),
        # One entry of a mapping fewer is a change, too.
        (
            "evaluators",
            [{**A, "column_mappings": {"in": "x", "out": "y"}}],
            [{**A, "column_mappings": {"in": "x"}}],
            False,
        ),
        ("run_configuration", {"column_mapping": {"in": "x", "out": "y"}}, {"column_mapping": {"in": "x"}}, False),
        (
            "run_configuration",
            {"classification_choices": {"a": 1, "b": 0}},
            {"classification_choices": {"a": 1}},
            False,
        ),
        # What a newer server says of an evaluator nobody could have asked for.
        ("evaluators", [{**A, "evaluator_kind": "TEMPLATE"}], [A], True),
        # The server writes {{dataset.column}} as {{column}}.
        ("run_configuration", {"input_template": {"q": "{{a}}"}}, {"input_template": {"q": "{{ dataset.a }}"}}, True),
        ("run_configuration", {"input_template": {"q": ["{{a}}"]}}, {"input_template": {"q": ["{{dataset.a}}"]}}, True),
        ("run_configuration", {"input_template": {"q": "{{a}}"}}, {"input_template": {"q": "{{b}}"}}, False),
        ("run_configuration", {"input_template": {"q": "1", "r": "2"}}, {"input_template": {"q": "1"}}, False),
        ("evaluators", "garbage", [A], False),
        ("run_configuration", {"experiment_type": "llm_generation"}, {"experiment_type": "LLM_GENERATION"}, True),
        ("run_configuration", {"model": "m", "service_tier": None}, {"model": "m"}, True),
        ("run_configuration", {"model": "m"}, {"model": "n"}, False),
        ("run_configuration", {"messages": [{"role": "user"}]}, {"messages": [{"role": "USER"}]}, True),
        ("run_configuration", {"messages": [1, 2]}, {"messages": [2, 1]}, False),
        ("run_configuration", None, {"model": "m"}, False),
    ],
)
def test_differences(name: str, current: Any, wanted: Any, same: bool) -> None:
    found = differences({name: current, "created_at": "yesterday"}, {name: wanted})
    assert found == ({} if same else {name: (current, wanted)})


def test_what_the_dag_leaves_out_is_somebody_elses_to_set() -> None:
    assert differences({"name": "daily", "sampling_rate": 0.1, "query_filter": "x = 1"}, {"name": "daily"}) == {}


def test_what_the_server_does_not_know_is_a_difference() -> None:
    assert differences({}, {"query_filters": {"filters": []}}) == {"query_filters": (None, {"filters": []})}


@pytest.mark.parametrize(
    ("current", "wanted", "applied", "found"),
    [
        # An evaluation task without a word of it evaluates all spans, unfiltered, on demand.
        ({"query_filter": "x = 1"}, {}, [], {"query_filter": None}),
        ({"query_filter": "x = 1"}, {"query_filter": "y = 1"}, [], {}),
        ({"query_filters": {"filters": []}}, {}, [], {"query_filters": None}),
        ({"sampling_rate": 0.5}, {}, [], {"sampling_rate": 1.0}),
        ({"sampling_rate": 1}, {}, [], {}),
        ({"sampling_rate": None, "is_continuous": False, "query_filter": ""}, {}, [], {}),
        ({"is_continuous": True}, {}, [], {"is_continuous": False}),
        # Only an author sets tools; a model's name may be the server's own.
        ({"run_configuration": {"tool_config": {"tools": [1]}}}, {}, [], "run_configuration"),
        (
            {"run_configuration": {"messages": [{"role": "USER", "tool_call_id": "t"}]}},
            {"messages": [{"role": "USER"}]},
            [],
            "run_configuration",
        ),
        ({"run_configuration": {"model_name": "m"}}, {}, [], {}),
        ({"run_configuration": {"model_name": "m"}}, {}, ["run_configuration.model_name"], "run_configuration"),
        ({"run_configuration": {"model_name": None}}, {}, ["run_configuration.model_name"], {}),
        (
            {"run_configuration": {"invocation_parameters": {"top_p": 1, "stop": ["x"]}}},
            {"invocation_parameters": {"top_p": 1}},
            ["run_configuration.invocation_parameters.stop"],
            "run_configuration",
        ),
        (
            {"run_configuration": {"invocation_parameters": {"service_tier": "priority"}}},
            {"invocation_parameters": {}},
            ["run_configuration.invocation_parameters.service_tier"],
            {},
        ),
    ],
)
def test_what_was_taken_out_of_a_definition(current: Any, wanted: Any, applied: list[str], found: Any) -> None:
    if "run_configuration" in current:
        wanted = {"run_configuration": wanted}
        found = {"run_configuration": wanted["run_configuration"]} if found else {}
    assert taken_out(current, wanted, applied) == found


def test_what_is_remembered_of_a_definition_are_its_keys_alone() -> None:
    wanted = {"name": "secret", "run_configuration": {"messages": [{"content": "secret"}], "model_name": "secret"}}
    paths = paths_of(wanted)
    assert paths == [
        "name",
        "run_configuration",
        "run_configuration.messages",
        "run_configuration.messages.content",
        "run_configuration.model_name",
    ]
    assert taken_out(wanted, {"run_configuration": {"messages": [{}]}}, paths)
