"""Whatever a server sends, through hook, trigger event, report and log: nothing but this provider's own errors."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.aio import AsyncArizeClient
from airflow_provider_arize_tasks.client.config import ClientConfig, config_from_fields
from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.client.incoming import Gate, RefusedReplyError, clean_text
from airflow_provider_arize_tasks.client.models import ExperimentRun, Page, Task, TaskRun
from airflow_provider_arize_tasks.client.sync import ArizeClient
from airflow_provider_arize_tasks.client.transport import RetryPolicy
from airflow_provider_arize_tasks.hooks.arize import ArizeHook
from airflow_provider_arize_tasks.quality.rows import read_row
from airflow_provider_arize_tasks.runs.verdict import RunPolicy, judge_run
from airflow_provider_arize_tasks.runs.waiting import can_be_sent, clean_run
from airflow_provider_arize_tasks.triggers.wait import Wait, Watched
from tests.integration.fuzz.replies import (
    KEY,
    NUMBERS,
    ROW_FIELDS,
    RUN_ID,
    TASK_ID,
    ByteServer,
    json_of,
    record,
    responses,
)
from tests.integration.fuzz.reported import check_report, storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ONCE = RetryPolicy(total_seconds=0)
#: Which kind of reply, what asks for it through the hook, and the same request for the asynchronous transport.
ASKED: dict[str, tuple[str, Callable[[ArizeHook], Any], Any]] = {
    "get run": ("run", lambda hook: hook.get_run(RUN_ID), endpoints.get_task_run(RUN_ID)),
    "list runs": ("runs", lambda hook: hook.list_runs(TASK_ID), endpoints.list_task_runs(TASK_ID)),
    "get task": ("task", lambda hook: hook.get_task(TASK_ID), endpoints.get_task(TASK_ID)),
    "cancel": ("run", lambda hook: hook.cancel_run(RUN_ID), endpoints.cancel_task_run(RUN_ID)),
    "rows": ("rows", lambda hook: list(hook.iter_experiment_runs(TASK_ID)), endpoints.list_experiment_runs(TASK_ID)),
    "trigger": (
        "run",
        lambda hook: hook.client.send(endpoints.trigger_task_run(TASK_ID, {})),
        endpoints.trigger_task_run(TASK_ID, {}),
    ),
}


class Lines(logging.Handler):
    """All that was logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Bench:
    """Hook and asynchronous client before one server, used for all examples."""

    def __init__(self) -> None:
        self.server = ByteServer()
        self.config: ClientConfig = config_from_fields(
            conn_id="arize_fuzz",
            password=KEY,
            host=self.server.url,
            port=None,
            schema=None,
            extra={"proxies": {}, "timeout": 5},
        )
        self.hook = ArizeHook("arize_fuzz")
        vars(self.hook).update(config=self.config, client=ArizeClient(self.config, retry=ONCE))
        self.loop = asyncio.new_event_loop()
        self.aio = AsyncArizeClient(self.config, retry=ONCE)
        self.log = Lines()
        self.logger = logging.getLogger("airflow_provider_arize_tasks")
        self.logger.addHandler(self.log)
        self.logger.setLevel(logging.DEBUG)

    def ask(self, transport: str, what: str, response: bytes) -> Any:
        """The reply, or this provider's error."""
        self.server.response = response
        self.log.lines.clear()
        _, through_hook, call = ASKED[what]
        try:
            if transport == "sync":
                return through_hook(self.hook)
            return self.loop.run_until_complete(self.aio.send(call))
        except ArizeError as error:
            return error

    def close(self) -> None:
        self.hook.close()
        self.loop.run_until_complete(self.aio.close())
        self.loop.close()
        self.server.close()
        self.logger.removeHandler(self.log)
        self.logger.setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def is_one_line(text: str) -> bool:
    """Whether a text can be logged as one line that does nothing to a terminal."""
    return clean_text(text) == text and not any(char in text for char in "\n\r\x1b\x07\u2028\u2029\u202e\x00")


def check_error(error: ArizeError) -> None:
    twin = pickle.loads(pickle.dumps(error))
    assert str(twin) == str(error)
    for text in (str(error), repr(error), repr(vars(error)), repr(error.__cause__), repr(error.__context__)):
        assert KEY not in text
        text.encode()
    assert is_one_line(str(error)), str(error)
    assert len(str(error)) < 4000


def check_run(run: TaskRun) -> None:
    event = {"status": "done", "runs": {run.id: clean_run(run)}, "message": repr(run.status)}
    assert can_be_sent(event)
    assert storable(event)
    judge_run(run, RunPolicy())
    seen, wait = Watched(run.id), Wait([run.id], poll_interval=30.0, began=0.0, deadline=None)
    seen.waits.append(wait)
    wait.watched[run.id] = seen
    seen.saw(run, 1.0, 0.5)


def check_reply(reply: Any) -> None:
    """One reply, through whatever it goes through afterwards."""
    if isinstance(reply, ArizeError):
        check_error(reply)
        return
    items = list(reply) if isinstance(reply, (list, Page)) else [reply]
    for item in items:
        sent = item.to_dict()
        assert storable(sent)
        assert KEY not in json.dumps(sent)
        json.dumps(sent, ensure_ascii=False, allow_nan=False).encode()
        repr(item).encode()
        pickle.loads(pickle.dumps(item))
        if isinstance(item, TaskRun):
            check_run(item)
        elif isinstance(item, ExperimentRun):
            repr(read_row(item.raw)).encode()
        else:
            assert isinstance(item, Task)
    rows = [item for item in items if isinstance(item, ExperimentRun)]
    if rows:
        check_report(rows, KEY)


def one(bench: Bench, transport: str, data: st.DataObject) -> None:
    what = data.draw(st.sampled_from(sorted(ASKED)))
    response = data.draw(responses(ASKED[what][0]))
    check_reply(bench.ask(transport, what, response))
    for line in bench.log.lines:
        assert KEY not in line
        assert is_one_line(line), line


@pytest.mark.parametrize("transport", ["sync", "async"])
@settings(
    max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
@given(data=st.data())
def test_some_replies(bench: Bench, transport: str, data: st.DataObject) -> None:
    one(bench, transport, data)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("transport", ["sync", "async"])
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_many_replies(bench: Bench, transport: str, data: st.DataObject) -> None:
    one(bench, transport, data)


ROWS = st.lists(
    st.builds(lambda row, score: {**row, "eval.correct.score": score}, record(ROW_FIELDS), NUMBERS | st.floats(-1, 1)),
    min_size=1,
    max_size=12,
)


def report_of_some_rows(rows: list[dict[str, Any]], paired: bool) -> None:
    """More rows than one small reply has, of examples that were there the night before."""
    named = [{**row, "example_id": f"example {number}"} if paired else row for number, row in enumerate(rows)]
    try:
        read = Gate(secrets=(KEY,)).read(json_of(named, True, None))
    except RefusedReplyError:
        return
    if isinstance(read, list):
        check_report([ExperimentRun.read({**row, "id": "an-id"}) for row in read], KEY)


@settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
@given(rows=ROWS, paired=st.booleans())
def test_some_reports(rows: list[dict[str, Any]], paired: bool) -> None:
    report_of_some_rows(rows, paired)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS, paired=st.booleans())
def test_many_reports(rows: list[dict[str, Any]], paired: bool) -> None:
    report_of_some_rows(rows, paired)
