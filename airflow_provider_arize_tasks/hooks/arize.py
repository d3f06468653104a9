"""The hook: everything of Arize's tasks API, with the names, arguments and defaults of the vendor's Python SDK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from datetime import timezone as zones
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_arize_tasks.client.api import ArizeApi
from airflow_provider_arize_tasks.client.config import config_from_fields
from airflow_provider_arize_tasks.client.enums import UNSET
from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.client.fields import length_of_time, point_in_time
from airflow_provider_arize_tasks.client.sync import ArizeClient
from airflow_provider_arize_tasks.client.transport import RetryPolicy
from airflow_provider_arize_tasks.hooks.environment import config_without_connection, raise_if_unreadable
from airflow_provider_arize_tasks.hooks.masking import mask_secret, unmasked_secrets

if TYPE_CHECKING:
    from datetime import date, tzinfo
    from types import TracebackType

    from typing_extensions import Self

    from airflow_provider_arize_tasks.client.config import ClientConfig
    from airflow_provider_arize_tasks.client.models import Span
    from airflow_provider_arize_tasks.coverage.reading import TaskCoverage
    from airflow_provider_arize_tasks.windows.window import Window, WindowTimes

__all__ = ["UNSET", "ArizeHook"]

UTC = zones.utc


class ArizeHook(ArizeApi, BaseHook):
    """Talks to Arize AX through an Airflow connection of type ``arize``.

    Tasks, runs and what surrounds them are the methods of :class:`~airflow_provider_arize_tasks.client.api.ArizeApi`;
    this class adds the connection, and what an evaluation task has covered.

    Arguments called ``task``, ``project``, ``dataset``, ``space``, ``experiment`` or ``evaluator`` take a name or an
    id. A name needs a space to be looked up in: the argument, or the connection's extra ``space``.

    A context manager; otherwise call :meth:`close` when done. Not for several threads at once.

    :param arize_conn_id: id of the connection.
    """

    conn_name_attr = "arize_conn_id"
    default_conn_name = "arize_default"
    conn_type = "arize"
    hook_name = "Arize AX"

    # Airflow before 3.2 looks for these two in the class itself and not in its bases.
    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Fields of the connection form on Airflow before 3.2."""
        from airflow_provider_arize_tasks.hooks.connection_form import connection_form_widgets

        return connection_form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Look of the connection form on Airflow before 3.2."""
        from airflow_provider_arize_tasks.hooks.connection_form import ui_field_behaviour

        return ui_field_behaviour()

    def __init__(self, arize_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        BaseHook.__init__(self, **kwargs)  # ArizeApi wants a client, which a hook makes of its connection, later
        self.arize_conn_id = arize_conn_id

    @staticmethod
    def config_from_connection(conn: Any) -> ClientConfig:
        """Read a connection.

        Its secrets are masked in the logs from here on.

        :param conn: an Airflow ``Connection``.
        :raises ArizeConfigError: names the connection and every field that is wrong.
        """
        extra = conn.extra_dejson
        if conn.password:
            mask_secret(conn.password)
        config = config_from_fields(
            conn_id=conn.conn_id,
            password=conn.password,
            host=conn.host,
            port=conn.port,
            schema=conn.schema,
            extra=extra if isinstance(extra, Mapping) else {},
        )
        for secret in config.secrets:
            mask_secret(secret)
        return config

    @cached_property
    def config(self) -> ClientConfig:
        """The connection's settings."""
        config = self._read_config()
        for risk in (*config.risks, *unmasked_secrets(config.secrets)):
            self.log.warning("%s", risk)
        return config

    def _read_config(self) -> ClientConfig:
        from airflow.providers.common.compat.sdk import AirflowNotFoundException

        try:
            connection = self.get_connection(self.arize_conn_id)
        except AirflowNotFoundException:
            config = config_without_connection(self.arize_conn_id)
            if config is None:
                raise_if_unreadable(self.arize_conn_id)
                raise
            for secret in config.secrets:
                mask_secret(secret)
            return config
        return self.config_from_connection(connection)

    @cached_property
    def client(self) -> ArizeClient:
        """The client, opened by the first request."""
        return ArizeClient(self.config)

    def get_conn(self) -> ArizeClient:
        """The client."""
        return self.client

    def close(self) -> None:
        """Close the connections to the server; the hook can be used again."""
        if "client" in self.__dict__:
            self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def test_connection(self) -> tuple[bool, str]:
        """Make the cheapest request there is, and look the default space up if there is one.

        :return: whether it worked, and a message for the user.
        """
        try:
            with ArizeClient(self.config, retry=RetryPolicy(total_seconds=0)) as client:  # someone watches a spinner
                api = ArizeApi(client)
                page = api.list_spaces(limit=1)
                space_id = api.resolve_space()
        except ArizeError as error:
            return False, str(error)
        except Exception as error:  # noqa: BLE001  # whatever the secrets backend raises is the answer, not a crash
            return False, f"connection {self.arize_conn_id!r} can't be read: {type(error).__name__}: {error}"
        if not page.items:
            return True, f"Connected to {self.config.base_url}; the API key can read no space"
        space = f"; space {self.config.space!r} is {space_id}" if space_id else ""
        return True, f"Connected to {self.config.base_url}{space}"

    def read_coverage(
        self,
        task: str,
        start: datetime | date | timedelta | float | str,
        end: datetime | date | timedelta | float | str | None = None,
        *,
        window: timedelta | float | str = "day",
        timezone: tzinfo | str = "UTC",
        space: str | None = None,
        max_spans: int | None = None,
        max_error_rate: float | None = None,
        settle: timedelta | float | str = 0,
    ) -> TaskCoverage:
        """Read which part of a range a task has evaluated.

        One GET of the task and one per hundred runs it ever had.
        Lengths of time are a ``timedelta``, seconds, or text (``"2h"``, ``"1d"``, ``"P1D"``).

        :param task: name or id.
        :param start: first instant: a datetime, a date, ISO 8601 text, or how far it reaches back from ``end``, as a
            length of time.
        :param end: first instant after the range, likewise, relative to now; ``None`` is the last border of a window
            before now.
        :param window: width of a window, a length of time: ``"day"``, ``"hour"``, ``"week"``, ``"6h"``.
        :param timezone: of days, and of dates and times without one.
        :param space: space of the task, if it is given by name; default the connection's.
        :param max_spans: limit the runs were triggered with, which the API doesn't tell; default the server's 10,000.
        :param max_error_rate: a run with a larger share of errors does not cover; default any completed one may.
        :param settle: how long after its end a window is not complete, because evaluation sees spans late.
        :return: the coverage; ``.coverage.cells(...)`` and ``.coverage.gaps(...)`` read it.
        :raises ArizeConfigError: a value is wrong, or the task has no windows.
        :raises ArizeError: the API could not be asked, or refused.
        """
        from airflow_provider_arize_tasks.coverage.reading import range_of, read_task_coverage

        wanted = range_of(start, end, window=window, timezone=timezone, reference=datetime.now(UTC))
        return read_task_coverage(
            self,
            task,
            wanted,
            space=space,
            max_spans=max_spans,
            max_error_rate=max_error_rate,
            settle=length_of_time(settle, name="settle"),
        )

    def iter_spans(
        self,
        project: str,
        start_time: datetime | date | str,
        end_time: datetime | date | str,
        *,
        space: str | None = None,
        filter: str | None = None,  # noqa: A002 -- the API's own name
        columns: Sequence[str] = ("context.span_id",),
        late: timedelta | float | str = 0,
    ) -> Iterator[Span]:
        """The spans that start in ``[start_time, end_time)``, newest first, each once.

        One request per 500 spans. The search goes by the time of arrival, a few hours around the range.

        :param project: name or id.
        :param start_time: first instant; without a time zone, UTC.
        :param end_time: first instant after the range, likewise.
        :param space: space of the project, if it is given by name; default the connection's.
        :param filter: only spans that it lets through; default all.
        :param columns: full dotted paths of the columns to read (``eval.<name>.label``, ``attributes.session.id``);
            default the ids only.
        :param late: how far after the range to look for spans that arrived late; default not at all.
        :raises SpansUnavailableError: spans can't be listed here, or not with this key.
        :raises ArizeError: the API could not be asked, or refused.
        """
        from airflow_provider_arize_tasks.coverage.spans import iter_spans

        window = _window(start_time, end_time)
        project_id = self.resolve_project(project, space)
        return iter_spans(
            self.call, project_id, window, query_filter=filter, columns=columns, late=length_of_time(late, name="late")
        )

    def count_spans(
        self,
        project: str,
        start_time: datetime | date | str,
        end_time: datetime | date | str,
        *,
        space: str | None = None,
        filter: str | None = None,  # noqa: A002 -- the API's own name
        up_to: int | None = None,
        late: timedelta | float | str = 0,
    ) -> int:
        """How many spans start in ``[start_time, end_time)``.

        :param up_to: stop counting here; default count all. The other parameters and the errors are those of
            :meth:`iter_spans`.
        """
        from airflow_provider_arize_tasks.coverage.spans import count_spans

        window = _window(start_time, end_time)
        project_id = self.resolve_project(project, space)
        return count_spans(
            self.call, project_id, window, query_filter=filter, up_to=up_to, late=length_of_time(late, name="late")
        )

    def verify_window(
        self,
        task: str,
        data_start_time: datetime | date | str,
        data_end_time: datetime | date | str,
        *,
        space: str | None = None,
        sample: int | None = None,
        late: timedelta | float | str = "24h",
    ) -> dict[str, Any]:
        """Read the spans of a window and tell which of them carry a label of each of the task's evaluators.

        :param task: name or id.
        :param data_start_time: first instant of the window; without a time zone, UTC.
        :param data_end_time: first instant after it, likewise.
        :param space: space of the task, if it is given by name; default the connection's.
        :param sample: look at so many spans only; default all.
        :param late: how far after the window's end to look for spans that arrived late.
        :return: the result of :class:`~airflow_provider_arize_tasks.operators.runs.ArizeVerifyWindowOperator`.
        :raises ArizeConfigError: a value is wrong, or the task has no windows.
        :raises SpansUnavailableError: spans can't be listed here, or not with this key.
        :raises ArizeError: the API could not be asked, or refused.
        """
        from airflow_provider_arize_tasks.coverage.verify import verify_window

        window = _window(data_start_time, data_end_time)
        return verify_window(
            self, task, window, space=space, sample=sample, late=length_of_time(late, name="late")
        ).to_dict()

    def find_window_gaps(
        self,
        task: str,
        start: datetime | date | timedelta | float | str,
        end: datetime | date | timedelta | float | str | None = None,
        *,
        window: timedelta | float | str = "day",
        timezone: tzinfo | str = "UTC",
        space: str | None = None,
        max_spans: int | None = None,
        max_error_rate: float | None = None,
        settle: timedelta | float | str = 0,
        give_up_after: timedelta | float | str | None = None,
        include_running: bool = False,
    ) -> list[WindowTimes]:
        """Find the windows of a range that a task has not evaluated.

        :param give_up_after: leave out windows older than this that have no run to show, as windows without data have
            none. By age alone: the hook keeps no record of what was asked for before. Default never.
        :param include_running: return windows with a run still going as well.
        :return: the windows in order, as ``{"data_start_time": ..., "data_end_time": ...}``, those not over yet left
            out. The other parameters and the errors are those of :meth:`read_coverage`.
        """
        found = self.read_coverage(
            task,
            start,
            end,
            window=window,
            timezone=timezone,
            space=space,
            max_spans=max_spans,
            max_error_rate=max_error_rate,
            settle=settle,
        )
        gaps = found.coverage.gaps(
            found.range.every,
            found.range.zone,
            now=found.now,
            settle=length_of_time(settle, name="settle"),
            give_up_after=None if give_up_after is None else length_of_time(give_up_after, name="give_up_after"),
            include_running=include_running,
        )
        return [each.to_dict() for each in gaps.windows]


def _window(start: datetime | date | str, end: datetime | date | str) -> Window:
    from airflow_provider_arize_tasks.windows.times import WindowError
    from airflow_provider_arize_tasks.windows.window import Window

    first, last = (point_in_time(value, name=name, zone=UTC)[0] for value, name in ((start, "start"), (end, "end")))
    if first >= last:
        raise WindowError(f"the window from {first.isoformat()} to {last.isoformat()} is empty or inverted")
    return Window(first, last)
