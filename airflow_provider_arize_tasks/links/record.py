"""What a task instance tells the page in Airflow about itself, as XComs: its run and window, and why it failed.

Airflow keeps neither the arguments of an old task instance nor the exception it ended with. Both are small, and with
them the page needs to ask Arize nothing.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.links.arize import push_xcom

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

#: XCom key of the run a task instance started or adopted last.
RUN_KEY: Final = "arize_run"
#: XCom key of why a task instance failed or was skipped.
REASON_KEY: Final = "arize_reason"
_MOST_CHARACTERS = 1_000


def push_run_record(
    context: Any,
    *,
    task_id: str,
    task_name: str | None,
    run_id: str,
    window: dict[str, str] | None = None,
    max_spans: int | None = None,
    evaluators: int = 1,
    arize_conn_id: str = "arize_default",
) -> None:
    """Tell which run serves which window, before anything is waited for.

    :param context: the context Airflow gave to ``execute``.
    :param task_id: id of the Arize task.
    :param task_name: its name; ``None`` if it is not known.
    :param run_id: id of the run.
    :param window: ``data_start_time`` and ``data_end_time`` as ISO texts; ``None`` for experiments.
    :param max_spans: the limit the run was triggered with; ``None`` for the server's own.
    :param evaluators: how many evaluators the task has.
    :param arize_conn_id: the Airflow connection, for looking again.
    """
    value = {
        "task_id": task_id,
        "task_name": task_name,
        "run_id": run_id,
        **(window or {}),
        "max_spans": max_spans,
        "evaluators": evaluators,
        "arize_conn_id": arize_conn_id,
    }
    push_xcom(context, RUN_KEY, value)


@contextmanager
def telling_reason(context: Any) -> Iterator[None]:
    """Keep the sentence a task instance fails or is skipped with.

    :param context: the context Airflow gave to ``execute``.
    :raises Exception: whatever is raised inside, as it is.
    """
    try:
        yield
    except (ArizeError, AirflowSkipException) as error:
        _push_reason(context, str(error))
        raise


def _push_reason(context: Any, reason: str) -> None:
    try:
        push_xcom(context, REASON_KEY, reason[:_MOST_CHARACTERS])
    except Exception as error:  # noqa: BLE001 - whatever Airflow raises: the error that goes up is the one that counts
        log.debug("The reason could not be kept for the page: %s", error)
