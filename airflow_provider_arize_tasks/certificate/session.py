"""One sitting with a server: what is made for it, found in it, and taken away again."""

from __future__ import annotations

import logging
import re
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.errors import ArizeApiError, ArizeError, ArizeNotFoundError
from airflow_provider_arize_tasks.client.sync import ArizeClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_arize_tasks.client.api import ArizeApi
    from airflow_provider_arize_tasks.client.endpoints import Call
    from airflow_provider_arize_tasks.client.models import Evaluator, Span, Task, TaskRun
    from airflow_provider_arize_tasks.client.responses import Response

T = TypeVar("T")
log = logging.getLogger(__name__)

#: Spans that are looked at to find some that nothing has labelled yet, and how many of them are used.
_LOOK_AT = 200
SPANS = 6
#: Evaluation sees spans an hour or two after they arrive; younger ones are left alone.
_INDEXED_AFTER = timedelta(hours=3)
#: At most so many spans are judged, examples included, and so many answers asked of a model.
MOST_JUDGEMENTS, MOST_ANSWERS = 16, 3
#: What is made bears such a name, and nothing else is ever deleted.
_OURS = re.compile(r"certify-\d{8}-[0-9a-f]{8}-.+")
_PREFIX = "certify-"


class CannotAskError(Exception):
    """An assumption can't be asked about. The text has nothing of the account's."""


class ListeningClient(ArizeClient):
    """A client that remembers the names of all response headers it has seen."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.header_names: set[str] = set()

    def _fetch(self, call: Call[Any]) -> Response:
        response = super()._fetch(call)
        self.header_names.update(name.lower() for name in response.headers)
        return response


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where to ask.

    :param project: whose spans are used (name or id).
    :param space: where names are looked up; ``None`` is the connection's.
    :param dataset: whose examples are used; without it, nothing about experiments is asked.
    :param integration: LLM provider that answers; needed with ``dataset``.
    :param evaluators: judges (names or ids); without any, two template evaluators of the space.
    :param patience: seconds to wait for one run.
    """

    project: str
    space: str | None = None
    dataset: str | None = None
    integration: str | None = None
    evaluators: tuple[str, ...] = ()
    patience: float = 900.0


@dataclass
class Session:
    """Makes what the questions need, and knows all that it made.

    :param api: the server.
    :param account: where to ask.
    :param pause: seconds between looks at a run.
    :param soon: within how many seconds of a run's end its effects should show.
    :ivar made: ids of the tasks that were made.
    :ivar runs: ids of the runs that were started.
    """

    api: ArizeApi
    account: Account
    pause: float = 2.0
    soon: float = 15.0
    made: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    _known: dict[str, Any] = field(default_factory=dict)
    _stem: str = field(default_factory=lambda: f"{_PREFIX}{datetime.now(timezone.utc):%Y%m%d}-{secrets.token_hex(4)}-")

    def once(self, what: str, make: Callable[[], T]) -> T:
        """What one question finds out, for the others; a failure is remembered, too, and not paid for twice."""
        if what not in self._known:
            try:
                self._known[what] = make()
            except (ArizeError, CannotAskError) as error:
                self._known[what] = error
        known = self._known[what]
        if isinstance(known, Exception):
            raise known
        return known  # type: ignore[no-any-return]

    def name(self, what: str) -> str:
        """A name of this session's own."""
        return self._stem + what

    def task(self, what: str, evaluators: int = 1) -> Task:
        """An evaluation task of the project, made at the first call.

        :param what: which of them.
        :param evaluators: how many judges it has.
        """
        return self.once(f"task {what}", lambda: self._make_task(what, evaluators))

    def _make_task(self, what: str, evaluators: int) -> Task:
        judges = self.judges
        if len(judges) < evaluators:
            raise CannotAskError(f"needs {evaluators} evaluators of spans")
        task = self.api.create_evaluation_task(
            name=self.name(what),
            task_type="TEMPLATE_EVALUATION",
            evaluators=[{"evaluator_id": judge.id} for judge in judges[:evaluators]],
            project=self.account.project,
            space=self.account.space,
        )
        self.made.append(task.id)
        return task

    @property
    def judges(self) -> list[Evaluator]:
        """Template evaluators of single spans."""
        return self.once("judges", self._find_judges)

    def _find_judges(self) -> list[Evaluator]:
        space = self.account.space
        if self.account.evaluators:
            return [self.api.get_evaluator(each, space) for each in self.account.evaluators]
        found: list[Evaluator] = []
        for each in self.api.list_evaluators(space, limit=100):
            if len(found) < 2 and (each.type or "").upper() == "TEMPLATE":
                judge = self.api.get_evaluator(each.id)
                config = (judge.version or {}).get("template_config") or {}
                if str(config.get("data_granularity") or "SPAN").upper() == "SPAN":
                    found.append(judge)
        if not found:
            raise CannotAskError("the space has no template evaluator of spans")
        return found

    @property
    def spans(self) -> list[Span]:
        """A few neighbouring spans that nothing has labelled, the oldest first."""
        return self.once("spans", self._find_spans)

    def _find_spans(self) -> list[Span]:
        now = datetime.now(timezone.utc)
        body = {
            "project_id": self.api.resolve_project(self.account.project, self.account.space),
            "start_time": (now - timedelta(days=29)).isoformat(),
            "end_time": (now - _INDEXED_AFTER).isoformat(),
        }
        page = self.api.call(endpoints.list_spans(body, limit=_LOOK_AT))
        found = [span for span in reversed(page.items) if span.start_time is not None]
        for first in range(len(found) - SPANS, -1, -1):
            chosen = found[first : first + SPANS]
            times = [span.start_time for span in chosen]
            border = [found[index].start_time for index in (first - 1, first + SPANS) if 0 <= index < len(found)]
            alone = len(set(times)) == SPANS and not set(times) & set(border)
            if alone and not any(span.evaluations for span in chosen):
                return chosen
        raise CannotAskError(f"the project has no {SPANS} neighbouring spans without labels among its latest")

    def window(self, first: int, last: int) -> dict[str, str]:
        """The window that holds some of the spans.

        :param first: index of the first.
        :param last: index of the last.
        """
        start, end = self.spans[first].start_time, self.spans[last].start_time
        if start is None or end is None:
            raise CannotAskError("a span has no time")
        return {"data_start_time": start.isoformat(), "data_end_time": (end + timedelta(milliseconds=1)).isoformat()}

    def trigger(self, task: Task, **body: Any) -> TaskRun:
        """Start a run as the wire has it: nothing is checked or repeated."""
        run = self.api.client.send(endpoints.trigger_task_run(task.id, body), retry=False)
        self.runs.append(run.id)
        return run

    def ended(self, run: TaskRun) -> TaskRun:
        """A run at its end.

        :raises CannotAskError: it does not end in time.
        """
        try:
            return self.api.wait_for_run(run.id, poll_interval=self.pause, timeout=self.account.patience)
        except TimeoutError:
            raise CannotAskError("a run did not end in time") from None

    def completed(self, run: TaskRun) -> TaskRun:
        """A run at its end, if that is a good one."""
        last = self.ended(run)
        if last.status_text is None or last.status_text.upper() != "COMPLETED":
            raise CannotAskError(f"a run ended {(last.status_text or 'otherwise').upper()[:12]}")
        return last

    def within(self, seconds: float, is_there: Callable[[], bool]) -> bool:
        """Whether something shows within so many seconds."""
        ends = time.monotonic() + seconds
        while not is_there():
            if time.monotonic() > ends:
                return False
            time.sleep(min(self.pause, 1.0))
        return True


def clean_up(api: ArizeApi, account: Account) -> int:
    """Delete every task and experiment that a certificate has made in this space and dataset, and nothing else.

    :param api: the server.
    :param account: where to look.
    :return: how many were deleted.
    """
    deleted = 0
    for task in list(api.iter_tasks(name=_PREFIX, space=account.space)):
        if task.name and _OURS.fullmatch(task.name):
            deleted += _delete_task(api, task.id)
    if account.dataset is not None:
        for each in list(api.iter_experiments(account.dataset, account.space, _PREFIX)):
            if each.name and _OURS.fullmatch(each.name):
                deleted += _gone(api, endpoints.delete_experiment(each.id))
    return deleted


def _delete_task(api: ArizeApi, task_id: str) -> int:
    """Delete a task: its active runs first, so that none makes an experiment after it is gone."""
    for run in list(api.list_all_runs(task_id)):
        if not run.status.is_terminal:
            try:
                api.cancel_run(run.id)
                api.wait_for_run(run.id, poll_interval=0.5, timeout=60)
            except (ArizeApiError, TimeoutError) as error:
                log.warning("A run that was active could not be cancelled: %s", error)
    return _gone(api, endpoints.delete_task(task_id))


def _gone(api: ArizeApi, call: Call[None]) -> int:
    try:
        api.call(call)
    except ArizeNotFoundError:
        return 0
    return 1
