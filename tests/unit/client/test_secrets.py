"""Secrets show in no error, cause, repr, pickle or log line, whatever a server or a library makes of them."""

from __future__ import annotations

import base64
import logging
import pickle
import socket
import traceback
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.config import ClientConfig
from airflow_provider_arize_tasks.client.errors import ArizeError
from airflow_provider_arize_tasks.client.printable import (
    MASK,
    credentials_of,
    environment_credentials,
    masked,
    without_userinfo,
)
from tests.unit.client.support import KEY, OddServer, Transport, config_for, no_pauses, reply

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "proxy-user-name"
PASSWORD = "proxy/pass+word"
HEADER = "value-of-an-extra-header"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (KEY, USER, PASSWORD, quote(PASSWORD, safe=""), HEADER, BASIC)
GET = endpoints.get_task_run("VGFza1J1bjoxOmE=")
TRIGGER = endpoints.trigger_task_run("VGFzazoxOmE=", {})
ECHO = " ".join(SECRETS)


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def texts_of(error: BaseException) -> Iterator[str]:
    """All that can be read of an error: itself, what it carries, its causes, and the same after a pickle."""
    seen: list[BaseException] = []
    queue: list[BaseException | None] = [error, pickle.loads(pickle.dumps(error))]
    while queue:
        one = queue.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        yield str(one)
        yield repr(one)
        yield repr(one.args)
        yield repr(vars(one))
        yield "".join(traceback.format_exception(one))
        queue += [one.__cause__, one.__context__]


@pytest.fixture(params=["connection", "environment"])
def proxied(
    request: pytest.FixtureRequest, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch
) -> dict[str, object]:
    """Extra of a connection whose requests go through a proxy with credentials, wherever these come from."""
    url = odd_server.url.replace("//", f"//{USER}:{quote(PASSWORD, safe='')}@")
    if request.param == "connection":
        return {"proxies": url}
    monkeypatch.setenv("http_proxy", url)
    monkeypatch.delenv("no_proxy", raising=False)
    return {"proxies": None}


@pytest.mark.parametrize("call", [GET, TRIGGER])
@pytest.mark.parametrize(
    "step",
    [
        reply(400, {"title": ECHO, "detail": f"{'x' * 290}{ECHO}", "error_code": ECHO, "request_id": ECHO}),
        reply(401, {"detail": ECHO}, {"X-Request-Id": KEY}),
        reply(403, {"detail": "no", "entitlement": KEY, "limit": HEADER}),
        reply(404, f"no route for {ECHO}".encode(), {"Content-Type": "text/plain"}),
        reply(407, {"detail": ECHO}),
        reply(302, b"", {"Location": f"http://{USER}:{quote(PASSWORD, safe='')}@login.example/{KEY}?key={KEY}"}),
        reply(502, f"<html><title>{'y' * 110}{ECHO}</title>".encode(), {"Content-Type": "text/html"}),
        reply(200, f"<html>{ECHO}".encode()),
        reply(200, ECHO.encode()),
        reply(200, {KEY: 1, HEADER: 2}),
        reply(200, {"id": "r"}, {"Content-Encoding": KEY}),
        hang_up,
    ],
)
def test_whatever_a_server_echoes(
    transport: Transport,
    odd_server: OddServer,
    proxied: dict[str, object],
    call: object,
    step: object,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    odd_server.answers(step)  # type: ignore[arg-type]
    config = config_for("http://arize.example.com", headers={"X-Team": HEADER}, **proxied)
    with pytest.raises(ArizeError) as caught:
        transport.send(config, call, no_pauses()[0])  # type: ignore[arg-type]
    shown = [*texts_of(caught.value), repr(config), caplog.text]
    assert odd_server.requests[0].headers["proxy-authorization"] == f"Basic {BASIC}"
    for secret in SECRETS:
        # Cut after it was masked: not even the first half of one is left.
        assert [text for text in shown if secret[:12] in text] == [], secret


@pytest.mark.parametrize(
    "proxy",
    [
        "http://{user}:{password}@127.0.0.1:1",
        "http://{user}:{password}@no-such-host.invalid:3128",
        "http://{user}:{password}@[proxy:80",
        "http://{user}:{password}@proxy:99999999",
    ],
)
def test_a_proxy_that_does_not_work(
    transport: Transport, monkeypatch: pytest.MonkeyPatch, proxy: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("http_proxy", proxy.format(user=USER, password=quote(PASSWORD, safe="")))
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(ArizeError) as caught:
        transport.send(config_for("http://arize.example.com", proxies=None), GET)
    for secret in SECRETS:
        assert [text for text in (*texts_of(caught.value), caplog.text) if secret in text] == [], secret


def test_data_that_quotes_the_key_comes_in_without_it(transport: Transport, odd_server: OddServer) -> None:
    odd_server.answers(reply(200, {"id": "r", "status": "FAILED", "failure_reason": f"header Bearer {KEY} refused"}))
    run = transport.send(config_for(odd_server.url), GET)
    assert run.failure_reason == "header Bearer *** refused"
    assert KEY not in run.to_json()


def test_a_proxys_user_name_is_left_alone_in_data(transport: Transport, odd_server: OddServer) -> None:
    odd_server.answers(reply(200, {"id": "r", "failure_reason": "the user is unknown"}))
    proxy = odd_server.url.replace("//", "//user:word@")
    run = transport.send(config_for("http://arize.example.com", proxies=proxy), GET)
    assert run.failure_reason == "the user is unknown"


def test_credentials_of_urls() -> None:
    found = credentials_of(
        ["http://mine:p%40ss@proxy:1", "other:word@proxy", "http://none:1", "http://user:name@[bad:1"]
    )
    assert {"mine", "p%40ss", "p@ss", "other", "word", "user", "name"} <= found
    assert base64.b64encode(b"mine:p@ss").decode() in found
    assert credentials_of(["http://me:pw@proxy"]) == {base64.b64encode(b"me:pw").decode()}


def test_credentials_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://env-user:env-word@proxy:1")
    monkeypatch.setenv("ALL_PROXY", "socks5://all-user:all-word@proxy:1")
    assert {"env-user", "env-word", "all-user", "all-word"} <= environment_credentials()
    assert {"env-user", "env-word"} <= set(config_for("https://arize.example.com", proxies=None).secrets)


def test_masking() -> None:
    secrets = ("a/b c", "abcdef", "abc", "xy")
    assert masked("abcdef abc xy a/b c a%2Fb%20c a\\/b c", secrets) == f"{MASK} abc xy {MASK} {MASK} {MASK}"
    assert masked("nothing", ()) == "nothing"
    assert without_userinfo("at http://u:p@h/x, https://u@h and http://h/a@b") == (
        "at http://***@h/x, https://***@h and http://h/a@b"
    )


def test_the_environment_is_gone_through_once_for_many_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("airflow_provider_arize_tasks.client.printable.getproxies", lambda: asked.append(1) or {})  # type: ignore[func-returns-value]
    config = ClientConfig(base_url="https://arize.example", api_key="a-secret-of-some-length")
    for _ in range(3):
        assert config.secrets == ("a-secret-of-some-length",)
    assert len(asked) == 1
