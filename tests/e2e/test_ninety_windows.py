"""Ninety daily windows on a real Airflow with all that goes wrong: in the end every cell of the calendar is true.

Two evaluators of spans over ninety days, backfilled, and one of traces beside it, mapped; days that hold more than a
run takes, empty days, spans that arrive late, runs that fail half-way, a judge whose every answer is an error, a new
version of an evaluator half-way through the backfill, and workers and triggerer killed meanwhile. Then the gap operator
heals, night after night, until nothing is left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_arize_tasks.emulator.process import EmulatorProcess, running_emulator
from dev.local_airflow import LocalAirflow
from tests.e2e.arize import Arize, connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_arize_tasks.coverage.reading import TaskCoverage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2400)]

DAGS = Path(__file__).parent / "ledger_dags" / "ninety.py"
DAYS = 90
#: Days that the evaluator of traces looks at as well.
TRACED = range(DAYS - 30, DAYS)
DAY = timedelta(days=1)
MAX_SPANS = 40
KILLS = 4


def is_empty(day: int) -> bool:
    return day % 11 == 5


def spans_of(day: int) -> int:
    """None on some days, more than one run takes on others. Whole traces of three spans, however a day is halved."""
    return 0 if is_empty(day) else 132 if day % 30 == 3 else 12


class Stage:
    """The emulator and Airflow, and what is known of the ninety days."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator, self.control = emulator, emulator.control
        # Days end at the last full hour, so that the last is young whenever this runs: midnight of some time zone.
        now = datetime.now(timezone.utc)
        self.end = now.replace(minute=0, second=0, microsecond=0)
        hour = self.end.hour
        self.zone = f"Etc/GMT+{hour}" if hour <= 12 else f"Etc/GMT-{24 - hour}"
        self.first = self.end - DAYS * DAY
        #: How late spans are thought to be seen. The last day has not settled until it is set lower.
        self.settle = timedelta(hours=2)
        self.airflow: LocalAirflow = None  # set by the fixture, once it runs

    def begin(self, day: int) -> datetime:
        return self.first + day * DAY

    def prepare(self) -> None:
        for day in range(DAYS):
            if spans_of(day):
                begin = self.begin(day)
                self.control.add_spans(project="ninety", count=spans_of(day), start=begin, end=begin + DAY)
        arize = Arize(self.emulator.url)
        ids = {each: arize.id_of("evaluators", each) for each in ("correctness", "hallucination", "trace-relevance")}
        mapping = {"variable_name": "output", "query_ids": [], "attribute_path": "attributes.output.value"}
        attached: dict[str, list[dict[str, Any]]] = {
            "spans": [{"evaluator_id": ids["correctness"]}, {"evaluator_id": ids["hallucination"]}],
            "traces": [{"evaluator_id": ids["trace-relevance"], "query_mappings": [mapping]}],
        }
        project = arize.id_of("projects", "ninety")
        self.ids = {
            kind: str(
                arize.call(
                    "POST",
                    "tasks",
                    {
                        "name": f"ninety-{kind}",
                        "type": "TEMPLATE_EVALUATION",
                        "project_id": project,
                        "evaluators": evaluators,
                    },
                )["id"]
            )
            for kind, evaluators in attached.items()
        }

    def let_late_spans_arrive(self) -> list[str]:
        """Three spans of the last second, one trace, arrive now; and with that, the last day has settled."""
        times = [self.end - timedelta(milliseconds=each) for each in (900, 600, 300)]
        age = (datetime.now(timezone.utc) - times[0]).total_seconds()
        late = self.control.add_spans(project="ninety", times=times, arrives_after=age)
        time.sleep(2)
        self.settle = datetime.now(timezone.utc) - self.end
        return late

    # ------------------------------------------------------------------ what Airflow does

    def first_day(self, kind: str) -> datetime:
        return self.begin(TRACED[0]) if kind == "traces" else self.first

    def kill_workers(self, count: int) -> None:
        """``kill -9`` of task processes, one after another, each in the middle of something."""
        done: set[int] = set()
        until = time.monotonic() + 60
        while len(done) < count and time.monotonic() < until:
            going = [each for each in self.airflow.processes() if each.ended is None and each.pid not in done]
            for each in going[-1:]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each.pid, signal.SIGKILL)
                    done.add(each.pid)
            time.sleep(1.5)
        assert len(done) == count

    def night(self, kind: str, number: int) -> list[dict[str, Any]]:
        """One night of healing; the windows it was about."""
        self.begin_night(kind, number)
        return self.morning(kind, number)

    def begin_night(self, kind: str, number: int) -> None:
        conf = {"settle": self.settle.total_seconds()}
        self.airflow.api.trigger(f"ninety_{kind}", f"night-{number}", conf=conf)

    def morning(self, kind: str, number: int) -> list[dict[str, Any]]:
        dag_id, run_id = f"ninety_{kind}", f"night-{number}"
        self.airflow.api.wait_for_run(dag_id, run_id, limit=900)
        return self.airflow.api.xcom(dag_id, run_id, "gaps") or []

    # ------------------------------------------------------------------ what is true

    def coverage(self, kind: str) -> TaskCoverage:
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        with ArizeHook() as hook:
            return hook.read_coverage(
                self.ids[kind],
                self.first_day(kind),
                self.end,
                timezone=self.zone,
                max_spans=MAX_SPANS,
                settle=self.settle,
            )

    def ledger(self, kind: str, start: datetime, end: datetime, *evaluators: str) -> dict[str, Any]:
        named = evaluators or (("correctness", "hallucination") if kind == "spans" else ("trace-relevance",))
        return self.control.ledger(task=f"ninety-{kind}", evaluators=named, start=start, end=end, current=True)

    def lies(self, kind: str) -> list[tuple[Any, ...]]:
        """The cells in which the calendar does not say what the ledger knows."""
        found = self.coverage(kind)
        cells = list(found.coverage.cells(DAY, found.range.zone, now=found.now))
        lies = []
        for cell in cells:
            ledger = self.ledger(kind, cell.window.start, cell.window.end)
            state = cell.state.value
            good = state == "covered" if not ledger["missed"] else state != "covered"
            if not ledger["spans"]:
                good = state in ("missing", "empty")
            if state == "early":  # nobody can know yet what is still to arrive
                good = cell.window.end == self.end > found.now - self.settle
            if not good:
                lies.append((cell.window.key, state, ledger["missed"], ledger["twice"]))
        assert len(cells) == (len(TRACED) if kind == "traces" else DAYS)
        return lies

    def repeated(self) -> tuple[int, int]:
        """How many judgements evaluating the stale windows would only repeat, by the provider's own report.

        And how many of those there is nothing of to repeat, by the ledger: where a run met errors, there is no label.
        """
        from airflow_provider_arize_tasks.coverage.cost import cost_of
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        found = self.coverage("spans")
        gaps = found.coverage.gaps(DAY, found.range.zone, now=found.now, settle=self.settle)
        without = [self.ledger("spans", each.start, each.end, "hallucination")["missed"] for each in gaps.stale]
        with ArizeHook() as hook:
            return cost_of(hook.call, found, gaps.stale).repeated, sum(without)

    def states(self, kind: str) -> set[str]:
        found = self.coverage(kind)
        return {cell.state.value for cell in found.coverage.cells(DAY, found.range.zone, now=found.now)}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    dags = tmp_path_factory.mktemp("dags")
    (dags / DAGS.name).write_text(DAGS.read_text(encoding="utf-8"), encoding="utf-8")
    with running_emulator(run_seconds=1, seed_spans=0) as emulator, pytest.MonkeyPatch.context() as patch:
        stage = Stage(emulator)
        stage.prepare()
        environment = {
            **connection(emulator.url),
            "NINETY_FIRST": stage.first.isoformat(),
            "NINETY_FIRST_TRACED": stage.first_day("traces").isoformat(),
            "NINETY_END": stage.end.isoformat(),
            "NINETY_ZONE": stage.zone,
            "NINETY_MAX_SPANS": str(MAX_SPANS),
        }
        for name, value in connection(emulator.url).items():
            patch.setenv(name, value)
        with LocalAirflow(dags, postgres=True, parallelism=8, env=environment, start_scheduler=False) as airflow:
            stage.airflow = airflow
            airflow.start_scheduling()
            yield stage


def test_in_the_end_every_span_is_labelled_once_by_the_current_judges(stage: Stage) -> None:
    api, control = stage.airflow.api, stage.control

    # The backfill, and beside it the traces' first night. Runs fail half-way, a judge's key is not valid for a while.
    control.set_outcome("FAILED", reason="out of memory", task="ninety-spans", times=3, labelled_fraction=0.5)
    control.set_outcome(errors=12, task="ninety-spans", times=2)
    control.set_outcome("FAILED", reason="out of memory", task="ninety-traces", times=1, labelled_fraction=0.5)
    for dag_id in ("ninety_backfill", "ninety_spans", "ninety_traces", "ninety_spans_proof", "ninety_traces_proof"):
        api.unpause(dag_id)
    last = stage.end - DAY
    stage.airflow.cli(
        *("backfill", "create", "--dag-id", "ninety_backfill", "--max-active-runs", "24"),
        *("--from-date", stage.first.isoformat(), "--to-date", last.isoformat()),
    )
    stage.begin_night("traces", 1)

    def is_half_way() -> bool:
        """And what failed was tried again: a window that two versions label in part is judged again whole."""
        runs = control.runs("ninety-spans")
        last = {run["data_start_time"]: run["status"] for run in sorted(runs, key=lambda run: run["created_at"])}
        return len(runs) >= 50 and "FAILED" not in last.values()

    api.wait_for("half of the backfill", is_half_way, 900, 0.5)
    stage.kill_workers(KILLS // 2)
    control.add_evaluator_version("correctness")
    stage.airflow.restart("triggerer")

    def ended() -> bool:
        runs = api.runs("ninety_backfill")
        return len(runs) == DAYS and all(run["state"] in ("success", "failed") for run in runs)

    api.wait_for("the backfill to end", ended, limit=900, every=2)
    assert stage.lies("spans") == []
    assert {"stale", "covered", "failed", "early"} <= stage.states("spans")

    # The first night heals what failed and what the old version labelled; workers die over that as well.
    first_traces = stage.morning("traces", 1)
    assert len(first_traces) == len(TRACED) - 1
    told, without_label = stage.repeated()
    stage.begin_night("spans", 1)
    api.wait_for(
        "the first windows of the night", lambda: len(api.tasks("ninety_spans", "night-1")) > 2, limit=120, every=1
    )
    stage.kill_workers(KILLS - KILLS // 2)
    healed = stage.morning("spans", 1)
    again = [each for each in healed if each.get("override_evaluations")]
    assert again
    assert len(again) < len(healed) < DAYS
    assert stage.lies("spans") == []

    # What came late is seen once it has settled, and then nothing is left but days without data.
    late_spans = stage.let_late_spans_arrive()
    for number, kind in ((2, "spans"), (2, "traces")):
        late = stage.night(kind, number)
        assert [each for each in late if each["data_end_time"] == f"{stage.end:%Y-%m-%dT%H:%M:%S.000Z}"]
        assert stage.lies(kind) == []
        assert stage.states(kind) <= {"covered", "missing", "empty"}
    empty = {f"{stage.begin(day):%Y-%m-%dT%H:%M:%S.000Z}" for day in range(DAYS) if is_empty(day)}
    assert {each["data_start_time"] for each in stage.night("spans", 3)} == empty

    # Proof, span by span: by the operator, and by the emulator's own ledger.
    for kind, count in (("spans", sum(map(spans_of, range(DAYS)))), ("traces", sum(map(spans_of, TRACED)))):
        api.trigger(f"ninety_{kind}_proof", "proof")
        assert api.wait_for_run(f"ninety_{kind}_proof", "proof", limit=180) == "success"
        proof = api.xcom(f"ninety_{kind}_proof", "proof", "verify")
        assert (proof["complete"], proof["spans"]) == (True, count + len(late_spans))
    spans = stage.ledger("spans", stage.first, stage.end, "correctness")
    assert (spans["once"], spans["missed"], spans["twice"]) == (spans["spans"], 0, 0)
    # The API can't restrict a run to one evaluator: what that repeats was told before, to the judgement.
    other = stage.ledger("spans", stage.first, stage.end, "hallucination")
    assert (other["missed"], other["twice"]) == (0, told - without_label)
    traces = stage.ledger("traces", stage.first_day("traces"), stage.end)
    assert (traces["once"], traces["missed"], traces["twice"]) == (traces["spans"], 0, 0)
