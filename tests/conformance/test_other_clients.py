"""The SDK's other clients drive the emulator: whatever it answers, each release reads without an error."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.environments import LATEST, RELEASES, python_of
from tests.conformance.sides import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(600)]

SPACE, PROJECT, DATASET = "demo-space", "demo-project", "demo-dataset"
MESSAGES = [{"role": "USER", "content": "{question}"}]
#: When the spans of the tests began; both ends of a search.
NOON = {"$datetime": "2026-03-01T12:00:00+00:00"}
EVENING = {"$datetime": "2026-03-01T18:00:00+00:00"}


class Clients:
    """All clients of a release of the SDK, in a process of its environment."""

    def __init__(self, emulator: EmulatorProcess, release: str) -> None:
        self.emulator = emulator
        self.number = tuple(int(part) for part in release.split("."))
        self._process = subprocess.Popen(
            [
                python_of(release),
                Path(__file__).with_name("clients_driver.py"),
                emulator.url.removeprefix("http://"),
                KEY,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("ARIZE_")},
        )

    def ask(self, call: str, **args: Any) -> dict[str, Any]:
        """Call ``client.method``; the reply has ``result`` or ``error``."""
        client, _, method = call.partition(".")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"client": client, "method": method, "args": args}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the driver ended: {self._process.poll()}"
        return dict(json.loads(line))

    def __call__(self, call: str, **args: Any) -> Any:
        """The result of a call that must not fail."""
        reply = self.ask(call, **args)
        assert "error" not in reply, f"{call}: {reply['error']['text']}"
        return reply["result"]

    def refused(self, call: str, **args: Any) -> int | None:
        """Status of a call that must be refused."""
        return self.ask(call, **args)["error"]["status"]

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.communicate()


@pytest.fixture(scope="module")
def clients(server: Callable[[str], EmulatorProcess]) -> Iterator[Callable[[str], Clients]]:
    """A function that gives a release's clients before an emulator of its age, freshly set."""
    started: dict[str, Clients] = {}

    def start(release: str) -> Clients:
        if release not in started:
            started[release] = Clients(server(release), release)
        started[release].emulator.control.reset()
        started[release].emulator.control.configure(run_seconds=0.05)
        return started[release]

    yield start
    for each in started.values():
        each.close()


@pytest.fixture(params=RELEASES)
def ask(request: pytest.FixtureRequest, clients: Callable[[str], Clients]) -> Clients:
    """The clients of each release."""
    return clients(request.param)


@pytest.fixture
def latest(clients: Callable[[str], Clients]) -> Clients:
    """The clients of the newest release."""
    return clients(LATEST)


def test_spaces_and_projects(ask):
    (space,) = ask("spaces.list", limit=10)["spaces"]
    assert ask("spaces.get", space=SPACE)["id"] == space["id"]
    (project,) = ask("projects.list", space=SPACE)["projects"]
    assert ask("projects.get", project=PROJECT, space=SPACE)["id"] == project["id"]
    assert ask.refused("projects.get", project="TW9kZWw6OTk5Ong=") == 404


def test_datasets_and_their_examples(ask):
    (dataset,) = ask("datasets.list", space=SPACE)["datasets"]
    assert len(ask("datasets.get", dataset=DATASET, space=SPACE)["versions"]) == 1
    examples = ask("datasets.list_examples", dataset=dataset["id"], limit=20)["examples"]
    assert len(examples) == 20
    assert all(example["id"] for example in examples)


def test_experiments_and_their_runs(ask):
    dataset = ask("datasets.list", space=SPACE)["datasets"][0]["id"]
    (experiment,) = ask("experiments.list", dataset=dataset)["experiments"]
    assert ask("experiments.get", experiment=experiment["id"])["name"] == "baseline"
    assert len(ask("experiments.list_runs", experiment=experiment["id"], limit=10)["experiment_runs"]) == 10
    ask("experiments.delete", experiment=experiment["id"])
    assert ask.refused("experiments.get", experiment=experiment["id"]) == 404


def test_evaluators_and_their_versions(ask):
    found = {item["name"]: item["id"] for item in ask("evaluators.list", space=SPACE, limit=100)["evaluators"]}
    assert len(found) == 6
    for evaluator in found.values():
        version = ask("evaluators.get", evaluator=evaluator)["version"]
        assert version
        assert len(ask("evaluators.list_versions", evaluator=evaluator)["evaluator_versions"]) == 1
    second = ask.emulator.control.add_evaluator_version("correctness")
    assert ask("evaluators.get_version", version_id=second)


def test_llm_integrations(ask):
    (integration,) = ask("ai_integrations.list", space=SPACE)["ai_integrations"]
    assert ask("ai_integrations.get", integration="demo-openai", space=SPACE)["id"] == integration["id"]


def test_integrations_of_every_type(ask):
    if ask.number < (8, 41):
        assert "integrations" in ask.ask("integrations.list")["error"]["text"]  # the release has no such client
        return
    assert len(ask("integrations.list", space=SPACE)["integrations"]) == 2
    for name, kind in (("demo-openai", "LLM"), ("demo-agent", "AGENT")):
        wanted = {"$model": "IntegrationType", "value": kind}
        (found,) = ask("integrations.list", space=SPACE, integration_type=wanted)["integrations"]
        assert instance(found)["name"] == name


def instance(found):
    """One of several kinds of objects; some releases wrap it."""
    return found.get("actual_instance") or found


def test_prompts_are_read(ask):
    prompt = ask.emulator.control.add_prompt("support", MESSAGES, model="gpt-4o", commit_message="first")
    second = ask.emulator.control.add_prompt_version("support", label="production", model="gpt-4o-mini")
    ask.emulator.control.add_prompt_version("support")
    (found,) = ask("prompts.list", space=SPACE)["prompts"]
    assert found["id"] == prompt
    assert ask("prompts.get", prompt=prompt)["version"]["labels"] == []
    assert ask("prompts.get", prompt="support", space=SPACE, label="production")["version"]["id"] == second
    assert ask("prompts.get", prompt=prompt, version_id=second)["version"]["model"] == "gpt-4o-mini"
    assert len(ask("prompts.list_versions", prompt=prompt)["prompt_versions"]) == 3


def test_spans_are_listed_with_their_evaluations(ask):
    control = ask.emulator.control
    control.add_spans(count=30, start="2026-03-01T12:00:00Z", end="2026-03-01T18:00:00Z")
    evaluator = next(item["id"] for item in ask("evaluators.list", name="correctness")["evaluators"])
    task = label_spans(ask, evaluator)
    search = {"project": PROJECT, "space": SPACE, "start_time": NOON, "end_time": EVENING}
    first = ask("spans.list", **search, limit=20)
    second = ask("spans.list", **search, limit=20, cursor=first["pagination"]["next_cursor"])
    spans = first["spans"] + second["spans"]
    assert len({span["context"]["span_id"] for span in spans}) == 30
    assert {item["name"] for span in spans for item in span["evaluations"]} == {"correctness"}
    if ask.number >= (8, 60):
        assert {item["metadata"]["task_id"] for span in spans for item in span["evaluations"]} == {task}
    good = ask("spans.list", **search, filter="eval.correctness.label = 'correct'", limit=30)["spans"]
    assert 0 < len(good) <= 30


def label_spans(ask, evaluator):
    """Evaluate the afternoon of the tests, over plain HTTP."""
    import time

    import requests

    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {KEY}"
    url = f"{ask.emulator.url}/v2/tasks"
    kind = "TEMPLATE_EVALUATION" if ask.number >= (8, 40) else "template_evaluation"
    project = ask.emulator.control.status()["ids"]["project"]
    body = {"name": "label", "type": kind, "project_id": project, "evaluators": [{"evaluator_id": evaluator}]}
    task = session.post(url, json=body).json()["id"]
    window = {"data_start_time": "2026-03-01T12:00:00Z", "data_end_time": "2026-03-01T18:00:00Z"}
    run = session.post(f"{url}/{task}/trigger", json=window).json()
    until = time.monotonic() + 20
    while time.monotonic() < until and run["status"].upper() in ("PENDING", "RUNNING"):
        time.sleep(0.02)
        run = session.get(f"{ask.emulator.url}/v2/task-runs/{run['id']}").json()
    assert run["num_successes"] == 30
    return task


def test_the_newest_release_chooses_columns_and_shortens(latest):
    latest.emulator.control.add_spans(count=3, start="2026-03-01T12:00:00Z", end="2026-03-01T18:00:00Z")
    search = {"project": PROJECT, "space": SPACE, "start_time": NOON, "end_time": EVENING}
    (span, *_) = latest("spans.list", **search, included_columns=["attributes.topic"], truncate_string_length=3)[
        "spans"
    ]
    assert set(span["attributes"]) == {"topic"}
    assert len(span["attributes"]["topic"]) <= 3
    both = {"included_columns": ["a"], "excluded_columns": ["b"]}
    assert latest.refused("spans.list", **search, **both) == 422
    assert latest.refused("spans.list", **search, filter=" ") == 400


def test_the_newest_release_writes_prompts(latest):
    version = {
        "commit_message": "first",
        "input_variable_format": {"$model": "InputVariableFormat", "value": "F_STRING"},
        "provider": {"$model": "LlmProvider", "value": "OPEN_AI"},
        "messages": [{"$model": "LLMMessageRequest", "role": "USER", "content": "{question}"}],
    }
    made = latest("prompts.create", space=SPACE, name="made", **version)
    second = latest("prompts.create_version", prompt=made["id"], **{**version, "commit_message": "second"})
    assert latest("prompts.set_labels", version_id=second["id"], labels=["production"])["labels"] == ["production"]
    labelled = latest("prompts.get_version_by_label", prompt=made["id"], label_name="production")
    assert labelled["commit_message"] == "second"
    assert latest("prompts.get_version", version_id=second["id"])["id"] == second["id"]
    latest("prompts.delete_label", version_id=second["id"], label_name="production")
    assert latest("prompts.update", prompt=made["id"], description="d")["description"] == "d"
    latest("prompts.delete", prompt=made["id"])
    assert latest.refused("prompts.get", prompt=made["id"]) == 404


def test_the_newest_release_writes_evaluators(latest):
    llm = {
        "$model": "EvaluatorLlmConfigRequest",
        "ai_integration_id": latest("ai_integrations.list")["ai_integrations"][0]["id"],
        "model_name": "gpt-4o",
        "invocation_parameters": {"$model": "InvocationParamsRequest"},
        "provider_parameters": {"$model": "ProviderParamsRequest"},
    }
    config = {
        "$model": "TemplateConfigInput",
        "name": "made",
        "template": "Judge {output}",
        "include_explanations": True,
        "use_function_calling": True,
        "classification_choices": {"good": 1, "bad": 0},
        "llm_config": llm,
    }
    given = {"commit_message": "first", "template_config": config}
    made = latest("evaluators.create_template_evaluator", name="made", space=SPACE, **given)
    second = latest("evaluators.create_template_version", evaluator=made["id"], **given)
    versions = latest("evaluators.list_versions", evaluator=made["id"])["evaluator_versions"]
    assert instance(versions[0])["id"] == second["id"]
    assert latest("evaluators.update", evaluator=made["id"], description="d")["description"] == "d"
    latest("evaluators.delete", evaluator=made["id"])
    assert latest.refused("evaluators.create_template_evaluator", name="made", space=SPACE, **given) == 409


def test_the_newest_release_filters_examples_and_runs(latest):
    found = latest("datasets.list_examples", dataset=DATASET, space=SPACE, filter="topic = 'refund'", limit=100)
    assert {example["additional_properties"]["topic"] for example in found["examples"]} == {"refund"}
    experiment = latest("experiments.list", space=SPACE)["experiments"][0]["id"]
    runs = latest("experiments.list_runs", experiment=experiment, filter="output CONTAINS 'refund'", limit=100)
    assert 0 < len(runs["experiment_runs"]) < 50
