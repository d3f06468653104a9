"""``ArizeVerifyWindowOperator`` and what the hook tells of spans, against the emulator."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_arize_tasks.client.errors import ArizeConfigError, ArizeValidationError
from airflow_provider_arize_tasks.coverage.spans import SpansUnavailableError
from airflow_provider_arize_tasks.exceptions import ArizeGateError, ArizePermanentError
from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.operators.runs import ArizeVerifyWindowOperator
from airflow_provider_arize_tasks.testing.runner import run_task

UTC = timezone.utc
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW = {"data_start_time": START, "data_end_time": START + DAY}

_MAPPING = {"variable_name": "output", "query_ids": [], "attribute_path": "attributes.output.value"}
TRACES = {"evaluator_id": "trace-relevance", "query_mappings": [_MAPPING]}
SESSIONS = {"evaluator_id": "session-frustration", "query_mappings": [_MAPPING]}


class Stage:
    """A project of its own, a task over it, and runs that end at once."""

    def __init__(self, emulator):
        import requests

        self.control = emulator.control
        self._send = lambda method, path, body=None: requests.request(
            method, f"{emulator.url}/v2/{path}", json=body, headers={"Authorization": "Bearer k"}, timeout=10
        ).json()
        self.control.configure(run_seconds=0)

    def spans(self, count=100, *, start=START, end=START + DAY, **more):
        return self.control.add_spans(project="proof", count=count, start=start, end=end, **more)

    def task(self, *evaluators, **more):
        known = {each["name"]: each["id"] for each in self._send("GET", "evaluators")["evaluators"]}
        project = next(each["id"] for each in self._send("GET", "projects")["projects"] if each["name"] == "proof")
        attached = [
            dict(each) if isinstance(each, dict) else {"evaluator_id": known[each]}
            for each in evaluators or ("correctness",)
        ]
        for each in attached:
            each["evaluator_id"] = known.get(each["evaluator_id"], each["evaluator_id"])
        body = {"name": "Proof", "type": "TEMPLATE_EVALUATION", "project_id": project, "evaluators": attached, **more}
        self.id = self._send("POST", "tasks", body)["id"]
        return self

    def run(self, *, start=START, end=START + DAY, **more):
        body = {"data_start_time": start.isoformat(), "data_end_time": end.isoformat(), **more}
        run = self._send("POST", f"tasks/{self.id}/trigger", body)
        self.control.advance_clock(1)
        return run

    def verify(self, **arguments):
        operator = ArizeVerifyWindowOperator(task_id="verify", task=self.id, **{**WINDOW, **arguments})
        return run_task(operator)

    def requests(self):
        return sum(self.control.counters()["requests"].values())


@pytest.fixture
def stage(emulator, arize_connection):
    return Stage(emulator)


def found(result):
    assert result.state == "success", result.error
    return result.value


class TestProof:
    def test_every_span_labelled_is_complete(self, stage):
        stage.spans()
        stage.task().run()
        result = found(stage.verify())
        assert (result["spans"], result["matching"], result["sampled"], result["complete"]) == (100, 100, None, True)
        assert result["evaluators"] == {
            "correctness": {"labelled": 100, "missing": 0, "share": 1.0, "low": 1.0, "high": 1.0}
        }
        assert result["missing_examples"] == {}

    @pytest.mark.parametrize("is_shown", [True, False])
    def test_is_a_record_for_an_audit(self, stage, is_shown):
        """Which run left a label is in its metadata, where the server shows that."""
        stage.control.configure(evaluation_metadata=is_shown)
        stage.spans()
        run = stage.task().run()
        audit = found(stage.verify())["audit"]
        assert audit["task_id"] == stage.id
        assert audit["looked_at"].endswith("Z")
        (judge,) = audit["evaluators"]
        assert judge["runs"] == ({run["id"]: 100} if is_shown else {})
        assert judge["version_id"]
        assert judge["version_created_at"]

    def test_less_than_asked_for_fails_without_a_retry_and_keeps_the_result(self, stage):
        stage.spans()
        stage.task().run(end=START + 12 * HOUR)
        result = stage.verify(retries=3)
        assert result.state == "failed"
        assert isinstance(result.error, ArizeGateError)
        assert "correctness: 50 of 100 spans carry no label (50.00%)" in str(result.error)
        kept = result.xcoms["arize_verification"]
        assert kept["complete"] is False
        assert len(kept["missing_examples"]["correctness"]) == 10
        assert found(stage.verify(min_labelled=0.5))["complete"] is False
        assert found(stage.verify(min_labelled="{{ 0 }}"))["complete"] is False

    def test_both_ends_are_half_open(self, stage):
        stage.control.add_spans(project="proof", times=[START, START + DAY - timedelta(milliseconds=1), START + DAY])
        stage.task().run()
        assert found(stage.verify())["spans"] == 2

    def test_a_window_without_spans_proves_nothing_and_says_so(self, stage, capsys):
        stage.spans(start=START + 5 * DAY, end=START + 6 * DAY)
        stage.task()
        result = found(stage.verify())
        assert (result["spans"], result["complete"]) == (0, True)
        assert "nothing is proven" in capsys.readouterr().out

    def test_the_window_may_come_from_the_data_interval(self, stage):
        stage.spans()
        stage.task().run()
        operator = ArizeVerifyWindowOperator(task_id="verify", task=stage.id)
        assert found(run_task(operator, data_interval=(START, START + DAY)))["spans"] == 100
        operator = ArizeVerifyWindowOperator(task_id="verify", task=stage.id, lookback="1d")
        assert found(run_task(operator, run_after=START + DAY))["spans"] == 100


class TestInjectedLosses:
    """Every loss is found, and only losses are."""

    def test_late_spans(self, stage):
        stage.spans(90)
        stage.task().run()
        late = stage.spans(10, arrives_after=10 * 3600)
        result = stage.verify(min_labelled=0).value
        assert result["evaluators"]["correctness"]["missing"] == 10
        assert set(result["missing_examples"]["correctness"]) == set(late)

    def test_a_run_that_was_cut_short(self, stage):
        stage.spans(250)
        stage.task().run(max_spans=100)
        assert stage.verify(min_labelled=0).value["evaluators"]["correctness"]["missing"] == 150

    def test_two_evaluators_one_of_them_added_later(self, stage):
        stage.spans()
        stage.task("correctness").run()
        known = {each["name"]: each["id"] for each in stage._send("GET", "evaluators")["evaluators"]}
        both = [{"evaluator_id": known[name]} for name in ("correctness", "hallucination")]
        stage._send("PATCH", f"tasks/{stage.id}", {"evaluators": both})
        result = stage.verify(min_labelled=0).value
        assert result["evaluators"]["correctness"]["missing"] == 0
        assert result["evaluators"]["hallucination"]["missing"] == 100

    @pytest.mark.parametrize("staged", [{"errors": 100}, {"skipped": 100}])
    def test_judgements_that_all_failed_or_were_skipped(self, stage, staged):
        stage.spans()
        stage.task()
        stage.control.set_outcome(**staged)
        stage.run()
        assert stage.verify(min_labelled=0).value["evaluators"]["correctness"]["missing"] == 100

    def test_what_the_filter_of_the_task_leaves_out_is_no_loss(self, stage):
        stage.spans(60, attributes={"kept": "one"})
        stage.spans(40, attributes={"kept": "two"})
        stage.task(query_filter="kept = 'one'").run()
        result = found(stage.verify())
        assert (result["spans"], result["matching"], result["complete"]) == (100, 60, True)

    def test_what_the_filter_of_an_evaluator_leaves_out_is_no_loss(self, stage):
        stage.spans(60, attributes={"kept": "one"})
        stage.spans(40, attributes={"kept": "two"})
        judge = {"evaluator_id": "correctness", "query_filter": "kept = 'one'"}
        stage.task(judge).run()
        result = found(stage.verify())
        assert result["evaluators"]["correctness"]["labelled"] == 60
        assert result["complete"]

    def test_a_sampled_task_is_complete_at_its_rate(self, stage):
        stage.spans(2000)
        stage.task(sampling_rate=0.1).run()
        result = found(stage.verify())
        judged = result["evaluators"]["correctness"]
        assert result["complete"]
        assert judged["low"] <= 0.1 <= judged["high"]
        assert 0.05 < judged["share"] < 0.15

    def test_a_sampled_task_that_lost_half_is_not(self, stage):
        stage.spans(2000)
        stage.task(sampling_rate=0.1).run(end=START + 12 * HOUR)
        assert stage.verify().state == "failed"

    @pytest.mark.parametrize("labels", ["all", "first"])
    def test_traces_are_judged_by_trace(self, stage, labels):
        stage.control.configure(group_labels=labels)
        stage.spans(300)
        stage.task(TRACES).run(end=START + 12 * HOUR)
        half = stage.verify(min_labelled=0).value["evaluators"]["trace-relevance"]
        assert half["missing"] > 0
        stage.run()
        assert found(stage.verify())["complete"]

    def test_sessions_are_judged_by_session(self, stage):
        stage.spans(300)
        stage.task(SESSIONS).run()
        assert found(stage.verify())["complete"]


class TestSample:
    def test_states_its_bound(self, stage, capsys):
        stage.spans(3000)
        stage.task().run()
        before = stage.requests()
        result = found(stage.verify(sample=600))
        assert stage.requests() - before <= 600 / 500 + 4
        assert 500 <= result["sampled"] <= 600
        judged = result["evaluators"]["correctness"]
        assert judged["missing"] == 0
        assert judged["low"] == pytest.approx(1 - 3 / result["sampled"], abs=0.001)
        assert "missing: below 0." in capsys.readouterr().out

    def test_looks_at_everything_where_there_is_little(self, stage):
        stage.spans(100)
        stage.task().run()
        assert found(stage.verify(sample=600))["sampled"] is None

    def test_finds_what_is_missing_all_over(self, stage):
        stage.spans(1000, attributes={"kept": "one"})
        stage.task(query_filter="kept = 'one'").run()
        stage.spans(1000, attributes={"kept": "one"})
        result = stage.verify(sample=400)
        assert result.state == "failed"
        judged = result.xcoms["arize_verification"]["evaluators"]["correctness"]
        assert judged["low"] < 0.5 < judged["high"]


class TestRequests:
    @pytest.mark.parametrize("count", [1, 499, 500, 1_001, 2_000])
    def test_are_few(self, stage, count):
        stage.spans(count)
        stage.task().run()
        before = stage.requests()
        assert found(stage.verify())["spans"] == count
        assert stage.requests() - before <= count / 500 + 3


class TestUnavailable:
    @pytest.mark.parametrize("status", [403, 404, 405])
    def test_fails_for_good_and_says_why(self, stage, status):
        stage.spans()
        stage.task()
        stage.control.configure(spans_status=status)
        result = stage.verify(retries=2)
        assert result.state == "failed"
        assert isinstance(result.error, ArizePermanentError)
        assert "spans can't be listed" in str(result.error)

    def test_a_passing_fault_is_retried(self, stage):
        stage.spans()
        stage.task()
        stage.control.inject("status", status=429, path="/v2/spans", headers={"Retry-After": "600"})
        assert stage.verify(retries=2).state == "up_for_retry"

    @pytest.mark.parametrize(("arguments", "says"), [({"sample": 0}, "sample"), ({"min_labelled": 2}, "min_labelled")])
    def test_mistakes_are_found_while_the_dag_is_parsed(self, arguments, says):
        with pytest.raises(ArizeValidationError, match=says):
            ArizeVerifyWindowOperator(task_id="verify", task="x", **arguments)


class TestHook:
    def test_lists_and_counts_spans_once(self, stage):
        ids = stage.spans(1_200)
        stage.task()
        with ArizeHook() as hook:
            listed = [each.span_id for each in hook.iter_spans("proof", START, START + DAY, space="demo-space")]
            assert sorted(listed) == sorted(ids)
            assert hook.count_spans("proof", START, START + DAY, space="demo-space") == 1_200
            assert hook.count_spans("proof", START, START + DAY, space="demo-space", up_to=10) == 10
            assert hook.count_spans("proof", "2026-03-01", "2026-03-01T12:00", space="demo-space") == 600

    def test_verifies(self, stage):
        stage.spans()
        stage.task().run()
        with ArizeHook() as hook:
            assert hook.verify_window(stage.id, START, START + DAY)["complete"]
            with pytest.raises(ArizeConfigError, match="empty or inverted"):
                hook.verify_window(stage.id, START, START)
            stage.control.configure(spans_status=404)
            with pytest.raises(SpansUnavailableError):
                hook.verify_window(stage.id, START, START + DAY)
