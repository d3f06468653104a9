"""Prompts are data: Airflow does not render them. And prompts of the Prompt Hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jinja2
import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_arize_tasks.client.errors import ArizeValidationError
from airflow_provider_arize_tasks.operators.tasks import ArizeCreateRunExperimentTaskOperator, ArizeUpdateTaskOperator
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import DATASET, SPACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

LLM, AGENT = "demo-openai", "demo-agent"


def context_names() -> list[str]:
    """Every name of Airflow's template context, and some that a prompt is likely to have."""
    try:
        from airflow.sdk.definitions.context import Context

        names = set(Context.__annotations__)
    except ImportError:  # Airflow 2
        from airflow.utils.context import KNOWN_CONTEXT_KEYS  # type: ignore[attr-defined]

        names = set(KNOWN_CONTEXT_KEYS)
    assert {"task", "params", "ds", "ti"} <= names
    return sorted(names | {"question", "input", "task_id", "dataset.question"})


def llm(content: str, **more: Any) -> dict[str, Any]:
    return {
        "experiment_type": "LLM_GENERATION",
        "ai_integration_id": LLM,
        "messages": [{"role": "SYSTEM", "content": "Be brief."}, {"role": "USER", "content": content}],
        "input_variable_format": "MUSTACHE",
        **more,
    }


def judge(template: str, **more: Any) -> dict[str, Any]:
    return {
        "experiment_type": "TEMPLATE_EVALUATION",
        "ai_integration_id": LLM,
        "template": template,
        "provide_explanation": False,
        **more,
    }


def agent(template: Any) -> dict[str, Any]:
    return {"experiment_type": "AGENT_CALL", "integration_id": AGENT, "input_template": template}


def sent_texts(configuration: dict[str, Any]) -> list[Any]:
    """The prompt texts of a configuration as the server has it."""
    if "messages" in configuration:
        return [configuration["messages"][-1]["content"]]
    if "template" in configuration:
        return [configuration["template"]]
    return [configuration["input_template"]["ask"][0]["q"]]


KINDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "llm": llm,
    "judge": judge,
    "agent": lambda text: agent({"ask": [{"q": text}]}),
}


@pytest.fixture(autouse=True)
def _connected(arize_connection: str) -> None:
    """Every test here talks to the emulator."""


def create(configuration: Any, *, name: str = "nightly", native: bool = False, **more: Any) -> TaskResult:
    with DAG("prompts", schedule=None, render_template_as_native_obj=native):
        operator = ArizeCreateRunExperimentTaskOperator(
            task_id="create", name=name, dataset=DATASET, space=SPACE, run_configuration=configuration, **more
        )
    return run_task(operator)


@pytest.mark.parametrize("kind", KINDS)
def test_no_name_of_airflows_context_is_filled_into_a_prompt(kind: str, hook: ArizeHook) -> None:
    names = [name for name in context_names() if kind != "agent" or name != "dataset.question"]
    text = " ".join(f"{{{{{name}}}}} and {{{{ {name} }}}}" for name in names)
    result = create(KINDS[kind](text))
    assert result.state == "success", result.error
    configuration = hook.get_task("nightly", SPACE).to_dict()["run_configuration"]
    assert [each.replace(" ", "") for each in sent_texts(configuration)] == [text.replace(" ", "")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["{{question}}\r\n{# no comment #} {% if x %}", "{'a': 1}", "[1, 2]", "42", "line\n"])
def test_a_prompt_arrives_to_the_letter(kind: str, text: str, hook: ArizeHook) -> None:
    result = create(KINDS[kind](text), native=True)
    assert result.state == "success", result.error
    assert sent_texts(hook.get_task("nightly", SPACE).to_dict()["run_configuration"]) == [text]


def test_everything_else_is_rendered(hook: ArizeHook) -> None:
    result = create(llm("{{question}}", model_name="model-{{ run_id }}"))
    assert result.state == "success"
    configuration = hook.get_task("nightly", SPACE).to_dict()["run_configuration"]
    assert configuration["model_name"] == "model-manual__test"


def test_prompts_are_rendered_when_asked_for(hook: ArizeHook) -> None:
    result = create(llm("As of {{ run_id }}: {% raw %}{{question}}{% endraw %}"), name="asked", render_prompts=True)
    assert result.state == "success"
    configuration = hook.get_task("asked", SPACE).to_dict()["run_configuration"]
    assert sent_texts(configuration) == ["As of manual__test: {{question}}"]


@pytest.mark.parametrize("kind", KINDS)
def test_old_raw_is_refused_with_the_way_out(kind: str) -> None:
    with pytest.raises(ArizeValidationError, match=r"run_configuration\.\S+ holds \{% raw %\}.*render_prompts=True"):
        create(KINDS[kind]("{%- raw -%}{{question}}{% endraw %}"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_mapped_operator_leaves_prompts_alone_too(kind: str, hook: ArizeHook) -> None:
    with DAG("mapped", schedule=None):
        mapped = ArizeCreateRunExperimentTaskOperator.partial(
            task_id="create", dataset=DATASET, space=SPACE, run_configuration=KINDS[kind]("{{task}} {{question}}")
        ).expand(name=["one", "two"])
    task: Any = mapped.unmap({**mapped.partial_kwargs, "name": "one-{{ run_id }}"})
    mapped._do_render_template_fields(task, mapped.template_fields, {"run_id": "r"}, jinja2.Environment(), set())
    assert task.name == "one-r"
    assert run_task(task).state == "success"
    assert sent_texts(hook.get_task("one-r", SPACE).to_dict()["run_configuration"]) == ["{{task}} {{question}}"]


def test_rendered_fields_show_the_prompt_and_never_an_address() -> None:
    from airflow.serialization.helpers import serialize_template_field

    operator = ArizeCreateRunExperimentTaskOperator(
        task_id="create", name="n", dataset=DATASET, run_configuration=llm("Ask {{question}}")
    )
    shown = json.dumps(serialize_template_field(operator.run_configuration, "run_configuration"))
    assert "Ask {{question}}" in shown
    assert "0x" not in shown


def test_update_leaves_prompts_alone_too(hook: ArizeHook) -> None:
    create(llm("{{question}}"))
    result = run_task(
        ArizeUpdateTaskOperator(task_id="update", task="nightly", space=SPACE, run_configuration=llm("{{task}}!"))
    )
    assert result.state == "success", result.error
    assert sent_texts(hook.get_task("nightly", SPACE).to_dict()["run_configuration"]) == ["{{task}}!"]
    with pytest.raises(ArizeValidationError, match="raw"):
        ArizeUpdateTaskOperator(task_id="update", task="n", run_configuration=llm("{% raw %}{{x}}{% endraw %}"))


def test_integrations_by_name(hook: ArizeHook) -> None:
    assert {each.name for each in hook.list_integrations(space=SPACE)} >= {LLM, AGENT}
    assert [each.name for each in hook.list_integrations(space=SPACE, integration_type="AGENT")] == [AGENT]
    for wrong, kind in ((llm("q", ai_integration_id="demo-opena"), "AI integration 'demo-opena'"), (agent({}), None)):
        if kind is None:
            wrong["integration_id"], kind = LLM, "agent integration 'demo-openai'"  # an LLM's is no agent's
        result = create(wrong)
        assert result.state == "failed"
        assert f"there is no {kind}" in str(result.error)


@pytest.mark.parametrize(("kind", "known_as"), [("LLM", "AI integration"), ("AGENT", "agent integration")])
def test_a_name_that_two_integrations_bear_is_refused_with_both_ids(
    kind: str, known_as: str, emulator: EmulatorProcess, hook: ArizeHook
) -> None:
    twins = [emulator.control.add("integration", "shared", type=kind) for _ in range(2)]
    other = emulator.control.add("integration", "shared", type="AGENT" if kind == "LLM" else "LLM")
    configurations = {
        "LLM": lambda wanted: llm("q", ai_integration_id=wanted),
        "AGENT": lambda wanted: {**agent({"question": "q"}), "integration_id": wanted},
    }
    ambiguous = create(configurations[kind]("shared"))
    assert (ambiguous.state, len(hook.list_tasks(name="nightly", space=SPACE))) == ("failed", 0)
    said = str(ambiguous.error)
    assert f"{known_as} 'shared' in space 'demo-space' is ambiguous, 2 bear the name" in said
    assert all(each in said for each in twins)
    assert other not in said
    # Each is reached by its id, and the one of the other kind by its name.
    assert create(configurations[kind](twins[1])).state == "success"
    assert create(configurations["AGENT" if kind == "LLM" else "LLM"]("shared"), name="other").state == "success"


def prompt_of(emulator: EmulatorProcess) -> tuple[str, str]:
    """A prompt with two versions, the first of which carries ``production``."""
    control = emulator.control
    control.add_prompt(
        "support",
        [{"role": "USER", "content": "One: {{question}}"}],
        space=SPACE,
        model="gpt-4o-mini",
        input_variable_format="MUSTACHE",
        invocation_params={"temperature": 0.5},
    )
    control.move_prompt_label("support", "production")
    second = control.add_prompt_version("support", messages=[{"role": "USER", "content": "Two: {{question}}"}])
    return "support", second


def from_hub(**more: Any) -> TaskResult:
    arguments: dict[str, Any] = {"prompt": "support", "prompt_label": "production", "if_exists": "update", **more}
    return create(arguments.pop("run_configuration", {"ai_integration_id": LLM}), **arguments)


def test_a_prompt_of_the_hub_fills_and_pins(hook: ArizeHook, emulator: EmulatorProcess) -> None:
    prompt_of(emulator)
    result = from_hub()
    assert result.state == "success", result.error
    configuration = hook.get_task("nightly", SPACE).to_dict()["run_configuration"]
    version = hook.get_prompt("support", SPACE, label="production").version
    assert version is not None
    assert sent_texts(configuration) == ["One: {{question}}"]
    assert configuration["model_name"] == "gpt-4o-mini"
    assert configuration["invocation_parameters"]["temperature"] == 0.5
    assert (configuration["prompt_version_id"], configuration["input_variable_format"]) == (version.id, "MUSTACHE")
    told = result.value["prompt"]
    assert (told["name"], told["version_id"], told["label"]) == ("support", version.id, "production")
    assert told["commit_hash"] == version.commit_hash


def test_update_follows_the_label(hook: ArizeHook, emulator: EmulatorProcess) -> None:
    _, second = prompt_of(emulator)
    first = from_hub().value
    assert from_hub().value["run_configuration"] == first["run_configuration"]
    emulator.control.move_prompt_label("support", "production", second)
    moved = from_hub().value
    assert (moved["id"], moved["prompt"]["version_id"]) == (first["id"], second)
    assert sent_texts(moved["run_configuration"]) == ["Two: {{question}}"]


def test_a_version_or_the_latest(emulator: EmulatorProcess) -> None:
    _, second = prompt_of(emulator)
    assert from_hub(prompt_label=None).value["prompt"]["version_id"] == second
    assert from_hub(prompt_label=None, prompt_version_id=second).value["prompt"]["version_id"] == second


def test_the_configuration_wins_where_it_may(emulator: EmulatorProcess) -> None:
    prompt_of(emulator)
    result = from_hub(run_configuration={"ai_integration_id": LLM, "model_name": "gpt-4o"})
    assert result.value["run_configuration"]["model_name"] == "gpt-4o"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"prompt": None}, "prompt is missing"),
        ({"prompt_version_id": "v"}, "exclude each other"),
        ({"run_configuration": llm("q")}, "messages comes from the prompt"),
        ({"run_configuration": {}}, "ai_integration_id is missing"),
    ],
)
def test_mistakes_with_prompts_are_named_while_the_dag_is_parsed(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ArizeValidationError, match=words):
        from_hub(**more)


@pytest.mark.parametrize("more", [{"prompt_label": "nobody"}, {"prompt": "suport"}])
def test_what_the_hub_does_not_have_fails_for_good(more: dict[str, Any], emulator: EmulatorProcess) -> None:
    prompt_of(emulator)
    assert from_hub(**more).state == "failed"


def test_what_was_taken_out_of_a_configuration_is_noticed(hook: ArizeHook) -> None:
    whole = llm("q", model_name="gpt-4o", invocation_parameters={"temperature": 0.2, "max_tokens": 100})
    before = create(whole, if_exists="update")
    fewer = llm("q", model_name="gpt-4o", invocation_parameters={"max_tokens": 100})
    # Nobody remembers: a parameter may be the server's own, and is left alone.
    assert create(fewer, if_exists="update").value["run_configuration"] == before.value["run_configuration"]
    after = again(fewer, before)
    assert "temperature" not in after.value["run_configuration"]["invocation_parameters"]
    # The model as well, at the top of it; and what only authors set needs no memory.
    after = again(llm("q", invocation_parameters={"max_tokens": 100}, tool_config={"tools": [{"a": 1}]}), after)
    assert not after.value["run_configuration"].get("model_name")
    assert not create(llm("q"), if_exists="update").value["run_configuration"].get("tool_config")


def again(configuration: dict[str, Any], before: TaskResult) -> TaskResult:
    """The next DAG run's task, which finds the XCom of the one before."""
    operator = ArizeCreateRunExperimentTaskOperator(
        task_id="create", name="nightly", dataset=DATASET, space=SPACE, run_configuration=configuration,
        if_exists="update",
    )  # fmt: skip
    return run_task(operator, own_xcoms=before.xcoms)
