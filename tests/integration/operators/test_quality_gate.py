"""The sentences that a gate must not make true: what it lets into its baseline, and what it counts."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.operators.experiments import ArizeCheckExperimentOperator
from airflow_provider_arize_tasks.quality.decision import keep_decision
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import DATASET, SPACE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook


@pytest.fixture
def night(emulator: EmulatorProcess, hook: ArizeHook, experiment_task: str) -> Callable[..., dict[str, Any]]:
    """Runs one experiment and its evaluation; returns the result a trigger operator would hand on."""
    emulator.control.configure(run_seconds=0.02, pending_seconds=0)
    first = next(iter(hook.iter_experiments(dataset=DATASET, space=SPACE)))
    judge = hook.create_evaluation_task(
        name="judge correctness",
        task_type="TEMPLATE_EVALUATION",
        evaluators=[{"evaluator_id": hook.resolve_evaluator("correctness", SPACE)}],
        dataset=DATASET,
        experiment_ids=[first.id],
        space=SPACE,
    ).id

    def run(name: str, *, mean: float | None = None, answers: dict | None = None, **more: Any) -> dict[str, Any]:
        quality = {key: more.pop(key) for key in ("missing", "not_parsable", "late_seconds") if key in more}
        if mean is not None or quality:
            emulator.control.set_quality(mean=0.85 if mean is None else mean, experiment=f"^{name}$", **quality)
        if answers:
            emulator.control.set_answers(experiment=f"^{name}$", **answers)
        done = hook.trigger_run(task=experiment_task, experiment_name=name, **more)
        done = hook.wait_for_run(done.id, poll_interval=0.02)
        chained = hook.trigger_run(task=judge, experiment_ids=[done.experiment_id])
        hook.wait_for_run(chained.id, poll_interval=0.02)
        return {"id": done.id, "task_id": experiment_task, "experiment_id": done.experiment_id}

    return run


def check(experiment: Any, **arguments: Any) -> TaskResult:
    given = {"space": SPACE, "retries": 3, "wait_for_scores": 0, **arguments}
    context = given.pop("context", None)
    return run_task(ArizeCheckExperimentOperator(task_id="check", experiment=experiment, **given), context=context)


def names(result: TaskResult) -> list[str]:
    return [one["name"] for one in result.xcoms["return_value"]["baseline"]]


def outcomes(result: TaskResult, kind: str = "failures") -> list[str]:
    return [finding["outcome"] for finding in result.xcoms["return_value"][kind]]


class Store(dict):
    """As Airflow's state store of an asset."""

    def set(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))


class TestWhatEntersTheBaseline:
    def test_a_regression_that_nobody_mends_is_blocked_every_night(self, night: Any) -> None:
        for index in range(3):
            night(f"good{index}")
        states = [check(night(f"bad{index}", mean=0.3)).state for index in range(8)]
        assert states == ["failed"] * 8  # more than the seven that are pooled

    def test_it_is_compared_with_the_good_nights_until_it_is_mended(self, night: Any) -> None:
        for index in range(3):
            night(f"good{index}")
        night("bad0", mean=0.3)
        again = check(night("bad1", mean=0.3))
        assert names(again) == ["good2", "good1", "good0"]
        mended = check(night("mended"))
        assert mended.state == "success"
        assert names(check(night("after"))) == ["mended", "good2", "good1", "good0"]

    def test_a_cleared_run_is_not_compared_with_its_own_attempt(self, night: Any) -> None:
        night("good")
        night("tonight", mean=0.3)
        again = check(night("tonight-r2", mean=0.3))
        assert again.state == "failed"
        assert names(again) == ["good"]

    def test_not_even_where_that_attempt_passed(self, night: Any) -> None:
        night("good")
        night("tonight")
        assert names(check(night("tonight-r2"))) == ["good"]
        # And later on the two attempts count once.
        assert names(check(night("tomorrow"))) == ["tonight-r2", "good"]

    def test_a_smoke_run_neither_passes_nor_counts(self, night: Any) -> None:
        night("good")
        smoke = check(night("smoke", max_examples=5))
        assert smoke.state == "failed"
        assert "coverage_too_low" in outcomes(smoke)
        bad = check(night("bad", mean=0.3))
        assert bad.state == "failed"
        assert names(bad) == ["good"]
        assert bad.xcoms["return_value"]["evaluators"]["correctness"]["change"]["examples"] == 50

    def test_a_person_accepts_the_new_normal(self, night: Any) -> None:
        night("good")
        assert check(night("bad0", mean=0.3)).state == "failed"
        since = datetime.now(timezone.utc)
        tonight = night("bad1", mean=0.3)
        assert check(tonight).state == "failed"
        assert check(night("bad2", mean=0.3), accept_since=since.isoformat()).state == "success"
        worse = check(night("worse", mean=0.02), accept_since=since)
        assert worse.state == "failed"
        assert names(worse) == ["bad2", "bad1"]

    def test_a_slide_is_stopped_by_a_pinned_reference(self, night: Any) -> None:
        night("golden", mean=0.95)
        since = datetime.now(timezone.utc)
        night("worse", mean=0.5)
        tonight = night("tonight", mean=0.5)
        assert check(tonight, accept_since=since).state == "success"
        pinned = check(tonight, accept_since=since, reference="golden")
        assert outcomes(pinned) == ["dropped_from_reference"]


class TestWhatCounts:
    @pytest.mark.parametrize("answers", [{"vanished": 0.6}, {"app_errors": 0.6}])
    def test_sixty_of_a_hundred_examples_that_are_gone_fail(self, night: Any, answers: dict) -> None:
        for index in range(2):
            night(f"good{index}")
        result = check(night("tonight", answers=answers))
        assert result.state == "failed"
        assert "coverage_too_low" in outcomes(result)
        assert "score_dropped" in outcomes(result)  # of the share that was answered
        lenient = check("tonight", dataset=DATASET, task="nightly", min_coverage=None, max_error_rate=None)
        assert lenient.state == "failed"
        assert "answered without error: share of examples fell by 0.6" in str(lenient.error)

    def test_a_typo_in_good_labels_is_no_zero_that_passes(self, night: Any) -> None:
        night("good")
        result = check(night("tonight"), good_labels={"correctness": "corect"})
        assert outcomes(result) == ["unknown_label"]
        assert "good_labels names 'corect', which it never gave" in str(result.error)
        assert (
            check("tonight", dataset=DATASET, task="nightly", good_labels={"correctness": "correct"}).state == "success"
        )

    def test_what_a_judge_says_that_cannot_be_read_is_missing_not_bad(self, night: Any) -> None:
        night("good", mean=1.0)
        result = check(night("tonight", mean=1.0, not_parsable=0.06))
        assert result.state == "success", result.error
        found = result.value["evaluators"]["correctness"]
        assert found["score"] == 1.0
        assert 0 < found["unparsable"] <= 5
        assert found["scored"] == 50 - found["unparsable"]

    def test_scores_that_are_late_are_looked_at_again(self, night: Any) -> None:
        tonight = night("tonight", late_seconds=1.5)
        assert check(tonight).state == "failed"
        patient = check(tonight, wait_for_scores="20s")
        assert patient.state == "success", patient.error
        assert patient.value["evaluators"]["correctness"]["scored"] == 50

    def test_what_can_not_be_ruled_out_is_inconclusive(self, night: Any) -> None:
        night("good")
        tonight = night("tonight")
        unsure = check(tonight, rule_out=0.02)
        assert unsure.state == "failed"
        assert unsure.xcoms["return_value"]["outcome"] == "inconclusive"
        assert "is inconclusive" in str(unsure.error)
        let = check(tonight, rule_out=0.02, on_inconclusive="pass")
        assert let.state == "success"
        assert let.value["outcome"] == "inconclusive"

    def test_clusters_widen_the_interval(self, night: Any, emulator: EmulatorProcess) -> None:
        night("good")
        tonight = night("tonight")
        alone = check(tonight).value["evaluators"]["correctness"]["change"]
        by_topic = check(tonight, cluster_by="topic").value["evaluators"]["correctness"]["change"]
        assert alone["clusters"] is None
        assert by_topic["clusters"] < 50
        wrong = check(tonight, cluster_by="nothing")
        assert "is no column of the dataset's examples" in str(wrong.error)
        assert wrong.state == "failed"


class TestWhatElseChanged:
    def test_another_version_of_an_evaluator_is_not_pooled(
        self, night: Any, emulator: EmulatorProcess, hook: ArizeHook
    ) -> None:
        night("good")
        config = {"name": "correctness", "classification_choices": {"correct": 1, "incorrect": 0}}
        emulator.control.add("evaluator_version", "v2", evaluator="correctness", config=config)
        result = check(night("tonight"))
        assert result.state == "success"
        assert "judge_changed" in outcomes(result, "remarks")
        assert result.value["evaluators"]["correctness"]["left_out"] == 1
        assert any("version of evaluator correctness" in line for line in result.value["changes"])

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"model_name": "gpt-5"}, "model gpt-5"),
            ({"messages": [{"role": "USER", "content": "Answer at length: {question}"}]}, "prompt "),
            ({"invocation_parameters": {"temperature": 0.9}}, "temperature 0.9"),
        ],
        ids=["model", "prompt", "parameters"],
    )
    def test_another_setup_is_named(
        self, night: Any, hook: ArizeHook, experiment_task: str, change: dict[str, Any], named: str
    ) -> None:
        night("good")
        configuration = dict(hook.get_task(experiment_task).run_configuration or {})
        hook.update_task(experiment_task, run_configuration={**configuration, **change})
        result = check(night("tonight"))
        assert "setup_changed" in outcomes(result, "remarks")
        assert named in " ".join(result.value["changes"])

    def test_another_version_of_the_dataset_is_named(self, night: Any, emulator: EmulatorProcess) -> None:
        night("good")
        known = emulator.control.experiments()[-1]["rows"]
        examples = [{"id": row["example_id"], "question": "?"} for row in known]
        emulator.control.add("dataset_version", "v2", dataset=DATASET, examples=examples)
        result = check(night("tonight"))
        assert "dataset_changed" in outcomes(result, "remarks")
        assert any("version of the dataset" in line for line in result.value["changes"])


class TestTheRecord:
    def test_a_verdict_on_record_counts_for_as_long_as_the_conditions_stay(self, night: Any) -> None:
        from airflow.providers.common.compat.sdk import Asset

        context = pytest.importorskip("airflow.sdk.execution_time.context", reason="there is a store from 3.3 on only")
        if not hasattr(context, "AssetStateStoreAccessors"):
            pytest.skip("there is a store from 3.3 on only; before, an asset could not even be a key of one")
        asset, store = Asset("arize://quality"), Store()
        given = {"asset_state_store": {asset: store}, "outlet_events": context.OutletEventAccessors()}
        shared: dict[str, Any] = {"outlets": [asset], "context": given}
        night("good")
        tonight = night("bad", mean=0.3)
        assert check(tonight, **shared).state == "failed"
        (kept,) = store.values()
        entry = kept["experiments"][tonight["experiment_id"]]
        assert entry["passed"] is False
        # A person lets it pass: from then on it counts, whoever asks.
        decision = keep_decision(
            check(tonight, **shared).xcoms["return_value"],
            promoted=True,
            by="ada",
            context={**shared["context"], "task": type("Task", (), {"outlets": [asset]})()},
        )
        assert decision["decided_by"] == "ada"
        assert names(check(night("next", mean=0.3), **shared)) == ["bad", "good"]
        assert names(check("next", dataset=DATASET, task="nightly")) == ["good"]  # without the store: by replay

    def test_a_store_that_fails_costs_a_replay_and_no_verdict(self, night: Any) -> None:
        from airflow.providers.common.compat.sdk import Asset

        class Broken:
            def get(self, *_: Any) -> Any:
                raise RuntimeError("down")

            set = get

        context = pytest.importorskip("airflow.sdk.execution_time.context", reason="there is a store from 3.3 on only")
        if not hasattr(context, "AssetStateStoreAccessors"):
            pytest.skip("there is a store from 3.3 on only; before, an asset could not even be a key of one")
        asset = Asset("arize://quality")
        night("good")
        given = {"asset_state_store": {asset: Broken()}, "outlet_events": context.OutletEventAccessors()}
        result = check(night("tonight"), outlets=[asset], context=given)
        assert result.state == "success", result.error
        assert names(result) == ["good"]

    def test_a_decision_is_kept_beside_the_report(self, night: Any, tmp_path: Path) -> None:
        night("good")
        result = check(night("tonight"), rule_out=0.02, report_path=str(tmp_path))
        keep_decision(result.xcoms["return_value"], promoted=False, by="grace")
        (kept,) = tmp_path.glob("*.decision.json")
        assert json.loads(kept.read_text())["decided_by"] == "grace"
        assert json.loads(kept.read_text())["verdict"] == "inconclusive"


class TestBranches:
    def test_an_inconclusive_night_takes_its_own_branch(self, night: Any) -> None:
        pytest.importorskip("airflow.sdk", reason="Airflow 2 writes skips to its database, there is none here")
        from airflow.providers.common.compat.sdk import DAG, BaseOperator

        night("good")
        with DAG("branching", schedule=None):
            operator = ArizeCheckExperimentOperator(
                task_id="check",
                experiment=night("tonight"),
                space=SPACE,
                rule_out=0.02,
                on_failure="branch",
                tasks_if_failed="page",
                tasks_if_inconclusive="ask",
                wait_for_scores=0,
            )
            operator >> [BaseOperator(task_id=name) for name in ("promote", "page", "ask")]
        skipped = getattr(run_task(operator).error, "tasks", [])
        assert {one[0] if isinstance(one, tuple) else one for one in skipped} == {"promote", "page"}
