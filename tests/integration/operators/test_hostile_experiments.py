"""What models and users write, and what no server should send, in every place of an experiment and of a refusal.

Whatever it is: no crash, and nothing of it reaches a log, a terminal, a report, an XCom or an asset event as it came.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_arize_tasks.__main__ import main
from airflow_provider_arize_tasks.client.incoming import clean_text
from airflow_provider_arize_tasks.operators.cancel_run import ArizeCancelTaskRunOperator
from airflow_provider_arize_tasks.operators.experiments import ArizeCheckExperimentOperator
from airflow_provider_arize_tasks.operators.runs import ArizeTriggerEvaluationRunOperator
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.fuzz.replies import POISON
from tests.integration.fuzz.reported import ACTIVE, Nested, is_plain, storable
from tests.integration.fuzz.test_replies import is_one_line
from tests.integration.operators.conftest import DATASET, SPACE
from tests.integration.operators.support import NO_RUN, be_impatient, retry_requests_briefly

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook
    from airflow_provider_arize_tasks.windows.window import Window

NUMBERS = [2**63, 2**70, -(10**30), 1e308, "0.5", "NaN", True, [], {"score": 1}]
NAMES = [
    "half \ud83d an emoji\x00",
    "fine\n[2026-11-24] ERROR - all is lost\x1b[2J\u202e",
    "</title><script>x()</script>",
]


class Events:
    """Airflow's accessor of the events of assets, as it encodes their extras."""

    def __init__(self) -> None:
        self.extra: dict[str, Any] = {}

    def __getitem__(self, _: Any) -> Events:
        return self


def row(number: int, score: Any, text: str) -> dict[str, Any]:
    """A row with the same text in every place that takes one."""
    return {
        "id": f"row {number} {text}",
        "example_id": f"{number} {text}",
        "output": text,
        "error": text if number % 5 == 4 else None,
        "eval.correctness.score": score,
        "eval.correctness.label": text,
        "eval.correctness.explanation": text,
        f"eval.{text[:40]}.score": score,
        "evaluations": {text[:40]: {"score": score, "label": text}},
        text: text,
    }


@pytest.fixture
def staged(emulator: EmulatorProcess, hook: ArizeHook, experiment_task: str) -> dict[str, str]:
    """Two experiments, ``before`` and ``hostile``: rows of every poison, and in the second also every odd number."""
    emulator.control.configure(run_seconds=0.02, pending_seconds=0)
    texts = [*POISON, *POISON]
    ids = {}
    for name in ("before", "hostile"):
        run = hook.wait_for_run(hook.trigger_run(task=experiment_task, experiment_name=name).id, poll_interval=0.02)
        ids[name] = str(run.experiment_id)
        scores = [0.9] * len(texts) if name == "before" else ([*NUMBERS, 0.1, 0.2] * 4)[: len(texts)]
        rows = [row(number, score, text) for number, (score, text) in enumerate(zip(scores, texts, strict=True))]
        path = f"^/v2/experiments/{quote(ids[name])}/runs"
        body = {"experiment_runs": rows, "pagination": {"has_more": False}}
        emulator.control.inject("status", status=200, method="GET", path=path, body=body, times=None)
    examples = [{"id": f"{number} {text}", "question": text, text: text} for number, text in enumerate(texts)]
    answer = {"examples": examples, "pagination": {"has_more": False}}
    emulator.control.inject("status", status=200, method="GET", path="/examples", body=answer, times=None)
    return ids


def call_it(emulator: EmulatorProcess, experiment_id: str, name: str) -> None:
    emulator.control.inject(
        "edit", method="GET", path=f"^/v2/experiments/{quote(experiment_id)}$", set={"name": name}, times=None
    )


def check_result(result: TaskResult, caplog: pytest.LogCaptureFixture, shown: str) -> None:
    """What Airflow keeps of a task can be kept, and what a person reads of it is lines of plain text."""
    assert storable(result.xcoms)
    json.dumps(result.xcoms, ensure_ascii=False, allow_nan=False).encode()
    assert result.xcoms
    for record in caplog.records:
        if record.name.startswith(("airflow_provider_arize_tasks", "airflow.task")):
            for line in record.getMessage().split("\n"):  # a table of several lines is the provider's own
                assert is_one_line(line), line
    assert is_plain(shown)
    if result.error is not None:
        assert is_plain(str(result.error))


@pytest.mark.parametrize("name", NAMES)
def test_a_check_of_a_hostile_experiment(
    name: str,
    staged: dict[str, str],
    emulator: EmulatorProcess,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_it(emulator, staged["hostile"], name)
    events = Events()
    operator = ArizeCheckExperimentOperator(
        task_id="check", experiment=staged["hostile"], baseline=staged["before"], dataset=DATASET, space=SPACE,
        slice_by="question", wait_for_scores=0, report_path=str(tmp_path), outlets=[Asset("x-arize://quality")],
        on_failure="fail", min_score={"correctness": 0.5},
    )  # fmt: skip
    with caplog.at_level(logging.DEBUG):
        result = run_task(operator, context={"outlet_events": events})
    assert result.state == "failed"
    assert "correctness" in result.xcoms["return_value"]["evaluators"]
    shown = capsys.readouterr().out  # where Airflow 3 writes what tasks log, if nobody takes it
    check_result(result, caplog, shown)
    assert "fine ERROR - forged line" in caplog.text + shown
    kinds = {path.suffix: path.read_bytes().decode() for path in tmp_path.iterdir()}
    assert set(kinds) == {".html", ".md", ".json"}
    assert "half" in kinds[".html"] or "fine" in kinds[".html"]
    assert not ACTIVE & Nested(kinds[".html"]).tags
    assert is_plain(kinds[".html"] + kinds[".md"])
    assert storable(json.loads(kinds[".json"]))
    assert storable(events.extra)


def test_a_check_that_passes_tells_its_asset(staged: dict[str, str], emulator: EmulatorProcess) -> None:
    call_it(emulator, staged["before"], NAMES[0])
    events = Events()
    operator = ArizeCheckExperimentOperator(
        task_id="check", experiment=staged["before"], baseline=None, dataset=DATASET, space=SPACE, wait_for_scores=0,
        outlets=[Asset("x-arize://quality")], min_coverage=None, max_error_rate=None,
    )  # fmt: skip
    result = run_task(operator, context={"outlet_events": events})
    assert result.state == "success", result.error
    assert events.extra["experiment_name"] == clean_text(NAMES[0])
    assert storable(events.extra)


@pytest.mark.parametrize("name", NAMES)
def test_a_terminal(
    name: str,
    staged: dict[str, str],
    emulator: EmulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ARIZE_API_KEY", "key")
    monkeypatch.setenv("ARIZE_API_HOST", emulator.url)
    monkeypatch.setenv("ARIZE_SPACE", SPACE)
    call_it(emulator, staged["hostile"], name)
    arguments = ["--experiment", staged["hostile"], "--baseline", staged["before"], "--dataset", DATASET]
    assert main(["check", *arguments, "--wait-for-scores", "0", "--min-score", "correctness=0.5"]) == 1
    shown = capsys.readouterr()
    assert "correctness" in shown.out
    assert is_plain(shown.out + shown.err)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_rows_that_are_no_json_are_refused_with_a_message(
    score: float, staged: dict[str, str], emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    retry_requests_briefly(monkeypatch)
    emulator.control.clear_faults()
    body = {"experiment_runs": [row(1, score, "fine")], "pagination": {"has_more": False}}
    emulator.control.inject("status", status=200, method="GET", path="/runs", body=body, times=None)
    operator = ArizeCheckExperimentOperator(
        task_id="check", experiment=staged["hostile"], baseline=None, dataset=DATASET, space=SPACE, wait_for_scores=0
    )
    result = run_task(operator)
    assert result.state == "failed"
    assert "which is no number" in str(result.error)


@pytest.mark.parametrize("text", POISON)
def test_the_reason_of_a_failed_run(
    text: str,
    emulator: EmulatorProcess,
    evaluation_task: str,
    window: Window,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    emulator.control.configure(run_seconds=0.02, pending_seconds=0)
    emulator.control.set_outcome("FAILED", reason=text)
    operator = ArizeTriggerEvaluationRunOperator(
        task_id="evaluate", task=evaluation_task, poll_interval=0.05, data_start_time=window.start,
        data_end_time=window.end,
    )  # fmt: skip
    with caplog.at_level(logging.DEBUG):
        result = run_task(operator)
    assert result.state == "failed"
    check_result(result, caplog, capsys.readouterr().out)
    assert storable([deferral["kwargs"] for deferral in result.deferrals])
    assert "FAILED" in str(result.error)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 500])
def test_a_problem_document_of_all_of_it(
    status: int,
    emulator: EmulatorProcess,
    evaluation_task: str,
    window: Window,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    retry_requests_briefly(monkeypatch)
    be_impatient(monkeypatch)
    texts = " ".join(text for text in POISON if len(text) < 100)
    body = {
        "status": 2**70, "title": texts, "detail": texts, "request_id": texts, "error_code": texts, "type": texts,
        "limit": 10**300, "entitlement": {texts: [texts, 2**64]},
    }  # fmt: skip
    emulator.control.inject("status", status=status, body=body, path="^/v2/task", times=None)
    window_of: dict[str, Any] = {"data_start_time": window.start, "data_end_time": window.end}
    with caplog.at_level(logging.DEBUG):
        results = [
            run_task(ArizeTriggerEvaluationRunOperator(task_id="evaluate", task=evaluation_task, **window_of)),
            run_task(ArizeCancelTaskRunOperator(task_id="cancel", run_id=NO_RUN)),
        ]
    for result in results:
        assert result.error is not None
        assert is_one_line(str(result.error)), str(result.error)
        assert storable(result.xcoms)
        assert len(str(result.error)) < 4000
    for record in caplog.records:
        if record.name.startswith("airflow_provider_arize_tasks"):
            assert is_one_line(record.getMessage())
