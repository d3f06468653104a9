"""What any HTTP client meets: authentication, problem documents, the clock, pages, the command line."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import pytest

from airflow_provider_arize_tasks.emulator.__main__ import main
from airflow_provider_arize_tasks.emulator.process import running_emulator
from airflow_provider_arize_tasks.emulator.seed import DAY_MS, seed
from airflow_provider_arize_tasks.emulator.server import Server
from airflow_provider_arize_tasks.emulator.world import World


@pytest.mark.parametrize("header", ["", "Bearer ", "Basic abc", "a-key"])
def test_no_bearer_token_is_refused(api, header):
    api.session.headers["Authorization"] = header
    detail = api.refused("GET", "tasks", 401)
    assert "API key" in detail


def test_only_the_key_it_was_started_with_is_accepted(connect):
    with running_emulator(api_key="right", seed_spans=0) as emulator:
        assert connect(emulator, "wrong").send("GET", "tasks").status_code == 401
        assert connect(emulator, "right").send("GET", "tasks").status_code == 200


def test_a_refusal_is_a_problem_document(api):
    reply = api.send("GET", "tasks/bm9wZQ==")
    problem = reply.json()
    assert reply.status_code == problem["status"] == 400
    assert problem["title"] == "Invalid request"
    assert problem["type"].endswith("#invalid-request")
    assert problem["instance"] == "/v2/tasks/bm9wZQ=="
    assert problem["request_id"] == reply.headers["x-request-id"]
    assert "bm9wZQ==" in problem["detail"]


def test_a_well_formed_but_unknown_id_is_not_found(api):
    assert "task T25saW5lVGFzazo5OTpBQUFB not found" in api.refused("GET", "tasks/T25saW5lVGFzazo5OTpBQUFB", 404)


def test_unknown_paths_and_methods(api):
    assert "no such endpoint" in api.refused("GET", "nothing", 404)
    assert "not allowed" in api.refused("PUT", "tasks", 405)


def test_what_is_not_json_is_refused(api):
    assert "not valid JSON" in api.send("POST", "tasks", data="{", headers={"Content-Type": "application/json"}).text
    assert "Content-Type" in api.send("POST", "tasks", data="name=x").text


def test_the_date_header_is_the_servers_own_clock(api):
    api.control.configure(clock_offset_seconds=3600)
    task = api.send("POST", "tasks", json=api.body())
    date = parsedate_to_datetime(task.headers["Date"]).timestamp()
    assert date == pytest.approx(time.time() + 3600, abs=30)
    created = task.json()["created_at"]
    assert created.endswith("Z")
    assert len(created) == len("2026-11-10T00:00:00.000Z")
    assert time.strftime("%Y-%m-%dT%H", time.gmtime(date)) == created[:13]


def test_pages_follow_each_other_without_gap_or_repetition(api):
    for number in range(7):
        api.task(f"task {number}")
    seen, cursor, pages = [], None, 0
    while True:
        page = api.get("tasks", limit=3, **({"cursor": cursor} if cursor else {}))
        seen += [task["name"] for task in page["tasks"]]
        pages += 1
        cursor = page["pagination"].get("next_cursor")
        assert page["pagination"]["has_more"] is (cursor is not None)
        if cursor is None:
            break
    assert pages == 3
    assert sorted(seen) == [f"task {number}" for number in range(7)]


def test_new_runs_do_not_shift_the_pages_that_follow(api):
    task = api.task()
    first = [api.window(task, override_evaluations=True)["id"] for _ in range(4)]
    page = api.get(f"tasks/{task}/runs", limit=2)
    api.window(task, override_evaluations=True)
    rest = api.get(f"tasks/{task}/runs", limit=50, cursor=page["pagination"]["next_cursor"])
    assert [run["id"] for run in page["task_runs"] + rest["task_runs"]] == first[::-1]


@pytest.mark.parametrize("oldest_first", [False, True])
def test_runs_are_listed_in_the_order_that_is_set(api, oldest_first):
    api.control.configure(oldest_first=oldest_first)
    task = api.task()
    made = [api.window(task, override_evaluations=True)["id"] for _ in range(5)]
    pages: list[str] = []
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        page = api.get(f"tasks/{task}/runs", limit=2, **cursor)
        pages += [run["id"] for run in page["task_runs"]]
        more = page["pagination"].get("next_cursor")
        cursor = {"cursor": more} if more else None
    assert pages == (made if oldest_first else made[::-1])


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"cursor": "bm9wZQ=="}, "cursor"),
        ({"cursor": "%%"}, "cursor"),
        ({"name": "x" * 256}, "name"),
        ({"space_id": "demo-space"}, "space_id"),
        ({"type": "template_evaluation"}, "type"),
        ({"nonsense": "1"}, "nonsense"),
    ],
)
def test_bad_queries_are_refused(api, query, word):
    assert word in api.refused("GET", "tasks", 400, **query)


@pytest.mark.parametrize("scope", ["space_id", "project_id", "dataset_id"])
def test_a_list_in_an_unknown_scope_is_not_found(api, scope):
    assert "not found" in api.refused("GET", "tasks", 404, **{scope: "U3BhY2U6OTpBQUFB"})


def test_names_match_as_a_part_whatever_the_case(api):
    api.task("Nightly Quality")
    api.task("other")
    assert [task["name"] for task in api.get("tasks", name="LY QU")["tasks"]] == ["Nightly Quality"]
    assert len(api.get("tasks", space_name="DEMO")["tasks"]) == 2
    assert api.get("tasks", space_name="elsewhere")["tasks"] == []


def test_the_seeded_world_has_one_of_everything(api):
    assert [space["name"] for space in api.get("spaces")["spaces"]] == ["demo-space"]
    assert {e["type"] for e in api.get("evaluators")["evaluators"]} == {"TEMPLATE", "CODE"}
    assert api.get("ai-integrations")["ai_integrations"][0]["provider"] == "OPEN_AI"
    assert {item["type"] for item in api.get("integrations")["integrations"]} == {"LLM", "AGENT"}
    assert len(api.get(f"datasets/{api.dataset}/examples", limit=500)["examples"]) == 50
    versions = api.get(f"datasets/{api.dataset}")["versions"]
    assert [version["name"] for version in versions] == ["v1"]


def test_a_bare_start_holds_a_month_of_spans():
    world = World()
    seed(world)
    store = next(iter(world.spans.values()))
    first, last = store.spans[0].time_ms, store.spans[-1].time_ms
    assert len(store) == 3000
    assert 29.9 < (last - first) / DAY_MS < 30
    assert last <= world.clock.now_ms()


def test_details_of_an_evaluator_carry_its_version(api):
    evaluator = api.id("evaluators", "correctness")
    first = api.get(f"evaluators/{evaluator}")["version"]
    assert first["template_config"]["data_granularity"] == "SPAN"
    newer = api.control.add("evaluator_version", "", evaluator="correctness")
    assert api.get(f"evaluators/{evaluator}")["version"]["id"] == newer
    assert api.get(f"evaluators/{evaluator}", version_id=first["id"])["version"]["id"] == first["id"]
    listed = api.get(f"evaluators/{evaluator}/versions")["evaluator_versions"]
    assert [version["id"] for version in listed] == [newer, first["id"]]
    assert api.get(f"evaluator-versions/{newer}")["id"] == newer


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--api-level", "eight"], "eight"),
        (["--api-level", "8.7"], "8.7"),
        (["--seed-spans", "no-file"], "no such file"),
        (["--run-seconds", "soon"], "a number of seconds"),
        (["--run-seconds", "nan"], "a number of seconds"),
        (["--run-seconds", "-1"], "a number of seconds"),
        (["--port", "99999"], "between 0 and 65535"),
        (["--port", "http"], "between 0 and 65535"),
    ],
)
def test_a_wrong_option_is_named(arguments, says, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--port", "0", *arguments])
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert f"{arguments[0]}: " in told
    assert says in told


@pytest.mark.parametrize(
    "content",
    ["not json", '[{"tim": "2026-01-05T10:00:00Z"}]', '{"time": "yesterday"}', "[1]", '{"time": 1, "attributes": 2}'],
)
def test_a_file_that_holds_no_spans_is_named(content, tmp_path, capsys):
    file = tmp_path / "spans.json"
    file.write_text(content)
    with pytest.raises(SystemExit) as stopped:
        main(["--port", "0", "--seed-spans", str(file)])
    assert stopped.value.code == 2
    assert f"--seed-spans: {file} holds no spans" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_an_address_it_cannot_listen_on_is_named(host, emulator, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--host", host, "--port", str(emulator.port), "--seed-spans", "0"])
    assert f"cannot listen on {host}:{emulator.port}: " in str(stopped.value.code)


def test_the_url_of_an_ipv6_address_is_one():
    assert Server(World(), "::1", 8899, None, lambda _: None).url == "http://[::1]:8899"


def test_an_option_of_none_is_left_to_its_default(connect):
    with running_emulator(seed_spans=0, api_key=None) as emulator:
        assert connect(emulator, "any-key").send("GET", "spaces").status_code == 200


def test_spans_can_come_from_a_file(tmp_path):
    file = tmp_path / "spans.jsonl"
    file.write_text(
        '{"time": "2026-01-05T10:00:00Z", "attributes": {"attributes.tier": "gold"}}\n'
        '{"time": "2026-01-05T11:00:00+01:00", "project": "other", "id": "my-span"}\n'
    )
    with running_emulator(seed_spans=file) as emulator:
        assert emulator.control.status()["spans"] == {"demo-project": 1, "other": 1}
        ledger = emulator.control.ledger(project="other", evaluators=["correctness"], details=True)
        assert ledger["labels"] == [{"span_id": "my-span", "time": "2026-01-05T10:00:00.000Z", "labels": []}]
