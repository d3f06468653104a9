"""``python -m airflow_provider_arize_tasks coverage`` against the emulator."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime

import pytest

from airflow_provider_arize_tasks.__main__ import main
from tests.integration.covered_task import DAY, TODAY, CoveredTask


@pytest.fixture
def task(emulator, monkeypatch):
    monkeypatch.setenv("ARIZE_API_KEY", "key")
    monkeypatch.setenv("ARIZE_API_HOST", emulator.url)
    monkeypatch.setenv("ARIZE_SPACE", "demo-space")
    emulator.control.configure(run_seconds=60)
    return CoveredTask(emulator)


def back(days):
    return (TODAY - days * DAY).date().isoformat()


def printed(capsys, *arguments):
    status = main(["coverage", "--task", "Answer quality", *arguments])
    return status, capsys.readouterr().out


@pytest.fixture
def one_of_each(task):
    """Nine days: covered, partly, truncated, failed, missing, running, already labelled, covered, and today."""
    task.run(8)
    half = {"data_start_time": (TODAY - 7 * DAY).isoformat(), "data_end_time": (TODAY - 6.5 * DAY).isoformat()}
    task.control.end_run(task.call("POST", f"tasks/{task.id}/trigger", half)["id"], successes=3)
    task.run(6, successes=10_000)
    task.run(5, status="FAILED", reason="out of memory")
    task.run(3, status="RUNNING")
    task.run(
        2, status="CANCELLED", successes=0, reason="All data is already evaluated; use override_evaluations to redo it"
    )
    task.run(1)
    return task


class TestCalendar:
    def test_one_cell_a_day_that_reads_without_colour(self, one_of_each, capsys):
        status, out = printed(capsys, "--start", back(8), "--end", back(-1), "--ascii")
        assert status == 0
        rows = [line[9:].replace(" ", "") for line in out.splitlines() if re.match(r"\d{4}-\d{2}  ", line)]
        assert "".join(rows) == "#MTFMr##."

    def test_has_a_legend_with_counts_and_a_sum(self, one_of_each, capsys):
        _, out = printed(capsys, "--start", back(8), "--end", back(-1), "--ascii")
        for mark, count, meaning in [
            ("#", 3, "covered"),
            ("M", 2, "missing"),
            ("T", 1, "truncated"),
            ("F", 1, "failed"),
        ]:
            assert re.search(rf"^  {mark} +{count}  {meaning}", out, re.MULTILINE)
        assert "3 of 9 windows covered, 38.9% of the time." in out

    def test_lists_what_is_left_in_ranges(self, one_of_each, capsys):
        _, out = printed(capsys, "--start", back(8), "--end", back(-1))
        assert "Left to evaluate, 4 windows:" in out
        assert f"  {back(7)} 12:00 to {back(4 - 1)} 00:00  (4 windows)" in out

    def test_days_sit_in_the_column_of_their_number(self, task, capsys):
        _, out = printed(capsys, "--start", "2026-10-03", "--end", "2026-11-02", "--ascii")
        header, october, november = out.splitlines()[3:6]
        assert october.index("M") == header.index("1") + 2
        assert november.index("M") == header.index("1")
        assert header.index("31") == len(october) - 1

    def test_colour_is_an_extra(self, one_of_each, capsys, monkeypatch):
        plain = printed(capsys, "--start", back(8))[1]
        coloured = printed(capsys, "--start", back(8), "--color", "always")[1]
        assert "\x1b[31mF\x1b[0m" in coloured
        assert re.sub(r"\x1b\[\d+m", "", coloured) == plain

    def test_an_hour_each(self, task, capsys):
        task.run(2)
        _, out = printed(capsys, "--start", f"{back(2)}T06:00", "--end", back(0), "--window", "hourly", "--ascii")
        assert f"{back(2)}         ###### ###### ######" in out
        assert f"{back(1)}  MMMMMM MMMMMM MMMMMM MMMMMM" in out

    def test_a_line_for_each_longer_window(self, task, capsys):
        monday = TODAY.weekday() + 14
        task.run(monday, days=10)
        _, out = printed(capsys, "--start", back(monday), "--end", back(monday - 14), "--window", "weekly", "--ascii")
        assert f"{back(monday)} 00:00 to {back(monday - 7)} 00:00  # covered (100%)" in out
        assert f"{back(monday - 7)} 00:00 to {back(monday - 14)} 00:00  M missing (42.9%)" in out

    def test_days_of_a_time_zone(self, task, capsys):
        _, out = printed(capsys, "--start", "2026-10-24", "--end", "2026-10-27", "--timezone", "Europe/Berlin")
        assert "2026-10-24T00:00:00+02:00 to 2026-10-27T00:00:00+01:00, Europe/Berlin" in out

    def test_the_last_thirty_days_unless_told(self, task, capsys):
        _, out = printed(capsys, "--json")
        found = json.loads(out)
        assert len(found["windows"]) == 30
        assert found["windows"][-1]["state"] == "early"
        assert found["windows"][-1]["data_end_time"].startswith(back(-1))


class TestJson:
    def test_has_windows_gaps_and_counts(self, one_of_each, capsys):
        status, out = printed(capsys, "--start", back(8), "--end", back(-1), "--json")
        found = json.loads(out)
        assert status == 0
        assert found["task_id"] == one_of_each.id
        assert [each["state"] for each in found["windows"]] == [
            *("covered", "missing", "truncated", "failed", "missing", "running", "covered", "covered", "early")
        ]
        assert found["windows"][1]["covered"] == 0.5
        assert found["counts"]["covered"] == 3
        assert [each["data_start_time"][:13] for each in found["gaps"]] == [
            f"{back(7)}T12",
            f"{back(6)}T00",
            f"{back(5)}T00",
            f"{back(4)}T00",
        ]


class TestRules:
    def test_max_spans_of_the_runs(self, task, capsys):
        task.run(1, successes=500)
        assert printed(capsys, "--start", back(1), "--end", back(0), "--fail-on-gaps")[0] == 0
        assert printed(capsys, "--start", back(1), "--end", back(0), "--fail-on-gaps", "--max-spans", "500")[0] == 1

    def test_counts_are_for_each_evaluator(self, emulator, task, capsys):
        two = CoveredTask(emulator, name="Two evaluators", evaluators=("correctness", "hallucination"))
        two.run(1, successes=10_000)
        status = main(["coverage", "--task", "Two evaluators", "--start", back(1), "--end", back(0), "--fail-on-gaps"])
        assert status == 0

    def test_error_rate(self, task, capsys):
        task.run(1, successes=1, errors=9)
        span = ("--start", back(1), "--end", back(0), "--fail-on-gaps")
        assert printed(capsys, *span)[0] == 0
        assert printed(capsys, *span, "--max-error-rate", "0.5")[0] == 1

    def test_follows_all_pages(self, task, capsys):
        for _ in range(120):
            task.run(3, status="FAILED")
        task.run(2)
        states = [
            each["state"]
            for each in json.loads(printed(capsys, "--start", "3d", "--end", back(0), "--json")[1])["windows"]
        ]
        assert states == ["failed", "covered", "missing"]

    def test_windows_without_data_can_be_given_up(self, task, capsys):
        found = json.loads(printed(capsys, "--start", "9d", "--end", back(0), "--give-up-after", "3d", "--json")[1])
        assert {each["state"] for each in found["windows"][:5]} == {"let go"}
        assert len(found["let_go"]) in (6, 7)
        assert len(found["gaps"]) == 9 - len(found["let_go"])


class TestStale:
    @pytest.fixture
    def stale(self, task):
        task.run(1)
        task.control.advance_clock(60)
        task.control.add_evaluator_version("correctness")
        task.control.advance_clock(60)
        return ("--start", back(1), "--end", back(0), "--fail-on-gaps")

    def test_is_reported_with_its_cost_and_what_to_do(self, stale, capsys):
        status, out = printed(capsys, *stale)
        assert status == 0
        assert "1 windows are stale; evaluating them again would take 100 judge calls over 100 spans." in out
        assert 'stale: evaluate it again: stale="reevaluate"' in out
        assert "that was before version" in re.sub(r"\s+", " ", out)

    def test_counts_as_left_to_evaluate_when_told(self, stale, capsys):
        assert printed(capsys, *stale, "--stale", "reevaluate")[0] == 1
        status, out = printed(capsys, *stale, "--stale", "ignore", "--json")
        found = json.loads(out)
        assert (status, found["stale_cost"], len(found["stale"])) == (0, None, 1)
        (stretch,) = found["evaluators"]["correctness"]
        assert stretch["state"] == "stale"
        assert stretch["run_id"] in stretch["reason"]


class TestVerify:
    def test_proves_span_by_span(self, task, capsys):
        task.control.configure(run_seconds=0)
        window = {"data_start_time": (TODAY - DAY).isoformat(), "data_end_time": (TODAY - DAY / 2).isoformat()}
        task.call("POST", f"tasks/{task.id}/trigger", window)
        task.control.advance_clock(1)
        span = ("--start", back(1), "--end", back(0), "--verify")
        _, out = printed(capsys, *span)
        assert "Verified, not complete:" in out
        assert "correctness: 50 of 100 spans missing" in out
        status, out = printed(capsys, *span, "--fail-on-gaps", "--json")
        found = json.loads(out)["verification"]
        assert status == 1
        assert found["evaluators"]["correctness"]["missing"] == 50
        assert "evaluators" in found["audit"]

    def test_says_why_it_can_not(self, task, capsys):
        task.control.configure(spans_status=403)
        assert main(["coverage", "--task", task.id, "--verify"]) == 2
        assert "spans can't be listed" in capsys.readouterr().err


class TestTerminal:
    def test_lines_fit_its_width(self, one_of_each, capsys, monkeypatch):
        monkeypatch.setenv("COLUMNS", "60")
        for width in ("15m", "daily", "weekly"):
            _, out = printed(capsys, "--start", back(8), "--end", back(-1), "--window", width, "--ascii")
            calendar = out.split("\n\n", 1)[1]
            assert max(map(len, calendar.splitlines())) <= 60

    def test_names_bring_no_control_characters(self, emulator, task, capsys):
        CoveredTask(emulator, name="quality\x1b[2J\u202etxet")
        tasks = task.call("GET", "tasks")["tasks"]
        other = next(each["id"] for each in tasks if each["name"].startswith("quality"))
        assert main(["coverage", "--task", other]) == 0
        out = capsys.readouterr().out
        assert "\x1b[2J" not in out
        assert "\u202e" not in out


class TestBorders:
    @pytest.mark.parametrize(
        ("now", "end"),
        [
            ("2026-10-25T00:30:00+02:00", "2026-10-25T23:00:00.000Z"),
            ("2026-03-28T23:30:00+01:00", "2026-03-28T23:00:00.000Z"),
        ],
    )
    def test_the_range_ends_with_today_when_the_clocks_change(self, task, capsys, monkeypatch, now, end):
        class Frozen(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.fromisoformat(now).astimezone(tz)

        monkeypatch.setattr("airflow_provider_arize_tasks.cli.coverage.datetime", Frozen)
        _, out = printed(capsys, "--timezone", "Europe/Berlin", "--json")
        assert json.loads(out)["end"] == end

    def test_a_window_may_reach_beyond_the_calendar(self, task, capsys):
        status, out = printed(capsys, "--start", "9999-12-01", "--end", "9999-12-31", "--window", "weekly", "--json")
        assert status == 0
        assert len(json.loads(out)["windows"]) == 5


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["--task", "Answer Quality"], "there is no task 'Answer Quality'"),
            (["--task", "Answer quality", "--start", "yesterday"], "start is 'yesterday', which is not an ISO 8601"),
            (["--task", "Answer quality", "--start", "2026-11-02", "--end", "2026-11-02"], "empty or inverted"),
            (["--task", "Answer quality", "--start", ""], "start is ''"),
            (["--task", "Answer quality", "--start", "999999d"], "reaches beyond the years 1 to 9999"),
            (["--task", "Answer quality", "--end", "999999d"], "reaches beyond the years 1 to 9999"),
            (["--task", "Answer quality", "--timezone", "Mars/Base"], "unknown time zone 'Mars/Base'"),
            (["--task", "Answer quality", "--window", "fortnight"], "--window must be"),
        ],
    )
    def test_are_named_and_end_with_status_2(self, task, capsys, arguments, says):
        assert main(["coverage", *arguments]) == 2
        assert says in capsys.readouterr().err

    @pytest.mark.parametrize("argument", [["--max-spans", "0"], ["--max-error-rate", "2"], ["--settle", "soon"]])
    def test_of_the_command_line_are_argparse_errors(self, argument):
        with pytest.raises(SystemExit) as error:
            main(["coverage", "--task", "x", *argument])
        assert error.value.code == 2

    def test_a_task_without_windows(self, task, capsys):
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
        task.call("POST", "tasks", body)
        assert main(["coverage", "--task", "Nightly"]) == 2
        assert "has no windows: it runs experiments" in capsys.readouterr().err

    def test_an_unreachable_server_has_status_3_and_the_key_stays_secret(self, task, capsys, monkeypatch):
        monkeypatch.setenv("ARIZE_API_KEY", "ak-very-secret")
        task.control.inject("status", status=503, times=None)
        monkeypatch.setattr("airflow_provider_arize_tasks.cli.coverage.PATIENCE", 0.1)
        assert main(["coverage", "--task", task.id]) == 3
        assert "ak-very-secret" not in capsys.readouterr().err


class TestConnection:
    def test_of_airflow_by_its_id(self, task, arize_connection, capsys, monkeypatch):
        for name in ("ARIZE_API_KEY", "ARIZE_API_HOST"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AIRFLOW_CONN_STAGING", "arize://:key@127.0.0.1:1/http")
        assert main(["coverage", "--task", task.id, "--conn-id", arize_connection, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["task_id"] == task.id

    def test_of_airflow_by_default_where_the_environment_has_no_key(self, task, arize_connection, capsys, monkeypatch):
        monkeypatch.delenv("ARIZE_API_KEY")
        assert main(["coverage", "--task", task.id, "--json"]) == 0

    def test_that_does_not_exist_is_a_mistake(self, task, capsys):
        assert main(["coverage", "--task", task.id, "--conn-id", "nope"]) == 2
        assert "there is no Airflow connection 'nope'" in capsys.readouterr().err

    @pytest.mark.slow
    @pytest.mark.timeout(400)
    def test_of_airflows_database(self, task, emulator, tmp_path):
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("ARIZE_", "AIRFLOW"))}
        environ |= {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}

        def command(*arguments):
            found = subprocess.run(
                [sys.executable, "-m", *arguments],
                env=environ,
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
            assert found.returncode == 0, found.stderr
            return found.stdout

        command("airflow", "db", "migrate")
        fields = {"conn_type": "arize", "host": emulator.url, "password": "key"}
        command("airflow", "connections", "add", "from_database", "--conn-json", json.dumps(fields))
        out = command(
            "airflow_provider_arize_tasks", "coverage", "--task", task.id, "--conn-id", "from_database", "--json"
        )
        assert json.loads(out)["task_id"] == task.id

    def test_as_a_command_it_needs_no_airflow(self, task):
        code = (
            "import sys; from airflow_provider_arize_tasks.__main__ import main; "
            f"status = main(['coverage', '--task', {task.id!r}, '--json']); "
            "assert not {'airflow', 'aiohttp'} & set(sys.modules), 'imported'; sys.exit(status)"
        )
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
        assert found.returncode == 0, found.stderr
        assert json.loads(found.stdout)["task_name"] == "Answer quality"

    def test_module_is_a_command(self):
        found = subprocess.run(
            [sys.executable, "-m", "airflow_provider_arize_tasks", "coverage", "--help"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert found.returncode == 0
        assert "--fail-on-gaps" in found.stdout
