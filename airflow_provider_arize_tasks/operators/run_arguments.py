"""Arguments that both trigger operators have: taken, checked while the DAG is parsed and once they are rendered."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.runs.identity import ReuseRun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import XComArg

#: The wait ends this long before ``execution_timeout``, so that there is time to cancel and to say what happened.
_BEFORE_EXECUTION_TIMEOUT = 5.0
#: The same for a deferred task. Airflow 2 counts the time it was deferred, and after ``execution_timeout`` a resume
#: fails without a call of the task: so there has to be time to be scheduled and started once more.
_BEFORE_EXECUTION_TIMEOUT_DEFERRED = 60.0
_DAY = 86_400.0


class RunArguments(BaseOperator):
    """Holds them; the two operators say what they mean."""

    shared_template_fields: ClassVar[tuple[str, ...]] = (
        "task",
        "space",
        "poll_interval",
        "timeout",
        "reuse_run",
        "max_error_rate",
        "min_successes",
        "arize_conn_id",
    )

    def __init__(
        self,
        *,
        task: str | Mapping[str, Any] | XComArg,
        space: str | None = None,
        wait_for_completion: bool = True,
        deferrable: bool = True,
        poll_interval: timedelta | float | str = 30.0,
        timeout: timedelta | float | str = 6 * 3600.0,
        cancel_on_kill: bool = True,
        cancel_on_timeout: bool = True,
        reuse_run: str = "own",
        max_error_rate: float | str | None = None,
        min_successes: int | str | None = None,
        arize_conn_id: str = "arize_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.task = task
        self.space = space
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.cancel_on_kill = cancel_on_kill
        self.cancel_on_timeout = cancel_on_timeout
        self.reuse_run = reuse_run
        self.max_error_rate = max_error_rate
        self.min_successes = min_successes
        self.arize_conn_id = arize_conn_id

    def _check(self, check: Checker) -> None:
        """Read every argument once, noting what is wrong."""
        check.read("task", self.task, args.reference, "")
        check.read("poll_interval", self.poll_interval, args.seconds, 30.0)
        check.read("timeout", self.timeout, args.seconds, _DAY)
        check.choice("reuse_run", self.reuse_run, ReuseRun, ReuseRun.OWN)
        check.read("max_error_rate", self.max_error_rate, args.optional(args.rate), None)
        check.read("min_successes", self.min_successes, args.optional(args.whole), None)

    def _check_literals(self) -> None:
        """Fail while the DAG is parsed for what no template can mend."""
        check = Checker(rendered=False)
        self._check(check)
        check.raise_if_any(f"{type(self).__name__} {self.task_id!r}")

    @property
    def _settings(self) -> Checker:
        check = Checker(rendered=True)
        self._check(check)
        return check

    @cached_property
    def _poll_interval(self) -> float:
        return args.seconds(self.poll_interval)

    @cached_property
    def _timeout(self) -> float:
        return args.seconds(self.timeout)

    def _execution_deadline(self) -> float | None:
        if self.execution_timeout is None:
            return None
        whole = float(self.execution_timeout.total_seconds())
        reserve = _BEFORE_EXECUTION_TIMEOUT_DEFERRED if self.deferrable else _BEFORE_EXECUTION_TIMEOUT
        return time.time() + max(whole - reserve, whole / 2)
