"""One watcher for each connection on an event loop: it looks at runs on behalf of all triggers that wait for them.

The watcher keeps one agenda of task groups rather than a timer per run, and makes one look per group: a listing of the
task's runs answers for up to a hundred of them, a run that is alone gets one small GET. It exists while somebody waits,
and closes its session when the last one leaves.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
import logging
import random
import time
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from airflow_provider_arize_tasks.client.endpoints import get_task_run, list_task_runs
from airflow_provider_arize_tasks.client.errors import (
    ArizeAuthenticationError,
    ArizeConfigError,
    ArizeError,
    ArizeRateLimitError,
    ArizeServerError,
    ArizeTransportError,
)
from airflow_provider_arize_tasks.runs.timing import PATIENCE, Patience
from airflow_provider_arize_tasks.triggers.channel import Channel
from airflow_provider_arize_tasks.triggers.wait import Group, Wait, Watched, reach

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
    from typing import Any

log = logging.getLogger(__name__)

#: Looks under way at once.
MAX_LOOKS = 16
#: Single GETs of one look under way at once.
_MAX_SINGLE = 4
_LONGEST_SLEEP = 60.0
#: A fault of these kinds hits every request of the connection alike, whatever run it asks for.
_SHARED_FAULTS = (
    ArizeTransportError,
    ArizeServerError,
    ArizeRateLimitError,
    ArizeAuthenticationError,
    ArizeConfigError,
)


class Watcher:
    """Looks at the runs of one connection, on one event loop.

    :param channel: how to ask.
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.users = 0
        self._loop = asyncio.get_running_loop()
        self._runs: dict[str, tuple[Watched, Group]] = {}
        self._groups: dict[str, Group] = {}
        self._agenda: list[tuple[float, int, Group]] = []
        self._order = itertools.count()
        self._alarm: asyncio.Future[None] | None = None
        self._overdue: asyncio.TimerHandle | None = None
        self._room = asyncio.Semaphore(MAX_LOOKS)
        self._looks: set[asyncio.Task[None]] = set()
        self._dispatcher: asyncio.Task[None] | None = None

    # -- who waits for what

    def join(self, wait: Wait, task_ids: Sequence[str] | None) -> None:
        """Begin to look at the runs of a wait."""
        now = self._loop.time()
        for index, run_id in enumerate(wait.run_ids):
            if run_id in wait.watched:
                continue
            seen, group = self._runs.get(run_id) or self._add(run_id, task_ids[index] if task_ids else None)
            seen.join(wait, now, random.random())  # noqa: S311  # jitter, no secret
            wait.watched[run_id] = seen
            self._schedule(group, seen.due)
        if wait.deadline is not None:
            self._expect_end(max(wait.deadline, now) + wait.patience.overdue)
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = self._spawn(self._dispatch())
            self._dispatcher.add_done_callback(self._raise_in_waits)
        self._measure()
        wait.check(now)  # a run that has just been seen to end is not looked at again

    def leave(self, wait: Wait) -> None:
        """Look at the runs of a wait no more, unless others wait for them too."""
        for run_id, seen in wait.watched.items():
            if wait in seen.waits:
                seen.leave(wait)
            # One that has ended was let go of before, and others may have begun to wait for that run anew.
            if not seen.waits and run_id in self._runs and self._runs[run_id][0] is seen:
                self._drop(run_id)
        self._measure()

    async def close(self) -> None:
        """Stop looking and close the session."""
        tasks = [*self._looks, *([self._dispatcher] if self._dispatcher else [])]
        if self._overdue is not None:
            self._overdue.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.channel.close()

    def _add(self, run_id: str, task_id: str | None) -> tuple[Watched, Group]:
        seen = Watched(run_id)
        self._put(seen, task_id)
        return self._runs[run_id]

    def _put(self, seen: Watched, task_id: str | None) -> None:
        key = f"task {task_id}" if task_id else f"run {seen.run_id}"
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(task_id)
        group.runs[seen.run_id] = seen
        self._runs[seen.run_id] = (seen, group)

    def _drop(self, run_id: str) -> None:
        _, group = self._runs.pop(run_id)
        group.runs.pop(run_id, None)
        if not group.runs:
            key = f"task {group.task_id}" if group.task_id else f"run {run_id}"
            self._groups.pop(key, None)

    def _measure(self) -> None:
        self.channel.budget.demand = len(self._groups) + len(self._runs) / 100

    # -- when to look

    def _schedule(self, group: Group, due: float) -> None:
        if due < group.due and not group.is_looking:
            group.due = due
            heapq.heappush(self._agenda, (due, next(self._order), group))
            if self._agenda[0][2] is group:
                self._ring()

    def _ring(self) -> None:
        if self._alarm is not None and not self._alarm.done():
            self._alarm.set_result(None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # In a context of its own: the watcher outlives the trigger that happens to start it, and must neither log into
        # that trigger's task log nor appear in its trace.
        return contextvars.Context().run(self._loop.create_task, work)

    async def _dispatch(self) -> None:
        while True:
            now = self._loop.time()
            group = self._take_due(now)
            if group is None:
                await self._sleep(now)
                continue
            await self._room.acquire()
            task = self._spawn(self._look(group))
            self._looks.add(task)
            task.add_done_callback(self._look_ended)

    def _look_ended(self, task: asyncio.Task[None]) -> None:
        self._looks.discard(task)
        self._room.release()
        self._raise_in_waits(task)

    def _take_due(self, now: float) -> Group | None:
        while self._agenda and self._agenda[0][0] <= now:
            due, _, group = heapq.heappop(self._agenda)
            if due == group.due and group.runs:  # else: an entry that was overtaken
                group.due = float("inf")
                group.is_looking = True
                return group
        return None

    async def _sleep(self, now: float) -> None:
        until = min(self._agenda[0][0] if self._agenda else float("inf"), now + _LONGEST_SLEEP)
        self._alarm = self._loop.create_future()
        timer = self._loop.call_at(until, self._ring)
        try:
            await self._alarm
        finally:
            timer.cancel()

    def _expect_end(self, moment: float) -> None:
        """See to it that overdue waits are ended at this moment; one timer serves all of them."""
        if self._overdue is not None:
            if self._overdue.when() <= moment:
                return
            self._overdue.cancel()
        self._overdue = self._loop.call_at(moment, self._end_overdue)

    def _end_overdue(self) -> None:
        """End waits whose last look was not possible within the grace after their deadline."""
        now, self._overdue = self._loop.time(), None
        waits = {one for seen, _ in self._runs.values() for one in seen.waits}
        moments = []
        for one in waits:
            one.check(now)
            if one.ended is None and one.deadline is not None:
                moments.append(max(one.deadline, one.began) + one.patience.overdue)
        if moments:
            self._expect_end(min(moments))

    def _raise_in_waits(self, task: asyncio.Task[None]) -> None:
        """If a task of the watcher died of a defect, let the triggers raise: better than to wait for ever."""
        if task.cancelled() or task.exception() is None:
            return
        log.error("The watcher of connection %r failed", self.channel.conn_id, exc_info=task.exception())
        for seen, _ in self._runs.values():
            for one in seen.waits:
                one.crash(task.exception())

    # -- looking

    async def _look(self, group: Group) -> None:
        """One look at whatever is due in a group, and a little before its time."""
        wanted = group.wanted(self._loop.time())
        try:
            missing = await self._list(group, wanted)
            await self._get_singly(missing)
        except Exception as error:
            # A defect of ours: it must neither stop the other groups nor leave these waits without a look for ever.
            log.exception("A look at runs of connection %r failed", self.channel.conn_id)
            self._fail(wanted, error)
        finally:
            group.is_looking = False
            self._tidy(group)

    async def _list(self, group: Group, wanted: list[Watched]) -> list[Watched]:
        """Answer for runs by listing those of their task; returns the ones that no page answered for."""
        pages = reach((seen.page for seen in wanted), len(group.runs))
        statuses = group.listing.plan(len(wanted), pages) if group.task_id is not None else ()
        if not statuses:
            return wanted
        due = {seen.run_id for seen in wanted}
        if 2 * len(wanted) >= len(group.runs):
            wanted = list(group.runs.values())  # so that all of them fall into step
        missing, read = {seen.run_id: seen for seen in wanted}, 0
        try:
            for status in statuses:
                read += await self._read_pages(group, status, missing, pages)
        except ArizeRateLimitError as error:
            self._fail(missing.values(), error)
            return []
        except _SHARED_FAULTS as error:
            group.listing.failed()
            self._fail(missing.values(), error)
            return []
        except ArizeError as error:
            log.debug("Listing the runs of task %s failed, fetching them singly: %s", group.task_id, error)
        group.listing.judge(read=read, wanted=len(wanted), answered=len(wanted) - len(missing))
        return [seen for seen in missing.values() if seen.run_id in due]

    async def _read_pages(self, group: Group, status: str | None, missing: dict[str, Watched], pages: int) -> int:
        """Read pages of a listing while they are worth it; returns how many that were."""
        read, empty, cursor = 0, 0, None
        while True:
            page = await self.channel.ask(list_task_runs(str(group.task_id), status=status, cursor=cursor))
            now, spread, answered = self._loop.time(), random.random(), 0  # noqa: S311  # jitter, no secret
            for run in page.items:
                seen = group.runs.get(run.id)
                if seen is not None:
                    seen.page = read if status is None else None
                    seen.saw(run, now, spread)
                    answered += missing.pop(run.id, None) is not None
            read, empty, cursor = read + 1, empty + (not answered), page.next_cursor
            more = {"read": read, "reach": pages, "answered": answered, "missing": len(missing), "empty": empty}
            if not cursor or not group.listing.follow(**more):
                return read

    async def _get_singly(self, wanted: list[Watched]) -> None:
        """Fetch runs one by one. Two faults in a row that are not about one run end it: they would hit all others."""
        if not wanted:
            return
        queue, faults = deque(wanted), 0

        async def fetch() -> None:
            nonlocal faults
            while queue and faults < 2:
                seen = queue.popleft()
                if not seen.waits:
                    continue  # nobody waits for it any more
                error = await self._get(seen)
                if isinstance(error, ArizeRateLimitError):
                    faults = 2
                else:
                    faults = faults + 1 if isinstance(error, _SHARED_FAULTS) else 0
                if faults >= 2 and error is not None:
                    self._fail(queue, error)
                    queue.clear()

        await asyncio.gather(*(fetch() for _ in range(min(_MAX_SINGLE, len(wanted)))))

    async def _get(self, seen: Watched) -> ArizeError | None:
        try:
            run = await self.channel.ask(get_task_run(seen.run_id))
        except ArizeError as error:
            self._fail([seen], error)
            return error
        seen.saw(run, self._loop.time(), random.random())  # noqa: S311  # jitter, no secret
        return None

    def _fail(self, all_seen: Iterable[Watched], error: Exception) -> None:
        now, spread = self._loop.time(), random.random()  # noqa: S311  # jitter, no secret
        for seen in tuple(all_seen):
            seen.failed(error, now, spread)

    def _tidy(self, group: Group) -> None:
        """After a look: let go of runs that ended, move a run to its task's group, and plan the next look."""
        for seen in [seen for seen in group.runs.values() if seen.has_ended]:
            self._drop(seen.run_id)
        if group.task_id is None:
            for seen in list(group.runs.values()):
                if seen.run is not None and seen.run.task_id:
                    self._drop(seen.run_id)
                    self._put(seen, seen.run.task_id)
                    self._schedule(self._runs[seen.run_id][1], seen.due)
        self._schedule(group, group.next_due())
        self._measure()


_watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Watcher]] = WeakKeyDictionary()
_closing: set[asyncio.Future[None]] = set()


@asynccontextmanager
async def using(conn_id: str) -> AsyncIterator[Watcher]:
    """The watcher of a connection on this event loop; made for the first who uses it, closed after the last."""
    watchers = _watchers.setdefault(asyncio.get_running_loop(), {})
    watcher = watchers.get(conn_id)
    if watcher is None:
        watcher = watchers[conn_id] = Watcher(Channel(conn_id))
    watcher.users += 1
    try:
        yield watcher
    finally:
        watcher.users -= 1
        if not watcher.users:
            del watchers[conn_id]
            closing = asyncio.ensure_future(watcher.close())
            _closing.add(closing)
            closing.add_done_callback(_closing.discard)
            await asyncio.shield(
                closing
            )  # a trigger may be cancelled a second time; the session is closed all the same


@asynccontextmanager
async def watching(
    conn_id: str,
    run_ids: Sequence[str],
    *,
    task_ids: Sequence[str] | None = None,
    poll_interval: float = 30.0,
    deadline: float | None = None,
    patience: Patience = PATIENCE,
) -> AsyncIterator[Wait]:
    """Have runs looked at while the context lasts.

    :param conn_id: Airflow connection to ask through.
    :param run_ids: the runs.
    :param task_ids: their tasks, one for each run; without them, looks are shared from the second one on.
    :param poll_interval: seconds between looks that the wait reaches in the end.
    :param deadline: epoch seconds at which the wait ends.
    :param patience: how long it waits for a look that is possible again.
    :return: the wait; await its ``news()`` until it has ``ended``.
    """
    async with using(conn_id) as watcher:
        now = asyncio.get_running_loop().time()
        moment = None if deadline is None else now + (deadline - time.time())
        wait = Wait(run_ids, poll_interval=poll_interval, began=now, deadline=moment, patience=patience)
        watcher.join(wait, task_ids)
        try:
            yield wait
        finally:
            watcher.leave(wait)
