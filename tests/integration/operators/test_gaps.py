"""``ArizeFindWindowGapsOperator`` and ``ArizeHook.find_window_gaps`` against the emulator."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_arize_tasks.client.errors import ArizeConfigError, ArizeValidationError
from airflow_provider_arize_tasks.exceptions import ArizePermanentError
from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.operators.gaps import FIRST_ASKED_KEY, ArizeFindWindowGapsOperator
from airflow_provider_arize_tasks.testing.runner import run_task
from tests.integration.covered_task import DAY, TODAY, CoveredTask

UTC = timezone.utc
HOUR = timedelta(hours=1)


@pytest.fixture
def task(emulator, arize_connection):
    emulator.control.configure(run_seconds=60)
    return CoveredTask(emulator)


class Nights:
    """XComs of one task over a row of DAG runs, as a task instance of Airflow gives access to them."""

    map_index = -1

    def __init__(self):
        self.pushed = {}

    def xcom_push(self, key, value, **_ignored):
        self.pushed[key] = value

    def xcom_pull(self, *, task_ids, key, include_prior_dates, map_indexes):
        assert (task_ids, include_prior_dates, map_indexes) == ("gaps", True, -1)
        return self.pushed.get(key)


def found(task, *, run_after=None, nights=None, data_interval=None, **arguments):
    operator = ArizeFindWindowGapsOperator(task_id="gaps", task=task.id, **{"settle": 0, **arguments})
    context = {"ti": nights} if nights else {}
    result = run_task(operator, run_after=run_after, data_interval=data_interval, context=context)
    assert result.state == "success", result.error
    return result


def starts(result):
    """Days back from today at which the windows that were found begin."""
    return [
        (TODAY - datetime.fromisoformat(each["data_start_time"].replace("Z", "+00:00"))) / DAY for each in result.value
    ]


class TestRange:
    def test_is_the_thirty_days_before_the_last_midnight_unless_told(self, task):
        result = found(task)
        assert starts(result) == list(range(30, 0, -1))
        assert result.value[-1]["data_end_time"] == TODAY.strftime("%Y-%m-%dT00:00:00.000Z")

    def test_is_ready_for_mapping_into_the_trigger_operator(self, task):
        task.run(2)
        result = found(task, start="3d")
        assert [set(each) for each in result.value] == [{"data_start_time", "data_end_time"}] * 2
        assert starts(result) == [3, 1]

    def test_ends_where_the_data_interval_ends(self, task):
        interval = (TODAY - 5 * DAY + 6 * HOUR, TODAY - 4 * DAY + 6 * HOUR)
        assert starts(found(task, start=timedelta(days=2), data_interval=interval)) == [6, 5]

    def test_explicit_ends_are_taken_as_they_are(self, task):
        result = found(task, start=TODAY - 2.25 * DAY, end=(TODAY - 0.25 * DAY).isoformat())
        assert starts(result) == [2.25, 2, 1]
        assert result.value[-1]["data_end_time"] == (TODAY - 0.25 * DAY).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def test_ends_can_be_templates(self, task):
        result = found(task, start="{{ 2 }}d", end="{{ dag_run.run_after | ds }}", run_after=TODAY - DAY + HOUR)
        assert starts(result) == [3, 2]

    def test_a_relative_end(self, task):
        assert starts(found(task, start="2d", end="0d")) == [2, 1]
        assert starts(found(task, start="2d", end="5d")) == [7, 6]

    def test_days_are_those_of_the_time_zone(self, task):
        (window,) = found(task, start="2026-10-25", end="2026-10-26", timezone="Europe/Berlin").value
        assert window == {"data_start_time": "2026-10-24T22:00:00.000Z", "data_end_time": "2026-10-25T23:00:00.000Z"}

    def test_a_relative_end_lies_on_local_midnight(self, task):
        berlin = ZoneInfo("Europe/Berlin")
        now = datetime.now(berlin)
        midnight = datetime(now.year, now.month, now.day, tzinfo=berlin).astimezone(UTC)
        result = found(task, start="1d", timezone="Europe/Berlin")
        assert result.value[-1]["data_end_time"] == midnight.strftime("%Y-%m-%dT%H:00:00.000Z")

    def test_hours(self, task):
        task.run(1)
        result = found(task, start=TODAY - DAY - 3 * HOUR, end=TODAY, window="hour")
        assert len(result.value) == 3


class TestWhatIsLeftOut:
    def test_windows_that_are_covered_or_going(self, task):
        task.run(5)
        task.run(4, status="CANCELLED", successes=0, reason="already evaluated; set override_evaluations")
        task.run(3, status="FAILED")
        task.run(2, status="RUNNING")
        task.run(1, successes=10_000)
        assert starts(found(task, start="5d")) == [3, 1]
        assert starts(found(task, start="5d", include_running=True)) == [3, 2, 1]

    def test_windows_not_over(self, task):
        result = found(task, start=TODAY - DAY, end=TODAY + DAY)
        assert starts(result) == [1]

    def test_windows_whose_late_spans_can_not_be_seen_yet(self, task):
        then = TODAY + 10 * DAY  # later than the run really starts, which counts as well
        early = {"start": then - 2 * DAY, "end": then, "settle": "3h"}
        assert starts(found(task, run_after=then + HOUR, **early)) == [-8]
        assert starts(found(task, run_after=then + 3 * HOUR, **early)) == [-8, -9]

    def test_are_written_down_as_early(self, task):
        then = TODAY + 10 * DAY
        result = found(task, run_after=then + HOUR, start=then - 2 * DAY, end=then, settle="3h")
        assert [state for _, state in result.xcoms["arize_coverage"]["states"]] == ["missing", "early"]

    def test_a_run_before_the_late_spans_does_not_cover(self, task):
        task.run(1)
        settle = datetime.now(UTC) - TODAY + HOUR
        later = TODAY + settle + DAY
        (rest,) = found(task, start=TODAY - DAY, end=TODAY, run_after=later, settle=settle).value
        assert rest["data_end_time"] == f"{TODAY:%Y-%m-%d}T00:00:00.000Z"
        assert f"{TODAY - 2 * HOUR:%Y-%m-%dT%H}" < rest["data_start_time"] < rest["data_end_time"]
        assert starts(found(task, start=TODAY - DAY, end=TODAY, run_after=later)) == []

    def test_more_than_airflow_maps(self, task, capsys):
        result = found(task, start="5d", max_windows=2)
        assert starts(result) == [2, 1]
        said = capsys.readouterr().out
        assert "5 windows are left to evaluate, 2 are returned, the newest" in said
        assert f"Left out: {TODAY - 5 * DAY:%Y-%m-%d}T" in said
        assert len(found(task, start="60d", window="hour").value) == 1024

    def test_limits_of_the_runs(self, task):
        task.run(2, successes=500)
        task.run(1, successes=1, errors=9)
        assert starts(found(task, start="2d")) == []
        assert starts(found(task, start="2d", max_spans=500)) == [2]
        assert starts(found(task, start="2d", max_error_rate=0.5)) == [1]


class TestGiveUp:
    @pytest.fixture
    def nights(self):
        return Nights()

    def night(self, task, number, nights, **arguments):
        """The DAG run of a coming night (a run that really starts later than planned would count from then)."""
        run_after = TODAY + (number + 1) * DAY + 2 * HOUR
        return found(task, run_after=run_after, nights=nights, give_up_after="3d", **arguments)

    def test_asks_for_a_window_without_data_on_three_nights(self, task, nights):
        asked = [len(self.night(task, n, nights, start=TODAY, end=TODAY + DAY).value) for n in range(6)]
        assert asked == [1, 1, 1, 0, 0, 0]

    def test_is_written_down(self, task, nights):
        for number in range(5):
            self.night(task, number, nights, start=TODAY, end=TODAY + DAY)
        [[_, state]] = nights.pushed["arize_coverage"]["states"]
        assert state == "let go"

    def test_a_hole_found_late_is_asked_for_all_the_same(self, task, nights):
        task.run(20)
        first = self.night(task, 0, nights, start=TODAY - 20 * DAY, end=TODAY - 19 * DAY)
        assert first.value == []
        second = self.night(task, 1, nights, start=TODAY - 21 * DAY, end=TODAY - 19 * DAY)
        assert starts(second) == [21]

    def test_what_failed_is_never_let_go(self, task, nights):
        task.run(20, status="FAILED")
        for number in range(6):
            result = self.night(task, number, nights, start=TODAY - 20 * DAY, end=TODAY - 19 * DAY)
            assert starts(result) == [20]

    def test_a_record_that_got_lost_lets_nothing_go(self, task, nights):
        for number in range(6):
            nights.pushed.clear()
            result = self.night(task, number, nights, start=TODAY, end=TODAY + DAY)
            assert starts(result) == [0]

    def test_keeps_no_record_without_it(self, task, nights):
        found(task, nights=nights, start="3d")
        assert FIRST_ASKED_KEY not in nights.pushed

    def test_a_retry_finds_the_same(self, task):
        one, other = Nights(), Nights()
        assert self.night(task, 0, one, start="5d").value == self.night(task, 0, other, start="5d").value
        assert one.pushed[FIRST_ASKED_KEY]
        assert one.pushed == other.pushed

    def test_needs_no_task_instance(self, task):
        operator = ArizeFindWindowGapsOperator(task_id="gaps", task=task.id, start="3d", give_up_after="3d")
        assert len(operator.execute({})) == 3


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ({"window": "fortnight"}, "window must be a length of time"),
            ({"timezone": "Mars/Base"}, "unknown time zone"),
            ({"start": "yesterday"}, "start is 'yesterday'"),
            ({"end": "None"}, "a template came out empty"),
            ({"max_spans": 0}, "max_spans"),
            ({"max_error_rate": 3}, "max_error_rate"),
            ({"give_up_after": -1}, "give_up_after"),
            ({"task": ""}, "task must be a name or an id"),
        ],
    )
    def test_of_literals_are_found_while_the_dag_is_parsed(self, arguments, says):
        with pytest.raises(ArizeValidationError, match=says):
            ArizeFindWindowGapsOperator(task_id="gaps", **{"task": "x", **arguments})

    @pytest.mark.parametrize("end", ["{{ None }}", "{{ '' }}", "{{ 'soon' }}"])
    def test_of_templates_fail_without_a_retry(self, task, end):
        result = run_task(ArizeFindWindowGapsOperator(task_id="gaps", task=task.id, end=end, retries=3))
        assert result.state == "failed"
        assert isinstance(result.error, ArizePermanentError)

    def test_an_empty_range_is_an_error(self, task):
        operator = ArizeFindWindowGapsOperator(task_id="gaps", task=task.id, start="2026-11-02", end="2026-11-02")
        assert "empty or inverted" in str(run_task(operator).error)

    def test_an_api_that_can_not_be_asked_is_retried(self, task):
        operator = ArizeFindWindowGapsOperator(task_id="gaps", task=task.id, retries=1)
        task.control.inject("status", status=401)
        assert run_task(operator).state == "failed"
        task.control.inject("status", status=429, path="/v2/tasks/.*/runs", headers={"Retry-After": "600"})
        assert run_task(operator).state == "up_for_retry"

    def test_no_list_cut_short_passes_for_a_whole_one(self, task):
        for back in range(1, 4):
            task.run(back)
        task.control.inject("edit", path="/v2/tasks/.*/runs", set={"pagination": {"has_more": True}})
        result = run_task(ArizeFindWindowGapsOperator(task_id="gaps", task=task.id, start="3d", retries=1))
        assert result.state in ("failed", "up_for_retry")


class TestHook:
    def test_gaps_have_the_shape_of_the_operator(self, task):
        task.run(2)
        with ArizeHook() as hook:
            windows = hook.find_window_gaps(task.id, TODAY - 3 * DAY, TODAY)
        assert windows == found(task, start=TODAY - 3 * DAY, end=TODAY).value

    def test_takes_a_name_and_a_relative_start(self, task):
        with ArizeHook() as hook:
            windows = hook.find_window_gaps("Answer quality", "3d", space="demo-space")
        assert len(windows) == 3

    def test_gives_up_by_age(self, task):
        with ArizeHook() as hook:
            windows = hook.find_window_gaps(task.id, "10d", give_up_after=3 * DAY)
        assert len(windows) in (2, 3)

    def test_coverage_has_cells_and_the_servers_time(self, task):
        task.run(1)
        with ArizeHook() as hook:
            read = hook.read_coverage(task.id, "2d")
        assert abs(read.now - datetime.now(UTC)) < timedelta(minutes=1)
        assert [each.state.value for each in read.coverage.cells(DAY, UTC, now=read.now)] == ["missing", "covered"]

    def test_a_task_of_a_dataset_has_no_windows(self, task):
        dataset = task.call("GET", "datasets")["datasets"][0]["id"]
        body = {
            "name": "Nightly",
            "type": "RUN_EXPERIMENT",
            "dataset_id": dataset,
            "run_configuration": {
                "experiment_type": "LLM_GENERATION",
                "ai_integration_id": task.call("GET", "ai-integrations")["ai_integrations"][0]["id"],
                "messages": [{"role": "USER", "content": "{{input}}"}],
                "input_variable_format": "MUSTACHE",
            },
        }
        created = task.call("POST", "tasks", body)
        with ArizeHook() as hook, pytest.raises(ArizeConfigError, match="has no windows"):
            hook.find_window_gaps(created["id"], "2d")
