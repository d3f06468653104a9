"""Attempts that die anywhere, against a server that loses answers and lists late: never two good runs for one window.

Hypothesis drives the real :class:`RunStarter` against a model of the server. Time is simulated, so that ten seconds of
settling cost nothing; every step an attempt takes towards the outside (a read or write of its record, a request before
and after its effect) is a place where it may be killed.
"""

from __future__ import annotations

import copy
import itertools
import logging
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_arize_tasks.client.errors import (
    ArizeConflictError,
    ArizeRateLimitError,
    ArizeServerError,
    ArizeTransportError,
)
from airflow_provider_arize_tasks.client.models import Experiment, RunStatus, Task, TaskRun
from airflow_provider_arize_tasks.exceptions import ArizeAmbiguousRunError, ArizeWaitError
from airflow_provider_arize_tasks.runs import acquire, cancel, lookup
from airflow_provider_arize_tasks.runs.acquire import RunAcquirer
from airflow_provider_arize_tasks.runs.attempt import DagRunTimes, Records
from airflow_provider_arize_tasks.runs.identity import ReuseRun
from airflow_provider_arize_tasks.runs.lookup import Lookup
from airflow_provider_arize_tasks.runs.requests import Attempt, RunRequest
from airflow_provider_arize_tasks.runs.timing import Patience
from airflow_provider_arize_tasks.runs.verdict import is_good
from airflow_provider_arize_tasks.windows.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EPOCH = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
DAY = Window(EPOCH - timedelta(days=2), EPOCH - timedelta(days=1))
WINDOW = RunRequest(task_id="task", window=DAY, project_id="p")
EXPERIMENT = RunRequest(task_id="task", experiment_name="nightly", dataset_id="d")
#: Seconds that a server may take to list a run. The clock in a reply's header shows whole seconds, so an attempt may be
#: a second late in what it thinks the time is.
HIDDEN = 8.5
#: An experiment's name is taken from the POST on, so there it may take longer.
HIDDEN_EXPERIMENT = 40.0
#: A person needs a moment to clear a task: what it started has been listed by then.
PERSON = 60.0
RETRIES = 1000
quiet = logging.getLogger("crash replay")
quiet.disabled = True


class Killed(BaseException):
    """``kill -9``."""


@dataclass
class FakeRun:
    id: str
    generation: int
    created: float
    seen_from: float
    ends: float
    ending: RunStatus
    name: str | None
    #: When it gets its experiment, by which alone it can be told from the runs of others.
    named_from: float = 0.0


@dataclass
class World:
    """A server, a task state store, and the time."""

    request: RunRequest
    now: float = 0.0
    #: How late this attempt's idea of the server's clock is.
    late: float = 0.0
    generation: int = 0
    runs: list[FakeRun] = field(default_factory=list)
    #: Runs of the same Arize task that another DAG run started: other experiments.
    neighbours: list[FakeRun] = field(default_factory=list)
    store: dict[str, Any] = field(default_factory=dict)
    steps_left: int | None = None
    attempt: int = 0
    killed: set[int] = field(default_factory=set)
    #: What happens to each POST, and to its run.
    fates: Iterator[Fate] | None = None
    #: How long a list of runs takes from its first page, which has the newest, to its last.
    list_seconds: float = 0.0

    def step(self) -> None:
        """A place to be killed at; each takes a moment."""
        self.now += 0.01
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                self.killed.add(self.attempt)
                raise Killed

    def at(self, seconds: float) -> datetime:
        return EPOCH + timedelta(seconds=seconds)

    def status(self, run: FakeRun) -> RunStatus:
        return run.ending if self.now >= run.ends else RunStatus.RUNNING

    def read(self, run: FakeRun) -> TaskRun:
        return TaskRun(
            id=run.id,
            task_id="task",
            status=self.status(run),
            created_at=self.at(run.created),
            data_start_time=DAY.start if self.request.window else None,
            data_end_time=DAY.end if self.request.window else None,
            experiment_id=f"experiment {run.name}" if run.name and self.now >= run.named_from else None,
        )

    def listed(self) -> list[FakeRun]:
        listed = [*self.runs, *self.neighbours]
        return [run for run in listed if self.now >= run.seen_from]

    def good(self) -> list[FakeRun]:
        return [run for run in self.runs if is_good(self.read(run))]

    def going(self) -> list[FakeRun]:
        return [run for run in self.runs if not self.status(run).is_terminal]

    # -- what the code under test calls

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.step()
        self.now += seconds

    def get(self, key: str) -> Any:
        self.step()
        return copy.deepcopy(self.store.get(key))

    def set(self, key: str, value: Any) -> None:
        self.step()
        self.store[key] = copy.deepcopy(value)
        self.step()

    def get_run(self, run_id: str) -> TaskRun:
        self.step()
        return self.read(next(run for run in self.runs if run.id == run_id))

    def cancel_run(self, run_id: str) -> TaskRun:
        self.step()
        run = next(run for run in self.runs if run.id == run_id)
        if self.now < run.ends:
            run.ends, run.ending = self.now, RunStatus.CANCELLED
        self.step()
        return self.read(run)

    def list_all_runs(self, _task_id: str, status: RunStatus | None = None) -> list[TaskRun]:
        self.step()
        runs = [self.read(run) for run in self.listed()]
        self.now += self.list_seconds
        return [run for run in runs if status in (None, run.status)]

    def iter_experiments(self, *, dataset: str, name: str) -> list[Experiment]:
        assert dataset == "d"
        self.step()
        seen = [run for run in self.listed() if run.name and self.now >= run.named_from and name in run.name]
        return [Experiment(id=f"experiment {run.name}", name=run.name, created_at=self.at(run.created)) for run in seen]

    def post(self, _slot: RunRequest, experiment_name: str | None) -> TaskRun:
        self.step()
        if experiment_name is not None and experiment_name in {run.name for run in self.runs}:
            raise ArizeConflictError("taken", status=409)
        assert self.fates is not None
        fate = next(self.fates)
        if fate.answer == "refused":
            raise ArizeRateLimitError("slow down", status=429)
        if fate.answer == "lost before":
            raise ArizeTransportError("dropped", outcome_unknown=True)
        self.check_before_a_new_run()
        run = FakeRun(
            id=f"r{len(self.runs) + 1}",
            generation=self.generation,
            created=self.now,
            seen_from=self.now + fate.hidden * (HIDDEN_EXPERIMENT if experiment_name else HIDDEN),
            ends=self.now + fate.lasts,
            ending=RunStatus(fate.ending),
            name=experiment_name,
            named_from=self.now + min(fate.unidentified, fate.lasts),
        )
        self.runs.append(run)
        self.step()
        if fate.answer == "lost after":
            raise ArizeServerError("504", status=504, outcome_unknown=True)
        return self.read(run)

    def check_before_a_new_run(self) -> None:
        """The promise: since the last clear no other run did its work or is at it, and nothing at all is going."""
        since = [run.id for run in self.good() if run.generation == self.generation]
        assert not since, f"a run is started beside {since}"
        assert not self.going(), f"a run is started while {self.going()} goes on"


@dataclass(frozen=True)
class Fate:
    """What becomes of one POST; ``hidden``: share of the longest time, ``unidentified``: seconds without experiment."""

    answer: str
    hidden: float
    lasts: float
    ending: str
    unidentified: float = 0.0


@dataclass(frozen=True)
class Try:
    """One attempt: after how many steps it is killed, and what comes after it."""

    killed_after: int | None
    late: float
    pause: float
    cleared: bool
    store_kept: bool
    dag_run_restarted: bool


class Clock:
    """An attempt's idea of the server's clock."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        return self._world.at(self._world.now - self._world.late)

    def from_local(self, instant: datetime) -> datetime:
        return instant - timedelta(seconds=self._world.late)

    def moments_ago(self, instant: datetime) -> float:
        return (self.now() - instant).total_seconds()


def attempt(world: World, number: Attempt, run_start: float, reuse: ReuseRun, *, has_store: bool) -> TaskRun:
    records = Records({"task_state_store": world} if has_store else {})  # type: ignore[typeddict-item]
    lookup = Lookup(
        api=world,
        tasks=lambda task_id: Task(id=task_id, dataset_id="d"),
        clock=Clock(world),  # type: ignore[arg-type]
        patience=Patience(pause=4.0),
        log=quiet,
    )
    made = RunAcquirer(
        lookup=lookup,
        records=records,
        attempt=number,
        times=DagRunTimes(start=world.at(run_start), run_after=EPOCH - timedelta(seconds=1)),
        reuse=reuse,
        post=world.post,
    )
    made.cancel_leftovers([world.request])
    run = made.acquire(world.request).run
    assert run.id in {each.id for each in world.runs}, "it adopted the run of another"
    return run


fates = st.builds(
    Fate,
    answer=st.sampled_from(["answered", "answered", "refused", "lost before", "lost after"]),
    hidden=st.sampled_from([0.0, 0.0, 0.3, 1.0]),
    lasts=st.sampled_from([0.0, 2.0, 30.0, 500.0]),
    ending=st.sampled_from(["COMPLETED", "COMPLETED", "FAILED", "CANCELLED"]),
    unidentified=st.sampled_from([0.0, 3.0, 20.0]),
)
tries = st.builds(
    Try,
    killed_after=st.none() | st.integers(0, 30),
    late=st.floats(0, 0.999),
    pause=st.sampled_from([0.0, 1.0, 60.0]),
    cleared=st.sampled_from([False, False, True]),
    store_kept=st.booleans(),
    dag_run_restarted=st.booleans(),
)


def play(world: World, plan: list[Try], reuse: ReuseRun, *, has_store: bool) -> None:
    """Run attempt after attempt; the last one lives."""
    number, first, run_start = 1, 1, 0.0
    for each in plan:
        world.attempt += 1
        world.late, world.steps_left = each.late, each.killed_after
        place = Attempt(number=number, first=first, generation=first - 1 + RETRIES)
        done = False
        try:
            run = attempt(world, place, run_start, reuse, has_store=has_store)
            # Waiting: to the end, or until killed in the middle of it.
            if each.killed_after is None:
                world.now = max(world.now, next(one.ends for one in world.runs if one.id == run.id))
                done = is_good(world.get_run(run_id=run.id))
        except Killed:
            pass
        except ArizeAmbiguousRunError:
            # Nothing is guessed and nothing started: a person looks, and clears.
            assert not has_store
            return
        except (ArizeWaitError, ArizeRateLimitError):
            pass  # the next attempt looks again, or triggers
        number += 1
        world.now += each.pause
        if each.cleared or done:
            world.now += PERSON
            first = number
            world.generation += 1
            if not each.store_kept:
                world.store.clear()
            if each.dag_run_restarted:
                run_start = world.now


def neighbour(created: float) -> FakeRun:
    """Another DAG run's run of the same Arize task."""
    return FakeRun(
        id=f"neighbour {created}",
        generation=-1,
        created=created,
        seen_from=created,
        ends=created + 30.0,
        ending=RunStatus.COMPLETED,
        name=f"another nightly {created}",
        named_from=created + 6.0,
    )


def replay(
    request: RunRequest,
    plan: list[Try],
    posts: list[Fate],
    reuse: ReuseRun,
    *,
    has_store: bool,
    neighbours: Iterable[float] = (),
    list_seconds: float = 0.0,
) -> World:
    world = World(request, neighbours=[neighbour(created) for created in neighbours], list_seconds=list_seconds)
    calm = Fate(answer="answered", hidden=0.0, lasts=2.0, ending="COMPLETED")

    def all_fates() -> Iterator[Fate]:
        yield from posts
        while True:
            yield calm

    world.fates = all_fates()
    with ExitStack() as stack:
        for module in (acquire, cancel, lookup):
            stack.enter_context(patch.object(module, "time", world))
        play(world, plan, reuse, has_store=has_store)
    return world


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    request=st.sampled_from([WINDOW, EXPERIMENT]),
    reuse=st.sampled_from([ReuseRun.OWN, ReuseRun.OWN, ReuseRun.SAME_WINDOW]),
    has_store=st.booleans(),
    plan=st.lists(tries, min_size=1, max_size=7),
    posts=st.lists(fates, max_size=10),
    neighbours=st.sets(st.sampled_from([0.1, 1.0, 5.0, 30.0, 65.0])),
    list_seconds=st.sampled_from([0.0, 0.0, 4.0, 11.0]),
)
def test_whatever_dies_there_is_never_a_second_good_run(
    request: RunRequest,
    reuse: ReuseRun,
    has_store: bool,
    plan: list[Try],
    posts: list[Fate],
    neighbours: set[float],
    list_seconds: float,
) -> None:
    # A window tells runs apart from the first moment on.
    others = neighbours if request is EXPERIMENT else set()
    replay(request, plan, posts, reuse, has_store=has_store, neighbours=others, list_seconds=list_seconds)


LIVES = Try(killed_after=None, late=0.0, pause=0.0, cleared=False, store_kept=True, dag_run_restarted=True)
FAILS = Fate(answer="answered", hidden=0.0, lasts=0.0, ending="FAILED")
LONG = Fate(answer="answered", hidden=1.0, lasts=300.0, ending="COMPLETED")
LOST = replace(LONG, answer="lost after")
NEVER_SENT = replace(LONG, answer="lost before")
REFUSED = replace(LONG, answer="refused")


@pytest.mark.parametrize("failures", [[], [FAILS], [FAILS, FAILS, FAILS]], ids=["first", "after one", "after three"])
@pytest.mark.parametrize(
    "post", [LONG, LOST, NEVER_SENT, REFUSED], ids=["answered", "answer lost", "never arrived", "refused"]
)
@pytest.mark.parametrize("has_store", [True, False], ids=["store", "no store"])
@pytest.mark.parametrize("wanted", [WINDOW, EXPERIMENT], ids=["window", "experiment"])
def test_a_kill_at_each_step_leaves_one_good_run(
    wanted: RunRequest, has_store: bool, post: Fate, failures: list[Fate]
) -> None:
    """The attempt is killed after each of its steps in turn, and the one after it as well; the third brings it home."""
    for again in (None, 0, 4, 8):
        for step in itertools.count():
            killed = [replace(LIVES, killed_after=each) for each in (step, again) if each is not None]
            # Where a server lists an experiment this late, an attempt in between may end with "looks again".
            plan = [*(LIVES for _ in failures), *killed, *(replace(LIVES, pause=PERSON) for _ in range(3))]
            world = replay(wanted, plan, [*failures, post], ReuseRun.OWN, has_store=has_store)
            good = world.good()
            assert {run.generation for run in good} == set(range(len(good)))
            assert good
            assert sum(run.ending is RunStatus.FAILED for run in world.runs) == len(failures)
            if len(failures) + 1 not in world.killed:
                break  # it is through before its next step
        assert step > (0 if post is REFUSED else 1)


@pytest.mark.parametrize("seconds", [4.0, 11.0])
@pytest.mark.parametrize("has_store", [True, False], ids=["store", "no store"])
def test_a_list_that_takes_long_to_read_is_as_old_as_its_first_page(has_store: bool, seconds: float) -> None:
    """The run arrives while the later pages are read: what was not on the first one may be there by the last."""
    world = replay(
        WINDOW, [LIVES], [replace(LOST, hidden=0.9)], ReuseRun.OWN, has_store=has_store, list_seconds=seconds
    )
    assert len(world.runs) == 1


@pytest.mark.parametrize("store_kept", [True, False], ids=["kept", "emptied"])
@pytest.mark.parametrize("wanted", [WINDOW, EXPERIMENT], ids=["window", "experiment"])
def test_a_clear_after_a_kill_at_each_step_leaves_nothing_going(wanted: RunRequest, store_kept: bool) -> None:
    for step in range(12):
        for again in range(12):
            cleared = replace(LIVES, killed_after=step, cleared=True, store_kept=store_kept)
            plan = [cleared, replace(LIVES, killed_after=again), replace(LIVES, pause=PERSON), LIVES]
            world = replay(wanted, plan, [LONG], ReuseRun.OWN, has_store=True)
            assert not world.going()
            assert world.good()
            generations = [run.generation for run in world.good()]
            assert len(generations) == len(set(generations))
