"""The page over Airflow's own tables."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.ui.records import AirflowRecords, RecordsError, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from fastapi.testclient import TestClient

    from tests.integration.ui.conftest import Permissions


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_overview_tells_what_runs_what_failed_and_the_verdict(
    page: TestClient, database: Any, nights: list[datetime]
) -> None:
    database.write(
        [
            *(database.evaluation("daily", night) for night in nights[:-2]),
            database.evaluation("daily", nights[-2], state="failed", reason="Arize answered 500 ten times in a row"),
            database.evaluation("daily", nights[-1], state="deferred"),
            *(database.experiment("nightly", night) for night in nights[-3:]),
            *(database.check("nightly", night, passed=night != nights[-1]) for night in nights[-3:]),
        ]
    )
    answer = page.get("/")
    told = text_of(answer.text)
    assert answer.status_code == 200
    assert "quality of daily" in told
    assert "Arize answered 500 ten times in a row" in told
    assert "Runs now" in told
    assert "nightly prompt" in told
    assert "did not pass" in told
    assert "Arize was not asked" in told


def test_a_task_that_has_not_run_for_a_month_is_there(page: TestClient, database: Any, today: datetime) -> None:
    database.write([database.evaluation("quarterly", today - timedelta(days=80))])
    assert "quality of quarterly" in page.get("/").text


def test_year_opens_a_day_with_runs_reason_and_next_step(
    page: TestClient, database: Any, nights: list[datetime]
) -> None:
    broken = nights[-3]
    database.write(
        [
            database.evaluation("daily", night, state="failed", reason="the evaluator's model is gone")
            if night == broken
            else database.evaluation("daily", night)
            for night in nights
        ]
    )
    day = (broken - timedelta(days=1)).date()
    answer = page.get("/task", params={"dag_id": "daily", "task_id": "evaluate", "day": str(day)})
    told = text_of(answer.text)
    assert f"{day:%A, %d %B %Y}" in told
    assert "the evaluator's model is gone" in answer.text.replace("&#39;", "'")
    assert "clear the task instance" in told
    assert f'aria-label="{day:%d %B %Y}: failed"' in answer.text
    assert f"UnVuOj{broken:%Y%m%d}" in told
    assert f"/dags/daily/runs/scheduled__{broken.isoformat().replace(':', '%3A').replace('+', '%2B')}" in answer.text


def test_all_runs_of_a_task_instance_are_listed(page: TestClient, database: Any, today: datetime) -> None:
    runs = [{"id": f"UnVuOj{number:03d}", "status": "COMPLETED", "num_successes": 4} for number in range(60)]
    database.write([database.evaluation("daily", today, result={"runs": runs})])
    day = (today - timedelta(days=1)).date()
    answer = page.get("/task", params={"dag_id": "daily", "task_id": "evaluate", "day": str(day)})
    assert [run["id"] for run in runs if run["id"] not in answer.text] == []
    assert "50 more" in text_of(answer.text)


def test_a_hole_is_missing_and_has_a_command(page: TestClient, database: Any, nights: list[datetime]) -> None:
    hole = nights[-5]
    database.write([database.evaluation("daily", night) for night in nights if night != hole])
    day = (hole - timedelta(days=1)).date()
    answer = page.get("/task", params={"dag_id": "daily", "task_id": "evaluate", "day": str(day)})
    assert f'aria-label="{day:%d %B %Y}: missing"' in answer.text
    assert f"airflow backfill create --dag-id daily --from-date {day} --to-date {day}" in answer.text


def test_other_dags_that_serve_the_same_task_count(page: TestClient, database: Any, nights: list[datetime]) -> None:
    broken = nights[-3]
    database.write(
        [
            database.evaluation("daily", broken, state="failed", name="quality"),
            database.evaluation("backfill", broken, name="quality"),
        ]
    )
    told = page.get("/").text
    assert "What failed" not in told
    assert "backfill.evaluate" in told


def test_task_instance_opens_its_day(page: TestClient, database: Any, nights: list[datetime]) -> None:
    database.write([database.evaluation("daily", nights[-2])])
    run_id = f"scheduled__{nights[-2].isoformat()}"
    query = f"dag_id=daily&task_id=evaluate&run_id={run_id}&map_index={{MAP_INDEX}}"  # the "+" as Airflow 3.1 leaves it
    day = (nights[-2] - timedelta(days=1)).date()
    assert f"{day:%A, %d %B %Y}" in page.get(f"/task-instance?{query}").text


@pytest.mark.parametrize("path", ["/dag", "/task", "/quality", "/task-instance", "/report"])
def test_without_permission_nothing_leaks(
    page: TestClient, database: Any, permissions: Permissions, today: datetime, path: str
) -> None:
    secret = database.evaluation("secret-dag", today, name="secret-name", reason="secret-reason", state="failed")
    database.write([secret, database.check("secret-dag", today, passed=True)])
    permissions.readable = {"another"}
    query = {"dag_id": "secret-dag", "task_id": "evaluate", "run_id": f"scheduled__{today.isoformat()}"}
    answer = page.get(path, params=query)
    absent = page.get(path, params={**query, "dag_id": "no-such-dag"})
    assert answer.status_code == absent.status_code == 403
    assert answer.text == absent.text
    assert "secret" not in answer.text


def test_overview_holds_only_what_may_be_read(
    page: TestClient, database: Any, permissions: Permissions, today: datetime
) -> None:
    database.write([database.evaluation("mine", today), database.evaluation("secret", today, arize="VGFzazo3")])
    permissions.readable = {"mine"}
    told = page.get("/").text
    assert "quality of mine" in told
    assert "secret" not in told
    asked = {(method, dag_id, entity) for method, dag_id, entity in permissions.asked}
    assert {("GET", "mine", None), ("GET", "mine", "TASK_INSTANCE"), ("GET", "mine", "XCOM")} <= asked


def test_a_task_shared_with_a_hidden_dag_shows_its_own_records_only(
    page: TestClient, database: Any, permissions: Permissions, nights: list[datetime]
) -> None:
    database.write(
        [
            database.evaluation("mine", nights[-1], name="quality"),
            database.evaluation("secret", nights[-2], name="quality", state="failed", reason="secret reason"),
        ]
    )
    permissions.readable = {"mine"}
    day = (nights[-2] - timedelta(days=1)).date()
    told = page.get("/task", params={"dag_id": "mine", "task_id": "evaluate", "day": str(day)}).text
    assert "secret" not in told


def test_not_logged_in(database: Any, permissions: Permissions, today: datetime) -> None:
    from fastapi.testclient import TestClient

    from airflow_provider_arize_tasks.ui.app import build_app

    database.write([database.evaluation("daily", today)])
    answer = TestClient(build_app()).get("/")
    assert answer.status_code == 401
    assert "not logged in" in answer.text
    assert "daily" not in answer.text


def test_hostile_text_stays_text(page: TestClient, database: Any, today: datetime) -> None:
    name = "<script>alert(1)</script>\u202e\x07"
    link = {"arize_run_link": "javascript:alert(1)"}
    database.write([database.evaluation("daily", today, name=name, state="failed", reason=name, xcoms=link)])
    day = (today - timedelta(days=1)).date()
    for told in (
        page.get("/").text,
        page.get("/task", params={"dag_id": "daily", "task_id": "evaluate", "day": str(day)}).text,
    ):
        assert "<script>alert" not in told
        assert "\u202e" not in told
        assert "\x07" not in told
        assert "javascript:" not in told


@pytest.mark.parametrize("value", [None, 3, "s3://bucket/xcom", [1], {"data_start_time": 5, "runs": "x", "id": {}}, ""])
def test_xcoms_of_any_form_break_nothing(page: TestClient, database: Any, today: datetime, value: Any) -> None:
    odd = {"return_value": value, "arize_run": value, "arize_reason": value, "arize_run_link": value}
    database.write([database.evaluation("daily", today, xcoms=odd)])
    day = (today - timedelta(days=1)).date()
    for query in ({"day": str(day)}, {"day": str(today.date())}, {"day": "nonsense"}):
        answer = page.get("/task", params={"dag_id": "daily", "task_id": "evaluate", **query})
        assert answer.status_code == 200


def test_headers_let_nothing_in(page: TestClient) -> None:
    policy = page.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy
    for name in ("style.css", "page.js"):
        body = page.get(f"/static/{name}").text
        assert "http://" not in body
        assert "https://" not in body
    assert page.get("/static/..%2fapp.py").status_code == 404


def test_tables_that_do_not_fit_are_said(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(self: Any) -> None:
        raise ImportError("cannot import name 'XComModel'")

    monkeypatch.setattr("airflow_provider_arize_tasks.ui.records._Tables.__init__", moved)
    answer = page.get("/")
    assert answer.status_code == 503
    assert "the tables of Airflow" in answer.text
    with pytest.raises(RecordsError):
        AirflowRecords().dag_ids()


def test_what_was_recorded_before_the_upgrade_to_airflow_3_4_is_read_beside_what_came_since(
    database: Any, nights: list[datetime]
) -> None:
    instances = [
        database.evaluation("old", nights[-2], before_upgrade=True),
        database.evaluation("old", nights[-1], map_index=3),
    ]
    database.write(instances)
    found = AirflowRecords().read(Wanted(dag_ids=frozenset({"old"}), since=nights[0]))
    assert [record.map_index for record in found] == [-1, 3]
    assert [dict(record.values) for record in found] == [each["xcoms"] for each in instances]


@pytest.mark.parametrize("before_upgrade", [False, True])
@pytest.mark.parametrize("state", ["stale", "early", "let go"])
def test_what_the_gap_operator_saw_is_on_the_calendar(
    page: TestClient, database: Any, nights: list[datetime], state: str, before_upgrade: bool
) -> None:
    seen = [(20, 10, "covered"), (10, 9, state), (9, 0, "covered")]
    given = {"before_upgrade": before_upgrade}
    gone = nights[-10]
    ran = [each for each in nights if state != "let go" or each != gone]
    database.write(
        [
            *(database.evaluation("daily", night, **given) for night in ran),
            database.look("daily", nights[-1], seen, **given),
        ]
    )
    day = (gone - timedelta(days=1)).date()
    for address in ({"task_id": "evaluate"}, {"task_id": "gaps"}):
        answer = page.get("/task", params={"dag_id": "daily", **address, "day": str(day)})
        assert f'aria-label="{day:%d %B %Y}: {state}"' in answer.text
        assert f'aria-label="{day - timedelta(days=1):%d %B %Y}: covered"' in answer.text
    told = text_of(answer.text)
    assert f"daily.gaps {nights[-1]:%Y-%m-%d} 03:00 UTC" in told
    assert {"stale": "reevaluate", "early": "once it is over", "let go": "unless it should hold data"}[state] in told
    assert f"{day:%d %B %Y}: {state}" in page.get("/").text


def test_what_the_verify_operator_proved_is_on_the_calendar(
    page: TestClient, database: Any, nights: list[datetime]
) -> None:
    night = nights[-4]
    result = {
        "spans": 40,
        "complete": False,
        "data_start_time": (night - timedelta(days=1)).isoformat(),
        "data_end_time": night.isoformat(),
        "audit": {"task_id": "VGFzazox", "task_name": "quality of daily", "looked_at": nights[-1].isoformat()},
    }
    proof = database.instance(
        "daily",
        "verify",
        nights[-1],
        operator="ArizeVerifyWindowOperator",
        state="failed",
        xcoms={"arize_verification": result},
    )
    database.write([*(database.evaluation("daily", each) for each in nights), proof])
    day = (night - timedelta(days=1)).date()
    answer = page.get("/task", params={"dag_id": "daily", "task_id": "evaluate", "day": str(day)})
    assert f'aria-label="{day:%d %B %Y}: failed"' in answer.text
    assert "daily.verify" in text_of(answer.text)
    assert "spans lack labels" in answer.text


def test_a_task_of_which_only_a_gap_operator_knows_is_there(page: TestClient, database: Any, today: datetime) -> None:
    database.write([database.look("watch", today, [(3, 0, "missing")])])
    assert "quality of watch" in page.get("/").text
    run_id = f"scheduled__{today.isoformat()}"
    answer = page.get(
        "/task-instance", params={"dag_id": "watch", "task_id": "gaps", "run_id": run_id, "map_index": -1}
    )
    assert (answer.status_code, "quality of watch" in answer.text) == (200, True)


def test_a_gap_operator_that_wrote_no_states_breaks_nothing(page: TestClient, database: Any, today: datetime) -> None:
    bare = database.instance("watch", "gaps", today, operator="ArizeFindWindowGapsOperator", xcoms={"return_value": []})
    database.write([bare])
    run_id = f"scheduled__{today.isoformat()}"
    answer = page.get(
        "/task-instance", params={"dag_id": "watch", "task_id": "gaps", "run_id": run_id, "map_index": -1}
    )
    assert "ran nothing on Arize" in answer.text
    assert page.get("/").status_code == 200


def test_quality_page(page: TestClient, database: Any, nights: list[datetime]) -> None:
    changed = {"remarks": [{"outcome": "judge_changed", "message": "judge correctness: version 3 to 4"}]}
    database.write(
        [
            *(database.experiment("nightly", night) for night in nights),
            *(database.check("nightly", night, passed=True, score=0.8) for night in nights[:-1]),
            database.check("nightly", nights[-1], passed=False, score=0.55, result=changed),
        ]
    )
    answer = page.get("/quality", params={"dag_id": "nightly", "task_id": "check"})
    told = text_of(answer.text)
    assert "Quality of nightly prompt" in told
    assert "0.550 0.520 to 0.580" in told
    assert "version 3 to 4" in told
    assert answer.text.count("<circle") == 39
    assert page.get("/quality", params={"dag_id": "nightly", "task_id": "run"}).text.count("<circle") == 39


def test_a_night_that_could_not_tell_looks_neither_passed_nor_failed(
    page: TestClient, database: Any, nights: list[datetime]
) -> None:
    doubt = {"outcome": "not_ruled_out", "message": "correctness: a drop of 0.05 is not ruled out"}
    open_night = {"outcome": "inconclusive", "failures": [], "inconclusive": [doubt]}
    database.write([database.check("nightly", nights[-1], passed=False, result=open_night)])
    answer = page.get("/quality", params={"dag_id": "nightly", "task_id": "check"})
    told = text_of(answer.text)
    assert "inconclusive" in told
    assert "a drop of 0.05 is not ruled out" in told
    assert '<g class="open">' in answer.text
    assert "s-failed" not in answer.text


class TestReports:
    @pytest.fixture
    def folder(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
        (tmp_path / "reports").mkdir()
        (tmp_path / "reports" / "night.html").write_text("<h1>the report</h1>")
        (tmp_path / "secret.html").write_text("secret")
        (tmp_path / "reports" / "notes.txt").write_text("secret")
        (tmp_path / "reports" / "link.html").symlink_to(tmp_path / "secret.html")
        monkeypatch.setenv("AIRFLOW__ARIZE__REPORT_FOLDERS", f"{tmp_path}/reports, /nowhere")
        return tmp_path

    def get(self, page: TestClient, database: Any, today: datetime, path: str) -> Any:
        database.write([database.check("nightly", today, passed=True, result={"report": path})])
        query = {"dag_id": "nightly", "task_id": "check", "run_id": f"scheduled__{today.isoformat()}"}
        return page.get("/report", params=query)

    def test_served_as_a_page_that_runs_nothing(
        self, page: TestClient, database: Any, today: datetime, folder: Any
    ) -> None:
        answer = self.get(page, database, today, f"file://{folder}/reports/night.html")
        assert (answer.status_code, answer.text) == (200, "<h1>the report</h1>")
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert "script" not in answer.headers["content-security-policy"]

    @pytest.mark.parametrize(
        "path",
        [
            "{}/reports/../secret.html",
            "file://{}/reports/%2e%2e/secret.html",
            "{}/secret.html",
            "{}/reports/link.html",
            "{}/reports/notes.txt",
            "{}/reports",
            "/etc/passwd",
            "reports/night.html",
            "s3://bucket/night.html",
            "{}/reports/night.html\x00.html",
        ],
    )
    def test_nothing_else_is(self, page: TestClient, database: Any, today: datetime, folder: Any, path: str) -> None:
        answer = self.get(page, database, today, path.format(folder))
        assert answer.status_code == 404
        assert "secret" not in answer.text
        assert str(folder) not in answer.text

    def test_none_without_the_setting(
        self, page: TestClient, database: Any, today: datetime, folder: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AIRFLOW__ARIZE__REPORT_FOLDERS")
        answer = self.get(page, database, today, f"{folder}/reports/night.html")
        assert answer.status_code == 404
        assert "report_folders" in answer.text


class TestLookingAgain:
    @pytest.fixture
    def task_id(self, emulator: Any, arize_connection: str, database: Any, today: datetime) -> str:
        """A task of the emulator with a run over the day before yesterday, and records over yesterday."""
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        with ArizeHook() as hook:
            space = hook.list_spaces().items[0].id
            task = hook.create_evaluation_task(
                name="looked at",
                task_type="TEMPLATE_EVALUATION",
                space=space,
                project="demo-project",
                evaluators=[{"evaluator_id": "correctness"}],
            )
            window: dict[str, Any] = {
                "data_start_time": today - timedelta(days=2),
                "data_end_time": today - timedelta(days=1),
            }
            run = hook.trigger_run(task=task.id, **window)
        emulator.control.end_run(run.id, successes=7)
        database.write([database.evaluation("daily", today, arize=task.id, name="looked at")])
        emulator.control.forget_requests()
        return str(task.id)

    QUERY = "dag_id=daily&task_id=evaluate"

    def test_viewing_asks_arize_nothing_and_the_button_does(
        self, page: TestClient, emulator: Any, task_id: str, today: datetime
    ) -> None:
        for path in ("/", f"/task?{self.QUERY}", f"/quality?{self.QUERY}", "/dag?dag_id=daily"):
            assert page.get(path).status_code == 200
        assert emulator.control.requests() == []
        year = (today - timedelta(days=2)).year
        answer = page.post(f"/look?{self.QUERY}&year={year}", headers={"sec-fetch-site": "same-origin"})
        assert answer.status_code == 200
        assert emulator.control.requests() != []
        day = today - timedelta(days=2)
        assert "by Arize&#39;s runs" in answer.text
        assert f'title="{day:%d %B %Y}: covered' in answer.text.partition("by Arize&#39;s runs")[2]
        asked = len(emulator.control.requests())
        page.post(f"/look?{self.QUERY}&year={year}", headers={"sec-fetch-site": "same-origin"})
        assert len(emulator.control.requests()) == asked

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
    def test_not_for_other_sites(self, page: TestClient, emulator: Any, task_id: str, site: str) -> None:
        answer = page.post(f"/look?{self.QUERY}&year=2026", headers={"sec-fetch-site": site})
        assert answer.status_code == 403
        assert page.post(f"/look?{self.QUERY}&year=2026").status_code == 403
        assert emulator.control.requests() == []

    def test_not_for_those_who_may_only_read(
        self, page: TestClient, emulator: Any, task_id: str, permissions: Permissions
    ) -> None:
        permissions.runnable = set()
        answer = page.post(f"/look?{self.QUERY}&year=2026", headers={"sec-fetch-site": "same-origin"})
        assert answer.status_code == 403
        assert emulator.control.requests() == []
        assert "Look again" not in page.get(f"/task?{self.QUERY}").text


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of Airflow's database meanwhile."""
    from airflow import settings
    from sqlalchemy import event

    said: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        said.append(statement)

    event.listen(settings.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(settings.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("path", ["/", "/task?dag_id=dag3&task_id=evaluate", "/quality?dag_id=dag3&task_id=evaluate"])
def test_more_days_ask_no_more_of_the_database(page: TestClient, database: Any, today: datetime, path: str) -> None:
    """How long the page takes is measured by ``python -m dev.benchmarks.page``."""
    asked = []
    for days in (range(1), range(1, 25)):
        database.write(
            [
                database.evaluation(f"dag{n}", today - timedelta(days=day), arize=f"VGFzazo{n}", name=f"task {n}")
                for n in range(20)
                for day in days
            ]
        )
        page.get(path)
        with statements() as said:
            assert page.get(path).status_code == 200
        asked.append(len(said))
    assert asked[0] > 0
    assert asked[0] == asked[1]
