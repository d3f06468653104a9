"""The part of the hook that knows the connection: its form, its settings, its test, and the client they make."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.config import config_from_fields
from airflow_provider_arize_tasks.client.dialect import Dialect
from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.client.names import Resolver
from airflow_provider_arize_tasks.client.sync import ArizeClient
from airflow_provider_arize_tasks.hooks.environment import config_without_connection
from airflow_provider_arize_tasks.hooks.masking import mask_secret

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from airflow_provider_arize_tasks.client.config import ClientConfig
    from airflow_provider_arize_tasks.client.endpoints import Call

T = TypeVar("T")


class ArizeConnected(BaseHook):
    """A hook with a connection of type ``arize``.

    :param arize_conn_id: id of the connection.
    """

    conn_name_attr = "arize_conn_id"
    default_conn_name = "arize_default"
    conn_type = "arize"
    hook_name = "Arize AX"

    def __init__(self, arize_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
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
        for risk in config.risks:
            self.log.warning("%s", risk)
        return config

    def _read_config(self) -> ClientConfig:
        from airflow.providers.common.compat.sdk import AirflowNotFoundException

        try:
            connection = self.get_connection(self.arize_conn_id)
        except AirflowNotFoundException:
            config = config_without_connection(self.arize_conn_id)
            if config is None:
                raise
            for secret in config.secrets:
                mask_secret(secret)
            return config
        return self.config_from_connection(connection)

    @cached_property
    def client(self) -> ArizeClient:
        """The client, opened by the first request."""
        return ArizeClient(self.config)

    @cached_property
    def _dialect(self) -> Dialect:
        return Dialect(self.config.enum_case)

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

    def call(self, call: Call[T]) -> T:
        """Send any call of ``client.endpoints``, in the server's spelling of enums.

        :param call: the call.
        :return: its reply.
        """
        return self._dialect.send(self.client.send, call)

    def test_connection(self) -> tuple[bool, str]:
        """Make the cheapest request there is, and look the default space up if there is one.

        :return: whether it worked, and a message for the user.
        """

        def send(call: Call[T]) -> T:
            return self.client.send(call, retry=False)  # someone is looking at a spinning button

        try:
            page = send(endpoints.list_spaces(limit=1))
            space_id = Resolver(send, self.config.space).space(None)
        except ArizeError as error:
            return False, str(error)
        except Exception as error:  # noqa: BLE001  # whatever the secrets backend raises is the answer, not a crash
            return False, f"connection {self.arize_conn_id!r} can't be read: {type(error).__name__}: {error}"
        if not page.items:
            return True, f"Connected to {self.config.base_url}; the API key can read no space"
        space = f"; space {self.config.space!r} is {space_id}" if space_id else ""
        return True, f"Connected to {self.config.base_url}{space}"
