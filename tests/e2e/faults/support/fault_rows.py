"""The rows of the fault matrix: what is done to each, and the numbers that must come out. Data only."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import Any

#: Steps at which a worker process can kill itself; the text is what the table says.
BEFORE_INTENT = "before the intent is written"
AFTER_INTENT = "intent written, POST not yet sent"
UNANSWERED = "POST sent, no answer yet"
ANSWERED = "answered, run id not yet recorded"
RECORDED = "run id recorded, not yet deferred"
WAITING = "waiting in the worker"
RESUMING = "resuming"
JUDGED = "judged, result not yet reported"
RANDOM = "at a random moment"

EVALUATION, EXPERIMENT = "evaluation", "experiment"
SEED = int(os.environ.get("FAULTS_SEED", "1"))
#: The emulators that the rows use, and what goes wrong at each by itself; each has a connection of the same name.
KIND, BAD, SKEWED, SHIFTING, APART = "kind", "bad", "skewed", "shifting", "apart"
WEATHERS: dict[str, dict[str, Any]] = {
    KIND: {},
    # Some fifty tasks share this server: what throttles one request pauses them all, so it is to be rarer.
    BAD: {"kind": "bad", "seed": SEED, "throttled": 0.005},
    SKEWED: {"gateway_skew_seconds": 3.0, "server_skew_seconds": -1.0},
    # A list that never holds still can be read by nobody: some of its readings are to be whole.
    SHIFTING: {"shifted_pages": 0.4, "page_size": 3},
    APART: {},  # for a row that is throttled for long: others of the same server would wait with it
}
#: Connections besides these: name, weather, and fields of the connection's extra.
IMPATIENT = "impatient"
CONNECTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in WEATHERS},
    IMPATIENT: (KIND, {"timeout": 3}),
}
#: Seconds for a run that is stopped before its end, however slow the machine.
LONG = 600.0
LASTS = {"run_seconds": LONG}
#: Seconds a remote run lasts: shorter waits make Airflow fail resuming attempts on its own more often.
RUN_SECONDS = 12.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault and what must be left when its task has ended.

    :param name: the row's DAG, Arize task and place in the data are called so.
    :param what: what happens, for the table.
    :param kind: the operator; :param deferrable: how it waits.
    :param die_at: step at which the worker process kills itself; :param whole_worker: with its supervisor.
    :param inject: what the emulator does to the request that triggers the run.
    :param action: what is done to the waiting task from outside, a name of ``actions.py``.
    :param connection: connection that the operator uses, and with it the emulator and its weather.
    :param run_seconds: how long remote runs of this row last; :param first: outcome of the first one, if another.
    :param spans: how many its window holds.
    :param earlier: runs that the task has from before.
    :param arguments: further arguments of the operator; :param dag: further arguments of the DAG.
    :param state: of the task in the end.
    :param kills: how many kills there must have been.
    :param runs: remote runs started in all; :param is_loose: others, started by chance and cancelled, are no mistake.
    :param completed: of these, completed.
    :param going: of these, still going when the task has ended.
    :param twins: of these, cancelled as twins.
    :param labelled: whether the data must be labelled, all of it and once, in the end.
    :param cleared: attempts that ended because the task was cleared.
    :param says: regular expression that some attempt's log must match; the table shows the line.
    """

    name: str
    what: str
    kind: str = EVALUATION
    deferrable: bool = True
    die_at: str | None = None
    die_times: int = 1
    whole_worker: bool = False
    inject: dict[str, Any] | None = None
    action: str | None = None
    run_seconds: float = RUN_SECONDS
    spans: int = 20
    connection: str = KIND
    first: dict[str, Any] = field(default_factory=dict)
    earlier: int = 0
    arguments: dict[str, Any] | None = None
    dag: dict[str, Any] | None = None
    retries: int = 12
    state: str = "success"
    kills: int = 0
    runs: int = 1
    is_loose: bool = False
    completed: int = 1
    going: int = 0
    twins: int = 0
    labelled: bool = True
    cleared: int = 0
    says: str = ""

    @property
    def weather(self) -> str:
        """Which weather its emulator has."""
        return CONNECTIONS[self.connection][0]


def _kill(name: str, step: str, says: str, aside: str = "", **more: Any) -> Row:
    whom = "the worker and its supervisor" if more.get("whole_worker") else "the worker"
    what = f"kill -9 of {whom}: {step}" + (f"; {aside}" if aside else "")
    return Row(name=name, what=what, die_at=step, kills=1, says=says, **more)


FRESH = "nothing was triggered before: triggering"
ADOPTS = "[Aa]dopting run"
MEANT = "meant to trigger at .* never read an answer"
SLOW = {"kind": "slow_after", "seconds": 6.0}
#: Step, what the next attempt says, further fields. The same for both operators, deferred.
_STEPS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("before_intent", BEFORE_INTENT, FRESH, {}),
    ("after_intent", AFTER_INTENT, MEANT, {}),
    ("unanswered", UNANSWERED, ADOPTS, {"inject": SLOW}),
    ("answered", ANSWERED, ADOPTS, {}),
    ("recorded", RECORDED, ADOPTS, {}),
    ("resuming", RESUMING, ADOPTS, {}),
    ("judged", JUDGED, ADOPTS, {}),
)
CRASHES = (
    *(_kill(name, step, says, **more) for name, step, says, more in _STEPS),
    _kill("answered_node", ANSWERED, ADOPTS, whole_worker=True),
    _kill("recorded_node", RECORDED, ADOPTS, whole_worker=True),
)
WORKER_CRASHES = (
    _kill("worker_after_intent", AFTER_INTENT, MEANT, deferrable=False),
    _kill("worker_unanswered", UNANSWERED, ADOPTS, deferrable=False, inject=SLOW),
    _kill("worker_answered", ANSWERED, ADOPTS, deferrable=False),
    _kill("worker_waiting", WAITING, ADOPTS, deferrable=False),
    _kill("worker_judged", JUDGED, ADOPTS, deferrable=False),
)
EXPERIMENT_CRASHES = tuple(
    _kill(f"experiment_{name}", step, says, kind=EXPERIMENT, **more) for name, step, says, more in _STEPS
)
SERVER = tuple(
    Row(name=f"{prefix}{name}", what=what, kind=kind, inject=inject, says=says)
    for prefix, kind in (("", EVALUATION), ("experiment_", EXPERIMENT))
    for name, what, inject, says in (
        ("drop_before", "connection dropped before the POST took effect", {"kind": "drop_before"}, ""),
        ("drop_after", "connection dropped after the POST took effect", {"kind": "drop_after"}, ADOPTS),
        ("effect_500", "500 after the POST took effect", {"kind": "status_after", "status": 500}, ADOPTS),
        ("effect_504", "504 after the POST took effect", {"kind": "status_after", "status": 504}, ADOPTS),
        ("throttled_after", "429 with Retry-After, twice",
         {"kind": "status", "status": 429, "headers": {"Retry-After": "2"}, "times": 2}, ""),
        ("throttled", "429 without Retry-After, twice", {"kind": "status", "status": 429, "times": 2}, ""),
    )
)  # fmt: skip
LOST = {"kind": "drop_after"}
HIDDEN = (
    Row(name="hidden_briefly", what="connection dropped after the POST took effect, and no list shows the run for 5 s",
        inject=LOST, first={"hidden_seconds": 5}, says=ADOPTS),
    Row(name="hidden_for_long", what="the same for 25 s, longer than is waited: a twin, found and cancelled",
        inject=LOST, first={"hidden_seconds": 25, "run_seconds": 300, "pending_seconds": 290}, run_seconds=25, runs=2,
        twins=1),
)  # fmt: skip
#: What was seen to break the promise while the emulator's weather was kind.
SEEN = (
    Row(name="slow_trigger", what="the trigger takes longer than the read timeout and takes effect 4 s after it",
        connection=IMPATIENT, inject={"kind": "silent_late", "seconds": 60, "late_seconds": 4}, says=ADOPTS),
    Row(name="late_trigger", what="connection dropped, the POST takes effect 6 s later",
        inject={"kind": "drop_late", "late_seconds": 6}, says=ADOPTS),
    Row(name="late_gateway", what="a gateway's 504, the POST takes effect 6 s later",
        inject={"kind": "html_late", "status": 504, "late_seconds": 6}, says=ADOPTS),
    Row(name="late_experiment", what="connection dropped, the POST takes effect 6 s later", kind=EXPERIMENT,
        inject={"kind": "drop_late", "late_seconds": 6}, says=ADOPTS),
    Row(name="skewed_dropped", what="the gateway's clock is 4 s ahead of the server's, the answer is lost",
        connection=SKEWED, inject=LOST, says=ADOPTS),
    _kill("skewed_answered", ANSWERED, ADOPTS, connection=SKEWED, aside="clocks of gateway and server 4 s apart"),
    Row(name="shifting", what="most lists show a run twice and hide one, the answer is lost", connection=SHIFTING,
        inject=LOST, earlier=7, says=ADOPTS),
    _kill("shifting_answered", ANSWERED, ADOPTS, connection=SHIFTING, earlier=7, aside="lists shift meanwhile"),
    Row(name="timeout_408", what="408 after the POST took effect", inject={"kind": "status_after", "status": 408},
        says=ADOPTS),
    Row(name="timeout_425", what="425 before the POST took effect", inject={"kind": "status", "status": 425}),
    Row(name="gateway_looks", what="looks at the run get 401, 403, 404, 408, 425 and 503, good ones between",
        action="spoil_looks", run_seconds=40),
    Row(name="gateway_looks_worker", what="looks at the run get 401, 403, 404, 408, 425 and 503, good ones between",
        action="spoil_looks", run_seconds=40, deferrable=False),
    Row(name="same_window", what="two DAG runs trigger the same window at the same moment, with same_window",
        action="rival", arguments={"reuse_run": "same_window"}, run_seconds=20, is_loose=True),
    Row(name="killed_throttled", what="deferred task marked failed while Arize answers 429 with Retry-After 60",
        action="mark_failed_throttled", connection=APART, state="failed", labelled=False, completed=0,
        run_seconds=LONG),
    Row(name="failed_halfway", what="the first run labels half and fails, min_successes wants all", runs=2,
        first={"status": "FAILED", "labelled_fraction": 0.5}, arguments={"min_successes": 20}),
    _kill("many_pieces", JUDGED, ADOPTS, aside="a window of 206 pieces, plain retry", deferrable=False, run_seconds=0.1,
          spans=618, arguments={"max_window": 17.5, "poll_interval": 1}, runs=206, completed=206),
)  # fmt: skip
OUTSIDE = (
    Row(name="cancelled_outside", what="somebody cancels the run", action="cancel_run", runs=2, first=LASTS,
        says="CANCELLED"),
    Row(name="failed_outside", what="the run fails", action="fail_run", runs=2, first=LASTS, says="FAILED"),
    Row(name="marked_failed", what="deferred task marked failed", action="mark_failed", state="failed", labelled=False,
        completed=0, run_seconds=LONG),
    Row(name="marked_success", what="deferred task marked success", action="mark_success", labelled=False, completed=0,
        run_seconds=LONG),
    Row(name="marked_failed_kept", what="deferred task marked failed, cancel_on_kill=False", action="mark_failed",
        state="failed", arguments={"cancel_on_kill": False}, going=1, labelled=False, completed=0, run_seconds=LONG),
    Row(name="cleared", what="deferred task cleared", action="clear", runs=2, cleared=1, first=LASTS),
    Row(name="cleared_later", what="task cleared after its success", action="clear_done", runs=2, cleared=1,
        says="labelled"),
    Row(name="run_marked_failed", what="DAG run marked failed", action="mark_run_failed", state="failed|skipped",
        labelled=False, completed=0, run_seconds=LONG),
    Row(name="run_timeout", what="dagrun_timeout", action="wait", dag={"dagrun_timeout": 120}, state="skipped|failed",
        labelled=False, completed=0, run_seconds=LONG),
    Row(name="deadline", what="the operator's own timeout passes", arguments={"timeout": 8}, retries=0, state="failed",
        labelled=False, completed=0, run_seconds=LONG, says="deadline passed"),
)  # fmt: skip
#: ``FAULTS_ROWS``: a regular expression, for looking into a few rows alone.
_ONLY = os.environ.get("FAULTS_ROWS", "")
_EACH = (*CRASHES, *WORKER_CRASHES, *EXPERIMENT_CRASHES, *SERVER, *HIDDEN, *OUTSIDE)


def _in_bad_weather(row: Row) -> Row:
    return replace(row, name=f"bad_{row.name}", connection=BAD, says="", is_loose=True)


_ALL = (*_EACH, *SEEN, *map(_in_bad_weather, _EACH))
ROWS = tuple(row for row in _ALL if re.search(_ONLY, row.name))

#: What is done to a whole Airflow, or to the emulator, while three tasks wait: name, and what the table says.
COMPONENT_FAULTS = {
    "triggerer": "kill -9 of the triggerer while deferred, started again",
    "scheduler": "kill -9 of the scheduler and its workers while deferred, started again",
    "api-server": "kill -9 of the API server while deferred, started again",
    "everything": "kill -9 of all three at once, started again",
    "outage": "Arize unreachable for a minute",
}
COMPONENT_DAGS = {KIND: "fault_component", BAD: "fault_component_bad"}


@dataclass(frozen=True, kw_only=True)
class Loop:
    """Many DAG runs of one kind whose processes are killed at random moments.

    :param share: of the loop's DAG runs; :param seconds: a process dies within so long of its start, if it lives.
    """

    dag_id: str
    what: str
    share: float
    seconds: tuple[float, ...]
    kind: str = EVALUATION
    deferrable: bool = True
    connection: str = BAD


LOOPS = (
    Loop(dag_id="fault_loop", what="evaluation", share=0.5, seconds=(0.2, 0.5, 1.0)),
    Loop(
        dag_id="fault_loop_worker", what="evaluation, in the worker", share=0.25, seconds=(1.0, 14.0), deferrable=False
    ),
    Loop(dag_id="fault_loop_experiment", what="experiment", share=0.25, seconds=(0.2, 0.5, 1.0), kind=EXPERIMENT),
)
