"""Everything the server would refuse is found before the wire, all at once, with the argument's name."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.enums import UNSET, TaskType
from airflow_provider_arize_tasks.client.errors import ArizeValidationError
from airflow_provider_arize_tasks.client.models import Task
from airflow_provider_arize_tasks.client.validation import (
    check_evaluation_task,
    check_experiment_task,
    check_list,
    check_run,
    check_update,
)

SPAN: dict[str, Any] = {
    "evaluator_id": "RXY6MTph",
    "column_mappings": {"input": "attributes.input.value"},
    "query_filter": "a = 1",
}
TRACE: dict[str, Any] = {
    "evaluator_id": "RXY6MTph",
    "query_mappings": [{"variable_name": "v", "query_ids": ["A"], "attribute_path": "p"}],
}
EVALUATION: dict[str, Any] = {"name": "n", "task_type": "TEMPLATE_EVALUATION", "evaluators": [SPAN], "project": "p"}
DATASET: dict[str, Any] = {
    "name": "n",
    "task_type": "CODE_EVALUATION",
    "evaluators": [SPAN],
    "dataset": "d",
    "experiment_ids": ["e"],
}
FILTERS: dict[str, Any] = {"filters": [{"id": "A", "filter": "x"}, {"id": "B", "filter": "y"}], "expression": "A AND B"}
LLM = {
    "experiment_type": "LLM_GENERATION",
    "ai_integration_id": "QUk6MTph",
    "messages": [{"role": "USER", "content": "{{question}}"}],
    "input_variable_format": "MUSTACHE",
}
JUDGE = {
    "experiment_type": "TEMPLATE_EVALUATION",
    "ai_integration_id": "QUk6MTph",
    "template": "Is {{output}} right?",
    "provide_explanation": True,
    "classification_choices": {"yes": 1, "no": 0},
    "column_mapping": {"output": "output"},
}
AGENT = {"experiment_type": "AGENT_CALL", "integration_id": "QUk6MTph", "input_template": {"q": "{{question}}"}}
PROJECT_TASK = Task(id="t", name="nightly", type=TaskType.TEMPLATE_EVALUATION, project_id="p")
DATASET_TASK = Task(id="t", name="nightly", type=TaskType.CODE_EVALUATION, dataset_id="d")
EXPERIMENT_TASK = Task(id="t", name="nightly", type=TaskType.RUN_EXPERIMENT, dataset_id="d")
UNKNOWN_TASK = Task(id="t", name="nightly", type=TaskType.UNKNOWN)
START = datetime(2026, 11, 1, tzinfo=timezone.utc)


def problems(check, *, rendered=True, **arguments):
    checker = Checker(rendered=rendered)
    check(checker, **arguments)
    return tuple(checker.problems)


def checked(check, **arguments):
    """What was made of good arguments, and what to log."""
    checker = Checker()
    given_arguments = check(checker, **arguments)
    checker.raise_if_any()
    return given_arguments, tuple(checker.notes)


# ------------------------------------------------------------ evaluation tasks


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"task_type": "code_evaluation"},
        {"task_type": TaskType.CODE_EVALUATION},
        {"sampling_rate": 0, "is_continuous": True, "query_filter": "x"},
        {"sampling_rate": "0.25", "is_continuous": "false"},
        {"experiment_ids": []},
        {"evaluators": [TRACE], "query_filters": FILTERS},
        {"evaluators": [TRACE], "query_filters": {"filters": [{"id": "A", "filter": "x" * 2000}]}},
        {"evaluators": [{"evaluator_id": "toxicity"}]},
        {"evaluators": [{**SPAN, "evaluator_version_id": None, "query_mappings": None, "evaluator_name": "toxicity"}]},
        {"evaluators": json.dumps([SPAN])},
        {"evaluators": (SPAN,)},
    ],
)
def test_good_evaluation_tasks(changes):
    assert problems(check_evaluation_task, **{**EVALUATION, **changes}) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": ""}, ["name must not be empty"]),
        ({"name": None}, ["name is missing"]),
        ({"name": 5}, ["name must be text, not int"]),
        ({"task_type": "RUN_EXPERIMENT"}, ["task_type must be one of TEMPLATE_EVALUATION, CODE_EVALUATION, not"]),
        ({"task_type": "TEMPLATE_EVAL"}, ["did you mean TEMPLATE_EVALUATION?"]),
        ({"evaluators": []}, ["evaluators must hold at least 1 evaluator"]),
        ({"evaluators": None}, ["evaluators is missing"]),
        ({"evaluators": "toxicity"}, ["evaluators must be a list, got text that is no JSON"]),
        ({"evaluators": ["toxicity"]}, ["evaluators[0] must be an object, got text"]),
        ({"evaluators": [None]}, ["evaluators[0] must be an object, not NoneType"]),
        ({"evaluators": [{}]}, ["evaluators[0].evaluator_id is missing"]),
        ({"evaluators": [SPAN, SPAN]}, ["evaluators names the evaluator 'RXY6MTph' more than once"]),
        (
            {"evaluators": [{**SPAN, "column_maping": {}}]},
            ["evaluators[0].column_maping is unknown here; did you mean 'column_mappings'?"],
        ),
        ({"evaluators": [{**SPAN, "column_mappings": {"a": 1}}]}, ["evaluators[0].column_mappings.a must be text"]),
        ({"evaluators": [{**SPAN, **TRACE}]}, ["evaluators[0] mixes query_mappings"]),
        (
            {"evaluators": [TRACE], "query_filter": "status_code = 'OK'"},
            ["query_filter is for spans; evaluators with query_mappings take query_filters"],
        ),
        (
            {"evaluators": [TRACE, {**SPAN, "evaluator_id": "other"}]},
            ["evaluators[1].query_mappings is missing: all evaluators need them when evaluators[0] has them"],
        ),
        (
            {"query_filters": FILTERS},
            ["evaluators[0].query_mappings is missing: all evaluators need them when query_filters is given"],
        ),
        (
            {"evaluators": [{**TRACE, "query_mappings": [{"variable_name": "v" * 257, "query_ids": ["F"]}]}]},
            [
                "evaluators[0].query_mappings[0].attribute_path is missing",
                "evaluators[0].query_mappings[0].variable_name must have at most 256 characters",
                "evaluators[0].query_mappings[0].query_ids[0] must be one of A, B, C, D, E",
            ],
        ),
        ({"evaluators": [{**TRACE, "query_mappings": []}]}, ["evaluators[0].query_mappings must hold at least 1"]),
        (
            {"evaluators": [{**TRACE, "query_mappings": TRACE["query_mappings"] * 51}]},
            ["evaluators[0].query_mappings must hold at most 50, not 51"],
        ),
        (
            {
                "evaluators": [TRACE],
                "query_filters": {"filters": [{"id": "C", "filter": "x"}]},
            },
            ["query_ids names 'A', which query_filters does not declare"],
        ),
        ({"dataset": "d"}, ["project and dataset exclude each other"]),
        ({"project": None}, ["project or dataset must be given"]),
        ({"experiment_ids": ["e"]}, ["experiment_ids belongs to tasks of a dataset"]),
        ({"experiment_ids": [3]}, ["experiment_ids[0] must be text", "experiment_ids belongs to"]),
        ({"sampling_rate": 1.01}, ["sampling_rate must be 1 or less, not 1.01"]),
        ({"sampling_rate": -1}, ["sampling_rate must be 0 or more"]),
        ({"sampling_rate": "half"}, ["sampling_rate must be a number, not 'half'"]),
        ({"sampling_rate": float("nan")}, ["sampling_rate must be a finite number"]),
        ({"sampling_rate": True}, ["sampling_rate must be a number"]),
        ({"is_continuous": "perhaps"}, ["is_continuous must be true or false"]),
        (
            {"query_filter": "x", "query_filters": FILTERS, "evaluators": [TRACE]},
            ["query_filter and query_filters exclude each other"],
        ),
        (
            {"evaluators": [TRACE], "query_filters": {"filters": FILTERS["filters"]}},
            ["query_filters.expression is missing"],
        ),
        (
            {"evaluators": [TRACE], "query_filters": {"filters": [{"id": "A", "filter": "x"}] * 6, "expression": "A"}},
            ["query_filters.filters must hold at most 5", "declares the id 'A' more than once"],
        ),
        (
            {
                "evaluators": [TRACE],
                "query_filters": {"filters": [{"id": "A", "filter": "x" * 2001}], "expression": "e" * 513, "x": 1},
            },
            ["filter must have at most 2000", "expression must have at most 512", "query_filters.x is unknown here"],
        ),
        ({"evaluators": [TRACE], "query_filters": {}}, ["query_filters.filters is missing"]),
    ],
)
def test_bad_evaluation_tasks(changes, expected):
    found = problems(check_evaluation_task, **{**EVALUATION, **changes})
    assert len(found) == len(expected), found
    for part in expected:
        assert any(part in problem for problem in found), (part, found)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sampling_rate": 0.5}, ["sampling_rate belongs to tasks of a project"]),
        ({"is_continuous": True}, ["is_continuous can't be true for a task of a dataset"]),
        ({"experiment_ids": []}, ["experiment_ids must hold at least one id, or be left out"]),
        ({"is_continuous": False}, []),
        ({"experiment_ids": None}, []),
    ],
)
def test_dataset_tasks(changes, expected):
    found = problems(check_evaluation_task, **{**DATASET, **changes})
    assert len(found) == len(expected)
    assert all(part in problem for part, problem in zip(expected, found, strict=True))


def test_a_dataset_task_without_experiments_is_left_to_the_server_with_a_note():
    given_arguments, notes = checked(check_evaluation_task, **{**DATASET, "experiment_ids": None})
    assert "experiment_ids" not in given_arguments
    assert "experiment_ids is not given" in notes[0]


def test_values_take_the_form_of_the_api():
    given_arguments, _ = checked(
        check_evaluation_task,
        **{
            **EVALUATION,
            "task_type": "template_evaluation",
            "sampling_rate": "0.5",
            "is_continuous": "True",
            "evaluators": [{**SPAN, "evaluator_name": "from a reply", "evaluator_version_id": None}],
        },
    )
    assert given_arguments == {
        "name": "n",
        "task_type": "TEMPLATE_EVALUATION",
        "evaluators": [SPAN],
        "project": "p",
        "sampling_rate": 0.5,
        "is_continuous": True,
    }


def test_all_problems_come_as_one_error():
    with pytest.raises(ArizeValidationError) as caught:
        checked(check_evaluation_task, name="", task_type="x", evaluators=[{"a": 1}], sampling_rate=2, is_continuous=3)
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "name",
        "task_type",
        "evaluators[0].evaluator_id",
        "evaluators[0].a",
        "sampling_rate",
        "is_continuous",
        "project",
    ]


# ------------------------------------------------------------ experiment tasks


@pytest.mark.parametrize(
    "configuration", [LLM, JUDGE, AGENT, json.dumps(LLM), {**LLM, "experiment_type": "llm_generation"}]
)
def test_good_experiment_tasks(configuration):
    given_arguments, _ = checked(check_experiment_task, name="n", dataset="d", run_configuration=configuration)
    assert given_arguments["run_configuration"]["experiment_type"] in (
        "LLM_GENERATION",
        "TEMPLATE_EVALUATION",
        "AGENT_CALL",
    )


def test_a_configuration_that_was_read_can_be_sent_back():
    read = {
        **LLM,
        "model_name": None,
        "tool_config": None,
        "invocation_parameters": {"temperature": 0.1, "top_p": None, "service_tier": "auto"},
        "provider_parameters": {},
        "messages": [{"role": "USER", "content": "hi", "tool_calls": None, "tool_call_id": None}],
    }
    given_arguments, _ = checked(check_experiment_task, name="n", dataset="d", run_configuration=read)
    assert given_arguments["run_configuration"] == {
        **LLM,
        "invocation_parameters": {"temperature": 0.1},
        "provider_parameters": {},
        "messages": [{"role": "USER", "content": "hi"}],
    }


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        (None, ["run_configuration is missing"]),
        ([], ["run_configuration must be an object, not list"]),
        ("[]", ["run_configuration must be an object, not str"]),
        ({}, ["run_configuration.experiment_type is missing; it must be one of LLM_GENERATION"]),
        ({"experiment_type": "LLM_GEN"}, ["run_configuration.experiment_type must be one of LLM_GENERATION"]),
        ({"experiment_type": 4}, ["run_configuration.experiment_type must be one of"]),
        (
            {"experiment_type": "LLM_GENERATION"},
            ["ai_integration_id is missing", "messages is missing", "input_variable_format is missing"],
        ),
        ({**LLM, "messages": []}, ["messages must hold at least 1 message"]),
        ({**LLM, "messages": [{"content": "x"}]}, ["messages[0].role is missing"]),
        ({**LLM, "messages": [{"role": "HUMAN"}]}, ["messages[0].role must be one of USER, ASSISTANT, SYSTEM, TOOL"]),
        (
            {
                **LLM,
                "messages": [{"role": "ASSISTANT", "tool_calls": [{"type": "FUNCTION", "function": {"name": "f"}}]}],
            },
            ["messages[0].tool_calls[0].function.arguments is missing"],
        ),
        ({**LLM, "input_variable_format": "JINJA"}, ["input_variable_format must be one of F_STRING, MUSTACHE, NONE"]),
        ({**LLM, "template": "x"}, ["run_configuration.template is unknown here"]),
        (
            {**LLM, "invocation_parameters": {"temprature": 1}},
            ["temprature is unknown here; did you mean 'temperature'?"],
        ),
        ({**LLM, "invocation_parameters": {"max_tokens": 1.5}}, ["max_tokens must be a whole number"]),
        (
            {**LLM, "invocation_parameters": {"response_format": {"type": "XML"}}},
            ["response_format.type must be one of"],
        ),
        ({**LLM, "provider_parameters": {"x": float("inf")}}, ["provider_parameters must be plain JSON"]),
        ({**LLM, "provider_parameters": {"x": object()}}, ["provider_parameters must be plain JSON"]),
        ({**JUDGE, "template": ""}, ["template must not be empty"]),
        ({**JUDGE, "provide_explanation": None}, ["provide_explanation is missing"]),
        ({**JUDGE, "classification_choices": {"yes": "good"}}, ["classification_choices.yes must be a number"]),
        ({**JUDGE, "column_mappings": {}}, ["column_mappings is unknown here; did you mean 'column_mapping'?"]),
        ({**AGENT, "input_template": "hello"}, ["input_template must be an object"]),
        ({"experiment_type": "AGENT_CALL"}, ["integration_id is missing", "input_template is missing"]),
    ],
)
def test_bad_configurations(configuration, expected):
    found = problems(check_experiment_task, name="n", dataset="d", run_configuration=configuration)
    assert len(found) == len(expected), found
    for part in expected:
        assert any(part in problem for problem in found), (part, found)


# ------------------------------------------------------------ updates


def test_updates_hold_what_was_given():
    changes, _ = checked(
        check_update, task=PROJECT_TASK, name="new", query_filter=None, sampling_rate=UNSET, is_continuous=False
    )
    assert changes == {"name": "new", "query_filter": None, "is_continuous": False}


@pytest.mark.parametrize(
    ("task", "changes", "expected"),
    [
        (None, {}, ["update changes nothing"]),
        (PROJECT_TASK, {"name": UNSET}, ["update changes nothing"]),
        (PROJECT_TASK, {"name": None}, ["name can't be cleared"]),
        (PROJECT_TASK, {"sampling_rate": None}, ["sampling_rate can't be cleared"]),
        (PROJECT_TASK, {"evaluators": []}, ["evaluators must hold at least 1 evaluator"]),
        (PROJECT_TASK, {"query_filter": "x", "query_filters": FILTERS}, ["query_filter and query_filters exclude"]),
        (PROJECT_TASK, {"query_filter": None, "query_filters": FILTERS}, []),
        (PROJECT_TASK, {"query_filter": "x", "query_filters": None}, []),
        (
            PROJECT_TASK,
            {"run_configuration": LLM},
            ["run_configuration belongs to RUN_EXPERIMENT tasks; 'nightly' is a"],
        ),
        (EXPERIMENT_TASK, {"run_configuration": LLM, "name": "x"}, []),
        (
            EXPERIMENT_TASK,
            {"sampling_rate": 0.5, "query_filter": None},
            ["sampling_rate belongs to evaluation tasks", "query_filter belongs to evaluation tasks"],
        ),
        (DATASET_TASK, {"sampling_rate": 0.5}, ["sampling_rate belongs to tasks of a project"]),
        (
            None,
            {"run_configuration": LLM, "sampling_rate": 1},
            ["run_configuration does not go together with sampling_rate"],
        ),
        (UNKNOWN_TASK, {"run_configuration": LLM}, []),
    ],
)
def test_updates(task, changes, expected):
    found = problems(check_update, task=task, **changes)
    assert len(found) == len(expected), found
    for part in expected:
        assert any(part in problem for problem in found), (part, found)


# ------------------------------------------------------------ runs


@pytest.mark.parametrize(
    ("task", "arguments", "expected"),
    [
        (PROJECT_TASK, {}, []),
        (PROJECT_TASK, {"data_start_time": START, "data_end_time": START + timedelta(days=30)}, []),
        (
            PROJECT_TASK,
            {"data_start_time": START, "data_end_time": START + timedelta(days=30, milliseconds=1)},
            ["data_end_time is 30 days, 0:00:00.001000 after data_start_time; the API takes at most 30 days: split it"],
        ),
        (PROJECT_TASK, {"data_start_time": START, "data_end_time": START}, ["data_start_time must be before"]),
        (
            PROJECT_TASK,
            {"data_start_time": "2026-11-02", "data_end_time": START},
            ["data_start_time must be a datetime"],
        ),
        (PROJECT_TASK, {"data_start_time": "None"}, ["data_start_time must be a datetime or an ISO 8601 text"]),
        (PROJECT_TASK, {"max_spans": 0}, ["max_spans must be 1 or more"]),
        (PROJECT_TASK, {"max_spans": "100"}, []),
        (PROJECT_TASK, {"max_spans": 1.5}, ["max_spans must be a whole number"]),
        (PROJECT_TASK, {"override_evaluations": "maybe"}, ["override_evaluations must be true or false"]),
        (PROJECT_TASK, {"experiment_ids": ["e"]}, ["experiment_ids belongs to tasks of a dataset"]),
        (DATASET_TASK, {"experiment_ids": ["e"]}, []),
        (
            DATASET_TASK,
            {"data_start_time": START, "data_end_time": START + timedelta(1)},
            ["data_start_time belongs to tasks of a project", "data_end_time belongs to tasks of a project"],
        ),
        (
            PROJECT_TASK,
            {"experiment_name": "n", "query_filter": "x", "max_examples": 1},
            ["experiment_name belongs to", "query_filter belongs to", "max_examples belongs to"],
        ),
        (EXPERIMENT_TASK, {}, ["experiment_name is missing"]),
        (EXPERIMENT_TASK, {"experiment_name": "n", "query_filter": "x", "example_ids": ["1"]}, []),
        (EXPERIMENT_TASK, {"experiment_name": 'a"b'}, ["experiment_name must not hold any of"]),
        (EXPERIMENT_TASK, {"experiment_name": "a\\b"}, ["experiment_name must not hold any of"]),
        (EXPERIMENT_TASK, {"experiment_name": "n" * 256}, ["experiment_name must have at most 255 characters"]),
        (
            EXPERIMENT_TASK,
            {"experiment_name": "n", "max_examples": 3, "example_ids": ["1"]},
            ["example_ids and max_examples exclude each other"],
        ),
        (EXPERIMENT_TASK, {"experiment_name": "n", "tracing_metadata": {"a": 1}}, ["tracing_metadata.a must be text"]),
        (
            EXPERIMENT_TASK,
            {"experiment_name": "n", "data_start_time": START, "max_spans": 3},
            ["data_start_time belongs to evaluation tasks", "max_spans belongs to evaluation tasks"],
        ),
        (UNKNOWN_TASK, {"experiment_name": "n", "max_examples": 3}, []),
        (UNKNOWN_TASK, {"max_spans": 3}, []),
    ],
)
def test_runs(task, arguments, expected):
    found = problems(check_run, task=task, **arguments)
    assert len(found) == len(expected), found
    for part in expected:
        assert any(part in problem for problem in found), (part, found)


def test_naive_times_become_utc_and_it_is_said():
    naive = datetime(2026, 11, 1)  # noqa: DTZ001
    given_arguments, notes = checked(
        check_run, task=PROJECT_TASK, data_start_time=naive, data_end_time="2026-11-02T00:00:00"
    )
    assert given_arguments["data_start_time"].isoformat() == "2026-11-01T00:00:00+00:00"
    assert given_arguments["data_end_time"].isoformat() == "2026-11-02T00:00:00+00:00"
    assert len(notes) == 2
    assert all("has no offset; it is sent as UTC" in note for note in notes)


@pytest.mark.parametrize("text", ["2026-11-01T00:00:00Z", "2026-11-01T02:00:00+02:00", "2026-11-01 00:00-00:00"])
def test_times_with_an_offset_are_not_remarked_on(text):
    _, notes = checked(check_run, task=PROJECT_TASK, data_start_time=text, data_end_time=START + timedelta(hours=1))
    assert notes == ()


def test_one_end_alone_is_remarked_on():
    _, notes = checked(check_run, task=PROJECT_TASK, data_start_time=START)
    assert "data_end_time is not given" in notes[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"limit": 0}, "limit must be 1 or more"),
        ({"limit": 101}, "limit must be 100 or less"),
        ({"name": "n" * 256}, "name must have at most 255"),
        ({"task_type": "x"}, "task_type must be one of"),
        ({"status": "DONE"}, "status must be one of"),
        ({"cursor": ""}, "cursor must not be empty"),
    ],
)
def test_lists(arguments, expected):
    assert expected in problems(check_list, **arguments)[0]


# ------------------------------------------------------------ before templates are rendered


class XComArg:
    """Stands for the output of another task: known by the two methods of Airflow's own."""

    def resolve(self, context):
        raise AssertionError("not before it is rendered")

    def iter_references(self):
        return iter(())


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "{{ params.name }}", "sampling_rate": "{{ params.rate }}", "task_type": "{% if x %}a{% endif %}"},
        {"evaluators": XComArg(), "query_filters": XComArg()},
        {"evaluators": [XComArg(), {"evaluator_id": XComArg()}, "{{ params.evaluator }}"]},
        {"evaluators": "evaluators.json"},
        {"evaluators": "{{ params.evaluators }}"},
        {"evaluators": [{"evaluator_id": "{{ a }}"}, {"evaluator_id": "{{ a }}"}]},
        {"evaluators": [TRACE], "query_filters": {"filters": [{"id": "{{ id }}", "filter": XComArg()}]}},
    ],
)
def test_what_is_still_open_is_passed_over_at_parse_time(changes):
    assert problems(check_evaluation_task, rendered=False, **{**EVALUATION, **changes}) == ()


@pytest.mark.parametrize(
    "changes", [{"name": XComArg()}, {"sampling_rate": "{{ x }}"}, {"evaluators": XComArg()}, {"evaluators": "a.json"}]
)
def test_once_rendered_nothing_may_be_open(changes):
    assert len(problems(check_evaluation_task, **{**EVALUATION, **changes})) == 1


def test_literals_beside_open_values_are_checked_at_parse_time():
    found = problems(
        check_evaluation_task,
        rendered=False,
        **{**EVALUATION, "name": "{{ x }}", "sampling_rate": 7, "evaluators": [{"evaluator_id": "{{ y }}", "zzz": 1}]},
    )
    assert [problem.split()[0] for problem in found] == ["evaluators[0].zzz", "sampling_rate"]


@pytest.mark.parametrize(
    "configuration",
    [
        {**LLM, "experiment_type": "{{ kind }}", "whatever": 1},
        {**LLM, "ai_integration_id": XComArg(), "provider_parameters": {"x": XComArg()}},
        "configuration.json",
        XComArg(),
    ],
)
def test_open_configurations(configuration):
    assert problems(check_experiment_task, rendered=False, name="n", dataset="d", run_configuration=configuration) == ()


def test_placeholders_of_arize_are_no_problem_once_rendered():
    assert problems(check_experiment_task, name="n", dataset="d", run_configuration=LLM) == ()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just(XComArg()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["evaluator_id", "query_mappings", "query_ids", "filters", "id", "experiment_type", "messages", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=30, deadline=None)
@given(rendered=st.booleans(), data=st.data())
def test_no_argument_breaks_a_check(rendered, data):
    def draw(*names):
        return {name: data.draw(ANYTHING) for name in names}

    problems(check_experiment_task, rendered=rendered, **draw("name", "dataset", "run_configuration"))
    problems(
        check_evaluation_task,
        rendered=rendered,
        **draw(
            "name", "task_type", "evaluators", "project", "dataset", "experiment_ids", "query_filter", "query_filters"
        ),
    )
    problems(check_update, rendered=rendered, **draw("name", "evaluators", "query_filters", "run_configuration"))
    problems(check_run, rendered=rendered, **draw("data_start_time", "data_end_time", "max_spans", "example_ids"))
