"""The tests' own client of Airflow bears with an API server that is busy, restarting or out of connections."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from dev.local_airflow.api import AirflowApi, ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASE_ERROR = (500, {"detail": {"reason": "Database error", "message": "Serious error"}})
SILENCE, CUT_OFF = "silence", "cut off"
RUN = (200, {"dag_run_id": "r", "state": "running"})


class Airflow:
    """Answers one call after the other as it was told to, the last answer over and over."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.sign_ins: list[Any] = []
        self.calls: list[str] = []
        airflow = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Nothing."""

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                if self.path == "/auth/token":
                    answer = airflow.sign_ins.pop(0) if airflow.sign_ins else (201, {"access_token": "t"})
                else:
                    airflow.calls.append(f"{self.command} {self.path} {body.decode()}".strip())
                    answer = airflow.answers.pop(0) if len(airflow.answers) > 1 else airflow.answers[0]
                if answer == SILENCE:
                    time.sleep(0.6)
                    self.close_connection = True
                    return
                status, content = (200, {}) if answer == CUT_OFF else answer
                sent = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(sent) + 10 * (answer == CUT_OFF)))
                self.end_headers()
                self.wfile.write(sent)
                self.close_connection = answer == CUT_OFF

            do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - http.server's names

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.api = AirflowApi(f"http://127.0.0.1:{self.server.server_port}", patience=20, answer=0.3, pause=0.01)


@pytest.fixture
def airflow() -> Iterator[Airflow]:
    made = Airflow()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.mark.parametrize("fault", [DATABASE_ERROR, SILENCE, CUT_OFF, (503, {}), (401, {})], ids=str)
def test_a_call_is_repeated_until_it_is_answered(airflow: Airflow, fault: Any) -> None:
    airflow.answers = [fault, fault, RUN]
    assert airflow.api.run("d", "r")["state"] == "running"
    assert len(airflow.calls) == 3


@pytest.mark.parametrize("fault", [DATABASE_ERROR, SILENCE, CUT_OFF], ids=str)
def test_signing_in_is_repeated_too(airflow: Airflow, fault: Any) -> None:
    airflow.sign_ins = [fault]
    airflow.answers = [RUN]
    assert airflow.api.run("d", "r")["state"] == "running"


def test_one_unanswered_call_is_not_the_end_of_patience(airflow: Airflow) -> None:
    """An answer may take longer than all patience that is left; only then it ends."""
    airflow.api.patience = 0.5
    airflow.answers = [SILENCE, RUN]
    assert airflow.api.run("d", "r")["state"] == "running"


def test_patience_ends_with_what_was_met(airflow: Airflow) -> None:
    airflow.api.patience = 0.1
    airflow.answers = [DATABASE_ERROR]
    with pytest.raises(ApiError, match=r"no good answer .* for 0.1 s; last: 500 .*Database error"):
        airflow.api.run("d", "r")


def test_a_refusal_is_told_at_once(airflow: Airflow) -> None:
    airflow.answers = [(404, {"detail": "no such run"})]
    with pytest.raises(ApiError, match="404"):
        airflow.api.run("d", "r")
    assert len(airflow.calls) == 1


def test_a_dag_run_whose_answer_was_lost_is_there(airflow: Airflow) -> None:
    airflow.answers = [DATABASE_ERROR, (409, {"detail": "exists"}), RUN]
    assert airflow.api.trigger("d", "r") == "r"
    assert [call.split()[0] for call in airflow.calls] == ["POST", "POST", "GET"]


def test_a_dag_run_without_a_known_id_is_not_taken_for_ours(airflow: Airflow) -> None:
    airflow.answers = [(409, {"detail": "exists"})]
    with pytest.raises(ApiError, match="409"):
        airflow.api.trigger("d")


def test_who_waits_asks_ever_more_rarely() -> None:
    api = AirflowApi("http://127.0.0.1:9")
    asked: list[float] = []

    def check() -> bool:
        asked.append(time.monotonic())
        return len(asked) == 4

    assert api.wait_for("it", check, every=0.05)
    gaps = [later - sooner for sooner, later in pairwise(asked)]
    assert gaps[0] >= 0.05
    assert gaps[2] >= 0.07
