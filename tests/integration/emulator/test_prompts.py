"""Prompts of the Prompt Hub, their versions and labels; deletion of experiments."""

from __future__ import annotations

import pytest

MESSAGES = [{"role": "SYSTEM", "content": "Be brief."}, {"role": "USER", "content": "{{question}}"}]


@pytest.fixture
def prompt(api):
    return api.control.add_prompt("support", MESSAGES, input_variable_format="MUSTACHE", model="gpt-4o")


def test_a_prompt_comes_with_its_latest_version(api, prompt):
    found = api.get(f"prompts/{prompt}")
    assert (found["id"], found["name"]) == (prompt, "support")
    version = found["version"]
    assert version["prompt_id"] == prompt
    assert version["messages"] == MESSAGES
    assert (version["input_variable_format"], version["provider"], version["model"]) == (
        "MUSTACHE",
        "OPEN_AI",
        "gpt-4o",
    )
    assert (version["labels"], len(version["commit_hash"])) == ([], 40)
    second = api.control.add_prompt_version("support", model="gpt-4o-mini")
    latest = api.get(f"prompts/{prompt}")["version"]
    assert (latest["id"], latest["model"], latest["messages"]) == (second, "gpt-4o-mini", MESSAGES)
    assert latest["commit_hash"] != version["commit_hash"]
    assert [v["id"] for v in api.get(f"prompts/{prompt}/versions")["prompt_versions"]] == [second, version["id"]]


def test_a_label_moves_from_version_to_version(api, prompt):
    first = api.get(f"prompts/{prompt}")["version"]["id"]
    api.control.move_prompt_label("support", "production")
    second = api.control.add_prompt_version("support", messages=MESSAGES[1:])
    assert api.get(f"prompts/{prompt}", label="production")["version"]["id"] == first
    assert api.get(f"prompts/{prompt}/labels/production")["id"] == first
    api.control.move_prompt_label("support", "production", second)
    assert api.get(f"prompts/{prompt}/labels/production")["labels"] == ["production"]
    assert api.get(f"prompts/{prompt}", version_id=first)["version"]["labels"] == []
    api.control.add_prompt_version("support", label="staging")
    assert api.get(f"prompts/{prompt}", label="production")["version"]["id"] == second
    api.control.remove_prompt_label("support", "production")
    assert "'production'" in api.refused("GET", f"prompts/{prompt}", 404, label="production")
    assert api.refused("GET", f"prompts/{prompt}/labels/Staging", 404)


def test_label_and_version_exclude_each_other(api, prompt):
    version = api.get(f"prompts/{prompt}")["version"]["id"]
    assert api.refused("GET", f"prompts/{prompt}", 400, label="production", version_id=version)
    other = api.control.add_prompt("other", MESSAGES)
    assert api.refused("GET", f"prompts/{other}", 404, version_id=version)


def test_prompts_are_listed_by_update(api, prompt):
    other = api.control.add_prompt("sales", MESSAGES)
    assert [item["id"] for item in api.get("prompts")["prompts"]] == [other, prompt]
    api.control.advance_clock(1)
    api.control.move_prompt_label("support", "production")
    assert [item["id"] for item in api.get("prompts", space_name="demo")["prompts"]] == [prompt, other]
    assert [item["id"] for item in api.get("prompts", name="SALES")["prompts"]] == [other]


def test_prompts_are_written_over_the_api_too(api):
    version = {"commit_message": "first", "provider": "ANTHROPIC", "messages": MESSAGES}
    body = {"space_id": api.id("spaces", "demo-space"), "name": "made", "version": version}
    made = api.post("prompts", body)
    assert made["version"]["commit_message"] == "first"
    assert api.refused("POST", "prompts", 409, body)
    assert "provider" in api.refused("POST", "prompts", 422, {**body, "version": {**version, "provider": "openai"}})
    second = api.post(f"prompts/{made['id']}/versions", version)
    labels = f"prompt-versions/{second['id']}/labels"
    assert api.send("PUT", labels, json={"labels": ["a", "b"]}).json()["labels"] == ["a", "b"]
    assert api.send("DELETE", f"{labels}/a").status_code == 204
    assert api.refused("DELETE", f"{labels}/a", 404)
    assert api.get(f"prompt-versions/{second['id']}")["labels"] == ["b"]
    assert api.send("PATCH", f"prompts/{made['id']}", json={"description": "d"}).json()["description"] == "d"
    assert api.send("DELETE", f"prompts/{made['id']}").status_code == 204
    assert api.refused("GET", f"prompts/{made['id']}", 404)


def test_an_older_server_writes_enums_in_lower_case(at_level):
    old = at_level("8.28")
    prompt = old.control.add_prompt("support", MESSAGES)
    version = old.get(f"prompts/{prompt}")["version"]
    assert (version["provider"], version["input_variable_format"]) == ("open_ai", "f_string")
    assert [message["role"] for message in version["messages"]] == ["system", "user"]


@pytest.mark.parametrize("is_free", [True, False])
def test_a_deleted_experiment_is_gone_and_its_name_free_or_not(api, is_free):
    api.control.configure(free_experiment_names=is_free)
    task = api.experiment_task()
    run = api.ended(api.trigger(task, experiment_name="night"))
    path = f"experiments/{run['experiment_id']}"
    assert api.send("DELETE", path).status_code == 204
    assert api.refused("GET", path, 404)
    assert api.refused("DELETE", path, 404)
    assert [item["name"] for item in api.get("experiments")["experiments"]] == ["baseline"]
    assert api.run(run["id"])["experiment_id"] == run["experiment_id"]
    if is_free:
        assert api.trigger(task, experiment_name="night")
    else:
        assert "already exists" in api.refused("POST", f"tasks/{task}/trigger", 409, {"experiment_name": "night"})
