"""Who waits for which run, what was seen of it, when it is due, and which requests answer for several. No I/O.

Times in here are the event loop's own clock (monotonic seconds); the deadline is turned into it when a wait begins.

A page of a task's runs answers for up to a hundred of them, but the API does not say in which order it lists, and a
task may have thousands of runs from the past. So a listing has to earn its place. It remembers on which page a run was
found, and is only read where it takes fewer pages than half the runs that are waited for; what no page answered for is
fetched singly. A listing that proves of no use is replaced: first by the task's active runs alone (``status=RUNNING``
and ``PENDING``; a run that has ended is on neither and fetched singly, once), then by single looks for a while.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_arize_tasks.client.enums import RunStatus
from airflow_provider_arize_tasks.runs.timing import (
    MAX_FAILED_LOOKS,
    MAX_REFUSED_LOOKS,
    PATIENCE,
    Failures,
    Patience,
    first_look,
    next_look,
)
from airflow_provider_arize_tasks.runs.waiting import WaitEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_arize_tasks.client.models import TaskRun

#: A page is worth its request when it answers for this many of the runs that are waited for.
WORTH_A_PAGE = 2
#: Two listings (running, pending) are worth it from this many runs on.
WORTH_TWO_LISTINGS = 5
#: Runs on a full page.
PAGE_SIZE = 100
#: One page that answers for nothing is put up with for so many runs that are still missing.
_MISSING_PER_EMPTY_PAGE = 10
_ACTIVE = ("RUNNING", "PENDING")
_MAX_PAUSE = 64


@dataclass
class Listing:
    """How the runs of one task are listed, learned look by look.

    :param active_only: list by status, because the plain listing does not begin with the runs that are waited for.
    :param pause: so many looks are made singly before a listing is tried again.
    :param strikes: how often in a row both kinds of listing proved of no use.
    :param doubts: how often in a row the plain listing did; the second time it is given up.
    :param faults: how often in a row a listing met a fault (connection down, 5xx).
    """

    active_only: bool = False
    pause: int = 0
    strikes: int = 0
    doubts: int = 0
    faults: int = 0

    def plan(self, wanted: int, reach: int) -> tuple[str | None, ...]:
        """The listings to read for a look at ``wanted`` runs, as values of the status filter (``None``: no filter).

        Empty: fetch the runs singly.

        :param wanted: how many runs the look should answer for.
        :param reach: how many pages that takes, as far as is known (see the function of that name).
        """
        if self.pause:
            self.pause -= 1
            return ()
        if wanted < WORTH_A_PAGE * max(reach, 1):
            return ()
        if not self.active_only:
            return (None,)
        return _ACTIVE if wanted >= WORTH_TWO_LISTINGS else ()

    def follow(self, *, read: int, reach: int, answered: int, missing: int, empty: int) -> bool:
        """Whether to read the next page.

        :param read: pages read so far.
        :param reach: how many were expected to be needed.
        :param answered: for how many of the wanted runs the last page answered.
        :param missing: how many wanted runs no page has answered for yet.
        :param empty: pages so far that answered for none.
        """
        if not missing:
            return False
        if read < reach:
            return True
        if missing < WORTH_A_PAGE:
            return False
        return answered >= WORTH_A_PAGE or empty * _MISSING_PER_EMPTY_PAGE < missing

    def judge(self, *, read: int, wanted: int, answered: int) -> None:
        """Learn from a look whose listings were read.

        :param read: pages read in all; 0 when the server refused.
        :param wanted: how many runs the look was for.
        :param answered: for how many of them the pages answered.
        """
        self.faults = 0
        # A run that is missing from the active ones has ended, so such a listing answers for it too.
        answers = wanted if self.active_only and read else answered
        if answers >= max(WORTH_A_PAGE, read):
            self.strikes = self.doubts = 0
        elif not self.active_only:
            self.doubts += 1
            self.active_only = self.doubts > 1 or not read
        else:
            self.active_only = False
            self.doubts = 0
            self.strikes += 1
            self.pause = min(2 ** (self.strikes + 1), _MAX_PAUSE)

    def failed(self) -> None:
        """The listing met a fault. Every third time the next look is made singly: only listing may be broken."""
        self.faults += 1
        if self.faults % 3 == 0:
            self.pause = max(self.pause, 1)


def reach(pages: Iterable[int | None], waiting: int) -> int:
    """How many pages of the listing it takes to find runs.

    :param pages: for each run, the number of the page that it was last found on, from 0; ``None``: not yet found.
    :param waiting: how many runs of the task are waited for in all; a run not yet found is taken to be among as many
        at the listing's beginning.
    """
    unknown = math.ceil(waiting / PAGE_SIZE)
    return max((unknown if page is None else page + 1 for page in pages), default=1)


#: A line for the task's log: level and text.
Line = tuple[int, str]

NO_FAILURES = Failures()
#: A look takes along every run of its task that is due within this part of its wait: they then fall into step.
_EARLY_PART = 0.25


@dataclass(eq=False, slots=True)
class Wait:
    """One trigger's wait for one or several runs.

    :param run_ids: what it waits for.
    :param poll_interval: seconds between looks that it reaches in the end.
    :param began: when.
    :param deadline: when it ends at the latest; ``None``: never.
    :param patience: how long it waits for a look that is possible again.
    """

    run_ids: Sequence[str]
    _: KW_ONLY
    poll_interval: float
    began: float
    deadline: float | None
    patience: Patience = PATIENCE
    watched: dict[str, Watched] = field(default_factory=dict, init=False)
    ended: WaitEvent | None = field(default=None, init=False)
    _news: list[Line] = field(default_factory=list, init=False)
    _wake: asyncio.Future[None] | None = field(default=None, init=False)
    _crash: BaseException | None = field(default=None, init=False)

    async def news(self) -> list[Line]:
        """Lines for the task's log, as soon as there are any, or none once the wait has ended.

        :raises RuntimeError: the watcher itself has failed; nobody looks any more.
        """
        if not self._news and self.ended is None and self._crash is None:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        if self._crash is not None:
            raise RuntimeError("the watcher of this connection failed") from self._crash
        lines, self._news = self._news, []
        return lines

    def tell(self, level: int, text: str) -> None:
        """Something for the task's log has happened."""
        self._news.append((level, text))
        self._stir()

    def end(self, end: WaitEvent) -> None:
        """The wait is over; the first end counts."""
        if self.ended is None:
            self.ended = end
            self._stir()

    def crash(self, error: BaseException | None) -> None:
        """Nobody will look any more, because of a defect: let the trigger raise rather than wait for ever."""
        self._crash = error or RuntimeError("it stopped")
        self._stir()

    def runs(self) -> dict[str, TaskRun]:
        """The last seen state of each run that was seen."""
        return {run_id: seen.run for run_id, seen in self.watched.items() if seen.run is not None}

    def check(self, now: float) -> None:
        """End the wait if all runs have ended, or if its deadline has passed and every run had a look after it."""
        if self.ended is not None:
            return
        going = [seen for seen in self.watched.values() if not seen.has_ended]
        if not going:
            self.end(WaitEvent(status="done", message=f"Arize run(s) ended: {_listed(self.watched.values())}"))
        elif self.deadline is not None and now >= self.deadline:
            last_call = max(self.deadline, self.began)
            if now >= last_call + self.patience.overdue or all(seen.looked_at >= last_call for seen in going):
                text = "the deadline passed, and the trigger left the remote run(s) as they are"
                self.end(WaitEvent(status="timeout", message=f"Arize run(s) still going: {_listed(going)}; {text}"))

    def _stir(self) -> None:
        wake, self._wake = self._wake, None
        if wake is not None and not wake.done():
            wake.set_result(None)


@dataclass(eq=False, slots=True)
class Watched:
    """One run that somebody waits for: what was seen of it, and when the next look is due.

    :param page: the page of the task's listing that the run was last found on, from 0.
    """

    run_id: str
    run: TaskRun | None = None
    failures: Failures = NO_FAILURES
    waits: list[Wait] = field(default_factory=list)
    began: float = 0.0
    poll_interval: float = 0.0
    due: float = math.inf
    planned: float = 0.0
    looked_at: float = -math.inf
    page: int | None = None
    _told_of_429: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether the run was seen to be terminal."""
        return self.run is not None and self.run.status.is_terminal

    def join(self, wait: Wait, now: float, spread: float) -> None:
        """Another wait for this run; the run counts as young again, and as often looked at as the keenest asks for."""
        self.waits.append(wait)
        self.began = now
        self.poll_interval = min(other.poll_interval for other in self.waits)
        first = first_look(self.poll_interval, spread)
        if wait.deadline is not None and wait.deadline <= now:
            # Nothing is left to wait for but the one look, which a thousand such waits must not make at one moment.
            first = min(first, spread)
        self._plan(now, min(first, max(self.due - now, 0.0)))

    def leave(self, wait: Wait) -> None:
        """One wait less."""
        self.waits.remove(wait)
        if self.waits:
            self.poll_interval = min(other.poll_interval for other in self.waits)

    def is_wanted(self, now: float) -> bool:
        """Whether a look made now should answer for this run."""
        early = 0.0 if self.failures.failed else self.planned * _EARLY_PART
        return self.due - early <= now

    def saw(self, run: TaskRun, now: float, spread: float) -> None:
        """A look answered."""
        before, self.run = self.run, run
        if self.failures is not NO_FAILURES:
            if self.failures.failed:
                self._tell(logging.INFO, f"Looking at Arize run {self.run_id} works again")
            self.failures = NO_FAILURES
        if before is None or before.status_text != run.status_text:
            self._tell(*_status_line(run))
        self.looked_at = now
        self._plan(now, next_look(now - self.began, self.poll_interval, spread))
        ended = run.status.is_terminal
        for one in tuple(self.waits):
            if ended or (one.deadline is not None and now >= one.deadline):
                one.check(now)

    def failed(self, error: Exception, now: float, spread: float) -> None:
        """A look failed."""
        before, self.failures = self.failures, self.failures.after(error)
        failures = self.failures
        patience = self.waits[0].patience if self.waits else PATIENCE
        interval = next_look(now - self.began, self.poll_interval)
        wait = failures.wait(interval, self.poll_interval, spread, patience=patience)
        if failures.throttled:
            if not self._told_of_429:
                self._told_of_429 = True
                self._tell(logging.INFO, f"Arize asks for fewer requests (429): {failures.message}")
        else:
            self.looked_at = now
            if not before.failed:
                self._tell(logging.WARNING, _failure_text(self.run_id, failures, wait))
        self._plan(now, wait)
        if failures.end_the_wait:
            text = f"Waiting for Arize run {self.run_id} ended: {failures.describe()}. The remote run was left as it is"
            for one in tuple(self.waits):
                one.end(WaitEvent(status="error", message=text, error=failures.to_dict()))
        for one in tuple(self.waits):
            one.check(now)

    def _plan(self, now: float, wait: float) -> None:
        self.due = now + wait
        for one in self.waits:  # one last look right after a deadline
            if one.deadline is not None and now < one.deadline < self.due:
                self.due = one.deadline
        self.planned = self.due - now

    def _tell(self, level: int, text: str) -> None:
        for one in self.waits:
            one.tell(level, text)


@dataclass(eq=False, slots=True)
class Group:
    """Runs whose looks are shared: those of one task, or a single run whose task is not known yet.

    :param task_id: the task; ``None`` for a single run.
    :param due: when the next look is due; ``inf``: none is.
    """

    task_id: str | None
    runs: dict[str, Watched] = field(default_factory=dict)
    listing: Listing = field(default_factory=Listing)
    due: float = math.inf
    is_looking: bool = False

    def next_due(self) -> float:
        """When the first of its runs is due."""
        return min((seen.due for seen in self.runs.values()), default=float("inf"))

    def wanted(self, now: float) -> list[Watched]:
        """The runs that a look made now should answer for; those that failed most come last."""
        wanted = [seen for seen in self.runs.values() if seen.is_wanted(now)]
        wanted.sort(key=lambda seen: seen.failures.failed)
        return wanted


def _status_line(run: TaskRun) -> Line:
    if run.status is RunStatus.UNKNOWN:
        text = f"Arize run {run.id} has the status {run.status_text!r}, unknown to this release; waiting on"
        return logging.WARNING, text
    if not run.status.is_terminal:
        return logging.INFO, f"Arize run {run.id} is {run.status.value}"
    counts = {"successes": run.num_successes, "errors": run.num_errors, "skipped": run.num_skipped}
    details = ", ".join(f"{count} {name}" for name, count in counts.items() if count is not None)
    parts = [part for part in (details, run.failure_reason) if part]
    return logging.INFO, "; ".join([f"Arize run {run.id} ended {run.status.value}", *parts])


def _failure_text(run_id: str, failures: Failures, wait: float) -> str:
    return (
        f"A look at Arize run {run_id} failed: {failures.message}. Looking again in {wait:.0f} s; "
        f"{MAX_FAILED_LOOKS} failures or {MAX_REFUSED_LOOKS} refusals (401, 403, 404) in a row end the wait"
    )


def _listed(seen: Iterable[Watched], most: int = 5) -> str:
    """Runs and their states, shortened."""
    parts = [f"{one.run_id} {one.run.status.value if one.run else 'not seen'}" for one in seen]
    more = f" and {len(parts) - most} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more
