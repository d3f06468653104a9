"""The quality check of an experiment, driven against the emulator."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Asset, BaseOperator, TaskGroup

from airflow_provider_arize_tasks.client.errors import ArizeConfigError, ArizeError, ArizeValidationError
from airflow_provider_arize_tasks.exceptions import ArizeQualityError
from airflow_provider_arize_tasks.operators.experiments import ArizeCheckExperimentOperator
from airflow_provider_arize_tasks.quality import reading as experiment_reading
from airflow_provider_arize_tasks.testing.runner import TaskResult, run_task
from tests.integration.operators.conftest import DATASET, SPACE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_arize_tasks.emulator.process import EmulatorProcess
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

#: Runs one experiment and its evaluations in the emulator; returns the result a trigger operator would hand on.
Night = "Callable[..., dict[str, Any]]"


@pytest.fixture
def night(emulator: EmulatorProcess, hook: ArizeHook, experiment_task: str) -> Callable[..., dict[str, Any]]:
    emulator.control.configure(run_seconds=0.02, pending_seconds=0)
    first = next(iter(hook.iter_experiments(dataset=DATASET, space=SPACE)))
    evaluations = [
        hook.create_evaluation_task(
            name=f"judge {evaluator}",
            task_type="TEMPLATE_EVALUATION",
            evaluators=[{"evaluator_id": hook.resolve_evaluator(evaluator, SPACE)}],
            dataset=DATASET,
            experiment_ids=[first.id],
            space=SPACE,
        ).id
        for evaluator in ("correctness", "hallucination")
    ]

    def run(name: str, *, evaluators: int = 2, mean: float | None = None, **trigger: Any) -> dict[str, Any]:
        if mean is not None:
            emulator.control.set_quality(mean=mean, experiment=f"^{name}$")
        done = hook.trigger_run(task=experiment_task, experiment_name=name, **trigger)
        done = hook.wait_for_run(done.id, poll_interval=0.02)
        for task in evaluations[:evaluators]:
            chained = hook.trigger_run(task=task, experiment_ids=[done.experiment_id])
            hook.wait_for_run(chained.id, poll_interval=0.02)
        return {"id": done.id, "task_id": experiment_task, "experiment_id": done.experiment_id}

    return run


def check(**arguments: Any) -> ArizeCheckExperimentOperator:
    return ArizeCheckExperimentOperator(
        task_id="check", **{"space": SPACE, "retries": 3, "wait_for_scores": 0, **arguments}
    )


def failed_with(result: TaskResult) -> str:
    assert result.state == "failed"  # not up_for_retry, although there are retries left
    assert isinstance(result.error, ArizeQualityError)
    assert isinstance(result.error, AirflowFailException)
    assert isinstance(result.error, ArizeError)
    return str(result.error)


class TestVerdict:
    def test_seven_good_nights_pass_and_a_bad_one_fails_for_good(self, night: Any) -> None:
        runs = [night(f"n{index}") for index in range(8)]
        good = run_task(check(experiment=runs[-1], baseline_nights=7))
        assert good.state == "success"
        assert good.value["passed"] is True
        assert [one["name"] for one in good.value["baseline"]] == [f"n{index}" for index in range(6, -1, -1)]

        bad = run_task(check(experiment=night("bad", mean=0.4), baseline_nights=7))
        message = failed_with(bad)
        assert "Experiment bad did not pass, judged against the mean of 7 experiments, n1 to n7." in message
        assert "- correctness: mean score fell by" in message
        assert "Not retried" in message

    def test_the_result_is_pushed_although_the_task_fails(self, night: Any) -> None:
        night("good")
        bad = run_task(check(experiment=night("bad", mean=0.3)))
        failed_with(bad)
        pushed = bad.xcoms["return_value"]
        assert pushed["passed"] is False
        assert pushed["evaluators"]["correctness"]["outcome"] == "score_dropped"
        assert pushed["failures"][0]["evaluator"] == "correctness"

    def test_the_first_night_has_no_baseline_and_passes(self, night: Any) -> None:
        result = run_task(check(experiment=night("first"), baseline_nights=7))
        assert result.state == "success"
        assert [remark["outcome"] for remark in result.value["remarks"]] == ["no_baseline"]

    def test_absolute_conditions_need_no_baseline(self, night: Any) -> None:
        result = run_task(check(experiment=night("only", mean=0.5), baseline=None, min_score={"correctness": 0.8}))
        assert "correctness: mean score 0." in failed_with(result)

    def test_conditions_may_be_templates(self, night: Any) -> None:
        operator = check(experiment=night("only", mean=0.9), baseline=None, min_score={"*": "{{ 1 / 2 }}"})
        assert run_task(operator).value["passed"] is True

    def test_skip(self, night: Any) -> None:
        night("good")
        result = run_task(check(experiment=night("bad", mean=0.3), on_failure="skip"))
        assert result.state == "skipped"
        assert "did not pass" in str(result.error)
        assert result.xcoms["return_value"]["passed"] is False

    def test_missing_scores_are_no_zeros(self, emulator: EmulatorProcess, night: Any) -> None:
        emulator.control.set_quality(mean=1.0, missing=0.5)
        result = run_task(check(experiment=night("half"), baseline=None, min_coverage=0.1))
        correctness = result.value["evaluators"]["correctness"]
        assert correctness["score"] == 1.0
        assert 0 < correctness["coverage"] < 1
        strict = run_task(check(experiment="half", dataset=DATASET, baseline=None))
        assert "below min_coverage 90.0%" in failed_with(strict)

    def test_an_experiment_that_nobody_evaluated_never_passes(self, night: Any) -> None:
        result = run_task(check(experiment=night("bare", evaluators=0), baseline=None))
        assert "no evaluator has scored experiment bare" in failed_with(result)

    def test_an_evaluator_that_is_gone(self, night: Any) -> None:
        night("both")
        assert "hallucination: the experiment has no score" in failed_with(
            run_task(check(experiment=night("one", evaluators=1)))
        )


class TestBaseline:
    def test_a_named_experiment(self, night: Any) -> None:
        night("golden")
        night("worse", mean=0.4)
        tonight = night("tonight", mean=0.4)
        assert run_task(check(experiment=tonight, baseline="previous", baseline_nights=1)).state == "success"
        result = run_task(check(experiment=tonight, baseline="golden"))
        assert "judged against golden" in failed_with(result)

    def test_several_named_experiments_are_pooled(self, night: Any) -> None:
        names = ["a", "b"]
        for name in names:
            night(name)
        result = run_task(check(experiment=night("c"), baseline=names))
        assert [one["name"] for one in result.value["baseline"]] == names

    def test_the_experiment_by_name_with_its_task(self, night: Any, experiment_task: str) -> None:
        night("before")
        night("tonight")
        result = run_task(check(experiment="tonight", dataset=DATASET, task="nightly"))
        assert [one["name"] for one in result.value["baseline"]] == ["before"]

    def test_an_old_night_is_judged_by_those_before_it(self, night: Any) -> None:
        runs = [night(name) for name in ("first", "second", "third")]
        result = run_task(check(experiment=runs[1], baseline_nights=7))
        assert [one["name"] for one in result.value["baseline"]] == ["first"]

    def test_nights_without_scores_and_failed_ones_are_passed_over(self, emulator: EmulatorProcess, night: Any) -> None:
        night("good")
        night("unscored", evaluators=0)
        emulator.control.set_outcome("FAILED", experiment="broken")
        night("broken", evaluators=0)
        result = run_task(check(experiment=night("tonight"), baseline_nights=3))
        assert [one["name"] for one in result.value["baseline"]] == ["good"]

    def test_an_experiment_deleted_since_is_passed_over(
        self, emulator: EmulatorProcess, hook: ArizeHook, night: Any
    ) -> None:
        kept = night("kept")
        gone = quote(night("gone")["experiment_id"], safe="")
        emulator.control.inject("status", path=f"^/v2/experiments/{gone}", status=404, times=None)
        result = run_task(check(experiment=night("tonight"), baseline_nights=3))
        assert result.state == "success", result.error
        assert [one["id"] for one in result.value["baseline"]] == [kept["experiment_id"]]

    def test_experiments_from_before_a_retention_are_not_asked_for_each_night(
        self, emulator: EmulatorProcess, night: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(experiment_reading, "MAX_GONE", 2)
        older = [quote(night(f"n{number}", evaluators=0)["experiment_id"], safe="") for number in range(4)]
        kept, tonight = night("kept"), night("tonight")
        emulator.control.inject("status", path=f"^/v2/experiments/({'|'.join(older)})", status=404, times=None)
        result = run_task(check(experiment=tonight, baseline_nights=3))
        assert [one["id"] for one in result.value["baseline"]] == [kept["experiment_id"]]
        assert emulator.control.counters()["faults"] == {"status": 2}

    def test_the_task_as_a_create_operator_returned_it(self, night: Any, hook: ArizeHook, experiment_task: str) -> None:
        night("before")
        night("tonight")
        task = hook.get_task(experiment_task).to_dict()
        result = run_task(check(experiment="tonight", dataset=DATASET, task=task))
        assert [one["name"] for one in result.value["baseline"]] == ["before"]

    def test_without_a_task_the_previous_one_is_unknown(self, night: Any) -> None:
        tonight = night("tonight")
        result = run_task(check(experiment=tonight["experiment_id"]))
        assert result.state == "failed"
        assert "needs to know the task" in str(result.error)

    def test_another_version_of_the_dataset_is_compared_on_what_both_have(
        self, emulator: EmulatorProcess, hook: ArizeHook, night: Any
    ) -> None:
        night("before")
        kept = [example.to_dict() for example in hook.iter_examples(DATASET, SPACE)][:30]
        emulator.control.add("dataset_version", "v2", dataset=DATASET, examples=[*kept, {"input": "new"}])
        result = run_task(check(experiment=night("tonight")))
        assert [remark["outcome"] for remark in result.value["remarks"]] == ["dataset_changed"]
        assert result.value["evaluators"]["correctness"]["change"]["examples"] == 30


class TestReport:
    def test_it_is_written_and_linked(self, night: Any, tmp_path: Path) -> None:
        night("good")
        result = run_task(
            check(experiment=night("bad", mean=0.3), report_path=f"file://{tmp_path}/{{{{ ti.dag_id }}}}/nights")
        )
        path = next((tmp_path / "test" / "nights").glob("bad-*.html"))
        page = path.read_text()
        assert "did not pass" not in page
        assert "What about my" in page  # the input of an example that got worse
        assert "judged this answer incorrect" in page
        assert f"Report with the examples that got worse: file://{path}" in failed_with(result)
        assert result.xcoms["return_value"]["report"] == f"file://{path}"
        assert "arize_report_link" not in result.xcoms  # a browser opens no file:// link of a web page
        assert {each.suffix for each in path.parent.iterdir()} == {".html", ".md", ".json"}
        assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}

    def test_the_result_and_the_log_hold_no_text_of_the_examples(
        self, night: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        night("good")
        result = run_task(check(experiment=night("bad", mean=0.3), report_path=str(tmp_path)))
        told = f"{result.xcoms}{result.error}{caplog.text}{capsys.readouterr().out}"
        assert "What about my" not in told
        assert "judged this answer" not in told

    def test_a_file_by_name_and_an_address_of_its_own(self, night: Any, tmp_path: Path) -> None:
        result = run_task(
            check(
                experiment=night("first"),
                report_path=str(tmp_path / "latest.html"),
                report_url="https://reports.example.com/",
            )
        )
        assert (tmp_path / "latest.html").exists()
        assert result.xcoms["arize_report_link"] == "https://reports.example.com/latest.html"

    def test_older_nights_are_drawn_up_to_the_limit(self, night: Any, tmp_path: Path) -> None:
        for index in range(5):
            night(f"n{index}")
        tonight = night("tonight")
        run_task(check(experiment=tonight, report_path=str(tmp_path), report_nights=4))
        page = next(tmp_path.glob("tonight-*.html")).read_text()
        assert page.count('<g class="point">') == 2 * 4  # two evaluators
        assert "n2" in page
        assert "n1" not in page

    def test_a_storage_that_refuses_does_not_hide_the_verdict(self, night: Any, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        operator = check(experiment=night("first"), report_path=str(tmp_path / "file" / "below"))
        result = run_task(operator)
        assert result.state == "success"
        assert result.value["report"] is None

    def test_inputs_that_cannot_be_read_do_not_hide_the_verdict(
        self, emulator: EmulatorProcess, night: Any, tmp_path: Path
    ) -> None:
        night("good")
        bad = night("bad", mean=0.3)
        emulator.control.inject("status", path="/examples", status=403, times=None)
        result = run_task(check(experiment=bad, report_path=str(tmp_path)))
        failed_with(result)
        assert "judged this answer incorrect" in next(tmp_path.glob("bad-*.html")).read_text()

    def test_each_experiment_is_read_once(self, emulator: EmulatorProcess, night: Any, tmp_path: Path) -> None:
        for index in range(4):
            night(f"n{index}")
        tonight = night("tonight")
        emulator.control.forget_requests()
        run_task(check(experiment=tonight, baseline_nights=2, report_path=str(tmp_path)))
        paths = [request["path"] for request in emulator.control.requests()]
        assert sum(path.endswith("/runs") and "/experiments/" in path for path in paths) == 5


@pytest.mark.skipif(
    importlib.util.find_spec("airflow.sdk") is None, reason="Airflow 2 writes skips to its database, there is none here"
)
class TestBranch:
    def _run(self, experiment: Any, **arguments: Any) -> tuple[TaskResult, set[str]]:
        """The result, and which of the tasks downstream are skipped."""
        with DAG("branching", schedule=None):
            operator = check(experiment=experiment, on_failure="branch", **arguments)
            operator >> [BaseOperator(task_id=name) for name in ("promote", "announce", "page_somebody")]
        result = run_task(operator)
        skipped = getattr(result.error, "tasks", [])
        assert type(result.error).__name__ in ("NoneType", "DownstreamTasksSkipped")
        return result, {one[0] if isinstance(one, tuple) else one for one in skipped}

    def test_a_pass_follows_all_but_the_tasks_for_a_failure(self, night: Any) -> None:
        result, skipped = self._run(night("first"), tasks_if_failed="page_somebody")
        assert skipped == {"page_somebody"}
        assert result.xcoms["return_value"]["passed"] is True

    def test_a_failure_follows_only_those(self, night: Any) -> None:
        night("good")
        result, skipped = self._run(night("bad", mean=0.3), tasks_if_failed=["page_somebody"])
        assert skipped == {"promote", "announce"}
        assert result.xcoms["return_value"]["passed"] is False

    def test_a_failure_that_follows_nothing(self, night: Any) -> None:
        night("good")
        _, skipped = self._run(night("bad", mean=0.3), tasks_if_failed=[])
        assert skipped == {"promote", "announce", "page_somebody"}

    @pytest.mark.parametrize("mean", [None, 0.3])
    def test_a_task_group_for_a_failure(self, night: Any, mean: float | None) -> None:
        night("good")
        with DAG("branching", schedule=None):
            operator = check(experiment=night("tonight", mean=mean), on_failure="branch", tasks_if_failed=["alarm"])
            with TaskGroup("alarm") as alarm:
                BaseOperator(task_id="page_somebody") >> BaseOperator(task_id="wait_for_somebody")
            operator >> [alarm, BaseOperator(task_id="promote")]
        error: Any = run_task(operator).error
        skipped = {one[0] if isinstance(one, tuple) else one for one in error.tasks}
        assert skipped == ({"alarm.page_somebody"} if mean is None else {"promote"})

    def test_tasks_to_follow_on_a_pass_by_name(self, night: Any) -> None:
        _, skipped = self._run(night("first"), tasks_if_passed="promote", tasks_if_failed="page_somebody")
        assert skipped == {"announce", "page_somebody"}


class TestAirflow:
    def test_the_extra_of_asset_events(self, night: Any) -> None:
        context = pytest.importorskip("airflow.sdk.execution_time.context", reason="Airflow 2 has another accessor")
        events, asset = context.OutletEventAccessors(), Asset("arize://checked")
        run_task(check(experiment=night("first"), outlets=[asset]), context={"outlet_events": events})
        extra = events[asset].extra
        assert extra["passed"] is True
        assert extra["experiment_name"] == "first"
        assert extra["evaluators"]["correctness"]["outcome"] == "nothing_to_compare"

    def test_the_table_is_in_the_log(
        self, night: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        run_task(check(experiment=night("first")))
        log = capsys.readouterr().out + caplog.text  # structlog on Airflow 3, logging before
        assert "NOTHING TO COMPARE WITH: experiment first without a baseline" in log
        assert "correctness" in log.partition("interval of the change")[2]

    def test_links_are_there(self, night: Any) -> None:
        result = run_task(check(experiment=night("first")))
        assert "/experiments/compare?" in result.xcoms["arize_experiment_link"]

    def test_a_server_that_is_down_is_retried(self, emulator: EmulatorProcess, night: Any) -> None:
        tonight = night("tonight")
        # A pause longer than the client's own patience, so that it gives up at once.
        down = {"status": 503, "headers": {"Retry-After": "3600"}, "times": None}
        emulator.control.inject("status", path="/v2/experiments/.*/runs", **down)
        result = run_task(check(experiment=tonight))
        assert result.state == "up_for_retry"
        emulator.control.clear_faults()
        assert run_task(check(experiment=tonight), retry_of=result).state == "success"


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({"max_drop": "a lot"}, "max_drop must be a number"),
            ({"on_failure": "explode"}, "on_failure must be one of 'fail', 'skip', 'branch'"),
            ({"on_failure": "branch"}, "needs tasks_if_failed"),
            ({"tasks_if_failed": ["x"]}, "are for on_failure='branch'"),
            ({"baseline_nights": 0}, "baseline_nights must be at least 1"),
            ({"fail_on": ["everything"]}, "fail_on does not know everything"),
            ({"baseline": ""}, "baseline must be a name or an id"),
        ],
    )
    def test_what_no_template_can_mend_fails_while_the_dag_is_parsed(self, arguments: dict, problem: str) -> None:
        with pytest.raises(ArizeValidationError, match=problem):
            check(experiment="x", **arguments)

    def test_a_template_is_checked_once_it_is_rendered(self, night: Any) -> None:
        operator = check(experiment=night("first"), max_drop="{{ 'lots' }}")
        result = run_task(operator)
        assert result.state == "failed"
        assert "max_drop must be a number, got 'lots'" in str(result.error)

    @pytest.mark.parametrize("experiment", [None, "", "None", {}, {"experiment_id": None, "task_id": "t"}, 7])
    def test_an_experiment_that_is_none_is_a_config_error(self, arize_connection: str, experiment: Any) -> None:
        result = run_task(check(experiment=experiment))
        assert result.state == "failed"
        assert isinstance(getattr(result.error, "origin", None), ArizeConfigError)

    def test_an_unknown_experiment_is_not_retried(self, arize_connection: str) -> None:
        result = run_task(check(experiment="never ran", dataset=DATASET, baseline=None))
        assert result.state == "failed"
        assert "never ran" in str(result.error)
