"""What every operator and sensor keeps to. A new one is covered as soon as it has a line in ``cases.py``."""

from __future__ import annotations

import re
import socket
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowException

from tests.integration.contract.cases import ARGUMENTS, CLASSES, COMPANIONS, arguments_of, make, own_arguments

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
every = pytest.mark.parametrize("name", sorted(CLASSES))
every_field = pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name in sorted(CLASSES) for field in CLASSES[name].template_fields]
)


def one_dag(**kwargs) -> DAG:
    return DAG("contract", schedule=None, start_date=START, **kwargs)


def test_every_class_has_a_case():
    assert set(CLASSES) == set(ARGUMENTS)


@every
def test_template_fields_are_attributes_and_arguments(name):
    operator = make(name)
    for field in operator.template_fields:
        assert hasattr(operator, field)
        assert arguments_of(name, field) <= set(own_arguments(name))
    assert len(set(operator.template_fields)) == len(operator.template_fields)


@every
def test_connection_is_templated_and_has_the_default(name):
    assert "arize_conn_id" in CLASSES[name].template_fields
    assert make(name).arize_conn_id == "arize_default"


#: Arguments that decide how a task runs before anything is rendered, or that are plain switches.
NOT_TEMPLATED = {
    "wait_for_completion",
    "wait_for_evaluations",
    "deferrable",
    "cancel_on_kill",
    "cancel_on_timeout",
    "fail_if_ended",
    "include_running",
    # Says what is rendered, before anything is.
    "render_prompts",
    # Ids of Airflow tasks, part of the DAG's shape as in Airflow's own branch operators.
    "tasks_if_passed",
    "tasks_if_failed",
    "tasks_if_inconclusive",
    # Airflow's own sensor arguments, which it reads before rendering.
    "poke_interval",
    "timeout",
}


@every
def test_everything_an_author_would_template_is_templated(name):
    templated = set().union(*(arguments_of(name, field) for field in CLASSES[name].template_fields))
    assert set(own_arguments(name)) - templated <= NOT_TEMPLATED


@every_field
def test_template_renders(name, field):
    """Each argument takes a template, is not judged before it is rendered, and is rendered."""
    for argument in arguments_of(name, field):
        with one_dag():
            arguments = {**ARGUMENTS[name], **COMPANIONS.get((name, argument), {}), argument: "{{ params.value }}"}
            operator = CLASSES[name](task_id="t", **arguments)
        operator.render_template_fields({"params": {"value": "rendered"}})
        stored = getattr(operator, field)
        assert (stored[argument] if isinstance(stored, dict) else stored) == "rendered"


@pytest.mark.parametrize(
    ("name", "argument", "value", "rendered"),
    [
        (
            "ArizeCreateEvaluationTaskOperator",
            "evaluators",
            [{"evaluator_id": "{{ params.value }}"}],
            [{"evaluator_id": "rendered"}],
        ),
        ("ArizeTriggerExperimentRunOperator", "example_ids", ["{{ params.value }}"], ["rendered"]),
        ("ArizeTriggerExperimentRunOperator", "tracing_metadata", {"a": "{{ params.value }}"}, {"a": "rendered"}),
        ("ArizeTriggerEvaluationRunOperator", "experiment_ids", ["{{ params.value }}"], ["rendered"]),
    ],
)
def test_templates_within_lists_and_dicts_render(name, argument, value, rendered):
    operator = make(name, **{argument: value})
    operator.render_template_fields({"params": {"value": "rendered"}})
    assert getattr(operator, argument) == rendered


@every
def test_arguments_are_keyword_only_typed_and_documented(name):
    arguments = own_arguments(name)
    documented = set(re.findall(r":param (\w+):", CLASSES[name].__doc__))
    assert documented == set(arguments)
    for argument in arguments.values():
        assert argument.kind is argument.KEYWORD_ONLY, argument
        assert argument.annotation is not argument.empty, argument


@every
def test_documentation_says_what_comes_back_and_what_is_raised(name):
    assert ":return:" in CLASSES[name].__doc__
    assert ":raises " in CLASSES[name].__doc__


@every
def test_templated_arguments_say_so(name):
    for field in CLASSES[name].template_fields:
        for argument in arguments_of(name, field):
            text = re.search(rf":param {argument}:(.*?)(?=:param |:return|:raises)", CLASSES[name].__doc__, re.DOTALL)
            assert "templated" in text[1], argument


@every
def test_no_network_and_no_connection_in_the_constructor(name, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("network in __init__")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.delenv("AIRFLOW_CONN_ARIZE_DEFAULT", raising=False)
    make(name, arize_conn_id="there_is_no_such_connection")


@every
def test_unknown_argument_is_refused(name):
    # Airflow 3 raises TypeError, Airflow 2 AirflowException.
    with pytest.raises((TypeError, AirflowException), match="no_such_argument"):
        make(name, no_such_argument=1)


def to_the_dag_format_and_back(dag: DAG):
    """The task as the scheduler and the API server see it."""
    import json

    from airflow.serialization import serialized_objects

    format_: Any
    format_ = getattr(serialized_objects, "DagSerialization", None) or vars(serialized_objects)["SerializedDAG"]
    stored = json.loads(json.dumps(format_.to_dict(dag)))
    return format_.from_dict(stored).get_task("t")


@every
def test_serializes_to_the_dag_format_and_back(name):
    with one_dag() as dag:
        operator = make(name)
    back = to_the_dag_format_and_back(dag)
    assert back.task_type == name
    assert tuple(back.template_fields) == tuple(operator.template_fields)
    links = [link.name for link in operator.operator_extra_links]
    assert [link.name for link in back.operator_extra_links] == links
    assert back.ui_color == operator.ui_color


@every
def test_default_args_reach_it(name):
    with one_dag(default_args={"arize_conn_id": "arize_staging", "retries": 7}):
        operator = make(name)
    assert (operator.arize_conn_id, operator.retries) == ("arize_staging", 7)


def first_argument(name: str) -> str:
    return next(iter(ARGUMENTS[name]))


@every
def test_maps(name):
    """``.partial().expand()``: serializes, and each instance gets its value."""
    argument = first_argument(name)
    fixed = {key: value for key, value in ARGUMENTS[name].items() if key != argument}
    values = [ARGUMENTS[name][argument], "{{ params.value }}"]
    with one_dag() as dag:
        mapped = CLASSES[name].partial(task_id="t", **fixed).expand(**{argument: values})
    assert to_the_dag_format_and_back(dag).task_type == name
    for value in values:
        operator = mapped.unmap({argument: value})
        assert isinstance(operator, CLASSES[name])
        assert getattr(operator, argument) == value


@every
def test_maps_over_whole_sets_of_arguments(name):
    with one_dag() as dag:
        mapped = CLASSES[name].partial(task_id="t").expand_kwargs([ARGUMENTS[name], ARGUMENTS[name]])
    assert to_the_dag_format_and_back(dag).task_type == name
    assert isinstance(mapped.unmap(ARGUMENTS[name]), CLASSES[name])


@every
def test_takes_the_output_of_another_task(name):
    from airflow.providers.common.compat.sdk import task

    @task
    def upstream():
        return "value"

    argument = first_argument(name)
    with one_dag() as dag:
        make(name, **{argument: upstream()})
    assert dag.get_task("t").upstream_task_ids == {"upstream"}
    assert to_the_dag_format_and_back(dag).upstream_task_ids == {"upstream"}


@every
def test_works_in_task_groups_and_as_setup_and_teardown(name):
    from airflow.providers.common.compat.sdk import TaskGroup

    with one_dag() as dag, TaskGroup("group"):
        first: BaseOperator = make(name, task_id="first").as_setup()
        first >> make(name, task_id="last").as_teardown(setups=first)
    assert dag.get_task("group.last").is_teardown
    assert dag.get_task("group.first").is_setup


@every
def test_copies(name):
    """Airflow copies operators for each execution."""
    operator = make(name)
    copied = operator.prepare_for_execution()
    assert type(copied) is type(operator)
    assert all(getattr(copied, field) == getattr(operator, field) for field in operator.template_fields)
