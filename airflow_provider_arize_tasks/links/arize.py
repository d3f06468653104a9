"""What a task instance tells as XComs: buttons that lead to Arize; run, window and failure for the page in Airflow.

Airflow 3 stores a link when the task *ends*, so a link that is worked out then is missing exactly while somebody wants
to look: during the wait. The operators of this provider therefore push the address as an XCom under the link's own key
before they wait (:func:`push_link`); Airflow 3 reads that key by itself, and :meth:`get_link` reads the same key for
Airflow 2.11 and for Airflow 3's own storing at the end, so a failed task keeps its links as well.

Airflow keeps neither the arguments of an old task instance nor the exception it ended with. Both are small, and with
them the page needs to ask Arize nothing.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperatorLink, XCom

from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.runs.record import REASON_KEY, RUN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

    from airflow_provider_arize_tasks.windows.window import WindowTimes


class _PushedLink(BaseOperatorLink):
    """A link whose address an operator pushed as an XCom."""

    #: XCom key under which the operator pushes the address.
    key: ClassVar[str]

    @property
    def xcom_key(self) -> str:
        """Key of the XCom that holds the address; Airflow 3's UI reads it directly."""
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Read the address the operator pushed.

        :param operator: the operator; not needed, the address is in the XCom.
        :param ti_key: the task instance.
        :return: the address, or ``""`` where there is none (yet): Airflow then shows the button as disabled.
        """
        pushed = _pushed.get(_identity(ti_key), {}).get(self.key)
        if pushed is not None or _is_first_part(ti_key):
            return pushed or ""
        value = XCom.get_value(key=self.key, ti_key=ti_key)
        return value if isinstance(value, str) else ""


class ArizeTaskLink(_PushedLink):
    """What the Arize task works on: the spans of its project, or the experiments of its dataset."""

    name = "Arize task"
    key = "arize_task_link"


class ArizeTaskRunLink(_PushedLink):
    """What the run works on: the spans of its window, or its experiment."""

    name = "Arize run"
    key = "arize_run_link"


class ArizeExperimentLink(_PushedLink):
    """The experiment of an experiment run."""

    name = "Arize experiment"
    key = "arize_experiment_link"


#: What this process pushed, by task instance and key. When a task of Airflow 3 ends, its worker asks for each link once
#: more; asking the server for one that was never pushed would leave an error in the worker's log every time.
_pushed: dict[tuple[Any, ...], dict[str, str]] = {}


def _identity(ti: Any) -> tuple[Any, ...]:
    return tuple(getattr(ti, name, None) for name in ("dag_id", "task_id", "run_id", "map_index"))


def _is_first_part(ti: Any) -> bool:
    """Whether this is the worker of Airflow 3 in which the attempt began, so that all its pushes were seen here."""
    started_with = getattr(ti, "_ti_context_from_server", None)
    return started_with is not None and not getattr(started_with, "next_method", None)


def push_link(context: Any, link: type[_PushedLink], url: str | None) -> None:
    """Make a link work from now on, before the task ends. Call it before deferring or waiting.

    :param context: the context Airflow gave to ``execute``.
    :param link: the link class.
    :param url: an address from :mod:`airflow_provider_arize_tasks.links.linker`; nothing is pushed when empty.
    """
    if url:
        push_xcom(context, link.key, url)
        _pushed.setdefault(_identity(context.get("ti")), {})[link.key] = url


def keep_links_as_pushed(operator: Any, context: Any) -> None:
    """Spare Airflow 3 storing the links once more whenever a process of the task ends, at a deferral too.

    They are in place since they were pushed. Storing them again takes up to two calls of the API server for each link
    and process, nine for a task instance that defers once. Airflow executes a copy of the operator: neither the DAG
    nor other instances of a mapped task notice.

    :param operator: the copy that is executed.
    :param context: the context Airflow gave it; without a task instance it is run by hand and nothing is changed.
    """
    if context.get("ti") is not None:
        operator.operator_extra_links = ()


def push_xcom(context: Any, key: str, value: Any) -> None:
    """Push an XCom, now and not when the task ends; nothing where an operator is run by hand, without a task instance.

    :param context: the context Airflow gave to ``execute``.
    :param key: its key.
    :param value: plain JSON.
    """
    ti = context.get("ti")
    if ti is not None:
        ti.xcom_push(key=key, value=value)


log = logging.getLogger(__name__)

_MOST_CHARACTERS = 1_000


def push_run_record(
    context: Any,
    *,
    task_id: str,
    task_name: str | None,
    run_id: str,
    window: WindowTimes | None = None,
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
