"""Upper and lower case enums: what is sent, what is learned, what a refusal leads to."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.calls import Dialect, case_of, refuses_enum
from airflow_provider_arize_tasks.client.errors import ArizeInvalidRequestError, ArizeServerError
from airflow_provider_arize_tasks.client.models import Page, Task, TaskRun

BODY: dict[str, Any] = {
    "name": "Type ROLE Status",
    "type": "RUN_EXPERIMENT",
    "dataset_id": "RGF0YXNldDoxOmE=",
    "run_configuration": {
        "experiment_type": "LLM_GENERATION",
        "ai_integration_id": "QUk6MTph",
        "input_variable_format": "MUSTACHE",
        "model_name": "GPT-4o",
        "messages": [
            {"role": "USER", "content": "What TYPE of {{Thing}}?"},
            {
                "role": "ASSISTANT",
                "tool_calls": [{"id": "Call1", "type": "FUNCTION", "function": {"name": "Find", "arguments": "{}"}}],
            },
        ],
        "invocation_parameters": {
            "response_format": {"type": "JSON_SCHEMA", "json_schema": {"name": "S", "schema": {"type": "OBJECT"}}},
            "tool_config": {"tools": [{"type": "Function"}], "tool_choice": "AUTO"},
            "reasoning_effort": "Low",
        },
        "provider_parameters": {"type": "Custom", "role": "X"},
        "tool_config": {"tools": [{"type": "Function"}]},
    },
}
CREATE = endpoints.create_task(BODY)


def test_every_enum_is_spelled_and_nothing_else():
    lower: Any = CREATE.spelled("lower").body
    assert lower["type"] == "run_experiment"
    config = lower["run_configuration"]
    assert config["experiment_type"] == "llm_generation"
    assert config["input_variable_format"] == "mustache"
    assert [message["role"] for message in config["messages"]] == ["user", "assistant"]
    assert config["messages"][1]["tool_calls"][0]["type"] == "function"
    assert config["invocation_parameters"]["response_format"]["type"] == "json_schema"
    # What the author wrote freely stays as it is.
    assert lower["name"] == BODY["name"]
    assert config["messages"][0]["content"] == "What TYPE of {{Thing}}?"
    assert config["model_name"] == "GPT-4o"
    for key in ("provider_parameters", "tool_config"):
        assert config[key] == BODY["run_configuration"][key]
    parameters = BODY["run_configuration"]["invocation_parameters"]
    assert config["invocation_parameters"]["tool_config"] == parameters["tool_config"]
    assert config["invocation_parameters"]["response_format"]["json_schema"]["schema"] == {"type": "OBJECT"}
    assert CREATE.spelled("upper").spelled("lower").spelled("upper").body == BODY


def test_queries():
    call = endpoints.list_tasks(type="CODE_EVALUATION", name="Type")
    assert call.spelled("lower").query == (("name", "Type"), ("type", "code_evaluation"), ("limit", "100"))
    assert endpoints.list_task_runs("t", status="FAILED").spelled("lower").query[0] == ("status", "failed")


@pytest.mark.parametrize(
    ("call", "has"),
    [
        (CREATE, True),
        (endpoints.list_tasks(type="CODE_EVALUATION"), True),
        (endpoints.list_tasks(), False),
        (endpoints.trigger_task_run("t", {"experiment_name": "TYPE"}), False),
        (endpoints.get_task("t"), False),
        (endpoints.cancel_task_run("t"), False),
        (endpoints.update_task("t", {"name": "X"}), False),
        (endpoints.update_task("t", {"run_configuration": BODY["run_configuration"]}), True),
    ],
)
def test_which_calls_send_enums(call, has):
    assert bool(call.enums) is has


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("COMPLETED", "upper"),
        ("completed", "lower"),
        ("Completed", None),
        ("", None),
        ("__", None),
        (None, None),
        (3, None),
    ],
)
def test_case_of(text, case):
    assert case_of(text) == case


class Server:
    """A server of one spelling."""

    def __init__(self, case: str, *, other_fault: str | None = None, detail: str = "type: must be one of {}") -> None:
        self.case = case
        self.other_fault = other_fault
        self.detail = detail
        self.sent: list[Any] = []

    def __call__(self, call):
        self.sent.append(call)
        kind = call.body["type"] if call.body else dict(call.query)["type"]
        right = {"upper": kind.upper(), "lower": kind.lower()}[self.case]
        if kind != right:
            raise ArizeInvalidRequestError("no", status=400, detail=self.detail.format(right, kind))
        if self.other_fault:
            raise ArizeInvalidRequestError(self.other_fault, status=422, detail=self.other_fault)
        return Task(id="t", type_text=kind)


def test_upper_case_by_default():
    server = Server("upper")
    Dialect().send(server, CREATE)
    assert [call.body["type"] for call in server.sent] == ["RUN_EXPERIMENT"]


@pytest.mark.parametrize("detail", ["type: must be one of {}, got {}", "unknown value {1} for field 'type'", ""])
def test_a_refused_spelling_is_tried_once_in_the_other_and_remembered(detail):
    server = Server("lower", detail=detail)
    dialect = Dialect()
    dialect.send(server, CREATE)
    dialect.send(server, CREATE)
    assert [call.body["type"] for call in server.sent] == ["RUN_EXPERIMENT", "run_experiment", "run_experiment"]


def test_lists_too():
    server = Server("lower")
    Dialect().send(server, endpoints.list_tasks(type="RUN_EXPERIMENT"))
    assert [dict(call.query)["type"] for call in server.sent] == ["RUN_EXPERIMENT", "run_experiment"]


def test_a_setting_that_the_server_has_outgrown():
    server = Server("upper")
    dialect = Dialect("lower")
    dialect.send(server, CREATE)
    dialect.send(server, CREATE)
    assert [call.body["type"] for call in server.sent] == ["run_experiment", "RUN_EXPERIMENT", "RUN_EXPERIMENT"]


@pytest.mark.parametrize(
    "shown",
    [
        Task(id="t", type_text="template_evaluation"),
        TaskRun(id="r", status_text="running"),
        Page(items=(Task(id="t", type_text="code_evaluation"),)),
    ],
)
def test_what_the_server_shows_is_learned(shown):
    dialect = Dialect()
    dialect.learn(Page())
    assert dialect.case == "upper"
    dialect.send(lambda call: shown, endpoints.get_task("t"))
    assert dialect.case == "lower"  # type: ignore[comparison-overlap]


def test_a_fault_of_another_kind_is_not_tried_again():
    server = Server("upper", other_fault="query_filter: can't parse")
    with pytest.raises(ArizeInvalidRequestError, match="can't parse"):
        Dialect().send(server, CREATE)
    assert len(server.sent) == 1


def test_behind_the_spelling_the_true_fault_shows():
    server = Server("lower", other_fault="the evaluator has no version of this type", detail="bad type {1}, not {0}")
    dialect = Dialect()
    with pytest.raises(ArizeInvalidRequestError, match="no version"):
        dialect.send(server, CREATE)
    assert dialect.case == "lower"


def test_a_fault_that_only_sounds_like_the_spelling_is_the_one_told():
    server = Server("upper", other_fault="field not valid for this type of task", detail="bad type {1}, not {0}")
    dialect = Dialect()
    with pytest.raises(ArizeInvalidRequestError, match="not valid for this type of task"):
        dialect.send(server, CREATE)
    assert dialect.case == "upper"


def test_other_errors_pass():
    def send(call):
        raise ArizeServerError("down", status=503)

    with pytest.raises(ArizeServerError):
        Dialect().send(send, CREATE)


@pytest.mark.parametrize(
    ("title", "detail", "about"),
    [
        ("Invalid request", None, True),
        ("Invalid request", "type must be one of x", True),
        ("Validation error", "body.run_configuration.messages[0].role: invalid", True),
        ("Invalid request", "'CODE_EVALUATION' is not a valid enum value", True),
        ("Invalid request", "query_filter: syntax error", False),
        ("Invalid request", "the prototype is gone", False),
        ("Validation error", "type: Input should be 'template_evaluation' or 'code_evaluation'", True),
        ("Invalid request", "All evaluators on a task must be the same type", False),
        (
            "Invalid request",
            "Only one custom code evaluator runs per task. Create one task per evaluator.",
            False,
        ),
        ("Invalid request", "field not valid for this type of task", False),
        ("Invalid request", "Invalid ISO datetime: '2026-11-22T10:00:00'", False),
        ("Validation error", "experiment_ids is not valid for type RUN_EXPERIMENT", False),
        ("Validation error", "the role of this key does not allow it", False),
        ("Validation error", "evaluator_id must be one of the space's evaluators", False),
        ("Conflict", "the run's status does not allow this", False),
    ],
)
def test_refusals_about_enums(title, detail, about):
    assert refuses_enum(ArizeInvalidRequestError("x", status=400, title=title, detail=detail)) is about


def test_a_gateways_page_is_no_refusal_of_a_spelling():
    error = ArizeInvalidRequestError("x", status=400, title=None, detail=None, outcome_unknown=True)
    assert not refuses_enum(error)


def test_no_log_line_blames_the_spelling_of_what_was_refused_for_another_reason(caplog):
    """At the level at which people read logs; a retry in the other case is told once it has helped."""
    caplog.set_level("INFO")
    with pytest.raises(ArizeInvalidRequestError):
        Dialect().send(Server("upper", other_fault="All evaluators on a task must be the same type"), CREATE)
    assert caplog.text == ""
    Dialect().send(Server("lower"), CREATE)
    assert "The server wants enums in lower case" in caplog.text
