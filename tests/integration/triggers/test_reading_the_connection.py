"""The trigger reads its connection on the triggerer's loop; Airflow before 3.3.2 asks its supervisor while at it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider_arize_tasks.hooks import masking
from airflow_provider_arize_tasks.triggers import channel
from airflow_provider_arize_tasks.triggers.channel import Channel, _extra_of, read_config

if TYPE_CHECKING:
    import pytest


class OldConnection:
    """A connection of Airflow 3.0: its extra sends the secrets in it to the supervisor, over streams of one loop."""

    def __init__(self) -> None:
        self.asked_on: asyncio.AbstractEventLoop | None = None

    @property
    def extra_dejson(self) -> dict[str, Any]:
        from asgiref.sync import async_to_sync

        async def ask_the_supervisor() -> None:
            self.asked_on = asyncio.get_running_loop()

        async_to_sync(ask_the_supervisor)()
        return {"space": "demo-space"}


async def test_the_supervisor_is_asked_on_the_loop_that_owns_its_streams() -> None:
    # From a loop of its own the request would read somebody else's answer, and the triggerer would die of it.
    connection = OldConnection()
    assert await _extra_of(connection) == {"space": "demo-space"}
    assert connection.asked_on is asyncio.get_running_loop()


#: The proxy's user and password are sent in base64, so that is a secret as well.
SECRETS = {"ak-the-key", "proxy%2Fword", "proxy/word", "bWU6cHJveHkvd29yZA==", "team-token"}
EXTRA: dict[str, Any] = {"proxies": {"https": "http://me:proxy%2Fword@proxy:3128"}, "headers": {"X-Team": "team-token"}}


def connect(monkeypatch: pytest.MonkeyPatch, host: str = "https://api.arize.com", **extra: Any) -> None:
    fields = {"conn_type": "arize", "host": host, "password": "ak-the-key", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_ARIZE_DEFAULT", json.dumps(fields))


async def test_the_key_proxy_passwords_and_header_values_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    redact = secrets_masker().redact
    connect(monkeypatch, **EXTRA)
    assert redact("X-Team: team-token") == "X-Team: team-token"
    assert set((await read_config("arize_default")).secrets) == SECRETS
    for secret in SECRETS:
        assert secret not in redact(f"the log says {secret}")


async def test_masking_never_blocks_the_loop_whose_streams_lead_to_the_supervisor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, asyncio.AbstractEventLoop] = {}

    def mask_secret(secret: str) -> None:  # as on Airflow 3.0 to 3.3.1: it waits for the supervisor's answer
        from asgiref.sync import async_to_sync

        async def ask_the_supervisor() -> None:
            asked[secret] = asyncio.get_running_loop()

        async_to_sync(ask_the_supervisor)()

    monkeypatch.setattr(masking, "mask_secret", mask_secret)
    with contextlib.suppress(ImportError):  # Airflow 2
        monkeypatch.delattr(import_module("airflow.sdk.log"), "amask_secret", raising=False)
    await masking.mask_secrets_on_loop(SECRETS)
    assert set(asked) == SECRETS
    assert set(asked.values()) == {asyncio.get_running_loop()}


async def test_a_key_that_others_could_read_is_warned_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(channel, "_warned", set())
    connect(monkeypatch, host="http://arize.example.com", verify=False, **EXTRA)
    for _ in range(3):  # waits come and go
        one = Channel("arize_default")
        await one._open()
        await one.close()
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [("verify" in text, "not encrypted" in text) for text in told] == [(True, False), (False, True)]
    assert not [text for text in told if any(secret in text for secret in SECRETS)]


def secrets_masker() -> Any:
    """Airflow's own masker, wherever this Airflow keeps the one its logs go through."""
    for home in ("airflow.sdk.log", "airflow.sdk.execution_time.secrets_masker", "airflow.utils.log.secrets_masker"):
        with contextlib.suppress(ImportError, AttributeError):
            return import_module(home)._secrets_masker()
    raise AssertionError("this Airflow masks nothing")
