"""``python -m airflow_provider_arize_tasks check`` against the emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.__main__ import main
from airflow_provider_arize_tasks.client.api import ArizeApi
from airflow_provider_arize_tasks.client.config import ClientConfig
from airflow_provider_arize_tasks.client.sync import ArizeClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess

SPACE, DATASET = "demo-space", "demo-dataset"


@pytest.fixture
def api(emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArizeApi]:
    monkeypatch.setenv("ARIZE_API_KEY", "key")
    monkeypatch.setenv("ARIZE_API_HOST", emulator.url)
    monkeypatch.setenv("ARIZE_SPACE", SPACE)
    emulator.control.configure(run_seconds=0.02, pending_seconds=0)
    with ArizeClient(ClientConfig(api_key="key", base_url=emulator.url, space=SPACE)) as client:
        yield ArizeApi(client)


@pytest.fixture
def night(api: ArizeApi, emulator: EmulatorProcess) -> Callable[..., str]:
    integration = next(iter(api.list_ai_integrations(space=SPACE))).id
    task = api.create_run_experiment_task(
        name="nightly",
        dataset=DATASET,
        space=SPACE,
        run_configuration={
            "experiment_type": "LLM_GENERATION",
            "ai_integration_id": integration,
            "model_name": "gpt-4o",
            "input_variable_format": "F_STRING",
            "messages": [{"role": "USER", "content": "{input}"}],
        },
    ).id
    first = next(iter(api.iter_experiments(dataset=DATASET, space=SPACE)))
    judge = api.create_evaluation_task(
        name="judge",
        task_type="TEMPLATE_EVALUATION",
        evaluators=[{"evaluator_id": api.resolve_evaluator("correctness", SPACE)}],
        dataset=DATASET,
        experiment_ids=[first.id],
        space=SPACE,
    ).id

    def run(name: str, mean: float = 0.85) -> str:
        emulator.control.set_quality(mean=mean, experiment=f"^{name}$")
        done = api.wait_for_run(api.trigger_run(task=task, experiment_name=name).id, poll_interval=0.02)
        chained = api.trigger_run(task=judge, experiment_ids=[str(done.experiment_id)])
        api.wait_for_run(chained.id, poll_interval=0.02)
        return name

    return run


def check(*arguments: Any) -> int:
    given = ["--task", "nightly", "--dataset", DATASET, "--wait-for-scores", "0", *map(str, arguments)]
    return main(["check", *given])


def test_it_exits_by_the_verdict(night: Any, capsys: pytest.CaptureFixture[str]) -> None:
    night("first")
    assert check("--experiment", night("good")) == 0
    assert "PASSED: experiment good against first" in capsys.readouterr().out
    assert check("--experiment", night("bad", 0.3)) == 1
    assert "failed  correctness: mean score fell by" in capsys.readouterr().out
    assert check("--experiment", "good", "--rule-out", "0.02") == 2
    assert "INCONCLUSIVE" in capsys.readouterr().out
    assert check("--experiment", "good", "--rule-out", "0.02", "--on-inconclusive", "pass") == 0


def test_a_mistake_is_none_of_the_verdicts(night: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--experiment", "never ran") == 3
    assert check("--experiment", night("first"), "--max-drop", "correctness=lots") == 3
    assert "max_drop['correctness'] must be a number" in capsys.readouterr().err
    with pytest.raises(SystemExit) as usage:
        check()
    assert usage.value.code == 3


def test_it_writes_the_same_report_and_json(night: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night("first")
    limits = ("--min-score", "correctness=0.999", "--max-drop", "0.02", "--max-drop", "correctness=0.1")
    assert check("--experiment", night("good"), "--json", "--report", tmp_path / "quality", *limits) == 1
    out = capsys.readouterr().out  # on Airflow 2 its own log is written there too
    printed, _ = json.JSONDecoder().raw_decode(out, out.index("{\n"))
    assert printed["outcome"] == "failed"
    written = {path.suffix: path for path in (tmp_path / "quality").iterdir()}
    assert sorted(written) == [".html", ".json", ".md"]
    assert sorted(printed["reports"].values()) == sorted(map(str, written.values()))
    document = json.loads(written[".json"].read_text())
    assert document["schema"] == 1
    assert document["conditions"]["max_drop"] == {"*": 0.02, "correctness": 0.1}
    assert {path.stat().st_mode & 0o777 for path in written.values()} == {0o600}
    assert len(written[".md"].read_text()) < 5_000
