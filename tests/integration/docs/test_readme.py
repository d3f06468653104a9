"""The example of the README runs as it stands there, and the README names what there is."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from airflow_provider_arize_tasks.testing.runner import run_task
from tests.integration.contract.cases import CLASSES

REPOSITORY = Path(__file__).parents[3]
README = (REPOSITORY / "README.md").read_text()
NOW = datetime.now(timezone.utc).replace(microsecond=0)
DAY = (NOW - timedelta(days=2), NOW - timedelta(days=1))


@pytest.mark.parametrize("when", [{"data_interval": DAY}, {"run_after": NOW}], ids=["scheduled", "by hand"])
def test_the_example(arize_emulator, arize_connection, when):
    (example,) = re.findall(r"^## An example\n\n```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)
    created = run_task(names["task"])
    assert created.state == "success", created.error
    evaluate = names["task"].dag.task_dict["evaluate"]
    result = run_task(evaluate, **when, xcoms={"create": created.value})
    assert (result.state, result.value["status"]) == ("success", "COMPLETED")


def test_readme_first_steps_and_compose_file_share_one_connection_with_a_space():
    found = {}
    for page in ("README.md", "docs/first-steps.md", "docker-compose.yaml"):
        (text,) = re.findall(r"AIRFLOW_CONN_ARIZE_DEFAULT(?:=|: )'(\{.*?\})'", (REPOSITORY / page).read_text())
        found[page] = json.loads(text.replace("http://emulator:", "http://127.0.0.1:"))
    assert found["README.md"] == found["docs/first-steps.md"] == found["docker-compose.yaml"]
    assert found["README.md"]["extra"] == {"space": "demo-space"}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_operator_is_named(name):
    assert f"`{name}`" in README


def test_every_make_target_that_is_named_exists():
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = {
        word
        for command in re.findall(r"(?:^\$ |`)make ([a-z -]+?)\s*(?:#|`|$)", README, re.MULTILINE)
        for word in command.split()
    }
    assert targets > {"demo", "test", "docs"}
    assert [target for target in targets if f"\n{target}:" not in makefile] == []
