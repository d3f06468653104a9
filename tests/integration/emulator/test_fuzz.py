"""Thousands of structured requests over every route: right ones, wrong ones, and right ones with something wrong."""

from __future__ import annotations

import copy
import http.client
import json
import random
import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from airflow_provider_arize_tasks.emulator.app import make_app
from airflow_provider_arize_tasks.emulator.levels import LATEST, Level
from airflow_provider_arize_tasks.emulator.world import World
from tests.integration.emulator.conftest import MESSAGES, Api

if TYPE_CHECKING:
    from collections.abc import Callable

ROUTES = sorted(
    (route.method, route.resource.canonical)
    for route in make_app(World()).router.routes()
    if route.method != "HEAD" and route.resource is not None and route.resource.canonical.startswith("/v2/")
)
JUNK: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2**63,
    2**70,
    1.5,
    1e308,
    "",
    " ",
    "x",
    "\x00",
    "é\u202e🎉",
    "A" * 3000,
    "2026-03-01T00:00:00",
    "2026-03-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "name LIKE '%' AND (NOT x IN (1, 'a') OR y IS NULL)",
    "eval.correctness.label = 'correct'",
    "((((",
    "TEMPLATE_EVALUATION",
    "template_evaluation",
    "TW9kZWw6OTk5Ong=",
    "YWZ0ZXI6NQ==",
    "YWZ0ZXI6LTU=",
    [],
    {},
    [None],
    [[]],
    {"": None},
    ["A", "A"],
    {"$ref": "#"},
]
QUERY = [
    *("limit", "cursor", "name", "space_id", "space_name", "type", "status", "label", "version_id", "project_id"),
    *("dataset_id", "dataset_version_id", "project_type", "org_id", "nothing"),
]


class Fuzzer:
    """Makes requests from a seed.

    :param api: an emulator with a little of everything in it.
    :param seed: decides everything.
    :param level: of the emulator; what it doesn't know yet is sent all the same, and refused.
    """

    def __init__(self, api: Api, seed: int, level: str = LATEST) -> None:
        self.api = api
        self.level = Level(level)
        self.random = random.Random(seed)
        self.ids: dict[str, list[str]] = {}
        self.bodies = self._spelled(self._bodies())
        self.connection = http.client.HTTPConnection(urlsplit(api.emulator.url).netloc, timeout=30)
        self.seen: Counter[tuple[str, str, int]] = Counter()

    def _remember(self, name: str, record_id: str) -> str:
        self.ids.setdefault(name, []).append(record_id)
        return record_id

    def _bodies(self) -> dict[str, list[Any]]:
        """A right body, or several, for each operation that takes one; makes something of every kind on the way."""
        api = self.api
        space = self._remember("space_id", api.id("spaces", "demo-space"))
        project = self._remember("project_id", api.project)
        dataset = self._remember("dataset_id", api.dataset)
        baseline = self._remember("experiment_id", api.id("experiments", "baseline"))
        self._remember("integration_id", api.id("ai-integrations", "demo-openai"))
        agent = "x"
        if self.level.knows("operation GET /v2/integrations"):
            agent = self._remember("integration_id", api.id("integrations", "demo-agent"))
        mapping = {"variable_name": "output", "query_ids": ["A"], "attribute_path": "attributes.output.value"}
        trace = {"evaluator_id": api.id("evaluators", "trace-relevance"), "query_mappings": [mapping]}
        filters = {"filters": [{"id": "A", "filter": "latency_ms > 100"}, {"id": "B", "filter": "status_code = 'OK'"}]}
        own = {"evaluator_id": api.id("evaluators", "correctness"), "query_filter": "latency_ms > 1"}
        configuration = api.config()
        agent_call = {"experiment_type": "AGENT_CALL", "integration_id": agent, "input_template": {"q": "{{input}}"}}
        creates = [
            api.body("spans", [own, "hallucination"], query_filter="status_code = 'OK'", sampling_rate=0.5),
            api.body("traces", [trace], query_filters={**filters, "expression": "A AND NOT B"}),
            api.body("rows", project_id=None, dataset_id=dataset, experiment_ids=[baseline]),
            {"name": "e", "type": "RUN_EXPERIMENT", "dataset_id": dataset, "run_configuration": configuration},
            {"name": "a", "type": "RUN_EXPERIMENT", "dataset_id": dataset, "run_configuration": agent_call},
        ]
        for body in creates:
            made = api.send("POST", "tasks", json=self._spelled({**body, "name": f"first {body['name']}"}))
            assert made.status_code == 201 or self.level != Level(), made.text
            if made.status_code == 201:
                self._remember("task_id", made.json()["id"])
        window = {**api.day(1), "max_spans": 5, "override_evaluations": True}
        experiment = {"experiment_name": "n", "max_examples": 2, "query_filter": "topic = 'tax'"}
        self._remember("run_id", api.trigger(self.ids["task_id"][0], **window)["id"])
        evaluator = self._remember("evaluator_id", own["evaluator_id"])
        self._remember("evaluator_id", api.id("evaluators", "hallucination"))
        judge = api.get(f"evaluators/{evaluator}")["version"]
        self._remember("version_id", judge["id"])
        judged = {"commit_message": "m", "template_config": judge["template_config"]}
        prompt = self._remember("prompt_id", api.control.add_prompt("p", MESSAGES, model="gpt-4o"))
        self._remember("version_id", api.get(f"prompts/{prompt}")["version"]["id"])
        api.control.move_prompt_label("p", "production")
        self.ids["label_name"] = ["production", "staging"]
        version = {"commit_message": "m", "provider": "OPEN_AI", "messages": MESSAGES, "model": "gpt-4o"}
        code = {"type": "CUSTOM", "name": "c", "code": "...", "variables": ["output"]}
        search = {"filter": "topic = 'tax'", "limit": 3}
        columns = {"included_columns": ["attributes.topic", "eval.correctness.label"], "truncate_string_length": 4}
        spans = {"project_id": project, "start_time": api.day(1)["data_start_time"], "filter": "latency_ms > 1"}
        coded = {"commit_message": "m", "code_config": code}
        return {
            "POST /v2/tasks": creates,
            "PATCH /v2/tasks/{task_id}": [{"name": "r"}, {"query_filter": None, "evaluators": [own]}, creates[3]],
            "POST /v2/tasks/{task_id}/trigger": [window, experiment, {}],
            "POST /v2/spans": [spans | columns, {"project_id": project, "excluded_columns": ["name"]}],
            "POST /v2/datasets/{dataset_id}/examples/search": [search],
            "POST /v2/experiments/{experiment_id}/runs/search": [search],
            "POST /v2/prompts": [{"space_id": space, "name": "q", "version": version}],
            "PATCH /v2/prompts/{prompt_id}": [{"description": "d"}],
            "POST /v2/prompts/{prompt_id}/versions": [version],
            "PUT /v2/prompt-versions/{version_id}/labels": [{"labels": ["production"]}],
            "POST /v2/evaluators": [{"space_id": space, "name": "c", "type": "CODE", "version": coded}],
            "PATCH /v2/evaluators/{evaluator_id}": [{"description": "d"}],
            "POST /v2/evaluators/{evaluator_id}/versions": [judged, coded],
        }

    def _spelled(self, value: Any) -> Any:
        """A body with its enums as this level spells them."""
        if isinstance(value, dict):
            return {key: self._spelled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._spelled(item) for item in value]
        is_enum = isinstance(value, str) and re.fullmatch("[A-Z_]{3,}", value) is not None
        return self.level.spell(value) if is_enum else value

    def request(self) -> None:
        """Send one request and look at the answer."""
        method, template = self.random.choice(ROUTES)
        if method == "DELETE" and self.random.random() < 0.7:  # else soon nothing is left
            method, template = self.random.choice(ROUTES)
        body = self._body(f"{method} {template}")
        path = self._path(template) + self._query()
        headers = {"Authorization": "Bearer a-key"}
        raw = None if body is None else json.dumps(body).encode()
        if raw is not None:
            headers["Content-Type"] = "application/json" if self.random.random() < 0.98 else "text/plain"
            if self.random.random() < 0.02:
                raw = raw[: self.random.randrange(len(raw) + 1)] + b"\xff"
        self.connection.request(method, path, raw, headers)
        reply = self.connection.getresponse()
        text = reply.read()
        told = f"{method} {path[:500]} {raw[:2000] if raw else b''!r}: {reply.status} {text[:500]!r}"
        assert reply.status < 500, told
        self.seen[(method, template, reply.status // 100)] += 1
        if reply.status == 204:
            assert text == b"", told
            return
        document = json.loads(text)
        json.dumps(document, allow_nan=False)
        is_problem = reply.headers["Content-Type"].startswith("application/problem+json")
        assert is_problem is (reply.status >= 400), told
        if is_problem:
            assert (document["status"], bool(document["detail"])) == (reply.status, True), told

    def _path(self, template: str) -> str:
        path = template
        for name in [part[1:-1] for part in template.split("/") if part.startswith("{")]:
            known = self.ids.get(name) or ["x"]
            value = self.random.choice(known)
            if self.random.random() < 0.1:
                value = str(self.random.choice([*JUNK, *(one for many in self.ids.values() for one in many)]))[:200]
            path = path.replace(f"{{{name}}}", quote(value, safe="") or "%20")
        return path

    def _query(self) -> str:
        if self.random.random() < 0.6:
            return ""
        names = self.random.sample(QUERY, self.random.randrange(1, 3))
        values = [self.random.choice([*JUNK, *self.ids.get(name, ["5"])]) for name in names]
        return "?" + urlencode([(name, str(value)) for name, value in zip(names, values, strict=True)])

    def _body(self, operation: str) -> Any:
        known = self.bodies.get(operation)
        if known is None:
            return None if self.random.random() < 0.9 else self.random.choice(JUNK)
        draw = self.random.random()
        if draw < 0.03:
            return self.random.choice(JUNK)
        body = copy.deepcopy(self.random.choice(known))
        if "name" in body and self.random.random() < 0.7:
            body["name"] = f"name {self.random.randrange(10**6)}"
        if "experiment_name" in body:
            body["experiment_name"] = f"night {self.random.randrange(10**6)}"
        for _ in range(self.random.choice([0, 0, 1, 2, 4])):
            body = self._changed(body)
        return body

    def _changed(self, value: Any) -> Any:
        """A value with one thing changed: somewhere within it, or as a whole."""
        if isinstance(value, dict) and value and self.random.random() < 0.9:
            name = self.random.choice(sorted(value))
            draw = self.random.random()
            if draw < 0.15:
                return {key: item for key, item in value.items() if key != name}
            if draw < 0.25:
                return {**value, self.random.choice([*QUERY, "name", "x" * 300]): self.random.choice(JUNK)}
            return {**value, name: self._changed(value[name])}
        if isinstance(value, list) and value and self.random.random() < 0.8:
            place = self.random.randrange(len(value))
            if self.random.random() < 0.3:
                return value + value[place : place + 1]
            return [*value[:place], self._changed(value[place]), *value[place + 1 :]]
        return copy.deepcopy(self.random.choice(JUNK))


def fuzz(api: Api, seed: int, count: int, level: str = LATEST) -> Fuzzer:
    fuzzer = Fuzzer(api, seed, level)
    for _ in range(count):
        fuzzer.request()
    assert api.control.status()["ok"]
    return fuzzer


def test_a_few_hundred_requests_over_every_route(api):
    fuzzer = fuzz(api, 1, 500)
    assert {(method, template) for method, template, _ in fuzzer.seen} == set(ROUTES)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twenty_thousand_requests_over_every_route(emulator):
    """In ten rounds, each before a fresh emulator, so that what is deleted early on isn't gone for good.

    Runs end at once in half of them and never in the others, so that what can be done to a run going on, and to one
    that has ended, is done however fast the requests come.
    """
    seen: Counter[tuple[str, str, int]] = Counter()
    for seed in range(10):
        emulator.control.reset()
        emulator.control.configure(run_seconds=3600 if seed % 2 else 0, pending_seconds=0)
        emulator.control.add_spans(count=20, start="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z")
        seen += fuzz(Api(emulator), seed, 2000).seen
    assert sum(seen.values()) == 20_000
    for method, template in ROUTES:
        assert seen[(method, template, 2)], f"{method} {template} never went well"
        assert seen[(method, template, 4)], f"{method} {template} was never refused"


OLD_LEVELS = ("8.8", "8.28", "8.40", "8.45", "8.50", "8.56")


def fuzz_old(at_level: Callable[[str], Api], level: str, count: int) -> Fuzzer:
    api = at_level(level)
    api.control.configure(run_seconds=0.06, pending_seconds=0.02)
    api.control.add_spans(count=20, start="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z")
    return fuzz(api, 1, count, level)


@pytest.mark.parametrize("level", OLD_LEVELS)
def test_a_few_hundred_requests_to_an_older_server(at_level, level):
    fuzzer = fuzz_old(at_level, level, 250)
    assert {status for _, _, status in fuzzer.seen} == {2, 4}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("level", OLD_LEVELS)
def test_three_thousand_requests_to_an_older_server(at_level, level):
    fuzzer = fuzz_old(at_level, level, 3000)
    assert {(method, template) for method, template, _ in fuzzer.seen} == set(ROUTES)
    assert fuzzer.seen[("GET", "/v2/tasks", 2)]
