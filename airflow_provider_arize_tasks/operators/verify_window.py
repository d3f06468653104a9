"""The operator that proves which spans of a window carry their labels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_arize_tasks.client import arguments as args
from airflow_provider_arize_tasks.client.arguments import Checker
from airflow_provider_arize_tasks.client.fields import length_of_time
from airflow_provider_arize_tasks.coverage.summary import VERIFICATION_KEY as VERIFICATION_KEY
from airflow_provider_arize_tasks.exceptions import ArizeGateError, failing_for_good
from airflow_provider_arize_tasks.links.arize import push_xcom
from airflow_provider_arize_tasks.operators.window_times import lookback_of, window_of_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from airflow.providers.common.compat.sdk import Context
    from typing_extensions import Unpack

    from airflow_provider_arize_tasks.base_arguments import OperatorArguments
    from airflow_provider_arize_tasks.coverage.proof import Verification
    from airflow_provider_arize_tasks.windows.window import Window


class ArizeVerifyWindowOperator(BaseOperator):
    """Read the spans of a window and prove which of them carry a label of each of the task's evaluators.

    .. code-block:: python

        verify = ArizeVerifyWindowOperator(task_id="verify", task="Answer quality", lookback="1d")
        evaluate >> verify

    A run says what it counted; only the spans themselves say what is labelled. The window is found as in the trigger
    operator: both ends, else the DAG run's data interval, else ``lookback``. It takes one request for the task, one for
    each evaluator's versions, and one per 500 spans; where the task or an evaluator has a filter, one more per 500
    spans that pass it. It changes nothing.

    A sampled task (``sampling_rate`` 0.1) is complete where the share of labelled spans fits that rate. Evaluators of
    traces and sessions are judged by trace and session.

    .. seealso:: Arize's reference of ``POST /v2/spans``: https://arize.com/docs/ax/rest-reference

    :param task: name or id of the task, or the JSON that a create operator returned. (templated)
    :param space: space of the task if it is given by name; default the connection's. (templated)
    :param data_start_time: first instant of the window. Default: as in the trigger operator. (templated)
    :param data_end_time: first instant after the window. (templated)
    :param lookback: length of the window before its end, where the DAG run has no interval of its own, or where only
        one end is given: a ``timedelta``, seconds or ``"1d"``, or ``"since_previous"``. (templated)
    :param sample: look at so many spans only, at places of the window drawn at random; the result states how many
        missing ones that rules out. Default: all spans. (templated)
    :param min_labelled: share of the spans, 0 to 1, that must carry a label of each evaluator; with less, the task
        fails, without a retry. 0 never fails: branch on the result's ``complete``. Default 1. (templated)
    :param late: how far after the window's end to look for spans that arrived late: a ``timedelta``, seconds or
        ``"6h"``. The API's search goes by the time of arrival, a few hours around the range. Default 24 hours.
        (templated)
    :param arize_conn_id: Airflow connection to Arize. Default ``arize_default``. (templated)
    :return: ``spans``, ``matching`` (by the task's filter), ``evaluators`` (by name: ``labelled``, ``missing``,
        ``share``, ``low`` and ``high`` at 95 %), ``sampled`` (a number of spans, or ``None`` if all were looked at),
        ``complete``, ``missing_examples`` (by evaluator, up to ten span ids), the window, and ``audit``: what was
        looked at, when, by which task, evaluators, versions and runs. Also in XCom ``arize_verification``, even where
        the task fails.
    :raises ArizeGateError: fewer spans are labelled than ``min_labelled`` asks for; not retried.
    :raises ArizePermanentError: the connection, an argument or the window is wrong, the task has no windows, or spans
        can't be listed here or with this key; not retried.
    :raises ArizeError: the API could not be asked; a retry asks again.
    """

    template_fields: Sequence[str] = (
        "task",
        "space",
        "data_start_time",
        "data_end_time",
        "lookback",
        "sample",
        "min_labelled",
        "late",
        "arize_conn_id",
    )
    ui_color = "#e8e4fb"

    def __init__(
        self,
        *,
        task: Any,
        space: str | None = None,
        data_start_time: datetime | date | str | None = None,
        data_end_time: datetime | date | str | None = None,
        lookback: timedelta | float | str | None = None,
        sample: int | str | None = None,
        min_labelled: float | str = 1.0,
        late: timedelta | float | str = timedelta(hours=24),
        arize_conn_id: str = "arize_default",
        **kwargs: Unpack[OperatorArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.task = task
        self.space = space
        self.data_start_time = data_start_time
        self.data_end_time = data_end_time
        self.lookback = lookback
        self.sample = sample
        self.min_labelled = min_labelled
        self.late = late
        self.arize_conn_id = arize_conn_id
        self._check(rendered=False)

    def _check(self, *, rendered: bool) -> _Settings:
        check = Checker(rendered=rendered)
        check.read("lookback", self.lookback, lookback_of, None)
        settings = _Settings(
            task=check.read("task", self.task, args.reference, ""),
            sample=check.read("sample", self.sample, args.optional(args.count), None),
            min_labelled=check.read("min_labelled", self.min_labelled, args.rate, 1.0),
            late=check.read("late", self.late, partial(length_of_time, name="late"), timedelta()),
        )
        check.raise_if_any(f"{type(self).__name__} {self.task_id!r}")
        return settings

    def execute(self, context: Context) -> dict[str, Any]:
        """Verify the window.

        :return: the record; see the class.
        """
        with failing_for_good():
            settings = self._check(rendered=True)
            window = self._window(context)
            found = self._verify(settings, window)
            result = found.to_dict()
            push_xcom(context, VERIFICATION_KEY, result)
            self._report(found)
            lacking = found.lacking(settings.min_labelled)
            if lacking:
                raise ArizeGateError(
                    f"window {window.key} is not fully evaluated: {'; '.join(lacking)}. Evaluate it again (labels that "
                    f"are there stay); the result is in XCom {VERIFICATION_KEY}"
                )
        return result

    def _window(self, context: Context) -> Window:
        found = window_of_run(context, self.data_start_time, self.data_end_time, self.lookback)
        for note in found.notes:
            self.log.info(note)
        return found.window

    def _verify(self, settings: _Settings, window: Window) -> Verification:
        from airflow_provider_arize_tasks.coverage.verify import verify_window
        from airflow_provider_arize_tasks.hooks.arize import ArizeHook

        with ArizeHook(self.arize_conn_id) as hook:
            return verify_window(
                hook,
                settings.task,
                window,
                space=self.space,
                sample=settings.sample,
                late=settings.late,
                progress=lambda count: self.log.info("%d spans read", count),
            )

    def _report(self, found: Verification) -> None:
        self.log.info("%s", found)
        for note in found.notes:
            self.log.warning("%s.", note)
        if not found.spans:
            self.log.warning("The window holds no spans: nothing is proven")


@dataclass(frozen=True, kw_only=True)
class _Settings:
    """The arguments, read."""

    task: str
    sample: int | None
    min_labelled: float
    late: timedelta
