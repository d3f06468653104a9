"""Operators that kill their own worker process at an exact step, so often and no more.

They are the product's operators with a knife: the step is found from outside (the state store Airflow passes in, the
HTTP request going out, the call of ``defer``), nothing of the package knows about it. Every kill is written down before
it happens, so a row whose kill never came can't pass.
"""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import requests
from fault_rows import AFTER_INTENT, ANSWERED, BEFORE_INTENT, JUDGED, RANDOM, RECORDED, RESUMING, UNANSWERED, WAITING

from airflow_provider_arize_tasks.operators.runs import (
    ArizeTriggerEvaluationRunOperator,
    ArizeTriggerExperimentRunOperator,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KILLS = Path(os.environ["FAULTS_KILLS"])


class Knife:
    """Kills this process when its step comes, unless it has done so often enough for this DAG run."""

    def __init__(self, context: Any, step: str | None, times: int, *, whole_worker: bool) -> None:
        ti = context["ti"]
        self.step = step
        self.times = times
        self.whole_worker = whole_worker
        self.try_number = ti.try_number
        self.file = KILLS / f"{ti.dag_id}.{ti.run_id.replace('/', '_').replace(':', '')}.jsonl"

    def kills(self) -> int:
        return len(self.file.read_text().splitlines()) if self.file.exists() else 0

    def reach(self, step: str) -> None:
        """The step has come: die if it is the one."""
        if step == self.step and self.kills() < self.times:
            self.die()

    def die(self) -> None:
        line = {"step": self.step, "pid": os.getpid(), "attempt": self.try_number, "at": time.time()}
        with self.file.open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if self.whole_worker:
            os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    def die_within(self, seconds: Sequence[float], seed: str) -> None:
        """Die at a moment that ``seed`` draws, within one of ``seconds``, if the process lives that long."""
        if self.kills() >= self.times:
            return
        draw = random.Random(f"{seed}/{self.kills()}")
        self.die_in(draw.uniform(0, draw.choice(list(seconds))))

    def die_in(self, delay: float) -> None:
        timer = threading.Timer(delay, self.die)
        timer.daemon = True
        timer.start()


def _is_trigger(request: requests.PreparedRequest) -> bool:
    return request.method == "POST" and (request.url or "").endswith("/trigger")


@contextmanager
def armed(knife: Knife, context: Any) -> Iterator[None]:
    """Watch the steps on the way out of the process: state store and HTTP."""
    posted = False
    send = requests.Session.send

    def watched_send(session: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> Any:
        nonlocal posted
        if not _is_trigger(request):
            return send(session, request, **kwargs)
        if knife.step == UNANSWERED and knife.kills() < knife.times:
            knife.die_in(1.0)  # the emulator has been told to hold its answer back for longer
        try:
            reply = send(session, request, **kwargs)
        except requests.RequestException:
            given_up()
            raise
        given_up()
        return reply

    def given_up() -> None:
        """The POST is over, for good or ill: in bad weather it may have taken effect without an answer."""
        nonlocal posted
        posted = True
        knife.reach(ANSWERED)
        if knife.step == WAITING and knife.kills() < knife.times:
            knife.die_in(4.0)

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(requests.Session, "send", watched_send))
        store = context.get("task_state_store")
        if store is not None:
            put = type(store).set

            @functools.wraps(put)
            def watched_set(self: Any, *args: Any, **kwargs: Any) -> Any:
                if not posted:
                    knife.reach(BEFORE_INTENT)
                result = put(self, *args, **kwargs)
                # The index of what is on record comes first; the intent is the record itself.
                if str(args[0] if args else kwargs["key"]).startswith("arize_run_"):
                    knife.reach(RECORDED if posted else AFTER_INTENT)
                return result

            stack.enter_context(mock.patch.object(type(store), "set", watched_set))
        yield


def dying(base: Any) -> Any:
    """An operator with a knife. ``die_at``: the step, ``die_times``: how often, ``whole_worker``: supervisor too."""

    class Dying(base):
        def __init__(
            self,
            *,
            die_at: str | None = None,
            die_times: int = 1,
            die_within: Sequence[float] = (),
            whole_worker: bool = False,
            **kwargs: Any,
        ) -> None:
            super().__init__(**kwargs)
            self.die_at = die_at
            self.die_times = die_times
            self.die_within = tuple(die_within)
            self.whole_worker = whole_worker

        def _knife(self, context: Any) -> Knife:
            knife = Knife(context, self.die_at, self.die_times, whole_worker=self.whole_worker)
            if self.die_at == RANDOM:
                knife.die_within(self.die_within, f"{os.environ.get('FAULTS_SEED', '1')}/{knife.file.name}")
            return knife

        def execute(self, context: Any) -> Any:
            knife = self._knife(context)
            with armed(knife, context):
                result = super().execute(context)
            knife.reach(JUDGED)
            return result

        def execute_complete(self, context: Any, event: Any = None) -> Any:
            knife = self._knife(context)
            knife.reach(RESUMING)
            with armed(knife, context):
                result = super().execute_complete(context, event)
            knife.reach(JUDGED)
            return result

    return Dying


DyingEvaluation = dying(ArizeTriggerEvaluationRunOperator)
DyingExperiment = dying(ArizeTriggerExperimentRunOperator)
