"""What this provider and its emulator assume of the server: each assumption with the question that is put to a server.

Whoever relies on an assumption says so beside the code, with the comment ``Assumes "NAME"``; so does the emulator where
it behaves that way. A test holds the assumptions and the comments together.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.certificate.assumptions import Assumption, Finding, Verdict
from airflow_provider_arize_tasks.certificate.redact import redacted
from airflow_provider_arize_tasks.certificate.session import CannotAskError, Session
from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.errors import ArizeApiError, ArizeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_arize_tasks.certificate.assumptions import Question
    from airflow_provider_arize_tasks.client.endpoints import Reply
    from airflow_provider_arize_tasks.client.models import Experiment, Task, TaskRun

#: By name, in the order of asking: later questions build on what earlier ones made.
ASSUMPTIONS: dict[str, Assumption] = {}
_MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
#: No project of this API has spans of that time.
_LONG_AGO = ("2001-01-01T00:00:00", "2001-01-01T01:00:00")
_RATE_LIMIT = re.compile(r"rate-?limit|retry-after|quota")


def ask_all(session: Session, tell: Callable[[Finding], None] = lambda _finding: None) -> Iterator[Finding]:
    """Ask everything, one after the other.

    :param session: makes and finds what the questions need.
    :param tell: is told each finding as it comes.
    """
    for each in ASSUMPTIONS.values():
        found = _ask(session, each)
        tell(found)
        yield found


def _ask(session: Session, assumed: Assumption) -> Finding:
    try:
        answer = assumed.ask(session)
    except CannotAskError as error:
        return _not_asked(assumed, str(error))
    except ArizeApiError as error:
        return _not_asked(assumed, f"the server answered {error.status}: {redacted(error.detail) or 'no reason'}")
    except ArizeError as error:
        return _not_asked(assumed, f"{type(error).__name__} on the way")
    answer, text = answer if isinstance(answer, tuple) else (answer, None)
    verdict = Verdict.HOLDS if answer == assumed.answer else Verdict.DIFFERS
    return Finding(name=assumed.name, verdict=verdict, found=answer, text=redacted(text))


def _not_asked(assumed: Assumption, why: str) -> Finding:
    return Finding(name=assumed.name, verdict=Verdict.NOT_ASKED, found=why)


def assumption(name: str, says: str, *, answer: str) -> Callable[[Question], Question]:
    """Add an assumption to the list, with the question that is decorated; see :class:`.Assumption`."""

    def add(ask: Question) -> Question:
        ASSUMPTIONS[name] = Assumption(name=name, says=says, answer=answer, ask=ask)
        return ask

    return add


def _refusal(send: Callable[[], Any]) -> tuple[str, str | None]:
    """The status and text of a refusal, or that there was none."""
    try:
        send()
    except ArizeApiError as error:
        return str(error.status), error.detail
    return "not refused", None


def _first(session: Session) -> Reply[TaskRun]:
    """The first run: the two oldest spans, labelled whatever they carry."""

    def make() -> Reply[TaskRun]:
        body = {**session.window(0, 1), "override_evaluations": True, "max_spans": 2}
        call = endpoints.trigger_task_run(session.task("first").id, body)
        reply = session.api.client.send_full(call, retry=False)
        session.runs.append(reply.value.id)
        return reply

    return session.once("first run", make)


def _first_completed(session: Session) -> TaskRun:
    return session.once("first run's end", lambda: session.completed(_first(session).value))


def _second(session: Session) -> TaskRun:
    """The same window once more."""
    _first_completed(session)
    return session.once(
        "second run", lambda: session.ended(session.trigger(session.task("first"), **session.window(0, 1), max_spans=2))
    )


def _newest(session: Session) -> TaskRun:
    """The first task's other window, the two newest spans."""
    _first_completed(session)
    body = {**session.window(4, 5), "max_spans": 2}
    return session.once("newest run", lambda: session.completed(session.trigger(session.task("first"), **body)))


@assumption("newest-first", "Lists of tasks and runs begin with the newest.", answer="newest first")
def newest_first(session: Session) -> str:
    """The order of two lists."""
    first, last = _first_completed(session), _newest(session)
    runs = [run.id for run in session.api.list_runs(session.task("first").id, limit=100)]
    older, newer = session.task("first"), session.task("labelled")
    names = session.api.list_tasks(name=session.name(""), space=session.account.space, limit=100)
    tasks = [task.id for task in names]
    orders = {runs.index(last.id) < runs.index(first.id), tasks.index(newer.id) < tasks.index(older.id)}
    if len(orders) > 1:
        return "neither"
    return "newest first" if orders == {True} else "oldest first"


@assumption(
    "pages-hold-all-once", "The pages of a list hold each run once, and the last has no cursor.", answer="each once"
)
def pages_hold_all_once(session: Session) -> str:
    """A list in pages of one."""
    made = {_first_completed(session).id, _newest(session).id}
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(20):
        page = session.api.list_runs(session.task("first").id, limit=1, cursor=cursor)
        seen += [run.id for run in page]
        cursor = page.next_cursor
        if cursor is None:
            break
    else:
        return "no end"
    if len(seen) != len(set(seen)):
        return "some twice"
    return "each once" if made <= set(seen) else "some missing"


@assumption("created-at-milliseconds", "`created_at` of a run is in UTC with milliseconds.", answer="UTC, milliseconds")
def created_at_milliseconds(session: Session) -> str:
    """How a time is written."""
    text = str(_first(session).value.to_dict().get("created_at"))
    return "UTC, milliseconds" if _MILLISECONDS.fullmatch(text) else re.sub(r"\d", "9", text)[:40]


@assumption(
    "created-at-is-the-date-clock",
    "`created_at` of a run and the `Date` header are of one clock, to a few seconds.",
    answer="within 5 s",
)
def created_at_is_the_date_clock(session: Session) -> str:
    """Two clocks of one reply."""
    reply = _first(session)
    if reply.server_time is None or reply.value.created_at is None:
        raise CannotAskError("the reply names no time")
    apart = abs(reply.value.created_at - reply.server_time)
    return "within 5 s" if apart <= timedelta(seconds=5) else "further apart"


@assumption(
    "second-trigger-runs-again", "A second trigger over the same window starts a second run.", answer="another run"
)
def second_trigger_runs_again(session: Session) -> str | tuple[str, str | None]:
    """The same trigger twice."""
    first = _first_completed(session)
    try:
        second = _second(session)
    except ArizeApiError as error:
        return str(error.status), error.detail
    return "the same run" if second.id == first.id else "another run"


@assumption(
    "labelled-run-is-cancelled",
    "A run whose data is labelled already ends CANCELLED, 0/0/0, and its reason names `override_evaluations`.",
    answer="CANCELLED, counts zero, reason names override_evaluations",
)
def labelled_run_is_cancelled(session: Session) -> tuple[str, str | None]:
    """Another task with the same judge, over what is labelled."""
    _first_completed(session)
    run = session.ended(session.trigger(session.task("labelled"), **session.window(0, 1), max_spans=2))
    reason = "names override_evaluations" if "override_evaluations" in (run.failure_reason or "") else "says otherwise"
    counts = "zero" if run.num_processed == 0 else "not zero"
    return f"{(run.status_text or '').upper()[:12]}, counts {counts}, reason {reason}", run.failure_reason


@assumption(
    "limit-after-labels", "`max_spans` counts after labelled spans are left out.", answer="labelled spans do not count"
)
def limit_after_labels(session: Session) -> str:
    """A limit of two, over two labelled spans, two without labels, and two labelled ones."""
    _first_completed(session)
    _newest(session)
    run = session.ended(session.trigger(session.task("limit"), **session.window(0, 5), max_spans=2))
    return "labelled spans do not count" if run.num_processed else "labelled spans count"


@assumption("counts-once", "A run counts each span once, however many evaluators the task has.", answer="once per span")
def counts_once(session: Session) -> str:
    """Two judges on two spans."""
    task = session.task("two", evaluators=2)
    body = {**session.window(0, 1), "override_evaluations": True, "max_spans": 2}
    run = session.completed(session.trigger(task, **body))
    return {2: "once per span", 4: "once per span and evaluator"}.get(run.num_processed, f"{run.num_processed} of 2")


@assumption(
    "no-data-is-400",
    "A trigger over a window without spans is refused with 400, 'No data found'.",
    answer="400 no data found",
)
def no_data_is_400(session: Session) -> tuple[str, str | None]:
    """A window of long ago."""
    start, end = (f"{text}Z" for text in _LONG_AGO)
    status, text = _refusal(lambda: session.trigger(session.task("first"), data_start_time=start, data_end_time=end))
    return f"{status} no data found" if "no data found" in (text or "").lower() else status, text


@assumption("naive-time-is-422", "A time without an offset is refused with 422.", answer="422")
def naive_time_is_422(session: Session) -> tuple[str, str | None]:
    """A time without an offset."""
    start, end = _LONG_AGO
    return _refusal(lambda: session.trigger(session.task("first"), data_start_time=start, data_end_time=end))


@assumption("name-clash-is-409", "A task of a name that is taken is refused with 409.", answer="409")
def name_clash_is_409(session: Session) -> tuple[str, str | None]:
    """A task like one that is there."""
    first = session.task("first")
    body = {
        "name": first.name,
        "type": first.type_text,
        "project_id": first.project_id,
        "evaluators": [{"evaluator_id": session.judges[0].id}],
    }
    return _refusal(lambda: session.api.call(endpoints.create_task(body)))


@assumption("enums-upper-case", "Replies spell enums in upper case.", answer="upper case")
def enums_upper_case(session: Session) -> str:
    """How a type is spelled."""
    text = session.task("first").type_text or ""
    return "upper case" if text == text.upper() else "lower case" if text == text.lower() else "mixed case"


@assumption("cancel-of-ended-run-is-400", "Cancelling a run that has ended is refused with 400.", answer="400")
def cancel_of_ended_run_is_400(session: Session) -> tuple[str, str | None]:
    """A cancel that comes too late."""
    run = _first_completed(session)
    return _refusal(lambda: session.api.client.send(endpoints.cancel_task_run(run.id), retry=False))


def _evaluations(session: Session) -> list[dict[str, Any]]:
    """The evaluations that the two oldest spans carry."""
    window = session.window(0, 1)
    body = {
        "project_id": session.task("first").project_id,
        "start_time": window["data_start_time"],
        "end_time": window["data_end_time"],
    }
    page = session.api.call(endpoints.list_spans(body, limit=100))
    return [dict(each) for span in page for each in span.evaluations]


@assumption(
    "labels-readable-at-end",
    "Labels can be read with the spans as soon as the run has completed.",
    answer="within 15 s",
)
def labels_readable_at_end(session: Session) -> str:
    """Labels of the run that has just completed."""
    _first_completed(session)
    return "within 15 s" if session.within(session.soon, lambda: bool(_evaluations(session))) else "later"


@assumption(
    "evaluation-metadata-names-run",
    "The metadata of a span's evaluation names the task and the run.",
    answer="task and run",
)
def evaluation_metadata_names_run(session: Session) -> tuple[str, str]:
    """Ids in the metadata of a label, and its keys."""
    _first_completed(session)
    found = _evaluations(session)
    if not found:
        raise CannotAskError("no label could be read")
    text = json.dumps([each.get("metadata") for each in found])
    made = (("task", session.made), ("run", session.runs))
    named = [word for word, ids in made if any(each in text for each in ids)]
    keys = sorted({key for each in found for key in each.get("metadata") or {}})
    return " and ".join(named) or "neither", " ".join(keys)


@assumption(
    "no-rate-limit-headers",
    "Replies carry no headers about the rate limit but `Retry-After` with a 429.",
    answer="none",
)
def no_rate_limit_headers(session: Session) -> str:
    """Headers of all replies so far."""
    _first(session)
    names = getattr(session.api.client, "header_names", None)
    if not names:
        raise CannotAskError("the headers were not seen")
    found = sorted(name for name in names if _RATE_LIMIT.search(name) and name != "retry-after")
    return ", ".join(found)[:120] or "none"


def _experiment_task(session: Session) -> Task:
    account = session.account
    dataset, integration = account.dataset, account.integration
    if dataset is None or integration is None:
        raise CannotAskError("needs --dataset and --integration")

    def make() -> Task:
        task = session.api.create_run_experiment_task(
            name=session.name("experiments"),
            dataset=dataset,
            space=account.space,
            run_configuration={
                "experiment_type": "LLM_GENERATION",
                "ai_integration_id": integration,
                "messages": [{"role": "USER", "content": "Answer with the one word yes."}],
                "input_variable_format": "MUSTACHE",
            },
        )
        session.made.append(task.id)
        return task

    return session.once("experiment task", make)


def _start(session: Session) -> TaskRun:
    body = {"experiment_name": session.name("experiment"), "max_examples": 1}
    return session.trigger(_experiment_task(session), **body)


def _experiment(session: Session) -> Experiment:
    def make() -> Experiment:
        run = session.completed(_start(session))
        if run.experiment_id is None:
            raise CannotAskError("the run names no experiment")
        return session.api.get_experiment(run.experiment_id)

    return session.once("experiment", make)


@assumption(
    "experiment-name-clash-is-409",
    "An experiment of a name that is taken is refused at the trigger with 409.",
    answer="409",
)
def experiment_name_clash_is_409(session: Session) -> tuple[str, str | None]:
    """An experiment's name once more."""
    _experiment(session)
    return _refusal(lambda: _start(session))


@assumption(
    "scores-readable-at-end",
    "Scores of an experiment can be read as soon as its evaluation has completed.",
    answer="within 15 s",
)
def scores_readable_at_end(session: Session) -> str:
    """Scores of an evaluation that has just completed."""
    experiment, judge = _experiment(session), session.judges[0]
    task = session.api.create_evaluation_task(
        name=session.name("scores"),
        task_type="TEMPLATE_EVALUATION",
        evaluators=[{"evaluator_id": judge.id}],
        dataset=session.account.dataset,
        space=session.account.space,
        experiment_ids=[experiment.id],
    )
    session.made.append(task.id)
    session.completed(session.trigger(task, experiment_ids=[experiment.id]))

    def is_there() -> bool:
        rows = session.api.call(endpoints.list_experiment_runs(experiment.id, limit=10))
        return any("eval" in json.dumps(sorted(row.to_dict())) for row in rows)

    return "within 15 s" if session.within(session.soon, is_there) else "later"


@assumption("deleted-experiment-name-is-free", "The name of a deleted experiment can be used again.", answer="free")
def deleted_experiment_name_is_free(session: Session) -> str | tuple[str, str | None]:
    """The name of an experiment that is gone."""
    session.api.call(endpoints.delete_experiment(_experiment(session).id))
    try:
        run = _start(session)
    except ArizeApiError as error:
        return str(error.status), error.detail
    session.api.cancel_run(run.id)
    return "free"
