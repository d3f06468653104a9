"""Both transports against a server that misbehaves: the same errors, in words a person can act on."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from datetime import datetime, timezone

import pytest

from airflow_provider_arize_tasks.client import endpoints
from airflow_provider_arize_tasks.client.errors import (
    ArizeApiError,
    ArizeAuthenticationError,
    ArizeConflictError,
    ArizeError,
    ArizeInvalidRequestError,
    ArizeNotFoundError,
    ArizePermissionError,
    ArizeRateLimitError,
    ArizeReplyError,
    ArizeServerError,
    ArizeTlsError,
    ArizeTransportError,
)
from airflow_provider_arize_tasks.client.models import RunStatus
from airflow_provider_arize_tasks.client.transport import Pace
from tests.unit.client.support import KEY, config_for, no_pauses, reply

RUN = {"id": "VGFza1J1bjoxOmE=", "status": "RUNNING"}
GET = endpoints.get_task_run("VGFza1J1bjoxOmE=")
TRIGGER = endpoints.trigger_task_run("VGFzazoxOmE=", {})
CANCEL = endpoints.cancel_task_run("VGFza1J1bjoxOmE=")
DELETE = endpoints.delete_task("VGFzazoxOmE=")


def reset(connection: socket.socket) -> None:
    """Close with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def half_an_answer(connection: socket.socket) -> None:
    connection.sendall(reply(200, RUN)[:-5])
    connection.shutdown(socket.SHUT_RDWR)


def silence(connection: socket.socket) -> None:
    time.sleep(3)


# ------------------------------------------------------------ what goes out


def test_request_as_it_goes_out(transport, odd_server):
    odd_server.answers(reply(200, RUN, {"Date": "Mon, 23 Nov 2026 10:00:00 GMT", "X-Request-Id": "req-1"}))
    got = transport.send_full(config_for(odd_server.url, headers={"X-Team": "llm"}), endpoints.get_task_run("a/b+c=?é"))
    (request,) = odd_server.requests
    assert request.method == "GET"
    assert request.target == "/v2/task-runs/a%2Fb%2Bc%3D%3F%C3%A9"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["accept"] == "application/json"
    assert request.headers["x-team"] == "llm"
    assert request.headers["user-agent"].startswith("airflow-provider-arize-tasks/")
    assert "content-type" not in request.headers
    assert got.value.status is RunStatus.RUNNING
    assert got.server_time == datetime(2026, 11, 23, 10, tzinfo=timezone.utc)
    assert got.request_id == "req-1"


def test_query_is_percent_encoded(transport, odd_server):
    odd_server.answers(reply(200, {"tasks": []}))
    transport.send(config_for(odd_server.url), endpoints.list_tasks(name="a b&c+d/é", limit=7))
    assert odd_server.requests[0].target == "/v2/tasks?name=a%20b%26c%2Bd%2F%C3%A9&limit=7"


def test_cancel_has_no_body_and_no_content_type(transport, odd_server):
    odd_server.answers(reply(200, RUN))
    transport.send(config_for(odd_server.url), CANCEL)
    (request,) = odd_server.requests
    assert request.body == b""
    assert request.headers.get("content-length") == "0"
    assert "content-type" not in request.headers


def test_body_is_json(transport, odd_server):
    odd_server.answers(reply(201, RUN))
    transport.send(config_for(odd_server.url), endpoints.trigger_task_run("VGFzazoxOmE=", {"experiment_name": "né"}))
    (request,) = odd_server.requests
    assert json.loads(request.body) == {"experiment_name": "né"}
    assert request.headers["content-type"] == "application/json"


def test_path_prefix_and_own_user_agent(transport, odd_server):
    odd_server.answers(reply(200, RUN))
    transport.send(config_for(odd_server.url + "/gateway/", headers={"user-agent": "mine"}), GET)
    (request,) = odd_server.requests
    assert request.target == "/gateway/v2/task-runs/VGFza1J1bjoxOmE%3D"
    assert request.headers["user-agent"] == "mine"


def test_netrc_does_not_replace_the_key(transport, odd_server, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    odd_server.answers(reply(200, RUN))
    transport.send(config_for(odd_server.url), GET)
    assert odd_server.requests[0].headers["authorization"] == f"Bearer {KEY}"


# ------------------------------------------------------------ what comes back


@pytest.mark.parametrize("chunked", [False, True])
def test_compressed_and_chunked_answers(transport, odd_server, chunked):
    run = {**RUN, "failure_reason": "x" * 300_000}
    data = gzip.compress(json.dumps(run).encode())
    if chunked:
        pieces = [data[at : at + 100] for at in range(0, len(data), 100)]
        body = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        odd_server.answers(head + body)
    else:
        odd_server.answers(reply(200, data, {"Content-Encoding": "gzip"}))
    assert transport.send(config_for(odd_server.url), GET).to_dict() == run


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ArizeInvalidRequestError),
        (401, ArizeAuthenticationError),
        (403, ArizePermissionError),
        (404, ArizeNotFoundError),
        (409, ArizeConflictError),
        (418, ArizeApiError),
        (422, ArizeInvalidRequestError),
        (429, ArizeRateLimitError),
        (500, ArizeServerError),
        (503, ArizeServerError),
    ],
)
def test_problem_documents(transport, odd_server, status, kind):
    problem = {
        "status": status,
        "title": "The title",
        "detail": "the very cause",
        "type": "https://arize.com/docs/ax/rest-reference/errors#x",
        "error_code": "some_code",
        "request_id": "req-body",
        "extra": [1],
    }
    odd_server.answers(reply(status, problem, {"Content-Type": "application/problem+json", "Retry-After": "7"}))
    with pytest.raises(kind) as caught:
        transport.send(config_for(odd_server.url), GET)
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.title, error.detail) == (status, "The title", "the very cause")
    assert (error.error_code, error.request_id, error.retry_after) == ("some_code", "req-body", 7)
    assert not error.outcome_unknown
    assert "'arize_test'" in str(error)
    assert "get task run" in str(error)
    assert "the very cause" in str(error)
    assert "req-body" in str(error)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"no json", b'{"title": 3, "detail": null}', b"\xff\xfe"])
def test_refusals_without_a_problem_document(transport, odd_server, body):
    odd_server.answers(reply(404, body, {"X-Request-Id": "req-head"}))
    with pytest.raises(ArizeNotFoundError) as caught:
        transport.send(config_for(odd_server.url), GET)
    assert caught.value.request_id == "req-head"
    assert caught.value.detail is None


def test_plan_limits_of_a_403_are_told(transport, odd_server):
    odd_server.answers(reply(403, {"title": "Forbidden", "entitlement": "tasks", "limit": 5, "required_plan": "PRO"}))
    with pytest.raises(ArizePermissionError, match=r"limit 5, required_plan PRO"):
        transport.send(config_for(odd_server.url), GET)


def test_wrong_key_names_the_password(transport, odd_server):
    odd_server.answers(reply(401, {"title": "Authentication required"}))
    with pytest.raises(ArizeAuthenticationError, match=r"connection 'arize_test'.*password.*wrong, expired or revoked"):
        transport.send(config_for(odd_server.url), GET)


HTML = b"<!doctype html><html><head><title>Sign in</title></head><body>...</body></html>"


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/json"])
def test_html_instead_of_json(transport, odd_server, content_type):
    odd_server.answers(reply(200, HTML, {"Content-Type": content_type}))
    with pytest.raises(
        ArizeReplyError, match=r"a web page, 'Sign in' instead of JSON; check that http://127"
    ) as caught:
        transport.send(config_for(odd_server.url), GET)
    assert not caught.value.outcome_unknown


def test_html_from_a_gateway(transport, odd_server):
    odd_server.answers(reply(502, HTML.replace(b"Sign in", b"Bad gateway"), {"Content-Type": "text/html"}))
    with pytest.raises(ArizeServerError, match="Bad gateway"):
        transport.send(config_for(odd_server.url), GET)


@pytest.mark.parametrize("body", [None, 3, "text", [], [RUN], {"status": "RUNNING"}, {"id": None}, {"id": 7}])
def test_answers_that_are_no_run(transport, odd_server, body):
    odd_server.answers(reply(200, body))
    with pytest.raises(ArizeReplyError, match="expected a task run") as caught:
        transport.send(config_for(odd_server.url), GET)
    assert not caught.value.outcome_unknown


def test_unreadable_answer_to_a_trigger_leaves_its_fate_open(transport, odd_server):
    odd_server.answers(reply(201, {"status": "PENDING"}))
    policy, pauses = no_pauses()
    with pytest.raises(ArizeReplyError, match="whether the request took effect is not known") as caught:
        transport.send(config_for(odd_server.url), TRIGGER, policy)
    assert caught.value.outcome_unknown
    assert len(odd_server.requests) == 1
    assert pauses == []


@pytest.mark.parametrize(
    "response",
    [
        reply(204, b""),
        reply(408, {"title": "Request timeout"}),
        reply(425, {"title": "Too early"}),
        reply(400, b"<html><title>Bad request</title>", {"Content-Type": "text/html"}),
        reply(403, b"blocked by policy 17", {"Content-Type": "text/plain"}),
        reply(404, b"no healthy upstream", {"Content-Type": "text/plain"}),
        reply(500, {"title": "Internal"}),
        reply(504, b"<html>Gateway timeout", {"Content-Type": "text/html"}),
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
    ],
)
def test_whether_a_trigger_took_effect_is_not_known(transport, odd_server, response):
    odd_server.answers(response)
    policy, pauses = no_pauses()
    with pytest.raises(ArizeError, match="whether the request took effect is not known") as caught:
        transport.send(config_for(odd_server.url, timeout=0.3), TRIGGER, policy)
    assert caught.value.outcome_unknown
    assert pauses == []


@pytest.mark.parametrize(
    "response",
    [
        reply(400, {"detail": "No data found"}),
        reply(403, b""),
        reply(404, {}),
        reply(409, {"title": "Conflict"}),
        reply(422, {"detail": "Invalid ISO datetime"}),
        reply(407, b"<html>proxy", {"Content-Type": "text/html"}),
        reply(429, b"<html>slow down", {"Content-Type": "text/html", "Retry-After": "3600"}),
    ],
)
def test_a_trigger_that_was_refused_took_no_effect(transport, odd_server, response):
    odd_server.answers(response)
    with pytest.raises(ArizeError) as caught:
        transport.send(config_for(odd_server.url), TRIGGER, no_pauses()[0])
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(transport, odd_server, status):
    odd_server.answers(reply(status, b"", {"Location": "http://evil.example.com/v2?token=abc"}))
    with pytest.raises(ArizeReplyError, match=r"'arize_test'.*redirected \(30.\) to http://evil\.example\.com/v2;"):
        transport.send(config_for(odd_server.url), GET)
    assert len(odd_server.requests) == 1


def test_cookies_are_not_kept(transport, odd_server):
    odd_server.answers(reply(500, b"", {"Set-Cookie": "session=evil; Path=/"}), reply(200, RUN))
    assert transport.send(config_for(odd_server.url), GET, no_pauses()[0]).id == RUN["id"]
    first, second = odd_server.requests
    assert "cookie" not in first.headers
    assert "cookie" not in second.headers


def test_unknown_status_is_no_error(transport, odd_server):
    odd_server.answers(reply(200, {**RUN, "status": "PAUSED_BY_QUOTA"}))
    run = transport.send(config_for(odd_server.url), GET)
    assert run.status is RunStatus.UNKNOWN
    assert run.status_text == "PAUSED_BY_QUOTA"
    assert not run.status.is_terminal


# ------------------------------------------------------------ no answer at all


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nothing_listens(transport):
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ArizeTransportError, match=rf"'arize_test'.*trigger a run.*nothing accepts.*{url}") as caught:
        transport.send(config_for(url), TRIGGER)
    assert not caught.value.outcome_unknown
    assert caught.value.retryable
    assert "refused" in str(caught.value) or "Connect call failed" in str(caught.value)


def test_unknown_host(transport):
    with pytest.raises(ArizeTransportError, match=r"host of https://arize\.invalid is not known.*region") as caught:
        transport.send(config_for("https://arize.invalid"), TRIGGER)
    assert not caught.value.outcome_unknown


def test_no_tls_where_tls_is_expected(transport, odd_server):
    plain = odd_server.url.replace(".", r"\.")
    with pytest.raises(ArizeTlsError, match=rf"does not speak TLS.*write the host as '{plain}'.*'http'") as caught:
        transport.send(config_for(odd_server.url.replace("http:", "https:")), TRIGGER)
    assert not caught.value.retryable
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("step", [reset, hang_up, half_an_answer])
def test_dropped_connections(transport, odd_server, step):
    odd_server.answers(step)
    with pytest.raises(ArizeTransportError, match="dropped the connection") as caught:
        transport.send(config_for(odd_server.url), TRIGGER)
    assert caught.value.outcome_unknown
    assert "whether the request took effect is not known" in str(caught.value)
    assert len(odd_server.requests) == 1


def test_silence(transport, odd_server):
    odd_server.answers(silence)
    started = time.monotonic()
    with pytest.raises(ArizeTransportError, match=r"sent nothing for 0\.2 s.*extra 'timeout'") as caught:
        transport.send(config_for(odd_server.url, timeout=0.2), TRIGGER)
    assert caught.value.outcome_unknown
    assert time.monotonic() - started < 2.5


def test_a_trickle_does_not_last_for_ever(transport, odd_server):
    def trickle(connection: socket.socket) -> None:
        connection.sendall(reply(200, b"x" * 10_000).split(b"xxx")[0])
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.05)

    odd_server.answers(trickle)
    started = time.monotonic()
    with pytest.raises(ArizeTransportError):
        transport.send(config_for(odd_server.url, timeout={"read": 0.2, "connect": 0.2}), GET)
    assert time.monotonic() - started < 8


# ------------------------------------------------------------ retries


@pytest.mark.parametrize("trouble", [reset, reply(500, b""), reply(503, {}), reply(429, {"title": "Slow down"})])
def test_idempotent_requests_are_retried(transport, odd_server, trouble):
    odd_server.answers(trouble, trouble, reply(200, RUN))
    policy, pauses = no_pauses()
    assert transport.send(config_for(odd_server.url), GET, policy).id == RUN["id"]
    assert pauses == [1.0, 2.0]


@pytest.mark.parametrize("trouble", [reset, reply(500, b""), reply(503, {})])
def test_a_trigger_whose_fate_is_open_is_not_retried(transport, odd_server, trouble):
    odd_server.answers(trouble, reply(201, RUN))
    policy, pauses = no_pauses()
    with pytest.raises(ArizeError) as caught:
        transport.send(config_for(odd_server.url), TRIGGER, policy)
    assert caught.value.outcome_unknown
    assert pauses == []
    assert len(odd_server.requests) == 1


def test_what_is_being_handled_meanwhile_is_no_cause(transport, odd_server):
    """A trigger sent while another error is handled: that error says nothing of what became of the trigger."""
    odd_server.answers(reset, reply(201, RUN))
    policy, _ = no_pauses()

    def trigger_after_a_refused_look():
        try:
            transport.send(config_for(f"http://127.0.0.1:{free_port()}"), GET)
        except ArizeTransportError:
            transport.send(config_for(odd_server.url), TRIGGER, policy)

    with pytest.raises(ArizeTransportError, match="dropped the connection") as caught:
        trigger_after_a_refused_look()
    assert caught.value.outcome_unknown
    assert len(odd_server.requests) == 1


def test_a_throttled_trigger_is_retried(transport, odd_server):
    odd_server.answers(reply(429, {}, {"Retry-After": "3"}), reply(201, RUN))
    policy, pauses = no_pauses()
    transport.send(config_for(odd_server.url), TRIGGER, policy)
    assert pauses == [3.25]


def test_a_refused_connection_of_a_trigger_is_retried(transport):
    policy, pauses = no_pauses()
    with pytest.raises(ArizeTransportError, match="nothing accepts"):
        transport.send(config_for(f"http://127.0.0.1:{free_port()}"), TRIGGER, policy)
    assert pauses == [1, 2, 4, 8, 16, 20]
    assert sum(pauses) <= policy.total_seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_refusals_are_not_retried(transport, odd_server, status):
    odd_server.answers(reply(status, {}))
    policy, pauses = no_pauses()
    with pytest.raises(ArizeApiError):
        transport.send(config_for(odd_server.url), GET, policy)
    assert pauses == []


def test_cancel_may_be_repeated(transport, odd_server):
    odd_server.answers(reset, reply(200, RUN))
    policy, _ = no_pauses()
    transport.send(config_for(odd_server.url), CANCEL, policy)
    assert len(odd_server.requests) == 2


def test_retry_false_makes_one_attempt(transport, odd_server):
    odd_server.answers(reply(503, {}))
    policy, _ = no_pauses()
    with pytest.raises(ArizeServerError):
        transport.send_full(config_for(odd_server.url), GET, policy, retry=False)
    assert len(odd_server.requests) == 1


def test_a_delete_whose_answer_was_lost_succeeds_when_nothing_is_left(transport, odd_server):
    odd_server.answers(reset, reply(404, {"detail": "not found"}))
    policy, _ = no_pauses()
    assert transport.send(config_for(odd_server.url), DELETE, policy) is None


def test_a_delete_of_nothing_fails(transport, odd_server):
    odd_server.answers(reply(404, {"detail": "not found"}))
    with pytest.raises(ArizeNotFoundError):
        transport.send(config_for(odd_server.url), DELETE)


def test_retry_after_as_a_date_is_read_on_the_servers_clock(transport, odd_server):
    headers = {"Date": "Mon, 23 Nov 2009 10:00:00 GMT", "Retry-After": "Mon, 23 Nov 2009 10:00:09 GMT"}
    odd_server.answers(reply(503, {}, headers), reply(200, RUN))
    policy, pauses = no_pauses()
    transport.send(config_for(odd_server.url), GET, policy)
    assert pauses == [9.25]


def test_a_longer_pause_than_the_budget_ends_the_retries(transport, odd_server):
    odd_server.answers(reply(429, {}, {"Retry-After": "3600"}))
    policy, pauses = no_pauses()
    with pytest.raises(ArizeRateLimitError) as caught:
        transport.send(config_for(odd_server.url), GET, policy)
    assert caught.value.retry_after == 3600
    assert pauses == []


# ------------------------------------------------------------ secrets


def test_no_error_tells_a_secret(transport, odd_server):
    echo = {"title": KEY, "detail": f"Bearer {KEY} and header-secret and p%40ss and p@ss"}
    odd_server.answers(reply(400, echo))
    config = config_for(odd_server.url, headers={"X-Token": "header-secret"})
    with pytest.raises(ArizeInvalidRequestError) as caught:
        transport.send(config, GET)
    for secret in (KEY, "header-secret"):
        assert secret not in str(caught.value)
        assert secret not in repr(config)


# ------------------------------------------------------------ proxies


def test_proxy_of_the_connection(transport, odd_server):
    odd_server.answers(reply(200, RUN))
    proxy = odd_server.url.replace("//", "//user:p%40ss@")
    transport.send(config_for("http://arize.example.com", proxies=proxy), GET)
    (request,) = odd_server.requests
    assert request.target == "http://arize.example.com/v2/task-runs/VGFza1J1bjoxOmE%3D"
    assert request.headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"


def test_proxy_of_the_environment_and_its_exceptions(transport, odd_server, monkeypatch):
    odd_server.answers(reply(200, RUN))
    monkeypatch.setenv("http_proxy", odd_server.url)
    monkeypatch.setenv("no_proxy", "direct.example.com")
    transport.send(config_for("http://arize.example.com", proxies=None), GET)
    assert odd_server.requests[0].target.startswith("http://arize.example.com/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    transport.send(config_for(odd_server.url, proxies=None), GET)
    assert odd_server.requests[1].target.startswith("/v2/")


@pytest.mark.parametrize("proxy", ["http://user:hidden-word@127.0.0.1:{port}"])
def test_a_dead_proxy_is_named_without_its_password(transport, proxy):
    config = config_for("http://arize.example.com", proxies=proxy.format(port=free_port()))
    with pytest.raises(
        ArizeTransportError, match=r"proxy before http://arize\.example\.com.*extra 'proxies'"
    ) as caught:
        transport.send(config, TRIGGER)
    assert "hidden-word" not in str(caught.value)
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("trouble", [reset, hang_up])
def test_a_trigger_that_a_proxy_has_taken_is_not_retried(transport, odd_server, trouble):
    """``requests`` calls it an error of the proxy, whenever the connection broke off."""
    odd_server.answers(trouble, reply(201, RUN))
    policy, _ = no_pauses()
    with pytest.raises(ArizeTransportError) as caught:
        transport.send(config_for("http://arize.example.com", proxies=odd_server.url), TRIGGER, policy)
    assert caught.value.outcome_unknown
    assert len(odd_server.requests) == 1


def test_a_proxy_that_lets_nothing_through_has_sent_nothing(transport, odd_server):
    odd_server.answers(reply(407, b""))
    with pytest.raises(ArizeTransportError, match="proxy before") as caught:
        transport.send(config_for("https://arize.example.com", proxies=odd_server.url), TRIGGER)
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("proxy", ["http://user:hidden-word@proxy:99999999", "http://user:hidden-word@[proxy:80"])
def test_a_malformed_proxy_of_the_environment_is_told_without_its_password(transport, monkeypatch, proxy):
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(ArizeTransportError, match="proxy before") as caught:
        transport.send(config_for("http://arize.example.com", proxies=None), GET)
    assert "hidden-word" not in str(caught.value)


# ------------------------------------------------------------ pace


def test_pace_spaces_requests_out():
    now = [10.0]
    pace = Pace(4, clock=lambda: now[0])
    assert [pace.reserve() for _ in range(3)] == [0, 0.25, 0.5]
    now[0] = 20
    assert pace.reserve() == 0
    assert Pace(None).reserve() == 0


def test_connections_are_kept(transport, odd_server):
    if transport.kind == "async":
        pytest.skip("one event loop per call here")
    from airflow_provider_arize_tasks.client.sync import ArizeClient

    odd_server.answers(reply(200, RUN))
    before = set(threading.enumerate())  # some of which may be ending
    with ArizeClient(config_for(odd_server.url)) as client:
        for _ in range(3):
            client.send(GET)
        assert len(set(threading.enumerate()) - before) == 1  # the server has one thread per connection
    assert KEY not in repr(client)


def test_a_redirect_to_what_is_no_text(transport, odd_server):
    odd_server.answers(b"HTTP/1.1 301 Moved\r\nLocation: \x80\xff\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(ArizeReplyError, match="was redirected"):
        transport.send(config_for(odd_server.url), GET)
